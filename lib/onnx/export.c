/* SPDX-License-Identifier: MIT */
/* A model as an ONNX file: its graph, the ports with their names, and what metadata holds. */
#include <stdio.h>
#include <string.h>

#include <cnn/onnx.h>
#include <cnn/version.h>

#include "core/file.h"
#include "core/json.h"
#include "onnx/out.h"
#include "onnx/out_preprocess.h"
#include "pipeline/pipeline.h"

/* ---- what can be written ---- */

/* CNN_ERROR_UNSUPPORTED with all layers that have no counterpart. */
static cnn_status check_layers(const cnn_model *model)
{
    cnn__string names = {.context = model->context};
    size_t count = 0;
    for (uint32_t i = 0; i < model->node_count; i++) {
        const cnn__node *node = &model->nodes[i];
        if (cnn__out_layer_find(node->layer->type) == NULL) {
            cnn__string_printf(&names, "%s\"%s\" (%s)", count++ > 0 ? ", " : "", node->name, node->layer->kind.type);
        }
    }
    cnn_status status = names.status;
    if (status == CNN_OK && count > 0) {
        status = cnn__fail(model->context, CNN_ERROR_UNSUPPORTED, "%s: ONNX has no counterpart of %zu layer%s: %s",
                           model->name, count, count == 1 ? "" : "s", names.data);
    }
    cnn__string_free(&names);
    return status;
}

static cnn_status check_model(const cnn_model *model, const cnn_onnx_save_options *options)
{
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    if (options->preprocessing != 0 && model->pipeline == NULL) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: has no preprocessing to write: cnn_model_set_pipeline()",
                         model->name);
    }
    return check_layers(model);
}

/* ---- ports ---- */

/* The symbol of a batch in which a sample has so many rows. */
static const char *batch_name(cnn__out *out, int64_t rows)
{
    const char *name = rows == 1 ? "N" : cnn__arena_printf(&out->arena, "N*%lld", (long long)rows);
    out->status = name == NULL ? CNN_ERROR_OUT_OF_MEMORY : out->status;
    return name;
}

void cnn__out_port(cnn__out *out, cnn__onnx_list *list, const char *name, cnn__onnx_type type, const cnn_shape *shape,
                   const char *const *symbols)
{
    cnn__onnx_value *port = out->status == CNN_OK ? cnn__onnx_append(&out->arena, list, sizeof(*port)) : NULL;
    cnn__onnx_dim *dims = port != NULL ? cnn__out_keep(out, shape->rank, sizeof(*dims)) : NULL;
    if (dims == NULL) {
        out->status = out->status == CNN_OK ? CNN_ERROR_OUT_OF_MEMORY : out->status;
        return;
    }
    *port = (cnn__onnx_value){.name = name, .type = (int32_t)type, .shaped = true};
    port->dims = (cnn__onnx_list){.items = dims, .count = shape->rank};
    for (uint32_t d = 0; d < shape->rank; d++) {
        dims[d].symbol = symbols[d];
        dims[d].known = symbols[d] == NULL;
        dims[d].size = symbols[d] == NULL ? shape->dims[d] : 0;
    }
}

static void add_port(cnn__out *out, cnn__onnx_list *list, const char *name, const cnn_shape *sample, cnn__out_form form,
                     int64_t rows)
{
    const cnn_shape shape = cnn__out_shape(sample, form, 0);
    const char *symbols[CNN_MAX_RANK] = {batch_name(out, rows)};
    cnn__out_port(out, list, name, CNN__ONNX_FLOAT, &shape, symbols);
}

/* Whether the first layer that reads an input takes it as it lies here. Images are channels first whoever reads them:
 * that is what users of ONNX expect. */
static bool stays_last(const cnn_model *model, uint32_t input)
{
    if (model->inputs[input].shape.rank == 3) {
        return false;
    }
    for (uint32_t i = 0; i < model->node_count; i++) {
        for (uint32_t k = 0; k < model->nodes[i].input_count; k++) {
            if (model->nodes[i].inputs[k] == (CNN__INPUT | input)) {
                return cnn__out_layer_find(model->nodes[i].layer->type)->reads_last;
            }
        }
    }
    return false;
}

