/* SPDX-License-Identifier: MIT */
/* The part of a training pipeline that also prepares images for evaluation. */
#include <string.h>

#include "pipeline/pipeline.h"

static void append_resize(cnn__string *text, const cnn__step *step)
{
    const double *size = step->arguments[0].values;
    cnn__string_printf(text, "resize_short=%.0f:%s,", size[0] > size[1] ? size[0] : size[1],
                       cnn__filter_words[cnn__step_filter(step, 3) - CNN_RESIZE_NEAREST]);
}

static void append_crop(cnn__string *text, const cnn__step *step)
{
    const double *size = step->arguments[0].values;
    cnn__string_printf(text, "center_crop=%.0fx%.0f", size[0], size[1]);
}

static cnn_status append_step(cnn__string *text, const cnn__step *step)
{
    char *one = NULL;
    CNN__RETURN_IF_ERROR(cnn__pipeline_print(text->context, step, 1, &one));
    cnn__string_append(text, one, strlen(one));
    cnn__free(text->context, one);
    return CNN_OK;
}

static cnn_status append_evaluation(cnn__string *text, const cnn__step *step)
{
    const cnn__step_evaluation evaluation = step->kind->evaluation;
    if (evaluation == CNN__EVALUATION_LEAVE_OUT) {
        return CNN_OK;
    }
    if (text->size > 0) {
        cnn__string_append(text, ",", 1);
    }
    if (evaluation == CNN__EVALUATION_FIT) {
        append_resize(text, step);
    }
    if (evaluation == CNN__EVALUATION_KEEP) {
        return append_step(text, step);
    }
    append_crop(text, step);
    return CNN_OK;
}

cnn_status cnn__pipeline_with_orient(const cnn_pipeline *pipeline, cnn_pipeline **turning)
{
    cnn__string text = {.context = pipeline->context};
    *turning = NULL;
    const char *orient = cnn__pipeline_orients(pipeline) ? "" : pipeline->count > 0 ? "orient," : "orient";
    cnn__string_printf(&text, "%s%s", orient, pipeline->text);
    cnn_status status = text.status;
    if (status == CNN_OK) {
        status = cnn_pipeline_create(pipeline->context, text.data, turning);
    }
    cnn__string_free(&text);
    return status;
}

cnn_status cnn_pipeline_for_evaluation(const cnn_pipeline *pipeline, cnn_pipeline **evaluation)
{
    if (evaluation != NULL) {
        *evaluation = NULL;
    }
    if (pipeline == NULL || evaluation == NULL) {
        return cnn__fail(pipeline != NULL ? pipeline->context : NULL, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_pipeline_for_evaluation: an argument is NULL");
    }
    cnn__string text = {.context = pipeline->context};
    cnn_status status = CNN_OK;
    cnn__string_append(&text, "", 0);
    for (size_t i = 0; i < pipeline->count && status == CNN_OK; i++) {
        status = append_evaluation(&text, &pipeline->steps[i]);
    }
    status = status == CNN_OK ? text.status : status;
    if (status == CNN_OK) {
        status = cnn_pipeline_create(pipeline->context, text.data, evaluation);
    }
    cnn__string_free(&text);
    return status;
}
