/* SPDX-License-Identifier: MIT */
/* What a model's outputs tell, and how they become decisions. */
#include <math.h>
#include <string.h>

#include "core/options.h"
#include "model/model.h"

cnn_status cnn_model_set_task(cnn_model *model, cnn_task task)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (task < CNN_TASK_UNKNOWN || task > CNN_TASK_VALUES) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: task %d is no cnn_task", model->name,
                         (int)task);
    }
    model->task = task;
    return CNN_OK;
}

cnn_task cnn_model_task(const cnn_model *model) { return model != NULL ? model->task : CNN_TASK_UNKNOWN; }

void cnn__model_free_decision(cnn_model *model)
{
    cnn__free(model->context, (float *)model->decision.thresholds);
    model->decision = (cnn_decision){.struct_size = sizeof(model->decision)};
    model->decides = false;
}

static size_t output_count(const cnn_model *model)
{
    const cnn_shape shape = cnn_model_output_shape(model);
    size_t values = 0;
    return cnn__shape_values(&shape, &values) ? values : 0;
}

/* Thresholds that a model can have. */
static size_t threshold_room(const cnn_model *model)
{
    const size_t outputs = output_count(model);
    return model->task == CNN_TASK_LABELS ? outputs : model->task != CNN_TASK_VALUES && outputs <= 2 ? 1 : 0;
}

static cnn_status refuse(const cnn_model *model, const char *field, double value, const char *expected)
{
    return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: decision: %s is %g, expected %s", model->name,
                     field, value, expected);
}

static cnn_status check_numbers(const cnn_model *model, const cnn_decision *decision)
{
    if (!(decision->temperature >= 0) || !isfinite(decision->temperature)) {
        return refuse(model, "temperature", (double)decision->temperature, "a finite number above 0");
    }
    if (!isfinite(decision->slope) || !isfinite(decision->offset)) {
        return refuse(model, "slope or offset", (double)decision->slope, "a finite number");
    }
    if (decision->slope != 0 && output_count(model) != 1) {
        return refuse(model, "slope", (double)decision->slope, "none for a model of several outputs");
    }
    if (!(decision->reject >= 0 && decision->reject <= 1)) {
        return refuse(model, "reject", (double)decision->reject, "0 to 1");
    }
    for (size_t i = 0; i < decision->threshold_count; i++) {
        if (!(decision->thresholds[i] >= 0 && decision->thresholds[i] <= 1)) {
            return refuse(model, "a threshold", (double)decision->thresholds[i], "0 to 1");
        }
    }
    return CNN_OK;
}

static cnn_status check_decision(const cnn_model *model, const cnn_decision *decision)
{
    if ((decision->thresholds == NULL) != (decision->threshold_count == 0)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: decision: thresholds and threshold_count are given together or not at all", model->name);
    }
    if (decision->threshold_count > 0 && decision->threshold_count != threshold_room(model)) {
        return cnn__fail(model->context, CNN_ERROR_MISMATCH, "%s: decision: %zu thresholds, expected %zu", model->name,
                         decision->threshold_count, threshold_room(model));
    }
    return check_numbers(model, decision);
}

cnn_status cnn_model_set_decision(cnn_model *model, const cnn_decision *decision)
{
    cnn_decision given;
    float *thresholds = NULL;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    if (decision == NULL) {
        cnn__model_free_decision(model);
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_decision", decision, &given, sizeof(given)));
    CNN__RETURN_IF_ERROR(check_decision(model, &given));
    if (given.threshold_count > 0) {
        thresholds = cnn__alloc_array(model->context, given.threshold_count, sizeof(*thresholds));
        if (thresholds == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        memcpy(thresholds, given.thresholds, given.threshold_count * sizeof(*thresholds));
    }
    cnn__model_free_decision(model);
    model->decision = given;
    model->decision.struct_size = sizeof(given);
    model->decision.thresholds = thresholds;
    model->decides = true;
    return CNN_OK;
}

bool cnn_model_decision(const cnn_model *model, cnn_decision *decision)
{
    const cnn_decision nothing = {0};
    if (model == NULL || decision == NULL) {
        return false;
    }
    const size_t size = decision->struct_size < sizeof(nothing) ? decision->struct_size : sizeof(nothing);
    if (size > sizeof(size_t)) {
        const cnn_decision *from = model->decides ? &model->decision : &nothing;
        memcpy((char *)decision + sizeof(size_t), (const char *)from + sizeof(size_t), size - sizeof(size_t));
    }
    return model->decides;
}

static float threshold_of(const cnn_model *model, size_t output)
{
    return output < model->decision.threshold_count ? model->decision.thresholds[output] : 0.5F;
}

/* The class of one output, which is the probability of the second, or of several. An output that is no number speaks
 * for none. Without a threshold 0.5 itself is the first class, as in Keras. */
static int32_t decide_class(const cnn_model *model, const float *outputs, size_t count)
{
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(outputs[i])) {
            return -1;
        }
        best = outputs[i] > outputs[best] ? i : best;
    }
    float probability = outputs[best];
    if (count <= 2 && (count == 1 || model->decision.threshold_count == 1)) {
        const float second = outputs[count - 1];
        best = model->decision.threshold_count == 1 ? second >= threshold_of(model, 0) : second > 0.5F;
        probability = second > 0.5F ? second : 1 - second;
    }
    return probability < model->decision.reject ? -1 : (int32_t)best;
}

cnn_status cnn_model_decide(const cnn_model *model, const float *outputs, size_t count, int32_t *label, uint8_t *marks)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (outputs == NULL || count == 0 || count != output_count(model)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: decide: %zu outputs, expected %zu",
                         model->name, outputs == NULL ? 0 : count, output_count(model));
    }
    if (label != NULL) {
        *label = model->task > CNN_TASK_CLASSES ? -1 : decide_class(model, outputs, count);
    }
    for (size_t i = 0; marks != NULL && i < count; i++) {
        const bool own = i < model->decision.threshold_count;
        marks[i] = own ? outputs[i] >= threshold_of(model, i) : outputs[i] > 0.5F;
    }
    return CNN_OK;
}
