/* SPDX-License-Identifier: MIT */
/* Reading ONNX in a library without it. */
#include <cnn/onnx.h>

#include "core/error.h"

/* `source`: whether there is something to read. */
static cnn_status absent(const cnn_context *context, bool source, cnn_model **model)
{
    if (context == NULL || !source || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "no file or no place for the model");
    }
    *model = NULL;
    return cnn__fail(context, CNN_ERROR_UNSUPPORTED, "this library was built without ONNX (-Donnx)");
}

cnn_status cnn_model_load_onnx(cnn_context *context, const char *path, const cnn_onnx_load_options *options,
                               cnn_model **model)
{
    (void)options;
    return absent(context, path != NULL, model);
}

cnn_status cnn_model_load_onnx_memory(cnn_context *context, const char *name, const void *data, size_t size,
                                      const cnn_onnx_load_options *options, cnn_model **model)
{
    (void)name;
    (void)options;
    return absent(context, data != NULL || size == 0, model);
}
