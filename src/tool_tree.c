/* SPDX-License-Identifier: MIT */
/* Listing the files below a folder. */
#include "tool_inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Links between folders can name more folders than there are atoms. */
#define MOST_FOLDERS 1000000

/* A folder, and those that it lies in: one that lies in itself is a circle of links. */
typedef struct place {
    const struct place *above; /* NULL at the top */
    dev_t device;
    ino_t number;
} place;

/* Whether a file begins as images do; a BMP's two letters are too few to tell. */
static bool is_signature(const unsigned char bytes[12])
{
    return memcmp(bytes, "\xff\xd8\xff", 3) == 0 || memcmp(bytes, "\x89PNG", 4) == 0 || memcmp(bytes, "GIF8", 4) == 0 ||
           memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0 ||
           (memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0);
}

/* True if the file's bytes are those of an image; *error is why they could not be read, or 0. */
static bool has_image_bytes(const char *path, int *error)
{
    unsigned char bytes[12] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = file >= 0 ? read(file, bytes, sizeof(bytes)) : -1;
    *error = size < 0 ? errno : 0;
    if (file >= 0) {
        close(file);
    }
    return size == sizeof(bytes) && is_signature(bytes);
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

/* Takes `path` over, as the other functions here do; false without memory. */
static bool fail_path(tool_tree *tree, char *path, const char *reason)
{
    return tool_list_add(&tree->failed, path) && tool_list_add(&tree->reasons, strdup(reason));
}

static bool read_path(char *path, tool_tree *tree, const place *above);

/* The entries of a folder that has been listed. */
static bool read_names(const char *path, const tool_list *names, tool_tree *tree, const place *here)
{
    const size_t size = strlen(path);
    for (size_t i = 0; i < names->count; i++) {
        char *entry = tool_format("%s%s%s", path, path[size - 1] == '/' ? "" : "/", names->items[i]);
        if (entry == NULL || !read_path(entry, tree, here)) {
            return false;
        }
    }
    return true;
}

static bool read_folder(char *path, tool_tree *tree, const struct stat *there, const place *above)
{
    const place here = {above, there->st_dev, there->st_ino};
    for (const place *other = above; other != NULL; other = other->above) {
        if (other->device == here.device && other->number == here.number) {
            return fail_path(tree, path, "a link to a folder that it lies in");
        }
    }
    if (++tree->folders > MOST_FOLDERS) {
        return tree->folders == MOST_FOLDERS + 1 ? fail_path(tree, path, "more than 1000000 folders")
                                                 : (free(path), true);
    }
    tool_list names = {0};
    const size_t images = tree->images.count, failed = tree->failed.count;
    const int error = list_folder(path, &names);
    bool fine = error == 0 && read_names(path, &names, tree, &here);
    tool_list_free(&names);
    if (error != 0 && error != ENOMEM) {
        return fail_path(tree, path, strerror(error));
    }
    if (fine && above != NULL && tree->images.count == images && tree->failed.count == failed) {
        return tool_list_add(&tree->empty, path);
    }
    free(path);
    return fine;
}

/* `above` is NULL for the path that was given. */
static bool read_path(char *path, tool_tree *tree, const place *above)
{
    struct stat there;
    const bool named = cnn_image_name_format(path) != CNN_IMAGE_UNKNOWN;
    int error = 0;
    if (stat(path, &there) != 0) {
        error = errno;
        /* An image that cannot be opened is found out by decoding it, with the library's words. */
        return named && above != NULL && error != ENOMEM ? tool_list_add(&tree->images, path)
                                                         : fail_path(tree, path, strerror(error));
    }
    if (S_ISDIR(there.st_mode)) {
        return read_folder(path, tree, &there, above);
    }
    if (named || above == NULL) {
        return tool_list_add(&tree->images, path);
    }
    if (S_ISREG(there.st_mode) && has_image_bytes(path, &error)) {
        return tool_list_add(&tree->hidden, path);
    }
    tree->others++;
    if (error != 0) {
        return tool_list_add(&tree->sealed, path);
    }
    free(path);
    return true;
}

bool tool_tree_read(const char *path, tool_tree *tree)
{
    char *copy = strdup(path);
    return copy != NULL && (*copy != '\0' ? read_path(copy, tree, NULL) : fail_path(tree, copy, strerror(ENOENT)));
}

void tool_tree_free(tool_tree *tree)
{
    tool_list_free(&tree->images);
    tool_list_free(&tree->hidden);
    tool_list_free(&tree->sealed);
    tool_list_free(&tree->empty);
    tool_list_free(&tree->failed);
    tool_list_free(&tree->reasons);
}
