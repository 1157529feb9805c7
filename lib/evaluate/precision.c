/* SPDX-License-Identifier: MIT */
/* Share of the samples predicted as a class that are of it. */
#include "evaluate/classification.h"

static double measure(const cnn__class_counts *counts) { return cnn__ratio(counts->right, counts->predicted); }

static const cnn__evaluator_kind rule = CNN__CLASSIFICATION_RULE("precision");

cnn_status cnn_precision_create(cnn_context *context, const cnn_classification_options *options,
                                cnn_evaluator **evaluator)
{
    return cnn__classification_create(context, &rule, measure, options, evaluator);
}

static cnn_status create_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    cnn_classification_options options = {.struct_size = sizeof(options)};
    return cnn__classification_suffix(suffix, &options) ? cnn_precision_create(context, &options, evaluator)
                                                        : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_precision = {"precision", "precision (also precision_micro, precision_classN)",
                                                      create_named};
