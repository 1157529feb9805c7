/* SPDX-License-Identifier: MIT */
/* Convolution as a matrix product that reads its matrix from the image: the window of one kernel row is contiguous
 * in an NHWC image, so a register tile runs over kernel rows as pieces and no im2col matrix is written. */
#ifndef CNN_BACKEND_VECTOR_CONV2D_CONV_DIRECT_H
#define CNN_BACKEND_VECTOR_CONV2D_CONV_DIRECT_H

#include "backend/driver/task.h"
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/conv2d/conv_output.h"

/* An image and the windows that move over it. */
typedef struct direct_source {
    const float *data;
    const uint8_t *argmax;      /* with it, `data` is a pooled gradient and the unpooled one is read */
    int64_t h, w, c;            /* of the unpooled image */
    int64_t stored_h, stored_w; /* of what is stored */
    int64_t pad_y, pad_x, stride_y, stride_x, dilation_y;
    int64_t kernel_h, row_length; /* kernel rows; values in one: kernel_w * c */
    int64_t width;                /* pixels of a row that windows touch, padding included */
    int copies;                   /* 1: rows are padded or unpooled into scratch memory */
} direct_source;

/* Sets what follows from the other fields; `columns` is the number of windows in a row. */
VEC_INLINE void direct_source_finish(direct_source *s, int64_t columns, int64_t kernel_w, int pooled)
{
    s->row_length = kernel_w * s->c;
    s->width = (columns - 1) * s->stride_x + kernel_w;
    s->stored_h = pooled ? s->h / 2 : s->h;
    s->stored_w = pooled ? s->w / 2 : s->w;
    s->copies = pooled || s->pad_x != 0 || s->width > s->w;
}

/* Rows that the windows of `rows` output rows touch. */
VEC_INLINE int64_t direct_rows_touched(const direct_source *s, int64_t rows)
{
    return (rows - 1) * s->stride_y + (s->kernel_h - 1) * s->dilation_y + 1;
}

/* Values of a row kept in scratch memory, in whole cache lines. */
VEC_INLINE size_t direct_row_size(const direct_source *s) { return cnn__div_up((size_t)(s->width * s->c), 16) * 16; }

/* One unpooled row of a gradient, pixels [begin, end), to `to`. */
VEC_INLINE void direct_unpool_row(const direct_source *s, int64_t n, int64_t y, int64_t begin, int64_t end, float *to)
{
    const int64_t cell_row = (n * s->stored_h + y / 2) * s->stored_w;
    for (int64_t x = begin; x < end; x++, to += s->c) {
        if (y / 2 >= s->stored_h || x / 2 >= s->stored_w) {
            memset(to, 0, (size_t)s->c * sizeof(float));
            continue;
        }
        const int32_t place = (int32_t)(y % 2 * 2 + x % 2);
        const size_t at = (size_t)((cell_row + x / 2) * s->c);
        for (int64_t c = 0; c < s->c; c += VEC_WIDTH) {
            const size_t lanes = (size_t)(s->c - c);
            const vec_i here = conv_load_bytes(s->argmax + at + c, lanes) == place;
            vec_store_n(to + c, vec_keep(here, vec_load_n(s->data + at + c, lanes)), lanes);
        }
    }
}

/* Row y of image n as windows see it: from column -pad_x on, `width` pixels; NULL if it lies outside. */
VEC_INLINE const float *direct_row(const direct_source *s, int64_t n, int64_t y, float *scratch)
{
    if (y < 0 || y >= s->h) {
        return NULL;
    }
    if (!s->copies) {
        return s->data + (n * s->h + y) * s->w * s->c;
    }
    const int64_t begin = cnn__min_i64(cnn__max_i64(0, -s->pad_x), s->w); /* a negative pad skips columns */
    const int64_t left = cnn__max_i64(0, s->pad_x);
    const int64_t end = cnn__min_i64(s->w, begin + cnn__max_i64(0, s->width - left));
    const int64_t filled = cnn__min_i64(left, s->width) + (end - begin);
    memset(scratch, 0, (size_t)(cnn__min_i64(left, s->width) * s->c) * sizeof(float));
    if (s->argmax != NULL) {
        direct_unpool_row(s, n, y, begin, end, scratch + left * s->c);
    } else if (end > begin) {
        memcpy(scratch + left * s->c, s->data + ((n * s->h + y) * s->w + begin) * s->c,
               (size_t)((end - begin) * s->c) * sizeof(float));
    }
    memset(scratch + filled * s->c, 0, (size_t)((s->width - filled) * s->c) * sizeof(float));
    return scratch;
}

#endif
