/* SPDX-License-Identifier: MIT */
/* Reading plain or gzip data from memory. */
#include "dataset/inflate.h"

#include <string.h>

#include "core/error.h"
#include "core/memory.h"

/* The most bytes handed to zlib at once: its counts are 32 bits wide. */
#define MAX_STEP ((size_t)1 << 30)

/* Deflate's best: 258 bytes for every 2 bits. */
#define MAX_EXPANSION 1032

/* zlib's window for gzip data, and only for it. */
#define GZIP_WINDOW (15 + 16)

static bool is_gzip(const uint8_t *bytes, size_t size) { return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

cnn_status cnn__inflater_init(cnn_context *context, const char *name, const uint8_t *bytes, size_t size,
                              cnn__inflater *inflater)
{
    *inflater = (cnn__inflater){.context = context, .name = name, .bytes = bytes, .size = size};
    inflater->gzip = is_gzip(bytes, size);
    if (inflater->gzip && inflateInit2(&inflater->stream, GZIP_WINDOW) != Z_OK) {
        return cnn__fail(context, CNN_ERROR_OUT_OF_MEMORY, "%s: out of memory for decompression", name);
    }
    return CNN_OK;
}

void cnn__inflater_free(cnn__inflater *inflater)
{
    if (inflater->gzip) {
        inflateEnd(&inflater->stream);
        inflater->gzip = false;
    }
}

size_t cnn__inflater_bound(const cnn__inflater *inflater)
{
    size_t rest = inflater->size - inflater->position, bound;
    if (!inflater->gzip) {
        return rest;
    }
    /* What zlib has taken in and not yet given out comes from less than eight bytes. */
    return cnn__mul_size(rest + 8, MAX_EXPANSION, &bound) ? bound : SIZE_MAX;
}

/* A member of the gzip file has ended: goes on with the next, if there is one. */
static cnn_status end_member(cnn__inflater *inflater)
{
    if (inflater->position == inflater->size) {
        inflater->ended = true;
        return CNN_OK;
    }
    if (!is_gzip(inflater->bytes + inflater->position, inflater->size - inflater->position)) {
        return cnn__fail(inflater->context, CNN_ERROR_FORMAT,
                         "%s: end of the gzip data at offset %zu: found %zu further bytes, expected none",
                         inflater->name, inflater->position, inflater->size - inflater->position);
    }
    inflateReset(&inflater->stream);
    return CNN_OK;
}

static cnn_status inflate_step(cnn__inflater *inflater, uint8_t *data, size_t size, size_t *got)
{
    z_stream *stream = &inflater->stream;
    size_t rest = inflater->size - inflater->position;
    uInt input = (uInt)(rest < MAX_STEP ? rest : MAX_STEP), output = (uInt)(size < MAX_STEP ? size : MAX_STEP);
    stream->next_in = (z_const Bytef *)inflater->bytes + inflater->position;
    stream->avail_in = input;
    stream->next_out = data;
    stream->avail_out = output;
    int result = inflate(stream, Z_NO_FLUSH);
    inflater->position += input - stream->avail_in;
    *got = output - stream->avail_out;
    if (result == Z_OK || result == Z_BUF_ERROR) {
        return CNN_OK;
    }
    if (result == Z_STREAM_END) {
        return end_member(inflater);
    }
    if (result == Z_MEM_ERROR) {
        return cnn__fail(inflater->context, CNN_ERROR_OUT_OF_MEMORY, "%s: out of memory for decompression",
                         inflater->name);
    }
    return cnn__fail(inflater->context, CNN_ERROR_FORMAT, "%s: gzip data at offset %zu: found %s, expected valid data",
                     inflater->name, inflater->position, stream->msg != NULL ? stream->msg : "damage");
}

cnn_status cnn__inflater_read(cnn__inflater *inflater, void *data, size_t size, size_t *got)
{
    *got = 0;
    if (!inflater->gzip) {
        size_t rest = inflater->size - inflater->position;
        *got = size < rest ? size : rest;
        memcpy(data, inflater->bytes + inflater->position, *got);
        inflater->position += *got;
        inflater->ended = inflater->position == inflater->size;
        return CNN_OK;
    }
    while (*got < size && !inflater->ended) {
        size_t before = inflater->position, step;
        CNN__RETURN_IF_ERROR(inflate_step(inflater, (uint8_t *)data + *got, size - *got, &step));
        *got += step;
        if (step == 0 && inflater->position == before && !inflater->ended) {
            break; /* the data is cut off */
        }
    }
    return CNN_OK;
}
