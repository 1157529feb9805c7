/* SPDX-License-Identifier: MIT */
/* Reading safetensors files: nothing in them is believed before it is checked. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "format/tensors.h"

/* Reads `size` bytes at `offset`, both known to lie inside. */
static cnn_status read_at(const cnn__tensors *file, uint64_t offset, void *data, size_t size)
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

/* Parses one entry of the header. */
static cnn_status parse_entry(const cnn__tensors *file, const char *name, const json_t *json, cnn__tensor_entry *entry)
{
    char text[80];
    const cnn__json_place place = {file->context, file->name, cnn__printable(name, text, sizeof(text))};
    const char *type = NULL;
    json_t *shape = NULL, *offsets = NULL;
    if (strlen(name) > CNN__TENSORS_MAX_NAME) {
        return cnn__fail(file->context, CNN_ERROR_LIMIT, "%s: a tensor's name has more than %d bytes", file->name,
                         CNN__TENSORS_MAX_NAME);
    }
    CNN__RETURN_IF_ERROR(cnn__json_string(&place, json, "dtype", &type));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, json, "shape", &shape));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, json, "data_offsets", &offsets));
    if (strcmp(type, "F32") != 0) {
        return cnn__fail(file->context, CNN_ERROR_UNSUPPORTED, "%s: tensor \"%s\" is not of type F32", file->name,
                         place.part);
    }
    if (json_array_size(shape) > CNN_MAX_RANK) {
        return cnn__fail(file->context, CNN_ERROR_LIMIT, "%s: tensor \"%s\" has %zu dimensions, at most %d", file->name,
                         place.part, json_array_size(shape), CNN_MAX_RANK);
    }
    *entry = (cnn__tensor_entry){.name = name};
    entry->shape.rank = (uint32_t)json_array_size(shape);
    for (uint32_t i = 0; i < entry->shape.rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) {
            return cnn__json_bad(&place, "shape", "a list of sizes");
        }
        entry->shape.dims[i] = json_integer_value(dim);
    }
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin)) {
        return cnn__json_bad(&place, "data_offsets", "two offsets in order");
    }
    entry->begin = (uint64_t)json_integer_value(begin);
    entry->end = (uint64_t)json_integer_value(end);
    size_t values;
    if (!cnn__shape_values(&entry->shape, &values)) {
        return cnn__fail(file->context, CNN_ERROR_LIMIT, "%s: the shape of tensor \"%s\" overflows", file->name,
                         place.part);
    }
    if (entry->end - entry->begin != (uint64_t)values * sizeof(float)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT,
                         "%s: tensor \"%s\" has %" PRIu64 " bytes of data, its shape needs %" PRIu64, file->name,
                         place.part, entry->end - entry->begin, (uint64_t)values * sizeof(float));
    }
    return CNN_OK;
}

static int by_begin(const void *a, const void *b)
{
    const cnn__tensor_entry *left = a, *right = b;
    if (left->begin != right->begin) {
        return left->begin < right->begin ? -1 : 1;
    }
    return left->end < right->end ? -1 : left->end > right->end;
}

/* Each tensor begins where the one before it ended, and the last ends with the file. */
static cnn_status check_layout(const cnn__tensors *file)
{
    uint64_t place = 0;
    for (size_t i = 0; i < file->count; i++) {
        const cnn__tensor_entry *entry = &file->entries[i];
        if (entry->begin != place) {
            char text[80];
            return cnn__fail(file->context, CNN_ERROR_FORMAT,
                             "%s: tensor \"%s\" begins at %" PRIu64 ", expected %" PRIu64 ": %s", file->name,
                             cnn__printable(entry->name, text, sizeof(text)), entry->begin, place,
                             entry->begin < place ? "tensors overlap" : "there is a hole");
        }
        place = entry->end;
    }
    uint64_t data = file->size - file->data;
    if (place != data) {
        return cnn__fail(file->context, place > data ? CNN_ERROR_TRUNCATED : CNN_ERROR_FORMAT,
                         "%s: %" PRIu64 " bytes of data, the header describes %" PRIu64, file->name, data, place);
    }
    return CNN_OK;
}

static cnn_status parse_entries(cnn__tensors *file)
{
    const char *name;
    json_t *value;
    size_t members = json_object_size(file->header);
    if (members > CNN__TENSORS_MAX_COUNT) {
        return cnn__fail(file->context, CNN_ERROR_LIMIT, "%s: %zu tensors, at most %d", file->name, members,
                         CNN__TENSORS_MAX_COUNT);
    }
    file->entries = cnn__alloc_array(file->context, members + 1, sizeof(*file->entries));
    if (file->entries == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    json_object_foreach(file->header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) {
            file->metadata = json_is_object(value) ? value : NULL;
            continue;
        }
        CNN__RETURN_IF_ERROR(parse_entry(file, name, value, &file->entries[file->count]));
        file->count++;
    }
    qsort(file->entries, file->count, sizeof(*file->entries), by_begin);
    return check_layout(file);
}

