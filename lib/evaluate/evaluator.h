/* SPDX-License-Identifier: MIT */
/* What an evaluator is inside: a const descriptor and its state. evaluator.c checks batches and knows what a better
 * score is. A new evaluator is one file with its descriptors, one line in the table of names.c and one Meson line. */
#ifndef CNN_EVALUATE_EVALUATOR_H
#define CNN_EVALUATE_EVALUATOR_H

#include <cnn/evaluator.h>

#include "core/memory.h"

/* The label of samples that every built-in evaluator leaves out. */
#define CNN__NO_LABEL (-1)

typedef struct cnn__evaluator_kind {
    const char *name; /* NULL: made when the evaluator is, or the caller's */
    cnn_score_mode mode;
    double worst_score;
    size_t state_size; /* of evaluator->state, zero to begin with */
    /* The batch goes to `update` as the caller gave it: no check of labels, none are left out. */
    bool raw;
    bool targets;     /* compares outputs with the batch's targets, not with labels */
    bool loss_only;   /* looks at the batch's loss; outputs and labels may be missing */
    size_t kept_size; /* bytes of the state, from its start, that a checkpoint keeps: counts, never pointers or text.
                         0: none, or what `pack` gives */
    /* For states that are more than their struct: appends what a checkpoint keeps, nothing if that would be too much,
     * and takes it back: CNN_ERROR_FORMAT if it is damaged. NULL: kept_size says it. */
    void (*pack)(const cnn_evaluator *evaluator, cnn__string *bytes);
    cnn_status (*unpack)(cnn_evaluator *evaluator, const void *bytes, size_t size);
    /* Forgets all batches; NULL: the state becomes zero. */
    void (*reset)(cnn_evaluator *evaluator);
    /* Counts a batch with at least one sample; unless `raw`, labels are checked: CNN__NO_LABEL, or a class. */
    cnn_status (*update)(cnn_evaluator *evaluator, const cnn_evaluation *batch);
    /* Asked only after a batch with a sample; the worst score if none was labelled. */
    double (*score)(const cnn_evaluator *evaluator);
    bool (*is_better)(const cnn_evaluator *evaluator, double current, double best); /* NULL: by threshold */
    void (*destroy)(cnn_evaluator *evaluator);                                      /* NULL: nothing to do */
} cnn__evaluator_kind;

struct cnn_evaluator {
    cnn_context *context;
    const cnn__evaluator_kind *rule;
    const char *name;
    cnn_score_mode mode;
    double worst_score;
    double threshold;
    uint64_t samples; /* since the last reset */
    void *state;      /* of rule->state_size bytes */
};

/* How a name makes an evaluator. */
typedef struct cnn__evaluator_name {
    const char *name;  /* what names begin with */
    const char *usage; /* how lists show it: "accuracy", "topK" */
    /* `suffix` is what follows the name; CNN_ERROR_NOT_FOUND, without a message, if that is none of its own. */
    cnn_status (*create)(cnn_context *context, const char *suffix, cnn_evaluator **evaluator);
} cnn__evaluator_name;

extern const cnn__evaluator_name cnn__evaluator_accuracy, cnn__evaluator_auc, cnn__evaluator_balanced_accuracy,
    cnn__evaluator_binary_accuracy, cnn__evaluator_error_rate, cnn__evaluator_exact_match, cnn__evaluator_f1,
    cnn__evaluator_fnr, cnn__evaluator_fpr, cnn__evaluator_hamming, cnn__evaluator_log_loss, cnn__evaluator_loss,
    cnn__evaluator_mae, cnn__evaluator_map, cnn__evaluator_mcc, cnn__evaluator_precision, cnn__evaluator_r2,
    cnn__evaluator_recall, cnn__evaluator_rmse, cnn__evaluator_top_k;

/* The number that is all of the text. */
bool cnn__evaluator_number(const char *text, uint32_t *number);

/* Allocates an evaluator with a zero state. */
cnn_status cnn__evaluator_new(cnn_context *context, const cnn__evaluator_kind *rule, cnn_evaluator **evaluator);

/* The rule of cnn_evaluator_is_better(), for numbers. */
bool cnn__better_by_threshold(const cnn_evaluator *evaluator, double current, double best);

/* State of evaluators whose score is a share: right / counted. */
typedef struct cnn__share {
    uint64_t right;
    uint64_t counted;
} cnn__share;

/* The share, for a state that begins with a cnn__share; the worst score if nothing was counted. */
double cnn__share_score(const cnn_evaluator *evaluator);

/* Classes that a number of outputs tells apart: one output is that of class 1 of two. */
static inline size_t cnn__evaluation_classes(size_t outputs) { return outputs == 1 ? 2 : outputs; }

/* The class of an output above 0.5, as Keras's binary accuracy decides: 0.5 itself is class 0; -1 for NaN. */
int32_t cnn__binary_class(float output);

/* The class that a sample's outputs speak for: the first largest, or cnn__binary_class() of the only one. -1 if any
 * of them is NaN: such a sample is never right. */
int32_t cnn__predicted_class(const float *outputs, size_t count);

#endif
