/* SPDX-License-Identifier: MIT */
#include "exchange/npy.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cnn_status append(void *user, const void *data, size_t size)
{
    npy *array = user;
    if (size > array->capacity - array->size) {
        array->capacity = 2 * (array->size + size);
        array->data = realloc(array->data, array->capacity);
        ck_assert_ptr_nonnull(array->data);
    }
    memcpy(array->data + array->size, data, size);
    array->size += size;
    return CNN_OK;
}

static void read_file(const char *path, npy *array)
{
    char block[65536];
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    for (size_t got = 1; got > 0;) {
        got = fread(block, 1, sizeof(block), file);
        append(array, block, got);
    }
    fclose(file);
}

/* The header is a dictionary of Python: descr, fortran_order and shape. */
static void parse(npy *array)
{
    const uint8_t *b = (const uint8_t *)array->data;
    ck_assert(array->size > 10 && memcmp(b, "\x93NUMPY\x01", 7) == 0);
    const size_t length = (size_t)(b[8] | b[9] << 8);
    ck_assert(10 + length <= array->size);
    char header[1024] = "";
    ck_assert(length < sizeof(header));
    memcpy(header, array->data + 10, length);
    const char *type = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
    ck_assert(type != NULL && shape != NULL);
    array->columns_first = strstr(header, "'fortran_order': True") != NULL;
    sscanf(type + strlen("'descr': '") + 1, "%7[a-zA-Z0-9]", array->type);
    array->dims[0] = array->dims[1] = array->dims[2] = array->dims[3] = array->count = 1;
    const char *at = shape + strlen("'shape': (");
    for (int i = 0; i < 4 && *at >= '0' && *at <= '9'; i++) {
        char *end = NULL;
        array->dims[i] = strtoull(at, &end, 10);
        array->count *= array->dims[i];
        at = end + strspn(end, ", ");
    }
    array->values = array->data + 10 + length;
    ck_assert(10 + length + array->count <= array->size);
}

void npy_read(cnn_context *context, const char *path, const char *member, npy *array)
{
    *array = (npy){0};
    if (member == NULL) {
        read_file(path, array);
    } else {
        ck_assert_msg(cnn_archive_read(context, path, member, 1 << 28, append, array) == CNN_OK, "%s",
                      cnn_last_error(context));
    }
    parse(array);
}

void npy_free(npy *array) { free(array->data); }

double npy_number(const npy *array, size_t index)
{
    ck_assert(index < array->count);
    if (array->columns_first) { /* of matrices alone */
        index = index % array->dims[1] * array->dims[0] + index / array->dims[1];
    }
    if (strcmp(array->type, "f8") == 0) {
        double value;
        memcpy(&value, array->values + 8 * index, sizeof(value));
        return value;
    }
    if (strcmp(array->type, "f4") == 0) {
        float value;
        memcpy(&value, array->values + 4 * index, sizeof(value));
        return (double)value;
    }
    ck_assert_str_eq(array->type, "u1");
    return (double)((const uint8_t *)array->values)[index];
}

void npy_text(const npy *array, size_t index, char *text, size_t size)
{
    const size_t length = (size_t)atoi(array->type + 1);
    ck_assert(array->type[0] == 'U' && length < size && index < array->count);
    for (size_t i = 0; i < length; i++) {
        text[i] = array->values[4 * (index * length + i)];
    }
    text[length] = '\0';
}
