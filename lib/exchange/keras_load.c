/* SPDX-License-Identifier: MIT */
/* A model of a Keras config, with its weights. */
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "exchange/keras.h"
#include "exchange/weights.h"
#include "format/architecture.h"
#include "model/model.h"

static void close_keras(cnn__keras *keras)
{
    cnn__string_free(&keras->layers.text);
    cnn__string_free(&keras->inputs.text);
    cnn__string_free(&keras->frozen.text);
    cnn__string_free(&keras->models.text);
    for (size_t i = 0; i < keras->text_count; i++) {
        cnn__free(keras->context, keras->texts[i]);
    }
    cnn__free(keras->context, keras->texts);
}

/* Whether any layer has images as C, H, W: all have then. And whether flattening puts them in order itself, as Keras
 * does where it is told the format. */
static void find_format(cnn__keras *keras, const cnn__json_document *config)
{
    bool flatten = false, ordered = false;
    for (size_t i = 0; i + 1 < config->root->span; i++) {
        const char *key = cnn__json_text(&config->values[i]), *value = cnn__json_text(&config->values[i + 1]);
        keras->third = keras->third || (key != NULL && strcmp(key, "registered_name") == 0);
        if (key == NULL || value == NULL) {
            continue;
        }
        flatten = strcmp(key, "class_name") == 0 ? strcmp(value, "Flatten") == 0 : flatten;
        const bool first = (strcmp(key, "data_format") == 0 && strcmp(value, "channels_first") == 0) ||
                           (strcmp(key, "dim_ordering") == 0 && strcmp(value, "th") == 0);
        keras->channels_first = keras->channels_first || first;
        ordered = ordered || (first && flatten);
    }
    keras->chw = keras->channels_first && !ordered;
}

/* Appends a list or object under a key. */
static void put_part(cnn__json_writer *writer, const char *key, const cnn__json_writer *part)
{
    writer->text.status = writer->text.status == CNN_OK ? part->text.status : writer->text.status;
    if (writer->text.status == CNN_OK) {
        cnn__string_printf(&writer->text, ",\"%s\":", key);
        cnn__string_append(&writer->text, part->text.data, part->text.size);
    }
}

static cnn_status translate(cnn__keras *keras, const cnn__json *model, cnn__json_writer *architecture)
{
    const char *name = cnn__json_text(cnn__json_get(cnn__json_get(model, "config"), "name"));
    cnn__json_open(architecture, NULL, '{');
    cnn__json_put_string(architecture, "name", name != NULL && strlen(name) < 200 ? name : "model");
    CNN__RETURN_IF_ERROR(cnn__keras_graph(keras, model, architecture));
    cnn__json_open(architecture, "input", '[');
    for (size_t i = 0; i < keras->first_rank; i++) {
        cnn__json_put_int(architecture, NULL, keras->first[i]);
    }
    cnn__json_close(architecture, ']');
    put_part(architecture, "layers", &keras->layers);
    put_part(architecture, "inputs", &keras->inputs);
    put_part(architecture, "models", &keras->models);
    put_part(architecture, "frozen", &keras->frozen);
    cnn__json_close(architecture, '}');
    return architecture->text.status;
}

static cnn_status freeze(cnn_model *model, const cnn__json *frozen)
{
    cnn__table names;
    cnn_status status = CNN_OK;
    cnn__table_init(&names, model->context);
    for (uint32_t i = 0; i < model->node_count && status == CNN_OK; i++) {
        status = cnn__table_add(&names, model->nodes[i].name, i);
    }
    const cnn__json *item = cnn__json_first(frozen);
    for (; item != NULL && status == CNN_OK; item = cnn__json_next(frozen, item)) {
        size_t index = 0;
        if (cnn__table_find(&names, item->text, &index)) {
            const cnn__node *node = &model->nodes[index];
            for (uint32_t i = 0; i < node->parameter_count; i++) {
                model->parameters[node->first_parameter + i].frozen = true;
            }
        }
    }
    cnn__table_free(&names);
    return status;
}

