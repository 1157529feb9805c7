/* SPDX-License-Identifier: MIT */
/* What becomes of alpha: it is dropped, unless a background is asked for or the shape lies in the alpha alone. */
#include <string.h>

#include "image/codec.h"

#define WHITE 0xffffffffu
#define BLACK 0xff000000u

/* One colour over another, rounded to nearest. */
static uint8_t mix(uint32_t color, uint32_t under, uint32_t alpha)
{
    return (uint8_t)((color * alpha + under * (255 - alpha) + 127) / 255);
}

static void mix_pixel(const uint8_t *color, uint32_t alpha, uint32_t background, uint8_t rgb[3])
{
    for (uint32_t c = 0; c < 3; c++) {
        rgb[c] = mix(color[c], background >> (16 - 8 * c) & 255, alpha);
    }
}

/* Writes RGB as the image has it. */
static void put_pixel(const uint8_t rgb[3], uint32_t channels, uint8_t *pixel)
{
    if (channels == 3) {
        memcpy(pixel, rgb, 3);
    } else {
        cnn__image_grey_row(rgb, pixel, 1);
    }
}

cnn_status cnn__alpha_begin(cnn__alpha *alpha, const cnn__encoded *source, const cnn__decode_request *request,
                            bool has_alpha, cnn_image *image)
{
    alpha->source = source;
    alpha->image = image;
    alpha->background = has_alpha ? request->background : 0;
    if (has_alpha && alpha->background == 0) {
        alpha->kept = cnn__alloc_array(source->context, image->width, image->height);
        return alpha->kept != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    return CNN_OK;
}

void cnn__alpha_free(cnn__alpha *alpha)
{
    if (alpha->kept != NULL) {
        cnn__free(alpha->source->context, alpha->kept);
        alpha->kept = NULL;
    }
}

/* Keeps the alpha as long as every pixel has the first one's colour. */
static void keep(cnn__alpha *alpha, size_t at, const uint8_t *rgba, size_t count)
{
    if (!alpha->begun) {
        memcpy(alpha->color, rgba, 3);
        alpha->begun = true;
    }
    for (size_t i = 0; i < count; i++) {
        if (memcmp(rgba + 4 * i, alpha->color, 3) != 0) {
            cnn__alpha_free(alpha);
            return;
        }
        alpha->kept[at + i] = rgba[4 * i + 3];
    }
}

void cnn__alpha_pixels(cnn__alpha *alpha, uint32_t x, uint32_t y, const uint8_t *rgba, size_t count)
{
    const uint32_t channels = alpha->image->channels, background = alpha->background;
    const size_t at = (size_t)y * alpha->image->width + x;
    uint8_t *pixel = alpha->image->pixels + at * channels;
    if (alpha->kept != NULL && count > 0) {
        keep(alpha, at, rgba, count);
    }
    for (size_t i = 0; i < count; i++, rgba += 4, pixel += channels) {
        uint8_t rgb[3] = {rgba[0], rgba[1], rgba[2]};
        if (background != 0 && rgba[3] != 255) {
            mix_pixel(rgba, rgba[3], background, rgb);
        }
        put_pixel(rgb, channels, pixel);
    }
}

void cnn__alpha_end(cnn__alpha *alpha)
{
    cnn_image *image = alpha->image;
    const size_t count = (size_t)image->width * image->height;
    if (alpha->kept == NULL || memcmp(alpha->kept, alpha->kept + 1, count - 1) == 0) {
        return; /* there are colours, or no shape in the alpha either */
    }
    uint8_t grey;
    cnn__image_grey_row(alpha->color, &grey, 1);
    const uint32_t background = grey < 128 ? WHITE : BLACK;
    for (size_t i = 0; i < count; i++) {
        uint8_t rgb[3];
        mix_pixel(alpha->color, alpha->kept[i], background, rgb);
        put_pixel(rgb, image->channels, image->pixels + i * image->channels);
    }
    cnn__image_note(alpha->source, "one colour throughout, the shape lies in the alpha alone: put on %s",
                    background == WHITE ? "white" : "black");
}
