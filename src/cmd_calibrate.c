/* SPDX-License-Identifier: MIT */
/* cnn calibrate: probabilities that mean what they say, and thresholds, by images that the model was not trained on. */
#include "tool_json.h"
#include "tool_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bins of the expected calibration error (Guo et al. 2017). */
#define BINS 15

typedef struct calibrate_settings {
    tool_common common;
    const char *data, *part, *label_columns, *method, *out, *on_error, *prefix;
    double precision, recall, reject;
    bool best_f1, clear;
} calibrate_settings;

typedef struct calibration {
    tool *run;
    const calibrate_settings *settings;
    cnn_model *model;
    cnn_dataset *data;
    cnn_loader *loader;
    cnn_task task;
    size_t outputs, labels, count;
    float *logits, *targets; /* [count, outputs] */
    int32_t *classes;        /* [count] */
    cnn_decision decision;
    float *thresholds;
    double loss[2], error[2]; /* before and after */
    json_t *json;
} calibration;

/* ---- what the model says of the data ---- */

static cnn_status gather(calibration *self)
{
    const size_t count = cnn_dataset_count(self->data);
    cnn_session *session = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = cnn_loader_create(
        self->run->context, self->data,
        CNN_LOADER(.pipeline = cnn_model_pipeline(self->model), .on_error = tool_on_error(self->settings->on_error)),
        &self->loader);
    if (status == CNN_OK) {
        status = cnn_session_create(self->model, CNN_SESSION(.batch = 32), &session);
    }
    const double begin = tool_seconds();
    while (status == CNN_OK && (status = cnn_loader_next(self->loader, &batch)) == CNN_OK && batch.count > 0) {
        status = cnn_session_forward(session, batch.images, batch.count);
        if (status != CNN_OK) {
            break;
        }
        memcpy(self->logits + self->count * self->outputs, cnn_session_logits(session),
               batch.count * self->outputs * sizeof(float));
        memcpy(self->classes + self->count, batch.labels, batch.count * sizeof(*self->classes));
        if (batch.targets != NULL) {
            memcpy(self->targets + self->count * self->outputs, batch.targets,
                   batch.count * self->outputs * sizeof(float));
        }
        self->count += batch.count;
        tool_progress_count(self->run, "calibrate", self->count, count, begin, "images");
    }
    tool_progress_end(self->run);
    cnn_session_free(session);
    return status;
}

static int open_all(calibration *self)
{
    tool *run = self->run;
    const calibrate_settings *settings = self->settings;
    int result = tool_open_trained(run, run->operands[0], &self->model);
    if (result != TOOL_DONE || settings->clear) {
        return result;
    }
    self->task = cnn_model_task(self->model);
    self->labels = tool_model_labels(self->model);
    self->outputs = cnn_model_output_shape(self->model).dims[0] == 1 ? 1 : self->labels;
    if (self->task == CNN_TASK_VALUES) {
        return tool_fail_usage(run, "%s: the model tells values, not probabilities", run->operands[0]);
    }
    if (tool_has_views(cnn_model_pipeline(self->model))) {
        return tool_fail_usage(run, "%s: several views of each image are not calibrated", run->operands[0]);
    }
    result = tool_open_data_of_model(
        run, settings->data,
        &(tool_data_options){.part = settings->part != NULL ? settings->part : "validation",
                             .prefix = settings->prefix,
                             .label_columns = settings->label_columns,
                             .on_error = tool_on_error(settings->on_error)},
        self->model, &self->data);
    result = result == TOOL_DONE ? tool_check_labelled(run, settings->data, self->data) : result;
    result = result == TOOL_DONE ? tool_check_prepared(run, run->operands[0], self->model, self->data) : result;
    if (result != TOOL_DONE) {
        return result;
    }
    const size_t count = cnn_dataset_count(self->data);
    self->logits = reallocarray(NULL, count, self->outputs * sizeof(float));
    self->targets = reallocarray(NULL, count, self->outputs * sizeof(float));
    self->classes = reallocarray(NULL, count, sizeof(*self->classes));
    self->thresholds = calloc(self->outputs, sizeof(*self->thresholds));
    if (self->logits == NULL || self->targets == NULL || self->classes == NULL || self->thresholds == NULL) {
        return tool_fail_memory(run);
    }
    const cnn_status status = gather(self);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

/* ---- probabilities ---- */

static double scaled(const calibration *self, size_t sample, size_t output)
{
    const double z = self->logits[sample * self->outputs + output];
    const cnn_decision *d = &self->decision;
    return d->slope != 0 ? d->slope * z + d->offset : d->temperature != 0 ? z / d->temperature : z;
}

/* Of class or label number `output`; of one output the second class. */
static double probability(const calibration *self, size_t sample, size_t output)
{
    if (self->outputs == 1 || self->task == CNN_TASK_LABELS) {
        return 1 / (1 + exp(-scaled(self, sample, output)));
    }
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < self->outputs; j++) {
        most = fmax(most, scaled(self, sample, j));
    }
    for (size_t j = 0; j < self->outputs; j++) {
        sum += exp(scaled(self, sample, j) - most);
    }
    return exp(scaled(self, sample, output) - most) / sum;
}

