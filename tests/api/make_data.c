/* SPDX-License-Identifier: MIT */
/* Makes small data sets to run the examples on: make_data FOLDER
 *     FOLDER/fashion-mnist/   IDX files of 28 x 28 images in ten classes, a bright block in one of ten places
 *     FOLDER/photos/train/, FOLDER/photos/validation/   PNG and JPEG files in cat/ and dog/: warm and cold noise */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define SIDE 28

static uint32_t state = 1;

static uint8_t noise(uint32_t range)
{
    state = state * 1664525u + 1013904223u;
    return (uint8_t)((state >> 16) % range);
}

static void write_header(FILE *file, uint8_t rank, uint32_t count)
{
    const uint32_t sizes[3] = {count, SIDE, SIDE};
    fwrite((const uint8_t[]){0, 0, 8, rank}, 1, 4, file);
    for (uint8_t i = 0; i < rank; i++) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            fputc((int)(sizes[i] >> shift & 255), file);
        }
    }
}

static int write_idx(const char *folder, const char *part, uint32_t count)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/fashion-mnist/%s-images-idx3-ubyte", folder, part);
    FILE *images = fopen(path, "wb");
    snprintf(path, sizeof(path), "%s/fashion-mnist/%s-labels-idx1-ubyte", folder, part);
    FILE *labels = fopen(path, "wb");
    if (images == NULL || labels == NULL) {
        return 1;
    }
    write_header(images, 3, count);
    write_header(labels, 1, count);
    for (uint32_t i = 0; i < count; i++) {
        int label = (int)(i * 7 % 10), top = label / 5 * 14 + noise(4), left = label % 5 * 5 + noise(2);
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                bool inside = y >= top && y < top + 9 && x >= left && x < left + 6;
                fputc((inside ? 180 : 0) + noise(60), images);
            }
        }
        fputc(label, labels);
    }
    return (fclose(images) | fclose(labels)) != 0;
}

static cnn_status write_photo(cnn_context *context, const char *folder, const char *part, bool dog, int number)
{
    char path[4096];
    cnn_image *image = NULL;
    uint32_t width = 40 + noise(20), height = 40 + noise(20);
    snprintf(path, sizeof(path), "%s/photos/%s/%s/%s.%d.%s", folder, part, dog ? "dog" : "cat", dog ? "dog" : "cat",
             number, number % 2 ? "jpg" : "png");
    cnn_status status = cnn_image_create(context, width, height, 3, &image);
    if (status == CNN_OK) {
        uint8_t *pixels = cnn_image_pixels(image);
        for (uint32_t i = 0; i < width * height; i++) {
            pixels[3 * i + (dog ? 2 : 0)] = (uint8_t)(120 + noise(80));
            pixels[3 * i + 1] = noise(100);
            pixels[3 * i + (dog ? 0 : 2)] = noise(80);
        }
        status = cnn_image_save(image, path, NULL);
    }
    cnn_image_free(image);
    return status;
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"", "/fashion-mnist", "/photos", "/photos/train", "/photos/train/cat",
                                          "/photos/train/dog", "/photos/validation", "/photos/validation/cat",
                                          "/photos/validation/dog"};
    char path[4096];
    cnn_context *context = NULL;
    if (argc != 2) {
        return 2;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        snprintf(path, sizeof(path), "%s%s", argv[1], folders[i]);
        mkdir(path, 0777);
    }
    cnn_status status = cnn_context_create(NULL, &context);
    for (int i = 0; status == CNN_OK && i < 48; i++) {
        status = write_photo(context, argv[1], i < 32 ? "train" : "validation", i % 2 == 1, i);
    }
    if (status != CNN_OK) {
        fprintf(stderr, "make_data: %s\n", cnn_last_error(context));
    }
    cnn_context_free(context);
    return status != CNN_OK || write_idx(argv[1], "train", 600) != 0 || write_idx(argv[1], "t10k", 200) != 0;
}
