/* SPDX-License-Identifier: MIT */
/* Initial values of parameters. */
#include <math.h>

#include "core/rng.h"
#include "model/model.h"

/* Standard deviation of a standard normal cut at two standard deviations; Keras divides by it likewise. */
#define TRUNCATED_DEVIATION 0.87962566103423978

static void fill_uniform(cnn__rng *rng, double bound, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)((2.0 * cnn__rng_uniform(rng) - 1.0) * bound);
    }
}

static void fill_normal(cnn__rng *rng, double deviation, bool truncated, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value = cnn__rng_normal(rng);
        while (truncated && fabs(value) > 2.0) {
            value = cnn__rng_normal(rng);
        }
        values[i] = (float)(value * deviation);
    }
}

static void fill_constant(float constant, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = constant;
    }
}

/* Of a kernel [..., channels, filters]: the middle of filter i is 1 in channel i, all else of it 0. */
static void pass_on(const cnn_shape *shape, float *values, size_t count)
{
    const size_t filters = (size_t)shape->dims[shape->rank - 1], channels = (size_t)shape->dims[shape->rank - 2];
    const size_t passed = filters < channels ? filters : channels;
    size_t middle = 0;
    for (uint32_t d = 0; d + 2 < shape->rank; d++) {
        middle = middle * (size_t)shape->dims[d] + (size_t)(shape->dims[d] / 2);
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = i % filters < passed ? 0 : values[i];
    }
    for (size_t f = 0; f < passed; f++) {
        values[(middle * channels + f) * filters + f] = 1;
    }
}

void cnn__initialize(const cnn__parameter *parameter, uint64_t seed, uint32_t number, float *values)
{
    const double fan_in = (double)(parameter->fan_in > 0 ? parameter->fan_in : 1);
    const double fan_out = (double)(parameter->fan_out > 0 ? parameter->fan_out : 1);
    const size_t count = parameter->values;
    cnn__rng rng;
    cnn__rng_init(&rng, seed, CNN__STREAM_INIT, parameter->node, number);
    switch (parameter->init.kind) {
    case CNN_INIT_GLOROT_NORMAL:
        fill_normal(&rng, sqrt(2.0 / (fan_in + fan_out)) / TRUNCATED_DEVIATION, true, values, count);
        break;
    case CNN_INIT_HE_UNIFORM:
        fill_uniform(&rng, sqrt(6.0 / fan_in), values, count);
        break;
    case CNN_INIT_HE_NORMAL:
        fill_normal(&rng, sqrt(2.0 / fan_in) / TRUNCATED_DEVIATION, true, values, count);
        break;
    case CNN_INIT_NORMAL:
        fill_normal(&rng, parameter->init.value, false, values, count);
        break;
    case CNN_INIT_CONSTANT:
        fill_constant(parameter->init.value, values, count);
        break;
    case CNN_INIT_PYTORCH:
        fill_uniform(&rng, 1.0 / sqrt(fan_in), values, count);
        break;
    case CNN_INIT_DIRAC:
        fill_uniform(&rng, 1.0 / sqrt(fan_in), values, count);
        if (parameter->shape.rank >= 3) {
            pass_on(&parameter->shape, values, count);
        }
        break;
    case CNN_INIT_UNIFORM:
        fill_uniform(&rng, parameter->init.value, values, count);
        break;
    default: /* CNN_INIT_DEFAULT, CNN_INIT_GLOROT_UNIFORM */
        fill_uniform(&rng, sqrt(6.0 / (fan_in + fan_out)), values, count);
        break;
    }
}
