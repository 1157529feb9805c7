/* SPDX-License-Identifier: MIT */
/* What the metadata of a file has of a model beside its architecture: each member as it is written and taken. */
#include <string.h>

#include "core/text.h"
#include "format/model_file.h"

cnn_status cnn__metadata_get(const cnn__tensors *file, const char *key, cnn__json_document *document)
{
    const cnn__json *text = cnn__json_get(file->metadata, key);
    *document = (cnn__json_document){.context = file->context};
    if (text == NULL) {
        return CNN_OK;
    }
    if (!cnn__json_is(text, CNN__JSON_STRING)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: the metadata \"%s\" is not text", file->name, key);
    }
    return cnn__json_parse(file->context, file->name, key, text->text, text->size, document);
}

/* ---- classes ---- */

static void add_classes(const cnn_model *model, cnn__json_writer *metadata)
{
    cnn__json_writer object = {.text = {.context = model->context}};
    cnn__json_open(&object, NULL, '{');
    cnn__json_open(&object, "names", '[');
    for (size_t i = 0; i < model->class_count; i++) {
        cnn__json_put_string(&object, NULL, model->classes[i]);
    }
    cnn__json_close(&object, ']');
    cnn__json_close(&object, '}');
    cnn__metadata_set(metadata, "classes", &object);
}

static cnn_status set_classes(cnn_model *model, const cnn__json_place *place, const cnn__json *list)
{
    size_t count = 0;
    const char **names = cnn__alloc_array(place->context, cnn__json_count(list) + 1, sizeof(*names));
    cnn_status status = names != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    const cnn__json *item = cnn__json_first(list);
    for (; item != NULL && status == CNN_OK; item = cnn__json_next(list, item)) {
        names[count] = cnn__json_text(item);
        status = names[count++] != NULL ? CNN_OK : cnn__json_bad(place, "names", "a list of names");
    }
    if (status == CNN_OK) {
        status = cnn__fail_in_file(place->context, place->name, place->part,
                                   cnn_model_set_classes(model, names, count));
    }
    cnn__free(place->context, names);
    return status;
}

static cnn_status take_classes(cnn_model *model, const cnn__tensors *file)
{
    const cnn__json_place place = {file->context, file->name, "classes"};
    cnn__json_document document;
    const cnn__json *list = NULL;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "classes", &document));
    if (document.root == NULL) {
        return CNN_OK;
    }
    cnn_status status = cnn__json_array(&place, document.root, "names", &list);
    if (status == CNN_OK) {
        status = set_classes(model, &place, list);
    }
    cnn__json_free(&document);
    return status;
}

/* ---- preprocessing ---- */

static void add_preprocessing(const cnn_model *model, cnn__json_writer *metadata)
{
    cnn__json_writer object = {.text = {.context = model->context}};
    cnn__json_open(&object, NULL, '{');
    cnn__json_put_string(&object, "pipeline", cnn_pipeline_text(model->pipeline));
    cnn__json_put_string(&object, "colour_order", "RGB");
    cnn__json_put_string(&object, "range", "0 to 1");
    cnn__json_close(&object, '}');
    cnn__metadata_set(metadata, "preprocessing", &object);
}

static cnn_status take_pipeline(cnn_model *model, const cnn__tensors *file)
{
    const cnn__json_place place = {file->context, file->name, "preprocessing"};
    cnn__json_document document;
    const char *text = NULL;
    cnn_pipeline *pipeline = NULL;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "preprocessing", &document));
    if (document.root == NULL) {
        return CNN_OK;
    }
    cnn_status status = cnn__json_string(&place, document.root, "pipeline", &text);
    if (status == CNN_OK) {
        status = cnn_pipeline_create(file->context, text, &pipeline);
        if (status == CNN_OK) {
            status = cnn_model_set_pipeline(model, pipeline);
        }
        status = cnn__fail_in_file(file->context, file->name, place.part, status);
    }
    cnn_pipeline_free(pipeline);
    cnn__json_free(&document);
    return status;
}

/* ---- frozen parameters, and statistics ---- */

/* Layers that do with their statistics what they do not by default; lists that are empty are left out. By
 * cnn_statistics. */
static const char *const statistics_names[] = {"by_trainable", "move", "keep"};

