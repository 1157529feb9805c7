/* SPDX-License-Identifier: MIT */
/* make_photos FOLDER COUNT SIZE [ENDING]: writes cat.0.jpg ... and dog.0.jpg ..., COUNT of each, SIZE x SIZE pixels:
 * cats are lit from above, dogs from the left, with noise, so that a small network can tell them apart. */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 1;

static uint32_t noise(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 16) % below;
}

static void paint(cnn_image *image, int dog)
{
    uint32_t size = cnn_image_width(image);
    uint8_t *pixel = cnn_image_pixels(image);
    const uint8_t dark[3] = {(uint8_t)noise(60), (uint8_t)noise(60), (uint8_t)noise(60)};
    for (uint32_t y = 0; y < size; y++) {
        for (uint32_t x = 0; x < size; x++) {
            uint32_t light = (size - (dog ? x : y)) * 100 / size;
            for (int c = 0; c < 3; c++) {
                *pixel++ = (uint8_t)(dark[c] + light + noise(90));
            }
        }
    }
}

int main(int count, char **arguments)
{
    static const char *const names[] = {"cat", "dog"};
    cnn_context *context = NULL;
    cnn_image *image = NULL;
    if (count < 4 || cnn_context_create(CNN_CONTEXT(.threads = 1), &context) != CNN_OK) {
        return EXIT_FAILURE;
    }
    uint32_t photos = (uint32_t)atoi(arguments[2]), size = (uint32_t)atoi(arguments[3]);
    const char *ending = count > 4 ? arguments[4] : "jpg";
    cnn_status status = cnn_image_create(context, size, size, 3, &image);
    for (uint32_t i = 0; i < 2 * photos && status == CNN_OK; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s.%u.%s", arguments[1], names[i % 2], (unsigned)(i / 2), ending);
        paint(image, (int)(i % 2));
        status = cnn_image_save(image, path, CNN_ENCODE(.quality = 95));
    }
    if (status != CNN_OK) {
        fprintf(stderr, "%s\n", cnn_last_error(context));
    }
    cnn_image_free(image);
    cnn_context_free(context);
    return status == CNN_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
