/* SPDX-License-Identifier: MIT */
/* Which of a folder's files are the images and labels of a part. */
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/text.h"
#include "dataset/form.h"
#include "dataset/idx.h"

/* The length of a name without ".gz". */
static size_t stem_size(const char *name)
{
    size_t size = strlen(name);
    return size > 3 && strcmp(name + size - 3, ".gz") == 0 ? size - 3 : size;
}

static bool is_idx_name(const char *name)
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

static cnn_status fail_two(cnn_context *context, const char *path, const char *part, const char *kind,
                           const char *first, const char *second)
{
    char one[256], other[256], word[256], prefix[256];
    size_t same = 0;
    while (second[same] != '\0' && first[same] == second[same]) {
        same++;
    }
    /* A prefix that tells the second from the first, to the end of the word in which they differ. */
    same += strcspn(second + same, "-_.");
    snprintf(word, sizeof(word), "%.*s", (int)(same < 200 ? same : 200), second);
    return cnn__fail(context, CNN_ERROR_FORMAT,
                     "%s: %s of part \"%s\": found \"%s\" and \"%s\", expected one file: choose by a prefix of the "
                     "names, such as \"%s\", or put each data set into a folder of its own",
                     path, kind, part, cnn__printable(first, one, sizeof(one)),
                     cnn__printable(second, other, sizeof(other)), cnn__printable(word, prefix, sizeof(prefix)));
}

/* Finds the one entry of this type, `kind` ("images", "labels") and part; NULL if there is none. Of a file that is
 * there compressed and not, the uncompressed one is taken: in byte order it comes first. */
static cnn_status find_entry(cnn_context *context, const char *path, const cnn__listing *listing,
                             const cnn_files_options *options, const char *kind, cnn__entry_type type,
                             const char **found)
{
    const char *prefix = options->prefix != NULL ? options->prefix : "";
    *found = NULL;
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        if (listing->entries[i].type != type || !is_idx_name(name) || strstr(name, kind) == NULL ||
            !is_of_part(name, options->part) || strncmp(name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        if (*found == NULL) {
            *found = name;
        } else if (stem_size(*found) != stem_size(name) || strncmp(*found, name, stem_size(name)) != 0) {
            return fail_two(context, path, options->part, kind, *found, name);
        }
    }
    return CNN_OK;
}

/* The path of the file of this kind and part. Some archives have a folder around each file, which has its name. */
static cnn_status find_file(cnn_context *context, const char *path, const cnn__listing *listing,
                            const cnn_files_options *options, const char *kind, char **file)
{
    const char *part = options->part, *found, *folder = NULL;
    CNN__RETURN_IF_ERROR(find_entry(context, path, listing, options, kind, CNN__ENTRY_FILE, &found));
    if (found == NULL) {
        CNN__RETURN_IF_ERROR(find_entry(context, path, listing, options, kind, CNN__ENTRY_FOLDER, &folder));
    }
    if (found == NULL && folder == NULL) {
        char prefix[128];
        return cnn__fail(context, CNN_ERROR_NOT_FOUND,
                         "%s: %s of part \"%s\": found none, expected %s-%s-idx%c-ubyte%s%s%s", path, kind, part,
                         strcmp(part, "test") == 0 ? "t10k" : part, kind, kind[0] == 'i' ? '3' : '1',
                         options->prefix != NULL ? " after the prefix \"" : "",
                         options->prefix != NULL ? cnn__printable(options->prefix, prefix, sizeof(prefix)) : "",
                         options->prefix != NULL ? "\"" : "");
    }
    *file = cnn__path_join(context, path, found != NULL ? found : folder);
    if (*file != NULL && folder != NULL) {
        char *outer = *file;
        *file = cnn__path_join(context, outer, folder);
        cnn__free(context, outer);
    }
    return *file != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

static cnn_status open_folder(cnn_context *context, const char *path, const cnn__listing *listing,
                              const cnn_files_options *options, cnn_dataset **dataset)
{
    char *images = NULL, *labels = NULL;
    cnn_files_options chosen = *options;
    CNN__RETURN_IF_ERROR(cnn__files_two_parts(context, path, &chosen));
    cnn_status status = find_file(context, path, listing, &chosen, "images", &images);
    if (status == CNN_OK) {
        status = find_file(context, path, listing, &chosen, "labels", &labels);
    }
    if (status == CNN_OK) {
        status = cnn_dataset_open_idx(context, images, labels, options, dataset);
    }
    cnn__free(context, images);
    cnn__free(context, labels);
    return status;
}

/* Folders that have such names hold the files, in some archives; but images beside them are not to be overlooked. */
static bool fits(const cnn__contents *contents)
{
    return contents->own_files > 0 || (contents->own_folders > 0 && contents->images == 0);
}

const cnn__dataset_form cnn__idx_form = {"IDX files", is_idx_name, fits, open_folder};
