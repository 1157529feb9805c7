/* SPDX-License-Identifier: MIT */
/* Which layers of a model explanations look at. */
#include "explain/explain.h"

#include <string.h>

#include "layer/layer.h"
#include "model/model.h"

/* Whether a kind is a convolution or what stands after one and keeps its places. */
static bool is_mapped(const char *type)
{
    static const char *const after[] = {"BatchNormalization", "Activation", "Add", "Concatenate", "Multiply"};
    for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        if (strcmp(type, after[i]) == 0) {
            return true;
        }
    }
    return strstr(type, "Conv") != NULL;
}

const char *cnn__explain_default_layer(const cnn_model *model)
{
    for (uint32_t pass = 0; pass < 2; pass++) { /* those of one pixel only where there are no others */
        for (uint32_t i = model->node_count; i-- > 0;) {
            const cnn__node *node = &model->nodes[i];
            const bool large = node->output.rank == 3 && node->output.dims[0] * node->output.dims[1] > 1;
            if (node->output.rank == 3 && (large || pass == 1) && is_mapped(cnn_model_layer_type(model, i))) {
                return node->name;
            }
        }
    }
    return NULL;
}

static bool rectifies(const cnn__node *node)
{
    const cnn_layer *layer = node->layer;
    int32_t activation = CNN_LINEAR;
    if (layer->type == &cnn__activate_type) {
        activation = ((const cnn_activate_options *)layer->user)->activation;
    } else {
        const cnn_epilogue *epilogue = cnn__layer_epilogue(layer->type, layer->user);
        activation = epilogue != NULL ? epilogue->activation : CNN_LINEAR;
    }
    return activation == CNN_RELU || activation == CNN_RELU6;
}

cnn_status cnn__explain_rectifiers(const cnn_model *model, const char **names, size_t *count)
{
    bool *reached = cnn__alloc_zero(model->context, model->node_count + (size_t)1);
    *count = 0;
    if (reached == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < cnn__model_outputs(model); i++) {
        const uint32_t output = cnn__model_output(model, i);
        if ((output & CNN__INPUT) == 0) {
            reached[output] = true;
        }
    }
    for (uint32_t i = model->node_count; i-- > 0;) {
        const cnn__node *node = &model->nodes[i];
        for (uint32_t k = 0; reached[i] && k < node->input_count; k++) {
            if ((node->inputs[k] & CNN__INPUT) == 0) {
                reached[node->inputs[k]] = true;
            }
        }
        if (reached[i] && rectifies(node)) {
            names[(*count)++] = node->name;
        }
    }
    cnn__free(model->context, reached);
    return CNN_OK;
}
