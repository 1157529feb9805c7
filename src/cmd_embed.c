/* SPDX-License-Identifier: MIT */
/* cnn embed: what a layer makes of images, as numbers for other programs. */
#include "tool_inspect.h"
#include "tool_json.h"
#include "tool_lines.h"
#include "tool_npy.h"
#include "tool_path.h"
#include "tool_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct embed_settings {
    tool_common common;
    const char *data, *part, *prefix, *layer, *out, *on_error;
    uint64_t batch;
} embed_settings;

typedef struct embed_run {
    tool *run;
    const embed_settings *settings;
    cnn_model *model;
    tool_list paths;              /* of the operands */
    cnn_dataset *data, *features; /* data: of --data */
    cnn_dataset *files;           /* the images as files; NULL: they are none */
    bool failed;                  /* a path could not be listed; that has been told */
    cnn_loader *loader;
    const char *layer;
    size_t width, rows; /* rows: all of them */
    double begin;
} embed_run;

/* ---- the images ---- */

static int add_path(embed_run *self, const char *path)
{
    tool_tree tree = {0};
    int result = tool_tree_read(path, &tree) ? TOOL_DONE : tool_fail_memory(self->run);
    if (result == TOOL_DONE && tree.failed.count > 0) {
        result = tool_fail(self->run, "%s: %s", tree.failed.items[0], tree.reasons.items[0]);
    }
    if (result == TOOL_DONE && tree.images.count == 0) {
        result = tool_fail(self->run, "%s: there is no image in this folder", path);
    }
    for (size_t i = 0; result == TOOL_DONE && i < tree.images.count; i++) {
        result = tool_list_add(&self->paths, strdup(tree.images.items[i])) ? TOOL_DONE : tool_fail_memory(self->run);
    }
    tool_tree_free(&tree);
    self->failed = self->failed || result != TOOL_DONE;
    return result;
}

static bool add_line(void *user, const char *path) { return add_path(user, path) == TOOL_DONE; }

/* @LIST. The first fault ends it: a row for each image is what other programs count on. */
static int add_list(embed_run *self, const char *name)
{
    const size_t before = self->paths.count;
    if (tool_each_line(self->run, name, add_line, self) > 0 || self->failed) {
        return TOOL_FAILED;
    }
    return self->paths.count > before ? TOOL_DONE : tool_fail(self->run, "%s: the list has no paths", name);
}

/* NULL: the image has none. */
static const char *path_at(const embed_run *self, size_t index)
{
    return self->data != NULL ? cnn_dataset_path(self->data, index) : self->paths.items[index];
}

static cnn_status read_path(void *user, size_t index, cnn_sample *sample)
{
    const embed_run *self = user;
    sample->label = -1;
    sample->path = path_at(self, index);
    return CNN_OK;
}

/* Which image a row is of, as images that cannot be read may be left out. */
static int64_t number_of(void *user, size_t index)
{
    (void)user;
    return (int64_t)index;
}

static int open_data(embed_run *self)
{
    const embed_settings *settings = self->settings;
    const cnn_shape input = cnn_model_input_shape(self->model);
    const tool_data_options options = {.part = settings->part,
                                       .prefix = settings->prefix,
                                       .on_error = tool_on_error(settings->on_error),
                                       .channels = input.rank == 3 ? (uint32_t)input.dims[2] : 0};
    return tool_open_data(self->run, settings->data, &options, &self->data);
}

static int list_images(embed_run *self)
{
    tool *run = self->run;
    int result = TOOL_DONE;
    for (size_t i = 1; i < run->operand_count && result == TOOL_DONE; i++) {
        const char *operand = run->operands[i];
        result = operand[0] == '@' ? add_list(self, operand + 1) : add_path(self, operand);
    }
    return result;
}

