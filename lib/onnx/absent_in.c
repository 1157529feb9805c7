/* SPDX-License-Identifier: MIT */
/* Reading ONNX in a library without it. */
#include <cnn/onnx.h>

#include "core/error.h"

static cnn_status absent(const cnn_context *context, cnn_model **model)
{
    if (context == NULL || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "no place for the model");
    }
    *model = NULL;
    return cnn__fail(context, CNN_ERROR_UNSUPPORTED, "this library was built without ONNX (-Donnx)");
}

cnn_status cnn_model_load_onnx(cnn_context *context, const char *path, const cnn_onnx_load_options *options,
                               cnn_model **model)
{
    (void)path;
    (void)options;
    return absent(context, model);
}

cnn_status cnn_model_load_onnx_memory(cnn_context *context, const char *name, const void *data, size_t size,
                                      const cnn_onnx_load_options *options, cnn_model **model)
{
    (void)name;
    (void)data;
    (void)size;
    (void)options;
    return absent(context, model);
}
