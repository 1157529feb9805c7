/* SPDX-License-Identifier: MIT */
/* Shapes of a program's values, and what its operations need. */
#include "session/program.h"

static void input_shapes(const cnn__program *program, const cnn__op *op, cnn_shape shapes[CNN_LAYER_MAX_INPUTS])
{
    for (uint32_t i = 0; i < op->input_count; i++) {
        shapes[i] = program->values[op->inputs[i]].shape;
    }
}

cnn_status cnn__op_infer(const cnn_model *model, const cnn__program *program, cnn__op *op)
{
    cnn_shape shapes[CNN_LAYER_MAX_INPUTS];
    cnn_layer_spec spec;
    char reason[256];
    input_shapes(program, op, shapes);
    CNN__RETURN_IF_ERROR(
        cnn__infer_layer(model->context, op->kind, op->user, shapes, op->input_count, &spec, reason, sizeof(reason)));
    op->spec = spec;
    return CNN_OK;
}

static void set_shape(cnn__value *value, const cnn_shape *shape)
{
    value->shape = *shape;
    (void)cnn__shape_values(shape, &value->values); /* checked when it was inferred */
}

/* The shape of a sample of an input, which may be of another size than the model's. */
static cnn_status choose_input(const cnn_model *model, const cnn__request *request, uint32_t i, cnn_shape *shape)
{
    if (i >= model->input_count) { /* what a layer makes */
        *shape = model->nodes[request->given].output;
        return CNN_OK;
    }
    const cnn_shape *own = &model->inputs[i].shape;
    const bool given = i < request->input_shape_count && request->input_shapes[i].rank != 0;
    *shape = given ? request->input_shapes[i] : *own;
    bool fits = shape->rank == own->rank;
    for (uint32_t k = 0; fits && k < shape->rank; k++) {
        fits = shape->dims[k] > 0 && shape->dims[k] <= INT32_MAX;
    }
    if (!fits) {
        return cnn__fail(model->context, CNN_ERROR_SHAPE,
                         "%s: the shape given for input \"%s\" has %u dimensions, or one that is none; expected %u",
                         model->name, model->inputs[i].name, shape->rank, own->rank);
    }
    return CNN_OK;
}

static cnn_status infer_inputs(const cnn_model *model, const cnn__request *request, const cnn__program *program)
{
    for (uint32_t i = 0; i < program->input_count; i++) {
        cnn__value *value = &program->values[program->input_values[i]];
        cnn_shape shape;
        CNN__RETURN_IF_ERROR(choose_input(model, request, i, &shape));
        shape = cnn__with_batch(&shape, request->batch);
        if (!cnn__shape_values(&shape, &value->values)) {
            char text[128];
            cnn__shape_text(&shape, NULL, text, sizeof(text));
            return cnn__fail(model->context, CNN_ERROR_LIMIT, "%s: an input %s has more than %zu values", model->name,
                             text, CNN__MAX_VALUES);
        }
        set_shape(value, &shape);
    }
    return CNN_OK;
}

cnn_status cnn__program_infer(const cnn_model *model, const cnn__request *request, cnn__program *program)
{
    CNN__RETURN_IF_ERROR(infer_inputs(model, request, program));
    for (uint32_t k = 0; k < program->op_count; k++) {
        cnn__op *op = &program->ops[k];
        cnn_shape shapes[CNN_LAYER_MAX_INPUTS];
        input_shapes(program, op, shapes);
        CNN__RETURN_IF_ERROR(cnn__infer_node(model, op->node, op->kind, op->user, shapes, op->input_count, &op->spec));
        if (op->parameter_count > 0 && request->input_shape_count > 0) {
            CNN__RETURN_IF_ERROR(cnn__infer_same_parameters(model, op->node, shapes, &op->spec));
        }
        set_shape(&program->values[op->output], &op->spec.output);
    }
    return CNN_OK;
}
