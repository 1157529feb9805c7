/* SPDX-License-Identifier: MIT */
/* Writing ONNX in a library without it. */
#include <cnn/onnx.h>

#include "core/error.h"
#include "model/model.h"

/* `target`: whether there is something to write to. */
static cnn_status absent(const cnn_model *model, bool target)
{
    if (model == NULL || !target) {
        return cnn__fail(model != NULL ? model->context : NULL, CNN_ERROR_INVALID_ARGUMENT, "nothing to write to");
    }
    return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED, "this library was built without ONNX (-Donnx)");
}

cnn_status cnn_model_save_onnx(const cnn_model *model, const char *path, const cnn_onnx_save_options *options)
{
    (void)options;
    return absent(model, path != NULL);
}

cnn_status cnn_model_write_onnx(const cnn_model *model, const cnn_onnx_save_options *options, cnn_write_function write,
                                void *user)
{
    (void)options;
    (void)user;
    return absent(model, write != NULL);
}
