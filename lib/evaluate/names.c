/* SPDX-License-Identifier: MIT */
/* Evaluators by name. */
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "evaluate/evaluator.h"

typedef struct plain {
    const char *name;
    cnn_status (*create)(cnn_context *context, cnn_evaluator **evaluator);
} plain;

static const plain plains[] = {
    {"accuracy", cnn_accuracy_create},
    {"auc", cnn_auc_create},
    {"binary_accuracy", cnn_binary_accuracy_create},
    {"error_rate", cnn_error_rate_create},
    {"log_loss", cnn_log_loss_create},
    {"loss", cnn_loss_evaluator_create},
};

typedef struct averaged {
    const char *name;
    cnn_status (*create)(cnn_context *context, const cnn_classification_options *options, cnn_evaluator **evaluator);
} averaged;

static const averaged averages[] = {
    {"f1", cnn_f1_create},
    {"precision", cnn_precision_create},
    {"recall", cnn_recall_create},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The number behind `prefix`, if that and a number is all of the name. */
static bool read_number(const char *name, const char *prefix, uint32_t *number)
{
    const size_t length = strlen(prefix);
    const char *rest;
    uint64_t value;
    if (strncmp(name, prefix, length) != 0 ||
        !cnn__parse_u64(name + length, name + strlen(name), &value, &rest) || *rest != '\0' || value > UINT32_MAX) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

/* What stands behind the measure's name: "", "_macro", "_micro", "_class3". */
static bool read_averaging(const char *suffix, cnn_classification_options *options)
{
    if (suffix[0] == '\0' || strcmp(suffix, "_macro") == 0) {
        options->averaging = CNN_AVERAGE_MACRO;
        return true;
    }
    if (strcmp(suffix, "_micro") == 0) {
        options->averaging = CNN_AVERAGE_MICRO;
        return true;
    }
    options->averaging = CNN_AVERAGE_CLASS;
    return read_number(suffix, "_class", &options->label);
}

cnn_status cnn_evaluator_create(cnn_context *context, const char *name, cnn_evaluator **evaluator)
{
    uint32_t k;
    if (evaluator != NULL) {
        *evaluator = NULL;
    }
    if (name == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "evaluator: no name given");
    }
    for (size_t i = 0; i < COUNT(plains); i++) {
        if (strcmp(plains[i].name, name) == 0) {
            return plains[i].create(context, evaluator);
        }
    }
    for (size_t i = 0; i < COUNT(averages); i++) {
        const size_t length = strlen(averages[i].name);
        cnn_classification_options options = {.struct_size = sizeof(options)};
        if (strncmp(averages[i].name, name, length) == 0 && read_averaging(name + length, &options)) {
            return averages[i].create(context, &options, evaluator);
        }
    }
    if (read_number(name, "top", &k) && k > 0) {
        return cnn_top_k_create(context, k, evaluator);
    }
    char text[64];
    return cnn__fail(context, CNN_ERROR_NOT_FOUND,
                     "evaluator: there is no \"%s\"; there are accuracy, binary_accuracy, topK, error_rate, precision, "
                     "recall and f1 (each also with _micro or _classN), auc, log_loss and loss",
                     cnn__printable(name, text, sizeof(text)));
}
