/* SPDX-License-Identifier: MIT */
/* cnn explain gradcam and its relatives: where in a photo a class is seen. One function for all methods of the
 * library, which differ in their options alone. */
#include "tool_explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct maps_settings {
    tool_common common;
    tool_explain_source source;
    const char *out, *layer, *class_name, *score;
    uint64_t samples, window, stride, batch;
    double noise, strength;
    bool curves;
} maps_settings;

typedef struct maps_run {
    tool *run;
    const maps_settings *settings;
    const char *method; /* as the library has it */
    cnn_model *model;
    cnn_explainer *explainer;
    int32_t label; /* -1: the most probable */
    float *input;
    size_t values;
    json_t *list;
} maps_run;

static int32_t method_number(const char *name)
{
    int32_t method = 0;
    while (strcmp(cnn_explain_method_name((size_t)method), name) != 0) {
        method++;
    }
    return method;
}

/* A class's name, or its number. */
static int find_class(maps_run *maps, const char *name)
{
    uint64_t number = 0;
    maps->label = -1;
    if (name == NULL) {
        return TOOL_DONE;
    }
    for (size_t i = 0; i < cnn_model_class_count(maps->model); i++) {
        if (strcmp(cnn_model_class_name(maps->model, i), name) == 0) {
            maps->label = (int32_t)i;
            return TOOL_DONE;
        }
    }
    if (tool_parse_count(name, &number) && number < tool_model_labels(maps->model)) {
        maps->label = (int32_t)number;
        return TOOL_DONE;
    }
    char *classes = tool_model_classes(maps->model), *printable = tool_printable(name);
    const int result = tool_fail_usage(maps->run, "the model has no class \"%s\"; it has %s", printable,
                                       classes != NULL && *classes != '\0' ? classes : "no names, but numbers");
    free(printable);
    free(classes);
    return result;
}

/* Probability of a class, from the logits of the explainer's last pass over the input. */
static int probability(maps_run *maps, int32_t label, double *value)
{
    cnn_session *session = cnn_explainer_session(maps->explainer);
    const cnn_status status = cnn_session_forward(session, maps->input, 1);
    if (status != CNN_OK) {
        return tool_fail_library(maps->run, status);
    }
    const float *logits = cnn_session_logits(session);
    const size_t labels = tool_model_labels(maps->model);
    cnn_shape output = cnn_model_output_shape(maps->model);
    double sum = 0;
    if (labels == 2 && output.dims[output.rank - 1] == 1) {
        *value = 1 / (1 + exp(label == 1 ? -(double)logits[0] : (double)logits[0]));
        return TOOL_DONE;
    }
    for (size_t i = 0; i < labels; i++) {
        sum += exp((double)logits[i] - (double)logits[label]);
    }
    *value = 1 / sum;
    return TOOL_DONE;
}

static int add_curves(maps_run *maps, const cnn_explanation *e, json_t *object)
{
    float scores[51];
    double deletion = 0, insertion = 0;
    cnn_session *session = cnn_explainer_session(maps->explainer);
    cnn_status status = cnn_explain_curve(session, maps->input, e->label, &e->map, CNN_EXPLAIN_CURVE(.steps = 50),
                                          scores, &deletion);
    if (status == CNN_OK) {
        status = cnn_explain_curve(session, maps->input, e->label, &e->map,
                                   CNN_EXPLAIN_CURVE(.steps = 50, .insertion = 1), scores, &insertion);
    }
    if (status != CNN_OK) {
        return tool_fail_library(maps->run, status);
    }
    tool_json_real(object, "deletion", deletion);
    tool_json_real(object, "insertion", insertion);
    if (!maps->run->common->json) {
        tool_print(maps->run, "deletion %.4f, insertion %.4f\n", deletion, insertion);
    }
    return TOOL_DONE;
}

static void add_map(json_t *object, const cnn_tensor *map)
{
    json_t *rows = json_array();
    for (int64_t y = 0; y < map->shape.dims[0]; y++) {
        json_t *row = json_array();
        for (int64_t x = 0; x < map->shape.dims[1]; x++) {
            json_array_append_new(row, json_real((double)map->data[y * map->shape.dims[1] + x]));
        }
        json_array_append_new(rows, row);
    }
    json_object_set_new(object, "map", rows);
}

/* The file for a picture of an image, what it shows behind the image's name; NULL: the overlay. With a file as --out
 * the overlay is that file, and the others lie beside it. */
