/* SPDX-License-Identifier: MIT */
/* An explainer: a method's session and arrays, and what all methods share. */
#include "explain/explain.h"

#include <math.h>
#include <string.h>

#include "core/options.h"

/* By cnn_explain_method. */
static const cnn__explain_kind kinds[] = {
    {"gradcam", CNN__NEEDS_LAYER | CNN__NEEDS_LAYER_SLOPE, CNN__MAP_POSITIVE, false, cnn__explain_grad_cam},
    {"gradcam++", CNN__NEEDS_LAYER | CNN__NEEDS_LAYER_SLOPE, CNN__MAP_POSITIVE, false, cnn__explain_grad_cam_plus_plus},
    {"scorecam", CNN__NEEDS_LAYER, CNN__MAP_POSITIVE, true, cnn__explain_score_cam},
    {"guided", CNN__NEEDS_INPUT_SLOPE | CNN__NEEDS_RECTIFIERS, CNN__MAP_LARGEST, false, cnn__explain_saliency},
    {"saliency", CNN__NEEDS_INPUT_SLOPE, CNN__MAP_LARGEST, false, cnn__explain_saliency},
    {"smoothgrad", CNN__NEEDS_INPUT_SLOPE, CNN__MAP_LARGEST, true, cnn__explain_smooth_grad},
    {"integrated", CNN__NEEDS_INPUT_SLOPE, CNN__MAP_SUM, true, cnn__explain_integrated},
    {"occlusion", 0, CNN__MAP_POSITIVE, true, cnn__explain_occlusion},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *cnn_explain_method_name(size_t method) { return method < KINDS ? kinds[method].name : NULL; }

/* ---- creating ---- */

static cnn_status check(const cnn_model *model, const cnn_explainer_options *o)
{
    if (o->method < 0 || (size_t)o->method >= KINDS || o->score < CNN_SCORE_LOGIT || o->score > CNN_SCORE_OUTPUT) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no such method or score (%d, %d)",
                         model->name, (int)o->method, (int)o->score);
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is explained after cnn_model_build()", model->name);
    }
    if (model->input_count != 1) {
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED, "%s: has %u inputs, and one can be explained",
                         model->name, model->input_count);
    }
    const bool noisy = o->noise == CNN_ZERO || (o->noise >= 0 && o->noise <= 100);
    if (!noisy || o->samples > 1000000 || o->batch > 65536) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: noise %g is not from 0 to 100, or samples %u above 1000000, or batch %u above 65536",
                         model->name, (double)o->noise, o->samples, o->batch);
    }
    const cnn_shape *input = &model->inputs[0].shape;
    if (input->rank != 3) {
        return cnn__fail(model->context, CNN_ERROR_SHAPE, "%s: reads a vector, not an image of H, W, C", model->name);
    }
    const int64_t side = input->dims[0] < input->dims[1] ? input->dims[0] : input->dims[1];
    if (o->window > side) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a window of %u is larger than the input",
                         model->name, o->window);
    }
    return CNN_OK;
}

