/* SPDX-License-Identifier: MIT */
/* Noting and doing what steps ask of a frame. */
#include "pipeline/frame.h"

#include <string.h>

#include "core/memory.h"
#include "image/image.h"
#include "pipeline/resample.h"

cnn_status cnn__scratch_reserve(cnn__scratch *scratch, size_t block, size_t size)
{
    if (size <= scratch->sizes[block] && scratch->blocks[block] != NULL) {
        return CNN_OK;
    }
    void *memory = cnn__alloc(scratch->context, size);
    if (memory == NULL) {
        return cnn__last_status(scratch->context);
    }
    cnn__free(scratch->context, scratch->blocks[block]);
    scratch->blocks[block] = memory;
    scratch->sizes[block] = size;
    return CNN_OK;
}

void cnn__scratch_free(cnn__scratch *scratch)
{
    for (size_t i = 0; i < CNN__SCRATCH_BLOCKS; i++) {
        cnn__free(scratch->context, scratch->blocks[i]);
        scratch->blocks[i] = NULL;
        scratch->sizes[i] = 0;
    }
}

/* Nothing to be done; the part is the whole. */
static void clear_notes(cnn__frame *frame)
{
    frame->resize_height = frame->resize_width = 0;
    frame->top = frame->left = 0;
    frame->rows = frame->height;
    frame->cols = frame->width;
    frame->flip_rows = frame->flip_cols = frame->reversed = frame->mapped = false;
    for (size_t c = 0; c < CNN_MAX_CHANNELS; c++) {
        frame->gain[c] = 1.0;
        frame->bias[c] = 0.0;
    }
}

void cnn__frame_begin(cnn__frame *frame, cnn__scratch *scratch, const uint8_t *bytes, bool padded, const float *floats,
                      uint32_t height, uint32_t width, uint32_t channels)
{
    frame->scratch = scratch;
    frame->bytes = bytes;
    frame->padded = padded;
    frame->floats = floats;
    frame->height = height;
    frame->width = width;
    frame->channels = channels;
    frame->block = frame->held = -1;
    frame->owned = NULL;
    frame->view = 0;
    frame->step = 0;
    frame->step_name = "";
    frame->work = 0;
    /* An image that is there already was allowed by whoever made it. */
    const uint64_t limit = cnn__context_max_pixels(scratch->context), pixels = (uint64_t)height * width;
    frame->limit = pixels > limit ? pixels : limit;
    clear_notes(frame);
}

void cnn__frame_end(cnn__frame *frame)
{
    cnn_image_free(frame->owned);
    frame->owned = NULL;
}

cnn_status cnn__frame_block(cnn__frame *frame, size_t size, int *block)
{
    int chosen = 0;
    while (chosen == frame->block || chosen == frame->held) {
        chosen++;
    }
    *block = chosen;
    return cnn__scratch_reserve(frame->scratch, (size_t)chosen, size + CNN__IMAGE_SLACK);
}

static void put(cnn__frame *frame, int block, uint32_t channels)
{
    cnn__frame_end(frame);
    frame->block = block;
    frame->height = frame->rows;
    frame->width = frame->cols;
    frame->channels = channels;
    clear_notes(frame);
}

void cnn__frame_put_bytes(cnn__frame *frame, int block, uint32_t channels)
{
    put(frame, block, channels);
    frame->bytes = frame->scratch->blocks[block];
    frame->padded = true;
    frame->floats = NULL;
}

void cnn__frame_put_floats(cnn__frame *frame, int block, uint32_t channels)
{
    put(frame, block, channels);
    frame->floats = frame->scratch->blocks[block];
    frame->bytes = NULL;
}

cnn_status cnn__frame_values(const cnn__frame *frame, size_t *values)
{
    cnn_shape shape = {3, 0, {frame->rows, frame->cols, frame->channels}};
    if (!cnn__shape_values(&shape, values)) {
        return cnn__fail(frame->scratch->context, CNN_ERROR_LIMIT, "%s: %ux%u values are too many", frame->name,
                         frame->rows, frame->cols);
    }
    return CNN_OK;
}

bool cnn__frame_is_bytes(const cnn__frame *frame) { return frame->bytes != NULL && !frame->mapped; }

static bool is_whole(const cnn__frame *frame)
{
    uint32_t height = frame->resize_height != 0 ? frame->resize_height : frame->height;
    uint32_t width = frame->resize_width != 0 ? frame->resize_width : frame->width;
    return frame->top == 0 && frame->left == 0 && frame->rows == height && frame->cols == width;
}

