/* SPDX-License-Identifier: MIT */
/* The graph, node after node, and the model that comes of it. */
#include <string.h>

#include "core/limits.h"
#include "core/text.h"
#include "onnx/import.h"

/* Newest operator set whose operators were compared with these. */
enum { FIRST_OPSET = 1, LAST_OPSET = 26 };

/* ---- wires ---- */

cnn_status cnn__onnx_add_wire(cnn__onnx_import *import, const char *name, cnn__onnx_wire **wire)
{
    size_t index = 0;
    if (cnn__table_find(&import->names, name, &index)) {
        *wire = &import->wires[index];
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn__limit_tensor_name(import->context, import->file, name));
    CNN__RETURN_IF_ERROR(cnn__table_add(&import->names, name, import->wire_count));
    *wire = &import->wires[import->wire_count++];
    (*wire)->name = name;
    return CNN_OK;
}

/* Room for all wires that there can be. */
static cnn_status open_wires(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_node *nodes = graph->nodes.items;
    size_t most = graph->inputs.count + graph->initializers.count + graph->outputs.count;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        most += nodes[i].outputs.count;
    }
    CNN__RETURN_IF_ERROR(cnn__limit_tensors(import->context, import->file, most));
    import->wires = cnn__arena_array(import->arena, most + 1, sizeof(*import->wires));
    return import->wires != NULL ? CNN_OK : cnn__last_status(import->context);
}

static cnn_status add_initializers(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_tensor *tensors = graph->initializers.items;
    for (size_t i = 0; i < graph->initializers.count; i++) {
        cnn__onnx_constant *c = NULL;
        cnn__onnx_wire *wire = NULL;
        if (cnn__table_find(&import->names, tensors[i].name, NULL)) {
            char name[128];
            return cnn__fail(import->context, CNN_ERROR_FORMAT, "%s: two tensors are called \"%s\"", import->file,
                             cnn__printable(tensors[i].name, name, sizeof(name)));
        }
        CNN__RETURN_IF_ERROR(cnn__onnx_constant_read(import->arena, import->file, import->folder, &tensors[i], &c));
        CNN__RETURN_IF_ERROR(cnn__onnx_add_wire(import, tensors[i].name, &wire));
        c->trained = c->floats != NULL && c->count > 1;
        wire->constant = c;
    }
    return CNN_OK;
}

/* Counts who reads what: outputs that nobody reads do not matter. */
static void count_readers(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_node *nodes = graph->nodes.items;
    const cnn__onnx_value *outputs = graph->outputs.items;
    size_t wire = 0;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        for (size_t k = 0; k < nodes[i].inputs.count; k++) {
            if (cnn__table_find(&import->names, ((const char **)nodes[i].inputs.items)[k], &wire)) {
                import->wires[wire].readers++;
            }
        }
    }
    for (size_t i = 0; i < graph->outputs.count; i++) {
        if (cnn__table_find(&import->names, outputs[i].name, &wire)) {
            import->wires[wire].readers++;
        }
    }
}

static cnn_status add_outputs(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_node *nodes = graph->nodes.items;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const char *const *names = nodes[i].outputs.items;
        for (size_t k = 0; k < nodes[i].outputs.count; k++) {
            cnn__onnx_wire *wire = NULL;
            if (names[k][0] == '\0') {
                continue;
            }
            if (cnn__table_find(&import->names, names[k], NULL)) {
                return cnn__onnx_fail(import, &nodes[i], CNN_ERROR_FORMAT,
                                      "its output %zu has the name of another tensor", k);
            }
            CNN__RETURN_IF_ERROR(cnn__onnx_add_wire(import, names[k], &wire));
        }
    }
    return CNN_OK;
}

/* ---- nodes ---- */

/* Whether all inputs are constants; *unknown: one comes of a node that is not supported. */
static cnn_status look_at_inputs(const cnn__onnx_import *import, const cnn__onnx_node *node, bool *constant,
                                 bool *unknown)
{
    const char *const *names = node->inputs.items;
    *constant = true;
    *unknown = false;
    for (size_t i = 0; i < node->inputs.count; i++) {
        const cnn__onnx_wire *wire = cnn__onnx_input(import, node, i);
        if (names[i][0] == '\0') {
            continue;
        }
        if (wire == NULL || (wire->constant == NULL && wire->value == NULL && !wire->unknown)) {
            char name[128];
            return cnn__onnx_fail(import, node, CNN_ERROR_FORMAT, "its input \"%s\" is not there, or comes later",
                                  cnn__printable(names[i], name, sizeof(name)));
        }
        *constant = *constant && wire->constant != NULL;
        *unknown = *unknown || wire->unknown;
    }
    return CNN_OK;
}

/* What a node makes is not known. */
static void leave_out(const cnn__onnx_import *import, const cnn__onnx_node *node)
{
    for (size_t i = 0; i < node->outputs.count; i++) {
        cnn__onnx_wire *wire = cnn__onnx_output(import, node, i);
        if (wire != NULL) {
            wire->unknown = true;
        }
    }
}

/* Notes a node whose operator there is none for. */
static void note_unsupported(cnn__onnx_import *import, const cnn__onnx_node *node, const char *why)
{
    char name[96], type[64];
    cnn__printable(node->name[0] != '\0' || node->outputs.count == 0 ? node->name
                                                                     : ((const char **)node->outputs.items)[0],
                   name, sizeof(name));
    cnn__printable(node->type, type, sizeof(type));
    if (import->unsupported.size < 700) {
        cnn__string_printf(&import->unsupported, "%s%s%s \"%s\"", import->unsupported_count == 0 ? "" : ", ", type, why,
                           name);
    }
    import->unsupported_count++;
    leave_out(import, node);
}

