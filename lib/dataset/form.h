/* SPDX-License-Identifier: MIT */
/* What a folder may be a dataset as: a descriptor for each form, in the table of open.c. */
#ifndef CNN_DATASET_FORM_H
#define CNN_DATASET_FORM_H

#include "dataset/listing.h"
#include "dataset/source.h"

/* What lies in a folder. */
typedef struct cnn__contents {
    size_t images, folders;
    size_t parts;                  /* folders that are named as parts of a dataset are, not as classes */
    size_t labelled;               /* images whose names have a part before the first dot and one after it */
    size_t own_files, own_folders; /* what is the form's own, see below */
} cnn__contents;

typedef struct cnn__dataset_form {
    const char *name; /* as messages list what is expected */
    /* Whether a name is that of a file, or folder, of this form alone; NULL: there are none. */
    bool (*owns)(const char *name);
    /* Whether a folder is of this form. The first form in the table that says so opens it. */
    bool (*fits)(const cnn__contents *contents);
    cnn_status (*open)(cnn_context *context, const char *path, const cnn__listing *listing,
                       const cnn_files_options *options, cnn_dataset **dataset);
} cnn__dataset_form;

/* Whether a file of this name is a table for cnn_dataset_open_table(). */
bool cnn__is_table_name(const char *path);

extern const cnn__dataset_form cnn__idx_form, cnn__cifar_form, cnn__folders_form, cnn__flat_form;

#endif
