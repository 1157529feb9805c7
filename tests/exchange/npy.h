/* SPDX-License-Identifier: MIT */
/* numpy's arrays, alone or in an .npz archive, as tests need them. */
#ifndef CNN_TEST_EXCHANGE_NPY_H
#define CNN_TEST_EXCHANGE_NPY_H

#include <cnn/cnn.h>

typedef struct npy {
    char *data; /* the file */
    size_t size, capacity;
    char type[8];   /* "f8", "u1", "U12" */
    size_t dims[4]; /* 1 where there are fewer */
    size_t count;
    bool columns_first; /* Fortran's order */
    const char *values;
} npy;

/* Reads `member` of the archive at `path`, or with NULL the file itself; fails the test if it cannot. */
void npy_read(cnn_context *context, const char *path, const char *member, npy *array);
void npy_free(npy *array);
/* A number of any of the types. */
double npy_number(const npy *array, size_t index);
/* Text of an array of type U, of plain characters. */
void npy_text(const npy *array, size_t index, char *text, size_t size);

#endif
