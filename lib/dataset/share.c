/* SPDX-License-Identifier: MIT */
/* A list of files that one rank has made, for all others. */
#include <string.h>

#include "communicator/communicator.h"
#include "dataset/files.h"

/* What is sent first; sizes in bytes. */
typedef struct parcel {
    uint64_t count, paths; /* files; of their paths. 0 files: there is nothing to share */
    uint64_t classes, names;
    uint64_t left_out;
    uint32_t channels, orients;
} parcel;

/* All class names, each with its NUL. */
static void join_names(const cnn__classes *classes, cnn__string *names)
{
    for (size_t i = 0; i < classes->count; i++) {
        const char *name = cnn__classes_name(classes, i);
        cnn__string_append(names, name, strlen(name) + 1);
    }
}

/* Whether all that points into the text does so, and the text ends. */
static bool is_sound(const cnn__files *files, size_t classes)
{
    const char *text = files->paths.data;
    bool sound = files->paths.size > 0 && text[files->paths.size - 1] == '\0';
    for (size_t i = 0; i < files->count && sound; i++) {
        const cnn__file *file = &files->files[i];
        sound = file->path < files->paths.size && file->label >= -1 && file->label < (int64_t)classes &&
                file->name <= strlen(text + file->path);
    }
    return sound;
}

/* Room for what will come. */
static cnn_status make_room(cnn_context *context, const parcel *head, cnn__files *files, char **names)
{
    *files = (cnn__files){.context = context, .paths = {.context = context}};
    files->options.channels = head->channels;
    files->files = cnn__alloc_array(context, (size_t)head->count, sizeof(*files->files));
    files->paths.data = cnn__alloc(context, (size_t)head->paths + 1);
    files->paths.size = files->paths.capacity = (size_t)head->paths;
    files->count = files->capacity = (size_t)head->count;
    *names = cnn__alloc(context, (size_t)head->names + 1);
    return files->files != NULL && files->paths.data != NULL && *names != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

static cnn_status broadcast_all(cnn_context *context, const cnn_communicator *c, const parcel *head, cnn__files *files,
                                char *names)
{
    CNN__RETURN_IF_ERROR(
        cnn_communicator_broadcast(context, c, 0, files->files, (size_t)head->count * sizeof(*files->files)));
    CNN__RETURN_IF_ERROR(cnn_communicator_broadcast(context, c, 0, files->paths.data, (size_t)head->paths));
    return cnn_communicator_broadcast(context, c, 0, names, (size_t)head->names);
}

static cnn_status make_classes(cnn_context *context, const parcel *head, const char *text, cnn__classes *classes)
{
    const char **names = cnn__alloc_array(context, (size_t)head->classes + 1, sizeof(*names));
    if (names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    size_t at = 0;
    for (size_t i = 0; i < head->classes; i++) {
        names[i] = text + at;
        at += at < head->names ? strnlen(text + at, (size_t)head->names - at) + 1 : 0;
    }
    cnn_status status = at == head->names ? cnn__classes_init(context, names, (size_t)head->classes, classes)
                                          : cnn__fail(context, CNN_ERROR_FORMAT, "dataset: damaged class names");
    cnn__free(context, names);
    return status;
}

/* The dataset of what has come; the list is taken over, also on failure. */
static cnn_status make_dataset(cnn_context *context, const parcel *head, cnn__files *files, const char *names,
                               cnn_dataset **dataset)
{
    cnn__files_source *source = NULL;
    cnn_status status = is_sound(files, (size_t)head->classes)
                            ? CNN_OK
                            : cnn__fail(context, CNN_ERROR_FORMAT, "dataset: a damaged list of files");
    if (status == CNN_OK) {
        source = cnn__source_create(context, &cnn__files_kind, sizeof(*source));
        status = source != NULL ? make_classes(context, head, names, &source->base.classes) : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status != CNN_OK) {
        cnn__string_free(&files->paths);
        cnn__free(context, files->files);
        cnn__free(context, source);
        return status;
    }
    source->base.count = files->count;
    source->base.left_out = (size_t)head->left_out;
    source->base.orients = head->orients != 0;
    source->files = *files;
    return cnn__dataset_wrap(&source->base, dataset);
}

static cnn_status send_list(cnn_context *context, const cnn_communicator *c, cnn__files_source *source, parcel *head)
{
    cnn__string names = {.context = context};
    if (source != NULL) {
        join_names(&source->base.classes, &names);
        *head = (parcel){.count = source->base.count,
                         .paths = source->files.paths.size,
                         .classes = source->base.classes.count,
                         .names = names.size,
                         .left_out = source->base.left_out,
                         .channels = source->files.options.channels,
                         .orients = source->base.orients};
        head->count = names.status == CNN_OK ? head->count : 0;
    }
    cnn_status status = cnn_communicator_broadcast(context, c, 0, head, sizeof(*head));
    if (status == CNN_OK && head->count > 0) {
        status = broadcast_all(context, c, head, &source->files, names.data);
    }
    status = status == CNN_OK ? names.status : status;
    cnn__string_free(&names);
    return status;
}

/* Whoever has no room takes part all the same, piece by piece; then all know that it failed by what follows. */
static cnn_status receive_list(cnn_context *context, const cnn_communicator *c, parcel *head, cnn_dataset **dataset)
{
    cnn__files files;
    char *names = NULL;
    CNN__RETURN_IF_ERROR(cnn_communicator_broadcast(context, c, 0, head, sizeof(*head)));
    if (head->count == 0) {
        return CNN_OK;
    }
    cnn_status status = make_room(context, head, &files, &names);
    status = status == CNN_OK ? broadcast_all(context, c, head, &files, names) : status;
    if (status == CNN_OK) {
        status = make_dataset(context, head, &files, names, dataset);
    } else {
        cnn__free(context, files.files);
        cnn__free(context, files.paths.data);
    }
    cnn__free(context, names);
    return status;
}

cnn_status cnn_dataset_share(cnn_context *context, const cnn_communicator *communicator, cnn_dataset **dataset)
{
    cnn_communicator c;
    parcel head = {0};
    if (context == NULL || dataset == NULL || communicator == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_dataset_share: an argument is NULL");
    }
    CNN__RETURN_IF_ERROR(cnn__communicator_copy(context, communicator, &c));
    if (c.rank != 0) {
        *dataset = NULL;
    } else if (*dataset == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_dataset_share: rank 0 has no dataset");
    }
    if (!cnn__has_peers(&c)) {
        return CNN_OK;
    }
    cnn__source *source = c.rank == 0 ? cnn__dataset_whole_source(*dataset) : NULL;
    source = source != NULL && source->kind == &cnn__files_kind ? source : NULL;
    CNN__RETURN_IF_ERROR(c.rank == 0 ? send_list(context, &c, (cnn__files_source *)source, &head)
                                     : receive_list(context, &c, &head, dataset));
    return head.count > 0 ? CNN_OK
                          : cnn__fail(context, CNN_ERROR_UNSUPPORTED,
                                      "dataset: its samples are no files of a folder, which could be shared");
}
