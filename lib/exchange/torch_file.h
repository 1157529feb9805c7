/* SPDX-License-Identifier: MIT */
/* A file of PyTorch that is open: what torch.c, of archives, and torch_old.c, of files before PyTorch 1.6, hand on to
 * torch_tensors.c. */
#ifndef CNN_EXCHANGE_TORCH_FILE_H
#define CNN_EXCHANGE_TORCH_FILE_H

#include "exchange/pickle.h"
#include "exchange/weights.h"
#include "exchange/zip.h"

/* Room for the name of a tensor or a storage. */
#define CNN__TORCH_NAME 1024

typedef struct cnn__torch_tensor cnn__torch_tensor;

typedef struct cnn__torch_file {
    cnn_context *context;
    cnn__zip zip; /* of an archive; of an old file its bytes alone */
    bool archive;
    cnn__pickle pickle;
    uint8_t *text;              /* the pickle */
    char root[CNN__TORCH_NAME]; /* "archive/" */
    cnn__table keys;            /* old: key of a storage -> place in `offsets` */
    uint64_t *offsets;
    char **key_texts;
    size_t key_count;
    cnn__torch_tensor *tensors;
    size_t count, capacity, visits;
    cnn_weights *weights;
} cnn__torch_file;

/* Fails with the name of the file. */
cnn_status cnn__torch_refuse(const cnn__torch_file *t, cnn_status status, const char *what);

/* Adds all tensors of what the pickle has made to the weights; storages are in the archive, or their offsets known. */
cnn_status cnn__torch_list(cnn__torch_file *t, uint32_t root);
/* Reads one; as `read` of cnn_weights_options, of which `user` is the file. */
cnn_status cnn__torch_read(void *user, uint64_t id, float *values);

/* Reads a file before PyTorch 1.6. Takes the bytes over, also on failure. */
cnn_status cnn__torch_open_old(cnn__torch_file *t, cnn__bytes *bytes);

#endif
