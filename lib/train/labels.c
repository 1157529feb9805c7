/* SPDX-License-Identifier: MIT */
/* Labels of datasets and of models: whether they mean the same, how many samples have each, and what each weighs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/table.h"
#include "core/text.h"
#include "dataset/dataset.h"
#include "loader/loader.h"
#include "session/session.h"
#include "train/fit.h"
#include "train/train.h"

/* The largest class may have so many times as many samples as the smallest before it is told. */
#define UNEVEN 4

/* Classes that the log lists. */
#define MOST_LISTED 10

size_t cnn__output_values(const cnn_model *model)
{
    cnn_shape shape = cnn_model_output_shape(model);
    size_t values = 0;
    return cnn__shape_values(&shape, &values) ? values : 0;
}

/* ---- whether labels mean the same ---- */

static cnn_status check_outputs(const cnn_model *model, size_t count)
{
    const size_t outputs = cnn__output_values(model);
    const uint32_t output = cnn__model_output(model, 0);
    CNN__RETURN_IF_ERROR(cnn__check_one_row(model, output, cnn__value_rows(model, output), "a label"));
    return count <= outputs || (outputs == 1 && count == 2)
               ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_MISMATCH, "%s: the dataset has %zu classes, the model %zu outputs",
                           model->name, count, outputs);
}

cnn_status cnn__check_task_fits(const cnn_model *model, const cnn_dataset *dataset)
{
    static const char *const names[] = {"not said what", "classes", "several labels", "values"};
    const cnn_task own = cnn_model_task(model), task = cnn_dataset_task(dataset);
    return own == task || own == CNN_TASK_UNKNOWN || task == CNN_TASK_UNKNOWN
               ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_MISMATCH, "%s: the model tells %s, the dataset has %s",
                           model->name, names[own], names[task]);
}

cnn_status cnn__check_classes(const cnn_model *model, const cnn_dataset *dataset)
{
    const size_t count = cnn_dataset_class_count(dataset);
    CNN__RETURN_IF_ERROR(check_outputs(model, count));
    if (model->class_count == 0) {
        return CNN_OK;
    }
    if (model->class_count != count) {
        return cnn__fail(model->context, CNN_ERROR_MISMATCH,
                         "%s: the dataset has %zu classes, the model %zu; a dataset of fewer is opened with the "
                         "model's class names",
                         model->name, count, model->class_count);
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = cnn_dataset_class_name(dataset, i);
        if (strcmp(name, model->classes[i]) != 0) {
            char reason[160];
            return cnn__fail(model->context, CNN_ERROR_MISMATCH,
                             "%s: class %zu is \"%.200s\" in the dataset and \"%.200s\" in the model%s", model->name, i,
                             name, model->classes[i],
                             cnn__name_difference(name, model->classes[i], reason, sizeof(reason)));
        }
    }
    return CNN_OK;
}

bool cnn__adopts_classes(const cnn_model *model, const cnn_dataset *dataset)
{
    const size_t count = cnn_dataset_class_count(dataset), outputs = cnn__output_values(model);
    /* A model may have more outputs than this dataset has classes. */
    const bool binary = outputs == 1 && count == 2 && cnn_dataset_target_count(dataset) == 0;
    return model->class_count == 0 && count > 0 && (outputs == count || binary);
}

static const char *reference_name(const cnn_model *model, const cnn_dataset *train, size_t label)
{
    return model->class_count > 0 ? model->classes[label] : cnn_dataset_class_name(train, label);
}

