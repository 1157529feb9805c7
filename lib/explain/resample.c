/* SPDX-License-Identifier: MIT */
/* Maps at another size. */
#include "explain/explain.h"

#include <math.h>

/* The two values that output `i` lies between, and how far it is from the first. */
typedef struct between {
    int64_t low, high;
    float part;
} between;

static between place(int64_t i, int64_t from, int64_t to)
{
    const double at = ((double)i + 0.5) * (double)from / (double)to - 0.5;
    const double inside = at < 0 ? 0 : at > (double)(from - 1) ? (double)(from - 1) : at;
    const int64_t low = (int64_t)floor(inside);
    return (between){low, low + 1 < from ? low + 1 : low, (float)(inside - (double)low)};
}

void cnn__explain_resize(const float *map, size_t step, int64_t h, int64_t w, int64_t height, int64_t width,
                         float *resized)
{
    for (int64_t y = 0; y < height; y++) {
        const between row = place(y, h, height);
        const float *upper = map + (size_t)(row.low * w) * step, *lower = map + (size_t)(row.high * w) * step;
        for (int64_t x = 0; x < width; x++) {
            const between column = place(x, w, width);
            const size_t left = (size_t)column.low * step, right = (size_t)column.high * step;
            const float above = upper[left] + (upper[right] - upper[left]) * column.part;
            const float below = lower[left] + (lower[right] - lower[left]) * column.part;
            resized[y * width + x] = above + (below - above) * row.part;
        }
    }
}

void cnn__explain_mean(const float *values, size_t pixels, int64_t c, float *mean)
{
    for (int64_t k = 0; k < c; k++) {
        double sum = 0;
        for (size_t i = 0; i < pixels; i++) {
            sum += (double)values[i * (size_t)c + (size_t)k];
        }
        mean[k] = (float)(sum / (double)pixels);
    }
}
