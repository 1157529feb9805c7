/* SPDX-License-Identifier: MIT */
/* Datasets of CIFAR-10's and CIFAR-100's binary files. */
#include "dataset/cifar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "dataset/form.h"
#include "dataset/pixels.h"

/* Most bytes of all files of a part, and of the file of names. */
#define MAX_BYTES ((size_t)UINT32_MAX)

cnn_status cnn__cifar_count(const cnn_context *context, const cnn__cifar_set *set, const char *name, size_t size,
                            size_t *records)
{
    const size_t record = cnn__cifar_record(set);
    *records = size / record;
    if (size == 0 || size % record != 0) {
        return cnn__fail(context, CNN_ERROR_TRUNCATED,
                         "%s: record %zu at offset %zu: found %zu bytes, expected a multiple of %zu in the file", name,
                         *records, *records * record, size, record);
    }
    return CNN_OK;
}

cnn_status cnn__cifar_parse(const cnn_context *context, const cnn__cifar_set *set, const char *name,
                            const uint8_t *bytes, size_t records, uint8_t *pixels, int32_t *labels)
{
    const size_t plane = CNN__CIFAR_PIXELS / 3, record = cnn__cifar_record(set);
    for (size_t i = 0; i < records; i++, bytes += record, pixels += CNN__CIFAR_PIXELS) {
        labels[i] = bytes[set->label];
        if (labels[i] >= set->classes) {
            return cnn__fail(context, CNN_ERROR_FORMAT,
                             "%s: record %zu at offset %zu: found label %d, expected below %d", name, i, i * record,
                             labels[i], set->classes);
        }
        for (size_t p = 0; p < plane; p++) {
            for (size_t c = 0; c < 3; c++) {
                pixels[3 * p + c] = bytes[set->labels + c * plane + p];
            }
        }
    }
    return CNN_OK;
}

/* The files of a part, and what was read of them. */
typedef struct batch_files {
    cnn_context *context;
    const cnn__cifar_set *set;
    const char **names; /* in the listing, in natural order */
    size_t *records;    /* in each */
    size_t count, total;
    uint8_t *pixels;
    int32_t *labels;
} batch_files;

static int compare_names(const void *a, const void *b)
{
    return cnn__natural_compare(*(const char *const *)a, *(const char *const *)b);
}

static cnn_status find_files(batch_files *files, const char *path, const cnn__listing *listing, const char *part)
{
    files->names = cnn__alloc_array(files->context, listing->count, sizeof(*files->names));
    files->records = cnn__alloc_array(files->context, listing->count, sizeof(*files->records));
    if (files->names == NULL || files->records == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        if (listing->entries[i].type == CNN__ENTRY_FILE && cnn__cifar_is_file(files->set, name, part)) {
            files->names[files->count++] = name;
        }
    }
    if (files->count == 0) {
        return cnn__fail(files->context, CNN_ERROR_NOT_FOUND, "%s: part \"%s\": found no files, expected %s", path,
                         part, strcmp(part, "test") == 0 ? files->set->test : files->set->train);
    }
    qsort(files->names, files->count, sizeof(*files->names), compare_names);
    return CNN_OK;
}

/* Counts a file's records by its size, so that memory is asked for once. */
static cnn_status count_file(batch_files *files, const char *path, size_t index)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return cnn__fail_errno(files->context, path, "cannot be examined", errno);
    }
    if ((uint64_t)info.st_size > MAX_BYTES - files->total * cnn__cifar_record(files->set)) {
        return cnn__fail(files->context, CNN_ERROR_LIMIT, "%s: size: found %lld bytes, limit of all files %zu", path,
                         (long long)info.st_size, MAX_BYTES);
    }
    CNN__RETURN_IF_ERROR(
        cnn__cifar_count(files->context, files->set, path, (size_t)info.st_size, &files->records[index]));
    files->total += files->records[index];
    return CNN_OK;
}

