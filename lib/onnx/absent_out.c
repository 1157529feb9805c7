/* SPDX-License-Identifier: MIT */
/* Writing ONNX in a library without it. */
#include <cnn/onnx.h>

#include "core/error.h"
#include "model/model.h"

static cnn_status absent(const cnn_context *context)
{
    return cnn__fail(context, CNN_ERROR_UNSUPPORTED, "this library was built without ONNX (-Donnx)");
}

cnn_status cnn_model_save_onnx(const cnn_model *model, const char *path, const cnn_onnx_save_options *options)
{
    (void)path;
    (void)options;
    return model == NULL ? CNN_ERROR_INVALID_ARGUMENT : absent(model->context);
}

cnn_status cnn_model_write_onnx(const cnn_model *model, const cnn_onnx_save_options *options, cnn_write_function write,
                                void *user)
{
    (void)options;
    (void)write;
    (void)user;
    return model == NULL ? CNN_ERROR_INVALID_ARGUMENT : absent(model->context);
}
