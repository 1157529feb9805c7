/* SPDX-License-Identifier: MIT */
/* What a checkpoint keeps of the data that it was trained on, and how it is compared with those to go on with. */
#include <string.h>

#include "core/text.h"
#include "loader/loader.h"
#include "train/checkpoint.h"

static const char *const modes[] = {"epoch", "wrap", NULL};
static const char *const reactions[] = {"fail", "skip", NULL};

static const char *pipeline_text(const cnn_loader *loader)
{
    const cnn_pipeline *pipeline = cnn_loader_pipeline(loader);
    return pipeline != NULL ? cnn_pipeline_text(pipeline) : "";
}

void cnn__checkpoint_put_data(cnn__json_writer *writer, const cnn_loader *loader)
{
    const cnn_loader_options *options = cnn__loader_options(loader);
    const cnn_dataset *dataset = cnn_loader_dataset(loader);
    cnn__json_open(writer, "data", '{');
    cnn__json_put_int(writer, "batch", (int64_t)cnn_loader_batch_size(loader));
    cnn__json_put_int(writer, "batches", (int64_t)cnn_loader_batches(loader));
    cnn__json_put_int(writer, "samples", (int64_t)cnn_dataset_count(dataset));
    cnn__json_put_string(writer, "mode", modes[options->mode]);
    cnn__json_put_int(writer, "shuffle", options->shuffle != 0);
    cnn__json_put_int(writer, "drop_last", options->drop_last != 0);
    if (options->balanced != 0) {
        cnn__json_put_int(writer, "balanced", 1);
    }
    cnn__json_put_string(writer, "on_error", reactions[options->on_error]);
    cnn__json_put_u64(writer, "loader_seed", options->seed);
    cnn__json_put_string(writer, "pipeline", pipeline_text(loader));
    cnn__json_open(writer, "classes", '[');
    for (size_t i = 0; i < cnn_dataset_class_count(dataset); i++) {
        cnn__json_put_string(writer, NULL, cnn_dataset_class_name(dataset, i));
    }
    cnn__json_close(writer, ']');
    cnn__json_close(writer, '}');
}