/* What of one side is resized: `length` input pixels from `start` on become `outputs` pixels. */
typedef struct side {
    double start, length;
    uint32_t outputs;
} side;

/* Only the kept part when that gives the same values: the filter is smooth, and the part's borders in the input are
 * exact, as those of 256 pixels are. The crop then begins at 0. */
static side plan_side(uint32_t input, uint32_t output, bool smooth, int64_t *from, uint32_t kept)
{
    const double scale = (double)input / output;
    const double start = (double)*from * scale, length = kept * scale;
    const bool exact = scale * output == input && scale == (float)scale && start == (float)start &&
                       start + length == (float)(start + length);
    if (!smooth || !exact || *from < 0 || *from + kept > output) {
        return (side){0.0, input, output};
    }
    *from = 0;
    return (side){start, length, kept};
}

static cnn_status settle_bytes(cnn__frame *frame)
{
    cnn_image *resized = NULL;
    cnn_image view = {
        .context = frame->scratch->context,
        .width = frame->width,
        .height = frame->height,
        .channels = frame->channels,
        .pixels = (uint8_t *)frame->bytes,
    };
    /* With nearest and area the last bit of a border decides which pixels count. */
    const bool smooth = frame->filter == CNN_RESIZE_BILINEAR || frame->filter == CNN_RESIZE_BICUBIC;
    const side down = plan_side(frame->height, frame->resize_height, smooth, &frame->top, frame->rows);
    const side across = plan_side(frame->width, frame->resize_width, smooth, &frame->left, frame->cols);
    CNN__RETURN_IF_ERROR(cnn__image_resize_box(&view, across.start, down.start, across.length, down.length,
                                               across.outputs, down.outputs, frame->filter, &resized));
    cnn_image_free(frame->owned);
    frame->owned = resized;
    frame->bytes = cnn_image_pixels(resized);
    frame->padded = true;
    frame->block = -1;
    frame->height = cnn_image_height(resized);
    frame->width = cnn_image_width(resized);
    frame->resize_height = frame->resize_width = 0;
    return CNN_OK;
}

cnn_status cnn__frame_settle(cnn__frame *frame) { return frame->resize_height != 0 ? settle_bytes(frame) : CNN_OK; }

cnn_status cnn__frame_too_large(const cnn_context *context, const char *name, size_t step, const char *step_name,
                                uint64_t pixels, uint64_t limit)
{
    return cnn__fail(context, CNN_ERROR_LIMIT,
                     "%s: step %zu (%s) makes an image of %llu pixels, more than %llu, the limit max_pixels "
                     "(--max-pixels raises it)",
                     name, step + 1, step_name, (unsigned long long)pixels, (unsigned long long)limit);
}

/* Before anything of that size is asked for. */
static cnn_status check_size(const cnn__frame *frame, uint32_t rows, uint32_t cols)
{
    const uint64_t pixels = (uint64_t)rows * cols;
    return pixels <= frame->limit ? CNN_OK
                                  : cnn__frame_too_large(frame->scratch->context, frame->name, frame->step,
                                                         frame->step_name, pixels, frame->limit);
}

cnn_status cnn__frame_crop(cnn__frame *frame, int64_t top, int64_t left, uint32_t rows, uint32_t cols)
{
    CNN__RETURN_IF_ERROR(check_size(frame, rows, cols));
    bool inside = top >= 0 && left >= 0 && top + rows <= frame->rows && left + cols <= frame->cols;
    if (!inside && frame->mapped) {
        /* The padding is 0 in the values as they are now, not in the pixels. */
        CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    }
    if (!inside && !is_whole(frame)) {
        /* What an earlier crop cut off must not come back as padding. */
        CNN__RETURN_IF_ERROR(frame->bytes != NULL ? cnn__frame_bytes(frame) : cnn__frame_floats(frame));
    }
    frame->top += frame->flip_rows ? (int64_t)frame->rows - top - rows : top;
    frame->left += frame->flip_cols ? (int64_t)frame->cols - left - cols : left;
    frame->rows = rows;
    frame->cols = cols;
    return CNN_OK;
}

void cnn__frame_flip(cnn__frame *frame, bool rows, bool cols)
{
    frame->flip_rows ^= rows;
    frame->flip_cols ^= cols;
}