static char *picture_path(const maps_run *maps, const char *path, const char *what)
{
    const char *out = maps->settings->out, *slash = strrchr(out, '/');
    if (!tool_explain_is_file(out)) {
        return tool_explain_path(out, path, what != NULL ? what : maps->method);
    }
    if (what == NULL) {
        return strdup(out);
    }
    char *folder = slash != NULL ? strndup(out, slash > out ? (size_t)(slash - out) : 1) : strdup(".");
    char *file = folder != NULL ? tool_explain_path(folder, out, what) : NULL;
    free(folder);
    return file;
}

/* Pixels along the longer side of a picture of a layer's map. */
enum { CELLS_SIDE = 448 };

/* The map as the layer has it, a square for each of its values; of maps that have the input's size there is none. */
static int save_cells(maps_run *maps, const char *path, const cnn_explanation *e, json_t *object)
{
    const cnn_shape input = cnn_model_input_shape(maps->model), *shape = &e->map.shape;
    const uint32_t h = (uint32_t)shape->dims[0], w = (uint32_t)shape->dims[1], most = h > w ? h : w;
    cnn_image *small = NULL, *large = NULL;
    if (shape->dims[0] == input.dims[0] && shape->dims[1] == input.dims[1]) {
        return TOOL_DONE;
    }
    const uint32_t side = most < CELLS_SIDE ? CELLS_SIDE / most : 1;
    cnn_status status = cnn_map_image(maps->run->context, &e->map, CNN_VIRIDIS, h, w, &small);
    if (status == CNN_OK) {
        status = cnn_image_resize(small, w * side, h * side, CNN_RESIZE_NEAREST, &large);
    }
    cnn_image_free(small);
    if (status != CNN_OK) {
        return tool_fail_library(maps->run, status);
    }
    char *what = tool_format("%s-cells", maps->method);
    char *file = what != NULL ? picture_path(maps, path, what) : NULL;
    free(what);
    tool_json_text(object, "cells", file);
    return tool_explain_save(maps->run, large, file);
}

static int save_pictures(maps_run *maps, const char *path, const cnn_explanation *e, json_t *object)
{
    tool *run = maps->run;
    cnn_image *photo = NULL, *picture = NULL;
    char *raw = tool_format("%s-map", maps->method);
    const char *names[] = {maps->method, raw};
    int result = raw != NULL ? tool_explain_photo(run, maps->model, path, &photo) : tool_fail_memory(run);
    for (size_t i = 0; i < 2 && result == TOOL_DONE; i++) {
        const cnn_shape input = cnn_model_input_shape(maps->model);
        const cnn_status status = i == 0 ? cnn_map_overlay(photo, &e->map,
                                                           CNN_MAP_OVERLAY(.strength = (float)maps->settings->strength),
                                                           &picture)
                                         : cnn_map_image(run->context, &e->map, CNN_VIRIDIS, (uint32_t)input.dims[0],
                                                         (uint32_t)input.dims[1], &picture);
        char *file = picture_path(maps, path, i == 0 ? NULL : names[i]);
        tool_json_text(object, i == 0 ? "overlay" : "picture", file);
        result = status == CNN_OK ? tool_explain_save(run, picture, file) : tool_fail_library(run, status);
        if (status != CNN_OK) {
            free(file);
        }
    }
    free(raw);
    cnn_image_free(photo);
    return result == TOOL_DONE ? save_cells(maps, path, e, object) : result;
}

static void tell(maps_run *maps, const char *path, const cnn_explanation *e, double certainty, json_t *object)
{
    char *label = tool_label_text(cnn_model_class_name(maps->model, (size_t)e->label), (size_t)e->label);
    char *printable = tool_printable(path);
    if (!maps->run->common->json) {
        tool_print(maps->run, "%s\t%s\t%.4f\n", printable, label, certainty);
    }
    if (e->empty) {
        tool_note(maps->run, "%s: the map of class %s is empty: nothing speaks for it", printable, label);
    }
    tool_json_text(object, "path", path);
    tool_json_text(object, "label", label);
    tool_json_count(object, "class", (uint64_t)e->label);
    tool_json_real(object, "probability", certainty);
    tool_json_real(object, "score", e->score);
    json_object_set_new(object, "empty", json_boolean(e->empty != 0));
    if (strcmp(maps->method, "integrated") == 0) {
        tool_json_real(object, "baseline_score", e->baseline_score);
        tool_json_real(object, "sum", e->sum);
        const double whole = e->score - e->baseline_score;
        if (fabs(e->sum - whole) > 0.05 * fabs(whole)) {
            tool_note(maps->run, "%s: the gradients add up to %.4g, not %.4g; more --samples come nearer", printable,
                      e->sum, whole);
        }
    }
    free(printable);
    free(label);
}

