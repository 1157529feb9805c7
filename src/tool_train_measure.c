/* SPDX-License-Identifier: MIT */
/* Numbers that are measured over the training images before the training: their mean, and how their colours vary. */
#include "tool_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The steps over which is measured: those before a crop if they give one size, else those before the scale of values
 * changes. */
static cnn_status open_measured(train_run *train, cnn_pipeline **steps)
{
    const char *text = cnn_pipeline_text(train->preprocess), *crop = strstr(text, ",center_crop=");
    size_t sizing = tool_train_sizing_length(text);
    sizing -= sizing > 0 && text[sizing - 1] == ',';
    const size_t lengths[] = {crop != NULL && (size_t)(crop - text) < sizing ? (size_t)(crop - text) : sizing, sizing};
    cnn_status status = CNN_OK;
    for (int i = 0; i < 2; i++) {
        char *before = tool_format("%.*s", (int)lengths[i], text);
        status = before != NULL ? cnn_pipeline_create(train->run->context, before, steps) : CNN_ERROR_OUT_OF_MEMORY;
        free(before);
        if (status != CNN_OK || i == 1 || cnn_pipeline_output_shape(*steps, 3).rank == 3) {
            break;
        }
        cnn_pipeline_free(*steps);
        *steps = NULL;
    }
    return status;
}

/* Reads all training images, once; `what` says for what. */
static int measure(train_run *train, const char *what)
{
    tool *run = train->run;
    cnn_pipeline *steps = NULL;
    if (train->measured.images > 0) {
        return TOOL_DONE;
    }
    train->measured = (cnn_channel_statistics)CNN_CHANNEL_STATISTICS_INIT;
    const bool first = tool_ranks_first(&run->ranks);
    cnn_status status = first ? open_measured(train, &steps) : CNN_OK;
    if (status == CNN_OK && first) {
        tool_note(run, "%-11s of %zu images, %s ...", what, cnn_dataset_count(train->data), cnn_pipeline_text(steps));
        status = cnn_dataset_statistics(
            run->context, train->data,
            CNN_LOADER(.pipeline = steps, .on_error = tool_on_error(train->settings->on_error)), &train->measured);
    }
    cnn_pipeline_free(steps);
    int result = tool_ranks_agree(run, status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status));
    return result == TOOL_DONE ? tool_ranks_share(run, &train->measured, sizeof(train->measured)) : result;
}

int tool_train_measure_mean(train_run *train, char **numbers)
{
    const double *mean = train->measured.mean;
    int result = measure(train, "mean");
    if (result != TOOL_DONE) {
        return result;
    }
    *numbers = train->measured.channels == 1 ? tool_format("%.6f", mean[0])
                                             : tool_format("%.6f/%.6f/%.6f", mean[0], mean[1], mean[2]);
    if (*numbers == NULL) {
        return tool_fail_memory(train->run);
    }
    tool_note(train->run, "mean        %s", *numbers);
    return TOOL_DONE;
}

/* auto, auto:STD or none; NaN and a message for anything else. */
static int read_pca(train_run *train, double *std)
{
    const char *text = train->settings->pca;
    *std = strcmp(text, "none") == 0 ? 0 : 0.1; /* the paper's */
    if (strcmp(text, "none") == 0 || strcmp(text, "auto") == 0) {
        return TOOL_DONE;
    }
    if (strncmp(text, "auto:", 5) == 0 && tool_parse_real(text + 5, std) && *std > 0 && *std <= 1000) {
        return TOOL_DONE;
    }
    return tool_fail_usage(train->run, "--pca is auto, auto:DEVIATION or none, not \"%s\"", text);
}

int tool_train_measure_pca(train_run *train, char **step)
{
    double std = 0;
    int result = read_pca(train, &std);
    if (result != TOOL_DONE || std == 0) {
        return result;
    }
    result = measure(train, "components");
    if (result != TOOL_DONE) {
        return result;
    }
    if (train->measured.channels != 3) {
        return tool_fail(train->run, "--pca: the images are grey, and have no principal components of colour");
    }
    const double *l = train->measured.pca_values, *v = train->measured.pca_vectors;
    *step = tool_format("pca_color=%.9g:values=%.9g/%.9g/%.9g:"
                        "vectors=%.9g/%.9g/%.9g/%.9g/%.9g/%.9g/%.9g/%.9g/%.9g",
                        std, l[0], l[1], l[2], v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]);
    return *step != NULL ? TOOL_DONE : tool_fail_memory(train->run);
}