void cnn__frame_reverse(cnn__frame *frame)
{
    if (frame->channels != 3) {
        return;
    }
    frame->reversed = !frame->reversed;
    double gain = frame->gain[0], bias = frame->bias[0];
    frame->gain[0] = frame->gain[2];
    frame->bias[0] = frame->bias[2];
    frame->gain[2] = gain;
    frame->bias[2] = bias;
}

void cnn__frame_map(cnn__frame *frame, const double *gain, const double *bias)
{
    for (size_t c = 0; c < frame->channels; c++) {
        frame->gain[c] *= gain[c];
        frame->bias[c] = frame->bias[c] * gain[c] + bias[c];
    }
    frame->mapped = true;
}

static cnn_status copy_bytes(cnn__frame *frame)
{
    int block;
    size_t size;
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &size));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, size, &block));
    cnn__frame_copy_bytes(frame, frame->scratch->blocks[block]);
    cnn__frame_put_bytes(frame, block, frame->channels);
    return CNN_OK;
}

cnn_status cnn__frame_bytes(cnn__frame *frame)
{
    CNN__RETURN_IF_ERROR(cnn__frame_settle(frame));
    if (is_whole(frame) && !frame->flip_rows && !frame->flip_cols && !frame->reversed) {
        return CNN_OK;
    }
    return copy_bytes(frame);
}

cnn_status cnn__frame_floats(cnn__frame *frame)
{
    if (frame->floats != NULL && is_whole(frame) && !frame->flip_rows && !frame->flip_cols && !frame->reversed &&
        !frame->mapped) {
        return CNN_OK;
    }
    int block;
    size_t values;
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_settle(frame));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values * sizeof(float), &block));
    CNN__RETURN_IF_ERROR(cnn__frame_write(frame, frame->scratch->blocks[block]));
    cnn__frame_put_floats(frame, block, frame->channels);
    return CNN_OK;
}

static cnn_status resize_floats(cnn__frame *frame, uint32_t height, uint32_t width, cnn_resize_filter filter)
{
    size_t values;
    int block;
    CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    frame->rows = height;
    frame->cols = width;
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values * sizeof(float), &block));
    CNN__RETURN_IF_ERROR(cnn__resample(frame->scratch, frame->floats, frame->height, frame->width, frame->channels,
                                       frame->scratch->blocks[block], height, width, filter));
    cnn__frame_put_floats(frame, block, frame->channels);
    return CNN_OK;
}

cnn_status cnn__frame_resize(cnn__frame *frame, uint32_t height, uint32_t width, cnn_resize_filter filter)
{
    if (height == frame->rows && width == frame->cols) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(check_size(frame, height, width));
    if (filter != CNN_RESIZE_NEAREST && height != frame->rows && width != frame->cols) {
        /* Rows are resized before columns: that image lies between the two. */
        CNN__RETURN_IF_ERROR(check_size(frame, frame->rows, width));
        frame->work += (uint64_t)frame->rows * width;
    }
    if (!cnn__frame_is_bytes(frame)) {
        return resize_floats(frame, height, width, filter);
    }
    CNN__RETURN_IF_ERROR(cnn__frame_bytes(frame));
    if (!frame->padded) {
        CNN__RETURN_IF_ERROR(copy_bytes(frame));
    }
    frame->resize_height = frame->rows = height;
    frame->resize_width = frame->cols = width;
    frame->filter = filter;
    return CNN_OK;
}

cnn_status cnn__frame_resize_plain(cnn__frame *frame, uint32_t height, uint32_t width)
{
    size_t values;
    int block;
    if (height == frame->rows && width == frame->cols) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(check_size(frame, height, width));
    const bool bytes = cnn__frame_is_bytes(frame);
    CNN__RETURN_IF_ERROR(bytes ? cnn__frame_bytes(frame) : cnn__frame_floats(frame));
    const cnn__plain_resize resize = {frame->rows, frame->cols, frame->channels, height, width};
    frame->rows = height;
    frame->cols = width;
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, bytes ? values : values * sizeof(float), &block));
    CNN__RETURN_IF_ERROR(cnn__resize_plain(frame->scratch, &resize, bytes ? frame->bytes : NULL,
                                           bytes ? NULL : frame->floats, frame->scratch->blocks[block]));
    (bytes ? cnn__frame_put_bytes : cnn__frame_put_floats)(frame, block, frame->channels);
    return CNN_OK;
}
