/* SPDX-License-Identifier: MIT */
/* Philox 4x32-10 and what is drawn from it. Constants: Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011. */
#include "core/rng.h"

#include <math.h>
#include <stdbool.h>

#define TWO_PI 6.283185307179586476925287

void cnn__philox(const uint32_t key[2], const uint32_t counter[4], uint32_t block[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    block[0] = c0;
    block[1] = c1;
    block[2] = c2;
    block[3] = c3;
}

void cnn__rng_key(uint64_t seed, cnn__stream stream, uint64_t a, uint64_t b, uint64_t key[2])
{
    const uint32_t seed_words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32) ^ (uint32_t)stream};
    const uint32_t use[4] = {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)};
    uint32_t block[4];
    cnn__philox(seed_words, use, block);
    key[0] = block[0] | (uint64_t)block[1] << 32;
    key[1] = block[2] | (uint64_t)block[3] << 32;
}

void cnn__rng_init(cnn__rng *rng, uint64_t seed, cnn__stream stream, uint64_t a, uint64_t b)
{
    uint64_t key[2];
    cnn__rng_key(seed, stream, a, b, key);
    rng->key[0] = (uint32_t)key[0];
    rng->key[1] = (uint32_t)(key[0] >> 32);
    rng->counter[0] = rng->counter[1] = 0;
    rng->counter[2] = (uint32_t)key[1];
    rng->counter[3] = (uint32_t)(key[1] >> 32);
    rng->used = 4;
}

uint32_t cnn__rng_u32(cnn__rng *rng)
{
    if (rng->used == 4) {
        cnn__philox(rng->key, rng->counter, rng->block);
        if (++rng->counter[0] == 0) {
            rng->counter[1]++;
        }
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

double cnn__rng_uniform(cnn__rng *rng) { return cnn__rng_u32(rng) * 0x1p-32; }

double cnn__rng_normal(cnn__rng *rng)
{
    /* The half added keeps the logarithm's argument above 0. */
    double radius = sqrt(-2.0 * log((cnn__rng_u32(rng) + 0.5) * 0x1p-32));
    return radius * cos(TWO_PI * cnn__rng_uniform(rng));
}

uint64_t cnn__rng_below(cnn__rng *rng, uint64_t bound)
{
    /* Values from `limit` on would favour small results and are drawn again. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value;
    do {
        value = cnn__rng_u32(rng);
        value |= (uint64_t)cnn__rng_u32(rng) << 32;
    } while (value >= limit);
    return value % bound;
}

void cnn__rng_shuffle(cnn__rng *rng, uint64_t *values, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)cnn__rng_below(rng, i);
        uint64_t value = values[i - 1];
        values[i - 1] = values[j];
        values[j] = value;
    }
}

/* Marsaglia and Tsang 2000; below 1 from one more, by a power of a uniform number. */
static double gamma_variate(cnn__rng *rng, double shape)
{
    const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
    double v = 0;
    for (bool done = false; !done;) {
        const double x = cnn__rng_normal(rng), u = cnn__rng_uniform(rng);
        v = 1 + c * x;
        v = v * v * v;
        done = v > 0 && log(u) < 0.5 * x * x + d - d * v + d * log(v);
    }
    const double more = shape < 1 ? pow(1 - cnn__rng_uniform(rng), 1 / shape) : 1;
    return d * v * more;
}

double cnn__rng_beta(cnn__rng *rng, double a, double b)
{
    const double x = gamma_variate(rng, a), y = gamma_variate(rng, b);
    return x + y > 0 ? x / (x + y) : cnn__rng_uniform(rng) < a / (a + b) ? 1 : 0; /* both may be too small to tell */
}
