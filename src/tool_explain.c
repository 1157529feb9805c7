/* SPDX-License-Identifier: MIT */
/* What the sub-commands of `cnn explain` share: the model, the photo under a map, names of pictures. */
#include "tool_explain.h"
#include "tool_copy.h"
#include "tool_names.h"
#include "tool_path.h"
#include "tool_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const tool_command *const tool_explain_commands[] = {
    &tool_explain_activations,
    &tool_explain_filters,
    &tool_explain_gradcam,
    &tool_explain_gradcam_plus_plus,
    &tool_explain_scorecam,
    &tool_explain_guided,
    &tool_explain_saliency,
    &tool_explain_smoothgrad,
    &tool_explain_integrated,
    &tool_explain_occlusion,
    NULL,
};

bool tool_explain_is_file(const char *out)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    struct stat info;
    const size_t size = strlen(out);
    bool ends = false;
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        const size_t tail = strlen(endings[i]);
        ends = ends || (size > tail && strcasecmp(out + size - tail, endings[i]) == 0);
    }
    return ends && (stat(out, &info) != 0 || !S_ISDIR(info.st_mode));
}

/* The model, by name or from a file, with steps that make its input of photos where it reads some. */
static int open_source(tool *run, const tool_explain_source *source, cnn_model **model)
{
    const char *name = run->operands[0];
    tool_model_options options = {.dropout = NAN};
    if (source != NULL) {
        memcpy(options.input, source->input, sizeof(options.input));
    }
    int result = tool_open_model(run, name, &options, model);
    if (result == TOOL_DONE && source != NULL && source->preprocess != NULL) {
        result = tool_set_preprocess(run, source->preprocess, *model);
    }
    if (result == TOOL_DONE && source != NULL && cnn_model_pipeline(*model) == NULL) {
        result = tool_fail_usage(run,
                                 "%s: does not say how a photo becomes its input; --preprocess STEPS does, such as "
                                 "--preprocess unit",
                                 name);
    }
    return result;
}

int tool_explain_open(tool *run, const char *out, const tool_explain_source *source, cnn_model **model)
{
    if (out == NULL) {
        return tool_fail_usage(run, "--out DIR is missing");
    }
    int result = tool_open_context(run);
    result = result == TOOL_DONE ? open_source(run, source, model) : result;
    if (result != TOOL_DONE) {
        return result;
    }
    const bool file = strncmp(run->command->name, "explain activations", 19) != 0 &&
                      strncmp(run->command->name, "explain filters", 15) != 0 && tool_explain_is_file(out);
    const int error = file ? 0 : tool_make_folder(out);
    if (error != 0) {
        return tool_fail(run, "%s: %s", out, tool_copy_error(error));
    }
    return tool_set_one_view(run, *model);
}

char *tool_explain_path(const char *out, const char *image, const char *what)
{
    char *base = image != NULL ? strdup(tool_base_name(image)) : NULL, *name = strdup(what), *path = NULL;
    if (base != NULL && strrchr(base, '.') != NULL && strrchr(base, '.') != base) {
        *strrchr(base, '.') = '\0';
    }
    for (char *c = name; c != NULL && *c != '\0'; c++) {
        *c = *c == '/' || *c == ':' ? '_' : *c;
    }
    if (name != NULL && (image == NULL || base != NULL)) {
        path = tool_format("%s/%s%s%s.png", out, base != NULL ? base : "", base != NULL ? "-" : "", name);
    }
    free(base);
    free(name);
    return path;
}

static void tell_picture(tool *run, const char *path)
{
    if (!run->common->json) {
        char *printable = tool_printable(path);
        tool_print(run, "%s\n", printable);
        free(printable);
    }
}

int tool_explain_save(tool *run, cnn_image *picture, char *path)
{
    const cnn_status status = path != NULL ? cnn_image_save(picture, path, NULL) : CNN_ERROR_OUT_OF_MEMORY;
    int result = path == NULL ? tool_fail_memory(run) : status != CNN_OK ? tool_fail_library(run, status) : TOOL_DONE;
    if (result == TOOL_DONE) {
        tell_picture(run, path);
    }
    cnn_image_free(picture);
    free(path);
    return result;
}

