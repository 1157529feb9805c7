/* SPDX-License-Identifier: MIT */
/* Resizing, equal to Pillow's: a pass along the rows, rounded to 8 bits, then one along the columns. The two passes
 * take turns, so that the rows between them stay in the cache. */
#include "image/resize.h"

#include <string.h>

/* What vector kernels may read beyond a row. */
#define ROW_SLACK 32

/* The part of the input that becomes the output. */
typedef struct box {
    double left, top, width, height;
} box;

typedef struct resizer {
    const cnn_image *from;
    cnn_image *to;
    const cnn__resize_kernels *kernels;
    cnn__resize_axis across, down; /* across.outputs is 0 if columns are only shifted by `shift` */
    uint32_t shift;
    /* Rows after the first pass: row r lies at place r % ring_rows, `made` is the first that is not there yet. */
    uint8_t *ring;
    size_t ring_stride;
    uint32_t ring_rows, made;
    const uint8_t **rows; /* of one output row */
} resizer;

/* An axis whose weights would all be a single 1: the part is as long as the output and begins at a pixel. */
static bool is_shift(double start, double length, uint32_t outputs)
{
    return length == outputs && start == (double)(uint32_t)start;
}

/* Runs the first pass for the next rows. Up to CNN__RESIZE_ROWS - 1 of them are not needed yet: ring_rows allows for
 * them. */
static void make_rows(resizer *r, uint32_t end)
{
    const size_t stride = (size_t)r->from->width * r->from->channels;
    while (r->made < end) {
        const uint32_t place = r->made % r->ring_rows;
        uint32_t count = r->from->height - r->made;
        count = count < CNN__RESIZE_ROWS ? count : CNN__RESIZE_ROWS;
        /* A group does not wrap around the end of the ring. */
        count = count < r->ring_rows - place ? count : r->ring_rows - place;
        r->kernels->row(&r->across, r->from->channels, count, r->from->pixels + r->made * stride, stride,
                        r->ring + place * r->ring_stride, r->ring_stride);
        r->made += count;
    }
}

static const uint8_t *row_at(const resizer *r, uint32_t row)
{
    if (r->across.outputs == 0) {
        return r->from->pixels + ((size_t)row * r->from->width + r->shift) * r->from->channels;
    }
    return r->ring + row % r->ring_rows * r->ring_stride;
}

static void run(resizer *r)
{
    const size_t size = (size_t)r->to->width * r->to->channels;
    r->made = r->down.first[0];
    for (uint32_t y = 0; y < r->down.outputs; y++) {
        const uint32_t first = r->down.first[y], count = r->down.count[y];
        if (r->across.outputs != 0) {
            make_rows(r, first + count);
        }
        uint8_t *output = r->to->pixels + y * size;
        for (uint32_t t = 0; t < count; t++) {
            r->rows[t] = row_at(r, first + t);
        }
        r->kernels->column(r->down.weights + (size_t)y * r->down.stride, count, r->rows, size, output);
    }
}

/* Rounds up to whole alignment units while adding up the parts of one block. */
static bool add_part(size_t *total, size_t count, size_t size)
{
    size_t bytes;
    if (!cnn__mul_size(count, size, &bytes) || bytes > SIZE_MAX - CNN__ALIGNMENT) {
        return false;
    }
    return cnn__add_size(*total, cnn__align_size(bytes), total);
}

static cnn_status resample(resizer *r, const box *part, cnn_resize_filter filter)
{
    cnn_context *context = r->from->context;
    const bool across = !is_shift(part->left, part->width, r->to->width);
    size_t across_size = 0, down_size, total = 0;
    if (across) {
        across_size = cnn__resize_axis_plan(&r->across, part->width, r->to->width, filter);
    }
    down_size = cnn__resize_axis_plan(&r->down, part->height, r->to->height, filter);
    r->shift = (uint32_t)part->left;
    /* Room for the taps and a group that begins at the last of them, in whole groups. */
    r->ring_rows = across ? (r->down.taps + 2 * CNN__RESIZE_ROWS - 1) / CNN__RESIZE_ROWS * CNN__RESIZE_ROWS : 0;
    r->ring_stride = cnn__align_size((size_t)r->to->width * r->to->channels + ROW_SLACK);
    if (!add_part(&total, across_size, sizeof(int32_t)) || !add_part(&total, down_size, sizeof(int32_t)) ||
        !add_part(&total, r->down.taps, sizeof(*r->rows)) || !add_part(&total, r->ring_rows, r->ring_stride)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "cnn_image_resize: the size of the workspace overflows");
    }
    uint8_t *memory = cnn__alloc(context, total);
    if (memory == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    uint8_t *next = memory;
    if (across) {
        cnn__resize_axis_fill(&r->across, (int32_t *)next, r->from->width, part->left, part->width, filter);
        next += cnn__align_size(across_size * sizeof(int32_t));
    }
    cnn__resize_axis_fill(&r->down, (int32_t *)next, r->from->height, part->top, part->height, filter);
    next += cnn__align_size(down_size * sizeof(int32_t));
    r->rows = (const uint8_t **)next;
    r->ring = next + cnn__align_size(r->down.taps * sizeof(*r->rows));
    /* Vector loads run past the last pixel of a row, and rows that no tap counts are read with a weight of 0: what lies
     * there changes no result, but would be read before it is written. */
    memset(r->ring, 0, r->ring_rows * r->ring_stride);
    run(r);
    cnn__free(context, memory);
    return CNN_OK;
}