static void add_statistics(const cnn_model *model, cnn_statistics statistics, cnn__json_writer *object)
{
    bool any = false;
    for (uint32_t i = 0; i < model->node_count; i++) {
        if (model->nodes[i].statistics == statistics) {
            if (!any) {
                cnn__json_open(object, statistics_names[statistics], '[');
            }
            any = true;
            cnn__json_put_string(object, NULL, model->nodes[i].name);
        }
    }
    if (any) {
        cnn__json_close(object, ']');
    }
}

static void add_frozen(const cnn_model *model, cnn__json_writer *metadata)
{
    cnn__json_writer object = {.text = {.context = model->context}};
    cnn__json_open(&object, NULL, '{');
    cnn__json_open(&object, "names", '[');
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        if (model->parameters[i].frozen) {
            cnn__json_put_string(&object, NULL, model->parameters[i].name);
        }
    }
    cnn__json_close(&object, ']');
    add_statistics(model, CNN_STATISTICS_MOVE, &object);
    add_statistics(model, CNN_STATISTICS_KEEP, &object);
    cnn__json_close(&object, '}');
    cnn__metadata_set(metadata, "frozen", &object);
}

static cnn_status freeze(cnn_model *model, const cnn__json_place *place, const cnn__json *list)
{
    cnn__table names;
    cnn_status status = CNN_OK;
    cnn__table_init(&names, place->context);
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        status = cnn__table_add(&names, model->parameters[i].name, i);
    }
    const cnn__json *item = cnn__json_first(list);
    for (; item != NULL && status == CNN_OK; item = cnn__json_next(list, item)) {
        const char *name = cnn__json_text(item);
        size_t index;
        if (name == NULL) {
            status = cnn__json_bad(place, "names", "a list of names");
        } else if (cnn__table_find(&names, name, &index)) {
            model->parameters[index].frozen = true;
        } else {
            char text[80];
            status = cnn__fail(place->context, CNN_ERROR_FORMAT, "%s: %s: there is no parameter \"%s\"", place->name,
                               place->part, cnn__printable(name, text, sizeof(text)));
        }
    }
    cnn__table_free(&names);
    return status;
}

static cnn_status take_statistics(cnn_model *model, const cnn__json_place *place, const cnn__json *object,
                                  cnn_statistics statistics)
{
    const char *key = statistics_names[statistics];
    const cnn__json *list = NULL;
    if (cnn__json_get(object, key) == NULL) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__json_array(place, object, key, &list));
    for (const cnn__json *item = cnn__json_first(list); item != NULL; item = cnn__json_next(list, item)) {
        const char *name = cnn__json_text(item);
        uint32_t node = CNN__INPUT;
        if (name == NULL || !cnn__model_find(model, name, &node) || (node & CNN__INPUT) != 0) {
            return cnn__json_bad(place, key, "a list of names of layers");
        }
        model->nodes[node].statistics = statistics;
    }
    return CNN_OK;
}

static cnn_status take_frozen(cnn_model *model, const cnn__tensors *file)
{
    const cnn__json_place place = {file->context, file->name, "frozen"};
    cnn__json_document document;
    const cnn__json *list = NULL;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "frozen", &document));
    if (document.root == NULL) {
        return CNN_OK;
    }
    cnn_status status = cnn__json_array(&place, document.root, "names", &list);
    if (status == CNN_OK && cnn__json_count(list) > 0) {
        status = freeze(model, &place, list);
    }
    for (int i = CNN_STATISTICS_MOVE; i <= CNN_STATISTICS_KEEP && status == CNN_OK; i++) {
        status = take_statistics(model, &place, document.root, (cnn_statistics)i);
    }
    cnn__json_free(&document);
    return status;
}

/* ---- what its outputs tell ---- */

static const char *const task_names[] = {NULL, "classes", "labels", "values"}; /* by cnn_task */

