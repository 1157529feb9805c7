/* SPDX-License-Identifier: MIT */
/* Figures of all classes together that uneven numbers of samples do not flatter: the mean recall, and Matthews'
 * correlation coefficient. */
#include <math.h>

#include "evaluate/classification.h"

static double mean_recall(const cnn__class_counts *counts, size_t classes)
{
    double sum = 0;
    size_t labelled = 0;
    for (size_t i = 0; i < classes; i++) {
        sum += cnn__ratio(counts[i].right, counts[i].labelled);
        labelled += counts[i].labelled > 0;
    }
    return labelled > 0 ? sum / (double)labelled : 0;
}

/* Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient". */
static double correlation(const cnn__class_counts *counts, size_t classes)
{
    double right = 0, both = 0, labels = 0, predictions = 0, all = 0;
    for (size_t i = 0; i < classes; i++) {
        const double labelled = (double)counts[i].labelled, predicted = (double)counts[i].predicted;
        right += (double)counts[i].right;
        all += labelled;
        both += labelled * predicted;
        labels += labelled * labelled;
        predictions += predicted * predicted;
    }
    const double spread = (all * all - predictions) * (all * all - labels);
    return spread > 0 ? (right * all - both) / sqrt(spread) : 0;
}

static const cnn__evaluator_kind recall_rule = CNN__CLASSIFICATION_RULE("balanced_accuracy");
static const cnn__evaluator_kind correlation_rule = CNN__CLASSIFICATION_RULE("mcc");

cnn_status cnn_balanced_accuracy_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__classification_overall(context, &recall_rule, mean_recall, evaluator);
}

cnn_status cnn_mcc_create(cnn_context *context, cnn_evaluator **evaluator)
{
    return cnn__classification_overall(context, &correlation_rule, correlation, evaluator);
}

static cnn_status recall_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_balanced_accuracy_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

static cnn_status correlation_named(cnn_context *context, const char *suffix, cnn_evaluator **evaluator)
{
    return suffix[0] == '\0' ? cnn_mcc_create(context, evaluator) : CNN_ERROR_NOT_FOUND;
}

const cnn__evaluator_name cnn__evaluator_balanced_accuracy = {"balanced_accuracy", "balanced_accuracy", recall_named};
const cnn__evaluator_name cnn__evaluator_mcc = {"mcc", "mcc", correlation_named};
