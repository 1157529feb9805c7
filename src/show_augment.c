/* SPDX-License-Identifier: MIT */
/* cnn show augment: one photo, as it is and then as the steps of a pipeline change it. */
#include "tool_show.h"

#include <math.h>
#include <stdlib.h>

/* The image of a path: a file, or any one of a dataset. */
static int open_photo(show_run *show, cnn_image **image)
{
    tool *run = show->run;
    const char *path = run->operands[1];
    if (cnn_image_name_format(path) != CNN_IMAGE_UNKNOWN) {
        const cnn_status status = cnn_image_load(run->context, path, NULL, image);
        return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    const tool_data_options options = {.part = show->settings->part, .prefix = show->settings->prefix};
    int result = tool_open_data(run, path, &options, &show->data);
    result = result == TOOL_DONE ? tool_limit_data(run, 1, &show->data) : result;
    if (result == TOOL_DONE) {
        const cnn_status status = cnn_dataset_image(show->data, 0, image);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    return result;
}

/* Adds one result of the pipeline, or of those that make several views each of them. */
static cnn_status add_values(show_run *show, const float *values, const cnn_shape *shape)
{
    const int64_t *dims = shape->dims + (shape->rank == 4);
    const size_t each = (size_t)(dims[0] * dims[1] * dims[2]), views = shape->rank == 4 ? (size_t)shape->dims[0] : 1;
    for (size_t v = 0; v < views && show->sheet.next < show->sheet.count; v++) {
        cnn_image *image = NULL;
        const tool_caption none[SHEET_LINES] = {{0}};
        cnn_status status = cnn_image_create(show->run->context, (uint32_t)dims[1], (uint32_t)dims[0],
                                             (uint32_t)dims[2], &image);
        for (size_t i = 0; status == CNN_OK && i < each; i++) {
            const float value = values[v * each + i];
            cnn_image_pixels(image)[i] = (uint8_t)lrintf(255 * fminf(fmaxf(value, 0), 1));
        }
        if (status == CNN_OK) {
            status = tool_sheet_add(&show->sheet, image, none);
        }
        cnn_image_free(image);
        if (status != CNN_OK) {
            return status;
        }
    }
    return CNN_OK;
}

/* Applies the pipeline with as much room as it turns out to need: a step may make an image larger. */
static cnn_status apply(show_run *show, const cnn_pipeline *steps, const cnn_image *image, uint64_t key)
{
    size_t room = (size_t)cnn_image_width(image) * cnn_image_height(image) * cnn_image_channels(image);
    cnn_status status = CNN_ERROR_LIMIT;
    for (int i = 0; i < 8 && status == CNN_ERROR_LIMIT; i++, room *= 4) {
        cnn_shape shape = {0};
        float *values = reallocarray(NULL, room, sizeof(*values));
        status = values != NULL ? cnn_pipeline_apply(steps, image, key, values, room, &shape) : CNN_ERROR_OUT_OF_MEMORY;
        if (status == CNN_OK) {
            status = add_values(show, values, &shape);
        }
        free(values);
    }
    return status;
}

int show_augment(show_run *show)
{
    tool *run = show->run;
    cnn_pipeline *steps = NULL;
    cnn_image *image = NULL;
    if (cnn_pipeline_create(run->context, show->settings->augment, &steps) != CNN_OK) {
        return tool_fail_usage(run, "--augment: %s", cnn_last_error(run->context));
    }
    int result = open_photo(show, &image);
    if (result == TOOL_DONE) {
        result = tool_sheet_open(&show->sheet, run, show->settings->out, (size_t)tool_show_wanted(show), 0);
    }
    if (result == TOOL_DONE) {
        const tool_caption none[SHEET_LINES] = {{0}};
        cnn_status status = tool_sheet_add(&show->sheet, image, none);
        for (uint64_t key = 0; status == CNN_OK && show->sheet.next < show->sheet.count; key++) {
            status = apply(show, steps, image, key);
        }
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    cnn_image_free(image);
    cnn_pipeline_free(steps);
    return result;
}
