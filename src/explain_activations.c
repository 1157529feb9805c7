/* SPDX-License-Identifier: MIT */
/* cnn explain activations: what each layer makes of a photo, its channels side by side. */
#include "tool_explain.h"

#include <stdlib.h>
#include <string.h>

typedef struct activations_settings {
    tool_common common;
    tool_explain_source source;
    const char *out, *layers, *channels;
    uint64_t columns, scale;
} activations_settings;

typedef struct activations_run {
    tool *run;
    const activations_settings *settings;
    cnn_model *model;
    cnn_session *session;
    tool_list layers;
    uint32_t *channels; /* NULL: all, standardised */
    size_t channel_count;
    float *input;
    size_t values;
    json_t *list;
} activations_run;

/* Those named, or all that make an H, W, C. */
static int choose_layers(activations_run *a)
{
    bool memory = true;
    if (a->settings->layers != NULL) {
        memory = tool_list_split(&a->layers, a->settings->layers);
    }
    for (size_t i = 0; a->settings->layers == NULL && i < cnn_model_layer_count(a->model) && memory; i++) {
        if (cnn_model_layer_shape(a->model, i).rank == 3) {
            memory = tool_list_add(&a->layers, strdup(cnn_model_layer_name(a->model, i)));
        }
    }
    return !memory                ? tool_fail_memory(a->run)
           : a->layers.count == 0 ? tool_fail(a->run, "the model has no layer that makes an H, W, C")
                                  : TOOL_DONE;
}

static int open_session(activations_run *a)
{
    cnn_shape input = cnn_model_input_shape(a->model);
    a->values = 1;
    for (uint32_t i = 0; i < input.rank; i++) {
        a->values *= (size_t)input.dims[i];
    }
    a->input = calloc(a->values, sizeof(*a->input));
    if (a->input == NULL) {
        return tool_fail_memory(a->run);
    }
    const cnn_status status = cnn_session_create(
        a->model, CNN_SESSION(.keep = (const char *const *)a->layers.items, .keep_count = a->layers.count),
        &a->session);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(a->run, status);
}

/* Channels of late layers have few values: each becomes a square, until a channel is as wide as this; and so are those
 * of a vector. */
enum { CHANNEL_SIDE = 64, VECTOR_SIDE = 16 };

/* Pixels of a picture that is made larger by itself. */
#define MOST_PIXELS 33554432.0

/* Pixels along a value, where it is not said. */
static uint32_t choose_scale(const activations_run *a, const cnn_shape *shape)
{
    if (a->settings->scale != 0) {
        return (uint32_t)a->settings->scale;
    }
    const bool image = shape->rank >= 3;
    const int64_t h = image ? shape->dims[shape->rank - 3] : 1, w = image ? shape->dims[shape->rank - 2] : 1;
    const double count = a->channels != NULL ? (double)a->channel_count : (double)shape->dims[shape->rank - 1];
    const int64_t longer = h > w ? h : w, side = image ? CHANNEL_SIDE : VECTOR_SIDE;
    int64_t scale = longer > 0 && longer < side ? (side + longer - 1) / longer : 1;
    while (scale > 1 && count * (double)(h * scale) * (double)(w * scale) > MOST_PIXELS) {
        scale--;
    }
    return (uint32_t)scale;
}

static int draw_layer(activations_run *a, const char *path, const char *layer, json_t *layers)
{
    tool *run = a->run;
    cnn_tensor value;
    cnn_image *picture = NULL;
    size_t dead = 0;
    const bool chosen = a->channels != NULL;
    cnn_status status = cnn_session_activation(a->session, layer, &value);
    if (status == CNN_OK) {
        status = cnn_activation_image(run->context, &value,
                                      CNN_ACTIVATION_IMAGE(.channels = a->channels, .count = a->channel_count,
                                                           .columns = (uint32_t)a->settings->columns,
                                                           .scale = choose_scale(a, &value.shape), .spread = chosen,
                                                           .margin = chosen && a->channel_count > 1 ? 2 : 0),
                                      &picture, &dead);
    }
    if (status != CNN_OK) {
        return tool_fail_library(run, status);
    }
    json_t *object = json_object();
    char *file = tool_explain_path(a->settings->out, path, layer);
    tool_json_text(object, "layer", layer);
    const cnn_shape sample = cnn_model_value_shape(a->model, layer);
    tool_explain_set_shape(object, sample.rank > 0 ? &sample : &value.shape);
    tool_json_count(object, "dead", dead);
    tool_json_text(object, "picture", file);
    json_array_append_new(layers, object);
    if (dead > 0) {
        tool_note(run, "%s: %zu of %zu channels are dead for this image", layer, dead,
                  chosen ? a->channel_count : (size_t)value.shape.dims[value.shape.rank - 1]);
    }
    char *title = tool_printable(layer);
    const int result = tool_explain_save_titled(run, picture, title != NULL ? title : "", file);
    free(title);
    return result;
}

