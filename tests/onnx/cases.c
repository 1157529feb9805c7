/* SPDX-License-Identifier: MIT */
#include "onnx/cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/session.h>

enum { MOST_PORTS = 64 };

typedef struct run {
    cnn_context *context;
    cnn__arena arena;
    cnn__onnx_model source;
    cnn__onnx_constant *inputs[MOST_PORTS], *outputs[MOST_PORTS]; /* in the file's order */
    size_t input_count, output_count;
    cnn__onnx_port in[MOST_PORTS], out[MOST_PORTS];
    size_t in_count, out_count;
    size_t in_index[MOST_PORTS]; /* of the file's inputs */
    bool batched;
    cnn_model *model;
    cnn_session *session;
    float *fed[MOST_PORTS];
    case_result *result;
} run;

void *case_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        return NULL;
    }
    *size = (size_t)ftell(file);
    rewind(file);
    data = malloc(*size + 1);
    if (data != NULL && fread(data, 1, *size, file) != *size) {
        free(data);
        data = NULL;
    }
    fclose(file);
    return data;
}

static bool fail(run *r, cnn_status status, const char *message)
{
    r->result->status = status;
    snprintf(r->result->message, sizeof(r->result->message), "%s", message);
    return false;
}

static bool library(run *r, cnn_status status)
{
    return status == CNN_OK || fail(r, status, cnn_last_error(r->context));
}

/* A copy of the file in the arena. */
static void *read_into(run *r, const char *path, size_t *size)
{
    void *data = case_read(path, size), *copy = NULL;
    if (data != NULL) {
        copy = cnn__arena_text(&r->arena, data, *size);
        free(data);
    }
    return copy;
}

static bool read_tensor(run *r, const char *path, cnn__onnx_constant **constant)
{
    cnn__onnx_tensor tensor;
    size_t size = 0;
    void *data = read_into(r, path, &size);
    return data != NULL && library(r, cnn__onnx_decode_tensor(&r->arena, path, data, size, &tensor)) &&
           library(r, cnn__onnx_constant_read(&r->arena, path, NULL, &tensor, constant));
}

/* ---- which inputs are values ---- */

