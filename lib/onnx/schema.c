/* SPDX-License-Identifier: MIT */
/* Which field of each message lies where in memory; read and written by the same lines. */
#include "onnx.pb.h"
#include "onnx/io.h"

static bool entry_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_entry *entry = item;
    cnn__onnx_pb_Entry message = cnn__onnx_pb_Entry_init_zero;
    cnn__onnx_slot slots[2];
    cnn__onnx_bind_text(&message.key, &slots[0], io, &entry->key);
    cnn__onnx_bind_text(&message.value, &slots[1], io, &entry->value);
    return cnn__onnx_pass(in, out, cnn__onnx_pb_Entry_fields, &message);
}

bool cnn__onnx_tensor_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_tensor *tensor = item;
    cnn__onnx_pb_Tensor message = cnn__onnx_pb_Tensor_init_zero;
    cnn__onnx_slot slots[9];
    cnn__onnx_list none = {0};
    message.has_data_type = tensor->type != 0;
    message.data_type = tensor->type;
    message.has_data_location = tensor->location != 0;
    message.data_location = tensor->location;
    const bool narrow = in == NULL && tensor->type != CNN__ONNX_INT64 && tensor->type != CNN__ONNX_UINT64;
    cnn__onnx_bind_ints(&message.dims, &slots[0], io, &tensor->dims);
    cnn__onnx_bind_floats(&message.float_data, &slots[1], io, &tensor->floats);
    cnn__onnx_bind_ints(&message.int32_data, &slots[2], io, in != NULL || narrow ? &tensor->ints : &none);
    cnn__onnx_bind_ints(&message.int64_data, &slots[3], io, in != NULL || !narrow ? &tensor->ints : &none);
    cnn__onnx_bind_text(&message.name, &slots[4], io, &tensor->name);
    cnn__onnx_bind_raw(&message.raw_data, &slots[5], io, tensor);
    cnn__onnx_bind_doubles(&message.double_data, &slots[6], io, &tensor->doubles);
    cnn__onnx_bind_ints(&message.uint64_data, &slots[7], io, in != NULL ? &tensor->ints : &none);
    cnn__onnx_bind_list(&message.external_data, &slots[8], io, &tensor->external, entry_message,
                        sizeof(cnn__onnx_entry));
    const bool done = cnn__onnx_pass(in, out, cnn__onnx_pb_Tensor_fields, &message);
    if (in != NULL) {
        tensor->type = message.data_type;
        tensor->location = message.data_location;
    }
    return done;
}

static bool attribute_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_attribute *attribute = item;
    cnn__onnx_pb_Attribute message = cnn__onnx_pb_Attribute_init_zero;
    cnn__onnx_slot slots[7];
    message.has_f = attribute->type == CNN__ONNX_ATTRIBUTE_FLOAT;
    message.f = attribute->f;
    message.has_i = attribute->type == CNN__ONNX_ATTRIBUTE_INT;
    message.i = attribute->i;
    message.has_type = attribute->type != 0;
    message.type = attribute->type;
    cnn__onnx_bind_text(&message.name, &slots[0], io, &attribute->name);
    cnn__onnx_bind_text(&message.s, &slots[1], io, &attribute->s);
    cnn__onnx_bind_one(&message.t, &slots[2], io, &attribute->t, cnn__onnx_tensor_message, sizeof(cnn__onnx_tensor));
    cnn__onnx_bind_floats(&message.floats, &slots[3], io, &attribute->floats);
    cnn__onnx_bind_ints(&message.ints, &slots[4], io, &attribute->ints);
    cnn__onnx_bind_texts(&message.strings, &slots[5], io, &attribute->strings);
    cnn__onnx_bind_text(&message.ref_attr_name, &slots[6], io, &attribute->reference);
    const bool done = cnn__onnx_pass(in, out, cnn__onnx_pb_Attribute_fields, &message);
    if (in != NULL) {
        attribute->f = message.f;
        attribute->i = message.i;
        attribute->type = message.type;
    }
    return done;
}

static bool node_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_node *node = item;
    cnn__onnx_pb_Node message = cnn__onnx_pb_Node_init_zero;
    cnn__onnx_slot slots[6];
    cnn__onnx_bind_texts(&message.input, &slots[0], io, &node->inputs);
    cnn__onnx_bind_texts(&message.output, &slots[1], io, &node->outputs);
    cnn__onnx_bind_text(&message.name, &slots[2], io, &node->name);
    cnn__onnx_bind_text(&message.op_type, &slots[3], io, &node->type);
    cnn__onnx_bind_list(&message.attribute, &slots[4], io, &node->attributes, attribute_message,
                        sizeof(cnn__onnx_attribute));
    cnn__onnx_bind_text(&message.domain, &slots[5], io, &node->domain);
    return cnn__onnx_pass(in, out, cnn__onnx_pb_Node_fields, &message);
}

static bool dim_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_dim *dim = item;
    cnn__onnx_pb_Dimension message = cnn__onnx_pb_Dimension_init_zero;
    cnn__onnx_slot slot;
    message.has_dim_value = dim->known;
    message.dim_value = dim->size;
    cnn__onnx_bind_text(&message.dim_param, &slot, io, &dim->symbol);
    const bool done = cnn__onnx_pass(in, out, cnn__onnx_pb_Dimension_fields, &message);
    if (in != NULL) {
        dim->known = message.has_dim_value;
        dim->size = message.dim_value;
    }
    return done;
}

