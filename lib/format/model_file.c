/* SPDX-License-Identifier: MIT */
/* Saving and loading models. */
#include "format/model_file.h"

#include <stdio.h>
#include <string.h>

#include <cnn/version.h>

#include "core/number.h"

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

cnn_status cnn__model_metadata(const cnn_model *model, cnn__json_writer *metadata)
{
    char format[32];
    cnn__json_writer architecture = {.text = {.context = model->context}};
    cnn__metadata_begin(model->context, metadata);
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    snprintf(format, sizeof(format), CNN__TENSORS_FORMAT " %d", CNN__FORMAT_VERSION);
    cnn__json_put_string(metadata, "format", format);
    cnn__json_put_string(metadata, "library", cnn_version_string());
    cnn_status status = cnn__architecture_to_json(model, &architecture);
    if (status != CNN_OK) {
        cnn__string_free(&architecture.text);
        return status;
    }
    cnn__metadata_set(metadata, "architecture", &architecture);
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
    return CNN_OK; /* without memory the status is that of the writer, and nothing is written */
}

void cnn__model_sources(const cnn_model *model, const float *values, cnn__tensor_source *sources)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        sources[i] = (cnn__tensor_source){parameter->name, parameter->shape,
                                          values != NULL ? values + parameter->offset : parameter->data,
                                          CNN__TENSOR_F32};
    }
}

cnn_status cnn_model_save(const cnn_model *model, const char *path)
{
    return cnn__model_save_values(model, NULL, path);
}

cnn_status cnn__model_save_values(const cnn_model *model, const float *values, const char *path)
{
    cnn__json_writer metadata;
    cnn__tensor_source *sources = NULL;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (path == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no path to save to", model->name);
    }
    cnn_status status = cnn__model_metadata(model, &metadata);
    if (status == CNN_OK) {
        sources = cnn__alloc_array(model->context, (size_t)model->parameter_count + 1, sizeof(*sources));
        status = sources != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status == CNN_OK) {
        cnn__model_sources(model, values, sources);
        status = cnn__tensors_write(model->context, path, sources, model->parameter_count, &metadata);
    }
    cnn__free(model->context, sources);
    cnn__string_free(&metadata.text);
    return status;
}

cnn_status cnn__check_format(const cnn__tensors *file)
{
    if (!cnn__tensors_ours(file)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: is a safetensors file, but not a libcnn model",
                         file->name);
    }
    const char *text = cnn__json_text(cnn__json_get(file->metadata, "format")) + strlen(CNN__TENSORS_FORMAT " ");
    const char *end = text + strlen(text), *rest = NULL;
    uint64_t version = 0;
    if (!cnn__parse_u64(text, end, &version, &rest) || rest != end) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: its format number is not a number", file->name);
    }
    if (version != CNN__FORMAT_VERSION) {
        return cnn__fail(file->context, CNN_ERROR_VERSION, "%s: is of format %llu, this library reads format %d",
                         file->name, (unsigned long long)version, CNN__FORMAT_VERSION);
    }
    return CNN_OK;
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

/* Every parameter must be there in its shape before memory is asked for: so a small file cannot ask for much. */
static cnn_status take_parameters(cnn_model *model, const cnn__tensors *file)
{
    CNN__RETURN_IF_ERROR(cnn__fail_in_file(file->context, file->name, "architecture", cnn__model_infer(model)));
    cnn_status status = CNN_OK;
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        status = cnn__tensors_check(file, model->parameters[i].name, &model->parameters[i].shape);
    }
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(cnn__fail_in_file(file->context, file->name, "parameters", cnn__model_allocate(model)));
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        status = cnn__tensors_read(file, parameter->name, parameter->data);
    }
    return status;
}

static cnn_status load(const cnn__tensors *file, cnn_model **model)
{
    cnn__json_document architecture;
    CNN__RETURN_IF_ERROR(cnn__check_format(file));
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "architecture", &architecture));
    if (architecture.root == NULL) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: has no architecture", file->name);
    }
    cnn_status status = cnn__architecture_from_json(file->context, file->name, architecture.root, model);
    cnn__json_free(&architecture);
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(take_parameters(*model, file));
    CNN__RETURN_IF_ERROR(take_task(*model, file));
    CNN__RETURN_IF_ERROR(take_classes(*model, file));
    CNN__RETURN_IF_ERROR(take_pipeline(*model, file));
    return take_frozen(*model, file);
}

static cnn_status load_and_close(cnn__tensors *file, cnn_model **model)
{
    cnn_status status = load(file, model);
    cnn__tensors_close(file);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}

cnn_status cnn_model_load(cnn_context *context, const char *path, cnn_model **model)
{
    cnn__tensors file;
    if (context == NULL || path == NULL || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_load: no path, or no place for the model");
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__tensors_open(context, path, &file));
    return load_and_close(&file, model);
}

cnn_status cnn_model_load_memory(cnn_context *context, const void *data, size_t size, cnn_model **model)
{
    cnn__tensors file;
    if (context == NULL || data == NULL || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_model_load_memory: no data, or no place for the model");
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__tensors_open_memory(context, data, size, &file));
    return load_and_close(&file, model);
}
