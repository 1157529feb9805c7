/* SPDX-License-Identifier: MIT */
/* From one image to its most probable classes. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "pipeline/pipeline.h"
#include "session/session.h"

static size_t output_count(const cnn_session *session)
{
    const cnn_shape shape = cnn__session_output_shape(session);
    size_t values = 0;
    return cnn__shape_values(&shape, &values) ? values : 0;
}

/* The softmax or, of a single output, the sigmoid of the logits. */
typedef struct distribution {
    const float *logits;
    size_t outputs;
    double most, sum; /* of the softmax */
    cnn_task task;    /* of labels each has a sigmoid of its own */
} distribution;

static distribution measure(const float *logits, size_t outputs, cnn_task task)
{
    distribution all = {logits, outputs, -INFINITY, 0.0, task};
    for (size_t i = 0; i < outputs && outputs > 1; i++) {
        all.most = logits[i] > all.most ? logits[i] : all.most;
    }
    for (size_t i = 0; i < outputs && outputs > 1; i++) {
        all.sum += exp(logits[i] - all.most);
    }
    return all;
}

/* Probability of class `label`. */
static double probability(const distribution *all, size_t label)
{
    if (all->task == CNN_TASK_LABELS) {
        return 1.0 / (1.0 + exp(-(double)all->logits[label]));
    }
    if (all->outputs == 1) {
        double positive = 1.0 / (1.0 + exp(-(double)all->logits[0]));
        return label == 1 ? positive : 1.0 - positive;
    }
    return exp(all->logits[label] - all->most) / all->sum;
}

/* A class, or a value, that is no number names what it is of. */
static cnn_status check_numbers(const cnn_session *session, const distribution *all, const float *values)
{
    for (size_t i = 0; i < all->outputs; i++) {
        if (all->task == CNN_TASK_VALUES ? !isfinite(values[i]) : isnan(probability(all, i))) {
            return cnn__fail(
                session->context, CNN_ERROR_NUMERIC,
                "%s: output %zu is not a finite number: a parameter or a value of the image is none, or too large",
                session->model->name, i);
        }
    }
    return CNN_OK;
}

/* Best first; of equal probabilities the lower label is first. */
static bool is_better(const cnn_prediction *a, const cnn_prediction *b)
{
    return a->probability > b->probability || (!(a->probability < b->probability) && a->label < b->label);
}

