/* SPDX-License-Identifier: MIT */
/* Evaluators by name. */
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "evaluate/evaluator.h"

static const cnn__evaluator_name *const table[] = {
    &cnn__evaluator_accuracy,        &cnn__evaluator_auc,
    &cnn__evaluator_balanced_accuracy, &cnn__evaluator_binary_accuracy,
    &cnn__evaluator_error_rate,      &cnn__evaluator_exact_match,
    &cnn__evaluator_f1,              &cnn__evaluator_fnr,
    &cnn__evaluator_fpr,             &cnn__evaluator_hamming,
    &cnn__evaluator_log_loss,        &cnn__evaluator_loss,
    &cnn__evaluator_mae,             &cnn__evaluator_map,
    &cnn__evaluator_mcc,             &cnn__evaluator_precision,
    &cnn__evaluator_r2,              &cnn__evaluator_recall,
    &cnn__evaluator_rmse,            &cnn__evaluator_top_k,
};

#define COUNT (sizeof(table) / sizeof(table[0]))

bool cnn__evaluator_number(const char *text, uint32_t *number)
{
    const char *rest;
    uint64_t value;
    if (!cnn__parse_u64(text, text + strlen(text), &value, &rest) || *rest != '\0' || value > UINT32_MAX) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

const char *cnn_evaluator_usage(size_t index) { return index < COUNT ? table[index]->usage : NULL; }

static cnn_status fail_unknown(cnn_context *context, const char *name)
{
    char text[64];
    cnn__string list = {.context = context};
    for (size_t i = 0; i < COUNT; i++) {
        cnn__string_printf(&list, "%s%s", i == 0 ? "" : i + 1 < COUNT ? ", " : " and ", table[i]->usage);
    }
    cnn_status status = list.data == NULL
                            ? CNN_ERROR_OUT_OF_MEMORY
                            : cnn__fail(context, CNN_ERROR_NOT_FOUND, "evaluator: there is no \"%s\"; there are %s",
                                        cnn__printable(name, text, sizeof(text)), list.data);
    cnn__string_free(&list);
    return status;
}

cnn_status cnn_evaluator_create(cnn_context *context, const char *name, cnn_evaluator **evaluator)
{
    if (evaluator != NULL) {
        *evaluator = NULL;
    }
    if (name == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "evaluator: no name given");
    }
    for (size_t i = 0; i < COUNT; i++) {
        const size_t length = strlen(table[i]->name);
        if (strncmp(table[i]->name, name, length) == 0) {
            cnn_status status = table[i]->create(context, name + length, evaluator);
            if (status != CNN_ERROR_NOT_FOUND) {
                return status;
            }
        }
    }
    return fail_unknown(context, name);
}