/* Whether output `output` is what the sample has. */
static bool is_true(const calibration *self, size_t sample, size_t output)
{
    return self->task == CNN_TASK_LABELS ? self->targets[sample * self->outputs + output] > 0.5f
           : self->outputs == 1          ? self->classes[sample] == 1
                                         : self->classes[sample] == (int32_t)output;
}

typedef struct bins {
    double confidence[BINS], right[BINS], count;
    double loss;
} bins;

static void add(bins *b, double confidence, bool right, double of_truth)
{
    const int bin = (int)(confidence * BINS) < BINS ? (int)(confidence * BINS) : BINS - 1;
    b->confidence[bin] += confidence;
    b->right[bin] += right;
    b->count++;
    b->loss -= log(fmax(of_truth, 1e-12));
}

/* Mean log loss and expected calibration error: of classes of the one that is predicted, of labels of each. */
static void measure(const calibration *self, double *loss, double *error)
{
    bins b = {0};
    for (size_t i = 0; i < self->count; i++) {
        size_t best = 0;
        double most = -1, of_truth = 0;
        if (self->outputs == 1 || self->task == CNN_TASK_LABELS) {
            for (size_t j = 0; j < self->outputs; j++) {
                const double p = probability(self, i, j);
                const bool there = is_true(self, i, j);
                add(&b, fmax(p, 1 - p), (p > 0.5) == there, there ? p : 1 - p);
            }
            continue;
        }
        for (size_t j = 0; j < self->outputs; j++) {
            const double p = probability(self, i, j);
            best = p > most ? j : best;
            most = fmax(most, p);
            of_truth = is_true(self, i, j) ? p : of_truth;
        }
        add(&b, most, is_true(self, i, best), of_truth);
    }
    *loss = b.loss / b.count;
    *error = 0;
    for (int i = 0; i < BINS; i++) {
        *error += fabs(b.confidence[i] - b.right[i]) / b.count;
    }
}

static int calibrate(calibration *self)
{
    cnn_context *context = self->run->context;
    const char *method = self->settings->method != NULL ? self->settings->method : "temperature";
    const bool marks = self->task == CNN_TASK_LABELS;
    cnn_status status = CNN_OK;
    measure(self, &self->loss[0], &self->error[0]);
    if (strcmp(method, "platt") == 0) {
        if (self->outputs != 1 || marks) {
            return tool_fail_usage(self->run, "--method platt is for models of one output; temperature fits all");
        }
        status = cnn_calibrate_platt(context, self->logits, self->classes, self->count, &self->decision.slope,
                                     &self->decision.offset);
    } else if (strcmp(method, "temperature") == 0) {
        status = cnn_calibrate_temperature(context, self->logits, marks ? NULL : self->classes,
                                           marks ? self->targets : NULL, self->count, self->outputs,
                                           &self->decision.temperature);
    }
    measure(self, &self->loss[1], &self->error[1]);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(self->run, status);
}

