/* SPDX-License-Identifier: MIT */
/* Datasets of image files: one list of paths, decoded one at a time when they are read. */
#include "dataset/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

typedef cnn__files_source files_source;

static void free_files(cnn__files *files)
{
    cnn__string_free(&files->paths);
    cnn__free(files->context, files->files);
}

cnn_status cnn__files_add(cnn__files *files, const char *folder, const char *name, int32_t label)
{
    if (files->count == files->capacity) {
        size_t capacity = files->capacity < 64 ? 64 : files->capacity * 2;
        cnn__file *grown = cnn__realloc(files->context, files->files, capacity * sizeof(*grown));
        if (grown == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        files->files = grown;
        files->capacity = capacity;
    }
    size_t path = files->paths.size, folder_size = strlen(folder);
    cnn__string_append(&files->paths, folder, folder_size);
    if (folder[folder_size - 1] != '/') {
        cnn__string_append(&files->paths, "/", 1);
    }
    uint32_t start = (uint32_t)(files->paths.size - path);
    cnn__string_append(&files->paths, name, strlen(name) + 1);
    CNN__RETURN_IF_ERROR(files->paths.status);
    files->files[files->count++] = (cnn__file){.path = path, .name = start, .label = label};
    return CNN_OK;
}

static void pass_over(cnn__passed *passed, size_t count, const char *folder, const char *name)
{
    if (passed->count == 0) {
        char name_text[128], folder_text[112];
        snprintf(passed->first, sizeof(passed->first), "\"%s\" in %s",
                 cnn__printable(name, name_text, sizeof(name_text)),
                 cnn__printable(folder, folder_text, sizeof(folder_text)));
    }
    passed->count += count;
}

void cnn__files_pass_over(cnn__files *files, const char *folder, const char *name)
{
    pass_over(&files->other, 1, folder, name);
}

void cnn__files_pass_hidden(cnn__files *files, const char *folder, const cnn__listing *listing)
{
    if (listing->hidden > 0) {
        pass_over(&files->hidden, listing->hidden, folder, listing->names.data + listing->first_hidden);
    }
    if (listing->left_out.count > 0) {
        cnn__passed_add(&files->left_out, &listing->left_out);
    }
}

static cnn_status read_file(const cnn__source *source, size_t index, const cnn_decode_options *decode,
                            cnn__sample *sample)
{
    const cnn__files *files = &((const files_source *)source)->files;
    cnn_decode_options options = *decode;
    options.channels = files->options.channels;
    options.apply_orientation |= source->orients;
    const char *path = cnn__file_path(files, &files->files[index]);
    CNN__RETURN_IF_ERROR(cnn__sample_load(source, path, &options, sample));
    sample->label = files->files[index].label;
    return CNN_OK;
}

static int32_t label_of(const cnn__source *source, size_t index)
{
    return ((const files_source *)source)->files.files[index].label;
}

static const char *path_of(const cnn__source *source, size_t index)
{
    const cnn__files *files = &((const files_source *)source)->files;
    return cnn__file_path(files, &files->files[index]);
}

static void destroy_files(cnn__source *source) { free_files(&((files_source *)source)->files); }

const cnn__source_kind cnn__files_kind = {
    .name = "files",
    .read = read_file,
    .label = label_of,
    .path = path_of,
    .destroy = destroy_files,
};

cnn_status cnn__files_fail_class(const cnn__files *files, const cnn__classes *classes, const char *path,
                                 const char *what, const char *name)
{
    char text[256], other[256], difference[128] = "";
    size_t nearest = 0, most = 0;
    cnn__printable(name, text, sizeof(text));
    for (size_t i = 0; i < classes->count; i++) {
        size_t same = 0;
        const char *candidate = cnn__classes_name(classes, i);
        while (text[same] != '\0' && text[same] == candidate[same]) {
            same++;
        }
        nearest = same > most ? i : nearest;
        most = same > most ? same : most;
    }
    /* Two names may look alike and differ all the same. */
    if (most > 0) {
        cnn__name_difference(text, cnn__classes_name(classes, nearest), difference, sizeof(difference));
    }
    cnn__printable(classes->count > 0 ? cnn__classes_name(classes, nearest) : "", other, sizeof(other));
    return cnn__fail(files->context, CNN_ERROR_MISMATCH, "%s: %s \"%s\" is none of the %zu classes asked for%s%s%s%s",
                     path, what, text, classes->count, difference[0] != '\0' ? ", nor \"" : "",
                     difference[0] != '\0' ? other : "", difference[0] != '\0' ? "\"" : "", difference);
}

static cnn_status check_classes(const cnn__files *files, const cnn__classes *classes, const char *path, bool labelled)
{
    if (files->count == 0) {
        return cnn__fail(files->context, CNN_ERROR_FORMAT, "%s: found no .jpg, .png, .bmp, .gif, .webp or .tif files",
                         path);
    }
    if (!labelled) {
        return CNN_OK;
    }
    uint8_t *used = cnn__alloc_zero(files->context, classes->count);
    if (used == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < files->count; i++) {
        used[files->files[i].label] = 1;
    }
    size_t empty = 0, first = 0;
    for (size_t i = classes->count; i-- > 0;) {
        empty += used[i] == 0;
        first = used[i] == 0 ? i : first;
    }
    cnn__free(files->context, used);
    if (empty == 0) {
        return CNN_OK;
    }
    char text[256];
    cnn__printable(cnn__classes_name(classes, first), text, sizeof(text));
    if (files->options.classes == NULL) {
        return cnn__fail(files->context, CNN_ERROR_FORMAT,
                         "%s: class \"%s\" has no .jpg, .png, .bmp, .gif, .webp or .tif files", path, text);
    }
    cnn__log(files->context, CNN_LOG_WARNING, "%s: no images of %zu of the %zu classes, the first: \"%s\"", path, empty,
             classes->count, text);
    return CNN_OK;
}

static void log_files(const cnn__files *files, const cnn__classes *classes, const char *path)
{
    if (files->hidden.count > 0) {
        cnn__log(files->context, CNN_LOG_WARNING, "%s: passed over %zu names that begin with a dot, the first: %s",
                 path, files->hidden.count, files->hidden.first);
    }
    if (files->other.count > 0) {
        cnn__log(files->context, CNN_LOG_WARNING,
                 "%s: passed over %zu entries that are no image files of a class, the first: %s", path,
                 files->other.count, files->other.first);
    }
    if (files->left_out.count > 0) {
        cnn__log(files->context, CNN_LOG_WARNING, "%s: left out %zu entries that cannot be read, the first: %s", path,
                 files->left_out.count, files->left_out.first);
    }
    cnn__log(files->context, CNN_LOG_INFO, "%s: %zu images of %zu classes", path, files->count, classes->count);
}

/* What a comparison has to know. */
typedef struct sorting {
    const cnn__files *files;
    cnn__files_order order;
} sorting;

static int compare_files(const void *a, const void *b, void *user)
{
    const sorting *by = user;
    return by->order(by->files, a, b);
}

/* The dataset of the files; the list and the classes are taken over on success. */
static cnn_status make_dataset(cnn__files *files, cnn__classes *classes, const char *path, const cnn__files_form *form,
                               cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(check_classes(files, classes, path, form->name_classes != NULL));
    files_source *source = cnn__source_create(files->context, &cnn__files_kind, sizeof(*source));
    if (source == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    qsort_r(files->files, files->count, sizeof(*files->files), compare_files,
            &(sorting){.files = files, .order = form->order});
    log_files(files, classes, path);
    source->base.count = files->count;
    source->base.classes = *classes;
    source->base.left_out = files->left_out.count;
    source->files = *files;
    source->base.orients = files->options.apply_orientation != 0;
    source->files.options.classes = NULL; /* borrowed for the call that opens, as is the part's name */
    source->files.options.part = NULL;
    source->files.options.prefix = NULL;
    /* From here on both are the source's, which the next call takes over even if it fails. */
    *files = (cnn__files){.context = files->context, .paths = {.context = files->context}};
    *classes = (cnn__classes){.context = classes->context};
    return cnn__dataset_wrap(&source->base, dataset);
}

/* The classes are the caller's, or those found. */
static cnn_status name_classes(const cnn__files *files, const cnn__files_form *form, const cnn__listing *listing,
                               cnn__classes *classes)
{
    if (files->options.classes != NULL) {
        return cnn__classes_init(files->context, files->options.classes, files->options.class_count, classes);
    }
    if (form->name_classes == NULL) {
        return CNN_OK;
    }
    cnn__string text = {.context = files->context};
    form->name_classes(listing, &text);
    cnn_status status = text.status;
    if (status == CNN_OK) {
        status = cnn__classes_of_text(&text, false, classes);
    }
    cnn__string_free(&text);
    return status;
}

cnn_status cnn__files_open(cnn_context *context, const char *path, const cnn_files_options *options,
                           const cnn__files_form *form, cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, path, "path", dataset));
    cnn__files files = {.context = context, .paths = {.context = context}};
    cnn__classes classes = {.context = context};
    cnn__listing listing;
    CNN__RETURN_IF_ERROR(cnn__files_options_copy(context, options, &files.options));
    CNN__RETURN_IF_ERROR(cnn__listing_read(context, path, cnn__files_skip(&files), &listing));
    cnn_status status = name_classes(&files, form, &listing, &classes);
    if (status == CNN_OK) {
        status = form->add(&files, path, &listing, &classes);
    }
    if (status == CNN_OK) {
        status = make_dataset(&files, &classes, path, form, dataset);
    }
    cnn__listing_free(&listing);
    free_files(&files);
    cnn__classes_free(&classes);
    return status;
}
