/* SPDX-License-Identifier: MIT */
/* Keras pads "same" or not at all. Any other padding is that of a layer before: of a convolution always, of a mean that
 * counts what is padded, and of a maximum where no value is below the zeros that are put around it. */
#include <string.h>

#include "core/options.h"
#include "exchange/keras_border.h"

/* ---- signs ---- */

static bool is_one_of(const char *const *names, const char *name)
{
    return name != NULL && cnn__name_index(names, name) >= 0;
}

/* Whether a node gives no value below 0, if those before it are known. */
static bool gives_non_negative(const cnn__node *node, const cnn__json *options, const bool *known)
{
    static const char *const activations[] = {"relu",    "relu6",        "clipped_relu", "sigmoid",
                                              "softmax", "hard_sigmoid", "softplus",     NULL};
    static const char *const through[] = {
        "MaxPooling2D", "AveragePooling2D", "Dropout",     "ZeroPadding2D", "Cropping2D", "UpSampling2D",
        "Reshape",      "Permute",          "Concatenate", "Add",           "Multiply",   NULL};
    const char *activation = cnn__json_text(cnn__json_get(options, "activation"));
    if (activation != NULL && strcmp(activation, "linear") != 0) {
        return is_one_of(activations, activation);
    }
    bool all = is_one_of(through, node->layer->kind.type);
    for (uint32_t i = 0; i < node->input_count && all; i++) {
        all = (node->inputs[i] & CNN__INPUT) == 0 && known[node->inputs[i]];
    }
    return all;
}

bool *cnn__keras_non_negative(const cnn_model *model, const cnn__json *layers)
{
    bool *known = cnn__alloc_zero(model->context, (size_t)model->node_count + 1);
    const cnn__json *layer = cnn__json_first(layers);
    for (uint32_t i = 0; known != NULL && i < model->node_count && layer != NULL; i++) {
        const cnn__node *owner = &model->nodes[model->nodes[i].owner];
        const cnn__json *own = layer;
        if (owner != &model->nodes[i]) { /* applied again: its options stand with its owner */
            own = cnn__json_first(layers);
            for (uint32_t k = 0; k < model->nodes[i].owner; k++) {
                own = cnn__json_next(layers, own);
            }
        }
        known[i] = gives_non_negative(&model->nodes[i], cnn__json_get(own, "options"), known);
        layer = cnn__json_next(layers, layer);
    }
    return known;
}

/* ---- borders ---- */

static bool read_flag(const cnn__json *options, const char *name)
{
    int64_t number = 0;
    return cnn__json_to_int(cnn__json_get(options, name), &number) && number != 0;
}

/* The numbers of an option, all 0 if it is not there; how many. */
static size_t read_numbers(const cnn__json *options, const char *name, int64_t numbers[CNN_MAX_RANK])
{
    const cnn__json *list = cnn__json_get(options, name);
    size_t count = 0;
    memset(numbers, 0, CNN_MAX_RANK * sizeof(*numbers));
    if (cnn__json_to_int(list, &numbers[0])) {
        return 1;
    }
    for (const cnn__json *item = cnn__json_first(list); item != NULL && count < CNN_MAX_RANK;
         item = cnn__json_next(list, item)) {
        (void)cnn__json_to_int(item, &numbers[count++]);
    }
    return count;
}

/* What the windows of a pooling reach beyond the input: before as it says, after as far as the last one goes. */
static void find_reach(const cnn_model *model, const cnn__node *node, const cnn__json *options,
                       cnn__keras_border *border)
{
    const cnn_shape *input = cnn__value_shape(model, node->inputs[0]);
    int64_t size[CNN_MAX_RANK], stride[CNN_MAX_RANK];
    read_numbers(options, "size", size);
    read_numbers(options, "stride", stride);
    for (size_t d = 0; d < border->sides; d++) {
        const int64_t last = (node->output.dims[d] - 1) * stride[d] + size[d];
        const int64_t after = last - input->dims[d] - border->pads[2 * d];
        border->pads[2 * d + 1] = after > 0 ? after : 0;
    }
}

static void border_pooling(const cnn_model *model, const cnn__node *node, const cnn__json *options, bool non_negative,
                           cnn__keras_border *border)
{
    int64_t given[6];
    bool more = false; /* than is padded: windows that rounding up added */
    memcpy(given, border->pads, sizeof(given));
    find_reach(model, node, options, border);
    border->any = false;
    for (size_t i = 0; i < 2 * border->sides; i++) {
        more = more || border->pads[i] > given[i];
        border->any = border->any || border->pads[i] > 0;
    }
    border->valid = true;
    if (strncmp(node->layer->kind.type, "Max", 3) == 0) {
        border->lacking = border->any && !non_negative ? "padding of its own around values that may be negative" : NULL;
    } else {
        border->lacking = !border->any                                       ? NULL
                          : more || !read_flag(options, "count_include_pad") ? "padding that a mean leaves out"
                                                                             : NULL;
    }
}

cnn__keras_border cnn__keras_find_border(const cnn_model *model, uint32_t number, const cnn__json *options,
                                         const bool *non_negative)
{
    static const char *const bordered[] = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv1D", "Conv3D", NULL};
    static const char *const pooled[] = {"MaxPooling2D",
                                         "AveragePooling2D",
                                         "MaxPooling1D",
                                         "AveragePooling1D",
                                         "MaxPooling3D",
                                         "AveragePooling3D",
                                         NULL};
    static const char *const transposed[] = {"Conv2DTranspose", "Conv3DTranspose", NULL};
    const cnn__node *node = &model->nodes[number];
    const char *type = node->layer->kind.type, *padding = cnn__json_text(cnn__json_get(options, "padding"));
    cnn__keras_border border = {0};
    int64_t pads[CNN_MAX_RANK], stride[CNN_MAX_RANK], kernel[CNN_MAX_RANK], dilation[CNN_MAX_RANK];
    const bool open = padding != NULL && (strcmp(padding, "explicit") == 0 || strcmp(padding, "valid") == 0);
    if (!open || (is_one_of(pooled, type) && cnn__json_get(options, "dilation") != NULL)) {
        return border;
    }
    const size_t count = read_numbers(options, "pads", pads);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || pads[i] != 0;
    }
    border.sides = cnn__value_shape(model, node->inputs[0])->rank - 1;
    if (is_one_of(pooled, type)) {
        memcpy(border.pads, pads, sizeof(border.pads));
        border_pooling(model, node, options, (node->inputs[0] & CNN__INPUT) == 0 && non_negative[node->inputs[0]],
                       &border);
    } else if (any && is_one_of(bordered, type)) {
        border.valid = border.any = true;
        memcpy(border.pads, pads, sizeof(border.pads));
    } else if (!any && !read_flag(options, "ceil")) {
        border.valid = true;
        read_numbers(options, "dilation", dilation);
        read_numbers(options, "stride", stride);
        const size_t sides = read_numbers(options, "kernel", kernel);
        for (size_t d = 0; d < sides && is_one_of(transposed, type); d++) { /* Keras fills what lies between */
            border.valid = border.valid && stride[d] <= dilation[d] * (kernel[d] - 1) + 1;
        }
    }
    return border;
}
