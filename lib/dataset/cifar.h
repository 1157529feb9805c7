/* SPDX-License-Identifier: MIT */
/* The binary files of CIFAR-10 and CIFAR-100: records of one or two labels and three planes of 32 x 32 bytes. */
#ifndef CNN_DATASET_CIFAR_H
#define CNN_DATASET_CIFAR_H

#include "dataset/listing.h"
#include "dataset/source.h"

#define CNN__CIFAR_SIDE 32U
#define CNN__CIFAR_PIXELS ((size_t)3 * CNN__CIFAR_SIDE * CNN__CIFAR_SIDE)
#define CNN__CIFAR_MAX_CLASSES 100

/* The files of one dataset, and one of the labels in them. */
typedef struct cnn__cifar_set {
    const char *train, *test; /* names of the files; "*" stands for digits */
    size_t labels, label;     /* bytes of labels before the pixels, and which of them is read */
    int32_t classes;
    const char *names_file;   /* the classes' names, one a line */
    const char *const *names; /* where the folder has no such file */
} cnn__cifar_set;

/* Those of one dataset stand together, what is read if nothing else is said first; `train` is NULL after the last. */
extern const cnn__cifar_set cnn__cifar_sets[];

static inline size_t cnn__cifar_record(const cnn__cifar_set *set) { return set->labels + CNN__CIFAR_PIXELS; }

/* Checks the size of a file: CNN_ERROR_TRUNCATED unless it is a whole number of records, at least one. */
cnn_status cnn__cifar_count(const cnn_context *context, const cnn__cifar_set *set, const char *name, size_t size,
                            size_t *records);
/* Parses all records of a file whose size was checked: interleaved pixels and labels, CNN__CIFAR_PIXELS and one for
 * each record. */
cnn_status cnn__cifar_parse(const cnn_context *context, const cnn__cifar_set *set, const char *name,
                            const uint8_t *bytes, size_t records, uint8_t *pixels, int32_t *labels);

/* Whether a name is that of a file of this set; part NULL: of any part. */
bool cnn__cifar_is_file(const cnn__cifar_set *set, const char *name, const char *part);

#endif
