/* SPDX-License-Identifier: MIT */
/* Share of the samples of a class that are predicted as it. */
#include "evaluate/classification.h"

static double measure(const cnn__class_counts *counts) { return cnn__ratio(counts->right, counts->labelled); }

static const cnn__evaluator_kind rule = CNN__CLASSIFICATION_RULE("recall");

cnn_status cnn_recall_create(cnn_context *context, const cnn_classification_options *options, cnn_evaluator **evaluator)
{
    return cnn__classification_create(context, &rule, measure, options, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    cnn_classification_options options = {.struct_size = sizeof(options)};
    return cnn__classification_suffix(suffix, &options) ? cnn_recall_create(context, &options, evaluator)
                                                        : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_recall = {"recall", "recall (also recall_micro, recall_classN)", create_named};
