/* SPDX-License-Identifier: MIT */
/* cnn explain filters: images that the channels of a layer answer to most. */
#include "tool_explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct filters_settings {
    tool_common common;
    const char *out, *layer, *channels;
    uint64_t size, steps, batch;
    double scale;
} filters_settings;

typedef struct filters_run {
    tool *run;
    const filters_settings *settings;
    cnn_model *model;
    uint32_t *channels;
    size_t count;
    bool grid; /* all in one picture */
    int64_t size, colors;
    float *patterns, *means;
    json_t *list;
} filters_run;

/* What one level of 255 is in the network's values: the preprocessing of white less that of black. 0: not known. */
static double level_of(tool *run, const cnn_model *model)
{
    const cnn_shape input = cnn_model_input_shape(model);
    const size_t values = (size_t)(input.dims[0] * input.dims[1] * input.dims[2]);
    double means[2] = {0, 0};
    float *room = calloc(values, sizeof(*room));
    cnn_image *image = NULL;
    cnn_status status = cnn_model_pipeline(model) == NULL || room == NULL ? CNN_ERROR_STATE : CNN_OK;
    if (status == CNN_OK) {
        status = cnn_image_create(run->context, (uint32_t)input.dims[1], (uint32_t)input.dims[0],
                                  input.dims[2] == 1 ? 1 : 3, &image);
    }
    for (int white = 0; white < 2 && status == CNN_OK; white++) {
        memset(cnn_image_pixels(image), white * 255,
               (size_t)(input.dims[0] * input.dims[1]) * cnn_image_channels(image));
        status = cnn_pipeline_apply(cnn_model_pipeline(model), image, 0, room, values, NULL);
        for (size_t i = 0; i < values && status == CNN_OK; i++) {
            means[white] += (double)room[i] / (double)values;
        }
    }
    cnn_image_free(image);
    free(room);
    return status == CNN_OK && means[1] > means[0] ? (means[1] - means[0]) / 255 : 0;
}

static int choose_channels(filters_run *f)
{
    const filters_settings *s = f->settings;
    const cnn_shape shape = cnn_model_value_shape(f->model, s->layer);
    f->grid = s->channels == NULL;
    if (!f->grid) {
        return tool_explain_channels(f->run, s->channels, &f->channels, &f->count);
    }
    const size_t all = shape.rank > 0 ? (size_t)shape.dims[shape.rank - 1] : 64;
    f->count = all < 64 ? all : 64;
    return TOOL_DONE;
}

static int make_patterns(filters_run *f)
{
    const filters_settings *s = f->settings;
    const cnn_shape input = cnn_model_input_shape(f->model);
    if (input.rank != 3) {
        return tool_fail(f->run, "the model reads a vector, not an image");
    }
    f->size = s->size != 0 ? (int64_t)s->size : f->grid ? 64 : 150;
    f->colors = input.dims[2];
    const double given = isnan(s->scale) ? level_of(f->run, f->model) : s->scale;
    const float level = given > 0 ? (float)given : 1.0f / 255.0f;
    const size_t values = (size_t)(f->size * f->size * f->colors);
    f->patterns = reallocarray(NULL, f->count, values * sizeof(float));
    f->means = calloc(f->count, sizeof(float));
    if (f->patterns == NULL || f->means == NULL) {
        return tool_fail_memory(f->run);
    }
    const cnn_status status = cnn_explain_patterns(
        f->model,
        CNN_EXPLAIN_PATTERNS(.layer = s->layer, .channels = f->channels, .count = f->count, .size = (int32_t)f->size,
                             .steps = (uint32_t)s->steps, .step = level, .low = 128 * level, .high = 148 * level,
                             .batch = (uint32_t)s->batch),
        f->patterns, f->means);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(f->run, status);
}

static cnn_status draw(const filters_run *f, size_t index, cnn_image **image)
{
    const size_t values = (size_t)(f->size * f->size * f->colors);
    const cnn_tensor pattern = {f->patterns + index * values, {3, 0, {f->size, f->size, f->colors}}};
    return cnn_pattern_image(f->run->context, &pattern, image);
}

static int save_grid(filters_run *f, json_t *object)
{
    cnn_image **images = calloc(f->count, sizeof(cnn_image *)), *grid = NULL;
    cnn_status status = images != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < f->count && status == CNN_OK; i++) {
        status = draw(f, i, &images[i]);
    }
    if (status == CNN_OK) {
        status = cnn_image_grid((const cnn_image *const *)images, f->count,
                                CNN_IMAGE_GRID(.columns = (uint32_t)((f->count + 7) / 8), .margin = 5, .down = 1),
                                &grid);
    }
    for (size_t i = 0; images != NULL && i < f->count; i++) {
        cnn_image_free(images[i]);
    }
    free(images);
    if (status != CNN_OK) {
        return tool_fail_library(f->run, status);
    }
    char *name = tool_format("filters-%s", f->settings->layer);
    char *path = name != NULL ? tool_explain_path(f->settings->out, NULL, name) : NULL;
    tool_json_text(object, "picture", path);
    free(name);
    return tool_explain_save(f->run, grid, path);
}