static int draw_image(activations_run *a, const char *path)
{
    cnn_status status = cnn_session_prepare_file(a->session, path, a->input, a->values);
    status = status == CNN_OK ? cnn_session_forward(a->session, a->input, 1) : status;
    int result = status == CNN_OK ? TOOL_DONE : tool_fail_library(a->run, status);
    json_t *object = json_object(), *layers = json_array();
    for (size_t i = 0; i < a->layers.count && result == TOOL_DONE; i++) {
        result = draw_layer(a, path, a->layers.items[i], layers);
    }
    tool_json_text(object, "path", path);
    json_object_set_new(object, "layers", layers);
    if (result == TOOL_DONE) {
        json_array_append_new(a->list, object);
    } else {
        json_decref(object);
    }
    return result;
}

static int run_activations(tool *run, const void *given)
{
    activations_run a = {.run = run, .settings = given, .list = json_array()};
    int result = tool_explain_open(run, a.settings->out, &a.settings->source, &a.model);
    if (result == TOOL_DONE && a.settings->channels != NULL) {
        result = tool_explain_channels(run, a.settings->channels, &a.channels, &a.channel_count);
    }
    result = result == TOOL_DONE ? choose_layers(&a) : result;
    result = result == TOOL_DONE ? open_session(&a) : result;
    bool failed = false;
    for (size_t i = 1; a.session != NULL && result == TOOL_DONE && i < run->operand_count; i++) {
        failed = draw_image(&a, run->operands[i]) != TOOL_DONE || failed;
    }
    if (a.session != NULL && run->common->json) {
        json_t *object = json_object();
        json_object_set(object, "images", a.list);
        result = tool_json_print(run, object);
    }
    json_decref(a.list);
    free(a.input);
    free(a.channels);
    tool_list_free(&a.layers);
    cnn_session_free(a.session);
    cnn_model_free(a.model);
    return result == TOOL_DONE && failed ? TOOL_FAILED : result;
}

#define AT(field) offsetof(activations_settings, field)

static const tool_option activations_options[] = {
    {"out", "DIR", "folder for the pictures; made if it is not there", TOOL_TEXT, AT(out), 0, 0, NULL},
    {"layers", "NAMES",
     "layers to draw, separated by commas; \"conv1:linear\" is what conv1 makes before its "
     "activation. All that have a height and a width if not given",
     TOOL_TEXT, AT(layers), 0, 0, NULL},
    {"channels", "LIST",
     "channels to draw, such as 10 or 0-3,10-13; each is then drawn from its smallest to its "
     "largest value",
     TOOL_TEXT, AT(channels), 0, 0, NULL},
    {"columns", "N", "channels in a row; 16 if not given", TOOL_COUNT, AT(columns), 1, 100000, NULL},
    {"scale", "N", "pixels along a value; as many as make a channel 64 wide if not given", TOOL_COUNT, AT(scale), 1,
     1000, NULL},
    TOOL_EXPLAIN_SOURCE(activations_settings),
    {0},
};

const tool_command tool_explain_activations = {
    .name = "explain activations",
    .synopsis = "MODEL IMAGE... --out DIR",
    .purpose = "Draws what each layer makes of a photo, its channels side by side.",
    .details = "One picture for each layer, OUT/IMAGE-LAYER.png, with the layer's name above it. Each channel less its "
               "mean, divided by its "
               "deviation, times 64, plus 128, in the colours of viridis; channels with one value throughout are "
               "dead, and their number is told. With --json one object: images, a list of path and layers (layer, "
               "shape, dead, picture).",
    .options = activations_options,
    .settings_size = sizeof(activations_settings),
    .least_operands = 2,
    .most_operands = SIZE_MAX,
    .run = run_activations,
};
