/* SPDX-License-Identifier: MIT */
#include "onnx/constant.h"

#include <math.h>
#include <string.h>

#include "core/text.h"
#include "onnx/external.h"

bool cnn__onnx_is_float(int32_t type)
{
    return type == CNN__ONNX_FLOAT || type == CNN__ONNX_FLOAT16 || type == CNN__ONNX_DOUBLE ||
           type == CNN__ONNX_BFLOAT16;
}

int64_t cnn__onnx_whole(double value)
{
    return isnan(value) ? 0 : value >= 0x1p63 ? INT64_MAX : value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

int64_t cnn__onnx_int(const cnn__onnx_constant *c, size_t i)
{
    const size_t at = c->same ? 0 : i;
    return c->ints != NULL ? c->ints[at] : cnn__onnx_whole((double)c->floats[at]);
}

/* Bytes of an element in raw data; 0: not read. */
static size_t element_size(int32_t type)
{
    switch (type) {
    case CNN__ONNX_FLOAT:
    case CNN__ONNX_INT32:
    case CNN__ONNX_UINT32:
        return 4;
    case CNN__ONNX_DOUBLE:
    case CNN__ONNX_INT64:
    case CNN__ONNX_UINT64:
        return 8;
    case CNN__ONNX_UINT8:
    case CNN__ONNX_INT8:
    case CNN__ONNX_BOOL:
        return 1;
    case CNN__ONNX_UINT16:
    case CNN__ONNX_INT16:
    case CNN__ONNX_FLOAT16:
    case CNN__ONNX_BFLOAT16:
        return 2;
    default:
        return 0;
    }
}

static float from_half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float value = exponent == 0    ? ldexpf((float)fraction, -24)
                  : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                   : ldexpf((float)(fraction + 1024), exponent - 25);
    return (bits & 0x8000) != 0 ? -value : value;
}

static float from_brain(uint16_t bits)
{
    const uint32_t whole = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &whole, sizeof(value));
    return value;
}

/* Element `i` of raw data, by its type. */
#define RAW(type, name) \
    type name;          \
    memcpy(&name, bytes + i * sizeof(name), sizeof(name))

static float raw_float(int32_t type, const unsigned char *bytes, size_t i)
{
    if (type == CNN__ONNX_DOUBLE) {
        RAW(double, wide);
        return (float)wide;
    }
    if (type == CNN__ONNX_FLOAT) {
        RAW(float, single);
        return single;
    }
    RAW(uint16_t, half);
    return type == CNN__ONNX_FLOAT16 ? from_half(half) : from_brain(half);
}

static int64_t raw_int(int32_t type, const unsigned char *bytes, size_t i)
{
    switch (element_size(type)) {
    case 8: {
        RAW(int64_t, wide);
        return wide;
    }
    case 4: {
        RAW(int32_t, whole);
        return type == CNN__ONNX_UINT32 ? (int64_t)(uint32_t)whole : whole;
    }
    case 2: {
        RAW(int16_t, narrow);
        return type == CNN__ONNX_UINT16 ? (int64_t)(uint16_t)narrow : narrow;
    }
    default:
        return type == CNN__ONNX_INT8 ? (int64_t)(int8_t)bytes[i] : (int64_t)bytes[i];
    }
}

/* An empty constant of that shape, without values. */
static cnn__onnx_constant *begin(cnn__arena *arena, int32_t type, uint32_t rank, const int64_t *dims)
{
    cnn__onnx_constant *made = cnn__arena_alloc(arena, sizeof(*made));
    cnn_shape shape = {.rank = rank};
    size_t count = 0;
    if (made == NULL) {
        return NULL;
    }
    if (rank > CNN_MAX_RANK) {
        cnn__fail(arena->context, CNN_ERROR_LIMIT, "a constant has %u dimensions", rank);
        return NULL;
    }
    for (uint32_t i = 0; i < rank; i++) { /* without any, `dims` may be NULL */
        shape.dims[i] = dims[i];
    }
    if (!cnn__shape_values(&shape, &count)) {
        cnn__fail(arena->context, CNN_ERROR_LIMIT, "a constant is too large");
        return NULL;
    }
    *made = (cnn__onnx_constant){.type = type, .rank = rank, .count = count, .name = ""};
    memcpy(made->dims, shape.dims, sizeof(shape.dims));
    return made;
}

/* Room for `count` values, at least one. */
static bool give_room(cnn__arena *arena, cnn__onnx_constant *c, size_t count)
{
    const size_t room = count > 0 ? count : 1;
    if (cnn__onnx_is_float(c->type)) {
        c->floats = cnn__arena_array(arena, room, sizeof(float));
    } else {
        c->ints = cnn__arena_array(arena, room, sizeof(int64_t));
    }
    return c->floats != NULL || c->ints != NULL;
}

cnn__onnx_constant *cnn__onnx_constant_new(cnn__arena *arena, int32_t type, uint32_t rank, const int64_t *dims)
{
    cnn__onnx_constant *made = begin(arena, type, rank, dims);
    if (made != NULL && made->count > (size_t)1 << 31) {
        cnn__fail(arena->context, CNN_ERROR_LIMIT, "a constant of %zu values is computed", made->count);
        return NULL;
    }
    return made != NULL && give_room(arena, made, made->count) ? made : NULL;
}

