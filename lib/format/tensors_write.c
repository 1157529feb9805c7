/* SPDX-License-Identifier: MIT */
/* Writing safetensors files. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "core/file.h"
#include "format/tensors.h"

/* Of the types that are written. */
static const char *type_name(cnn__tensor_type type)
{
    return type == CNN__TENSOR_F64 ? "F64" : type == CNN__TENSOR_U8 ? "U8" : "F32";
}

static size_t tensor_bytes(const cnn__tensor_source *tensor)
{
    size_t values = 0;
    (void)cnn__shape_values(&tensor->shape, &values);
    return values * (tensor->type == CNN__TENSOR_F64  ? sizeof(double)
                     : tensor->type == CNN__TENSOR_U8 ? 1
                                                      : sizeof(float));
}

void cnn__metadata_begin(cnn_context *context, cnn__json_writer *metadata)
{
    *metadata = (cnn__json_writer){.text = {.context = context}};
    cnn__json_open(metadata, NULL, '{');
}

void cnn__metadata_set(cnn__json_writer *metadata, const char *key, cnn__json_writer *object)
{
    if (object->text.status != CNN_OK) {
        metadata->text.status = metadata->text.status == CNN_OK ? object->text.status : metadata->text.status;
    } else {
        cnn__json_put_string(metadata, key, object->text.data);
    }
    cnn__string_free(&object->text);
}

/* Adds the checksums as one text, since all metadata of safetensors is text. */
static void add_checksums(const cnn__tensor_source *tensors, size_t count, cnn__json_writer *metadata)
{
    cnn__json_writer sums = {.text = {.context = metadata->text.context}};
    cnn__json_open(&sums, NULL, '{');
    for (size_t i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%08x",
                 (unsigned)crc32_z(crc32_z(0, NULL, 0), (const Bytef *)tensors[i].data, tensor_bytes(&tensors[i])));
        cnn__json_put_string(&sums, tensors[i].name, text);
    }
    cnn__json_close(&sums, '}');
    cnn__metadata_set(metadata, "checksums", &sums);
}

static void add_entries(const cnn__tensor_source *tensors, size_t count, cnn__json_writer *header)
{
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const cnn_shape *shape = &tensors[i].shape;
        cnn__json_open(header, tensors[i].name, '{');
        cnn__json_put_string(header, "dtype", type_name(tensors[i].type));
        cnn__json_open(header, "shape", '[');
        for (uint32_t d = 0; d < shape->rank; d++) {
            cnn__json_put_int(header, NULL, shape->dims[d]);
        }
        cnn__json_close(header, ']');
        cnn__json_open(header, "data_offsets", '[');
        cnn__json_put_int(header, NULL, (int64_t)offset);
        offset += tensor_bytes(&tensors[i]);
        cnn__json_put_int(header, NULL, (int64_t)offset);
        cnn__json_close(header, ']');
        cnn__json_close(header, '}');
    }
}

/* Reads the header back as a reader would, its limits and duplicate names included, before the old file is touched. */
static cnn_status check_header(cnn_context *context, const char *path, const cnn__tensor_source *tensors, size_t count,
                               const cnn__string *header)
{
    cnn__json_document document;
    uint64_t size = 8 + (uint64_t)header->size;
    for (size_t i = 0; i < count; i++) {
        size += tensor_bytes(&tensors[i]);
    }
    if (size > CNN__TENSORS_MAX_FILE) {
        return cnn__fail(context, CNN_ERROR_LIMIT,
                         "%s: not written: %" PRIu64 " bytes, of which %" PRIu64 " could be read", path, size,
                         CNN__TENSORS_MAX_FILE);
    }
    CNN__RETURN_IF_ERROR(cnn__limit_tensors(context, path, count));
    for (size_t i = 0; i < count; i++) {
        CNN__RETURN_IF_ERROR(cnn__limit_tensor_name(context, path, tensors[i].name));
    }
    CNN__RETURN_IF_ERROR(cnn__json_parse(context, path, "not written: header", header->data, header->size, &document));
    const cnn__json *metadata = cnn__json_get(document.root, "__metadata__");
    cnn_status status = CNN_OK;
    for (const cnn__json *key = cnn__json_first(metadata); key != NULL && status == CNN_OK;
         key = cnn__json_next(metadata, key)) {
        if (key[1].text[0] == '{') { /* JSON of its own */
            cnn__json_document part;
            status = cnn__json_parse(context, path, key->text, key[1].text, key[1].size, &part);
            cnn__json_free(&part);
        }
    }
    cnn__json_free(&document);
    return status;
}

/* Fills `header` with the whole header, spaces at its end included. */
static cnn_status make_header(cnn_context *context, const char *path, const cnn__tensor_source *tensors, size_t count,
                              cnn__json_writer *metadata, cnn__json_writer *header)
{
    static const char spaces[8] = "        ";
    add_checksums(tensors, count, metadata);
    cnn__json_close(metadata, '}');
    cnn__string_append(&header->text, "{\"__metadata__\":", strlen("{\"__metadata__\":"));
    if (metadata->text.status == CNN_OK) {
        cnn__string_append(&header->text, metadata->text.data, metadata->text.size);
        add_entries(tensors, count, header);
        cnn__json_close(header, '}');
        cnn__string_append(&header->text, spaces, (8 - header->text.size % 8) % 8);
    }
    const cnn_status status = metadata->text.status != CNN_OK ? metadata->text.status : header->text.status;
    if (status != CNN_OK) {
        return cnn__fail(context, status, "%s: not written: no memory for the header", path);
    }
    return check_header(context, path, tensors, count, &header->text);
}

cnn_status cnn__tensors_write(cnn_context *context, const char *path, const cnn__tensor_source *tensors, size_t count,
                              cnn__json_writer *metadata)
{
    cnn__writer writer;
    unsigned char size[8];
    cnn__json_writer header = {.text = {.context = context}};
    cnn_status status = make_header(context, path, tensors, count, metadata, &header);
    for (size_t i = 0; i < 8; i++) {
        size[i] = (unsigned char)((uint64_t)header.text.size >> (8 * i));
    }
    if (status == CNN_OK) {
        status = cnn__writer_open(context, path, &writer);
    }
    if (status == CNN_OK) {
        cnn__writer_write(&writer, size, sizeof(size));
        cnn__writer_write(&writer, header.text.data, header.text.size);
        for (size_t i = 0; i < count; i++) {
            cnn__writer_write(&writer, tensors[i].data, tensor_bytes(&tensors[i]));
        }
        status = cnn__writer_commit(&writer);
    }
    cnn__string_free(&header.text);
    return status;
}
