/* SPDX-License-Identifier: MIT */
/* Names of classes and common preprocessing, for models from elsewhere. */
#include "tool_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most classes of a list. */
#define MOST_NAMES 1000000

size_t tool_name_id(const char *name)
{
    const size_t size = strspn(name, "n0123456789");
    return name[0] == 'n' && size == 9 && name[size] == ' ' && strspn(name + 1, "0123456789") == 8 ? size : 0;
}

static int set(tool *run, const char *names, const char *const *list, size_t count, cnn_model *model)
{
    if (count != tool_model_labels(model)) {
        return tool_fail(run, "--names %s: has %zu names, and the model tells %zu classes apart", names, count,
                         tool_model_labels(model));
    }
    cnn_status status = cnn_model_set_classes(model, list, count);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

/* One name a line; an empty line at the end is none. */
static int read_names(tool *run, const char *path, tool_list *list)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t length = 0;
    int result = TOOL_DONE;
    if (file == NULL) {
        return tool_fail(run, "--names: %s: %s", path, strerror(errno));
    }
    while (result == TOOL_DONE && (length = getline(&line, &room, file)) >= 0) {
        length -= length > 0 && line[length - 1] == '\n';
        length -= length > 0 && line[length - 1] == '\r';
        if (length == 0 || memchr(line, '\0', (size_t)length) != NULL || list->count == MOST_NAMES) {
            result = tool_fail(run, "--names: %s: line %zu is no name", path, list->count + 1);
        } else if (!tool_list_add(list, strndup(line, (size_t)length))) {
            result = tool_fail_memory(run);
        }
    }
    if (result == TOOL_DONE && ferror(file)) {
        result = tool_fail(run, "--names: %s: %s", path, strerror(errno));
    }
    free(line);
    fclose(file);
    return result;
}

int tool_set_names(tool *run, const char *names, cnn_model *model)
{
    tool_list list = {0};
    if (strcmp(names, "imagenet") == 0) {
        return set(run, names, tool_imagenet_names, TOOL_IMAGENET_CLASSES, model);
    }
    int result = read_names(run, names, &list);
    if (result == TOOL_DONE) {
        result = set(run, names, (const char *const *)list.items, list.count, model);
    }
    tool_list_free(&list);
    return result;
}

/* Those of Keras resize as its load_img() does: each pixel is the nearest of the photo's. */
#define IMAGENET_COLORS "normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225"
static const struct {
    const char *name, *steps;
    const char *filter; /* of the resize; NULL: the shorter side is resized, and the middle of it cut out */
} presets[] = {
    {"torchvision", IMAGENET_COLORS, NULL},
    {"keras-caffe", "bgr,scale=255,subtract=103.939/116.779/123.68", "nearest"},
    {"keras-tf", "normalize=mean=0.5:std=0.5", "nearest"},
    {"keras-torch", IMAGENET_COLORS, "nearest"},
    {"unit", NULL, "bilinear"},
};

static const char *preset_name(const void *unused, size_t index)
{
    (void)unused;
    return index < sizeof(presets) / sizeof(presets[0]) ? presets[index].name : NULL;
}

/* The steps of a preset for the model's size; malloc'ed. */
static char *preset_steps(size_t preset, const cnn_shape *input)
{
    const int h = (int)input->dims[0], w = (int)input->dims[1], side = h < w ? h : w;
    const char *steps = presets[preset].steps, *comma = steps != NULL ? "," : "", *filter = presets[preset].filter;
    steps = steps != NULL ? steps : "";
    return filter == NULL ? tool_format("resize_short=%d:bilinear:full,center_crop=%dx%d%s%s", (side * 256 + 112) / 224,
                                        h, w, comma, steps)
                          : tool_format("resize=%dx%d:%s%s%s", h, w, filter, comma, steps);
}

int tool_set_preprocess(tool *run, const char *text, cnn_model *model)
{
    const cnn_shape input = cnn_model_input_shape(model);
    cnn_pipeline *pipeline = NULL;
    char *steps = NULL;
    if (input.rank != 3) {
        return tool_fail(run, "--preprocess: the model does not read images");
    }
    for (size_t i = 0; preset_name(NULL, i) != NULL && steps == NULL; i++) {
        steps = strcmp(preset_name(NULL, i), text) == 0 ? preset_steps(i, &input) : NULL;
    }
    const char *nearest = steps == NULL ? tool_nearest(text, preset_name, NULL) : NULL;
    cnn_status status = cnn_pipeline_create(run->context, steps != NULL ? steps : text, &pipeline);
    int result = TOOL_DONE;
    if (status != CNN_OK) {
        result = tool_fail_usage(run, "--preprocess: %s%s%s%s", cnn_last_error(run->context),
                                 nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                                 nearest != NULL ? "?" : "");
    } else if ((status = cnn_model_set_pipeline(model, pipeline)) != CNN_OK) {
        result = tool_fail_library(run, status);
    }
    cnn_pipeline_free(pipeline);
    free(steps);
    return result;
}