/* Restores the heap of the `count` best, the worst of them at the root, after one came to `place`. */
static void sink(cnn_prediction *heap, size_t count, size_t place)
{
    const cnn_prediction moved = heap[place];
    for (;;) {
        size_t child = 2 * place + 1;
        if (child >= count) {
            break;
        }
        child += child + 1 < count && is_better(&heap[child], &heap[child + 1]);
        if (is_better(&heap[child], &moved)) {
            break;
        }
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = moved;
}

/* Writes the best of `classes`, sorted; returns how many there was room for. A heap, because a program may ask for all
 * of a million. */
static size_t choose(const cnn_model *model, const distribution *all, size_t classes, cnn_prediction *list, size_t room)
{
    const size_t count = room < classes ? room : classes;
    for (size_t label = 0; label < classes && count > 0; label++) {
        const cnn_prediction one = {(int32_t)label, (float)probability(all, label), cnn_model_class_name(model, label)};
        if (label < count) {
            list[label] = one;
        } else if (is_better(&one, &list[0])) {
            list[0] = one;
            sink(list, count, 0);
        }
        for (size_t i = count / 2; label + 1 == count && i > 0; i--) {
            sink(list, count, i - 1);
        }
    }
    for (size_t left = count; left > 1; left--) {
        const cnn_prediction worst = list[0];
        list[0] = list[left - 1];
        list[left - 1] = worst;
        sink(list, left - 1, 0);
    }
    return count;
}

/* The numbers that a model tells, in the order of its outputs. */
static size_t list_values(const cnn_model *model, const float *values, size_t outputs, cnn_prediction *list,
                          size_t room)
{
    const size_t count = room < outputs ? room : outputs;
    for (size_t i = 0; i < count; i++) {
        list[i] = (cnn_prediction){(int32_t)i, values[i], cnn_model_class_name(model, i)};
    }
    return count;
}

/* Of two classes the one that the model's decision is for comes first, whatever its probability. */
static void put_decided_first(const cnn_model *model, const distribution *all, cnn_prediction *list, size_t count)
{
    float outputs[2];
    int32_t label = -1;
    if (!model->decides || model->decision.threshold_count != 1 || all->outputs > 2 || count == 0) {
        return;
    }
    outputs[0] = (float)probability(all, all->outputs == 1);
    outputs[1] = (float)probability(all, 1);
    if (cnn_model_decide(model, outputs, all->outputs, &label, NULL) != CNN_OK || label < 0 || label == list[0].label) {
        return;
    }
    const cnn_prediction first = list[0];
    list[0] = (cnn_prediction){label, (float)probability(all, (size_t)label),
                               cnn_model_class_name(model, (size_t)label)};
    if (count > 1) {
        list[1] = first;
    }
}

/* Channels that an image of this size must have; 0 for a size that is not known yet. A model that reads a vector takes
 * as many as make its values. */
static uint32_t input_channels(const cnn_session *session, int64_t height, int64_t width)
{
    const cnn_model *model = session->model;
    const cnn_shape input = cnn__session_input_shape(session);
    size_t wanted = 0, values = 0;
    if (input.rank == 3) {
        return input.dims[2] == 1 ? 1 : 3;
    }
    int64_t dims[3] = {height, width, 3};
    if (model->pipeline != NULL) {
        cnn__pipeline_dims(model->pipeline, dims);
    }
    const cnn_shape shape = {3, 0, {dims[0], dims[1], dims[2]}};
    const bool known = cnn__shape_values(&input, &wanted) && cnn__shape_values(&shape, &values);
    return known && values == wanted ? 3 : 1;
}

/* Whether values of this shape are an input: what loaders may give too. */
static bool is_input(const cnn_shape *input, const cnn_shape *shape)
{
    size_t have = 0, want = 0;
    const bool vector = input->rank == 1 && cnn__shape_values(shape, &have) && cnn__shape_values(input, &want) &&
                        have == want;
    return vector || cnn__shape_equal(shape, input);
}

/* Fills the scratch with the views of the image, mostly one. */
static cnn_status preprocess(cnn_session *session, const cnn_image *image, uint32_t *views)
{
    const cnn_model *model = session->model;
    cnn_image *converted = NULL;
    const cnn_shape input = cnn__session_input_shape(session);
    const uint32_t channels = input_channels(session, image->height, image->width);
    if (session->program.given != CNN__NO_NODE) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: the session begins at \"%s\" and reads no images",
                         model->name, model->nodes[session->program.given].name);
    }
    if (model->pipeline == NULL) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: has no preprocessing: cnn_model_set_pipeline()",
                         model->name);
    }
    cnn_status status = CNN_OK;
    /* Only grey and RGB become each other; what other images lack is said below, or by the step that needs it. */
    if (image->channels != channels && cnn__channels_are_colour(image->channels)) {
        CNN__RETURN_IF_ERROR(cnn__image_converted(image, channels, &converted));
        image = converted;
    }
    size_t room = 0;
    cnn_shape shape = {0};
    *views = cnn__pipeline_views(model->pipeline);
    if (status == CNN_OK && (!cnn__shape_values(&input, &room) || !cnn__mul_size(room, *views, &room))) {
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
    if (status == CNN_OK && !is_input(&input, &shape)) {
        char given[64], wanted[64];
        cnn__shape_text(&shape, NULL, given, sizeof(given));
        cnn__shape_text(&input, NULL, wanted, sizeof(wanted));
        status = cnn__fail(session->context, CNN_ERROR_SHAPE, "%s: the image becomes %s, the input is %s", model->name,
                           given, wanted);
    }
    cnn_image_free(converted);
    return status;
}

static cnn_status refuse_null(const cnn_session *session, const char *call, const char *what)
{
    return cnn__fail(session != NULL ? session->context : NULL, CNN_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", call,
                     session == NULL ? "session" : what);
}

cnn_status cnn_session_predict_image(cnn_session *session, const cnn_image *image, cnn_prediction *predictions,
                                     size_t *count)
{
    if (session == NULL || image == NULL || count == NULL || (predictions == NULL && *count > 0)) {
        return refuse_null(session, "cnn_session_predict_image",
                           image == NULL   ? "image"
                           : count == NULL ? "count"
                                           : "predictions");
    }
    size_t outputs = output_count(session);
    const cnn_task task = session->model->task;
    size_t classes = outputs == 1 && task <= CNN_TASK_CLASSES ? 2 : outputs;
    if (session->training) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: a training session predicts with dropout on",
                         session->model->name);
    }
    uint32_t views = 1;
    cnn__view_means means;
    CNN__RETURN_IF_ERROR(preprocess(session, image, &views));
    CNN__RETURN_IF_ERROR(cnn__session_forward_views(session, session->scratch, 1, views, &means));
    const distribution all = measure(means.logits, outputs, task);
    CNN__RETURN_IF_ERROR(check_numbers(session, &all, means.outputs));
    if (task == CNN_TASK_VALUES) {
        *count = list_values(session->model, means.outputs, outputs, predictions, *count);
        return CNN_OK;
    }
    *count = choose(session->model, &all, classes, predictions, *count);
    if (task != CNN_TASK_LABELS) {
        put_decided_first(session->model, &all, predictions, *count);
    }
    return CNN_OK;
}