/* Images that are files, whoever lists them, are numbered by their groups. */
static int open_images(embed_run *self)
{
    tool *run = self->run;
    int result = self->settings->data != NULL ? open_data(self) : list_images(self);
    if (result != TOOL_DONE || (self->data != NULL && cnn_dataset_path(self->data, 0) == NULL)) {
        return result;
    }
    const size_t count = self->data != NULL ? cnn_dataset_count(self->data) : self->paths.count;
    const cnn_shape input = cnn_model_input_shape(self->model);
    const int64_t channels = input.rank == 3 && input.dims[2] == 1 ? 1 : 3;
    const cnn_status status = cnn_dataset_create_custom(run->context,
                                                        CNN_DATASET(.user = self, .count = count, .read = read_path,
                                                                    .group = number_of,
                                                                    .shape = {3, 0, {0, 0, channels}}),
                                                        &self->files);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

/* ---- features ---- */

static bool on_batch(void *user, uint64_t done, uint64_t total)
{
    embed_run *self = user;
    tool_progress_count(self->run, "embed", done, total, self->begin, "images");
    return false;
}

static int compute(embed_run *self)
{
    tool *run = self->run;
    const embed_settings *settings = self->settings;
    self->layer = settings->layer != NULL ? settings->layer : tool_before_dense(self->model);
    if (self->layer == NULL) {
        return tool_fail_usage(run,
                               "%s: does not end in a dense layer: --layer NAME says whose outputs are wanted "
                               "(`cnn summary` lists them)",
                               run->operands[0]);
    }
    self->begin = tool_seconds();
    cnn_status status = cnn_features_create(self->model,
                                            CNN_FEATURES(.dataset = self->files != NULL ? self->files : self->data,
                                                         .layer = self->layer, .batch = (uint32_t)settings->batch,
                                                         .on_error = tool_on_error(settings->on_error),
                                                         .on_batch = on_batch, .user = self),
                                            &self->features);
    tool_progress_end(run);
    if (status == CNN_OK) {
        self->rows = cnn_dataset_count(self->features);
        self->width = (size_t)cnn_dataset_shape(self->features).dims[1];
        status = cnn_loader_create(run->context, self->features, CNN_LOADER(.batch = 64, .workers = 1), &self->loader);
    }
    if (status == CNN_ERROR_NOT_FOUND) {
        return tool_fail_usage(run, "--layer: %s", cnn_last_error(run->context));
    }
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

/* ---- writing ---- */

static void write_csv_row(const embed_run *self, FILE *file, size_t row, int32_t label, const float *values)
{
    const char *path = NULL;
    if (self->files != NULL) {
        const size_t index = (size_t)cnn_dataset_group(self->features, row);
        path = path_at(self, index);
        label = cnn_dataset_label(self->data, index); /* -1 without */
    }
    const char *name = label >= 0 ? cnn_dataset_class_name(self->data, (size_t)label) : "";
    tool_write_raw_field(file, path != NULL ? path : "");
    fputc(',', file);
    tool_write_raw_field(file, name != NULL ? name : "");
    for (size_t i = 0; i < self->width; i++) {
        fprintf(file, ",%.9g", (double)values[i]);
    }
    fputc('\n', file);
}

static cnn_status write_rows(embed_run *self, FILE *file, bool npy)
{
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = CNN_OK;
    size_t row = 0;
    if (npy) {
        char shape[64];
        snprintf(shape, sizeof(shape), "(%zu, %zu)", self->rows, self->width);
        tool_npy_header(file, shape);
    } else {
        fputs("path,label", file);
        for (size_t i = 0; i < self->width; i++) {
            fprintf(file, ",f%zu", i);
        }
        fputc('\n', file);
    }
    while ((status = cnn_loader_next(self->loader, &batch)) == CNN_OK && batch.count > 0) {
        for (size_t i = 0; i < batch.count; i++, row++) {
            if (npy) {
                tool_npy_values(file, batch.images + i * self->width, self->width);
            } else {
                write_csv_row(self, file, row, batch.labels[i], batch.images + i * self->width);
            }
        }
    }
    return status;
}

static int save(embed_run *self)
{
    tool *run = self->run;
    const char *out = self->settings->out, *dot = out != NULL ? strrchr(out, '.') : NULL;
    const bool npy = dot != NULL && strcasecmp(dot, ".npy") == 0;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return tool_fail_memory(run);
    }
    const cnn_status status = write_rows(self, file, npy);
    const bool whole = fclose(file) == 0;
    int result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    if (result == TOOL_DONE && out == NULL) {
        tool_print(run, "%s", whole ? text : "");
    } else if (result == TOOL_DONE) {
        result = tool_save_bytes(run, out, whole ? text : NULL, size);
    }
    free(text);
    return result;
}

static int print_result(const embed_run *self)
{
    tool *run = self->run;
    if (self->settings->out == NULL) {
        return TOOL_DONE;
    }
    if (run->common->json) {
        json_t *object = json_object();
        tool_json_text(object, "path", self->settings->out);
        tool_json_text(object, "layer", self->layer);
        tool_json_count(object, "images", self->rows);
        tool_json_count(object, "values", self->width);
        return tool_json_print(run, object);
    }
    char *printable = tool_printable(self->settings->out);
    tool_print(run, "%s: %zu images, %zu values of %s each\n", printable, self->rows, self->width, self->layer);
    free(printable);
    return TOOL_DONE;
}

static int check_settings(tool *run, const embed_settings *settings)
{
    if ((settings->data != NULL) == (run->operand_count > 1)) {
        return tool_fail_usage(run, settings->data != NULL ? "--data and images exclude each other"
                                                           : "no images are given: IMAGE... or --data PATH");
    }
    const tool_path paths[] = {{"FILE", run->operands[0], false}, {"--out", settings->out, true}};
    int result = tool_path_check_distinct(run, paths, 2);
    return result == TOOL_DONE && settings->out != NULL ? tool_check_writable(run, settings->out) : result;
}

static int run_embed(tool *run, const void *given)
{
    embed_run self = {.run = run, .settings = given};
    int result = check_settings(run, self.settings);
    result = result == TOOL_DONE ? tool_open_context(run) : result;
    result = result == TOOL_DONE ? tool_open_trained(run, run->operands[0], &self.model) : result;
    result = result == TOOL_DONE ? tool_check_prepared(run, run->operands[0], self.model, NULL) : result;
    result = result == TOOL_DONE ? tool_set_one_view(run, self.model) : result;
    result = result == TOOL_DONE ? open_images(&self) : result;
    result = result == TOOL_DONE ? compute(&self) : result;
    result = result == TOOL_DONE ? save(&self) : result;
    result = result == TOOL_DONE ? print_result(&self) : result;
    cnn_loader_free(self.loader);
    cnn_dataset_free(self.features);
    cnn_dataset_free(self.files);
    cnn_dataset_free(self.data);
    cnn_model_free(self.model);
    tool_list_free(&self.paths);
    return result;
}

#define AT(field) offsetof(embed_settings, field)

static const tool_option embed_options[] = {
    {"data", "PATH", "the images of a dataset, with their classes, in place of IMAGE...", TOOL_TEXT, AT(data), 0, 0,
     NULL},
    {"part", "NAME", "of IDX and CIFAR folders, and of tables with a column of splits", TOOL_CHOICE, AT(part), 0, 0,
     tool_part_names},
    {"prefix", "TEXT", "of a folder with several sets of IDX files, or of CIFAR-100", TOOL_TEXT, AT(prefix), 0, 0,
     NULL},
    {"layer", "NAME", "whose outputs are wanted; if not given those before the last dense layer", TOOL_TEXT, AT(layer),
     0, 0, NULL},
    {"out", "FILE",
     "NumPy's format if FILE ends in .npy, an array of float32 with a row for each image; else CSV: path, label, f0, "
     "f1, "
     "... If not given CSV goes to standard output",
     TOOL_TEXT, AT(out), 0, 0, NULL},
    {"batch", "N", "images at a time; 32 if not given", TOOL_COUNT, AT(batch), 1, 100000, NULL},
    {"on-error", "WHAT", "of an image that cannot be read: fail, which it is if not given, or skip", TOOL_CHOICE,
     AT(on_error), 0, 0, tool_on_error_names},
    {0},
};

const tool_command tool_command_embed = {
    .name = "embed",
    .synopsis = "FILE IMAGE...",
    .purpose =
        "Writes the features of images: what a layer makes of them, for searching, clustering and other programs.",
    .details = "FILE is a model file; its own preprocessing is used, by one view of each image. IMAGE is a file, a "
               "folder of which all images are taken in byte order, or @LIST, a text file with one path a line, @- for "
               "standard input.",
    .options = embed_options,
    .settings_size = sizeof(embed_settings),
    .least_operands = 1,
    .most_operands = SIZE_MAX,
    .run = run_embed,
};