/* ---- thresholds ---- */

static const char *output_name(const calibration *self, size_t output)
{
    return cnn_model_class_name(self->model, self->task != CNN_TASK_LABELS ? 1 : output);
}

static void tell_threshold(const calibration *self, size_t output, const cnn_threshold *found)
{
    char *name = tool_label_text(output_name(self, output), output);
    if (self->json != NULL) {
        json_t *row = json_object();
        tool_json_text(row, "label", name);
        tool_json_real(row, "threshold", (double)found->value);
        tool_json_real(row, "precision", found->precision);
        tool_json_real(row, "recall", found->recall);
        tool_json_real(row, "f1", found->f1);
        json_array_append_new(self->json, row);
    } else {
        tool_print(self->run, "threshold    %s from %.4f on: precision %.4f, recall %.4f, F1 %.4f\n", name,
                   (double)found->value, found->precision, found->recall, found->f1);
    }
    free(name);
}

static int choose_one(calibration *self, size_t output, float *scores, uint8_t *marks)
{
    const calibrate_settings *settings = self->settings;
    const cnn_threshold_goal goal = !isnan(settings->precision) ? CNN_THRESHOLD_PRECISION
                                    : !isnan(settings->recall)  ? CNN_THRESHOLD_RECALL
                                                                : CNN_THRESHOLD_F1;
    cnn_threshold found = CNN_THRESHOLD_INIT;
    const size_t column = self->outputs == 2 && self->task != CNN_TASK_LABELS ? 1 : output;
    for (size_t i = 0; i < self->count; i++) {
        scores[i] = (float)probability(self, i, column);
        marks[i] = is_true(self, i, column);
    }
    const cnn_status status = cnn_choose_threshold(
        self->run->context, scores, marks, self->count, goal,
        goal == CNN_THRESHOLD_PRECISION ? settings->precision : settings->recall, &found);
    if (status != CNN_OK) {
        char *name = tool_label_text(output_name(self, output), output);
        int result = tool_fail(self->run, "%s: %s", name, cnn_last_error(self->run->context));
        free(name);
        return result;
    }
    self->thresholds[output] = found.value;
    tell_threshold(self, output, &found);
    return TOOL_DONE;
}

static int choose_thresholds(calibration *self)
{
    const calibrate_settings *settings = self->settings;
    const bool labels = self->task == CNN_TASK_LABELS;
    if (isnan(settings->precision) && isnan(settings->recall) && !settings->best_f1) {
        return TOOL_DONE;
    }
    if (!labels && self->labels != 2) {
        return tool_fail_usage(self->run,
                               "thresholds are for two classes or several labels; of %zu classes --reject "
                               "leaves out what is uncertain",
                               self->labels);
    }
    float *scores = calloc(self->count + 1, sizeof(*scores));
    uint8_t *marks = calloc(self->count + 1, 1);
    const size_t many = labels ? self->outputs : 1;
    int result = scores != NULL && marks != NULL ? TOOL_DONE : tool_fail_memory(self->run);
    for (size_t i = 0; i < many && result == TOOL_DONE; i++) {
        result = choose_one(self, i, scores, marks);
    }
    free(scores);
    free(marks);
    self->decision.thresholds = self->thresholds;
    self->decision.threshold_count = many;
    return result;
}

/* ---- the command ---- */