static cnn_status read_file(batch_files *files, const char *path, size_t index, size_t first)
{
    void *bytes;
    size_t size, records;
    CNN__RETURN_IF_ERROR(cnn__file_read(files->context, path, CNN__DATA_FILE, &bytes, &size));
    cnn_status status = cnn__cifar_count(files->context, files->set, path, size, &records);
    if (status == CNN_OK && records != files->records[index]) {
        status = cnn__fail(files->context, CNN_ERROR_IO,
                           "%s: found %zu records, expected %zu: the file is being changed", path, records,
                           files->records[index]);
    }
    if (status == CNN_OK) {
        status = cnn__cifar_parse(files->context, files->set, path, bytes, records,
                                  files->pixels + first * CNN__CIFAR_PIXELS, files->labels + first);
    }
    cnn__free(files->context, bytes);
    return status;
}

/* Counts the records of each file, or reads them once there is memory for all. */
static cnn_status visit_files(batch_files *files, const char *folder, bool count_only)
{
    size_t first = 0;
    for (size_t i = 0; i < files->count; i++) {
        char *path = cnn__path_join(files->context, folder, files->names[i]);
        if (path == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        cnn_status status = count_only ? count_file(files, path, i) : read_file(files, path, i, first);
        cnn__free(files->context, path);
        CNN__RETURN_IF_ERROR(status);
        first += files->records[i];
    }
    return CNN_OK;
}

static cnn_status read_files(batch_files *files, const char *path)
{
    CNN__RETURN_IF_ERROR(visit_files(files, path, true));
    files->pixels = cnn__alloc_array(files->context, files->total, CNN__CIFAR_PIXELS);
    files->labels = cnn__alloc_array(files->context, files->total, sizeof(*files->labels));
    if (files->pixels == NULL || files->labels == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    return visit_files(files, path, false);
}

/* Cuts the text into its lines; empty ones do not count. */
static cnn_status split_names(const cnn_context *context, const char *path, char *text, size_t expected,
                              const char *names[CNN__CIFAR_MAX_CLASSES])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        if (count < expected) {
            names[count] = line;
        }
        count++;
    }
    if (count != expected) {
        return cnn__fail(context, CNN_ERROR_FORMAT, "%s: found %zu class names, expected %zu", path, count, expected);
    }
    return CNN_OK;
}

/* Reads the file of names if the folder has one; otherwise the names are the well-known ones. *text holds them. */
static cnn_status read_names(cnn_context *context, const cnn__cifar_set *set, const char *folder,
                             const cnn__listing *listing, cnn__string *text, const char *names[CNN__CIFAR_MAX_CLASSES])
{
    size_t found = 0, size;
    memcpy(names, set->names, (size_t)set->classes * sizeof(*names));
    while (found < listing->count && strcmp(cnn__listing_name(listing, found), set->names_file) != 0) {
        found++;
    }
    if (found == listing->count) {
        return CNN_OK;
    }
    char *path = cnn__path_join(context, folder, set->names_file);
    if (path == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    void *bytes;
    cnn_status status = cnn__file_read(context, path, CNN__TABLE_FILE, &bytes, &size);
    if (status == CNN_OK) {
        cnn__string_append(text, bytes, size);
        cnn__free(context, bytes);
        status = text->status != CNN_OK ? text->status
                                        : split_names(context, path, text->data, (size_t)set->classes, names);
    }
    cnn__free(context, path);
    return status;
}

static cnn_status check_labels(const batch_files *files, const char *path, size_t class_count)
{
    for (size_t i = 0; i < files->total; i++) {
        if ((size_t)files->labels[i] >= class_count) {
            return cnn__fail(files->context, CNN_ERROR_MISMATCH, "%s: sample %zu: found label %d, expected below %zu",
                             path, i, files->labels[i], class_count);
        }
    }
    return CNN_OK;
}

/* Hands what was read over to a dataset. */
static cnn_status make_dataset(batch_files *files, const char *path, const cnn__listing *listing,
                               const cnn_files_options *options, cnn_dataset **dataset)
{
    const char *names[CNN__CIFAR_MAX_CLASSES];
    const char *const *classes = options->classes != NULL ? options->classes : names;
    size_t class_count = options->classes != NULL ? options->class_count : (size_t)files->set->classes;
    cnn__string text = {.context = files->context};
    cnn_status status = check_labels(files, path, class_count);
    if (status == CNN_OK) {
        status = read_names(files->context, files->set, path, listing, &text, names);
    }
    if (status == CNN_OK) {
        cnn__pixels pixels = {
            .block = files->pixels,
            .bytes = files->pixels,
            .labels = files->labels,
            .count = files->total,
            .height = CNN__CIFAR_SIDE,
            .width = CNN__CIFAR_SIDE,
            .channels = 3,
            .output_channels = options->channels,
        };
        files->pixels = NULL;
        files->labels = NULL;
        cnn__log(files->context, CNN_LOG_INFO, "%s: %zu images of %zu classes", path, files->total, class_count);
        status = cnn__dataset_of_pixels(files->context, &pixels, classes, class_count, dataset);
    }
    cnn__string_free(&text);
    return status;
}

static bool has_file(const cnn__cifar_set *set, const cnn__listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->entries[i].type == CNN__ENTRY_FILE &&
            cnn__cifar_is_file(set, cnn__listing_name(listing, i), NULL)) {
            return true;
        }
    }
    return false;
}

