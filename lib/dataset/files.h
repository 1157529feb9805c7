/* SPDX-License-Identifier: MIT */
/* Datasets whose samples are image files: the list that class folders and flat folders fill. */
#ifndef CNN_DATASET_FILES_H
#define CNN_DATASET_FILES_H

#include "dataset/listing.h"
#include "dataset/source.h"

typedef struct cnn__file {
    size_t path;   /* where its path begins in `paths` */
    uint32_t name; /* where its name begins in its path */
    int32_t label;
} cnn__file;

typedef struct cnn__files {
    cnn_context *context;
    cnn_files_options options;
    cnn__string paths; /* all paths, each with its NUL: one block however many files there are */
    cnn__file *files;
    size_t count, capacity;
    cnn__passed hidden, other, left_out;
} cnn__files;

/* The source that has them. */
typedef struct cnn__files_source {
    cnn__source base;
    cnn__files files;
} cnn__files_source;
extern const cnn__source_kind cnn__files_kind;

/* The order of a list's samples: < 0 if `a` comes before `b`. */
typedef int (*cnn__files_order)(const cnn__files *files, const cnn__file *a, const cnn__file *b);

/* What tells class folders from a flat folder. */
typedef struct cnn__files_form {
    /* Appends the classes' names, each with its NUL, in any order and with repetitions. NULL: samples have no labels,
     * and classes are only those that are asked for. */
    void (*name_classes)(const cnn__listing *listing, cnn__string *names);
    /* Adds the files below `path`, whose listing is given. */
    cnn_status (*add)(cnn__files *files, const char *path, const cnn__listing *listing, const cnn__classes *classes);
    cnn__files_order order;
} cnn__files_form;

/* Opens the folder `path` as a dataset of that form. A class without files is CNN_ERROR_FORMAT, unless the classes are
 * the caller's: then it is told in the log. */
cnn_status cnn__files_open(cnn_context *context, const char *path, const cnn_files_options *options,
                           const cnn__files_form *form, cnn_dataset **dataset);

/* Fails because a folder's or a file's name is none of the classes. */
cnn_status cnn__files_fail_class(const cnn__files *files, const cnn__classes *classes, const char *path,
                                 const char *what, const char *name);

cnn_status cnn__files_add(cnn__files *files, const char *folder, const char *name, int32_t label);
/* Counts an entry that is no file of a class. */
void cnn__files_pass_over(cnn__files *files, const char *folder, const char *name);
/* Counts a folder's hidden entries, and those that cannot be examined. */
void cnn__files_pass_hidden(cnn__files *files, const char *folder, const cnn__listing *listing);

static inline bool cnn__files_skip(const cnn__files *files) { return files->options.on_error == CNN_ON_ERROR_SKIP; }

static inline const char *cnn__file_path(const cnn__files *files, const cnn__file *file)
{
    return files->paths.data + file->path;
}

#endif