static cnn_status parse_header(cnn__tensors *file)
{
    unsigned char bytes[8];
    uint64_t length = 0;
    if (file->size < sizeof(bytes)) {
        return cnn__fail(file->context, CNN_ERROR_TRUNCATED, "%s: %" PRIu64 " bytes, a header has at least 8",
                         file->name, file->size);
    }
    CNN__RETURN_IF_ERROR(read_at(file, 0, bytes, sizeof(bytes)));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        length |= (uint64_t)bytes[i] << (8 * i);
    }
    if (length > CNN__TENSORS_MAX_HEADER) {
        return cnn__fail(file->context, CNN_ERROR_LIMIT,
                         "%s: a header of %" PRIu64 " bytes, at most %" PRIu64 ": not a model file?", file->name,
                         length, CNN__TENSORS_MAX_HEADER);
    }
    if (length > file->size - sizeof(bytes)) {
        return cnn__fail(file->context, CNN_ERROR_TRUNCATED, "%s: ends at byte %" PRIu64 " within its header",
                         file->name, file->size);
    }
    char *text = cnn__alloc(file->context, (size_t)length + 1);
    if (text == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = read_at(file, sizeof(bytes), text, (size_t)length);
    if (status == CNN_OK) {
        status = cnn__json_parse(file->context, file->name, "header", text, (size_t)length, &file->header);
    }
    cnn__free(file->context, text);
    file->data = sizeof(bytes) + length;
    return status;
}

static cnn_status parse_checksums(cnn__tensors *file)
{
    const json_t *text = json_object_get(file->metadata, "checksums");
    if (text == NULL) {
        return CNN_OK;
    }
    if (!json_is_string(text)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: the checksums are not text", file->name);
    }
    return cnn__json_parse(file->context, file->name, "checksums", json_string_value(text), json_string_length(text),
                           &file->checksums);
}

static cnn_status open_common(cnn__tensors *file, const char *name)
{
    file->name = cnn__strdup(file->context, name);
    cnn_status status = file->name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = parse_header(file);
    }
    if (status == CNN_OK) {
        status = parse_entries(file);
    }
    if (status == CNN_OK) {
        status = parse_checksums(file);
    }
    if (status != CNN_OK) {
        cnn__tensors_close(file);
    }
    return status;
}

cnn_status cnn__tensors_open(cnn_context *context, const char *path, cnn__tensors *file)
{
    struct stat info;
    char reason[128];
    *file = (cnn__tensors){.context = context, .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file->descriptor < 0) {
        return cnn__fail(context, errno == ENOENT ? CNN_ERROR_NOT_FOUND : CNN_ERROR_IO, "%s: cannot be opened: %s",
                         path, strerror_r(errno, reason, sizeof(reason)));
    }
    if (fstat(file->descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        cnn__tensors_close(file);
        return cnn__fail(context, CNN_ERROR_IO, "%s: is not a regular file", path);
    }
    file->size = (uint64_t)info.st_size;
    if (file->size > CNN__TENSORS_MAX_FILE) {
        cnn__tensors_close(file);
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: has %" PRIu64 " bytes, at most %" PRIu64 " are read", path,
                         (uint64_t)info.st_size, CNN__TENSORS_MAX_FILE);
    }
    return open_common(file, path);
}

cnn_status cnn__tensors_open_memory(cnn_context *context, const void *memory, size_t size, cnn__tensors *file)
{
    *file = (cnn__tensors){.context = context, .descriptor = -1, .memory = memory, .size = size};
    return open_common(file, "model in memory");
}

void cnn__tensors_close(cnn__tensors *file)
{
    if (file->descriptor >= 0) {
        close(file->descriptor);
    }
    json_decref(file->header);
    json_decref(file->checksums);
    cnn__free(file->context, file->entries);
    cnn__free(file->context, file->name);
    *file = (cnn__tensors){.context = file->context, .descriptor = -1};
}

const cnn__tensor_entry *cnn__tensors_find(const cnn__tensors *file, const char *name)
{
    /* The header's own table finds the name; the list has the checked entry. */
    if (json_object_get(file->header, name) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->entries[i].name, name) == 0) {
            return &file->entries[i];
        }
    }
    return NULL;
}

cnn_status cnn__tensors_check(const cnn__tensors *file, const char *name, const cnn_shape *shape)
{
    const cnn__tensor_entry *entry = cnn__tensors_find(file, name);
    if (entry == NULL) {
        return cnn__fail(file->context, CNN_ERROR_MISMATCH, "%s: has no tensor \"%s\"", file->name, name);
    }
    if (!cnn__shape_equal(&entry->shape, shape)) {
        char found[128], wanted[128];
        cnn__shape_text(&entry->shape, NULL, found, sizeof(found));
        cnn__shape_text(shape, NULL, wanted, sizeof(wanted));
        return cnn__fail(file->context, CNN_ERROR_MISMATCH, "%s: tensor \"%s\" is %s, expected %s", file->name, name,
                         found, wanted);
    }
    return CNN_OK;
}

static cnn_status check_sum(const cnn__tensors *file, const char *name, const void *data, size_t size)
{
    const char *stored = json_string_value(json_object_get(file->checksums, name));
    char text[16];
    if (stored == NULL) {
        return CNN_OK;
    }
    uLong crc = crc32_z(crc32_z(0, NULL, 0), data, size);
    snprintf(text, sizeof(text), "%08lx", crc);
    return strcmp(text, stored) == 0
               ? CNN_OK
               : cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: the checksum of tensor \"%s\" does not fit its data",
                           file->name, name);
}

cnn_status cnn__tensors_read(const cnn__tensors *file, const char *name, float *data)
{
    const cnn__tensor_entry *entry = cnn__tensors_find(file, name);
    size_t size = (size_t)(entry->end - entry->begin);
    CNN__RETURN_IF_ERROR(read_at(file, file->data + entry->begin, data, size));
    return check_sum(file, name, data, size);
}
