/* SPDX-License-Identifier: MIT */
/* The harmonic mean of precision and recall. */
#include "evaluate/classification.h"

static double measure(const cnn__class_counts *counts)
{
    return cnn__ratio(2 * counts->right, counts->predicted + counts->labelled);
}

static const cnn__evaluator_kind rule = CNN__CLASSIFICATION_RULE("f1");

cnn_status cnn_f1_create(cnn_context *context, const cnn_classification_options *options, cnn_evaluator **evaluator)
{
    return cnn__classification_create(context, &rule, measure, options, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    cnn_classification_options options = {.struct_size = sizeof(options)};
    return cnn__classification_suffix(suffix, &options) ? cnn_f1_create(context, &options, evaluator)
                                                        : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_f1 = {"f1", "f1 (also f1_micro, f1_classN)", create_named};
