/* SPDX-License-Identifier: MIT */
/* The orientation tag of EXIF, and turning an image by it. */
#include "image/codec.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define ENTRY_SIZE 12

typedef struct tiff_reader {
    const uint8_t *data;
    size_t size;
    bool big_endian;
} tiff_reader;

/* 0 beyond the end: no field that is read here has a use for that value. */
static uint32_t read_number(const tiff_reader *tiff, size_t offset, unsigned bytes)
{
    if (tiff->size < bytes || offset > tiff->size - bytes) {
        return 0;
    }
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        unsigned place = tiff->big_endian ? i : bytes - 1 - i;
        value = value << 8 | tiff->data[offset + place];
    }
    return value;
}

uint32_t cnn__exif_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) {
        return 1;
    }
    const tiff_reader block = {tiff, size, tiff[0] == 'M'};
    if (read_number(&block, 2, 2) != 42) {
        return 1;
    }
    size_t directory = read_number(&block, 4, 4);
    uint32_t entries = read_number(&block, directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + (size_t)i * ENTRY_SIZE;
        if (entry + ENTRY_SIZE > size) {
            return 1;
        }
        if (read_number(&block, entry, 2) == TAG_ORIENTATION) {
            uint32_t type = read_number(&block, entry + 2, 2);
            uint32_t value = read_number(&block, entry + 8, 2);
            return type == TYPE_SHORT && value >= 1 && value <= 8 ? value : 1;
        }
    }
    return 1;
}

/* Copies with steps between the bytes of the source, `start` being where the first pixel lies. */
static void copy_values(const float *start, ptrdiff_t row_step, ptrdiff_t pixel_step, cnn_image *to)
{
    float *value = to->values;
    for (uint32_t y = 0; y < to->height; y++) {
        const float *from = start + (ptrdiff_t)y * row_step;
        for (uint32_t x = 0; x < to->width; x++, from += pixel_step) {
            for (uint32_t c = 0; c < to->channels; c++) {
                *value++ = from[c];
            }
        }
    }
}

static void copy_turned(const uint8_t *start, ptrdiff_t row_step, ptrdiff_t pixel_step, cnn_image *to)
{
    uint8_t *pixel = to->pixels;
    for (uint32_t y = 0; y < to->height; y++) {
        const uint8_t *from = start + (ptrdiff_t)y * row_step;
        for (uint32_t x = 0; x < to->width; x++) {
            for (uint32_t c = 0; c < to->channels; c++) {
                *pixel++ = from[c];
            }
            from += pixel_step;
        }
    }
}

cnn_status cnn__image_orient(cnn_image **image, uint32_t orientation)
{
    if (orientation < 2 || orientation > 8) {
        return CNN_OK;
    }
    cnn_image *from = *image, *to;
    bool swapped = orientation >= 5;
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const uint32_t width = swapped ? from->height : from->width, height = swapped ? from->width : from->height;
    CNN__RETURN_IF_ERROR(from->values != NULL
                             ? cnn__image_allocate_values(from->context, width, height, from->channels, &to)
                             : cnn__image_allocate(from->context, width, height, from->channels, &to));
    ptrdiff_t across = from->channels, down = (ptrdiff_t)from->width * from->channels;
    ptrdiff_t start = 0;
    if (from_right) {
        start += (from->width - 1) * across;
        across = -across;
    }
    if (from_bottom) {
        start += (ptrdiff_t)(from->height - 1) * down;
        down = -down;
    }
    const ptrdiff_t row_step = swapped ? across : down, pixel_step = swapped ? down : across;
    if (from->values != NULL) {
        copy_values(from->values + start, row_step, pixel_step, to);
    } else {
        copy_turned(from->pixels + start, row_step, pixel_step, to);
    }
    cnn_image_free(from);
    *image = to;
    return CNN_OK;
}