/* Every parameter must be there in its shape before memory is asked for: so a small file cannot ask for much. */
static cnn_status fill(cnn_model *model, cnn_weights *weights, const cnn__keras *keras,
                       const cnn_import_options *options, cnn_weights_report *report)
{
    cnn__matching matching;
    if (weights == NULL || options->partial != 0) {
        CNN__RETURN_IF_ERROR(cnn__fail_in_file(model->context, keras->file, "config", cnn_model_build(model)));
    } else {
        CNN__RETURN_IF_ERROR(cnn__fail_in_file(model->context, keras->file, "config", cnn__model_infer(model)));
    }
    if (weights == NULL) {
        return CNN_OK;
    }
    cnn_status status = cnn__match(model, weights, keras->chw, &matching);
    if (status == CNN_OK) {
        cnn__report(model, weights, &matching, options, report);
        status = cnn__check_sources(model, weights, &matching, options->partial != 0);
    }
    if (status == CNN_OK && !model->built) {
        status = cnn__fail_in_file(model->context, keras->file, "parameters", cnn__model_allocate(model));
        for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
            if (matching.sources[i].weight == CNN__NONE) { /* a scale or shift that is fixed */
                cnn__initialize(&model->parameters[i], model->context->seed, i, model->parameters[i].data);
            }
        }
    }
    if (status == CNN_OK) {
        status = cnn__read_sources(model, weights, &matching, NULL);
    }
    cnn__free(model->context, matching.sources);
    return status;
}

static cnn_status build(cnn__keras *keras, const cnn__json_document *config, cnn__json_document *architecture)
{
    cnn__json_writer text = {.text = {.context = keras->context}};
    find_format(keras, config);
    cnn_status status = translate(keras, config->root, &text);
    if (status == CNN_OK) {
        status = cnn__json_parse(keras->context, keras->file, "config", text.text.data, text.text.size, architecture);
    }
    cnn__string_free(&text.text);
    return status;
}

static cnn_status load(cnn__keras *keras, const cnn__json_document *config, cnn_weights *weights,
                       const cnn_import_options *options, cnn_weights_report *report, cnn_model **model)
{
    cnn__json_document architecture = {.context = keras->context};
    CNN__RETURN_IF_ERROR(build(keras, config, &architecture));
    cnn_status status = cnn__architecture_from_json(keras->context, keras->file, architecture.root, model);
    if (status == CNN_OK) {
        status = fill(*model, weights, keras, options, report);
    }
    if (status == CNN_OK) {
        status = freeze(*model, cnn__json_get(architecture.root, "frozen"));
    }
    cnn__json_free(&architecture);
    return status;
}

cnn_status cnn_keras_load(cnn_context *context, const char *name, const char *config, size_t size, cnn_weights *weights,
                          const cnn_import_options *given, cnn_weights_report *report, cnn_model **model)
{
    cnn_import_options options;
    cnn__json_document document;
    char file[300];
    if (context == NULL || config == NULL || model == NULL || (weights != NULL && weights->context != context)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_keras_load: no config, no place for the model, or weights of another context");
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_keras_load", given, &options, sizeof(options)));
    cnn__printable(name != NULL ? name : "Keras config", file, sizeof(file));
    CNN__RETURN_IF_ERROR(cnn__json_parse(context, file, "config", config, size, &document));
    cnn__keras keras = {.context = context, .file = file, .weights = weights, .input = options.input};
    keras.layers.text.context = keras.inputs.text.context = context;
    keras.frozen.text.context = keras.models.text.context = context;
    cnn_status status = load(&keras, &document, weights, &options, report, model);
    close_keras(&keras);
    cnn__json_free(&document);
    if (status != CNN_OK) {
        cnn_model_free(*model);
        *model = NULL;
    }
    return status;
}