cnn__onnx_constant *cnn__onnx_constant_same(cnn__arena *arena, int32_t type, uint32_t rank, const int64_t *dims,
                                            double value)
{
    cnn__onnx_constant *made = begin(arena, type, rank, dims);
    if (made == NULL || !give_room(arena, made, 1)) {
        return NULL;
    }
    made->same = true;
    if (made->floats != NULL) {
        cnn__onnx_floats(made)[0] = (float)value;
    } else {
        cnn__onnx_ints(made)[0] = cnn__onnx_whole(value);
    }
    return made;
}

/* Values that lie as raw bytes. */
static cnn_status read_raw(cnn__arena *arena, cnn__onnx_constant *c, const unsigned char *bytes)
{
    if (c->type == CNN__ONNX_FLOAT && (uintptr_t)bytes % sizeof(float) == 0) {
        c->floats = (const float *)(const void *)bytes;
        return CNN_OK;
    }
    if (!give_room(arena, c, c->count)) {
        return cnn__last_status(arena->context);
    }
    if (c->type == CNN__ONNX_FLOAT && c->count > 0) {
        memcpy(cnn__onnx_floats(c), bytes, c->count * sizeof(float));
        return CNN_OK;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->floats != NULL) {
            cnn__onnx_floats(c)[i] = raw_float(c->type, bytes, i);
        } else {
            cnn__onnx_ints(c)[i] = raw_int(c->type, bytes, i);
        }
    }
    return CNN_OK;
}

/* Values that lie in a field of their type; 16-bit floats are there as numbers of their bits. */
static cnn_status read_field(cnn__arena *arena, cnn__onnx_constant *c, const cnn__onnx_tensor *tensor)
{
    const int64_t *ints = tensor->ints.items;
    if (c->type == CNN__ONNX_FLOAT || c->type == CNN__ONNX_DOUBLE) {
        return read_raw(arena, c, c->type == CNN__ONNX_FLOAT ? tensor->floats.items : tensor->doubles.items);
    }
    if (!give_room(arena, c, c->count)) {
        return cnn__last_status(arena->context);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->floats == NULL) {
            cnn__onnx_ints(c)[i] = ints[i];
        } else {
            const uint16_t bits = (uint16_t)ints[i];
            cnn__onnx_floats(c)[i] = c->type == CNN__ONNX_FLOAT16 ? from_half(bits) : from_brain(bits);
        }
    }
    return CNN_OK;
}

/* Where the values lie, and whether there are as many as the shape says. */
static cnn_status read_values(cnn__arena *arena, const char *file, const cnn__onnx_folder *folder,
                              const cnn__onnx_tensor *tensor, const char *name, cnn__onnx_constant *c)
{
    const size_t size = element_size(c->type);
    const unsigned char *bytes = tensor->raw.items;
    size_t have = tensor->raw.count, wanted = c->count * size;
    if (tensor->location == 1) {
        CNN__RETURN_IF_ERROR(cnn__onnx_external_read(arena, file, folder, tensor, name, wanted, &bytes));
        have = wanted;
    }
    if (bytes != NULL) {
        return have == wanted
                   ? read_raw(arena, c, bytes)
                   : cnn__fail(arena->context, CNN_ERROR_FORMAT,
                               "%s: tensor \"%s\" has %zu bytes, its shape asks for %zu", file, name, have, wanted);
    }
    const size_t count = c->type == CNN__ONNX_FLOAT    ? tensor->floats.count
                         : c->type == CNN__ONNX_DOUBLE ? tensor->doubles.count
                                                       : tensor->ints.count;
    return count == c->count
               ? read_field(arena, c, tensor)
               : cnn__fail(arena->context, CNN_ERROR_FORMAT, "%s: tensor \"%s\" has %zu values, its shape asks for %zu",
                           file, name, count, c->count);
}

cnn_status cnn__onnx_constant_read(cnn__arena *arena, const char *file, const cnn__onnx_folder *folder,
                                   const cnn__onnx_tensor *tensor, cnn__onnx_constant **constant)
{
    char name[128];
    const int64_t *dims = tensor->dims.items;
    size_t values = 1;
    cnn__printable(tensor->name, name, sizeof(name));
    for (size_t i = 0; i < tensor->dims.count; i++) {
        if (dims[i] < 0 || !cnn__mul_size(values, (size_t)dims[i], &values) || values > CNN__MAX_VALUES) {
            return cnn__fail(arena->context, CNN_ERROR_LIMIT, "%s: the shape of tensor \"%s\" overflows", file, name);
        }
    }
    if (tensor->dims.count > CNN_MAX_RANK || element_size(tensor->type) == 0) {
        return cnn__fail(arena->context, CNN_ERROR_UNSUPPORTED,
                         "%s: tensor \"%s\" is of type %d with %zu dimensions, which is not read", file, name,
                         tensor->type, tensor->dims.count);
    }
    cnn__onnx_constant *c = begin(arena, tensor->type, (uint32_t)tensor->dims.count, dims);
    if (c == NULL) {
        return cnn__last_status(arena->context);
    }
    CNN__RETURN_IF_ERROR(read_values(arena, file, folder, tensor, name, c));
    if (c->floats == NULL && c->ints == NULL && !give_room(arena, c, 0)) {
        return cnn__last_status(arena->context);
    }
    c->name = tensor->name;
    *constant = c;
    return CNN_OK;
}
