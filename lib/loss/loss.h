/* SPDX-License-Identifier: MIT */
/* What a loss is inside: one const descriptor, which knows a single sample; loss.c checks targets and runs over
 * the batch. A new loss is one file, one line in loss.c's table and one Meson line. */
#ifndef CNN_LOSS_LOSS_H
#define CNN_LOSS_LOSS_H

#include <cnn/loss.h>

#include "core/params.h"

/* One sample. */
typedef struct cnn__loss_row {
    size_t outputs;
    const float *z;      /* [outputs]: logits, or the model's outputs for kinds with on_output */
    int32_t label;       /* where `values` is NULL */
    const float *values; /* [outputs], or NULL */
    float *gradient;     /* [outputs]: receives scale * d loss / d z; NULL: not wanted */
    double scale;        /* 1 / what the sum over the batch is divided by */
    const cnn_loss *loss;
    cnn_status status; /* set by a custom loss that fails; CNN_OK to begin with */
} cnn__loss_row;

/* The target of output j; a label is one-hot, or with one output its own value. */
static inline double cnn__loss_target(const cnn__loss_row *row, size_t j)
{
    if (row->values != NULL) {
        return row->values[j];
    }
    return row->outputs == 1 ? (double)row->label : (double)((size_t)row->label == j);
}

/* weight * x, where a weight of 0 silences even an infinite x. */
static inline double cnn__loss_weighted(double weight, double x) { return weight == 0 ? 0 : weight * x; }

typedef struct cnn__loss_kind {
    const char *name;
    const char *usage;        /* as lists show it, with its options */
    const cnn__param *params; /* its options in text; NULL: none */
    bool logarithms;          /* what it works on are log-probabilities */
    bool on_output;           /* works on the model's output, not on the logits */
    bool probabilities;       /* target values lie in [0, 1] */
    bool mean_over_outputs;   /* the mean is over samples and outputs, else over samples */
    size_t least_outputs;     /* values of a sample that the loss needs to make sense */
    /* The unscaled loss of a sample; infinite or NaN where z says so. */
    double (*row)(cnn__loss_row *row);
} cnn__loss_kind;

struct cnn_loss {
    cnn_context *context;
    const cnn__loss_kind *kind; /* of a custom loss that in `own` */
    cnn__loss_kind own;
    double params[CNN__PARAMS]; /* by kind->params */
    cnn_loss_kind custom;
    void *user; /* of custom */
};

extern const cnn__loss_kind cnn__loss_binary_crossentropy;
extern const cnn__loss_kind cnn__loss_categorical_crossentropy;
extern const cnn__loss_kind cnn__loss_nll;
extern const cnn__loss_kind cnn__loss_mse;
extern const cnn__loss_kind cnn__loss_mae;
extern const cnn__loss_kind cnn__loss_huber;
extern const cnn__loss_kind cnn__loss_binary_focal;
extern const cnn__loss_kind cnn__loss_categorical_focal;

/* The kind of that name; NULL if there is none. */
const cnn__loss_kind *cnn__loss_find(const char *name);

/* Whether the loss is to be given the model's output (and its gradient is that of the output), not the logits. */
/* Whether it takes log-probabilities. */
static inline bool cnn__loss_on_logarithms(const cnn_loss *loss) { return loss->kind->logarithms; }
static inline bool cnn__loss_on_output(const cnn_loss *loss) { return loss->kind->on_output; }

/* As cnn_loss_compute(), with messages of `context`. With `counted`, samples with label -1 are left out: their
 * gradient is 0, the mean is over the others, whose number goes to *counted, and is NaN if there are none. Without
 * (NULL), such a label is out of range. */
cnn_status cnn__loss_compute(cnn_context *context, const cnn_loss *loss, const float *z, const cnn_target *target,
                             size_t count, size_t outputs, float *gradient, double *value, size_t *counted);

#endif
