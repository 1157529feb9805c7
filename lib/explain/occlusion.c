/* SPDX-License-Identifier: MIT */
/* Occlusion: by how much the score falls when a window of the image is covered. Each pixel gets the mean over the
 * windows that covered it, so that the map has the image's size whatever the stride. */
#include <string.h>

#include "explain/explain.h"

/* How many windows stand along a side; the last one ends where the image does. */
static int64_t places(int64_t side, uint32_t window, uint32_t stride)
{
    return (side - window + stride - 1) / stride + 1;
}

static int64_t place(int64_t index, int64_t side, uint32_t window, uint32_t stride)
{
    const int64_t at = index * stride;
    return at + window <= side ? at : side - window;
}

typedef struct rectangle {
    int64_t top, left;
} rectangle;

static rectangle window_at(const cnn_explainer *e, int64_t index)
{
    const int64_t columns = places(e->w, e->o.window, e->o.stride);
    return (rectangle){place(index / columns, e->h, e->o.window, e->o.stride),
                       place(index % columns, e->w, e->o.window, e->o.stride)};
}

static void cover(const cnn_explainer *e, const float *input, rectangle at, const float *color, float *covered)
{
    memcpy(covered, input, e->values * sizeof(float));
    for (int64_t y = at.top; y < at.top + e->o.window; y++) {
        for (int64_t x = at.left; x < at.left + e->o.window; x++) {
            memcpy(covered + (y * e->w + x) * e->c, color, (size_t)e->c * sizeof(float));
        }
    }
}

/* Adds the fall to the pixels of a window: their sums are the first values of e->sums, and e->plane counts. */
static void add(cnn_explainer *e, rectangle at, double fall)
{
    for (int64_t y = at.top; y < at.top + e->o.window; y++) {
        for (int64_t x = at.left; x < at.left + e->o.window; x++) {
            e->sums[y * e->w + x] += fall;
            e->plane[y * e->w + x] += 1;
        }
    }
}

cnn_status cnn__explain_occlusion(cnn_explainer *e, const float *input)
{
    float color[CNN_MAX_CHANNELS] = {0};
    const int64_t pixels = e->h * e->w;
    const int64_t count = places(e->h, e->o.window, e->o.stride) * places(e->w, e->o.window, e->o.stride);
    if (e->o.baseline != NULL) {
        memcpy(color, e->o.baseline, (size_t)e->c * sizeof(float));
    } else {
        cnn__explain_mean(input, (size_t)pixels, e->c, color);
    }
    memset(e->sums, 0, (size_t)pixels * sizeof(double));
    memset(e->plane, 0, (size_t)pixels * sizeof(float));
    for (int64_t first = 0; first < count; first += e->batch) {
        const int64_t now = count - first < e->batch ? count - first : e->batch;
        for (int64_t i = 0; i < now; i++) {
            cover(e, input, window_at(e, first + i), color, e->inputs + (size_t)i * e->values);
        }
        CNN__RETURN_IF_ERROR(cnn__explain_forward(e, e->inputs, (size_t)now));
        for (int64_t i = 0; i < now; i++) {
            add(e, window_at(e, first + i), e->score - cnn__explain_score(e, (size_t)i));
        }
    }
    for (int64_t i = 0; i < pixels; i++) {
        e->raw[i] = e->plane[i] > 0 ? (float)(e->sums[i] / (double)e->plane[i]) : 0; /* a stride above the window */
    }
    return CNN_OK;
}
