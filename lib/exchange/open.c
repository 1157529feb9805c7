/* SPDX-License-Identifier: MIT */
/* Files that this library reads itself, told by their first bytes. */
#include <string.h>

#include "exchange/torch.h"

cnn_status cnn_weights_open(cnn_context *context, const char *path, cnn_weights **weights)
{
    cnn__bytes bytes;
    uint8_t first[9] = {0};
    if (context == NULL || path == NULL || weights == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_weights_open: no path, or no place for the weights");
    }
    *weights = NULL;
    CNN__RETURN_IF_ERROR(cnn__bytes_open(context, path, &bytes));
    if (cnn__torch_recognize(&bytes) != CNN__TORCH_NONE) {
        return cnn__weights_open_torch(&bytes, weights);
    }
    cnn_status status = CNN_OK;
    if (bytes.size >= sizeof(first)) {
        status = cnn__bytes_read(&bytes, 0, first, sizeof(first));
    }
    if (status == CNN_OK && memcmp(first, "\x89HDF\r\n\x1a\n", 8) == 0) {
        status = cnn__fail(context, CNN_ERROR_UNSUPPORTED, "%s: is an HDF5 file; `cnn convert` reads those of Keras",
                           bytes.name);
    } else if (status == CNN_OK && first[8] != '{') {
        status = cnn__fail(context, CNN_ERROR_UNSUPPORTED, "%s: is neither safetensors nor what torch.save() writes",
                           bytes.name);
    }
    cnn__bytes_close(&bytes);
    return status == CNN_OK ? cnn__weights_open_safetensors(context, path, weights) : status;
}
