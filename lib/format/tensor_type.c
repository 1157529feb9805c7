/* SPDX-License-Identifier: MIT */
/* Types of values in files, and what they are as float32. */
#include <string.h>

#include "format/tensors.h"

static const struct {
    const char *name;
    uint64_t size;
} types[] = {
    [CNN__TENSOR_F32] = {"F32", 4}, [CNN__TENSOR_F16] = {"F16", 2}, [CNN__TENSOR_BF16] = {"BF16", 2},
    [CNN__TENSOR_F64] = {"F64", 8}, [CNN__TENSOR_U8] = {"U8", 1},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

cnn__tensor_type cnn__tensor_type_find(const char *name)
{
    size_t type = 0;
    while (type < TYPES && strcmp(types[type].name, name) != 0) {
        type++;
    }
    return type < TYPES ? (cnn__tensor_type)type : CNN__TENSOR_OTHER;
}

uint64_t cnn__tensor_type_size(cnn__tensor_type type) { return (size_t)type < TYPES ? types[type].size : 0; }

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE 754 half precision: 5 bits of exponent, 10 of fraction. */
static float from_f16(uint32_t half)
{
    const uint32_t sign = (half & 0x8000) << 16, fraction = half & 0x3ff;
    uint32_t exponent = half >> 10 & 0x1f;
    if (exponent == 0 && fraction != 0) {
        /* Below its normal numbers, and among those of float32: fraction x 2^-24. */
        const uint32_t shift = (uint32_t)__builtin_clz(fraction) - 21;
        return from_bits(sign | (113 - shift) << 23 | (fraction << (13 + shift) & 0x7fffff));
    }
    exponent = exponent == 0 ? 0 : exponent == 31 ? 255 : exponent + 112;
    return from_bits(sign | exponent << 23 | fraction << 13);
}

void cnn__tensor_convert(cnn__tensor_type type, const unsigned char *bytes, size_t count, float *data)
{
    if (type == CNN__TENSOR_F32) {
        memcpy(data, bytes, count * sizeof(*data));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (type == CNN__TENSOR_F64) {
            double value;
            memcpy(&value, bytes + 8 * i, sizeof(value));
            data[i] = (float)value;
        } else {
            const uint32_t bits = (uint32_t)bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
            data[i] = type == CNN__TENSOR_F16 ? from_f16(bits) : from_bits(bits << 16);
        }
    }
}
