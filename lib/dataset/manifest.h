/* SPDX-License-Identifier: MIT */
/* A dataset that a table lists: which column says what (manifest_columns.c), what the samples are (manifest_task.c,
 * manifest_labels.c), and where their files lie (manifest_files.c). */
#ifndef CNN_DATASET_MANIFEST_H
#define CNN_DATASET_MANIFEST_H

#include "dataset/sheet.h"
#include "dataset/source.h"

#define CNN__NO_COLUMN SIZE_MAX

/* Columns by what they hold. */
typedef struct cnn__manifest_columns {
    size_t path, split, weight, group; /* CNN__NO_COLUMN: there is none */
    size_t *targets;                   /* what samples are; cnn__free */
    size_t target_count;               /* 0: nothing is said of them */
    bool values, list;                 /* the one column of targets is named for numbers, or for several labels */
} cnn__manifest_columns;

/* Finds them by their names, or as the options say. On failure nothing is left to free. */
cnn_status cnn__manifest_find_columns(const cnn__sheet *sheet, const cnn_files_options *options,
                                      cnn__manifest_columns *columns);

/* One item of a cell, not ended by a NUL. */
typedef struct cnn__item {
    const char *text;
    size_t size;
} cnn__item;

/* The items of a cell, one after the other: those of a list, or the one that the text is. Empty ones are left out.
 * *place begins as the cell's text; false after the last. */
bool cnn__manifest_item(const cnn__sheet *sheet, const char **place, bool split, cnn__item *item);

typedef struct cnn__manifest {
    cnn__source base;
    cnn_files_options options; /* channels */
    cnn__string paths;         /* each with its NUL */
    size_t *path;              /* [count]: where it begins */
    int32_t *labels;           /* [count] of CNN_TASK_CLASSES; NULL: all -1 */
    size_t *first;             /* [count + 1] of CNN_TASK_LABELS: where a sample's labels begin in `ids` */
    uint32_t *ids;
    float *values;   /* [count, target_count] of CNN_TASK_VALUES */
    float *weights;  /* [count]; NULL: all 1 */
    int64_t *groups; /* [count]; NULL: all -1 */
} cnn__manifest;

/* Which rows of a table become samples. */
typedef struct cnn__manifest_rows {
    size_t *rows;
    size_t count;
} cnn__manifest_rows;

/* Sets task, classes and target_count by all rows of the table, and the labels, ids or values of `rows`. What it made
 * is the manifest's, also after a failure. */
cnn_status cnn__manifest_label(cnn__manifest *manifest, const cnn__sheet *sheet, const cnn__manifest_columns *columns,
                               const cnn_files_options *options, const cnn__manifest_rows *rows);

/* Where the files of a table lie (manifest_files.c). */
typedef struct cnn__manifest_finder {
    cnn_context *context;
    char *folder;         /* of the table, with its slash; "" for the current one */
    char *stem;           /* the table's name without its ending */
    size_t ending, place; /* where the last file was found: the others mostly are there too */
    cnn__string path;
} cnn__manifest_finder;

/* Closed after a failure, too. */
cnn_status cnn__manifest_open_finder(cnn_context *context, const char *table, cnn__manifest_finder *self);
void cnn__manifest_close_finder(cnn__manifest_finder *self);
/* Finds the file that a cell names, whose path then is self->path. False with an errno if there is none. */
bool cnn__manifest_find_file(cnn__manifest_finder *self, const char *name, int *error);

/* The part of a dataset that a word in a column of splits means, a bit of CNN__PARTS; 0 for none. */
enum { CNN__PART_TRAIN = 1, CNN__PART_VALIDATION = 2, CNN__PART_TEST = 4 };
unsigned cnn__part_of_word(const char *word);

#endif