/* How a loader with the model's pipeline would decode. */
static cnn_decode_options decode_options(const cnn_session *session)
{
    const cnn_model *model = session->model;
    cnn_decode_options options = {.struct_size = sizeof(options)};
    if (model->pipeline != NULL) {
        options = cnn__pipeline_decoding(model->pipeline);
    }
    options.channels = input_channels(session, 0, 0);
    return options;
}

/* What is done with a decoded image: predicting it, or preparing it alone. */
typedef struct image_use {
    cnn_prediction *predictions; /* NULL with `values` */
    size_t *count;
    float *values; /* NULL: predict */
    size_t capacity;
} image_use;

static cnn_status use_image(cnn_session *session, const cnn_image *image, const image_use *use)
{
    return use->values != NULL ? cnn_session_prepare_image(session, image, use->values, use->capacity)
                               : cnn_session_predict_image(session, image, use->predictions, use->count);
}

static cnn_status use_file(cnn_session *session, const char *path, const image_use *use)
{
    cnn_decode_options options = decode_options(session);
    cnn_image *image = NULL;
    CNN__RETURN_IF_ERROR(cnn__image_load_deep(session->context, path, &options, &image));
    cnn_status status = use_image(session, image, use);
    cnn_image_free(image);
    if (status != CNN_OK) {
        char name[512];
        cnn__fail(session->context, status, "%s: %s", cnn__printable(path, name, sizeof(name)),
                  cnn_last_error(session->context));
    }
    return status;
}

static cnn_status use_memory(cnn_session *session, const void *data, size_t size, const image_use *use)
{
    cnn_decode_options options = decode_options(session);
    cnn_image *image = NULL;
    CNN__RETURN_IF_ERROR(
        cnn__image_decode_named(session->context, "image in memory", data, size, &options, true, &image));
    cnn_status status = use_image(session, image, use);
    cnn_image_free(image);
    return status;
}

cnn_status cnn_session_predict_file(cnn_session *session, const char *path, cnn_prediction *predictions, size_t *count)
{
    if (session == NULL || path == NULL || count == NULL) {
        return refuse_null(session, "cnn_session_predict_file", path == NULL ? "path" : "count");
    }
    return use_file(session, path, &(image_use){.predictions = predictions, .count = count});
}

cnn_status cnn_session_predict_memory(cnn_session *session, const void *data, size_t size, cnn_prediction *predictions,
                                      size_t *count)
{
    if (session == NULL || data == NULL || count == NULL) {
        return refuse_null(session, "cnn_session_predict_memory", data == NULL ? "data" : "count");
    }
    return use_memory(session, data, size, &(image_use){.predictions = predictions, .count = count});
}

/* ---- preparing alone ---- */

cnn_status cnn_session_prepare_image(cnn_session *session, const cnn_image *image, float *values, size_t capacity)
{
    if (session == NULL || image == NULL || values == NULL) {
        return refuse_null(session, "cnn_session_prepare_image", image == NULL ? "image" : "values");
    }
    const cnn_shape input = cnn__session_input_shape(session);
    size_t wanted = 0;
    uint32_t views = 1;
    CNN__RETURN_IF_ERROR(preprocess(session, image, &views));
    if (views > 1) {
        return cnn__fail(session->context, CNN_ERROR_UNSUPPORTED, "%s: the preprocessing makes %u views of an image",
                         session->model->name, views);
    }
    if (!cnn__shape_values(&input, &wanted) || capacity < wanted) {
        return cnn__fail(session->context, CNN_ERROR_LIMIT, "%s: room for %zu values, and the input has %zu",
                         session->model->name, capacity, wanted);
    }
    memcpy(values, session->scratch, wanted * sizeof(float));
    return CNN_OK;
}

cnn_status cnn_session_prepare_file(cnn_session *session, const char *path, float *values, size_t capacity)
{
    if (session == NULL || path == NULL || values == NULL) {
        return refuse_null(session, "cnn_session_prepare_file", path == NULL ? "path" : "values");
    }
    return use_file(session, path, &(image_use){.values = values, .capacity = capacity});
}

cnn_status cnn_session_prepare_memory(cnn_session *session, const void *data, size_t size, float *values,
                                      size_t capacity)
{
    if (session == NULL || data == NULL || values == NULL) {
        return refuse_null(session, "cnn_session_prepare_memory", data == NULL ? "data" : "values");
    }
    return use_memory(session, data, size, &(image_use){.values = values, .capacity = capacity});
}
