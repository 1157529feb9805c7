/* SPDX-License-Identifier: MIT */
/* libFuzzer target: decoding images of every format. The first byte chooses the options, the rest is the file. Link
 * with -fsanitize=fuzzer,address,undefined. */
#include <stdlib.h>

#include <cnn/image.h>

/* 4 Mpx keep one input under a second and half a gigabyte. */
#define MAX_PIXELS (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static cnn_context *context;
    if (context == NULL && cnn_context_create(CNN_CONTEXT(.threads = 1), &context) != CNN_OK) {
        abort();
    }
    if (size == 0) {
        return 0;
    }
    const uint32_t minimum = (data[0] & 4) != 0 ? 5 : 0;
    cnn_image *image = NULL;
    cnn_status status = cnn_image_decode(
        context, data + 1, size - 1,
        CNN_DECODE(.channels = (data[0] & 1) != 0 ? 1 : 3, .apply_orientation = (data[0] & 2) != 0,
                   .minimum_width = minimum, .minimum_height = minimum, .max_pixels = MAX_PIXELS,
                   .background = (data[0] & 16) != 0 ? 0xff4080c0u : 0, .only_over_limit = (data[0] & 32) != 0),
        &image);
    if ((status == CNN_OK) != (image != NULL)) {
        abort();
    }
    if (image != NULL && cnn_image_notes(image) == NULL) {
        abort();
    }
    cnn_image *resized = NULL;
    if (image != NULL && (data[0] & 8) != 0 &&
        cnn_image_resize(image, 1 + data[0] / 16, 7, (cnn_resize_filter)(data[0] / 16 % 5), &resized) != CNN_OK) {
        abort();
    }
    cnn_image_free(resized);
    cnn_image_free(image);
    return 0;
}
