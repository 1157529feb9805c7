/* SPDX-License-Identifier: MIT */
/* One folder for each class, its images anywhere below it. */
#include <string.h>

#include "dataset/files.h"

/* Most folders below one another, that of the class included. */
#define MAX_DEPTH 16

/* A folder that is being listed, and those it lies in: a link back to one of them is a loop. */
typedef struct level {
    const struct level *above;
    dev_t device;
    ino_t node;
    unsigned depth; /* 0: the dataset's folder */
} level;

/* Files of a folder come before those of the folders in it, each in byte order, as os.walk() sorted by path gives
 * them to Keras and torchvision. */
static int by_class_folder_name(const cnn__files *files, const cnn__file *a, const cnn__file *b)
{
    if (a->label != b->label) {
        return a->label < b->label ? -1 : 1;
    }
    const char *path_a = cnn__file_path(files, a), *path_b = cnn__file_path(files, b);
    /* Folder names without the slash at their end: it must not weigh against the bytes of a longer name. */
    size_t size_a = a->name - 1, size_b = b->name - 1;
    int order = memcmp(path_a, path_b, size_a < size_b ? size_a : size_b);
    if (order == 0 && size_a != size_b) {
        order = size_a < size_b ? -1 : 1;
    }
    return order != 0 ? order : strcmp(path_a + a->name, path_b + b->name);
}

static bool is_loop(const cnn__listing *listing, const level *above)
{
    for (; above != NULL; above = above->above) {
        if (above->device == listing->device && above->node == listing->node) {
            return true;
        }
    }
    return false;
}

static cnn_status add_folder(cnn__files *files, const char *folder, int32_t label, const level *above);

static cnn_status add_entries(cnn__files *files, const char *folder, int32_t label, const cnn__listing *listing,
                              const level *here)
{
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        cnn__entry_type type = listing->entries[i].type;
        if (type == CNN__ENTRY_FOLDER) {
            char *inner = cnn__path_join(files->context, folder, name);
            cnn_status status = inner != NULL ? add_folder(files, inner, label, here) : CNN_ERROR_OUT_OF_MEMORY;
            cnn__free(files->context, inner);
            CNN__RETURN_IF_ERROR(status);
        } else if (type == CNN__ENTRY_FILE && cnn__is_image_name(name)) {
            CNN__RETURN_IF_ERROR(cnn__files_add(files, folder, name, label));
        } else {
            cnn__files_pass_over(files, folder, name);
        }
    }
    return CNN_OK;
}

static cnn_status add_folder(cnn__files *files, const char *folder, int32_t label, const level *above)
{
    char text[512];
    if (above->depth == MAX_DEPTH) {
        return cnn__fail(files->context, CNN_ERROR_LIMIT,
                         "%s: folders are nested deeper than %d, that of the class included",
                         cnn__printable(folder, text, sizeof(text)), MAX_DEPTH);
    }
    cnn__listing listing;
    CNN__RETURN_IF_ERROR(cnn__listing_read(files->context, folder, &listing));
    cnn_status status = CNN_OK;
    if (is_loop(&listing, above)) {
        cnn__log(files->context, CNN_LOG_WARNING, "%s: passed over: it leads back to a folder that it lies in",
                 cnn__printable(folder, text, sizeof(text)));
    } else {
        cnn__files_pass_hidden(files, folder, &listing);
        level here = {above, listing.device, listing.node, above->depth + 1};
        status = add_entries(files, folder, label, &listing, &here);
    }
    cnn__listing_free(&listing);
    return status;
}

static void name_classes(const cnn__listing *listing, cnn__string *names)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->entries[i].type == CNN__ENTRY_FOLDER) {
            const char *name = cnn__listing_name(listing, i);
            cnn__string_append(names, name, strlen(name) + 1);
        }
    }
}

static cnn_status add_class(cnn__files *files, const char *path, const char *name, const cnn__classes *classes,
                            const level *root)
{
    int32_t label = cnn__classes_find(classes, name, strlen(name));
    if (label < 0) {
        char text[256];
        return cnn__fail(files->context, CNN_ERROR_MISMATCH, "%s: folder \"%s\" is none of the %zu classes asked for",
                         path, cnn__printable(name, text, sizeof(text)), classes->count);
    }
    char *folder = cnn__path_join(files->context, path, name);
    cnn_status status = folder != NULL ? add_folder(files, folder, label, root) : CNN_ERROR_OUT_OF_MEMORY;
    cnn__free(files->context, folder);
    return status;
}

static cnn_status add_classes(cnn__files *files, const char *path, const cnn__listing *listing,
                              const cnn__classes *classes)
{
    const level root = {NULL, listing->device, listing->node, 0};
    size_t folders = 0;
    cnn__files_pass_hidden(files, path, listing);
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        if (listing->entries[i].type == CNN__ENTRY_FOLDER) {
            CNN__RETURN_IF_ERROR(add_class(files, path, name, classes, &root));
            folders++;
        } else {
            cnn__files_pass_over(files, path, name);
        }
    }
    if (folders == 0) {
        return cnn__fail(files->context, CNN_ERROR_FORMAT, "%s: found no folders, expected one for each class", path);
    }
    return CNN_OK;
}

cnn_status cnn_dataset_open_folders(cnn_context *context, const char *path, const cnn_files_options *options,
                                    cnn_dataset **dataset)
{
    static const cnn__files_form form = {name_classes, add_classes, by_class_folder_name};
    return cnn__files_open(context, path, options, &form, dataset);
}
