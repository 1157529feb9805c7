/* SPDX-License-Identifier: MIT */
/* Reading the tensors of an open safetensors file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/text.h"
#include "format/tensors.h"

cnn_status cnn__tensors_read_at(const cnn__tensors *file, uint64_t offset, void *data, size_t size)
{
    if (file->descriptor < 0) {
        memcpy(data, file->memory + offset, size);
        return CNN_OK;
    }
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(file->descriptor, (char *)data + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno != EINTR) {
            return cnn__fail(file->context, CNN_ERROR_IO, "%s: cannot be read at byte %" PRIu64, file->name,
                             offset + done);
        }
        if (got == 0) {
            return cnn__fail(file->context, CNN_ERROR_TRUNCATED, "%s: ends at byte %" PRIu64 " while being read",
                             file->name, offset + done);
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return CNN_OK;
}

cnn_status cnn__tensors_check(const cnn__tensors *file, const char *name, const cnn_shape *shape)
{
    const cnn__tensor_entry *entry = cnn__tensors_find(file, name);
    char text[300];
    cnn__printable(name, text, sizeof(text));
    if (entry == NULL) {
        return cnn__fail(file->context, CNN_ERROR_MISMATCH, "%s: has no tensor \"%s\"", file->name, text);
    }
    if (entry->type == CNN__TENSOR_OTHER || entry->type == CNN__TENSOR_U8) {
        char type[40];
        return cnn__fail(file->context, CNN_ERROR_UNSUPPORTED,
                         "%s: tensor \"%s\" is of type %s; F32, F16, BF16 and F64 are read", file->name, text,
                         cnn__printable(entry->type_name, type, sizeof(type)));
    }
    if (!entry->readable || !cnn__shape_equal(&entry->shape, shape)) {
        char found[160], wanted[160];
        cnn__shape_text(&entry->shape, NULL, found, sizeof(found));
        cnn__shape_text(shape, NULL, wanted, sizeof(wanted));
        return cnn__fail(file->context, CNN_ERROR_MISMATCH, "%s: tensor \"%s\" is %s, expected %s", file->name, text,
                         entry->readable ? found : "of too many dimensions", wanted);
    }
    return CNN_OK;
}

static cnn_status check_sum(const cnn__tensors *file, const char *name, uLong crc)
{
    size_t index;
    char text[16];
    if (!cnn__table_find(&file->sums, name, &index)) {
        return CNN_OK;
    }
    snprintf(text, sizeof(text), "%08lx", crc);
    return strcmp(text, file->checksums.root[index].text) == 0
               ? CNN_OK
               : cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: the checksum of tensor \"%s\" does not fit its data",
                           file->name, name);
}

cnn_status cnn__tensors_read_bytes(const cnn__tensors *file, const cnn__tensor_entry *entry, void *data)
{
    const size_t size = (size_t)(entry->end - entry->begin);
    CNN__RETURN_IF_ERROR(cnn__tensors_read_at(file, file->data + entry->begin, data, size));
    return check_sum(file, entry->name, crc32_z(crc32_z(0, NULL, 0), data, size));
}

cnn_status cnn__tensors_read(const cnn__tensors *file, const char *name, float *data)
{
    const cnn__tensor_entry *entry = cnn__tensors_find(file, name);
    unsigned char bytes[8192];
    if (entry->type == CNN__TENSOR_F32) {
        return cnn__tensors_read_bytes(file, entry, data);
    }
    uLong crc = crc32_z(0, NULL, 0);
    const size_t each = (size_t)cnn__tensor_type_size(entry->type);
    for (uint64_t at = entry->begin; at < entry->end;) {
        const size_t size = entry->end - at < sizeof(bytes) ? (size_t)(entry->end - at) : sizeof(bytes);
        CNN__RETURN_IF_ERROR(cnn__tensors_read_at(file, file->data + at, bytes, size));
        crc = crc32_z(crc, bytes, size);
        cnn__tensor_convert(entry->type, bytes, size / each, data);
        data += size / each;
        at += size;
    }
    return check_sum(file, entry->name, crc);
}