/* The input pixel of each output pixel, added up as Pillow does; the last one is kept inside. */
static void nearest_indices(uint32_t *indices, uint32_t outputs, double start, double length, uint32_t inputs)
{
    const double scale = length / outputs;
    double at = start + scale * 0.5;
    for (uint32_t i = 0; i < outputs; i++, at += scale) {
        uint32_t index = (uint32_t)at;
        indices[i] = index < inputs ? index : inputs - 1;
    }
}

/* Picks `count` pixels of a row; `channels` is a constant where it is inlined. */
static inline void pick(const uint8_t *row, const uint32_t *columns, uint32_t count, uint32_t channels, uint8_t *to)
{
    for (uint32_t x = 0; x < count; x++, to += channels) {
        const uint8_t *pixel = row + (size_t)columns[x] * channels;
        for (uint32_t c = 0; c < channels; c++) {
            to[c] = pixel[c];
        }
    }
}

static cnn_status nearest(const cnn_image *from, const box *part, cnn_image *to)
{
    const uint32_t channels = from->channels;
    uint32_t *columns = cnn__alloc_array(from->context, (size_t)to->width + to->height, sizeof(*columns));
    if (columns == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    uint32_t *rows = columns + to->width;
    nearest_indices(columns, to->width, part->left, part->width, from->width);
    nearest_indices(rows, to->height, part->top, part->height, from->height);
    uint8_t *output = to->pixels;
    for (uint32_t y = 0; y < to->height; y++, output += (size_t)to->width * channels) {
        const uint8_t *row = from->pixels + (size_t)rows[y] * from->width * channels;
        if (channels == 3) {
            pick(row, columns, to->width, 3, output);
        } else {
            pick(row, columns, to->width, channels, output);
        }
    }
    cnn__free(from->context, columns);
    return CNN_OK;
}

static cnn_status check_arguments(const cnn_image *image, const box *part, uint32_t width, uint32_t height,
                                  cnn_resize_filter filter)
{
    if (width == 0 || height == 0 || width > CNN__IMAGE_MAX_SIDE || height > CNN__IMAGE_MAX_SIDE) {
        return cnn__fail(image->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_resize: to %u x %u pixels: 1 to %d along a side are possible", width, height,
                         CNN__IMAGE_MAX_SIDE);
    }
    if ((int)filter < CNN_RESIZE_DEFAULT || filter > CNN_RESIZE_AREA) {
        return cnn__fail(image->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_image_resize: there is no filter %d",
                         (int)filter);
    }
    /* Written so that a NaN fails. */
    if (!(part->left >= 0.0 && part->top >= 0.0 && part->width > 0.0 && part->height > 0.0 &&
          part->left + part->width <= image->width && part->top + part->height <= image->height)) {
        return cnn__fail(image->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_resize: the part does not lie inside the %u x %u pixels of the image", image->width,
                         image->height);
    }
    return CNN_OK;
}

cnn_status cnn__image_resize_box(const cnn_image *image, double left, double top, double box_width, double box_height,
                                 uint32_t width, uint32_t height, cnn_resize_filter filter, cnn_image **resized)
{
    *resized = NULL;
    const box given = {left, top, box_width, box_height};
    CNN__RETURN_IF_ERROR(check_arguments(image, &given, width, height, filter));
    /* Pillow holds the part's borders as floats. */
    const box part = {(float)left, (float)top, (float)(left + box_width) - (float)left,
                      (float)(top + box_height) - (float)top};
    cnn_image *to;
    CNN__RETURN_IF_ERROR(cnn__image_allocate(image->context, width, height, image->channels, &to));
    cnn_status status = CNN_OK;
    if (is_shift(part.left, part.width, width) && is_shift(part.top, part.height, height)) {
        const size_t size = (size_t)width * image->channels;
        for (uint32_t y = 0; y < height; y++) {
            const size_t pixel = ((size_t)part.top + y) * image->width + (size_t)part.left;
            memcpy(to->pixels + y * size, image->pixels + pixel * image->channels, size);
        }
    } else if (filter == CNN_RESIZE_NEAREST) {
        status = nearest(image, &part, to);
    } else {
        resizer r = {.from = image, .to = to, .kernels = cnn__resize_kernels_best(image->context)};
        status = resample(&r, &part, filter);
    }
    if (status != CNN_OK) {
        cnn_image_free(to);
        return status;
    }
    *resized = to;
    return CNN_OK;
}

cnn_status cnn_image_resize(const cnn_image *image, uint32_t width, uint32_t height, cnn_resize_filter filter,
                            cnn_image **resized)
{
    if (image == NULL || resized == NULL) {
        return cnn__fail(image != NULL ? image->context : NULL, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_image_resize: image and resized must not be NULL");
    }
    return cnn__image_resize_box(image, 0.0, 0.0, image->width, image->height, width, height, filter, resized);
}
