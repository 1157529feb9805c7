/* SPDX-License-Identifier: MIT */
/* Opening whatever lies at a path. */
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "dataset/cifar.h"
#include "dataset/idx.h"

/* What a folder holds. */
typedef struct tally {
    size_t folders, images, idx, cifar, others;
    size_t idx_folders;      /* folders that are named as IDX files are */
    size_t parts;            /* folders that are named as parts of a dataset are, not as classes */
    size_t labelled;         /* images whose names have a part before the first dot and one after it */
    const char *first_image; /* any name */
    const char *first_part;
} tally;

static bool is_part_name(const char *name)
{
    static const char *const parts[] = {"train", "training", "test", "testing", "val", "valid", "validation"};
    static const char *const endings[] = {"", "_set", "-set", "set", " set", "_data", "-data"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) * (sizeof(endings) / sizeof(endings[0])); i++) {
        char part[32];
        snprintf(part, sizeof(part), "%s%s", parts[i % (sizeof(parts) / sizeof(parts[0]))],
                 endings[i / (sizeof(parts) / sizeof(parts[0]))]);
        if (cnn__same_but_case(name, part)) {
            return true;
        }
    }
    return false;
}

static void count_entry(tally *counts, const char *name, cnn__entry_type type)
{
    if (type == CNN__ENTRY_FOLDER) {
        counts->folders++;
        counts->idx_folders += cnn__is_idx_name(name);
        if (is_part_name(name) && counts->parts++ == 0) {
            counts->first_part = name;
        }
    } else if (type == CNN__ENTRY_FILE && cnn__is_image_name(name)) {
        if (counts->images++ == 0) {
            counts->first_image = name;
        }
        counts->labelled += strchr(name, '.') != strrchr(name, '.');
    } else if (type == CNN__ENTRY_FILE && cnn__is_idx_name(name)) {
        counts->idx++;
    } else if (type == CNN__ENTRY_FILE && cnn__is_cifar_name(name, NULL)) {
        counts->cifar++;
    } else {
        counts->others++;
    }
}

static tally count_entries(const cnn__listing *listing)
{
    tally counts = {.folders = 0};
    for (size_t i = 0; i < listing->count; i++) {
        count_entry(&counts, cnn__listing_name(listing, i), listing->entries[i].type);
    }
    return counts;
}

static cnn_status fail_unknown(const cnn_context *context, const char *path, const tally *counts)
{
    if (counts->images > 0 && counts->folders > 0) {
        return cnn__fail(context, CNN_ERROR_FORMAT,
                         "%s: found %zu images beside %zu folders, expected one folder for each class or images "
                         "alone",
                         path, counts->images, counts->folders);
    }
    if (counts->images > 0) {
        char text[256];
        return cnn__fail(context, CNN_ERROR_FORMAT,
                         "%s: found %zu images such as \"%s\", expected a label in each name, as cat.1.jpg, or one "
                         "folder for each class",
                         path, counts->images, cnn__printable(counts->first_image, text, sizeof(text)));
    }
    if (counts->folders > 0) {
        const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
        return cnn__fail(context, CNN_ERROR_FORMAT,
                         "%s: found folders of parts, not of classes: open one of them, as %s%s%s", path, path, slash,
                         counts->first_part);
    }
    return cnn__fail(context, CNN_ERROR_FORMAT,
                     "%s: found %zu other entries, expected folders of images, images, IDX files or CIFAR-10 binaries",
                     path, counts->others);
}

static cnn_status open_listed(cnn_context *context, const char *path, const cnn__listing *listing,
                              const cnn_files_options *options, cnn_dataset **dataset)
{
    tally counts = count_entries(listing);
    if (counts.idx > 0 || (counts.idx_folders > 0 && counts.images == 0)) {
        return cnn__idx_open_folder(context, path, listing, options, dataset);
    }
    if (counts.cifar > 0) {
        return cnn__cifar_open_folder(context, path, listing, options, dataset);
    }
    if (counts.images == 0 && counts.folders > counts.parts) {
        return cnn_dataset_open_folders(context, path, options, dataset);
    }
    if (counts.folders == 0 && counts.labelled > 0) {
        return cnn_dataset_open_flat(context, path, options, dataset);
    }
    return fail_unknown(context, path, &counts);
}

cnn_status cnn_dataset_open(cnn_context *context, const char *path, const cnn_files_options *options,
                            cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, path, "path", dataset));
    cnn_files_options copy;
    cnn__listing listing;
    CNN__RETURN_IF_ERROR(cnn__files_options_copy(context, options, &copy));
    CNN__RETURN_IF_ERROR(cnn__listing_read(context, path, copy.on_error == CNN_ON_ERROR_SKIP, &listing));
    cnn_status status = open_listed(context, path, &listing, &copy, dataset);
    cnn__listing_free(&listing);
    return status;
}
