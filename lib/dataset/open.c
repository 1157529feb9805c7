/* SPDX-License-Identifier: MIT */
/* Opening whatever lies at a path. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/params.h"
#include "dataset/form.h"

/* The forms, in the order in which they are asked: a folder with files of its own form is no flat folder though images
 * lie beside them. */
static const cnn__dataset_form *const forms[] = {
    &cnn__idx_form,
    &cnn__cifar_form,
    &cnn__folders_form,
    &cnn__flat_form,
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

/* What a folder holds. */
typedef struct tally {
    cnn__contents shared; /* own_files and own_folders are in `own` */
    struct {
        size_t files, folders;
    } own[FORMS];
    size_t others;
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

static void count_folder(tally *counts, const char *name)
{
    counts->shared.folders++;
    for (size_t k = 0; k < FORMS; k++) {
        counts->own[k].folders += forms[k]->owns != NULL && forms[k]->owns(name);
    }
    if (is_part_name(name) && counts->shared.parts++ == 0) {
        counts->first_part = name;
    }
}

static void count_file(tally *counts, const char *name)
{
    if (cnn__is_image_name(name)) {
        if (counts->shared.images++ == 0) {
            counts->first_image = name;
        }
        counts->shared.labelled += strchr(name, '.') != strrchr(name, '.');
        return;
    }
    bool owned = false;
    for (size_t k = 0; k < FORMS; k++) {
        const bool own = forms[k]->owns != NULL && forms[k]->owns(name);
        counts->own[k].files += own;
        owned = owned || own;
    }
    counts->others += !owned;
}

static tally count_entries(const cnn__listing *listing)
{
    tally counts = {.others = 0};
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        switch (listing->entries[i].type) {
        case CNN__ENTRY_FOLDER:
            count_folder(&counts, name);
            break;
        case CNN__ENTRY_FILE:
            count_file(&counts, name);
            break;
        default:
            counts.others++;
            break;
        }
    }
    return counts;
}

static cnn_status fail_unknown(const cnn_context *context, const char *path, const tally *counts)
{
    if (counts->shared.images > 0 && counts->shared.folders > 0) {
        return cnn__fail(context, CNN_ERROR_FORMAT,
                         "%s: found %zu images beside %zu folders, expected one folder for each class or images "
                         "alone",
                         path, counts->shared.images, counts->shared.folders);
    }
    if (counts->shared.images > 0) {
        char text[256];
        return cnn__fail(context, CNN_ERROR_FORMAT,
                         "%s: found %zu images such as \"%s\", expected a label in each name, as cat.1.jpg, or one "
                         "folder for each class",
                         path, counts->shared.images, cnn__printable(counts->first_image, text, sizeof(text)));
    }
    if (counts->shared.folders > 0) {
        const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
        return cnn__fail(context, CNN_ERROR_FORMAT,
                         "%s: found folders of parts, not of classes: open one of them, as %s%s%s", path, path, slash,
                         counts->first_part);
    }
    char list[160] = "";
    for (size_t k = FORMS; k-- > 0;) {
        cnn__params_append(list, sizeof(list), forms[k]->name);
    }
    return cnn__fail(context, CNN_ERROR_FORMAT, "%s: found %zu other entries, expected one of: %s", path,
                     counts->others, list);
}

static cnn_status open_listed(cnn_context *context, const char *path, const cnn__listing *listing,
                              const cnn_files_options *options, cnn_dataset **dataset)
{
    const tally counts = count_entries(listing);
    for (size_t k = 0; k < FORMS; k++) {
        cnn__contents contents = counts.shared;
        contents.own_files = counts.own[k].files;
        contents.own_folders = counts.own[k].folders;
        if (forms[k]->fits(&contents)) {
            return forms[k]->open(context, path, listing, options, dataset);
        }
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
    struct stat there;
    if (cnn__is_table_name(path) && stat(path, &there) == 0 && !S_ISDIR(there.st_mode)) {
        return cnn_dataset_open_table(context, path, options, dataset);
    }
    CNN__RETURN_IF_ERROR(cnn__listing_read(context, path, copy.on_error == CNN_ON_ERROR_SKIP, &listing));
    cnn_status status = open_listed(context, path, &listing, &copy, dataset);
    cnn__listing_free(&listing);
    return status;
}
