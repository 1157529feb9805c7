/* SPDX-License-Identifier: MIT */
/* What every convolution does with a finished block of outputs: bias, activation, 2x2 maximum with its argmax byte. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_CONV_OUTPUT_H
#define CNN_BACKEND_VECTOR_CONV2D_CONV_OUTPUT_H

#include <cnn/backend.h>

#include "backend/driver/task.h"
#include "backend/vector/activate.h"
#include "backend/vector/conv2d/conv_tile.h"

/* Where pixels of a mosaic lie: see mosaic.h. */
typedef struct conv_mosaic {
    int64_t rows, columns;      /* of images */
    int64_t period_y, period_x; /* 0: no mosaic */
} conv_mosaic;

/* Value offsets of `count` rows (or columns) of a mosaic from `first` on, -1 for those between images: `period` pixels
 * from an image to the next, of which `size` are its own; `image` and `pixel` are values from one to the next. */
VEC_INLINE void conv_mosaic_offsets(int64_t first, int count, int64_t period, int64_t images, int64_t size,
                                    int64_t image, int64_t pixel, int64_t *offsets)
{
    for (int i = 0; i < count; i++) {
        const int64_t at = first + i, number = at / period, local = at % period;
        offsets[i] = at >= 0 && number < images && local < size ? number * image + local * pixel : -1;
    }
}

typedef struct conv_output {
    float *y;          /* [n, h, w, c] */
    uint8_t *argmax;   /* as y; NULL if not asked for */
    const float *bias; /* [c] or NULL */
    int64_t h, w, c;   /* as stored: with `pool`, of the pooled output */
    int32_t activation;
    float alpha;
    int32_t pool;
    bool streams;       /* without pooling: y is larger than caches, and is stored past them */
    conv_mosaic mosaic; /* without pooling */
} conv_output;

/* Whether that can be done with the outputs of n images: lines are whole, also where they are stored a vector at a time
 * (`apart`: with others between them). */
VEC_INLINE bool conv_streams(const conv_output *out, int64_t n, bool apart)
{
    return out->pool == 0 && out->mosaic.period_y == 0 && (!apart || VEC_WIDTH % VEC_LINE == 0) &&
           out->c % VEC_LINE == 0 && vec_begins_line(out->y) && cnn__streams((size_t)(n * out->h * out->w * out->c));
}

/* Stores up to a vector of channels of a pixel. */
VEC_INLINE void conv_store(const conv_output *out, size_t at, vec_f value, size_t lanes)
{
    if (out->streams) {
        vec_stream(out->y + at, value);
    } else {
        vec_store_n(out->y + at, value, lanes);
    }
}

/* Bytes as integers and back: a whole vector, or the first `lanes` of it. */
VEC_INLINE vec_i conv_load_bytes(const uint8_t *p, size_t lanes)
{
    return lanes >= VEC_WIDTH ? vec_load_bytes(p, VEC_WIDTH) : vec_load_bytes(p, lanes);
}

VEC_INLINE void conv_store_bytes(uint8_t *p, vec_i v, size_t lanes)
{
    if (lanes >= VEC_WIDTH) {
        vec_store_bytes(p, v, VEC_WIDTH);
    } else {
        vec_store_bytes(p, v, lanes);
    }
}

/* Bias and activation of `count` values in place. */
VEC_INLINE void conv_activate(vec_f *v, int count, vec_f bias, const conv_output *out)
{
    if (out->activation == CNN_RELU) {
        for (int i = 0; i < count; i++) {
            v[i] = vec_relu(v[i] + bias);
        }
    } else if (out->activation == CNN_RELU6) {
        for (int i = 0; i < count; i++) {
            v[i] = vec_relu6(v[i] + bias);
        }
    } else {
        for (int i = 0; i < count; i++) {
            v[i] = vec_activate_one(out->activation, out->alpha, v[i] + bias);
        }
    }
}

/* True where b comes before a as a maximum: larger, or the first NaN. */
VEC_INLINE vec_i conv_exceeds(vec_f b, vec_f a) { return ~(b <= a) & (a == a); }

/* The maximum of a cell and its place where some lane may hold a NaN. */
static __attribute__((noinline, unused)) vec_f conv_pool_nan(const vec_f *cell, vec_i *place)
{
    const vec_i right_above = conv_exceeds(cell[1], cell[0]);
    const vec_i right_below = conv_exceeds(cell[3], cell[2]);
    const vec_f above = vec_select(right_above, cell[1], cell[0]);
    const vec_f below = vec_select(right_below, cell[3], cell[2]);
    const vec_i lower = conv_exceeds(below, above);
    *place = (vec_i)vec_select(lower, (vec_f)(2 - right_below), (vec_f)-right_above);
    return vec_select(lower, below, above);
}

/* The maximum of a 2x2 cell and its first place in reading order. */
VEC_INLINE vec_f conv_pool_best(const vec_f *cell, vec_i *place)
{
    const vec_f sum = (cell[0] + cell[1]) + (cell[2] + cell[3]);
    if (vec_any(sum != sum)) {
        return conv_pool_nan(cell, place);
    }
    const vec_f best = vec_max(vec_max(cell[3], cell[2]), vec_max(cell[1], cell[0]));
    const vec_f one = (vec_f)((vec_i){0} + 1);
    *place = ~(cell[0] == best) & (vec_i)vec_select(cell[1] == best, one, (vec_f)(3 + (cell[2] == best)));
    return best;
}

/* Bias and activation of a 2x2 cell, its maximum, and the first place of that in reading order to argmax (4 where the
 * derivative of relu or relu6 is 0). Neither changes the order nor, where its derivative is not 0, the first place of
 * the maximum: they come last. */
VEC_INLINE void conv_pool_store(const conv_output *out, size_t at, const vec_f *sums, vec_f bias, size_t lanes)
{
    vec_f cell[4] = {sums[0] + bias, sums[1] + bias, sums[2] + bias, sums[3] + bias};
    const int relu = out->activation == CNN_RELU, relu6 = out->activation == CNN_RELU6;
    if (!relu && !relu6 && out->activation != CNN_LINEAR) {
        for (int i = 0; i < 4; i++) {
            cell[i] = vec_activate_one(out->activation, out->alpha, cell[i]);
        }
    }
    vec_i place;
    const vec_f best = conv_pool_best(cell, &place);
    vec_store_n(out->y + at, relu ? vec_relu(best) : relu6 ? vec_relu6(best) : best, lanes);
    if (out->argmax == NULL) {
        return;
    }
    if (relu) {
        place = (vec_i)vec_select(best <= 0.0f, (vec_f)((vec_i){0} + 4), (vec_f)place);
    } else if (relu6) {
        place = (vec_i)vec_select((best <= 0.0f) | (best >= 6.0f), (vec_f)((vec_i){0} + 4), (vec_f)place);
    }
    conv_store_bytes(out->argmax + at, place, lanes);
}

#endif
