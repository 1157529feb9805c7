/* SPDX-License-Identifier: MIT */
/* Paths: where they lead, and whether two of them are one file. */
#include "tool_path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_LINKS 40

/* The folder of a path with its slash, "" for the current one; malloc'ed. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup("");
}

const char *tool_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Where a symbolic link leads, one step; NULL if the path is none. */
static char *follow(const char *path)
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    if (size < 0) {
        return NULL;
    }
    target[size] = '\0';
    char *folder = target[0] == '/' ? strdup("") : folder_of(path);
    char *next = folder != NULL ? tool_format("%s%s", folder, target) : NULL;
    free(folder);
    return next;
}

char *tool_path_target(const char *path)
{
    char *now = strdup(path);
    for (int i = 0; now != NULL && i < MOST_LINKS; i++) {
        char *next = follow(now);
        if (next == NULL) {
            return now;
        }
        free(now);
        now = next;
    }
    free(now);
    errno = now == NULL ? ENOMEM : ELOOP;
    return NULL;
}

/* The same name for the same place: links followed, the folder without "." and "..". */
static char *canonical(const char *path)
{
    char *target = tool_path_target(path);
    char *folder = target != NULL ? folder_of(target) : NULL;
    char *real = folder != NULL ? realpath(*folder != '\0' ? folder : ".", NULL) : NULL;
    char *name = real != NULL ? tool_format("%s/%s", real, tool_base_name(target)) : NULL;
    free(real);
    free(folder);
    free(target);
    return name;
}

bool tool_path_same(const char *a, const char *b)
{
    struct stat at_a, at_b;
    const bool there_a = stat(a, &at_a) == 0, there_b = stat(b, &at_b) == 0;
    if (there_a && there_b) {
        return at_a.st_dev == at_b.st_dev && at_a.st_ino == at_b.st_ino;
    }
    if (there_a != there_b) {
        return false;
    }
    char *name_a = canonical(a), *name_b = canonical(b);
    bool same = name_a != NULL && name_b != NULL && strcmp(name_a, name_b) == 0;
    free(name_a);
    free(name_b);
    return same;
}

bool tool_path_is_special(const char *path)
{
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode)) {
        return true;
    }
    return tool_path_descriptor(path) >= 0;
}

int tool_path_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(path, names[i]) == 0) {
            return i;
        }
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        uint64_t number = 0;
        size_t size = strlen(folders[i]);
        if (strncmp(path, folders[i], size) == 0 && tool_parse_count(path + size, &number) && number <= INT_MAX) {
            return (int)number;
        }
    }
    return -1;
}

int tool_path_check_distinct(tool *run, const tool_path *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            const tool_path *a = &paths[j], *b = &paths[i];
            if (a->path == NULL || b->path == NULL || !(a->output || b->output) || tool_path_is_special(a->path) ||
                !tool_path_same(a->path, b->path)) {
                continue;
            }
            return strcmp(a->path, b->path) == 0
                       ? tool_fail_usage(run, "%s and %s are the same file: %s", a->what, b->what, a->path)
                       : tool_fail_usage(run, "%s and %s are the same file: %s and %s", a->what, b->what, a->path,
                                         b->path);
        }
    }
    return TOOL_DONE;
}

/* Whether the name is one that people give to what a training writes; datasets of a few large files have others. */
static bool is_own_name(const char *path)
{
    static const char *const endings[] = {".cnn", ".csv", ".json", ".jsonl", ".png", ".jpg", ".jpeg", ".log"};
    const char *dot = strrchr(tool_base_name(path), '.');
    for (size_t i = 0; dot != NULL && i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strcmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the file lies directly in the folder. */
static bool is_in_folder(const char *path, const char *folder)
{
    char *name = canonical(path), *real = realpath(folder, NULL);
    size_t size = real != NULL ? strlen(real) : 0;
    bool inside = name != NULL && real != NULL && strncmp(name, real, size) == 0 && name[size] == '/' &&
                  strchr(name + size + 1, '/') == NULL;
    free(name);
    free(real);
    return inside;
}

static bool is_of_dataset(const char *path, const char *target, const cnn_dataset *dataset, const char *folder)
{
    const char *name = tool_base_name(target);
    if (cnn_dataset_count(dataset) > 0 && cnn_dataset_path(dataset, 0) == NULL) {
        return is_in_folder(path, folder) && !is_own_name(path);
    }
    for (size_t i = 0; i < cnn_dataset_count(dataset); i++) {
        const char *image = cnn_dataset_path(dataset, i);
        if (image != NULL && strcmp(tool_base_name(image), name) == 0 && tool_path_same(image, path)) {
            return true;
        }
    }
    return false;
}

int tool_path_check_data(tool *run, const tool_path *paths, size_t count, const cnn_dataset *dataset,
                         const char *folder)
{
    for (size_t i = 0; i < count && dataset != NULL; i++) {
        struct stat there;
        if (paths[i].path == NULL || !paths[i].output || stat(paths[i].path, &there) != 0 || !S_ISREG(there.st_mode)) {
            continue;
        }
        char *target = tool_path_target(paths[i].path);
        bool taken = target != NULL && is_of_dataset(paths[i].path, target, dataset, folder);
        free(target);
        if (taken) {
            return tool_fail_usage(run, "%s is a file of the dataset %s: %s", paths[i].what, folder, paths[i].path);
        }
    }
    return TOOL_DONE;
}