static int explain_image(maps_run *maps, const char *path)
{
    cnn_explanation e = CNN_EXPLANATION_INIT;
    double certainty = 0;
    json_t *object = json_object();
    cnn_session *session = cnn_explainer_session(maps->explainer);
    cnn_status status = cnn_session_prepare_file(session, path, maps->input, maps->values);
    if (status == CNN_OK) {
        status = cnn_explainer_run(maps->explainer, maps->input, maps->label, &e);
    }
    int result = status == CNN_OK ? TOOL_DONE : tool_fail_library(maps->run, status);
    result = result == TOOL_DONE ? probability(maps, e.label, &certainty) : result;
    if (result == TOOL_DONE) {
        tell(maps, path, &e, certainty, object);
        add_map(object, &e.map);
        result = save_pictures(maps, path, &e, object);
    }
    if (result == TOOL_DONE && maps->settings->curves) {
        result = add_curves(maps, &e, object);
    }
    if (result == TOOL_DONE) {
        json_array_append_new(maps->list, object);
    } else {
        json_decref(object);
    }
    return result;
}

static int open_explainer(maps_run *maps)
{
    const maps_settings *s = maps->settings;
    const cnn_explainer_options options = {
        .struct_size = sizeof(options),
        .method = method_number(maps->method),
        .score = s->score != NULL && strcmp(s->score, "output") == 0 ? CNN_SCORE_OUTPUT : CNN_SCORE_LOGIT,
        .layer = s->layer,
        .batch = (uint32_t)s->batch,
        .samples = (uint32_t)s->samples,
        .noise = isnan(s->noise) ? 0
                 : s->noise == 0 ? CNN_ZERO
                                 : (float)s->noise,
        .window = (uint32_t)s->window,
        .stride = (uint32_t)s->stride,
    };
    const cnn_status status = cnn_explainer_create(maps->model, &options, &maps->explainer);
    if (status != CNN_OK) {
        return tool_fail_library(maps->run, status);
    }
    const cnn_shape input = cnn_model_input_shape(maps->model);
    maps->values = (size_t)(input.dims[0] * input.dims[1] * input.dims[2]);
    maps->input = calloc(maps->values, sizeof(*maps->input));
    return maps->input != NULL ? TOOL_DONE : tool_fail_memory(maps->run);
}

static int run_maps(tool *run, const void *given)
{
    maps_settings settings = *(const maps_settings *)given;
    const char *space = strchr(run->command->name, ' ');
    maps_run maps = {.run = run, .settings = &settings, .method = space + 1, .list = json_array()};
    settings.strength = isnan(settings.strength) ? 0 : settings.strength == 0 ? (double)CNN_ZERO : settings.strength;
    if (settings.out != NULL && tool_explain_is_file(settings.out) && run->operand_count > 2) {
        json_decref(maps.list);
        return tool_fail_usage(run, "--out %s: is one picture, of %zu photos; a folder takes them", settings.out,
                               run->operand_count - 1);
    }
    int result = tool_explain_open(run, settings.out, &settings.source, &maps.model);
    result = result == TOOL_DONE ? find_class(&maps, settings.class_name) : result;
    result = result == TOOL_DONE ? open_explainer(&maps) : result;
    bool failed = false;
    for (size_t i = 1; result != TOOL_USAGE && maps.input != NULL && i < run->operand_count; i++) {
        failed = explain_image(&maps, run->operands[i]) != TOOL_DONE || failed; /* told; the others go on */
    }
    result = result == TOOL_DONE && failed ? TOOL_FAILED : result;
    if (maps.input != NULL && run->common->json) {
        json_t *object = json_object();
        tool_json_text(object, "method", maps.method);
        tool_json_text(object, "layer", cnn_explainer_layer(maps.explainer));
        json_object_set(object, "explanations", maps.list);
        const int printed = tool_json_print(run, object);
        result = result == TOOL_DONE ? printed : result;
    }
    json_decref(maps.list);
    free(maps.input);
    cnn_explainer_free(maps.explainer);
    cnn_model_free(maps.model);
    return result;
}

#define AT(field) offsetof(maps_settings, field)

static const char *const scores[] = {"logit", "output", NULL};

