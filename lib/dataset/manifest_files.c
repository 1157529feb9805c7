/* SPDX-License-Identifier: MIT */
/* Where the files of a table lie: the names in it may lack an ending or a folder. */
#include "dataset/manifest.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Endings that a name without one may have, and folders beside the table that may hold the files. "%s" is the table's
 * name without its ending. */
static const char *const endings[] = {"",      ".jpg", ".png",  ".jpeg", ".JPG", ".PNG", ".JPEG",
                                      ".webp", ".bmp", ".tiff", ".tif",  ".gif", ".jpe", ".jfif"};
static const char *const folders[] = {"",      "%s/",          "%s_images/", "images/", "train/", "train_images/",
                                      "test/", "test_images/", "jpg/",       "jpeg/"};

enum { ENDINGS = sizeof(endings) / sizeof(endings[0]), FOLDERS = sizeof(folders) / sizeof(folders[0]) };

cnn_status cnn__manifest_open_finder(cnn_context *context, const char *table, cnn__manifest_finder *self)
{
    const char *slash = strrchr(table, '/'), *name = slash != NULL ? slash + 1 : table;
    const char *dot = strrchr(name, '.');
    cnn__string folder = {.context = context}, stem = {.context = context};
    *self = (cnn__manifest_finder){.context = context, .path = {.context = context}};
    cnn__string_append(&folder, table, (size_t)(name - table));
    cnn__string_append(&stem, name, dot != NULL ? (size_t)(dot - name) : strlen(name));
    self->folder = folder.data;
    self->stem = stem.data;
    return folder.status == CNN_OK ? stem.status : folder.status;
}

void cnn__manifest_close_finder(cnn__manifest_finder *self)
{
    cnn__free(self->context, self->folder);
    cnn__free(self->context, self->stem);
    cnn__string_free(&self->path);
}

/* Whether a file lies there; its path is in self->path, and *error says what was found in its place. */
static bool try_file(cnn__manifest_finder *self, const char *name, size_t place, size_t ending, int *error)
{
    struct stat there;
    cnn__string *path = &self->path;
    path->size = 0;
    if (name[0] != '/') {
        cnn__string_append(path, self->folder, strlen(self->folder));
        cnn__string_append(path, "", 0);
        if (strncmp(folders[place], "%s", 2) == 0) {
            cnn__string_append(path, self->stem, strlen(self->stem));
            cnn__string_append(path, folders[place] + 2, strlen(folders[place] + 2));
        } else {
            cnn__string_append(path, folders[place], strlen(folders[place]));
        }
    }
    cnn__string_append(path, name, strlen(name));
    cnn__string_append(path, endings[ending], strlen(endings[ending]));
    if (path->status != CNN_OK) {
        return false;
    }
    if (stat(path->data, &there) != 0) {
        *error = errno;
        return false;
    }
    *error = S_ISDIR(there.st_mode) ? EISDIR : 0;
    return !S_ISDIR(there.st_mode);
}

bool cnn__manifest_find_file(cnn__manifest_finder *self, const char *name, int *error)
{
    int ignored = 0;
    if (try_file(self, name, 0, 0, error)) {
        return true;
    }
    if (*error != ENOENT && *error != EISDIR) {
        return false;
    }
    if (try_file(self, name, self->place, self->ending, &ignored)) {
        return true;
    }
    const bool ends = cnn_image_name_format(name) != CNN_IMAGE_UNKNOWN;
    for (size_t place = 0; place < (name[0] == '/' ? 1 : FOLDERS); place++) {
        for (size_t ending = 0; ending < (ends ? 1 : ENDINGS) && self->path.status == CNN_OK; ending++) {
            if (try_file(self, name, place, ending, &ignored)) {
                self->place = place;
                self->ending = ending;
                return true;
            }
        }
    }
    return false;
}