/* The layer's name and shape. */
static cnn_status choose_layer(cnn_explainer *e, const cnn_model *model)
{
    const char *name = e->o.layer != NULL ? e->o.layer : cnn__explain_default_layer(model);
    const bool wanted = (e->kind->needs & CNN__NEEDS_LAYER) != 0;
    if (wanted && name == NULL) {
        return cnn__fail(e->context, CNN_ERROR_SHAPE, "%s: no convolution makes an H, W, C to map", model->name);
    }
    e->layer = cnn__strdup(e->context, wanted ? name : "");
    if (e->layer == NULL || !wanted) {
        return e->layer != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__wanted value;
    CNN__RETURN_IF_ERROR(cnn__request_find(model, name, &value));
    const bool is_input = (value.reference & CNN__INPUT) != 0;
    const cnn_shape *shape = is_input ? &model->inputs[0].shape : &model->nodes[value.reference].output;
    if (shape->rank != 3) {
        return cnn__fail(e->context, CNN_ERROR_SHAPE, "%s: layer \"%s\" makes no H, W, C to map", model->name, name);
    }
    e->lh = shape->dims[0];
    e->lw = shape->dims[1];
    e->lc = shape->dims[2];
    return CNN_OK;
}

static cnn_status open_session(cnn_explainer *e, cnn_model *model)
{
    const uint32_t needs = e->kind->needs;
    size_t count = 0;
    const char **names = cnn__alloc_array(e->context, (size_t)model->node_count + 2, sizeof(*names));
    if (names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = CNN_OK;
    if ((needs & CNN__NEEDS_RECTIFIERS) != 0) {
        status = cnn__explain_rectifiers(model, names, &count);
    }
    if ((needs & CNN__NEEDS_INPUT_SLOPE) != 0) {
        names[count++] = e->input;
    }
    if ((needs & CNN__NEEDS_LAYER_SLOPE) != 0) {
        names[count++] = e->layer;
    }
    const char *keep[] = {e->layer};
    if (status == CNN_OK) {
        status = cnn_session_create(model,
                                    CNN_SESSION(.batch = e->batch, .threads = e->o.threads, .gradients = names,
                                                .gradient_count = count, .keep = keep,
                                                .keep_count = (needs & CNN__NEEDS_LAYER) != 0),
                                    &e->session);
    }
    cnn__free(e->context, names);
    if (status == CNN_OK && (needs & CNN__NEEDS_RECTIFIERS) != 0) {
        status = cnn_session_set_hook(e->session, cnn__explain_guide, e);
    }
    return status;
}

static cnn_status allocate(cnn_explainer *e)
{
    const bool layered = e->kind->map == CNN__MAP_POSITIVE && e->lc > 0;
    const size_t pixels = (size_t)(e->h * e->w), layer = (size_t)(e->lh * e->lw);
    const cnn_shape output = cnn__session_output_shape(e->session);
    size_t inputs = 0;
    if (!cnn__shape_values(&output, &e->outputs) || e->outputs == 0 || !cnn__mul_size(e->values, e->batch, &inputs)) {
        return cnn__fail(e->context, CNN_ERROR_LIMIT, "%s: batches of %u are too large", e->session->model->name,
                         e->batch);
    }
    e->inputs = cnn__alloc_array(e->context, inputs, sizeof(float));
    e->starts = cnn__alloc_array(e->context, e->outputs * e->batch, sizeof(float));
    e->layers = cnn__alloc_array(e->context, layer * (size_t)e->lc, sizeof(float));
    e->plane = cnn__alloc_array(e->context, pixels, sizeof(float));
    e->sums = cnn__alloc_array(e->context, e->values, sizeof(double));
    e->weights = cnn__alloc_array(e->context, (size_t)e->lc, sizeof(double));
    e->channels = cnn__alloc_array(e->context, e->batch, sizeof(int64_t));
    e->raw = cnn__alloc_array(e->context, layered ? layer : e->values, sizeof(float));
    e->map = cnn__alloc_array(e->context, layered ? layer : pixels, sizeof(float));
    const bool all = e->inputs != NULL && e->starts != NULL && e->layers != NULL && e->plane != NULL &&
                     e->sums != NULL && e->weights != NULL && e->channels != NULL && e->raw != NULL && e->map != NULL;
    return all ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

static void set_defaults(cnn_explainer *e)
{
    const uint32_t side = (uint32_t)(e->h < e->w ? e->h : e->w);
    e->batch = !e->kind->many ? 1 : e->o.batch != 0 ? e->o.batch : 8;
    e->o.samples = e->o.samples != 0 ? e->o.samples : 50;
    e->o.noise = cnn__number_or(e->o.noise, 0.15f);
    e->o.window = e->o.window != 0 ? e->o.window : side >= 8 ? side / 8 : 1;
    e->o.stride = e->o.stride != 0 ? e->o.stride : e->o.window >= 2 ? e->o.window / 2 : 1;
}

static cnn_status fill(cnn_explainer *e, cnn_model *model, const float *baseline)
{
    const cnn_shape *input = &model->inputs[0].shape;
    e->kind = &kinds[e->o.method];
    e->input = model->inputs[0].name;
    e->h = input->dims[0];
    e->w = input->dims[1];
    e->c = input->dims[2];
    cnn__shape_values(input, &e->values);
    set_defaults(e);
    CNN__RETURN_IF_ERROR(choose_layer(e, model));
    e->o.layer = e->layer;
    if (baseline != NULL) {
        float *copy = cnn__alloc_array(e->context, (size_t)e->c, sizeof(float));
        CNN__RETURN_IF_ERROR(copy != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY);
        memcpy(copy, baseline, (size_t)e->c * sizeof(float));
        e->o.baseline = copy;
    }
    CNN__RETURN_IF_ERROR(open_session(e, model));
    return allocate(e);
}

cnn_status cnn_explainer_create(cnn_model *model, const cnn_explainer_options *options, cnn_explainer **explainer)
{
    if (explainer != NULL) {
        *explainer = NULL;
    }
    if (model == NULL || explainer == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_explainer_options o;
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_explainer_options", options, &o, sizeof(o)));
    CNN__RETURN_IF_ERROR(check(model, &o));
    cnn_explainer *e = cnn__alloc_zero(model->context, sizeof(*e));
    if (e == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    e->context = model->context;
    e->o = o;
    e->o.baseline = NULL; /* what is freed is a copy */
    cnn_status status = fill(e, model, o.baseline);
    if (status != CNN_OK) {
        cnn_explainer_free(e);
        return status;
    }
    *explainer = e;
    return CNN_OK;
}

void cnn_explainer_free(cnn_explainer *e)
{
    if (e == NULL) {
        return;
    }
    cnn_context *context = e->context;
    cnn_session_free(e->session);
    cnn__free(context, (void *)e->o.baseline);
    cnn__free(context, e->layer);
    cnn__free(context, e->inputs);
    cnn__free(context, e->starts);
    cnn__free(context, e->layers);
    cnn__free(context, e->plane);
    cnn__free(context, e->sums);
    cnn__free(context, e->weights);
    cnn__free(context, e->channels);
    cnn__free(context, e->raw);
    cnn__free(context, e->map);
    cnn__free(context, e);
}

const char *cnn_explainer_layer(const cnn_explainer *explainer) { return explainer != NULL ? explainer->layer : NULL; }

cnn_session *cnn_explainer_session(cnn_explainer *explainer) { return explainer != NULL ? explainer->session : NULL; }

/* ---- what methods share ---- */

cnn_status cnn__explain_forward(cnn_explainer *e, const float *inputs, size_t count)
{
    return cnn_session_forward(e->session, inputs, count);
}

/* Of a model with one output: whether the class is the one that a low output stands for. */
static bool is_opposite(const cnn_explainer *e) { return e->outputs == 1 && e->label == 0; }

double cnn__explain_score(const cnn_explainer *e, size_t index)
{
    const bool output = e->o.score == CNN_SCORE_OUTPUT;
    const float *values = output ? cnn_session_output(e->session) : cnn_session_logits(e->session);
    const double value = (double)values[index * e->outputs + (e->outputs == 1 ? 0 : (size_t)e->label)];
    const bool sigmoid = output && cnn__session_output(e->session)->head != CNN__NO_OP;
    return !is_opposite(e) ? value : sigmoid ? 1 - value : -value;
}

cnn_status cnn__explain_backward(cnn_explainer *e, size_t count)
{
    const size_t place = e->outputs == 1 ? 0 : (size_t)e->label;
    memset(e->starts, 0, e->outputs * e->batch * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        e->starts[i * e->outputs + place] = is_opposite(e) ? -1.0f : 1.0f;
    }
    return cnn_session_backward_from(
        e->session, &(cnn_output_gradient){.values = e->starts, .of_logits = e->o.score == CNN_SCORE_LOGIT}, 1);
}

cnn_status cnn__explain_slope(const cnn_explainer *e, cnn_tensor *slope)
{
    return cnn_session_value_gradient(e->session, e->input, slope);
}

int32_t cnn__explain_best(const float *logits, size_t outputs)
{
    size_t best = 0;
    for (size_t i = 1; i < outputs; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return outputs == 1 ? logits[0] > 0 : (int32_t)best;
}

/* ---- running ---- */

/* What of a pixel's values in `raw` its map shows. */
static float amount(const cnn_explainer *e, const float *raw)
{
    double sum = 0;
    float largest = 0;
    for (int64_t k = 0; k < e->c && e->kind->map != CNN__MAP_POSITIVE; k++) {
        sum += (double)raw[k];
        largest = fabsf(raw[k]) > largest ? fabsf(raw[k]) : largest;
    }
    return e->kind->map == CNN__MAP_POSITIVE ? (raw[0] > 0 ? raw[0] : 0)
           : e->kind->map == CNN__MAP_SUM    ? (float)fabs(sum)
                                             : largest;
}

/* Writes the map and returns the sum of `raw`. */
static double make_map(cnn_explainer *e, cnn_explanation *all)
{
    const bool layered = (e->kind->needs & CNN__NEEDS_LAYER) != 0;
    const int64_t h = layered ? e->lh : e->h, w = layered ? e->lw : e->w;
    const size_t pixels = (size_t)(h * w), step = e->kind->map == CNN__MAP_POSITIVE ? 1 : (size_t)e->c;
    float largest = 0;
    all->sum = 0;
    for (size_t i = 0; i < pixels; i++) {
        e->map[i] = amount(e, e->raw + i * step);
        largest = e->map[i] > largest ? e->map[i] : largest;
    }
    for (size_t i = 0; i < pixels * step; i++) {
        all->sum += (double)e->raw[i];
    }
    all->empty = !(largest > 0);
    for (size_t i = 0; i < pixels && largest > 0; i++) {
        e->map[i] = e->map[i] / largest;
    }
    all->map = (cnn_tensor){e->map, {2, 0, {h, w}}};
    all->raw = (cnn_tensor){e->raw, {step == 1 ? 2 : 3, 0, {h, w, step == 1 ? 0 : (int64_t)step}}};
    return all->sum;
}

cnn_status cnn_explainer_run(cnn_explainer *e, const float *input, int32_t label, cnn_explanation *explanation)
{
    if (e == NULL || input == NULL || explanation == NULL) {
        return e == NULL ? CNN_ERROR_INVALID_ARGUMENT
                         : cnn__fail(e->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_explainer_run: %s is NULL",
                                     input == NULL ? "input" : "explanation");
    }
    const cnn_model *model = e->session->model;
    const size_t classes = e->outputs == 1 ? 2 : e->outputs, size = explanation->struct_size;
    if (size < sizeof(size_t)) {
        return cnn__fail(e->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_explanation: struct_size is not set");
    }
    if (label >= 0 && (size_t)label >= classes) {
        return cnn__fail(e->context, CNN_ERROR_INVALID_ARGUMENT, "%s: there is no class %d, but 0 to %zu", model->name,
                         (int)label, classes - 1);
    }
    CNN__RETURN_IF_ERROR(cnn__explain_forward(e, input, 1));
    e->label = label >= 0 ? label : cnn__explain_best(cnn_session_logits(e->session), e->outputs);
    e->score = cnn__explain_score(e, 0);
    e->baseline_score = 0;
    if (!isfinite(e->score)) {
        return cnn__fail(e->context, CNN_ERROR_NUMERIC, "%s: the score of class %d is not finite", model->name,
                         (int)e->label);
    }
    CNN__RETURN_IF_ERROR(e->kind->run(e, input));
    cnn_explanation all = {
        .struct_size = size, .label = e->label, .score = e->score, .baseline_score = e->baseline_score};
    all.sum = make_map(e, &all);
    memcpy(explanation, &all, size < sizeof(all) ? size : sizeof(all));
    return CNN_OK;
}