/* How many images the reject class leaves, and how many of these are right. */
static void measure_reject(const calibration *self, double *kept, double *accuracy)
{
    size_t decided = 0, right = 0;
    for (size_t i = 0; i < self->count; i++) {
        float outputs[1] = {0}, *all = self->outputs == 1 ? outputs : calloc(self->outputs, sizeof(float));
        int32_t label = -1;
        for (size_t j = 0; all != NULL && j < self->outputs; j++) {
            all[j] = (float)probability(self, i, j);
        }
        if (all != NULL && cnn_model_decide(self->model, all, self->outputs, &label, NULL) == CNN_OK && label >= 0) {
            decided++;
            right += label == self->classes[i];
        }
        if (all != outputs) {
            free(all);
        }
    }
    *kept = (double)decided / (double)self->count;
    *accuracy = decided > 0 ? (double)right / (double)decided : NAN;
}

static int print_result(calibration *self, const char *out)
{
    tool *run = self->run;
    double kept = 1, accuracy = NAN;
    if (self->decision.reject > 0) {
        measure_reject(self, &kept, &accuracy);
    }
    if (run->common->json) {
        json_t *object = json_object();
        tool_json_real(object, "temperature", (double)self->decision.temperature);
        tool_json_real(object, "slope", (double)self->decision.slope);
        tool_json_real(object, "offset", (double)self->decision.offset);
        tool_json_real(object, "log_loss_before", self->loss[0]);
        tool_json_real(object, "log_loss", self->loss[1]);
        tool_json_real(object, "calibration_error_before", self->error[0]);
        tool_json_real(object, "calibration_error", self->error[1]);
        tool_json_real(object, "reject", (double)self->decision.reject);
        tool_json_real(object, "decided", kept);
        tool_json_real(object, "accuracy_of_decided", accuracy);
        tool_json_count(object, "images", self->count);
        json_object_set(object, "thresholds", self->json);
        tool_json_text(object, "model", out);
        return tool_json_print(run, object);
    }
    if (self->decision.temperature != 0) {
        tool_print(run, "temperature  %.4f\n", (double)self->decision.temperature);
    }
    if (self->decision.slope != 0) {
        tool_print(run, "sigmoid      of %.4f z %+.4f\n", (double)self->decision.slope, (double)self->decision.offset);
    }
    tool_print(run, "log loss     %.4f, before %.4f\ncalibration  error %.4f, before %.4f, by %d bins\n", self->loss[1],
               self->loss[0], self->error[1], self->error[0], BINS);
    if (self->decision.reject > 0 && kept > 0) {
        tool_print(run, "reject       below %.4g: %.1f %% of the images are decided, accuracy %.4f of them\n",
                   (double)self->decision.reject, 100 * kept, accuracy);
    } else if (self->decision.reject > 0) {
        tool_print(run, "reject       below %.4g: none of the images is decided\n", (double)self->decision.reject);
    }
    char *printable = tool_printable(out);
    tool_print(run, "images       %zu\nmodel        %s\n", self->count, printable);
    free(printable);
    return TOOL_DONE;
}

static int save(calibration *self, const char *out)
{
    cnn_status status = cnn_model_set_decision(self->model, self->settings->clear ? NULL : &self->decision);
    status = status == CNN_OK ? cnn_model_save(self->model, out) : status;
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(self->run, status);
}

static int check_settings(tool *run, const calibrate_settings *settings)
{
    const int goals = !isnan(settings->precision) + !isnan(settings->recall) + settings->best_f1;
    if (settings->data == NULL && !settings->clear) {
        return tool_fail_usage(run, "--data PATH is missing");
    }
    if (goals > 1) {
        return tool_fail_usage(run, "--precision, --recall and --best-f1 exclude each other");
    }
    return TOOL_DONE;
}

