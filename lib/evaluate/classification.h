/* SPDX-License-Identifier: MIT */
/* What precision, recall and F1 share: counts for each class, and the ways of averaging them. */
#ifndef CNN_EVALUATE_CLASSIFICATION_H
#define CNN_EVALUATE_CLASSIFICATION_H

#include "evaluate/evaluator.h"

/* Samples of a class: predicted as it and labelled so, labelled so, predicted as it. */
typedef struct cnn__class_counts {
    uint64_t right, labelled, predicted;
} cnn__class_counts;

/* The measure of one class, or of the sums over all; a share of nothing is 0. */
typedef double (*cnn__class_measure)(const cnn__class_counts *counts);

/* A measure of all classes together. */
typedef double (*cnn__overall_measure)(const cnn__class_counts *counts, size_t classes);

static inline double cnn__ratio(uint64_t part, uint64_t whole) { return whole > 0 ? (double)part / (double)whole : 0; }

typedef struct cnn__classification {
    cnn__class_measure measure;
    cnn__overall_measure overall; /* NULL: `measure` and `averaging` say it */
    cnn_averaging averaging;
    uint32_t label;
    size_t classes; /* 0 before the first batch */
    cnn__class_counts *counts;
    char name[40]; /* "precision_class4294967295" */
} cnn__classification;

/* Functions of the rules. */
void cnn__classification_reset(cnn_evaluator *evaluator);
cnn_status cnn__classification_update(cnn_evaluator *evaluator, const cnn_evaluation *batch);
double cnn__classification_score(const cnn_evaluator *evaluator);
void cnn__classification_destroy(cnn_evaluator *evaluator);
void cnn__classification_pack(const cnn_evaluator *evaluator, cnn__string *bytes);
cnn_status cnn__classification_unpack(cnn_evaluator *evaluator, const void *bytes, size_t size);

#define CNN__CLASSIFICATION_RULE(rule_name)                                                                            \
    {                                                                                                                  \
        .name = (rule_name), .mode = CNN_SCORE_MAX, .state_size = sizeof(cnn__classification),                         \
        .reset = cnn__classification_reset, .update = cnn__classification_update, .score = cnn__classification_score,  \
        .destroy = cnn__classification_destroy, .pack = cnn__classification_pack, .unpack = cnn__classification_unpack \
    }

/* What follows the measure's name: "", "_macro", "_micro", "_class3". */
bool cnn__classification_suffix(const char *suffix, cnn_classification_options *options);

cnn_status cnn__classification_create(cnn_context *context, const cnn__evaluator_kind *rule, cnn__class_measure measure,
                                      const cnn_classification_options *options, cnn_evaluator **evaluator);
cnn_status cnn__classification_overall(cnn_context *context, const cnn__evaluator_kind *rule,
                                       cnn__overall_measure measure, cnn_evaluator **evaluator);

#endif