enum { TITLE_ROOM = 28, TITLE_HEIGHT = 12 };

int tool_explain_save_titled(tool *run, cnn_image *picture, const char *title, char *path)
{
    const int width = (int)cnn_image_width(picture), height = (int)cnn_image_height(picture);
    if (path == NULL || !plot_works() || width > PLOT_MOST || height > PLOT_MOST - TITLE_ROOM) {
        return tool_explain_save(run, picture, path);
    }
    plot_page *page = plot_create(run, path, width, height + TITLE_ROOM);
    int result = page != NULL ? TOOL_DONE : TOOL_FAILED;
    if (result == TOOL_DONE) {
        plot_text_within(page, 4, (TITLE_ROOM - TITLE_HEIGHT) / 2.0, TITLE_HEIGHT, width - 8, (plot_color){0, 0, 0},
                         title);
        plot_image(page, 0, TITLE_ROOM, width, height, picture);
        result = plot_save(run, page, path);
        plot_free(page);
    }
    if (result == TOOL_DONE) {
        tell_picture(run, path);
    }
    cnn_image_free(picture);
    free(path);
    return result;
}

/* ---- the photo under a map ---- */

/* The steps of `text` that move pixels, and whether one of them does more than stretch. malloc'ed. */
static char *moving_steps(const char *text, bool *cuts, bool *orients)
{
    static const char *const stretching[] = {"resize=", "orient"}, *const cutting[] = {"resize_short=", "center_crop="};
    char *copy = strdup(text), *kept = strdup(""), *rest = NULL;
    *cuts = *orients = false;
    for (char *step = copy != NULL ? strtok_r(copy, ",", &rest) : NULL; step != NULL && kept != NULL;
         step = strtok_r(NULL, ",", &rest)) {
        bool stretches = false, cuts_off = false;
        for (size_t i = 0; i < 2; i++) {
            stretches = stretches || strncmp(step, stretching[i], strlen(stretching[i])) == 0;
            cuts_off = cuts_off || strncmp(step, cutting[i], strlen(cutting[i])) == 0;
        }
        *orients = *orients || strcmp(step, "orient") == 0;
        *cuts = *cuts || cuts_off;
        if ((stretches || cuts_off) && strcmp(step, "orient") != 0) {
            char *longer = tool_format("%s%s%s", kept, *kept != '\0' ? "," : "", step);
            free(kept);
            kept = longer;
        }
    }
    free(copy);
    return kept;
}