static int run_calibrate(tool *run, const void *given)
{
    const calibrate_settings *settings = given;
    calibration self = {.run = run, .settings = settings, .decision = {.struct_size = sizeof(cnn_decision)}};
    const char *out = settings->out != NULL ? settings->out : run->operands[0];
    int result = check_settings(run, settings);
    result = result == TOOL_DONE ? tool_check_model_name(run, settings->out != NULL ? "--out" : "FILE", out) : result;
    result = result == TOOL_DONE ? tool_open_context(run) : result;
    result = result == TOOL_DONE ? open_all(&self) : result;
    self.json = run->common->json ? json_array() : NULL;
    if (!settings->clear) {
        self.decision.reject = isnan(settings->reject) ? 0 : (float)settings->reject;
        result = result == TOOL_DONE ? calibrate(&self) : result;
        result = result == TOOL_DONE ? choose_thresholds(&self) : result;
    }
    result = result == TOOL_DONE ? save(&self, out) : result;
    if (result == TOOL_DONE && !settings->clear) {
        result = print_result(&self, out);
    }
    json_decref(self.json);
    free(self.logits);
    free(self.targets);
    free(self.classes);
    free(self.thresholds);
    cnn_loader_free(self.loader);
    cnn_dataset_free(self.data);
    cnn_model_free(self.model);
    return result;
}

#define AT(field) offsetof(calibrate_settings, field)

static const char *const method_names[] = {"temperature", "platt", "none", NULL};

static const tool_option calibrate_options[] = {
    {"data", "PATH", "images that the model was not trained on, as for `cnn eval`; required", TOOL_TEXT, AT(data), 0, 0,
     NULL},
    {"part", "NAME",
     "of IDX and CIFAR folders, and of tables with a column of splits: validation, which it is if not given, test, "
     "train, or all of a table",
     TOOL_CHOICE, AT(part), 0, 0, tool_part_names},
    {"prefix", "TEXT", "of a folder with several sets of IDX files, or of CIFAR-100", TOOL_TEXT, AT(prefix), 0, 0,
     NULL},
    {"label-columns", "A,B,...", "of a table: the columns that say what an image is, if not by their names", TOOL_TEXT,
     AT(label_columns), 0, 0, NULL},
    {"method", "NAME",
     "temperature, which it is if not given: logits are divided by one number; platt, for models of one output: slope "
     "and "
     "offset; or none, for thresholds alone",
     TOOL_CHOICE, AT(method), 0, 0, method_names},
    {"precision", "P",
     "chooses for each label, or for the second of two classes, the threshold of the largest recall at this precision",
     TOOL_REAL, AT(precision), 0.001, 1, NULL},
    {"recall", "R", "the same with the largest precision at this recall", TOOL_REAL, AT(recall), 0.001, 1, NULL},
    {"best-f1", NULL, "the same with the largest F1", TOOL_FLAG, AT(best_f1), 0, 0, NULL},
    {"reject", "P", "an image whose most probable class has less than this probability is of none", TOOL_REAL,
     AT(reject), 0, 1, NULL},
    {"clear", NULL, "takes all of it out of the model again", TOOL_FLAG, AT(clear), 0, 0, NULL},
    {"out", "FILE", "where the model goes; if not given it takes the place of the one that was read", TOOL_TEXT,
     AT(out), 0, 0, NULL},
    {"on-error", "WHAT",
     "of an image that cannot be read, or a link to nowhere: fail, which it is if not given, or skip", TOOL_CHOICE,
     AT(on_error), 0, 0, tool_on_error_names},
    {0},
};

const tool_command tool_command_calibrate = {
    .name = "calibrate",
    .synopsis = "FILE --data PATH",
    .purpose =
        "Makes the probabilities of a model mean what they say, chooses thresholds and a reject class, and keeps "
        "them in its file.",
    .details =
        "FILE is a model that `cnn train` wrote. What is chosen stands in the model file: `cnn predict` and `cnn "
        "eval` follow it, and training the model further drops it.",
    .options = calibrate_options,
    .settings_size = sizeof(calibrate_settings),
    .least_operands = 1,
    .most_operands = 1,
    .run = run_calibrate,
};
