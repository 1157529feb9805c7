/* SPDX-License-Identifier: MIT */
/* Content of zip archives: stored or deflated, with its size and checksum compared. */
#include <string.h>
#include <zlib.h>

#include <cnn/exchange.h>

#include "exchange/zip.h"

/* Content on its way out. */
typedef struct flow {
    const cnn__zip *zip;
    const cnn__zip_member *member;
    cnn_write_function write;
    void *user;
    uint64_t given;
    uLong crc;
} flow;

static cnn_status hand_out(flow *f, const void *data, size_t size)
{
    if (size > f->member->size - f->given) {
        return cnn__zip_refuse(f->zip, CNN_ERROR_FORMAT, f->member->name, "is longer than the directory says");
    }
    f->crc = crc32_z(f->crc, data, size);
    f->given += size;
    return f->write(f->user, data, size);
}

static voidpf take_memory(voidpf context, uInt count, uInt size) { return cnn__alloc_array(context, count, size); }

static void give_memory(voidpf context, voidpf memory) { cnn__free(context, memory); }

/* All that inflate makes of what it has. */
static cnn_status inflate_part(flow *f, z_stream *stream, uint8_t *out, size_t room, bool *ended)
{
    do {
        stream->next_out = out;
        stream->avail_out = (uInt)room;
        const int result = inflate(stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return result == Z_MEM_ERROR ? CNN_ERROR_OUT_OF_MEMORY
                                         : cnn__zip_refuse(f->zip, CNN_ERROR_FORMAT, f->member->name, "is damaged");
        }
        CNN__RETURN_IF_ERROR(hand_out(f, out, room - stream->avail_out));
        *ended = result == Z_STREAM_END;
    } while (!*ended && stream->avail_out == 0);
    return CNN_OK;
}

static cnn_status inflate_all(flow *f, uint8_t *buffer, size_t half)
{
    cnn_context *context = f->zip->bytes.context;
    z_stream stream = {.zalloc = take_memory, .zfree = give_memory, .opaque = context};
    cnn_status status = CNN_OK;
    bool ended = false;
    if (inflateInit2(&stream, -15) != Z_OK) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    uint64_t at = 0;
    while (at < f->member->packed && status == CNN_OK && !ended) {
        const uint64_t rest = f->member->packed - at;
        const size_t size = rest < half ? (size_t)rest : half;
        status = cnn__bytes_read(&f->zip->bytes, f->member->data + at, buffer, size);
        stream.next_in = buffer;
        stream.avail_in = (uInt)size;
        status = status == CNN_OK ? inflate_part(f, &stream, buffer + half, half, &ended) : status;
        at += size;
    }
    if (status == CNN_OK && (!ended || at < f->member->packed || stream.avail_in > 0)) {
        status = cnn__zip_refuse(f->zip, CNN_ERROR_FORMAT, f->member->name,
                                 ended ? "has more than its data" : "is cut");
    }
    inflateEnd(&stream);
    return status;
}

static cnn_status copy_all(flow *f, uint8_t *buffer, size_t room)
{
    for (uint64_t at = 0; at < f->member->packed;) {
        const uint64_t rest = f->member->packed - at;
        const size_t size = rest < room ? (size_t)rest : room;
        CNN__RETURN_IF_ERROR(cnn__bytes_read(&f->zip->bytes, f->member->data + at, buffer, size));
        CNN__RETURN_IF_ERROR(hand_out(f, buffer, size));
        at += size;
    }
    return CNN_OK;
}

cnn_status cnn__zip_read(const cnn__zip *zip, const cnn__zip_member *member, cnn_write_function write, void *user)
{
    const size_t half = (size_t)1 << 17;
    flow f = {zip, member, write, user, 0, crc32_z(0, NULL, 0)};
    uint8_t *buffer = cnn__alloc(zip->bytes.context, 2 * half);
    if (buffer == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = member->method == 0 ? copy_all(&f, buffer, 2 * half) : inflate_all(&f, buffer, half);
    cnn__free(zip->bytes.context, buffer);
    if (status == CNN_OK && (f.given != member->size || (uint32_t)f.crc != member->crc)) {
        status = cnn__zip_refuse(zip, CNN_ERROR_FORMAT, member->name,
                                 "does not have the size or checksum that it should");
    }
    return status;
}

typedef struct target {
    uint8_t *data;
    size_t size;
} target;

static cnn_status copy_part(void *user, const void *data, size_t size)
{
    target *to = user;
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return CNN_OK;
}

cnn_status cnn__zip_unpack(const cnn__zip *zip, const cnn__zip_member *member, void *data)
{
    target to = {data, 0};
    return cnn__zip_read(zip, member, copy_part, &to);
}

cnn_status cnn_archive_read(cnn_context *context, const char *path, const char *name, uint64_t limit,
                            cnn_write_function write, void *user)
{
    cnn__bytes bytes;
    cnn__zip zip;
    if (context == NULL || path == NULL || name == NULL || write == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_archive_read: no path, member or function");
    }
    CNN__RETURN_IF_ERROR(cnn__bytes_open(context, path, &bytes));
    CNN__RETURN_IF_ERROR(cnn__zip_open(&bytes, &zip));
    const cnn__zip_member *member = cnn__zip_find(&zip, name);
    cnn_status status = member == NULL         ? cnn__zip_refuse(&zip, CNN_ERROR_NOT_FOUND, name, "is not there")
                        : member->size > limit ? cnn__zip_refuse(&zip, CNN_ERROR_LIMIT, name, "is too large")
                                               : cnn__zip_read(&zip, member, write, user);
    cnn__zip_close(&zip);
    return status;
}
