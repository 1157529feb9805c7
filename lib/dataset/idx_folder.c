/* SPDX-License-Identifier: MIT */
/* Which of a folder's files are the images and labels of a part. */
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "dataset/idx.h"

/* The length of a name without ".gz". */
static size_t stem_size(const char *name)
{
    size_t size = strlen(name);
    return size > 3 && strcmp(name + size - 3, ".gz") == 0 ? size - 3 : size;
}

bool cnn__is_idx_name(const char *name)
{
    static const char ending[] = "-ubyte";
    size_t size = stem_size(name), length = sizeof(ending) - 1;
    return size > length && strncmp(name + size - length, ending, length) == 0 && strstr(name, "idx") != NULL;
}

static bool is_of_part(const char *name, const char *part)
{
    bool test = strstr(name, "t10k") != NULL || strstr(name, "test") != NULL;
    return strcmp(part, "test") == 0 ? test : !test && strstr(name, "train") != NULL;
}

/* Finds the one file of `kind` ("images", "labels") and part. Of a file that is there compressed and not, the
 * uncompressed one is taken: in byte order it comes first. */
static cnn_status find_file(cnn_context *context, const char *path, const cnn__listing *listing, const char *part,
                            const char *kind, char **file)
{
    const char *found = NULL;
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        if (listing->entries[i].type != CNN__ENTRY_FILE || !cnn__is_idx_name(name) || strstr(name, kind) == NULL ||
            !is_of_part(name, part)) {
            continue;
        }
        if (found == NULL) {
            found = name;
        } else if (stem_size(found) != stem_size(name) || strncmp(found, name, stem_size(name)) != 0) {
            char first[256], second[256];
            return cnn__fail(context, CNN_ERROR_FORMAT,
                             "%s: %s of part \"%s\": found \"%s\" and \"%s\", expected one file", path, kind, part,
                             cnn__printable(found, first, sizeof(first)), cnn__printable(name, second, sizeof(second)));
        }
    }
    if (found == NULL) {
        return cnn__fail(context, CNN_ERROR_NOT_FOUND, "%s: %s of part \"%s\": found none, expected %s-%s-idx%c-ubyte",
                         path, kind, part, strcmp(part, "test") == 0 ? "t10k" : part, kind, kind[0] == 'i' ? '3' : '1');
    }
    *file = cnn__path_join(context, path, found);
    return *file != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

cnn_status cnn__idx_open_folder(cnn_context *context, const char *path, const cnn__listing *listing,
                                const cnn_files_options *options, cnn_dataset **dataset)
{
    char *images = NULL, *labels = NULL;
    cnn_status status = find_file(context, path, listing, options->part, "images", &images);
    if (status == CNN_OK) {
        status = find_file(context, path, listing, options->part, "labels", &labels);
    }
    if (status == CNN_OK) {
        status = cnn_dataset_open_idx(context, images, labels, options, dataset);
    }
    cnn__free(context, images);
    cnn__free(context, labels);
    return status;
}