static cnn_status fail_unknown(const cnn_model *model, const cnn_dataset *train, size_t count, const char *name)
{
    char reason[160] = "";
    const char *nearest = "";
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const char *candidate = reference_name(model, train, i);
        size_t same = 0;
        while (name[same] != '\0' && name[same] == candidate[same]) {
            same++;
        }
        nearest = same > most ? candidate : nearest;
        most = same > most ? same : most;
    }
    if (most > 0) {
        cnn__name_difference(name, nearest, reason, sizeof(reason));
    }
    char list[320] = "";
    size_t used = 0, listed = 0;
    for (; listed < count && used < 200; listed++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.96s", listed > 0 ? ", " : "",
                                 reference_name(model, train, listed));
    }
    return cnn__fail(model->context, CNN_ERROR_MISMATCH,
                     "%s: class \"%.200s\" of the dataset is none of the %zu classes of %s (%s%s)%s%.200s%s%s",
                     model->name, name, count, model->class_count > 0 ? "the model" : "the training data", list,
                     listed < count ? ", ..." : "", reason[0] != '\0' ? ", nor \"" : "",
                     reason[0] != '\0' ? nearest : "", reason[0] != '\0' ? "\"" : "", reason);
}

/* Finds the label of each of the dataset's classes by way of a table of the reference's names. */
static cnn_status find_labels(const cnn_model *model, const cnn_dataset *train, size_t count,
                              const cnn_dataset *dataset, int32_t *labels)
{
    cnn__table table;
    cnn_status status = CNN_OK;
    cnn__table_init(&table, model->context);
    for (size_t i = 0; i < count && status == CNN_OK; i++) {
        status = cnn__table_add(&table, reference_name(model, train, i), i);
        status = status == CNN_ERROR_INVALID_ARGUMENT ? CNN_OK : status; /* there twice: the first stands */
    }
    for (size_t i = 0; i < cnn_dataset_class_count(dataset) && status == CNN_OK; i++) {
        size_t label = 0;
        const char *name = cnn_dataset_class_name(dataset, i);
        if (cnn__table_find(&table, name, &label)) {
            labels[i] = (int32_t)label;
        } else {
            status = fail_unknown(model, train, count, name);
        }
    }
    cnn__table_free(&table);
    return status;
}

cnn_status cnn__label_map(const cnn_model *model, const cnn_dataset *train, const cnn_dataset *dataset, int32_t **map)
{
    const size_t classes = cnn_dataset_class_count(dataset);
    const bool by_train = train != NULL && cnn__adopts_classes(model, train);
    const size_t count = model->class_count > 0 ? model->class_count : by_train ? cnn_dataset_class_count(train) : 0;
    bool same = true;
    *map = NULL;
    CNN__RETURN_IF_ERROR(check_outputs(model, classes));
    for (size_t i = 0; i < classes && same && count > 0; i++) {
        same = i < count && strcmp(cnn_dataset_class_name(dataset, i), reference_name(model, train, i)) == 0;
    }
    if (same) {
        return CNN_OK;
    }
    if (cnn_dataset_target_count(dataset) > 0 && cnn_dataset_task(dataset) != CNN_TASK_UNKNOWN) {
        return cnn__fail(model->context, CNN_ERROR_MISMATCH,
                         "%s: the labels or values of the dataset are not those of the model, in its order: open it "
                         "with the model's class names",
                         model->name);
    }
    int32_t *labels = cnn__alloc_array(model->context, classes, sizeof(*labels));
    if (labels == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = find_labels(model, train, count, dataset, labels);
    if (status != CNN_OK) {
        cnn__free(model->context, labels);
        return status;
    }
    *map = labels;
    return CNN_OK;
}

/* ---- how many samples there are of each class, and what each weighs ---- */

static cnn_status check_weights(const cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    const size_t classes = cnn_dataset_class_count(cnn_loader_dataset(options->train));
    bool any = false;
    if (cnn_dataset_task(cnn_loader_dataset(options->train)) > CNN_TASK_CLASSES) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: class_weights: are for samples of one class each, these have several labels or "
                         "values");
    }
    if (options->class_weights == NULL || options->class_weight_count != classes || classes == 0) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: class_weights: %s%zu weights, the training data has %zu classes",
                         options->class_weights == NULL ? "NULL for " : "", options->class_weight_count, classes);
    }
    for (size_t i = 0; i < classes; i++) {
        const float weight = options->class_weights[i];
        if (!(weight >= 0) || !isfinite(weight)) {
            return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                             "cnn_fit: class_weights: found %g of class %zu, expected a finite number of 0 or more",
                             (double)weight, i);
        }
        any = any || weight > 0;
    }
    return any ? CNN_OK
               : cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_fit: class_weights: all of them are 0");
}