static void add_inputs(cnn__out *out, bool preprocessing)
{
    for (uint32_t i = 0; i < out->model->input_count; i++) {
        const cnn__input *input = &out->model->inputs[i];
        const bool first = input->shape.rank > 1 && !stays_last(out->model, i);
        out->inputs[i] = (cnn__out_value){
            .name = input->name, .shape = input->shape, .form = first ? CNN__OUT_FIRST : CNN__OUT_LAST, .rows = 1};
        if (i == 0 && preprocessing) {
            cnn__out_preprocess(out);
        } else {
            add_port(out, &out->graph.inputs, input->name, &input->shape, out->inputs[i].form, 1);
        }
    }
}

/* Whether an input or an output of the graph has that name already. */
static bool is_taken(const cnn__out *out, const char *name)
{
    const cnn__onnx_list *lists[] = {&out->graph.inputs, &out->graph.outputs};
    for (size_t l = 0; l < 2; l++) {
        const cnn__onnx_value *ports = lists[l]->items;
        for (size_t i = 0; i < lists[l]->count; i++) {
            if (strcmp(ports[i].name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* An output has the name of its layer. What has another one, because the layer does nothing or because the output is
 * another form of its value, is renamed or handed on. */
static void add_output(cnn__out *out, uint32_t reference)
{
    const char *wanted = cnn__value_name(out->model, reference);
    cnn__out_value *value = cnn__out_value_of(out, reference);
    const cnn__out_form form = value->form == CNN__OUT_FLAT ? CNN__OUT_LAST
                               : value->shape.rank == 3     ? CNN__OUT_FIRST
                                                            : value->form;
    const char *name = form == CNN__OUT_FIRST ? cnn__out_first(out, value) : cnn__out_last(out, value);
    if (out->status != CNN_OK) {
        return;
    }
    if (strcmp(value->name, wanted) == 0 && strcmp(name, wanted) != 0 && !is_taken(out, wanted)) {
        cnn__out_begin(out, wanted, true);
        const char *own = cnn__out_name(out, "own");
        cnn__out_rename(out, wanted, own);
        cnn__out_rename(out, name, wanted);
        value->name = own;
        value->other = wanted;
        name = wanted;
    } else if (strcmp(name, wanted) != 0 || is_taken(out, name)) {
        cnn__out_begin(out, wanted, is_taken(out, wanted));
        name = cnn__out_emit(out, "Identity", is_taken(out, wanted) ? "again" : NULL, CNN__OUT_INPUTS(name));
    }
    if (is_taken(out, name)) {
        out->status = cnn__fail(out->context, CNN_ERROR_UNSUPPORTED, "%s: \"%s\" is an output more than twice",
                                out->model->name, wanted);
        return;
    }
    add_port(out, &out->graph.outputs, name, &value->shape, form, value->rows);
}

/* ---- metadata ---- */

static void add_entry(cnn__out *out, const char *key, const char *text)
{
    cnn__onnx_entry *entry = out->status == CNN_OK ? cnn__onnx_append(&out->arena, &out->file.metadata, sizeof(*entry))
                                                   : NULL;
    const char *copy = entry != NULL ? cnn__arena_text(&out->arena, text, strlen(text)) : NULL;
    if (copy == NULL) {
        out->status = out->status == CNN_OK ? CNN_ERROR_OUT_OF_MEMORY : out->status;
        return;
    }
    *entry = (cnn__onnx_entry){key, copy};
}

static void add_classes(cnn__out *out)
{
    cnn__json_writer list = {.text = {.context = out->context}};
    cnn__json_open(&list, NULL, '[');
    for (size_t i = 0; i < out->model->class_count; i++) {
        cnn__json_put_string(&list, NULL, out->model->classes[i]);
    }
    cnn__json_close(&list, ']');
    out->status = out->status == CNN_OK ? list.text.status : out->status;
    if (out->status == CNN_OK) {
        add_entry(out, "classes", list.text.data);
    }
    cnn__string_free(&list.text);
}

static void add_heading(cnn__out *out)
{
    cnn__onnx_opset *opset = out->status == CNN_OK ? cnn__onnx_append(&out->arena, &out->file.opsets, sizeof(*opset))
                                                   : NULL;
    out->status = out->status == CNN_OK && opset == NULL ? CNN_ERROR_OUT_OF_MEMORY : out->status;
    if (opset != NULL) {
        *opset = (cnn__onnx_opset){"", out->opset};
    }
    out->file.ir_version = out->opset > CNN__OUT_OPSET ? 8 : 7;
    out->file.producer = "libcnn";
    out->file.producer_version = cnn_version_string();
    out->file.graph = &out->graph;
    out->graph.name = out->model->name;
    if (out->model->class_count > 0) {
        add_classes(out);
    }
    if (out->model->pipeline != NULL) {
        add_entry(out, "preprocessing", cnn_pipeline_text(out->model->pipeline));
    }
}

/* ---- all of it ---- */

static void build_graph(cnn__out *out, bool preprocessing)
{
    const cnn_model *model = out->model;
    out->opset = CNN__OUT_OPSET;
    out->layer = model->name;
    out->inputs = cnn__out_keep(out, model->input_count, sizeof(*out->inputs));
    out->values = cnn__out_keep(out, (size_t)model->node_count + 1, sizeof(*out->values));
    out->seen = cnn__out_keep(out, (size_t)model->parameter_count + 1, sizeof(*out->seen));
    if (out->status != CNN_OK) {
        return;
    }
    add_inputs(out, preprocessing);
    for (uint32_t i = 0; i < model->node_count && out->status == CNN_OK; i++) {
        const cnn__node *node = &model->nodes[i];
        cnn__out_begin(out, node->name, false);
        cnn__out_layer_find(node->layer->type)->write(out, node);
    }
    for (uint32_t i = 0; i < cnn__model_outputs(model) && out->status == CNN_OK; i++) {
        add_output(out, cnn__model_output(model, i));
    }
    add_heading(out);
    if (out->status == CNN_OK) {
        cnn__out_sweep(out);
    }
}

cnn_status cnn__out_build(cnn__out *out, const cnn_model *model, const cnn_onnx_save_options *options)
{
    *out = (cnn__out){.context = model->context, .model = model, .arena = {.context = model->context}};
    out->status = check_model(model, options);
    if (out->status == CNN_OK) {
        build_graph(out, options->preprocessing != 0);
    }
    return out->status;
}

void cnn__out_free(cnn__out *out)
{
    cnn__free(out->context, out->scratch);
    cnn__arena_free(&out->arena);
}

static cnn_status write_model(const cnn_model *model, const cnn_onnx_save_options *options, cnn_write_function write,
                              void *user)
{
    cnn__out out;
    cnn_status status = cnn__out_build(&out, model, options);
    if (status == CNN_OK) {
        status = cnn__onnx_encode(model->context, &out.file, write, user);
    }
    cnn__out_free(&out);
    return status;
}

cnn_status cnn_model_write_onnx(const cnn_model *model, const cnn_onnx_save_options *given, cnn_write_function write,
                                void *user)
{
    cnn_onnx_save_options options;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (write == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no function to write to", model->name);
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_model_write_onnx", given, &options, sizeof(options)));
    return write_model(model, &options, write, user);
}

cnn_status cnn_model_save_onnx(const cnn_model *model, const char *path, const cnn_onnx_save_options *given)
{
    cnn_onnx_save_options options;
    cnn__writer writer;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (path == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no path to save to", model->name);
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_model_save_onnx", given, &options, sizeof(options)));
    CNN__RETURN_IF_ERROR(check_model(model, &options)); /* before anything of the file is touched */
    CNN__RETURN_IF_ERROR(cnn__writer_open(model->context, path, &writer));
    const cnn_status status = write_model(model, &options, cnn__writer_write, &writer);
    if (status != CNN_OK) {
        cnn__writer_abandon(&writer);
        return status;
    }
    return cnn__writer_commit(&writer);
}
