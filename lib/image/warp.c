/* SPDX-License-Identifier: MIT */
/* Affine warps with bilinear interpolation, equal to scipy.ndimage.affine_transform(order=1) within the rounding of
 * floats, with scipy's own idea of each way to continue the image beyond its borders. */
#include <math.h>
#include <string.h>

#include "image/image.h"

/* Where one coordinate falls between two pixels. */
typedef struct place {
    uint32_t low, high;
    double high_weight;
} place;

/* scipy's "reflect": period 2 * size, mirrored about the outer edges of the border pixels. */
static double reflect(double at, uint32_t size)
{
    const double period = 2.0 * size;
    at = fmod(at < 0.0 ? -at - 1.0 : at, period);
    return at >= size ? period - at - 1.0 : at;
}

/* scipy's "wrap": period size - 1, so that the first and the last pixel are one. */
static double wrap(double at, uint32_t size)
{
    const double period = size - 1.0;
    if (at < 0.0) {
        return at + period * (floor(-at / period) + 1.0);
    }
    return at > period ? at - period * floor(at / period) : at;
}

/* A NaN gives 0. */
static uint32_t clamp_index(double at, uint32_t size)
{
    return !(at > 0.0) ? 0 : at >= size - 1.0 ? size - 1 : (uint32_t)at;
}

/* False if the coordinate lies outside and outside is constant. */
static bool find_place(double at, uint32_t size, cnn__fill_mode fill, place *found)
{
    const double last = size - 1.0;
    if (!(at >= 0.0 && at <= last)) {
        switch (fill) {
        case CNN__FILL_CONSTANT:
            return false;
        case CNN__FILL_REFLECT:
            at = size > 1 ? reflect(at, size) : 0.0;
            break;
        case CNN__FILL_WRAP:
            at = size > 1 ? wrap(at, size) : 0.0;
            break;
        default:
            at = at > last ? last : 0.0;
            break;
        }
    }
    /* A reflected coordinate may lie half a pixel outside: both neighbours are the border pixel then. */
    const double low = floor(at);
    found->low = clamp_index(low, size);
    found->high = clamp_index(low + 1.0, size);
    found->high_weight = at - low;
    return true;
}

/* The four neighbours of a point, as offsets of values, and what each counts. */
typedef struct corners {
    size_t offset[4];
    float weight[4];
} corners;

/* False if the point is filled with the constant. */
static inline bool find_corners(const cnn__warp *warp, double row_at, double column_at, uint32_t height, uint32_t width,
                                uint32_t channels, corners *at)
{
    place row, column;
    if (row_at >= 0.0 && row_at < height - 1.0 && column_at >= 0.0 && column_at < width - 1.0) {
        /* The common case, without a call. */
        const int32_t top = (int32_t)row_at, left = (int32_t)column_at;
        row = (place){(uint32_t)top, (uint32_t)top + 1, row_at - top};
        column = (place){(uint32_t)left, (uint32_t)left + 1, column_at - left};
    } else if (!find_place(row_at, height, warp->fill, &row) || !find_place(column_at, width, warp->fill, &column)) {
        return false;
    }
    const size_t top = (size_t)row.low * width, bottom = (size_t)row.high * width;
    const double down = row.high_weight, right = column.high_weight, up = 1.0 - down, left = 1.0 - right;
    *at = (corners){
        {(top + column.low) * channels, (top + column.high) * channels, (bottom + column.low) * channels,
         (bottom + column.high) * channels},
        {(float)(up * left), (float)(up * right), (float)(down * left), (float)(down * right)},
    };
    return true;
}

typedef float float4 __attribute__((vector_size(16)));

static inline float4 load(const float *from)
{
    float4 v;
    memcpy(&v, from, sizeof(v));
    return v;
}

/* Three channels at once, by vectors of four: reads and writes one value too many. */
static inline void blend3(const float *input, const corners *at, float *output)
{
    float4 sum = load(input + at->offset[0]) * at->weight[0];
    sum += load(input + at->offset[1]) * at->weight[1];
    sum += load(input + at->offset[2]) * at->weight[2];
    sum += load(input + at->offset[3]) * at->weight[3];
    memcpy(output, &sum, sizeof(sum));
}

static inline void blend(const float *input, const corners *at, uint32_t channels, float *output)
{
    for (uint32_t c = 0; c < channels; c++) {
        float sum = input[at->offset[0] + c] * at->weight[0];
        sum += input[at->offset[1] + c] * at->weight[1];
        sum += input[at->offset[2] + c] * at->weight[2];
        sum += input[at->offset[3] + c] * at->weight[3];
        output[c] = sum;
    }
}

void cnn__warp_apply(const cnn__warp *warp, const float *input, uint32_t height, uint32_t width, uint32_t channels,
                     float *output)
{
    const double *m = warp->matrix;
    const size_t values = (size_t)height * width * channels;
    const float *last = output + values - channels;
    for (uint32_t y = 0; y < height; y++) {
        /* scipy's order of additions: a border is decided by the last bit. */
        const double row_start = m[2] + y * m[0], column_start = m[5] + y * m[3];
        for (uint32_t x = 0; x < width; x++, output += channels) {
            corners at;
            if (!find_corners(warp, row_start + x * m[1], column_start + x * m[4], height, width, channels, &at)) {
                for (uint32_t c = 0; c < channels; c++) {
                    output[c] = warp->constant;
                }
            } else if (channels == 3 && output != last && at.offset[3] + 3 < values) {
                blend3(input, &at, output);
            } else {
                blend(input, &at, channels, output);
            }
        }
    }
}
