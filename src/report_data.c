/* SPDX-License-Identifier: MIT */
/* Facts, curves and the model of a report. */
#include "report.h"

#include "tool_layers.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Points of the curve of steps; as many as a wide screen can show. */
#define MOST_POINTS 600
/* Timed runs of one image, each way: so many, or for so long. */
#define TIMED_STEPS 5
#define MOST_SECONDS 0.05

void report_fact(json_t *facts, const char *name, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    json_t *row = json_array();
    json_array_append_new(row, json_string(name));
    json_array_append_new(row, size >= 0 ? json_string(text) : NULL);
    json_array_append_new(facts, row);
    if (size >= 0) {
        free(text);
    }
}

void report_add_run(json_t *facts, const tool *run, const cnn_model *model)
{
    char text[24];
    report_fact(facts, "version", "cnn %s", cnn_version_string());
    report_fact(facts, "backend", "%s (%s), %u threads", cnn_context_backend(run->context), cnn_cpu_level(),
                (unsigned)cnn_context_threads(run->context));
    report_fact(facts, "seed", "%llu", (unsigned long long)cnn_context_seed(run->context));
    report_fact(facts, "model", "%s", run->operands[0]);
    report_fact(facts, "parameters", "%llu, %llu of them trained", (unsigned long long)cnn_model_values(model),
                (unsigned long long)cnn_model_trainable_values(model));
    report_fact(facts, "memory of predicting an image", "%s",
                tool_bytes(cnn_model_session_bytes(model, 1, false), text));
    if (cnn_model_pipeline(model) != NULL) {
        report_fact(facts, "preprocessing", "%s", cnn_pipeline_text(cnn_model_pipeline(model)));
    }
}

json_t *report_history(const cnn_history *history)
{
    json_t *object = json_object(), *columns = json_array(), *rows = json_array();
    for (size_t i = 0; i < cnn_history_columns(history); i++) {
        json_array_append_new(columns, json_string(cnn_history_column(history, i)));
    }
    for (size_t epoch = 0; epoch < cnn_history_epochs(history); epoch++) {
        json_t *row = json_array();
        for (size_t i = 0; i < cnn_history_columns(history); i++) {
            const double value = cnn_history_value(history, cnn_history_column(history, i), epoch);
            json_array_append_new(row, report_number(value));
        }
        json_array_append_new(rows, row);
    }
    json_object_set_new(object, "columns", columns);
    json_object_set_new(object, "rows", rows);
    return object;
}

/* [last step, mean, least, greatest] of the finite losses among [from, to). */
static json_t *point_of_steps(const double *losses, size_t from, size_t to, uint64_t first)
{
    double sum = 0, least = INFINITY, greatest = -INFINITY;
    size_t finite = 0;
    for (size_t i = from; i < to; i++) {
        if (isfinite(losses[i])) {
            sum += losses[i];
            least = fmin(least, losses[i]);
            greatest = fmax(greatest, losses[i]);
            finite++;
        }
    }
    if (finite == 0) {
        return NULL;
    }
    json_t *point = json_array();
    json_array_append_new(point, json_integer((int64_t)(first + to - 1)));
    json_array_append_new(point, report_number(sum / (double)finite));
    json_array_append_new(point, report_number(least));
    json_array_append_new(point, report_number(greatest));
    return point;
}

json_t *report_steps(const double *losses, size_t count, uint64_t first)
{
    json_t *object = json_object(), *points = json_array();
    const size_t stride = count / MOST_POINTS + 1;
    for (size_t i = 0; i < count; i += stride) {
        json_t *point = point_of_steps(losses, i, i + stride < count ? i + stride : count, first);
        if (point != NULL) {
            json_array_append_new(points, point);
        }
    }
    tool_json_count(object, "stride", stride);
    json_object_set_new(object, "points", points);
    return object;
}

/* ---- the model ---- */

static json_t *layer_row(cnn_model *model, size_t layer)
{
    const cnn_shape shape = cnn_model_layer_shape(model, layer);
    char text[128] = "";
    uint64_t values = 1;
    for (uint32_t i = 0; i < shape.rank; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%lld", i > 0 ? "x" : "", (long long)shape.dims[i]);
        values *= (uint64_t)shape.dims[i];
    }
    json_t *row = json_object();
    tool_json_text(row, "name", cnn_model_layer_name(model, layer));
    tool_json_text(row, "type", cnn_model_layer_type(model, layer));
    tool_json_text(row, "output", text);
    tool_json_count(row, "parameters", tool_layer_values(model, layer));
    tool_json_count(row, "bytes", values * sizeof(float));
    return row;
}

static size_t shape_values(const cnn_shape *shape)
{
    size_t values = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        values *= (size_t)shape->dims[i];
    }
    return values;
}

/* The passes of a session of one image: the first run is not timed. In a session with gradients only the way back is
 * told, which differs from that of a training in its batch alone; nothing of the model changes by it. */
static cnn_status time_session(cnn_session *session, const float *image, const float *gradients, tool_layers *layers)
{
    double begin = tool_seconds();
    cnn_status status = CNN_OK;
    for (int i = 0; status == CNN_OK && i <= TIMED_STEPS && (i < 2 || tool_seconds() - begin < MOST_SECONDS); i++) {
        cnn_session_set_trace(session, i > 0 && gradients == NULL ? tool_layers_add : NULL, layers);
        status = cnn_session_forward(session, image, 1);
        if (status == CNN_OK && gradients != NULL) {
            cnn_session_set_trace(session, i > 0 ? tool_layers_add : NULL, layers);
            status = cnn_session_backward(session, gradients);
        }
        begin = i == 0 ? tool_seconds() : begin;
    }
    return status;
}

static cnn_status time_layers(cnn_model *model, bool backward, tool_layers *layers)
{
    const cnn_shape input = cnn_model_input_shape(model), output = cnn_model_output_shape(model);
    float *image = calloc(shape_values(&input), sizeof(*image));
    float *gradients = calloc(shape_values(&output), sizeof(*gradients));
    cnn_session *session = NULL;
    cnn_status status = image != NULL && gradients != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    status = status == CNN_OK ? cnn_session_create(model, CNN_SESSION(.batch = 1), &session) : status;
    status = status == CNN_OK ? time_session(session, image, NULL, layers) : status;
    cnn_session_free(session);
    session = NULL;
    if (status == CNN_OK && backward) {
        status = cnn_session_create(
            model, CNN_SESSION(.batch = 1, .training_behavior = CNN_NO, .parameter_gradients = CNN_YES), &session);
        status = status == CNN_OK ? time_session(session, image, gradients, layers) : status;
        cnn_session_free(session);
    }
    free(gradients);
    free(image);
    return status;
}

void report_layers(cnn_model *model, bool backward, report_page *page)
{
    tool_layers *layers = tool_layers_new(TIMED_STEPS);
    page->layers = json_array();
    for (size_t i = 0; i < cnn_model_layer_count(model); i++) {
        json_array_append_new(page->layers, layer_row(model, i));
    }
    if (layers != NULL && time_layers(model, backward, layers) == CNN_OK) {
        page->operations = tool_layers_json(layers, 0);
    }
    tool_layers_free(layers);
}
