/* SPDX-License-Identifier: MIT */
/* WebP by libwebp; of an animation the first image on its canvas. */
#include <stdio.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "image/codec.h"

typedef struct reader {
    const cnn__encoded *source;
    const cnn__decode_request *request;
    WebPDemuxer *demuxer;
    WebPIterator frame;
    bool has_frame;
    uint32_t width, height;
    bool has_alpha;
    cnn__alpha alpha;
    cnn_image *image;
    uint8_t *pixels; /* RGBA of the frame */
    uint8_t *row;    /* RGBA of the canvas */
} reader;

static cnn_status fail(const reader *r, cnn_status status, const char *what)
{
    return cnn__fail(r->source->context, status, "%s: WebP: %s", r->source->name, what);
}

static uint32_t orientation_of(const reader *r)
{
    static const uint8_t tag[6] = "Exif\0";
    uint32_t orientation = 1;
    WebPChunkIterator chunk;
    if (WebPDemuxGetChunk(r->demuxer, "EXIF", 1, &chunk)) {
        const uint8_t *bytes = chunk.chunk.bytes;
        size_t size = chunk.chunk.size;
        /* Some programs put JPEG's tag before the block. */
        if (size > sizeof(tag) && memcmp(bytes, tag, sizeof(tag)) == 0) {
            bytes += sizeof(tag);
            size -= sizeof(tag);
        }
        orientation = cnn__exif_orientation(bytes, size);
    }
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
}

static cnn_status read_header(reader *r, cnn_image_info *info)
{
    const WebPData data = {r->source->data, r->source->size};
    WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
    r->demuxer = WebPDemuxPartial(&data, &state);
    if (state == WEBP_DEMUX_PARSING_HEADER || state == WEBP_DEMUX_PARSED_HEADER) {
        return fail(r, CNN_ERROR_TRUNCATED, "the file ends before its image");
    }
    if (r->demuxer == NULL) {
        return fail(r, state == WEBP_DEMUX_PARSE_ERROR ? CNN_ERROR_FORMAT : CNN_ERROR_OUT_OF_MEMORY, "damaged");
    }
    r->width = WebPDemuxGetI(r->demuxer, WEBP_FF_CANVAS_WIDTH);
    r->height = WebPDemuxGetI(r->demuxer, WEBP_FF_CANVAS_HEIGHT);
    r->has_frame = WebPDemuxGetFrame(r->demuxer, 1, &r->frame) != 0;
    if (!r->has_frame) {
        return fail(r, CNN_ERROR_FORMAT, "no image");
    }
    const bool covered = r->frame.x_offset == 0 && r->frame.y_offset == 0 && (uint32_t)r->frame.width == r->width &&
                         (uint32_t)r->frame.height == r->height;
    r->has_alpha = r->frame.has_alpha != 0 || !covered;
    info->format = CNN_IMAGE_WEBP;
    info->width = r->width;
    info->height = r->height;
    info->bits = 8;
    info->color = r->frame.fragment.size >= 4 && memcmp(r->frame.fragment.bytes, "VP8 ", 4) == 0 ? CNN_COLOR_YCBCR
                                                                                                 : CNN_COLOR_RGB;
    info->has_alpha = r->has_alpha ? 1 : 0;
    info->orientation = orientation_of(r);
    if (state != WEBP_DEMUX_DONE || !r->frame.complete) {
        return fail(r, CNN_ERROR_TRUNCATED, "the file ends early");
    }
    return CNN_OK;
}

static cnn_status decode_frame(reader *r)
{
    WebPDecoderConfig config;
    const size_t stride = (size_t)r->frame.width * 4;
    if (!WebPInitDecoderConfig(&config)) {
        return fail(r, CNN_ERROR_UNSUPPORTED, "the library has another version than its headers");
    }
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = r->pixels;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * (size_t)r->frame.height;
    const VP8StatusCode code = WebPDecode(r->frame.fragment.bytes, r->frame.fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    switch (code) {
    case VP8_STATUS_OK:
        return CNN_OK;
    case VP8_STATUS_OUT_OF_MEMORY:
        return fail(r, CNN_ERROR_OUT_OF_MEMORY, "out of memory");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return fail(r, CNN_ERROR_TRUNCATED, "the image's data ends early");
    default:
        return fail(r, CNN_ERROR_FORMAT, "the image's data is damaged");
    }
}

/* What the frame does not cover is transparent black. */
static void put_rows(reader *r)
{
    const uint32_t left = (uint32_t)r->frame.x_offset, top = (uint32_t)r->frame.y_offset;
    const uint32_t width = (uint32_t)r->frame.width, height = (uint32_t)r->frame.height;
    for (uint32_t y = 0; y < r->height; y++) {
        if (y >= top && y - top < height) {
            memcpy(r->row + 4 * (size_t)left, r->pixels + (size_t)(y - top) * width * 4, (size_t)width * 4);
        } else if (y == top + height) {
            memset(r->row, 0, (size_t)r->width * 4);
        }
        cnn__alpha_pixels(&r->alpha, 0, y, r->row, r->width);
    }
}

static cnn_status read_pixels(reader *r)
{
    cnn_context *context = r->source->context;
    CNN__RETURN_IF_ERROR(cnn__check_size(r->source, &r->request->limits, r->width, r->height));
    /* The frame's own data must not be of another size than the container says. */
    int width, height;
    if (!WebPGetInfo(r->frame.fragment.bytes, r->frame.fragment.size, &width, &height) || width != r->frame.width ||
        height != r->frame.height || (uint64_t)r->frame.x_offset + (uint64_t)width > r->width ||
        (uint64_t)r->frame.y_offset + (uint64_t)height > r->height) {
        return fail(r, CNN_ERROR_FORMAT, "the image is not of the size that its container says");
    }
    CNN__RETURN_IF_ERROR(cnn__image_allocate(context, r->width, r->height, r->request->channels, &r->image));
    CNN__RETURN_IF_ERROR(cnn__alpha_begin(&r->alpha, r->source, r->request, r->has_alpha, r->image));
    r->pixels = cnn__alloc_array(context, (size_t)width * 4, (size_t)height);
    r->row = cnn__alloc_zero(context, (size_t)r->width * 4);
    if (r->pixels == NULL || r->row == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(decode_frame(r));
    put_rows(r);
    cnn__alpha_end(&r->alpha);
    return CNN_OK;
}

cnn_status cnn__webp_decode(const cnn__encoded *source, const cnn__decode_request *request, cnn_image_info *info,
                            cnn_image **image)
{
    reader r = {.source = source, .request = request};
    cnn_status status = read_header(&r, info);
    if (status == CNN_OK && image != NULL) {
        status = read_pixels(&r);
    }
    if (r.has_frame) {
        WebPDemuxReleaseIterator(&r.frame);
    }
    WebPDemuxDelete(r.demuxer);
    cnn__alpha_free(&r.alpha);
    cnn__free(source->context, r.pixels);
    cnn__free(source->context, r.row);
    if (status != CNN_OK) {
        cnn_image_free(r.image);
    } else if (image != NULL) {
        *image = r.image;
    }
    return status;
}
