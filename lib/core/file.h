/* SPDX-License-Identifier: MIT */
/* Whole files in, whole files out. */
#ifndef CNN_CORE_FILE_H
#define CNN_CORE_FILE_H

#include <cnn/context.h>

/* Reads a file of at most `limit` bytes. The data belongs to the caller (cnn__free). Messages name the path. */
cnn_status cnn__file_read(cnn_context *context, const char *path, size_t limit, void **data, size_t *size);

/* A file that appears at `path` only when it is whole: written beside it under another name, synced, renamed,
 * and its folder synced. */
typedef struct cnn__writer {
    cnn_context *context;
    char *path;
    char *temporary;
    int descriptor;
    cnn_status status; /* the first failure */
} cnn__writer;

cnn_status cnn__writer_open(cnn_context *context, const char *path, cnn__writer *writer);
/* Appends; a failure is remembered and returned by all later calls. Fits cnn_write_function. */
cnn_status cnn__writer_write(void *writer, const void *data, size_t size);
/* Finishes: on failure the temporary file is removed and `path` is as it was before. */
cnn_status cnn__writer_commit(cnn__writer *writer);
/* Gives up: the temporary file is removed. Does nothing after a commit. */
void cnn__writer_abandon(cnn__writer *writer);

#endif