cnn_status cnn__fit_weights(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    if (options->class_weights == NULL && options->class_weight_count == 0) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(check_weights(fit));
    /* What a checkpoint keeps of them, so that a resumed training can tell whether its own are the same. */
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < options->class_weight_count; i++) {
        uint32_t bits;
        memcpy(&bits, &options->class_weights[i], sizeof(bits));
        for (int byte = 0; byte < 4; byte++) {
            hash = (hash ^ (bits >> 8 * byte & 0xff)) * UINT64_C(0x100000001b3);
        }
    }
    snprintf(fit->history->class_weights, sizeof(fit->history->class_weights), "%zu:%016llx",
             options->class_weight_count, (unsigned long long)hash);
    fit->weights = cnn__alloc_array(fit->context, cnn_loader_batch_size(options->train), sizeof(*fit->weights));
    return fit->weights != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

const float *cnn__fit_batch_weights(cnn__fit *fit, const cnn_batch *batch)
{
    for (size_t i = 0; fit->weights != NULL && i < batch->count; i++) {
        const int32_t label = batch->labels[i];
        /* A sample without a label is refused by the loss, unless it has targets. */
        fit->weights[i] = label >= 0 ? fit->options.class_weights[label] : 1;
        fit->weights[i] *= batch->weights != NULL ? batch->weights[i] : 1;
    }
    return fit->weights != NULL ? fit->weights : batch->weights;
}

static void log_counts(const cnn__fit *fit, const cnn_dataset *dataset, const uint64_t *counts)
{
    char text[700] = "";
    size_t used = 0, classes = cnn_dataset_class_count(dataset);
    for (size_t i = 0; i < classes && i < MOST_LISTED && used < sizeof(text); i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.48s %llu", i > 0 ? ", " : "",
                                 cnn_dataset_class_name(dataset, i), (unsigned long long)counts[i]);
    }
    cnn__log(fit->context, CNN_LOG_INFO, "%s: %zu samples for training: %s%s", fit->model->name,
             cnn_dataset_count(dataset), text, classes > MOST_LISTED ? ", ..." : "");
}

void cnn__fit_tell_classes(const cnn__fit *fit)
{
    const cnn_dataset *dataset = cnn_loader_dataset(fit->options.train);
    const bool counted = cnn_dataset_task(dataset) != CNN_TASK_VALUES;
    const bool labels = cnn_dataset_task(dataset) == CNN_TASK_LABELS;
    const size_t classes = cnn_dataset_class_count(dataset);
    uint64_t *counts = classes > 0 && counted ? cnn__alloc_array(fit->context, classes, sizeof(*counts)) : NULL;
    if (counts != NULL && cnn__dataset_count_classes(dataset, counts) == SIZE_MAX) {
        size_t least = 0, most = 0;
        for (size_t i = 1; i < classes; i++) {
            least = counts[i] < counts[least] ? i : least;
            most = counts[i] > counts[most] ? i : most;
        }
        log_counts(fit, dataset, counts);
        const bool balanced = cnn__loader_options(fit->options.train)->balanced != 0;
        if (counts[most] / UNEVEN > counts[least] && fit->weights == NULL && !balanced) {
            cnn__log(fit->context, CNN_LOG_WARNING,
                     "%s: the %s are uneven: \"%.100s\" has %llu training samples, \"%.100s\" %llu; %s",
                     fit->model->name, labels ? "labels" : "classes", cnn_dataset_class_name(dataset, most),
                     (unsigned long long)counts[most], cnn_dataset_class_name(dataset, least),
                     (unsigned long long)counts[least],
                     labels ? "a focal loss makes up for it"
                            : "class weights make up for it, and a score such as f1 or recall shows more than the "
                              "accuracy");
        }
    }
    cnn__free(fit->context, counts);
}