static void add_task(const cnn_model *model, cnn__json_writer *metadata)
{
    const cnn_decision *decision = &model->decision;
    cnn__json_writer object = {.text = {.context = model->context}};
    cnn__json_open(&object, NULL, '{');
    if (model->task != CNN_TASK_UNKNOWN) {
        cnn__json_put_string(&object, "kind", task_names[model->task]);
    }
    if (model->decides) {
        cnn__json_put_real(&object, "temperature", (double)decision->temperature);
        cnn__json_put_real(&object, "slope", (double)decision->slope);
        cnn__json_put_real(&object, "offset", (double)decision->offset);
        cnn__json_put_real(&object, "reject", (double)decision->reject);
        cnn__json_open(&object, "thresholds", '[');
        for (size_t i = 0; i < decision->threshold_count; i++) {
            cnn__json_put_real(&object, NULL, (double)decision->thresholds[i]);
        }
        cnn__json_close(&object, ']');
    }
    cnn__json_close(&object, '}');
    cnn__metadata_set(metadata, "task", &object);
}

static cnn_status set_thresholds(cnn_model *model, const cnn__json_place *place, const cnn__json *list,
                                 cnn_decision *decision)
{
    float *thresholds = cnn__alloc_array(place->context, cnn__json_count(list), sizeof(*thresholds));
    cnn_status status = thresholds != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    const cnn__json *item = cnn__json_first(list);
    for (; item != NULL && status == CNN_OK; item = cnn__json_next(list, item)) {
        double value = 0;
        status = cnn__json_to_real(item, &value) ? CNN_OK : cnn__json_bad(place, "thresholds", "a list of numbers");
        thresholds[decision->threshold_count++] = (float)value;
    }
    if (status == CNN_OK) {
        decision->thresholds = decision->threshold_count > 0 ? thresholds : NULL;
        status = cnn__fail_in_file(place->context, place->name, place->part, cnn_model_set_decision(model, decision));
    }
    cnn__free(place->context, thresholds);
    return status;
}

static cnn_status take_decision(cnn_model *model, const cnn__json_place *place, const cnn__json *object)
{
    cnn_decision decision = {.struct_size = sizeof(decision)};
    const cnn__json *list = NULL;
    const struct {
        const char *key;
        float *field;
    } fields[] = {{"temperature", &decision.temperature},
                  {"slope", &decision.slope},
                  {"offset", &decision.offset},
                  {"reject", &decision.reject}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        double value = 0;
        CNN__RETURN_IF_ERROR(cnn__json_real(place, object, fields[i].key, &value));
        *fields[i].field = (float)value;
    }
    CNN__RETURN_IF_ERROR(cnn__json_array(place, object, "thresholds", &list));
    return set_thresholds(model, place, list, &decision);
}

/* Files of before have none: the task is not known, and nothing decides. */
static cnn_status take_task(cnn_model *model, const cnn__tensors *file)
{
    const cnn__json_place place = {file->context, file->name, "task"};
    cnn__json_document document;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "task", &document));
    if (document.root == NULL) {
        return CNN_OK;
    }
    cnn_status status = CNN_OK;
    const char *kind = NULL;
    if (cnn__json_get(document.root, "kind") != NULL) {
        status = cnn__json_string(&place, document.root, "kind", &kind);
    }
    for (int i = CNN_TASK_CLASSES; i <= CNN_TASK_VALUES && kind != NULL; i++) {
        model->task = strcmp(kind, task_names[i]) == 0 ? (cnn_task)i : model->task;
    }
    if (status == CNN_OK && kind != NULL && model->task == CNN_TASK_UNKNOWN) {
        status = cnn__json_bad(&place, "kind", "\"classes\", \"labels\" or \"values\"");
    }
    if (status == CNN_OK && cnn__json_get(document.root, "thresholds") != NULL) {
        status = take_decision(model, &place, document.root);
    }
    cnn__json_free(&document);
    return status;
}

/* ---- all ---- */

void cnn__metadata_add(const cnn_model *model, cnn__json_writer *metadata)
{
    if (model->class_count > 0) {
        add_classes(model, metadata);
    }
    if (model->pipeline != NULL) {
        add_preprocessing(model, metadata);
    }
    add_frozen(model, metadata);
    if (model->task != CNN_TASK_UNKNOWN || model->decides) { /* files of networks for classes are as they were */
        add_task(model, metadata);
    }
}

cnn_status cnn__metadata_take(cnn_model *model, const cnn__tensors *file)
{
    CNN__RETURN_IF_ERROR(take_task(model, file));
    CNN__RETURN_IF_ERROR(take_classes(model, file));
    CNN__RETURN_IF_ERROR(take_pipeline(model, file));
    return take_frozen(model, file);
}