/* Which files these are, and which of their labels: that whose file of names begins with the prefix. Of an empty
 * folder the first, whose files are then missed. */
static cnn_status choose_set(const cnn_context *context, const char *path, const cnn__listing *listing,
                             const char *prefix, const cnn__cifar_set **chosen)
{
    const cnn__cifar_set *set = cnn__cifar_sets;
    while (set->train != NULL && !has_file(set, listing)) {
        set++;
    }
    set = set->train != NULL ? set : cnn__cifar_sets;
    const cnn__cifar_set *first = set;
    while (prefix != NULL && strncmp(set->names_file, prefix, strlen(prefix)) != 0) {
        set++;
        if (set->train == NULL || strcmp(set->train, first->train) != 0) {
            char text[64];
            return cnn__fail(context, CNN_ERROR_NOT_FOUND,
                             "%s: prefix \"%s\": found no such labels, expected fine or "
                             "coarse, of CIFAR-100",
                             path, cnn__printable(prefix, text, sizeof(text)));
        }
    }
    *chosen = set;
    return CNN_OK;
}

static cnn_status open_folder(cnn_context *context, const char *path, const cnn__listing *listing,
                              const cnn_files_options *options, cnn_dataset **dataset)
{
    batch_files files = {.context = context};
    cnn_files_options chosen = *options;
    CNN__RETURN_IF_ERROR(cnn__files_two_parts(context, path, &chosen));
    cnn_status status = choose_set(context, path, listing, options->prefix, &files.set);
    if (status == CNN_OK) {
        status = find_files(&files, path, listing, chosen.part);
    }
    if (status == CNN_OK) {
        status = read_files(&files, path);
    }
    if (status == CNN_OK) {
        status = make_dataset(&files, path, listing, options, dataset);
    }
    cnn__free(context, files.names);
    cnn__free(context, files.records);
    cnn__free(context, files.pixels);
    cnn__free(context, files.labels);
    return status;
}

static bool owns(const char *name)
{
    for (const cnn__cifar_set *set = cnn__cifar_sets; set->train != NULL; set++) {
        if (cnn__cifar_is_file(set, name, NULL)) {
            return true;
        }
    }
    return false;
}

static bool fits(const cnn__contents *contents) { return contents->own_files > 0; }

const cnn__dataset_form cnn__cifar_form = {"CIFAR binaries", owns, fits, open_folder};

cnn_status cnn_dataset_open_cifar(cnn_context *context, const char *path, const cnn_files_options *options,
                                  cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, path, "path", dataset));
    cnn_files_options copy;
    cnn__listing listing;
    CNN__RETURN_IF_ERROR(cnn__files_options_copy(context, options, &copy));
    CNN__RETURN_IF_ERROR(cnn__listing_read(context, path, copy.on_error == CNN_ON_ERROR_SKIP, &listing));
    cnn_status status = open_folder(context, path, &listing, &copy, dataset);
    cnn__listing_free(&listing);
    return status;
}
