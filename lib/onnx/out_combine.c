/* SPDX-License-Identifier: MIT */
/* Layers of several inputs. */
#include <stdio.h>

#include "onnx/out.h"

/* ---- value by value ---- */

/* The form in which the inputs meet: channels first, unless no image is so; flattened images of one shape stay so. */
static cnn__out_form common_form(cnn__out *out, const cnn__node *node)
{
    const cnn__out_value *one = cnn__out_input(out, node, 0);
    bool flat = true, last = true;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const cnn__out_value *input = cnn__out_input(out, node, i);
        flat = flat && input->form == CNN__OUT_FLAT && cnn__shape_equal(&input->image, &one->image);
        last = last && input->form == CNN__OUT_LAST;
    }
    return flat ? CNN__OUT_FLAT : last ? CNN__OUT_LAST : CNN__OUT_FIRST;
}

/* The shape of the input that the others are broadcast to: the output's. */
static const char *meet(cnn__out *out, const cnn__node *node, uint32_t number, cnn__out_form form)
{
    cnn__out_value *input = cnn__out_input(out, node, number);
    if (form == CNN__OUT_FLAT) {
        return input->name;
    }
    const char *name = form == CNN__OUT_LAST ? cnn__out_last(out, input) : cnn__out_first(out, input);
    const uint32_t rank = out->values[node - out->model->nodes].shape.rank;
    if (input->shape.rank == rank) {
        return name;
    }
    /* A vector of channels, or of one value, against an image. */
    char suffix[32], indices[40];
    cnn_shape sizes = {.rank = rank + 1, .dims = {0}};
    for (uint32_t d = 1; d <= rank; d++) {
        sizes.dims[d] = 1;
    }
    sizes.dims[form == CNN__OUT_FIRST ? 1 : rank] = input->shape.dims[0];
    snprintf(suffix, sizeof(suffix), "input%u", (unsigned)number);
    snprintf(indices, sizeof(indices), "%s_shape", suffix);
    const char *shape = cnn__out_indices(out, indices, sizes.dims, sizes.rank);
    return cnn__out_emit(out, "Reshape", suffix, CNN__OUT_INPUTS(name, shape));
}

static void combine(cnn__out *out, const cnn__node *node, const char *op)
{
    const cnn__out_form form = common_form(out, node);
    const cnn_shape image = cnn__out_input(out, node, 0)->image;
    cnn__out_set(out, node, out->layer, form); /* its shape is asked for below */
    const char *value = meet(out, node, 0, form);
    for (uint32_t i = 1; i < node->input_count; i++) {
        char suffix[32];
        snprintf(suffix, sizeof(suffix), "to%u", (unsigned)i);
        const char *input = meet(out, node, i, form);
        value = cnn__out_emit(out, op, i + 1 < node->input_count ? suffix : NULL, CNN__OUT_INPUTS(value, input));
    }
    if (form == CNN__OUT_FLAT) {
        cnn__out_set_flat(out, node, value, &image);
    } else {
        cnn__out_set(out, node, value, form);
    }
}

void cnn__out_add(cnn__out *out, const cnn__node *node) { combine(out, node, "Add"); }
void cnn__out_subtract(cnn__out *out, const cnn__node *node) { combine(out, node, "Sub"); }
void cnn__out_multiply(cnn__out *out, const cnn__node *node) { combine(out, node, "Mul"); }

/* ---- side by side ---- */

void cnn__out_concatenate(cnn__out *out, const cnn__node *node)
{
    const char *names[CNN_LAYER_MAX_INPUTS + 1] = {NULL};
    if (node->input_count == 1) {
        cnn__out_set_same(out, node, 0);
        return;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        names[i] = cnn__out_first(out, cnn__out_input(out, node, i));
    }
    const char *value = cnn__out_emit(out, "Concat", NULL, names);
    cnn__out_whole(out, "axis", 1);
    cnn__out_set(out, node, value, CNN__OUT_FIRST);
}
