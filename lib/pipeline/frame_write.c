/* SPDX-License-Identifier: MIT */
/* The last pass over a frame's pixels: crop, padding, mirroring, colour order and values in one. */
#include <string.h>

#include "pipeline/frame.h"

/* Which pixels of a source row go to a row of the result, and where. */
typedef struct row_plan {
    size_t before, inside, after; /* pixels of the result: black, from the source, black */
    size_t first;                 /* source pixel that is written first */
    ptrdiff_t step;               /* source values from one pixel to the next */
} row_plan;

static row_plan plan_row(const cnn__frame *frame)
{
    int64_t cols = frame->cols, left = frame->left, width = frame->width;
    int64_t before = left < 0 ? -left : 0;
    before = before < cols ? before : cols;
    int64_t begin = left > 0 ? left : 0;
    int64_t inside = width - begin;
    inside = inside < 0 ? 0 : inside < cols - before ? inside : cols - before;
    int64_t after = cols - before - inside;
    bool flip = frame->flip_cols;
    int64_t first = flip && inside > 0 ? begin + inside - 1 : begin;
    ptrdiff_t step = flip ? -(ptrdiff_t)frame->channels : (ptrdiff_t)frame->channels;
    return (row_plan){(size_t)(flip ? after : before), (size_t)inside, (size_t)(flip ? before : after), (size_t)first,
                      step};
}

/* The source row of a row of the result; -1 if it lies outside. */
static int64_t source_row(const cnn__frame *frame, uint32_t row)
{
    int64_t source = frame->top + (frame->flip_rows ? (int64_t)frame->rows - 1 - row : row);
    return source >= 0 && source < frame->height ? source : -1;
}

/* ---- bytes to floats ---- */

/* x / 255 is rounded to float before anything else, as torchvision's ToTensor and Keras's rescale do it. */
static void fill_table(cnn__scratch *scratch, const cnn__frame *frame)
{
    const uint32_t channels = frame->channels;
    const size_t size = channels * sizeof(*frame->gain);
    if (scratch->table_valid && scratch->table_channels >= channels &&
        memcmp(scratch->table_gain, frame->gain, size) == 0 && memcmp(scratch->table_bias, frame->bias, size) == 0) {
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        for (size_t x = 0; x < 256; x++) {
            float value = (float)x / 255.0f;
            scratch->table[c][x] = frame->mapped ? (float)(value * frame->gain[c] + frame->bias[c]) : value;
        }
    }
    memcpy(scratch->table_gain, frame->gain, size);
    memcpy(scratch->table_bias, frame->bias, size);
    scratch->table_channels = channels;
    scratch->table_valid = true;
}

/* Source channels of the three channels of the result. */
typedef struct channel_order {
    size_t first, last;
} channel_order;

static void convert_colour(const uint8_t *restrict in, ptrdiff_t step, size_t count, channel_order order,
                           const float table[3][256], float *restrict out)
{
    for (size_t i = 0; i < count; i++, in += step, out += 3) {
        out[0] = table[0][in[order.first]];
        out[1] = table[1][in[1]];
        out[2] = table[2][in[order.last]];
    }
}

static void convert_grey(const uint8_t *restrict in, ptrdiff_t step, size_t count, const float *restrict table,
                         float *restrict out)
{
    for (size_t i = 0; i < count; i++, in += step) {
        out[i] = table[*in];
    }
}

/* Any number of channels, which stay in their order. */
static void convert_channels(const uint8_t *restrict in, ptrdiff_t step, size_t count, size_t channels,
                             const float table[][256], float *restrict out)
{
    for (size_t i = 0; i < count; i++, in += step, out += channels) {
        for (size_t c = 0; c < channels; c++) {
            out[c] = table[c][in[c]];
        }
    }
}

/* Values as they are, side by side: the table's numbers by division, several at a time. */
static void convert_plain(const uint8_t *restrict in, size_t count, float *restrict out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)in[i] / 255.0f;
    }
}

/* ---- floats to floats ---- */

