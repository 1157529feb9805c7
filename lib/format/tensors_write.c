/* SPDX-License-Identifier: MIT */
/* Writing safetensors files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "format/tensors.h"
#include "core/file.h"

static size_t tensor_bytes(const cnn__tensor_source *tensor)
{
    size_t values = 0;
    (void)cnn__shape_values(&tensor->shape, &values);
    return values * sizeof(float);
}

static json_t *shape_to_json(const cnn_shape *shape)
{
    json_t *dims = json_array();
    for (uint32_t i = 0; dims != NULL && i < shape->rank; i++) {
        json_array_append_new(dims, json_integer(shape->dims[i]));
    }
    return dims;
}

/* Adds the checksums as one text, since all metadata of safetensors is text. */
static bool add_checksums(const cnn__tensor_source *tensors, size_t count, json_t *metadata)
{
    json_t *sums = json_object();
    for (size_t i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%08x",
                 (unsigned)crc32_z(crc32_z(0, NULL, 0), (const Bytef *)tensors[i].data, tensor_bytes(&tensors[i])));
        if (json_object_set_new(sums, tensors[i].name, json_string(text)) != 0) {
            json_decref(sums);
            return false;
        }
    }
    char *text = json_dumps(sums, JSON_COMPACT);
    json_decref(sums);
    bool set = text != NULL && json_object_set_new(metadata, "checksums", json_string(text)) == 0;
    free(text);
    return set;
}

/* The header's text, or NULL without memory; free() it. */
static char *make_header(const cnn__tensor_source *tensors, size_t count, json_t *metadata)
{
    json_t *header = json_object();
    bool good = header != NULL && add_checksums(tensors, count, metadata) &&
                json_object_set(header, "__metadata__", metadata) == 0;
    size_t offset = 0;
    for (size_t i = 0; i < count && good; i++) {
        size_t end = offset + tensor_bytes(&tensors[i]);
        json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape_to_json(&tensors[i].shape),
                                  "data_offsets", (json_int_t)offset, (json_int_t)end);
        good = entry != NULL && json_object_set_new(header, tensors[i].name, entry) == 0;
        offset = end;
    }
    char *text = good ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

cnn_status cnn__tensors_write(cnn_context *context, const char *path, const cnn__tensor_source *tensors, size_t count,
                              json_t *metadata)
{
    static const char spaces[8] = "        ";
    cnn__writer writer;
    char *header = make_header(tensors, count, metadata);
    if (header == NULL) {
        return cnn__fail(context, CNN_ERROR_OUT_OF_MEMORY, "%s: out of memory for the header", path);
    }
    size_t length = strlen(header), padding = (8 - length % 8) % 8;
    unsigned char size[8];
    for (size_t i = 0; i < 8; i++) {
        size[i] = (unsigned char)((uint64_t)(length + padding) >> (8 * i));
    }
    cnn_status status = cnn__writer_open(context, path, &writer);
    if (status == CNN_OK) {
        cnn__writer_write(&writer, size, sizeof(size));
        cnn__writer_write(&writer, header, length);
        cnn__writer_write(&writer, spaces, padding);
        for (size_t i = 0; i < count; i++) {
            cnn__writer_write(&writer, tensors[i].data, tensor_bytes(&tensors[i]));
        }
        status = cnn__writer_commit(&writer);
    }
    free(header);
    return status;
}
