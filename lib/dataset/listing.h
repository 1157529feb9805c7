/* SPDX-License-Identifier: MIT */
/* What lies in a folder. */
#ifndef CNN_DATASET_LISTING_H
#define CNN_DATASET_LISTING_H

#include <sys/types.h>

#include "core/memory.h"

typedef enum cnn__entry_type {
    CNN__ENTRY_FILE,   /* a regular file, or a link to one */
    CNN__ENTRY_FOLDER, /* a folder, or a link to one */
    CNN__ENTRY_OTHER   /* a device, a pipe, ... */
} cnn__entry_type;

typedef struct cnn__entry {
    size_t name; /* where it begins in `names` */
    cnn__entry_type type;
} cnn__entry;

/* Names that were passed over: how many, and the first that was met. */
typedef struct cnn__passed {
    size_t count;
    char first[256];
} cnn__passed;

/* One folder's entries in byte order, without those that begin with a dot. */
typedef struct cnn__listing {
    cnn_context *context;
    cnn__string names; /* each with its NUL */
    cnn__entry *entries;
    size_t count, capacity;
    size_t hidden;        /* entries that begin with a dot, beside "." and ".." */
    size_t first_hidden;  /* the first in byte order, in `names` */
    cnn__passed left_out; /* entries that cannot be examined, with the reason for the first that was met */
    dev_t device;         /* of the folder itself: */
    ino_t node;           /* the same under every name that links give it */
} cnn__listing;

/* CNN_ERROR_NOT_FOUND, CNN_ERROR_FORMAT (no folder), CNN_ERROR_IO, CNN_ERROR_OUT_OF_MEMORY; an entry that cannot be
 * examined (a link to nowhere) is CNN_ERROR_IO, or with `skip` left out. On failure nothing is left to free. */
cnn_status cnn__listing_read(cnn_context *context, const char *path, bool skip, cnn__listing *listing);
void cnn__listing_free(cnn__listing *listing);
const char *cnn__listing_name(const cnn__listing *listing, size_t index);

/* "folder/name" in memory of its own (cnn__free); no second slash after a folder that ends with one. */
char *cnn__path_join(cnn_context *context, const char *folder, const char *name);
/* Whether the names are the same but for the case of the letters A to Z, whatever the locale. */
bool cnn__same_but_case(const char *a, const char *b);
/* Appends what was passed over to what was before. */
void cnn__passed_add(cnn__passed *passed, const cnn__passed *more);
/* By its ending, see cnn_image_name_format(). */
bool cnn__is_image_name(const char *name);
/* Like strcmp, but runs of digits are compared as numbers; 0 for equal strings only. */
int cnn__natural_compare(const char *a, const char *b);

/* Fails with the text of `error`, an errno. */
cnn_status cnn__fail_errno(const cnn_context *context, const char *path, const char *what, int error);

#endif
