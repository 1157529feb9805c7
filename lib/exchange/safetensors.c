/* SPDX-License-Identifier: MIT */
/* safetensors files as lists of tensors: this library's own, and those of others, which are PyTorch's. */
#include "exchange/weights.h"
#include "format/tensors.h"

static cnn_status read_values(void *user, uint64_t id, float *values)
{
    const cnn__tensors *file = user;
    return cnn__tensors_read(file, file->entries[id].name, values);
}

static void close_file(void *user)
{
    cnn__tensors *file = user;
    cnn_context *context = file->context;
    cnn__tensors_close(file);
    cnn__free(context, file);
}

static cnn_status list(const cnn__tensors *file, cnn_weights *weights)
{
    for (size_t i = 0; i < file->count; i++) {
        const cnn__tensor_entry *entry = &file->entries[i];
        const cnn_weight weight = {sizeof(weight), entry->name, NULL, entry->type_name, entry->shape};
        const bool readable = entry->readable && entry->type != CNN__TENSOR_U8;
        CNN__RETURN_IF_ERROR(cnn__weights_add(weights, &weight, i, readable));
    }
    return CNN_OK;
}

cnn_status cnn__weights_open_safetensors(cnn_context *context, const char *path, cnn_weights **out)
{
    cnn_weights *weights = NULL;
    cnn__tensors *file = cnn__alloc_zero(context, sizeof(*file));
    if (file == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = cnn__tensors_open(context, path, file);
    if (status == CNN_OK) {
        const int32_t layout = cnn__tensors_ours(file) ? CNN_WEIGHTS_OWN : CNN_WEIGHTS_PYTORCH;
        status = cnn_weights_create(
            context, CNN_WEIGHTS(.name = path, .layout = layout, .read = read_values, .user = file), &weights);
    }
    if (status != CNN_OK) {
        close_file(file);
        return status;
    }
    weights->close = close_file;
    weights->sorted = true; /* writers sort by name */
    status = list(file, weights);
    if (status != CNN_OK) {
        cnn_weights_free(weights);
        return status;
    }
    *out = weights;
    return CNN_OK;
}
