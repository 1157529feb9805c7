/* SPDX-License-Identifier: MIT */
/* Parsing an IDX file: two zero bytes, a type, a rank, the dimensions (32 bits, most significant first), values. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/limits.h"
#include "core/memory.h"
#include "dataset/idx.h"
#include "dataset/inflate.h"

#define TYPE_UNSIGNED_BYTE 0x08
#define TYPE_OFFSET 2
#define RANK_OFFSET 3
#define DIMS_OFFSET 4

/* What a parse has at hand. Offsets in messages are those of the data as it is when decompressed. */
typedef struct parser {
    cnn_context *context;
    const char *name;
    cnn__inflater input;
} parser;

static const char *type_name(uint8_t type)
{
    switch (type) {
    case 0x09:
        return "signed byte";
    case 0x0b:
        return "short";
    case 0x0c:
        return "int";
    case 0x0d:
        return "float";
    case 0x0e:
        return "double";
    default:
        return "unknown";
    }
}

/* Reads all of `size` bytes that lie at `offset`. */
static cnn_status read_all(parser *self, const char *part, size_t offset, void *data, size_t size)
{
    size_t got;
    CNN__RETURN_IF_ERROR(cnn__inflater_read(&self->input, data, size, &got));
    if (got < size) {
        return cnn__fail(self->context, CNN_ERROR_TRUNCATED, "%s: %s at offset %zu: found %zu bytes, expected %zu",
                         self->name, part, offset, got, size);
    }
    return CNN_OK;
}

static cnn_status parse_magic(parser *self, cnn__idx_kind kind, cnn__idx *idx)
{
    uint8_t magic[DIMS_OFFSET];
    CNN__RETURN_IF_ERROR(read_all(self, "header", 0, magic, sizeof(magic)));
    if (magic[0] != 0 || magic[1] != 0) {
        /* What a browser saves for a file that is not there any more. */
        const char *guess = magic[0] == '<' ? ": a web page in place of the file?" : "";
        return cnn__fail(self->context, CNN_ERROR_FORMAT,
                         "%s: magic at offset 0: found %02x %02x, expected 00 00 of IDX data or 1f 8b of gzip data%s",
                         self->name, magic[0], magic[1], guess);
    }
    if (magic[TYPE_OFFSET] != TYPE_UNSIGNED_BYTE) {
        return cnn__fail(self->context, CNN_ERROR_MISMATCH,
                         "%s: type at offset %d: found 0x%02x (%s), expected 0x%02x (unsigned byte)", self->name,
                         TYPE_OFFSET, magic[TYPE_OFFSET], type_name(magic[TYPE_OFFSET]), TYPE_UNSIGNED_BYTE);
    }
    idx->rank = magic[RANK_OFFSET];
    bool right = kind == CNN__IDX_IMAGES ? idx->rank == 3 || idx->rank == 4 : idx->rank == 1;
    if (!right) {
        return cnn__fail(self->context, CNN_ERROR_MISMATCH, "%s: rank at offset %d: found %u, expected %s", self->name,
                         RANK_OFFSET, idx->rank, kind == CNN__IDX_IMAGES ? "3 or 4" : "1");
    }
    return CNN_OK;
}

/* "60000 x 28 x 28" */
static void dims_text(const cnn__idx *idx, char *text, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < idx->rank && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32, i > 0 ? " x " : "", idx->dims[i]);
    }
}

static cnn_status parse_dims(parser *self, cnn__idx *idx)
{
    uint8_t bytes[4 * CNN__IDX_MAX_RANK];
    char text[64];
    bool fits = true;
    CNN__RETURN_IF_ERROR(read_all(self, "sizes", DIMS_OFFSET, bytes, 4 * (size_t)idx->rank));
    idx->size = 1;
    for (uint32_t i = 0; i < idx->rank; i++) {
        const uint8_t *dim = bytes + 4 * (size_t)i;
        idx->dims[i] = (uint32_t)dim[0] << 24 | (uint32_t)dim[1] << 16 | (uint32_t)dim[2] << 8 | dim[3];
        fits = fits && cnn__mul_size(idx->size, idx->dims[i], &idx->size);
    }
    dims_text(idx, text, sizeof(text));
    if (!fits) {
        return cnn__fail(self->context, CNN_ERROR_LIMIT, "%s: sizes at offset %d: found %s: the size overflows",
                         self->name, DIMS_OFFSET, text);
    }
    if (idx->size == 0) {
        return cnn__fail(self->context, CNN_ERROR_FORMAT, "%s: sizes at offset %d: found %s, expected none to be 0",
                         self->name, DIMS_OFFSET, text);
    }
    if (idx->size > cnn__limit(self->context, CNN__LIMIT_DATA_BYTES)) {
        return cnn__fail(self->context, CNN_ERROR_LIMIT,
                         "%s: sizes at offset %d: found %s = %zu bytes, limit %zu, " CNN__LIMIT_TEXT("data_bytes"),
                         self->name, DIMS_OFFSET, text, idx->size,
                         (size_t)cnn__limit(self->context, CNN__LIMIT_DATA_BYTES));
    }
    return CNN_OK;
}

/* The values must be all that follows. Uncompressed ones stay where they are. */
static cnn_status parse_values(parser *self, cnn__idx *idx)
{
    size_t offset = DIMS_OFFSET + 4 * (size_t)idx->rank, bound = cnn__inflater_bound(&self->input);
    if (bound < idx->size) {
        /* Said before memory is asked for: a header of a few bytes may promise gigabytes. */
        return cnn__fail(self->context, CNN_ERROR_TRUNCATED,
                         "%s: values at offset %zu: found %s%zu bytes, expected %zu", self->name, offset,
                         self->input.gzip ? "at most " : "", bound, idx->size);
    }
    if (self->input.gzip) {
        idx->block = cnn__alloc(self->context, idx->size);
        if (idx->block == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        idx->values = idx->block;
        CNN__RETURN_IF_ERROR(read_all(self, "values", offset, idx->block, idx->size));
    } else {
        idx->values = self->input.bytes + self->input.position;
        self->input.position += idx->size;
    }
    uint8_t extra;
    size_t got;
    CNN__RETURN_IF_ERROR(cnn__inflater_read(&self->input, &extra, 1, &got));
    if (got > 0) {
        return cnn__fail(self->context, CNN_ERROR_FORMAT, "%s: end at offset %zu: found more data, expected none",
                         self->name, offset + idx->size);
    }
    if (!self->input.ended) {
        return cnn__fail(self->context, CNN_ERROR_TRUNCATED,
                         "%s: end of the gzip data at offset %zu: found none, expected a checksum", self->name,
                         self->input.position);
    }
    return CNN_OK;
}

cnn_status cnn__idx_parse(cnn_context *context, const char *name, const uint8_t *bytes, size_t size, cnn__idx_kind kind,
                          cnn__idx *idx)
{
    *idx = (cnn__idx){.rank = 0};
    parser self = {.context = context, .name = name};
    CNN__RETURN_IF_ERROR(cnn__inflater_init(context, name, bytes, size, &self.input));
    cnn_status status = parse_magic(&self, kind, idx);
    if (status == CNN_OK) {
        status = parse_dims(&self, idx);
    }
    if (status == CNN_OK) {
        status = parse_values(&self, idx);
    }
    cnn__inflater_free(&self.input);
    if (status != CNN_OK) {
        cnn__idx_free(context, idx);
    }
    return status;
}

void cnn__idx_free(cnn_context *context, cnn__idx *idx)
{
    cnn__free(context, idx->block);
    *idx = (cnn__idx){.rank = 0};
}
