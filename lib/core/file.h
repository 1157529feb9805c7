/* SPDX-License-Identifier: MIT */
/* Whole files in, whole files out. */
#ifndef CNN_CORE_FILE_H
#define CNN_CORE_FILE_H

#include <cnn/context.h>

#include "core/limits.h"

/* The limits that are of a file's bytes, as a type of their own: C would take any number, such as a size or 0, for the
 * name of a limit. */
typedef struct cnn__file_limit {
    cnn__limit_name name;
} cnn__file_limit;

#define CNN__IMAGE_FILE ((cnn__file_limit){CNN__LIMIT_IMAGE_BYTES})
#define CNN__DATA_FILE ((cnn__file_limit){CNN__LIMIT_DATA_BYTES})
#define CNN__TABLE_FILE ((cnn__file_limit){CNN__LIMIT_TABLE_BYTES})
#define CNN__MODEL_FILE ((cnn__file_limit){CNN__LIMIT_MODEL_BYTES})
#define CNN__ONNX_FILE ((cnn__file_limit){CNN__LIMIT_ONNX_BYTES})

/* Reads a file of at most as many bytes as the limit says. The data belongs to the caller (cnn__free). Messages
 * name the path. */
cnn_status cnn__file_read(cnn_context *context, const char *path, cnn__file_limit limit, void **data, size_t *size);

/* A file that appears at `path` only when it is whole: written beside it under another name, synced, renamed, and its
 * folder synced. A file that is there is replaced and leaves its mode and owner to the new one; of a symbolic link,
 * what it leads to. */
typedef struct cnn__writer {
    cnn_context *context;
    char *path;        /* given */
    char *target;      /* where links lead to */
    char *temporary;   /* NULL: not made yet, or gone */
    int descriptor;    /* locked: it says that the temporary file has an owner */
    cnn_status status; /* the first failure */
} cnn__writer;

/* CNN_ERROR_IO, with nothing touched, if something other than a file is there: a folder, a device, a pipe. */
cnn_status cnn__writer_open(cnn_context *context, const char *path, cnn__writer *writer);
/* Appends; a failure is remembered and returned by all later calls. Fits cnn_write_function. */
cnn_status cnn__writer_write(void *writer, const void *data, size_t size);
/* Finishes: on failure the temporary file is removed and `path` is as it was before, unless the message says that the
 * file is in place: then only its folder could not be synced. */
cnn_status cnn__writer_commit(cnn__writer *writer);
/* Gives up: the temporary file is removed. Does nothing after a commit. */
void cnn__writer_abandon(cnn__writer *writer);

/* Whether a file can be written there, found out by beginning one; what is there stays as it is. */
cnn_status cnn__writer_probe(cnn_context *context, const char *path);

/* "path: what: reason", with the status of the reason: CNN_ERROR_NOT_FOUND, CNN_ERROR_OUT_OF_MEMORY, CNN_ERROR_IO. */
cnn_status cnn__file_fail(const cnn_context *context, const char *path, const char *what, int error);

#endif
