/* SPDX-License-Identifier: MIT */
/* From one image to its most probable classes. */
#include <math.h>

#include "image/image.h"
#include "pipeline/pipeline.h"
#include "session/session.h"

static size_t output_count(const cnn_session *session)
{
    cnn_shape shape = cnn_model_output_shape(session->model);
    size_t values = 0;
    return cnn__shape_values(&shape, &values) ? values : 0;
}

/* Probability of class `label`: the softmax or, of a single output, the sigmoid of the logits. */
static double probability(const float *logits, size_t outputs, size_t label)
{
    if (outputs == 1) {
        double positive = 1.0 / (1.0 + exp(-(double)logits[0]));
        return label == 1 ? positive : 1.0 - positive;
    }
    double most = -INFINITY, sum = 0.0;
    for (size_t i = 0; i < outputs; i++) {
        most = logits[i] > most ? logits[i] : most;
    }
    for (size_t i = 0; i < outputs; i++) {
        sum += exp(logits[i] - most);
    }
    return exp(logits[label] - most) / sum;
}

/* Keeps the list sorted, best first; of equal probabilities the lower label is first. */
static void insert(cnn_prediction *list, size_t room, size_t *count, cnn_prediction one)
{
    size_t place = *count;
    while (place > 0 && list[place - 1].probability < one.probability) {
        place--;
    }
    if (place >= room) {
        return;
    }
    *count += *count < room;
    for (size_t i = *count - 1; i > place; i--) {
        list[i] = list[i - 1];
    }
    list[place] = one;
}

/* Fills the scratch with the views of the image, mostly one. */
static cnn_status preprocess(cnn_session *session, const cnn_image *image, uint32_t *views)
{
    const cnn_model *model = session->model;
    cnn_image *converted = NULL;
    uint32_t channels = cnn__model_input(model)->rank == 3 ? (uint32_t)cnn__model_input(model)->dims[2] : 1;
    if (model->pipeline == NULL) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: has no preprocessing: cnn_model_set_pipeline()",
                         model->name);
    }
    cnn_status status = CNN_OK;
    if (image->channels != channels) {
        CNN__RETURN_IF_ERROR(cnn_image_crop(image, 0, 0, image->width, image->height, &converted));
        status = cnn__image_convert(&converted, channels);
        image = converted;
    }
    size_t room = 0;
    cnn_shape shape = {0};
    *views = cnn__pipeline_views(model->pipeline);
    if (status == CNN_OK &&
        (!cnn__shape_values(cnn__model_input(model), &room) || !cnn__mul_size(room, *views, &room))) {
        status = cnn__fail(session->context, CNN_ERROR_LIMIT, "%s: %u views are too large", model->name, *views);
    }
    if (status == CNN_OK) {
        status = cnn__session_reserve_scratch(session, room);
    }
    if (status == CNN_OK) {
        status = cnn_pipeline_apply(model->pipeline, image, 0, session->scratch, room, &shape);
    }
    if (*views > 1 && shape.rank > 0) {
        shape = cnn__without_batch(&shape);
    }
    if (status == CNN_OK && cnn__model_input(model)->rank == 3 && !cnn__shape_equal(&shape, cnn__model_input(model))) {
        char given[64], wanted[64];
        cnn__shape_text(&shape, NULL, given, sizeof(given));
        cnn__shape_text(cnn__model_input(model), NULL, wanted, sizeof(wanted));
        status = cnn__fail(session->context, CNN_ERROR_SHAPE, "%s: the image becomes %s, the input is %s", model->name,
                           given, wanted);
    }
    cnn_image_free(converted);
    return status;
}

static cnn_status check_arguments(const cnn_session *session, const void *source, const cnn_prediction *predictions,
                                  const size_t *count)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (source == NULL || count == NULL || (predictions == NULL && *count > 0)) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: nothing to predict, or no place for it",
                         session->model->name);
    }
    return CNN_OK;
}

cnn_status cnn_session_predict_image(cnn_session *session, const cnn_image *image, cnn_prediction *predictions,
                                     size_t *count)
{
    CNN__RETURN_IF_ERROR(check_arguments(session, image, predictions, count));
    size_t outputs = output_count(session);
    size_t classes = outputs == 1 ? 2 : outputs;
    size_t room = *count;
    if (session->training) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: a training session predicts with dropout on",
                         session->model->name);
    }
    uint32_t views = 1;
    cnn__view_means means;
    CNN__RETURN_IF_ERROR(preprocess(session, image, &views));
    CNN__RETURN_IF_ERROR(cnn__session_forward_views(session, session->scratch, 1, views, &means));
    *count = 0;
    for (size_t label = 0; label < classes; label++) {
        insert(predictions, room, count,
               (cnn_prediction){(int32_t)label, (float)probability(means.logits, outputs, label),
                                cnn_model_class_name(session->model, label)});
    }
    return CNN_OK;
}

/* How a loader with the model's pipeline would decode. */
static cnn_decode_options decode_options(const cnn_session *session)
{
    const cnn_model *model = session->model;
    cnn_decode_options options = {.struct_size = sizeof(options)};
    options.channels = cnn__model_input(model)->rank == 3 && cnn__model_input(model)->dims[2] == 1 ? 1 : 3;
    if (model->pipeline != NULL) {
        cnn__decode_hint hint = cnn__pipeline_hint(model->pipeline);
        options.minimum_width = hint.minimum_width;
        options.minimum_height = hint.minimum_height;
    }
    return options;
}

cnn_status cnn_session_predict_file(cnn_session *session, const char *path, cnn_prediction *predictions, size_t *count)
{
    CNN__RETURN_IF_ERROR(check_arguments(session, path, predictions, count));
    cnn_decode_options options = decode_options(session);
    cnn_image *image = NULL;
    CNN__RETURN_IF_ERROR(cnn_image_load(session->context, path, &options, &image));
    cnn_status status = cnn_session_predict_image(session, image, predictions, count);
    cnn_image_free(image);
    if (status != CNN_OK) {
        cnn__fail(session->context, status, "%s: %s", path, cnn_last_error(session->context));
    }
    return status;
}

cnn_status cnn_session_predict_memory(cnn_session *session, const void *data, size_t size, cnn_prediction *predictions,
                                      size_t *count)
{
    CNN__RETURN_IF_ERROR(check_arguments(session, data, predictions, count));
    cnn_decode_options options = decode_options(session);
    cnn_image *image = NULL;
    CNN__RETURN_IF_ERROR(cnn_image_decode(session->context, data, size, &options, &image));
    cnn_status status = cnn_session_predict_image(session, image, predictions, count);
    cnn_image_free(image);
    return status;
}