static cnn_status read_node(cnn__onnx_import *import, const cnn__onnx_node *node)
{
    const cnn__onnx_operator *entry = cnn__onnx_operator_find(node->type);
    const bool ours = node->domain[0] == '\0' || strcmp(node->domain, "ai.onnx") == 0;
    const bool folds = ours && cnn__onnx_folds(node->type);
    bool constant = false, unknown = false;
    CNN__RETURN_IF_ERROR(look_at_inputs(import, node, &constant, &unknown));
    if (!ours || (!folds && (entry == NULL || entry->in == NULL))) {
        note_unsupported(import, node, "");
        return CNN_OK;
    }
    if (unknown) { /* what comes of a node that is not supported is not looked at */
        leave_out(import, node);
        return CNN_OK;
    }
    if (constant && folds) {
        return cnn__onnx_fold(import, node);
    }
    if (entry == NULL || entry->in == NULL) {
        note_unsupported(import, node, " of a value that is not constant,");
        return CNN_OK;
    }
    return entry->in(import, node);
}

static cnn_status read_nodes(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_node *nodes = graph->nodes.items;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        CNN__RETURN_IF_ERROR(read_node(import, &nodes[i]));
    }
    if (import->unsupported.status != CNN_OK) {
        return import->unsupported.status;
    }
    return import->unsupported_count == 0
               ? CNN_OK
               : cnn__fail(import->context, CNN_ERROR_UNSUPPORTED, "%s: %zu of its nodes are not supported: %s%s",
                           import->file, import->unsupported_count, import->unsupported.data,
                           import->unsupported.size >= 700 ? ", ..." : "");
}

/* ---- the whole ---- */

static cnn_status find_opset(cnn__onnx_import *import)
{
    const cnn__onnx_opset *opsets = import->source->opsets.items;
    import->opset = 0;
    for (size_t i = 0; i < import->source->opsets.count; i++) {
        if (opsets[i].domain[0] == '\0' || strcmp(opsets[i].domain, "ai.onnx") == 0) {
            import->opset = opsets[i].version;
        }
    }
    if (import->source->graph == NULL || import->opset == 0) {
        return cnn__fail(import->context, CNN_ERROR_FORMAT, "%s: not an ONNX model: it has no %s", import->file,
                         import->source->graph == NULL ? "graph" : "operator set");
    }
    return import->opset >= FIRST_OPSET && import->opset <= LAST_OPSET
               ? CNN_OK
               : cnn__fail(import->context, CNN_ERROR_VERSION, "%s: operator set %lld; %d to %d are read", import->file,
                           (long long)import->opset, FIRST_OPSET, LAST_OPSET);
}

/* Reads the graph in one of the two ways. */
static cnn_status read_graph(cnn__onnx_import *import, cnn__onnx_describe describe, void *user)
{
    CNN__RETURN_IF_ERROR(open_wires(import));
    CNN__RETURN_IF_ERROR(add_initializers(import));
    CNN__RETURN_IF_ERROR(cnn__onnx_add_inputs(import));
    CNN__RETURN_IF_ERROR(add_outputs(import));
    count_readers(import);
    CNN__RETURN_IF_ERROR(read_nodes(import));
    CNN__RETURN_IF_ERROR(cnn__onnx_set_outputs(import));
    CNN__RETURN_IF_ERROR(cnn__onnx_fill_all(import));
    CNN__RETURN_IF_ERROR(cnn__onnx_read_metadata(import));
    if (describe != NULL) {
        cnn__onnx_describe_ports(import, describe, user);
    }
    return CNN_OK;
}

static cnn_status try_graph(cnn__onnx_import *import, cnn__onnx_describe describe, void *user)
{
    cnn__arena arena = {.context = import->context, .most = import->most_bytes};
    import->arena = &arena;
    import->wire_count = 0;
    import->last_filling = &import->fillings;
    import->unsupported.context = import->context;
    cnn__table_init(&import->names, import->context);
    cnn__table_init(&import->layers, import->context);
    const cnn_status status = read_graph(import, describe, user);
    cnn__table_free(&import->names);
    cnn__table_free(&import->layers);
    cnn__string_free(&import->unsupported);
    cnn__arena_free(&arena);
    if (status != CNN_OK) {
        cnn_model_free(import->model);
        import->model = NULL;
    }
    return status;
}

cnn_status cnn__onnx_import_model(cnn_context *context, const char *file, const cnn__onnx_folder *folder,
                                  const cnn__onnx_model *source, const cnn__onnx_settings *settings,
                                  cnn__onnx_describe describe, void *user, cnn_model **model)
{
    const cnn__onnx_import start = {.context = context,
                                    .file = file,
                                    .source = source,
                                    .folder = folder,
                                    .input = settings->input,
                                    .most_bytes = settings->most_bytes,
                                    .most_values = settings->most_values > 0 ? settings->most_values : (size_t)1 << 31};
    cnn__onnx_import import = start;
    CNN__RETURN_IF_ERROR(find_opset(&import));
    import.batched = true;
    cnn_status status = try_graph(&import, describe, user);
    if (status != CNN_OK && import.mixed) {
        const int64_t opset = import.opset;
        import = start;
        import.opset = opset;
        status = try_graph(&import, describe, user);
    }
    *model = import.model;
    return status;
}