/* Whether the names of one class are the same; else fails, naming both. */
static cnn_status compare_name(const cnn__json_place *place, size_t label, const char *theirs, const char *bytes)
{
    char *ours = cnn__name_text(place->context, bytes), reason[160], text[200];
    if (ours == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = CNN_OK;
    if (strcmp(theirs, ours) != 0) {
        status = cnn__fail(place->context, CNN_ERROR_MISMATCH,
                           "%s: class %zu was \"%s\" in training, and is \"%.200s\" in this dataset%s", place->name,
                           label, cnn__printable(theirs, text, sizeof(text)), ours,
                           cnn__name_difference(theirs, ours, reason, sizeof(reason)));
    }
    cnn__free(place->context, ours);
    return status;
}

static cnn_status compare_classes(const cnn__json_place *place, const cnn__json *object, const cnn_dataset *dataset)
{
    const cnn__json *list = NULL;
    const size_t count = cnn_dataset_class_count(dataset);
    CNN__RETURN_IF_ERROR(cnn__json_array(place, object, "classes", &list));
    if (cnn__json_count(list) != count) {
        return cnn__fail(place->context, CNN_ERROR_MISMATCH, "%s: was trained with %zu classes, this dataset has %zu",
                         place->name, cnn__json_count(list), count);
    }
    size_t label = 0;
    for (const cnn__json *item = cnn__json_first(list); item != NULL; item = cnn__json_next(list, item), label++) {
        const char *name = cnn__json_text(item);
        if (name == NULL) {
            return cnn__json_bad(place, "classes", "a list of names");
        }
        CNN__RETURN_IF_ERROR(compare_name(place, label, name, cnn_dataset_class_name(dataset, label)));
    }
    return CNN_OK;
}

/* Adds "batches of 8, not 4" to the list. Samples are called by the word that users know. */
static void note(cnn__string *list, const char *what, unsigned long long theirs, unsigned long long ours)
{
    if (theirs != ours) {
        cnn__string_printf(list, "%s%s %llu, not %llu", list->size > 0 ? "; " : "", what, theirs, ours);
    }
}

static void note_text(cnn__string *list, const char *what, const char *theirs, const char *ours)
{
    char first[200], second[200];
    if (strcmp(theirs, ours) != 0) {
        cnn__string_printf(list, "%s%s \"%s\", not \"%s\"", list->size > 0 ? "; " : "", what,
                           cnn__printable(theirs, first, sizeof(first)), cnn__printable(ours, second, sizeof(second)));
    }
}

/* What was said of the data and is another now, as text; *batches those of an epoch then. */
static cnn_status list_changes(const cnn__json_place *place, const cnn__json *object, const cnn_loader *loader,
                               cnn__string *order, cnn__string *values, int64_t *batches)
{
    const cnn_loader_options *options = cnn__loader_options(loader);
    int64_t batch = 0, samples = 0, shuffle = 0, drop_last = 0, balanced = 0;
    uint64_t seed = 0;
    const char *mode = NULL, *pipeline = NULL;
    CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "batch", 1, INT64_MAX, &batch));
    CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "batches", 1, INT64_MAX, batches));
    CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "samples", 1, INT64_MAX, &samples));
    CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "shuffle", 0, 1, &shuffle));
    CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "drop_last", 0, 1, &drop_last));
    if (cnn__json_get(object, "balanced") != NULL) {
        CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "balanced", 0, 1, &balanced));
    }
    CNN__RETURN_IF_ERROR(cnn__json_u64(place, object, "loader_seed", &seed));
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "mode", &mode));
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "pipeline", &pipeline));
    note(order, "batches of", (unsigned long long)batch, cnn_loader_batch_size(loader));
    note(order, "a number of images of", (unsigned long long)samples, cnn_dataset_count(cnn_loader_dataset(loader)));
    note(order, "shuffle", (unsigned long long)shuffle, options->shuffle != 0);
    note(order, "balanced", (unsigned long long)balanced, options->balanced != 0);
    note(order, "drop_last", (unsigned long long)drop_last, options->drop_last != 0);
    note(order, "the loader's seed", seed, options->seed);
    note_text(order, "the mode", mode, modes[options->mode]);
    note_text(values, "the preprocessing", pipeline, pipeline_text(loader));
    return order->status != CNN_OK ? order->status : values->status;
}

/* Tells the changes, and moves the place if the order is another. */
static void take_changes(const cnn__json_place *place, const cnn__string *order, const cnn__string *values,
                         uint64_t batches, const cnn_loader *loader, uint64_t *position, bool *moved)
{
    if (values->size > 0) {
        cnn__log(place->context, CNN_LOG_WARNING, "%s: was trained with %s", place->name, values->data);
    }
    if (order->size == 0) {
        return;
    }
    const uint64_t epochs = *position / batches + (*position % batches != 0);
    *moved = *position % batches != 0;
    *position = epochs * cnn_loader_batches(loader);
    cnn__log(place->context, CNN_LOG_WARNING, "%s: was trained with %s%s", place->name, order->data,
             *moved ? ": the epoch that was under way begins anew" : "");
}

cnn_status cnn__checkpoint_compare_data(const cnn__json_place *place, const cnn__json *object, const cnn_loader *loader,
                                        uint64_t *position, bool *moved)
{
    const cnn__json_place part = {place->context, place->name, "training: data"};
    cnn__string order = {.context = place->context}, values = {.context = place->context};
    int64_t batches = 1;
    *moved = false;
    if (!cnn__json_is(object, CNN__JSON_OBJECT)) {
        return cnn__json_bad(place, "data", "an object");
    }
    cnn_status status = compare_classes(&part, object, cnn_loader_dataset(loader));
    if (status == CNN_OK) {
        status = list_changes(&part, object, loader, &order, &values, &batches);
    }
    if (status == CNN_OK) {
        take_changes(&part, &order, &values, (uint64_t)batches, loader, position, moved);
    }
    cnn__string_free(&order);
    cnn__string_free(&values);
    return status;
}
