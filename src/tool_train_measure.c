/* SPDX-License-Identifier: MIT */
/* Numbers that are measured over the training images before the training: their mean, and how their colours vary. */
#include "tool_npy.h"
#include "tool_train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* Where there is no bar every so many images are told. */
#define TELL_EVERY 1000

typedef struct reading {
    tool *run;
    const char *what;
    double begin;
    uint64_t told; /* images */
} reading;

static bool on_read(void *user, uint64_t done, uint64_t total)
{
    reading *self = user;
    tool_progress_count(self->run, self->what, done, total, self->begin, "images");
    if (!self->run->progress.bar && done / TELL_EVERY > self->told / TELL_EVERY && done < total) {
        self->told = done;
        tool_note(self->run, "%-11s %llu/%llu images", self->what, (unsigned long long)done, (unsigned long long)total);
    }
    return false; /* signals end the command at once until the training begins */
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
        reading self = {.run = run, .what = what, .begin = tool_seconds()};
        status = cnn_dataset_statistics(run->context, train->data,
                                        CNN_LOADER(.pipeline = steps,
                                                   .on_error = tool_on_error(train->settings->on_error),
                                                   .on_read = on_read, .user = &self),
                                        &train->measured);
        tool_progress_end(run);
    }
    cnn_pipeline_free(steps);
    int result = tool_ranks_agree(run, status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status));
    return result == TOOL_DONE ? tool_ranks_share(run, &train->measured, sizeof(train->measured)) : result;
}

/* "0.49/0.45/0.42", malloc'ed; NULL without memory. */
static char *join_numbers(const double *values, size_t count)
{
    char text[CNN_MAX_CHANNELS * 32] = "";
    for (size_t i = 0, used = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.6f", i > 0 ? "/" : "", values[i]);
    }
    return strdup(text);
}

int tool_train_measure_mean(train_run *train, char **numbers)
{
    const cnn_channel_statistics *found = &train->measured;
    int result = measure(train, "mean");
    if (result != TOOL_DONE) {
        return result;
    }
    *numbers = join_numbers(found->mean, found->channels);
    char *deviation = join_numbers(found->deviation, found->channels);
    if (*numbers == NULL || deviation == NULL) {
        free(deviation);
        return tool_fail_memory(train->run);
    }
    tool_note(train->run, "mean        %s, deviation %s, from %g to %g", *numbers, deviation, found->least,
              found->most);
    free(deviation);
    return TOOL_DONE;
}

/* ---- the mean in a file ---- */

typedef struct mean_file {
    uint64_t count; /* numbers in it; 0: there is no such file yet */
    double values[CNN_MAX_CHANNELS];
} mean_file;

bool tool_train_is_mean_file(const char *mean)
{
    const size_t length = mean != NULL ? strlen(mean) : 0;
    return length > 4 && strcasecmp(mean + length - 4, ".npy") == 0;
}

static int read_mean(tool *run, const char *path, mean_file *found)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL && errno == ENOENT) {
        return TOOL_DONE;
    }
    char *name = tool_printable(path);
    int result = TOOL_DONE;
    if (file == NULL) {
        result = tool_fail(run, "--mean: %s: %s", name, strerror(errno));
    } else {
        found->count = tool_npy_read(file, found->values, CNN_MAX_CHANNELS);
        fclose(file);
    }
    bool finite = true;
    for (size_t i = 0; i < found->count; i++) {
        finite = finite && isfinite(found->values[i]);
    }
    if (result == TOOL_DONE && (found->count == 0 || !finite)) {
        result = tool_fail(run, "--mean: %s: is no file of NumPy's with up to %d finite float32 or float64 numbers",
                           name, CNN_MAX_CHANNELS);
    }
    free(name);
    return result;
}

static int write_mean(train_run *train, const char *path)
{
    float values[CNN_MAX_CHANNELS];
    char shape[32], *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return tool_fail_memory(train->run);
    }
    for (size_t i = 0; i < train->measured.channels; i++) {
        values[i] = (float)train->measured.mean[i];
    }
    snprintf(shape, sizeof(shape), "(%u,)", (unsigned)train->measured.channels);
    tool_npy_header(file, shape);
    tool_npy_values(file, values, train->measured.channels);
    const bool whole = fclose(file) == 0;
    const int result = tool_save_bytes(train->run, path, whole ? text : NULL, size);
    free(text);
    return result;
}

int tool_train_mean_of_file(train_run *train, const char *path, char **numbers)
{
    tool *run = train->run;
    const bool first = tool_ranks_first(&run->ranks);
    mean_file found = {0};
    int result = tool_ranks_agree(run, first ? read_mean(run, path, &found) : TOOL_DONE);
    result = result == TOOL_DONE ? tool_ranks_share(run, &found, sizeof(found)) : result;
    if (result == TOOL_DONE && found.count > 0) {
        *numbers = join_numbers(found.values, (size_t)found.count);
        tool_note(run, "mean        %s, of %s", *numbers != NULL ? *numbers : "", path);
        return *numbers != NULL ? TOOL_DONE : tool_fail_memory(run);
    }
    if (result == TOOL_DONE && train->settings->folds > 0) {
        return tool_fail_usage(run, "--mean: %s is not there, and each of the folds has a mean of its own: auto", path);
    }
    result = result == TOOL_DONE && first ? tool_check_writable(run, path) : result;
    result = tool_ranks_agree(run, result);
    result = result == TOOL_DONE ? tool_train_measure_mean(train, numbers) : result;
    return tool_ranks_agree(run, result == TOOL_DONE && first ? write_mean(train, path) : result);
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