static int save_one(filters_run *f, size_t index, json_t *object)
{
    cnn_image *image = NULL;
    const cnn_status status = draw(f, index, &image);
    if (status != CNN_OK) {
        return tool_fail_library(f->run, status);
    }
    char *name = tool_format("filter-%s-%u", f->settings->layer, f->channels[index]);
    char *path = name != NULL ? tool_explain_path(f->settings->out, NULL, name) : NULL;
    tool_json_text(object, "picture", path);
    free(name);
    return tool_explain_save(f->run, image, path);
}

static int save_all(filters_run *f)
{
    json_t *object = json_object();
    size_t dead = 0;
    int result = f->grid ? save_grid(f, object) : TOOL_DONE;
    for (size_t i = 0; i < f->count && result == TOOL_DONE; i++) {
        json_t *filter = json_object();
        tool_json_count(filter, "channel", f->channels != NULL ? f->channels[i] : i);
        tool_json_real(filter, "mean", (double)f->means[i]);
        dead += f->means[i] == 0;
        result = f->grid || f->means[i] == 0 ? TOOL_DONE : save_one(f, i, filter);
        json_array_append_new(f->list, filter);
    }
    if (dead > 0 && result == TOOL_DONE) {
        tool_note(f->run,
                  "%s: %zu of %zu channels answer to nothing; %s. Another --seed begins elsewhere, and --layer "
                  "NAME:linear is a layer before its activation, where there is a slope",
                  f->settings->layer, dead, f->count,
                  f->grid ? "what is drawn of them is noise" : "they are not drawn");
    }
    tool_json_text(object, "layer", f->settings->layer);
    json_object_set(object, "filters", f->list);
    if (result == TOOL_DONE && f->run->common->json) {
        return tool_json_print(f->run, object);
    }
    json_decref(object);
    return result;
}

static int run_filters(tool *run, const void *given)
{
    filters_run f = {.run = run, .settings = given, .list = json_array()};
    int result = f.settings->layer == NULL ? tool_fail_usage(run, "--layer NAME is missing")
                                           : tool_explain_open(run, f.settings->out, NULL, &f.model);
    result = result == TOOL_DONE ? choose_channels(&f) : result;
    result = result == TOOL_DONE ? make_patterns(&f) : result;
    result = result == TOOL_DONE ? save_all(&f) : result;
    json_decref(f.list);
    free(f.patterns);
    free(f.means);
    free(f.channels);
    cnn_model_free(f.model);
    return result;
}

#define AT(field) offsetof(filters_settings, field)

static const tool_option filters_options[] = {
    {"out", "DIR", "folder for the pictures; made if it is not there", TOOL_TEXT, AT(out), 0, 0, NULL},
    {"layer", "NAME", "layer whose channels are drawn", TOOL_TEXT, AT(layer), 0, 0, NULL},
    {"channels", "LIST",
     "channels to draw, such as 0 or 0-3,10, a picture each; the first 64 in one picture if not "
     "given",
     TOOL_TEXT, AT(channels), 0, 0, NULL},
    {"size", "N", "side of a pattern; 64 in one picture, else 150", TOOL_COUNT, AT(size), 1, 4096, NULL},
    {"steps", "N", "steps of gradient ascent; 40 if not given", TOOL_COUNT, AT(steps), 1, 100000, NULL},
    {"scale", "X", "what one level of 255 is in the network's values; by its preprocessing if not given", TOOL_REAL,
     AT(scale), 1e-6, 1e6, NULL},
    {"batch", "N", "patterns computed at once; 8 if not given", TOOL_COUNT, AT(batch), 1, 65536, NULL},
    {0},
};

const tool_command tool_explain_filters = {
    .name = "explain filters",
    .synopsis = "MODEL --layer NAME --out DIR",
    .purpose = "Draws images that the channels of a layer answer to most.",
    .details = "Gradient ascent from grey noise of levels 128 to 148, by one level a step. The first 64 channels "
               "become OUT/filters-LAYER.png, 64x64 pixels each with 5 between them, channel i + 8j in row i, column "
               "j; those of --channels OUT/filter-LAYER-CHANNEL.png, 150x150. With --json one object: layer, picture, "
               "and filters, a list of channel and mean.",
    .options = filters_options,
    .settings_size = sizeof(filters_settings),
    .least_operands = 1,
    .most_operands = 1,
    .run = run_filters,
};
