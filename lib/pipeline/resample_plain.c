/* SPDX-License-Identifier: MIT */
/* Bilinear resizing without antialiasing: each pixel from its four neighbours alone, however much the image shrinks, as
 * OpenCV's INTER_LINEAR, skimage's resize(anti_aliasing=False) and TensorFlow's resize(antialias=False). */
#include <math.h>

#include "pipeline/resample.h"

/* Block of the scratch that is working memory. */
#define WORK 3

/* OpenCV weighs 8-bit values with 11 bits. */
#define BITS 11
#define ONE (1 << BITS)

/* The two neighbours of a place, and how much the second counts. */
typedef struct tap {
    uint32_t first, second;
    float share;
    int32_t fixed;
} tap;

static void fill_taps(tap *taps, uint32_t from, uint32_t to)
{
    const double scale = (double)from / (double)to;
    for (uint32_t i = 0; i < to; i++) {
        const float place = (float)(((double)i + 0.5) * scale - 0.5);
        const float below = floorf(place);
        tap *t = &taps[i];
        t->share = place - below;
        t->first = below < 0 ? 0 : (uint32_t)below;
        if (below < 0 || t->first + 1 >= from) {
            t->first = below < 0 ? 0 : from - 1;
            t->share = 0;
        }
        t->second = t->first + 1 < from ? t->first + 1 : t->first;
        t->fixed = (int32_t)lrintf(t->share * ONE);
    }
}

/* One row of sums with 11 more bits. */
static void across(const uint8_t *in, const tap *taps, uint32_t cols, uint32_t channels, int32_t *out)
{
    for (uint32_t x = 0; x < cols; x++) {
        const uint8_t *a = in + (size_t)taps[x].first * channels, *b = in + (size_t)taps[x].second * channels;
        for (uint32_t c = 0; c < channels; c++) {
            *out++ = a[c] * (ONE - taps[x].fixed) + b[c] * taps[x].fixed;
        }
    }
}

static void resize_bytes(const uint8_t *in, const tap *down, const tap *right, const cnn__plain_resize *r,
                         int32_t *rows, uint8_t *out)
{
    const size_t line = (size_t)r->width * r->channels, width = (size_t)r->cols * r->channels;
    int32_t *const first = rows, *const second = rows + width;
    for (uint32_t y = 0; y < r->rows; y++) {
        across(in + down[y].first * line, right, r->cols, r->channels, first);
        across(in + down[y].second * line, right, r->cols, r->channels, second);
        const int32_t share = down[y].fixed, rest = ONE - share;
        for (size_t i = 0; i < width; i++) {
            const int32_t sum = ((rest * (first[i] >> 4)) >> 16) + ((share * (second[i] >> 4)) >> 16);
            *out++ = (uint8_t)((sum + 2) >> 2);
        }
    }
}

static void resize_floats(const float *in, const tap *down, const tap *right, const cnn__plain_resize *r, float *out)
{
    const size_t line = (size_t)r->width * r->channels;
    for (uint32_t y = 0; y < r->rows; y++) {
        const float *above = in + down[y].first * line, *below = in + down[y].second * line;
        for (uint32_t x = 0; x < r->cols; x++) {
            const size_t a = (size_t)right[x].first * r->channels, b = (size_t)right[x].second * r->channels;
            for (uint32_t c = 0; c < r->channels; c++) {
                const float upper = above[a + c] + (above[b + c] - above[a + c]) * right[x].share;
                const float lower = below[a + c] + (below[b + c] - below[a + c]) * right[x].share;
                *out++ = upper + (lower - upper) * down[y].share;
            }
        }
    }
}

cnn_status cnn__resize_plain(cnn__scratch *scratch, const cnn__plain_resize *r, const uint8_t *bytes,
                             const float *floats, void *out)
{
    const size_t line = 2 * (size_t)r->cols * r->channels * sizeof(int32_t);
    CNN__RETURN_IF_ERROR(cnn__scratch_reserve(scratch, WORK, ((size_t)r->rows + r->cols) * sizeof(tap) + line));
    tap *down = scratch->blocks[WORK], *right = down + r->rows;
    fill_taps(down, r->height, r->rows);
    fill_taps(right, r->width, r->cols);
    if (bytes != NULL) {
        resize_bytes(bytes, down, right, r, (int32_t *)(right + r->cols), out);
    } else {
        resize_floats(floats, down, right, r, out);
    }
    return CNN_OK;
}
