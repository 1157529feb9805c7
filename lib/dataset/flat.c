/* SPDX-License-Identifier: MIT */
/* A flat folder: the class is the file name up to its first dot. */
#include <string.h>

#include "dataset/files.h"
#include "dataset/form.h"

/* Natural order, so that cat.2.jpg comes before cat.10.jpg. */
static int by_natural_name(const cnn__files *files, const cnn__file *a, const cnn__file *b)
{
    return cnn__natural_compare(cnn__file_path(files, a) + a->name, cnn__file_path(files, b) + b->name);
}

static bool is_image(const cnn__listing *listing, size_t index)
{
    return listing->entries[index].type == CNN__ENTRY_FILE && cnn__is_image_name(cnn__listing_name(listing, index));
}

static size_t label_size(const char *name) { return strcspn(name, "."); }

static void name_classes(const cnn__listing *listing, cnn__string *names)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (is_image(listing, i)) {
            const char *name = cnn__listing_name(listing, i);
            cnn__string_append(names, name, label_size(name));
            cnn__string_append(names, "", 1);
        }
    }
}

static cnn_status add_image(cnn__files *files, const char *path, const char *name, const cnn__classes *classes)
{
    int32_t label;
    CNN__RETURN_IF_ERROR(cnn__classes_find(classes, name, label_size(name), &label));
    return label >= 0 ? cnn__files_add(files, path, name, label)
                      : cnn__files_fail_class(files, classes, path, "the class of", name);
}

static cnn_status add_images(cnn__files *files, const char *path, const cnn__listing *listing,
                             const cnn__classes *classes)
{
    cnn__files_pass_hidden(files, path, listing);
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        if (is_image(listing, i)) {
            CNN__RETURN_IF_ERROR(add_image(files, path, name, classes));
        } else {
            cnn__files_pass_over(files, path, name);
        }
    }
    return CNN_OK;
}

cnn_status cnn_dataset_open_flat(cnn_context *context, const char *path, const cnn_files_options *options,
                                 cnn_dataset **dataset)
{
    static const cnn__files_form form = {name_classes, add_images, by_natural_name};
    return cnn__files_open(context, path, options, &form, dataset);
}

static cnn_status open_folder(cnn_context *context, const char *path, const cnn__listing *listing,
                              const cnn_files_options *options, cnn_dataset **dataset)
{
    (void)listing;
    return cnn_dataset_open_flat(context, path, options, dataset);
}

static bool fits(const cnn__contents *contents) { return contents->folders == 0 && contents->labelled > 0; }

const cnn__dataset_form cnn__flat_form = {"images", NULL, fits, open_folder};
