/* SPDX-License-Identifier: MIT */
/* Operations on arrays of one's own, without layers and a model, as torch.nn.functional has them: a filter is defined
 * where it is used, and used on what is at hand:
 *     functional IMAGE OUT.png
 * draws where the brightness of an image changes. */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

/* Sobel's filters for changes to the right and down, [3, 3, 1, 2]. */
static float sobel[3 * 3 * 2] = {-1, -1, 0, -2, 1, -1, -2, 0, 0, 0, 2, 0, -1, 1, 0, 2, 1, 1};

/* Asks for the size of y, allocates it, and runs the call once more. */
#define MAKE(y, call) \
    ((call) == CNN_OK && ((y).data = malloc(values_of(&(y).shape) * sizeof(float))) != NULL && (call) == CNN_OK)

static size_t values_of(const cnn_shape *shape)
{
    size_t values = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        values *= (size_t)shape->dims[i];
    }
    return values;
}

/* The brightness of each pixel, from 0 to 1: [1, height, width, 1]. */
static bool brightness(cnn_image *image, cnn_tensor *grey)
{
    const size_t channels = cnn_image_channels(image),
                 pixels = (size_t)cnn_image_width(image) * cnn_image_height(image);
    const uint8_t *bytes = cnn_image_pixels(image);
    *grey = (cnn_tensor){malloc(pixels * sizeof(float)),
                         {4, 0, {1, cnn_image_height(image), cnn_image_width(image), 1}}};
    for (size_t i = 0; grey->data != NULL && i < pixels; i++) {
        float sum = 0;
        for (size_t c = 0; c < channels; c++) {
            sum += bytes[i * channels + c];
        }
        grey->data[i] = sum / (255 * (float)channels);
    }
    return grey->data != NULL;
}

/* Changes of brightness, the largest of them in each 2 x 2 pixels, [1, height / 2, width / 2, 4]: both ways of both. */
static bool find_edges(cnn_context *context, const cnn_tensor *grey, cnn_tensor *edges)
{
    const cnn_tensor filters = {sobel, {4, 0, {3, 3, 1, 2}}};
    static float signs[2 * 4] = {1, -1, 0, 0, 0, 0, 1, -1};
    const cnn_tensor both = {signs, {4, 0, {1, 1, 2, 4}}};
    cnn_tensor slopes = {NULL, {0}}, parts = {NULL, {0}};
    const bool done = MAKE(slopes, cnn_functional_conv2d(context, CNN_CONV2D(.padding = CNN_PADDING_SAME), grey,
                                                         &filters, NULL, &slopes)) &&
                      MAKE(parts, cnn_functional_conv2d(context, CNN_CONV2D(.activation = CNN_RELU), &slopes, &both,
                                                        NULL, &parts)) &&
                      MAKE(*edges, cnn_functional_max_pool2d(context, NULL, &parts, edges));
    free(slopes.data);
    free(parts.data);
    return done;
}

static bool draw(cnn_context *context, const cnn_tensor *edges, const char *path)
{
    cnn_image *image = NULL;
    const int64_t height = edges->shape.dims[1], width = edges->shape.dims[2], channels = edges->shape.dims[3];
    bool done = cnn_image_create(context, (uint32_t)width, (uint32_t)height, 1, &image) == CNN_OK;
    for (int64_t i = 0; done && i < height * width; i++) {
        float most = 0;
        for (int64_t c = 0; c < channels; c++) {
            const float value = edges->data[i * channels + c];
            most = value > most ? value : most;
        }
        cnn_image_pixels(image)[i] = (uint8_t)(most < 1 ? 255 * most : 255);
    }
    done = done && cnn_image_save(image, path, NULL) == CNN_OK;
    cnn_image_free(image);
    return done;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: functional IMAGE OUT.png\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_image *image = NULL;
    cnn_tensor grey = {NULL, {0}}, edges = {NULL, {0}};
    const bool done = cnn_context_create(NULL, &context) == CNN_OK &&
                      cnn_image_load(context, argv[1], NULL, &image) == CNN_OK && brightness(image, &grey) &&
                      find_edges(context, &grey, &edges) && draw(context, &edges, argv[2]);
    if (done) {
        printf("%s: %dx%d edges\n", argv[2], (int)edges.shape.dims[2], (int)edges.shape.dims[1]);
    } else {
        fprintf(stderr, "functional: %s\n", cnn_last_error(context));
    }
    free(edges.data);
    free(grey.data);
    cnn_image_free(image);
    cnn_context_free(context);
    return done ? 0 : 1;
}
