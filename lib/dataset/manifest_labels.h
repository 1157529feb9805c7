/* SPDX-License-Identifier: MIT */
/* A table whose samples get their labels: manifest_task.c finds out what they are by looking at all rows,
 * manifest_labels.c reads those of the rows that are asked for. */
#ifndef CNN_DATASET_MANIFEST_LABELS_H
#define CNN_DATASET_MANIFEST_LABELS_H

#include "dataset/manifest.h"

typedef struct cnn__labeller {
    cnn__manifest *manifest;
    const cnn__sheet *sheet;
    const cnn__manifest_columns *columns;
    const cnn_files_options *options;
    const cnn__manifest_rows *rows;
    /* Of all cells of the targets: */
    bool lists;     /* some hold several items, or may */
    bool numbers;   /* all items are numbers */
    bool fractions; /* some have a sign, a point or an exponent */
    bool bits;      /* all cells are 0 or 1 */
    bool one_hot;   /* and one cell of each row is 1 */
    size_t filled;  /* cells that are not empty */
    size_t most;    /* items in a cell */
    size_t bad;     /* the first row whose cells are not all numbers */
    size_t bad_column;
} cnn__labeller;

/* Whether the item is a number. */
bool cnn__item_number(const cnn__item *item, double *value);

/* Looks at all cells of the targets. */
void cnn__labeller_look(cnn__labeller *self);
/* What the samples are: as the options say, or by what the cells hold. CNN_ERROR_FORMAT if they cannot be that. */
cnn_status cnn__labeller_choose_task(cnn__labeller *self, cnn_task *task);
/* Gives the manifest the names of its classes. */
cnn_status cnn__labeller_name_classes(const cnn__labeller *self, cnn_task task);

#endif
