/* SPDX-License-Identifier: MIT */
/* Listing the files below a folder. */
#include "tool_inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper folders are links in a circle. */
#define MOST_DEPTH 40

static bool has_image_ending(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL &&
           (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

static bool has_image_bytes(const char *path)
{
    unsigned char bytes[4] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = file >= 0 ? read(file, bytes, sizeof(bytes)) : -1;
    if (file >= 0) {
        close(file);
    }
    return size == 4 && (memcmp(bytes, "\xff\xd8\xff", 3) == 0 || memcmp(bytes, "\x89PNG", 4) == 0);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The names in a folder, sorted. 0 or an errno. */
static int list_folder(const char *path, tool_list *names)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return errno;
    }
    int error = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            error = errno;
            break;
        }
        if (entry->d_name[0] != '.' && !tool_list_add(names, strdup(entry->d_name))) {
            error = ENOMEM;
            break;
        }
    }
    closedir(folder);
    if (names->count > 1) {
        qsort(names->items, names->count, sizeof(*names->items), compare_names);
    }
    return error;
}

static int read_path(char *path, tool_tree *tree, int depth, char **failed);

/* Takes `path` over. */
static int read_folder(char *path, tool_tree *tree, int depth, char **failed)
{
    tool_list names = {0};
    size_t images = tree->images.count;
    int error = depth > MOST_DEPTH ? ELOOP : list_folder(path, &names);
    if (error != 0) {
        *failed = path;
        tool_list_free(&names);
        return error;
    }
    size_t size = strlen(path);
    for (size_t i = 0; i < names.count && error == 0; i++) {
        error = read_path(tool_format("%s%s%s", path, path[size - 1] == '/' ? "" : "/", names.items[i]), tree,
                          depth + 1, failed);
    }
    tool_list_free(&names);
    if (error == 0 && tree->images.count == images && depth > 0) {
        return tool_list_add(&tree->empty, path) ? 0 : ENOMEM;
    }
    free(path);
    return error;
}

/* Takes `path` over; NULL stands for no memory. */
static int read_path(char *path, tool_tree *tree, int depth, char **failed)
{
    struct stat there = {0};
    if (path == NULL) {
        return ENOMEM;
    }
    if (stat(path, &there) != 0 && depth == 0) {
        *failed = path;
        return errno;
    }
    if (S_ISDIR(there.st_mode)) {
        return read_folder(path, tree, depth, failed);
    }
    if (has_image_ending(path) || depth == 0) { /* one that cannot be opened is found out by decoding it */
        return tool_list_add(&tree->images, path) ? 0 : ENOMEM;
    }
    if (S_ISREG(there.st_mode) && has_image_bytes(path)) {
        return tool_list_add(&tree->hidden, path) ? 0 : ENOMEM;
    }
    tree->others++;
    free(path);
    return 0;
}

int tool_tree_read(const char *path, tool_tree *tree, char **failed)
{
    *failed = NULL;
    return *path == '\0' ? ENOENT : read_path(strdup(path), tree, 0, failed);
}

void tool_tree_free(tool_tree *tree)
{
    tool_list_free(&tree->images);
    tool_list_free(&tree->hidden);
    tool_list_free(&tree->empty);
}
