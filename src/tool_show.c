/* SPDX-License-Identifier: MIT */
/* Images of a dataset on a sheet: choosing them, and drawing them with their classes and predictions. */
#include "tool_show.h"
#include "tool_table.h"

#include <stdlib.h>
#include <string.h>

static const plot_color ink = {51, 51, 51}, green = {0, 120, 40}, red = {196, 20, 20};

uint64_t tool_show_wanted(const show_run *show) { return show->settings->count > 0 ? show->settings->count : 40; }

bool tool_show_picks(const show_run *show, const char *what)
{
    return show->settings->pick != NULL && strcmp(show->settings->pick, what) == 0;
}

/* ---- choosing ---- */

static int set_data(show_run *show, cnn_status status, cnn_dataset *chosen)
{
    if (status != CNN_OK) {
        return tool_fail_library(show->run, status);
    }
    cnn_dataset_free(show->data);
    show->data = chosen;
    return TOOL_DONE;
}

int tool_show_keep(show_run *show, const uint64_t *numbers, size_t count)
{
    cnn_dataset *chosen = NULL;
    const cnn_status status = cnn_dataset_subset(show->data, numbers, count, &chosen);
    return set_data(show, status, chosen);
}

int tool_show_choose(show_run *show)
{
    if (!tool_show_picks(show, "first")) {
        return tool_limit_data(show->run, tool_show_wanted(show), &show->data);
    }
    const size_t all = cnn_dataset_count(show->data),
                 count = tool_show_wanted(show) < all ? (size_t)tool_show_wanted(show) : all;
    uint64_t *numbers = reallocarray(NULL, count + 1, sizeof(*numbers));
    for (size_t i = 0; numbers != NULL && i < count; i++) {
        numbers[i] = i;
    }
    const int result = numbers != NULL ? tool_show_keep(show, numbers, count) : tool_fail_memory(show->run);
    free(numbers);
    return result;
}

/* ---- cells ---- */

static char *class_text(const show_run *show, int32_t label)
{
    const bool known = label >= 0 && (size_t)label < cnn_dataset_class_count(show->data);
    return label < 0 ? strdup("?")
                     : tool_label_text(known ? cnn_dataset_class_name(show->data, (size_t)label) : NULL, (size_t)label);
}

static void list_image(const show_run *show, size_t index, const tool_prediction *prediction, const char *names[2])
{
    if (show->list == NULL) {
        return;
    }
    json_t *row = json_object();
    if (cnn_dataset_path(show->data, index) != NULL) {
        tool_json_text(row, "path", cnn_dataset_path(show->data, index));
    }
    tool_json_text(row, "class", names[0]);
    if (prediction != NULL) {
        tool_json_text(row, "predicted", names[1]);
        tool_json_real(row, "probability", (double)prediction->confidence);
    }
    json_array_append_new(show->list, row);
}

/* Name, and what the model says with its probability: green where it is right, red where not. */
static cnn_status draw_image(show_run *show, size_t index, const tool_prediction *prediction)
{
    cnn_image *image = NULL;
    cnn_status status = cnn_dataset_image(show->data, index, &image);
    if (status != CNN_OK) {
        return status;
    }
    const int32_t label = cnn_dataset_label(show->data, index);
    char *name = NULL;
    if (label < 0 && cnn_dataset_target_count(show->data) > 0) {
        char *text = tool_sample_text(show->data, index, ", ");
        name = text != NULL ? tool_printable(text) : NULL;
        free(text);
    } else {
        name = class_text(show, label);
    }
    char *said = prediction != NULL ? class_text(show, prediction->best) : NULL;
    char *line = said != NULL ? tool_format("%.3f %s", (double)prediction->confidence, said) : NULL;
    const bool right = prediction != NULL && prediction->best == label;
    const tool_caption captions[SHEET_LINES] = {{name, ink}, {line, right ? green : red}};
    status = tool_sheet_add(&show->sheet, image, captions);
    if (status == CNN_OK) {
        list_image(show, index, prediction, (const char *[2]){name, said});
    }
    free(line);
    free(said);
    free(name);
    cnn_image_free(image);
    return status;
}

int tool_show_draw(show_run *show, const tool_prediction *predictions)
{
    const size_t count = cnn_dataset_count(show->data);
    int result = tool_sheet_open(&show->sheet, show->run, show->settings->out, count, predictions != NULL ? 2 : 1);
    for (size_t i = 0; i < count && result == TOOL_DONE; i++) {
        const cnn_status status = draw_image(show, i, predictions != NULL ? &predictions[i] : NULL);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(show->run, status);
    }
    return result;
}