static bool is_initializer(const run *r, const char *name)
{
    const cnn__onnx_tensor *tensors = r->source.graph->initializers.items;
    for (size_t i = 0; i < r->source.graph->initializers.count; i++) {
        if (strcmp(tensors[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends an input as a tensor of the file. */
static bool make_constant(run *r, const char *name, const cnn__onnx_constant *c)
{
    cnn__onnx_tensor *tensor = cnn__onnx_append(&r->arena, &r->source.graph->initializers, sizeof(*tensor));
    int64_t *dims = cnn__arena_array(&r->arena, c->rank + 1, sizeof(*dims));
    if (tensor == NULL || dims == NULL) {
        return false;
    }
    memcpy(dims, c->dims, c->rank * sizeof(*dims));
    *tensor = (cnn__onnx_tensor){.name = name, .type = c->floats != NULL ? CNN__ONNX_FLOAT : CNN__ONNX_INT64};
    tensor->dims = (cnn__onnx_list){dims, c->rank, 0};
    tensor->raw = (cnn__onnx_list){(void *)(uintptr_t)(c->floats != NULL ? (const void *)c->floats : c->ints),
                                   c->count * (c->floats != NULL ? sizeof(float) : sizeof(int64_t)), 0};
    return true;
}

/* What the file's inputs are: values of the model, or constants. */
static bool choose_inputs(run *r, bool all_values)
{
    const cnn__onnx_value *values = r->source.graph->inputs.items;
    size_t number = 0;
    r->in_count = r->out_count = 0;
    size_t feeds = 0;
    for (size_t i = 0; i < r->source.graph->inputs.count; i++) {
        if (is_initializer(r, values[i].name)) {
            continue;
        }
        if (number >= r->input_count) {
            return fail(r, CNN_ERROR_FORMAT, "an input has no file");
        }
        const cnn__onnx_constant *c = r->inputs[number];
        if (c->floats == NULL || (!all_values && number > 0)) {
            if (!make_constant(r, values[i].name, c)) {
                return false;
            }
        } else {
            r->in_index[feeds++] = number;
        }
        number++;
    }
    return true;
}

static void describe(void *user, bool input, bool batched, const cnn__onnx_port *port)
{
    run *r = user;
    r->batched = batched;
    if (input) {
        r->in[r->in_count++] = *port;
    } else {
        r->out[r->out_count++] = *port;
    }
}

/* ---- values ---- */

/* Values between ONNX's order and the model's. */
static void put_in_order(const cnn__onnx_axes *axes, const float *onnx, float *own, float *back)
{
    int64_t strides[CNN_MAX_RANK], distance = 1, at[CNN_MAX_RANK] = {0}, place = 0;
    size_t values = 1;
    for (uint32_t i = axes->rank; i-- > 0;) {
        strides[i] = distance;
        distance *= axes->dims[i];
        values *= (size_t)axes->dims[i];
    }
    for (size_t i = 0; i < values; i++) {
        if (back != NULL) {
            back[place] = own[i];
        } else {
            own[i] = onnx[place];
        }
        for (uint32_t d = axes->rank; d-- > 0;) {
            const uint32_t axis = axes->order[d];
            place += strides[axis];
            if (++at[d] < axes->dims[axis]) {
                break;
            }
            place -= strides[axis] * axes->dims[axis];
            at[d] = 0;
        }
    }
}

static size_t values_of(const cnn__onnx_axes *axes)
{
    size_t values = 1;
    for (uint32_t i = 0; i < axes->rank; i++) {
        values *= (size_t)axes->dims[i];
    }
    return values;
}

static bool feed(run *r, size_t count)
{
    for (size_t i = 0; i < r->in_count; i++) {
        const cnn__onnx_constant *c = r->inputs[r->in_index[i]];
        cnn__onnx_axes axes = r->in[i].axes;
        if (r->batched) {
            axes.dims[0] = (int64_t)count;
        }
        if (values_of(&axes) != c->count) {
            return fail(r, CNN_ERROR_SHAPE, "an input has another size than its file");
        }
        r->fed[i] = malloc(c->count * sizeof(float) + 1);
        put_in_order(&axes, c->floats, r->fed[i], NULL);
        if (!library(r, cnn_session_set_input(r->session, r->in[i].name, r->fed[i]))) {
            return false;
        }
    }
    return library(r, cnn_session_forward(r->session, NULL, count));
}

static bool compare(run *r, const float *values, const cnn__onnx_constant *wanted)
{
    double largest = 0, difference = 0;
    bool close = true;
    for (size_t i = 0; i < wanted->count; i++) {
        const double w = cnn__onnx_number(wanted, i), d = fabs((double)values[i] - w);
        close = close &&
                ((isnan(w) && isnan((double)values[i])) || (double)values[i] == w || d <= 1e-7 + 1e-3 * fabs(w));
        if (isfinite(w)) {
            largest = fmax(largest, fabs(w));
            difference = fmax(difference, d);
        }
    }
    difference = largest > 0 ? difference / largest : difference;
    r->result->difference = fmax(r->result->difference, difference);
    return close || fail(r, CNN_OK, "other values");
}

static bool check_outputs(run *r, size_t count)
{
    for (size_t i = 0; i < r->output_count; i++) {
        const cnn__onnx_constant *wanted = r->outputs[i];
        cnn_tensor value;
        if (i >= r->out_count) {
            return fail(r, CNN_ERROR_UNSUPPORTED, "an output is missing");
        }
        cnn__onnx_axes axes = r->out[i].axes;
        if (r->batched) {
            axes.dims[0] = axes.dims[0] / r->in[0].axes.dims[0] * (int64_t)count;
        }
        if (!library(r, cnn_session_activation(r->session, r->out[i].name, &value))) {
            return false;
        }
        if (values_of(&axes) != wanted->count || wanted->rank != axes.rank ||
            memcmp(axes.dims, wanted->dims, axes.rank * sizeof(axes.dims[0])) != 0) {
            return fail(r, CNN_ERROR_SHAPE, "an output has another shape");
        }
        float *back = malloc(wanted->count * sizeof(float) + 1);
        put_in_order(&axes, NULL, value.data, back);
        const bool same = compare(r, back, wanted);
        free(back);
        if (!same) {
            return false;
        }
    }
    return true;
}

/* ---- cases ---- */

static bool load_and_run(run *r, const char *file, bool all_values)
{
    const cnn__onnx_settings settings = {.most_values = (size_t)1 << 28};
    const cnn__onnx_folder folder = {.path = NULL};
    if (!choose_inputs(r, all_values) ||
        !library(r, cnn__onnx_import_model(r->context, file, &folder, &r->source, &settings, describe, r, &r->model))) {
        return false;
    }
    const size_t count = r->batched ? (size_t)r->inputs[r->in_index[0]]->dims[0] : 1;
    return library(r, cnn_session_create(r->model, CNN_SESSION(.batch = (uint32_t)count), &r->session)) &&
           feed(r, count) && check_outputs(r, count);
}

static void close_run(run *r)
{
    for (size_t i = 0; i < MOST_PORTS; i++) {
        free(r->fed[i]);
        r->fed[i] = NULL;
    }
    cnn_session_free(r->session);
    cnn_model_free(r->model);
    r->session = NULL;
    r->model = NULL;
}

static bool read_model(run *r, const char *path)
{
    size_t size = 0;
    void *data = read_into(r, path, &size);
    return data != NULL ? library(r, cnn__onnx_decode(&r->arena, path, data, size, &r->source))
                        : fail(r, CNN_ERROR_NOT_FOUND, "no model");
}

case_result case_run(cnn_context *context, const char *folder)
{
    case_result result = {.status = CNN_OK};
    run r = {.context = context, .arena = {.context = context}, .result = &result};
    char path[1024];
    snprintf(path, sizeof(path), "%s/model.onnx", folder);
    bool read = read_model(&r, path);
    for (size_t i = 0; read && i < MOST_PORTS; i++) {
        snprintf(path, sizeof(path), "%s/test_data_set_0/input_%zu.pb", folder, i);
        if (!read_tensor(&r, path, &r.inputs[r.input_count])) {
            break;
        }
        r.input_count++;
    }
    read = read && result.status == CNN_OK;
    for (size_t i = 0; read && i < MOST_PORTS; i++) {
        snprintf(path, sizeof(path), "%s/test_data_set_0/output_%zu.pb", folder, i);
        if (!read_tensor(&r, path, &r.outputs[r.output_count])) {
            break;
        }
        r.output_count++;
    }
    read = read && result.status == CNN_OK && (r.output_count > 0 || fail(&r, CNN_ERROR_UNSUPPORTED, "no output"));
    if (read) {
        const size_t initializers = r.source.graph->initializers.count;
        snprintf(path, sizeof(path), "%s", folder);
        result.passed = load_and_run(&r, path, true);
        if (!result.passed && r.model == NULL) {
            close_run(&r);
            r.source.graph->initializers.count = initializers;
            result.passed = load_and_run(&r, path, false);
        }
    }
    close_run(&r);
    cnn__arena_free(&r.arena);
    return result;
}

case_result case_run_file(cnn_context *context, const char *model, const char *output)
{
    case_result result = {.status = CNN_OK};
    run r = {.context = context, .arena = {.context = context}, .result = &result};
    if (read_model(&r, model) && read_tensor(&r, output, &r.outputs[0])) {
        const cnn__onnx_value *values = r.source.graph->inputs.items;
        int64_t dims[CNN_MAX_RANK];
        size_t at = 0;
        while (at + 1 < r.source.graph->inputs.count && is_initializer(&r, values[at].name)) {
            at++;
        }
        const cnn__onnx_dim *sizes = values[at].dims.items;
        for (size_t i = 0; i < values[at].dims.count; i++) {
            dims[i] = sizes[i].known ? sizes[i].size : 1;
        }
        r.inputs[0] = cnn__onnx_constant_new(&r.arena, CNN__ONNX_FLOAT, (uint32_t)values[at].dims.count, dims);
        for (size_t i = 0; r.inputs[0] != NULL && i < r.inputs[0]->count; i++) {
            cnn__onnx_floats(r.inputs[0])[i] = (float)i / (float)r.inputs[0]->count;
        }
        r.input_count = r.output_count = 1;
        result.passed = r.inputs[0] != NULL && load_and_run(&r, model, true);
    }
    close_run(&r);
    cnn__arena_free(&r.arena);
    return result;
}
