/* SPDX-License-Identifier: MIT */
/* Windows that slide over an input: how often they fit, and what is left out of their options. */
#include "layer/layer.h"

int64_t cnn__window_output(cnn__window *window, int64_t input)
{
    int64_t extent = (int64_t)(window->kernel - 1) * window->dilation + 1;
    if (window->padding == CNN_PADDING_SAME || window->padding == CNN_PADDING_SAME_LOWER) {
        int64_t output = (input + window->stride - 1) / window->stride;
        /* With a stride larger than the window nothing is padded, never a negative amount. */
        int64_t total = (output - 1) * window->stride + extent - input;
        total = total < 0 ? 0 : total;
        int64_t smaller = total / 2;
        window->pad_before = (int32_t)(window->padding == CNN_PADDING_SAME ? smaller : total - smaller);
        window->pad_after = (int32_t)(total - window->pad_before);
        return output;
    }
    if (window->padding == CNN_PADDING_VALID) {
        window->pad_before = window->pad_after = 0;
    }
    int64_t room = input + window->pad_before + window->pad_after - extent;
    if (room < 0) {
        return 0;
    }
    int64_t output = (room + (window->ceil ? window->stride - 1 : 0)) / window->stride + 1;
    /* A last window that begins outside the input and the padding before it is dropped. */
    if (window->ceil && (output - 1) * window->stride >= input + window->pad_before) {
        output--;
    }
    return output;
}

void cnn__dilations_default(int32_t *dilations, int count)
{
    bool ones = true;
    cnn__sides_default(dilations, count, 1);
    for (int i = 0; i < count; i++) {
        ones = ones && dilations[i] == 1;
    }
    for (int i = 0; ones && i < count; i++) {
        dilations[i] = 0;
    }
}

void cnn__sides_default(int32_t *sides, int count, int32_t standard)
{
    for (int i = 0; i < count; i++) {
        sides[i] = sides[i] != 0 ? sides[i] : i == 0 ? standard : sides[i - 1];
    }
}

cnn_status cnn__check_pads(const cnn_context *context, const char *type, int32_t *padding, const int32_t *pads,
                           int count)
{
    bool any = false;
    for (int i = 0; i < count; i++) {
        CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "a value of pads", pads[i], 0, 65536));
        any = any || pads[i] != 0;
    }
    CNN__RETURN_IF_ERROR(cnn__layer_check_range(context, type, "padding", *padding, 0, CNN_PADDING_EXPLICIT));
    if (*padding == CNN_PADDING_DEFAULT) {
        *padding = any ? CNN_PADDING_EXPLICIT : CNN_PADDING_VALID;
    }
    if (any && *padding != CNN_PADDING_EXPLICIT) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: pads are given, but padding is \"%s\"", type,
                         cnn__padding_names[*padding]);
    }
    return CNN_OK;
}