/* Makes an image of values from 0 to 1. */
static cnn_status image_of_values(cnn_context *context, const float *values, const cnn_shape *shape, cnn_image **image)
{
    const size_t count = (size_t)(shape->dims[0] * shape->dims[1] * shape->dims[2]);
    const cnn_status status = cnn_image_create(context, (uint32_t)shape->dims[1], (uint32_t)shape->dims[0],
                                               (uint32_t)shape->dims[2], image);
    for (size_t i = 0; status == CNN_OK && i < count; i++) {
        const float level = values[i] * 255.0f + 0.5f;
        cnn_image_pixels(*image)[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
    return status;
}

/* What is left of the photo after the steps. */
static cnn_status cut_photo(tool *run, const char *steps, cnn_image **photo)
{
    cnn_pipeline *pipeline = NULL;
    cnn_image *view = NULL;
    cnn_status status = cnn_pipeline_create(run->context, steps, &pipeline);
    if (status != CNN_OK) {
        return status;
    }
    cnn_shape shape = cnn_pipeline_output_shape(pipeline, 3);
    if (shape.rank == 0) { /* resize_short alone: as large as its longer side may get */
        cnn_pipeline_free(pipeline);
        return CNN_OK;
    }
    const size_t values = (size_t)(shape.dims[0] * shape.dims[1] * shape.dims[2]);
    float *room = calloc(values, sizeof(*room));
    status = room == NULL ? CNN_ERROR_OUT_OF_MEMORY : cnn_pipeline_apply(pipeline, *photo, 0, room, values, &shape);
    status = status == CNN_OK ? image_of_values(run->context, room, &shape, &view) : status;
    if (status == CNN_OK) {
        cnn_image_free(*photo);
        *photo = view;
    }
    free(room);
    cnn_pipeline_free(pipeline);
    return status;
}

cnn_status tool_explain_cut(tool *run, const cnn_model *model, cnn_image **photo)
{
    bool cuts = false, orients = false;
    const cnn_pipeline *pipeline = cnn_model_pipeline(model);
    char *steps = moving_steps(pipeline != NULL ? cnn_pipeline_text(pipeline) : "", &cuts, &orients);
    if (steps == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    const cnn_status status = cuts ? cut_photo(run, steps, photo) : CNN_OK;
    free(steps);
    return status;
}

int tool_explain_photo(tool *run, const cnn_model *model, const char *path, cnn_image **photo)
{
    bool cuts = false, orients = false;
    const cnn_pipeline *pipeline = cnn_model_pipeline(model);
    char *steps = moving_steps(pipeline != NULL ? cnn_pipeline_text(pipeline) : "", &cuts, &orients);
    if (steps == NULL) {
        return tool_fail_memory(run);
    }
    free(steps);
    cnn_status status = cnn_image_load(run->context, path, CNN_DECODE(.apply_orientation = orients), photo);
    status = status == CNN_OK ? tool_explain_cut(run, model, photo) : status;
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

/* ---- lists ---- */

static bool add_range(uint32_t **channels, size_t *count, uint64_t first, uint64_t last)
{
    uint32_t *longer = reallocarray(*channels, *count + (size_t)(last - first) + 1, sizeof(*longer));
    if (longer == NULL) {
        return false;
    }
    *channels = longer;
    for (uint64_t channel = first; channel <= last; channel++) {
        longer[(*count)++] = (uint32_t)channel;
    }
    return true;
}

int tool_explain_channels(tool *run, const char *text, uint32_t **channels, size_t *count)
{
    tool_list list = {0};
    int result = TOOL_DONE;
    *channels = NULL;
    *count = 0;
    if (!tool_list_split(&list, text)) {
        result = tool_fail_memory(run);
    }
    for (size_t i = 0; i < list.count && result == TOOL_DONE; i++) {
        uint64_t first = 0, last = 0;
        char *dash = strchr(list.items[i], '-');
        if (dash != NULL) {
            *dash++ = '\0';
        }
        if (!tool_parse_count(list.items[i], &first) || !tool_parse_count(dash != NULL ? dash : list.items[i], &last) ||
            last < first || last >= 1000000) {
            result = tool_fail_usage(run, "channels are numbers and ranges such as 0-3,10, not \"%s\"", text);
        } else if (!add_range(channels, count, first, last)) {
            result = tool_fail_memory(run);
        }
    }
    tool_list_free(&list);
    return result;
}

void tool_explain_set_shape(json_t *object, const cnn_shape *shape)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < shape->rank; i++) {
        json_array_append_new(list, json_integer(shape->dims[i]));
    }
    json_object_set_new(object, "shape", list);
}

/* ---- the command of commands ---- */

typedef struct explain_settings {
    tool_common common;
} explain_settings;

static int run_explain(tool *run, const void *settings)
{
    (void)settings;
    return tool_fail_usage(run,
                           run->operand_count == 0 ? "what is to be explained is missing: activations, filters, "
                                                     "gradcam, ..."
                                                   : "there is no explanation \"%s\"",
                           run->operand_count == 0 ? "" : run->operands[0]);
}

static void list_commands(tool *run)
{
    for (size_t i = 0; tool_explain_commands[i] != NULL; i++) {
        tool_print(run, "  %-20s ", tool_explain_commands[i]->name);
        tool_print_wrapped(run, tool_explain_commands[i]->purpose, 23, 23);
    }
    tool_print(run, "\n`cnn help explain NAME` says more about one of them.\n");
}

static const tool_option explain_options[] = {{0}};

const tool_command tool_command_explain = {
    .name = "explain",
    .synopsis = "NAME MODEL [IMAGE...]",
    .purpose = "Draws what a network sees: activations, filters, class activation maps.",
    .more_help = list_commands,
    .options = explain_options,
    .settings_size = sizeof(explain_settings),
    .most_operands = SIZE_MAX,
    .run = run_explain,
    .commands = tool_explain_commands,
};
