/* SPDX-License-Identifier: MIT */
/* Inputs and outputs of the graph, and those of the model that stand for them: their batch, their sizes, and where
 * images have their channels. */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "model/model.h"
#include "onnx/import.h"

/* What the batch of a graph that leaves it open is while shapes are computed: a number that no other size is. */
enum { OPEN_BATCH = 1009 };

/* ---- inputs ---- */

/* Whether images of the graph have their channels second: some operator reads them so. */
static bool has_images(const cnn__onnx_graph *graph)
{
    static const char *const types[] = {"AveragePool",
                                        "BatchNormalization",
                                        "Conv",
                                        "ConvTranspose",
                                        "DepthToSpace",
                                        "GlobalAveragePool",
                                        "GlobalMaxPool",
                                        "LRN",
                                        "InstanceNormalization",
                                        "MaxPool",
                                        "PRelu",
                                        "Resize",
                                        "SpaceToDepth",
                                        "Upsample"};
    const cnn__onnx_node *nodes = graph->nodes.items;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
            if (strcmp(nodes[i].type, types[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Whether inputs and outputs of that rank have their channels second: with four axes they are images, whatever reads
 * them; others where something does, or where this library has written them. */
static bool is_image(const cnn__onnx_import *import, uint32_t rank)
{
    return import->batched && (rank == 4 || (rank > 2 && import->channels_last));
}

/* Whether the graph itself puts the channels of this input second: then they are last in the file. */
static bool is_turned(const cnn__onnx_import *import, const char *input, uint32_t rank)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_node *nodes = graph->nodes.items;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        size_t count = 0;
        const int64_t *order = cnn__onnx_attribute_ints(&nodes[i], "perm", &count);
        if (nodes[i].inputs.count > 0 && strcmp(((const char **)nodes[i].inputs.items)[0], input) == 0) {
            return !import->own && strcmp(nodes[i].type, "Transpose") == 0 && count == rank &&
                   order[1] == (int64_t)rank - 1;
        }
    }
    return false;
}

/* The sizes of an input; those that are open from the options, or 1. */
static cnn_status input_dims(cnn__onnx_import *import, const cnn__onnx_value *value, int64_t *dims)
{
    const cnn__onnx_dim *sizes = value->dims.items;
    const uint32_t rank = (uint32_t)value->dims.count;
    char name[128];
    cnn__printable(value->name, name, sizeof(name));
    if (!value->shaped || rank > CNN__ONNX_RANK) {
        return cnn__fail(import->context, CNN_ERROR_UNSUPPORTED, "%s: input \"%s\" has no shape, or too many axes",
                         import->file, name);
    }
    for (uint32_t i = 0; i < rank; i++) {
        const int32_t *given = import->input;
        const bool open = !sizes[i].known || sizes[i].size < 1;
        dims[i] = open ? 0 : sizes[i].size;
        if (rank == 4 && i > 0 && given != NULL && given[0] > 0) { /* C, H, W */
            const bool last = is_turned(import, value->name, rank);
            dims[i] = open ? given[last ? i - 1 : (i + 1) % 3] : dims[i];
        }
        if (i == 0 && open) {
            dims[i] = import->batched ? import->batch : 1;
        }
        if (dims[i] < 1 || dims[i] > INT32_MAX) {
            return cnn__fail(import->context, CNN_ERROR_SHAPE,
                             "%s: input \"%s\" leaves the size of axis %u open: give the input's size", import->file,
                             name, i);
        }
    }
    return CNN_OK;
}

/* Finds the batch: the first axis of all inputs. */
static cnn_status find_batch(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_value *inputs = graph->inputs.items;
    bool found = false;
    import->batch = 1;
    for (size_t i = 0; i < graph->inputs.count && import->batched; i++) {
        const cnn__onnx_dim *sizes = inputs[i].dims.items;
        if (cnn__table_find(&import->names, inputs[i].name, NULL)) { /* an initializer */
            continue;
        }
        if (!inputs[i].shaped || inputs[i].dims.count == 0) {
            return cnn__onnx_mixes(import, NULL, "an input has no batch");
        }
        const bool open = !sizes[0].known || sizes[0].size < 1;
        const int64_t size = open ? OPEN_BATCH : sizes[0].size;
        if (found && size != import->batch) {
            return cnn__onnx_mixes(import, NULL, "inputs have batches of different sizes");
        }
        if (inputs[i].dims.count < 2) {
            return cnn__onnx_mixes(import, NULL, "an input has no axis but the batch");
        }
        import->batch = size;
        found = true;
    }
    return CNN_OK;
}

/* What the model is called: as the graph, unless exporters call all of theirs so, else as the file. */
static void find_title(const cnn__onnx_import *import, char *title, size_t size)
{
    static const char *const common[] = {"", "torch_jit", "torch-jit-export", "main_graph", "graph", "tf2onnx"};
    const char *name = import->source->graph->name, *slash = strrchr(import->file, '/');
    bool own = true;
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        own = own && strcmp(name, common[i]) != 0;
    }
    cnn__printable(own ? name : slash != NULL ? slash + 1 : import->file, title, size);
    char *end = strrchr(title, '.');
    if (!own && end != NULL && end != title) {
        *end = '\0';
    }
    if (title[0] == '\0') {
        snprintf(title, size, "model");
    }
}

/* The model's own input that stands for one of the graph. */
static cnn_status add_input(cnn__onnx_import *import, const cnn__onnx_value *value)
{
    cnn__onnx_wire *wire = NULL;
    int64_t dims[CNN_MAX_RANK] = {0};
    const uint32_t rank = (uint32_t)value->dims.count;
    char name[128];
    if (value->type != 0 && !cnn__onnx_is_float(value->type)) {
        return cnn__fail(import->context, CNN_ERROR_UNSUPPORTED, "%s: input \"%s\" is of type %d, not of floats",
                         import->file, cnn__printable(value->name, name, sizeof(name)), value->type);
    }
    CNN__RETURN_IF_ERROR(input_dims(import, value, dims));
    CNN__RETURN_IF_ERROR(cnn__onnx_add_wire(import, value->name, &wire));
    const bool images = is_image(import, rank) && !is_turned(import, value->name, rank);
    wire->axes = images ? cnn__onnx_channels_last(rank, dims) : cnn__onnx_plain(rank, dims);
    wire->actual = cnn__onnx_stored(import, &wire->axes);
    wire->value = cnn__onnx_new_name(import, value->name);
    if (wire->value == NULL) {
        return cnn__last_status(import->context);
    }
    wire->input = wire->value;
    wire->input_axes = wire->axes;
    const cnn_shape sample = cnn__without_batch(&wire->actual);
    if (import->model != NULL) {
        return cnn_model_add_input(import->model, wire->value, &sample);
    }
    char title[200];
    find_title(import, title, sizeof(title));
    return cnn_model_create(import->context, CNN_MODEL(.name = title, .shape = sample, .input_name = wire->value),
                            &import->model);
}

cnn_status cnn__onnx_add_inputs(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_value *inputs = graph->inputs.items;
    import->own = strcmp(import->source->producer, "libcnn") == 0;
    import->channels_last = import->own || has_images(graph);
    CNN__RETURN_IF_ERROR(find_batch(import));
    for (size_t i = 0; i < graph->inputs.count; i++) {
        if (!cnn__table_find(&import->names, inputs[i].name, NULL)) {
            CNN__RETURN_IF_ERROR(add_input(import, &inputs[i]));
        }
    }
    return import->model != NULL
               ? CNN_OK
               : cnn__fail(import->context, CNN_ERROR_UNSUPPORTED, "%s: the graph has no input", import->file);
}

/* ---- outputs ---- */

/* A value that is a layer's and that no other output is. */
static cnn_status own_value(cnn__onnx_import *import, cnn__onnx_wire *wire, const char *const *names, size_t count)
{
    uint32_t reference = 0;
    bool own = cnn__model_find(import->model, wire->value, &reference) && (reference & CNN__INPUT) == 0;
    for (size_t i = 0; i < count; i++) {
        own = own && strcmp(names[i], wire->value) != 0;
    }
    if (own) {
        return CNN_OK;
    }
    const char *name = cnn__onnx_new_name(import, wire->name);
    cnn_reshape_options options = {.struct_size = sizeof(options), .name = name};
    for (uint32_t i = 1; i < wire->actual.rank; i++) {
        options.shape[i - 1] = (int32_t)wire->actual.dims[i];
    }
    if (name == NULL) {
        return cnn__last_status(import->context);
    }
    CNN__RETURN_IF_ERROR(cnn__onnx_add(import, NULL, cnn_reshape(import->context, &options), &wire->value, 1));
    wire->value = name;
    return CNN_OK;
}

static cnn_status set_output(cnn__onnx_import *import, const cnn__onnx_value *value, const char **names, size_t count)
{
    size_t index = 0;
    char name[128];
    if (!cnn__table_find(&import->names, value->name, &index)) {
        return cnn__fail(import->context, CNN_ERROR_FORMAT, "%s: output \"%s\" is not there", import->file,
                         cnn__printable(value->name, name, sizeof(name)));
    }
    cnn__onnx_wire *wire = &import->wires[index];
    if (wire->value == NULL) {
        return cnn__fail(import->context, CNN_ERROR_UNSUPPORTED, "%s: output \"%s\" does not depend on an input",
                         import->file, cnn__printable(value->name, name, sizeof(name)));
    }
    const cnn__onnx_axes axes = is_image(import, wire->axes.rank)
                                    ? cnn__onnx_channels_last(wire->axes.rank, wire->axes.dims)
                                    : cnn__onnx_plain(wire->axes.rank, wire->axes.dims);
    const cnn_shape shape = cnn__onnx_stored(import, &axes);
    CNN__RETURN_IF_ERROR(cnn__onnx_require(import, NULL, wire, axes.order, &shape));
    CNN__RETURN_IF_ERROR(own_value(import, wire, names, count));
    names[count] = wire->value;
    return CNN_OK;
}

cnn_status cnn__onnx_set_outputs(cnn__onnx_import *import)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_value *outputs = graph->outputs.items;
    const char **names = cnn__arena_array(import->arena, graph->outputs.count + 1, sizeof(*names));
    if (names == NULL) {
        return cnn__last_status(import->context);
    }
    for (size_t i = 0; i < graph->outputs.count; i++) {
        CNN__RETURN_IF_ERROR(set_output(import, &outputs[i], names, i));
    }
    return cnn_model_set_outputs(import->model, names, graph->outputs.count);
}

/* ---- both ---- */

void cnn__onnx_describe_ports(cnn__onnx_import *import, cnn__onnx_describe describe, void *user)
{
    const cnn__onnx_graph *graph = import->source->graph;
    const cnn__onnx_value *inputs = graph->inputs.items, *outputs = graph->outputs.items;
    for (size_t i = 0; i < graph->inputs.count + graph->outputs.count; i++) {
        const bool input = i < graph->inputs.count;
        size_t index = 0;
        if (cnn__table_find(&import->names, (input ? &inputs[i] : &outputs[i - graph->inputs.count])->name, &index) &&
            import->wires[index].value != NULL) {
            const cnn__onnx_wire *wire = &import->wires[index];
            uint32_t reference = 0;
            (void)cnn__model_find(import->model, input ? wire->input : wire->value, &reference);
            const cnn__onnx_port port = {cnn__value_name(import->model, reference),
                                         input ? wire->input_axes : wire->axes};
            describe(user, input, import->batched, &port);
        }
    }
}