static void map_pixels(const float *restrict in, ptrdiff_t step, size_t count, const cnn__frame *frame,
                       channel_order order, float *restrict out)
{
    const size_t channels = frame->channels;
    size_t source[CNN_MAX_CHANNELS];
    for (size_t c = 0; c < channels; c++) {
        source[c] = c;
    }
    if (channels == 3) {
        source[0] = order.first;
        source[2] = order.last;
    }
    for (size_t i = 0; i < count; i++, in += step, out += channels) {
        for (size_t c = 0; c < channels; c++) {
            double value = in[source[c]];
            out[c] = frame->mapped ? (float)(value * frame->gain[c] + frame->bias[c]) : (float)value;
        }
    }
}

static void fill_black(const cnn__frame *frame, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++, out += frame->channels) {
        for (size_t c = 0; c < frame->channels; c++) {
            out[c] = (float)frame->bias[c];
        }
    }
}

static void write_row(const cnn__frame *frame, const row_plan *plan, int64_t source, float *out)
{
    const size_t channels = frame->channels;
    const channel_order order = {frame->reversed ? 2 : 0, frame->reversed ? 0 : 2};
    if (source < 0) {
        fill_black(frame, frame->cols, out);
        return;
    }
    size_t at = ((size_t)source * frame->width + plan->first) * channels;
    float *inside = out + plan->before * channels;
    fill_black(frame, plan->before, out);
    if (frame->floats != NULL) {
        map_pixels(frame->floats + at, plan->step, plan->inside, frame, order, inside);
    } else if (!frame->mapped && !frame->reversed && plan->step > 0) {
        convert_plain(frame->bytes + at, plan->inside * channels, inside);
    } else if (channels == 3) {
        convert_colour(frame->bytes + at, plan->step, plan->inside, order, (const float(*)[256])frame->scratch->table,
                       inside);
    } else if (channels == 1) {
        convert_grey(frame->bytes + at, plan->step, plan->inside, frame->scratch->table[0], inside);
    } else {
        convert_channels(frame->bytes + at, plan->step, plan->inside, channels,
                         (const float(*)[256])frame->scratch->table, inside);
    }
    fill_black(frame, plan->after, inside + plan->inside * channels);
}

cnn_status cnn__frame_write(cnn__frame *frame, float *values)
{
    CNN__RETURN_IF_ERROR(cnn__frame_settle(frame));
    if (frame->bytes != NULL) {
        fill_table(frame->scratch, frame);
    }
    const row_plan plan = plan_row(frame);
    for (uint32_t row = 0; row < frame->rows; row++) {
        write_row(frame, &plan, source_row(frame, row), values + (size_t)row * frame->cols * frame->channels);
    }
    return CNN_OK;
}

/* ---- bytes to bytes ---- */

static void copy_pixels(const uint8_t *restrict in, ptrdiff_t step, size_t count, size_t channels, bool reversed,
                        uint8_t *restrict out)
{
    if (step > 0 && !reversed) {
        memcpy(out, in, count * channels);
        return;
    }
    if (channels != 1 && channels != 3) {
        for (size_t i = 0; i < count; i++, in += step, out += channels) {
            memcpy(out, in, channels);
        }
        return;
    }
    const size_t first = reversed ? channels - 1 : 0, last = reversed ? 0 : channels - 1;
    for (size_t i = 0; i < count; i++, in += step, out += channels) {
        out[0] = in[first];
        if (channels == 3) {
            out[1] = in[1];
            out[2] = in[last];
        }
    }
}

void cnn__frame_copy_bytes(const cnn__frame *frame, uint8_t *bytes)
{
    const row_plan plan = plan_row(frame);
    const size_t channels = frame->channels, size = (size_t)frame->cols * channels;
    for (uint32_t row = 0; row < frame->rows; row++, bytes += size) {
        int64_t source = source_row(frame, row);
        if (source < 0) {
            memset(bytes, 0, size);
            continue;
        }
        memset(bytes, 0, plan.before * channels);
        copy_pixels(frame->bytes + ((size_t)source * frame->width + plan.first) * channels, plan.step, plan.inside,
                    channels, frame->reversed, bytes + plan.before * channels);
        memset(bytes + (plan.before + plan.inside) * channels, 0, plan.after * channels);
    }
}