static bool shape_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_value *value = item;
    cnn__onnx_pb_Shape message = cnn__onnx_pb_Shape_init_zero;
    cnn__onnx_slot slot;
    value->shaped = value->shaped || in != NULL;
    cnn__onnx_bind_list(&message.dim, &slot, io, &value->dims, dim_message, sizeof(cnn__onnx_dim));
    return cnn__onnx_pass(in, out, cnn__onnx_pb_Shape_fields, &message);
}

static bool tensor_type_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_value *value = item;
    cnn__onnx_pb_TensorType message = cnn__onnx_pb_TensorType_init_zero;
    cnn__onnx_slot slot;
    message.has_elem_type = value->type != 0;
    message.elem_type = value->type;
    if (in != NULL || value->shaped) {
        cnn__onnx_bind_part(&message.shape, &slot, io, value, shape_message);
    }
    const bool done = cnn__onnx_pass(in, out, cnn__onnx_pb_TensorType_fields, &message);
    if (in != NULL) {
        value->type = message.elem_type;
    }
    return done;
}

static bool type_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_pb_Type message = cnn__onnx_pb_Type_init_zero;
    cnn__onnx_slot slot;
    cnn__onnx_bind_part(&message.tensor_type, &slot, io, item, tensor_type_message);
    return cnn__onnx_pass(in, out, cnn__onnx_pb_Type_fields, &message);
}

static bool value_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_value *value = item;
    cnn__onnx_pb_Value message = cnn__onnx_pb_Value_init_zero;
    cnn__onnx_slot slots[2];
    cnn__onnx_bind_text(&message.name, &slots[0], io, &value->name);
    cnn__onnx_bind_part(&message.type, &slots[1], io, value, type_message);
    return cnn__onnx_pass(in, out, cnn__onnx_pb_Value_fields, &message);
}

static bool graph_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_graph *graph = item;
    cnn__onnx_pb_Graph message = cnn__onnx_pb_Graph_init_zero;
    cnn__onnx_slot slots[6];
    cnn__onnx_bind_list(&message.node, &slots[0], io, &graph->nodes, node_message, sizeof(cnn__onnx_node));
    cnn__onnx_bind_text(&message.name, &slots[1], io, &graph->name);
    cnn__onnx_bind_list(&message.initializer, &slots[2], io, &graph->initializers, cnn__onnx_tensor_message,
                        sizeof(cnn__onnx_tensor));
    cnn__onnx_bind_text(&message.doc_string, &slots[3], io, &graph->doc);
    cnn__onnx_bind_list(&message.input, &slots[4], io, &graph->inputs, value_message, sizeof(cnn__onnx_value));
    cnn__onnx_bind_list(&message.output, &slots[5], io, &graph->outputs, value_message, sizeof(cnn__onnx_value));
    return cnn__onnx_pass(in, out, cnn__onnx_pb_Graph_fields, &message);
}

static bool opset_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_opset *opset = item;
    cnn__onnx_pb_Opset message = cnn__onnx_pb_Opset_init_zero;
    cnn__onnx_slot slot;
    message.has_version = opset->version != 0;
    message.version = opset->version;
    cnn__onnx_bind_text(&message.domain, &slot, io, &opset->domain);
    const bool done = cnn__onnx_pass(in, out, cnn__onnx_pb_Opset_fields, &message);
    if (in != NULL) {
        opset->version = message.version;
    }
    return done;
}

bool cnn__onnx_model_message(cnn__onnx_io *io, pb_istream_t *in, pb_ostream_t *out, void *item)
{
    cnn__onnx_model *model = item;
    cnn__onnx_pb_Model message = cnn__onnx_pb_Model_init_zero;
    cnn__onnx_slot slots[7];
    message.has_ir_version = model->ir_version != 0;
    message.ir_version = model->ir_version;
    message.has_model_version = model->model_version != 0;
    message.model_version = model->model_version;
    cnn__onnx_bind_text(&message.producer_name, &slots[0], io, &model->producer);
    cnn__onnx_bind_text(&message.producer_version, &slots[1], io, &model->producer_version);
    cnn__onnx_bind_text(&message.domain, &slots[2], io, &model->domain);
    cnn__onnx_bind_text(&message.doc_string, &slots[3], io, &model->doc);
    cnn__onnx_bind_one(&message.graph, &slots[4], io, &model->graph, graph_message, sizeof(cnn__onnx_graph));
    cnn__onnx_bind_list(&message.opset_import, &slots[5], io, &model->opsets, opset_message, sizeof(cnn__onnx_opset));
    cnn__onnx_bind_list(&message.metadata_props, &slots[6], io, &model->metadata, entry_message,
                        sizeof(cnn__onnx_entry));
    const bool done = cnn__onnx_pass(in, out, cnn__onnx_pb_Model_fields, &message);
    if (in != NULL) {
        model->ir_version = message.ir_version;
        model->model_version = message.model_version;
    }
    return done;
}
