/* SPDX-License-Identifier: MIT */
/* Models of ONNX files and of bytes in memory. */
#include <cnn/onnx.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/options.h"
#include "core/text.h"
#include "onnx/import.h"

static cnn_status load(cnn_context *context, const char *name, const void *data, size_t size,
                       const cnn_onnx_load_options *options, const char *path, cnn_model **model)
{
    const size_t most = ((size_t)64 << 20) + 16 * size; /* a small file cannot ask for much */
    cnn__arena arena = {.context = context, .most = most};
    cnn__onnx_model source;
    cnn__onnx_folder folder = {.allowed = options->external_data != 0};
    const cnn__onnx_settings settings = {.input = {options->input[0], options->input[1], options->input[2]},
                                         .most_bytes = most};
    char file[300];
    cnn__printable(name, file, sizeof(file));
    cnn_status status = cnn__onnx_decode(&arena, file, data, size, &source);
    if (status == CNN_OK && path != NULL) {
        const char *slash = strrchr(path, '/');
        folder.path = slash != NULL ? cnn__arena_text(&arena, path, (size_t)(slash - path) + (slash == path)) : "";
        status = folder.path != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status == CNN_OK) {
        status = cnn__onnx_import_model(context, file, &folder, &source, &settings, NULL, NULL, model);
    }
    cnn__arena_free(&arena);
    return status;
}

static cnn_status check_options(const cnn_context *context, const char *what, const cnn_onnx_load_options *given,
                                cnn_onnx_load_options *options)
{
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, what, given, options, sizeof(*options)));
    const int32_t *input = options->input;
    const bool none = input[0] == 0 && input[1] == 0 && input[2] == 0;
    return none || (input[0] > 0 && input[1] > 0 && input[2] > 0)
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: an input of %dx%dx%d", what, input[0], input[1],
                           input[2]);
}

cnn_status cnn_model_load_onnx(cnn_context *context, const char *path, const cnn_onnx_load_options *given,
                               cnn_model **model)
{
    cnn_onnx_load_options options;
    void *data = NULL;
    size_t size = 0;
    if (context == NULL || path == NULL || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_model_load_onnx: no path or no place for the model");
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(check_options(context, "cnn_model_load_onnx", given, &options));
    CNN__RETURN_IF_ERROR(cnn__file_read(context, path, CNN__ONNX_FILE, &data, &size));
    const cnn_status status = load(context, path, data, size, &options, path, model);
    cnn__free(context, data);
    return status;
}

cnn_status cnn_model_load_onnx_memory(cnn_context *context, const char *name, const void *data, size_t size,
                                      const cnn_onnx_load_options *given, cnn_model **model)
{
    cnn_onnx_load_options options;
    if (context == NULL || (data == NULL && size > 0) || model == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_model_load_onnx_memory: no data or no place for the model");
    }
    *model = NULL;
    CNN__RETURN_IF_ERROR(check_options(context, "cnn_model_load_onnx_memory", given, &options));
    if (size > cnn__limit(context, CNN__LIMIT_ONNX_BYTES)) {
        return cnn__fail(
            context, CNN_ERROR_LIMIT,
            "cnn_model_load_onnx_memory: %zu bytes; ONNX files have 2 GiB at most, " CNN__LIMIT_TEXT("onnx_bytes"),
            size);
    }
    return load(context, name != NULL ? name : "ONNX model", data, size, &options, NULL, model);
}