#define COMMON_OPTIONS                                                                                                \
    TOOL_EXPLAIN_SOURCE(maps_settings),                                                                               \
        {"out", "DIR", "folder for the pictures; made if it is not there", TOOL_TEXT, AT(out), 0, 0, NULL},           \
        {"class",                                                                                                     \
         "NAME",                                                                                                      \
         "class to explain, by name or number; the most probable one if not given",                                   \
         TOOL_TEXT,                                                                                                   \
         AT(class_name),                                                                                              \
         0,                                                                                                           \
         0,                                                                                                           \
         NULL},                                                                                                       \
        {"score",     "WHAT",    "what is explained of the class: logit (if not given) or output, its probability",   \
         TOOL_CHOICE, AT(score), 0,                                                                                   \
         0,           scores},                                                                                        \
        {"strength", "X", "strength of the colours over the photo; 0.4 if not given", TOOL_REAL, AT(strength), 0,     \
         100,        NULL},                                                                                           \
    {                                                                                                                 \
        "curves", NULL, "measures the explanation by deletion and insertion curves too", TOOL_FLAG, AT(curves), 0, 0, \
            NULL                                                                                                      \
    }
#define LAYER_OPTION                                                                                                  \
    {                                                                                                                 \
        "layer", "NAME", "layer whose channels are weighed; the last convolution if not given", TOOL_TEXT, AT(layer), \
            0, 0, NULL                                                                                                \
    }
#define BATCH_OPTION                                                                                   \
    {                                                                                                  \
        "batch", "N", "images computed at once; 8 if not given", TOOL_COUNT, AT(batch), 1, 65536, NULL \
    }

static const tool_option layer_options[] = {COMMON_OPTIONS, LAYER_OPTION, {0}};
static const tool_option score_options[] = {COMMON_OPTIONS, LAYER_OPTION, BATCH_OPTION, {0}};
static const tool_option slope_options[] = {COMMON_OPTIONS, {0}};
static const tool_option smooth_options[] = {
    COMMON_OPTIONS,
    {"samples", "N", "copies with noise; 50 if not given", TOOL_COUNT, AT(samples), 1, 1000000, NULL},
    {"noise", "X", "deviation as a part of the range of values; 0.15 if not given", TOOL_REAL, AT(noise), 0, 100, NULL},
    BATCH_OPTION,
    {0}};
static const tool_option integrated_options[] = {COMMON_OPTIONS,
                                                 {"samples", "N",
                                                  "steps from the baseline, 0, to the image; 50 if not given",
                                                  TOOL_COUNT, AT(samples), 1, 1000000, NULL},
                                                 BATCH_OPTION,
                                                 {0}};
static const tool_option occlusion_options[] = {
    COMMON_OPTIONS,
    {"window", "N", "side of the covered square; an eighth of the image's shorter side if not given", TOOL_COUNT,
     AT(window), 1, 32768, NULL},
    {"stride", "N", "from one place to the next; half the window if not given", TOOL_COUNT, AT(stride), 1, 32768, NULL},
    BATCH_OPTION,
    {0}};

#define DETAILS                                                                                                       \
    "For each IMAGE OUT/IMAGE-METHOD.png, the map's colours over the photo, and OUT/IMAGE-METHOD-map.png, the map "   \
    "alone; of class activation maps also OUT/IMAGE-METHOD-cells.png, as coarse as the layer; and a line with path, " \
    "class and probability. An OUT that ends in .png or .jpg is the overlay of one IMAGE. Where the model's "         \
    "preprocessing cuts photos, the picture "                                                                         \
    "is of the part that the network sees. A map that is zero throughout is told. With --json one object: method, "   \
    "layer, and explanations, a list of path, label, class, probability, score, empty, map and file names."

#define METHOD(variable, text, purpose_text, table) \
    const tool_command tool_explain_##variable = {  \
        .name = "explain " text,                    \
        .synopsis = "MODEL IMAGE... --out DIR",     \
        .purpose = purpose_text,                    \
        .details = DETAILS,                         \
        .options = table,                           \
        .settings_size = sizeof(maps_settings),     \
        .least_operands = 2,                        \
        .most_operands = SIZE_MAX,                  \
        .run = run_maps,                            \
    };

METHOD(gradcam, "gradcam", "Grad-CAM: where a layer's channels speak for a class.", layer_options)
METHOD(gradcam_plus_plus, "gradcam++", "Grad-CAM++: the same for several objects of a class.", layer_options)
METHOD(scorecam, "scorecam", "Score-CAM: channels weighed by the score of the image masked by them.", score_options)
METHOD(guided, "guided", "Guided backpropagation: fine detail, but little of the class.", slope_options)
METHOD(saliency, "saliency", "The gradient of the score by each pixel.", slope_options)
METHOD(smoothgrad, "smoothgrad", "Its mean over copies of the image with noise.", smooth_options)
METHOD(integrated, "integrated", "Integrated gradients: shares of the score that add up to it.", integrated_options)
METHOD(occlusion, "occlusion", "How the score falls when a square of the image is covered.", occlusion_options)
