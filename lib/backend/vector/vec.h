/* SPDX-License-Identifier: MIT */
/* Vectors of the width that a file is compiled for (CNN_VECTOR_FLOATS: 4, 8 or 16), by the compiler's vector
 * extensions; intrinsics only where those have no word for it. What such a file shares is named by CNN__VECTOR(name):
 * name_<instruction set>. */
#ifndef CNN_BACKEND_VECTOR_VEC_H
#define CNN_BACKEND_VECTOR_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define VEC_WIDTH CNN_VECTOR_FLOATS
#define VEC_PASTE_(name, suffix) name##_##suffix
#define VEC_PASTE(name, suffix) VEC_PASTE_(name, suffix)
#define CNN__VECTOR(name) VEC_PASTE(name, CNN_VECTOR_SUFFIX)
#define VEC_INLINE static inline __attribute__((always_inline))

typedef float vec_f __attribute__((vector_size(4 * VEC_WIDTH)));
typedef int32_t vec_i __attribute__((vector_size(4 * VEC_WIDTH)));
typedef uint32_t vec_u __attribute__((vector_size(4 * VEC_WIDTH)));
typedef uint8_t vec_b __attribute__((vector_size(VEC_WIDTH)));
typedef uint64_t vec_q __attribute__((vector_size(4 * VEC_WIDTH)));
typedef double vec_d __attribute__((vector_size(4 * VEC_WIDTH))); /* half as many values */
typedef float vec_half __attribute__((vector_size(2 * VEC_WIDTH)));

#define VEC_D (VEC_WIDTH / 2)

VEC_INLINE vec_f vec_load(const float *p)
{
    vec_f v;
    memcpy(&v, p, sizeof(v));
    return v;
}

VEC_INLINE void vec_store(float *p, vec_f v) { memcpy(p, &v, sizeof(v)); }

/* Past the caches, without reading the line first: for results that are larger than these. `p` is aligned to a vector,
 * and lines are written whole. A task that did so ends with vec_stream_end(): no lock orders such stores. */
VEC_INLINE void vec_stream(float *p, vec_f v)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    _mm512_stream_ps(p, (__m512)v);
#elif VEC_WIDTH == 8 && defined(__AVX__)
    _mm256_stream_ps(p, (__m256)v);
#elif VEC_WIDTH == 4 && defined(__SSE2__)
    _mm_stream_ps(p, (__m128)v);
#else
    vec_store(p, v);
#endif
}

VEC_INLINE void vec_stream_end(void)
{
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

#define VEC_LINE 16 /* values of a cache line */

/* Whether p begins a line. */
VEC_INLINE int vec_begins_line(const float *p) { return (uintptr_t)p % (VEC_LINE * sizeof(float)) == 0; }

/* The first n < VEC_WIDTH values, then zeros. Where the processor has masks they replace a copy of unknown length,
 * which is a call. */
VEC_INLINE vec_f vec_load_partial(const float *p, size_t n)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    return (vec_f)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif VEC_WIDTH == 8 && defined(__AVX2__)
    return (vec_f)_mm256_maskload_ps(p, (__m256i)((vec_i){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n));
#else
    vec_f v = {0};
    memcpy(&v, p, n * sizeof(float));
    return v;
#endif
}

VEC_INLINE void vec_store_partial(float *p, vec_f v, size_t n)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif VEC_WIDTH == 8 && defined(__AVX2__)
    _mm256_maskstore_ps(p, (__m256i)((vec_i){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n), (__m256)v);
#else
    memcpy(p, &v, n * sizeof(float));
#endif
}

/* VEC_WIDTH values, or the first n of them with zeros after them. */
VEC_INLINE vec_f vec_load_n(const float *p, size_t n) { return n >= VEC_WIDTH ? vec_load(p) : vec_load_partial(p, n); }

VEC_INLINE void vec_store_n(float *p, vec_f v, size_t n)
{
    if (n >= VEC_WIDTH) {
        vec_store(p, v);
    } else {
        vec_store_partial(p, v, n);
    }
}

/* Subtracting 0 keeps all values, -0 and NaN among them, and costs nothing. */
VEC_INLINE vec_f vec_set1(float x) { return x - (vec_f){0}; }
VEC_INLINE vec_d vec_set1_d(double x) { return x - (vec_d){0}; }

/* a b + c, rounded once where the processor can. The compiler contracts most such expressions, but not all: loops that
 * must agree to the bit say so. */
VEC_INLINE vec_f vec_multiply_add(vec_f a, vec_f b, vec_f c)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    return (vec_f)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif VEC_WIDTH == 8 && defined(__FMA__)
    return (vec_f)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* `mask` is all ones or all zeros in each lane. */
VEC_INLINE vec_f vec_select(vec_i mask, vec_f yes, vec_f no)
{
#if VEC_WIDTH == 8 && defined(__AVX__)
    return (vec_f)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
#else
    return (vec_f)((mask & (vec_i)yes) | (~mask & (vec_i)no));
#endif
}

/* a > b ? a : b; with a NaN or two zeros b. */
VEC_INLINE vec_f vec_max(vec_f a, vec_f b)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    return (vec_f)_mm512_max_ps((__m512)a, (__m512)b);
#elif VEC_WIDTH == 8 && defined(__AVX__)
    return (vec_f)_mm256_max_ps((__m256)a, (__m256)b);
#elif VEC_WIDTH == 4 && defined(__SSE2__)
    return (vec_f)_mm_max_ps((__m128)a, (__m128)b);
#else
    return vec_select(a > b, a, b);
#endif
}

/* True if a lane of `mask` is set. */
VEC_INLINE int vec_any(vec_i mask)
{
#if VEC_WIDTH == 8 && defined(__AVX__)
    return _mm256_movemask_ps((__m256)mask) != 0;
#elif VEC_WIDTH == 4 && defined(__SSE2__)
    return _mm_movemask_ps((__m128)mask) != 0;
#else
    int32_t any = 0;
    for (int i = 0; i < VEC_WIDTH; i++) {
        any |= mask[i];
    }
    return any != 0;
#endif
}

/* Bytes as integers, and integers of 0 to 255 as bytes: the first n <= VEC_WIDTH of them. */
VEC_INLINE vec_i vec_load_bytes(const uint8_t *p, size_t n)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    __m128i bytes = _mm_setzero_si128();
    memcpy(&bytes, p, n);
    return (vec_i)_mm512_cvtepu8_epi32(bytes);
#elif VEC_WIDTH == 8 && defined(__AVX2__)
    uint64_t bytes = 0;
    memcpy(&bytes, p, n);
    return (vec_i)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)bytes));
#elif VEC_WIDTH == 4 && defined(__SSE2__)
    int32_t bytes = 0;
    memcpy(&bytes, p, n);
    const __m128i zero = _mm_setzero_si128();
    return (vec_i)_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), zero), zero);
#else
    vec_b v = {0};
    memcpy(&v, p, n);
    return __builtin_convertvector(v, vec_i);
#endif
}

VEC_INLINE void vec_store_bytes(uint8_t *p, vec_i v, size_t n)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    const __m128i bytes = _mm512_cvtepi32_epi8((__m512i)v);
#elif VEC_WIDTH == 8 && defined(__AVX2__)
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
    const __m128i bytes = _mm_packus_epi16(words, words);
#elif VEC_WIDTH == 4 && defined(__SSE2__)
    const __m128i words = _mm_packs_epi32((__m128i)v, (__m128i)v);
    const __m128i bytes = _mm_packus_epi16(words, words);
#else
    const vec_b bytes = __builtin_convertvector(v, vec_b);
#endif
    memcpy(p, &bytes, n);
}

/* `x` where the mask is set, else 0. */
VEC_INLINE vec_f vec_keep(vec_i mask, vec_f x) { return (vec_f)(mask & (vec_i)x); }

VEC_INLINE vec_d vec_load_d(const double *p)
{
    vec_d v;
    memcpy(&v, p, sizeof(v));
    return v;
}

VEC_INLINE void vec_store_d(double *p, vec_d v) { memcpy(p, &v, sizeof(v)); }

/* p[0..n) += v, n at most VEC_D. */
VEC_INLINE void vec_add_d(double *p, vec_d v, size_t n)
{
    vec_d sum = {0};
    if (n >= VEC_D) {
        vec_store_d(p, vec_load_d(p) + v);
        return;
    }
    memcpy(&sum, p, n * sizeof(double));
    sum += v;
    memcpy(p, &sum, n * sizeof(double));
}

VEC_INLINE vec_d vec_widen_half(vec_half v)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    return (vec_d)_mm512_cvtps_pd((__m256)v);
#elif VEC_WIDTH == 8 && defined(__AVX__)
    return (vec_d)_mm256_cvtps_pd((__m128)v);
#else
    return __builtin_convertvector(v, vec_d);
#endif
}

/* VEC_D floats as doubles; the first n of them, then zeros. */
VEC_INLINE vec_d vec_widen(const float *p)
{
    vec_half v;
    memcpy(&v, p, sizeof(v));
    return vec_widen_half(v);
}

VEC_INLINE vec_d vec_widen_n(const float *p, size_t n)
{
    vec_half v = {0};
    if (n >= VEC_D) {
        return vec_widen(p);
    }
    memcpy(&v, p, n * sizeof(float));
    return vec_widen_half(v);
}

/* Halves of a vector as doubles. */
VEC_INLINE vec_d vec_low_d(vec_f v)
{
    vec_half half;
    memcpy(&half, &v, sizeof(half));
    return vec_widen_half(half);
}

VEC_INLINE vec_d vec_high_d(vec_f v)
{
    vec_half half;
    memcpy(&half, (const char *)&v + sizeof(half), sizeof(half));
    return vec_widen_half(half);
}

VEC_INLINE double vec_sum_d(vec_d v)
{
    double sum = 0;
    for (int i = 0; i < VEC_D; i++) {
        sum += v[i];
    }
    return sum;
}

VEC_INLINE vec_f vec_sqrt(vec_f x)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    return (vec_f)_mm512_sqrt_ps((__m512)x);
#elif VEC_WIDTH == 8 && defined(__AVX__)
    return (vec_f)_mm256_sqrt_ps((__m256)x);
#elif VEC_WIDTH == 4 && defined(__SSE2__)
    return (vec_f)_mm_sqrt_ps((__m128)x);
#else
    for (int i = 0; i < VEC_WIDTH; i++) {
        x[i] = sqrtf(x[i]);
    }
    return x;
#endif
}

/* Products of the even lanes of a and b, 64 bits each. */
VEC_INLINE vec_q vec_multiply_even(vec_u a, vec_u b)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    return (vec_q)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif VEC_WIDTH == 8 && defined(__AVX2__)
    return (vec_q)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif VEC_WIDTH == 4 && defined(__SSE2__)
    return (vec_q)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return ((vec_q)a & 0xffffffff) * ((vec_q)b & 0xffffffff);
#endif
}

/* Interleaved: a0 b0 a1 b1 ... of the lower and of the upper halves. */
#if VEC_WIDTH == 4
#define VEC_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define VEC_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#elif VEC_WIDTH == 8
#define VEC_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define VEC_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define VEC_ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define VEC_ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#endif

/* The same within each 128 bits, which costs one instruction. */
#if VEC_WIDTH == 4
#define VEC_ZIP_QUADS_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define VEC_ZIP_QUADS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#elif VEC_WIDTH == 8
#define VEC_ZIP_QUADS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define VEC_ZIP_QUADS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#else
#define VEC_ZIP_QUADS_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define VEC_ZIP_QUADS_HIGH(a, b) \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#endif

/* Four values from each of VEC_WIDTH / 4 places that are `stride` values apart. */
VEC_INLINE vec_f vec_load_quads(const float *p, size_t stride)
{
#if VEC_WIDTH == 16 && defined(__AVX512F__)
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(p));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + stride), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * stride), 2);
    return (vec_f)_mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * stride), 3);
#elif VEC_WIDTH == 8 && defined(__AVX__)
    return (vec_f)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1);
#else
    vec_f v;
    for (size_t i = 0; i < VEC_WIDTH / 4; i++) {
        memcpy((float *)&v + 4 * i, p + i * stride, 4 * sizeof(float));
    }
    return v;
#endif
}

/* The lane numbers 0, 1, 2, ... */
VEC_INLINE vec_i vec_lanes(void)
{
#if VEC_WIDTH == 4
    return (vec_i){0, 1, 2, 3};
#elif VEC_WIDTH == 8
    return (vec_i){0, 1, 2, 3, 4, 5, 6, 7};
#else
    return (vec_i){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#endif
}

/* e^x to 1 ulp, denormal results and infinities included; NaN stays NaN. Polynomial: Cephes, expf. */
VEC_INLINE vec_f vec_exp(vec_f x)
{
    const vec_f highest = vec_set1(89), lowest = vec_set1(-104), to_integer = vec_set1(12582912); /* 1.5 * 2^23 */
    x = vec_select(x > highest, highest, x);
    x = vec_select(x < lowest, lowest, x);
    vec_f shifted = x * 1.44269504088896341f + to_integer;
    vec_f n = shifted - to_integer;
    vec_f r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vec_f p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    /* 2^n in two steps: n reaches from -150 to 128, beyond what one exponent holds. */
    vec_i exponent = (vec_i)shifted - (vec_i)to_integer;
    vec_i first = exponent >> 1, second = exponent - first;
    p = p * (vec_f)((first + 127) << 23);
    return p * (vec_f)((second + 127) << 23);
}

/* A NaN goes through all three. */
VEC_INLINE vec_f vec_relu(vec_f x) { return vec_keep(~(x <= 0.0f), x); }
VEC_INLINE vec_f vec_relu6(vec_f x) { return vec_select(x > 6.0f, vec_set1(6.0f), vec_relu(x)); }
VEC_INLINE vec_f vec_leaky_relu(vec_f x, float alpha) { return vec_select(x > 0.0f, x, x * alpha); }

VEC_INLINE vec_f vec_abs(vec_f x) { return (vec_f)((vec_i)x & 0x7fffffff); }

/* To 1.3 ulp; -0 stays -0. Polynomial for small arguments: Cephes, tanhf. */
VEC_INLINE vec_f vec_tanh(vec_f x)
{
    vec_f size = vec_abs(x), square = x * x;
    vec_f p = square * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * square + -5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square + -3.33332819422e-1f;
    vec_f small = p * square * size + size;
    vec_f large = 1.0f - 2.0f / (vec_exp(size + size) + 1.0f);
    vec_i sign = (vec_i)x & (int32_t)0x80000000;
    return (vec_f)((vec_i)vec_select(size < 0.625f, small, large) | sign);
}

/* 1 / (1 + e^-x) to 2 ulp, without overflow on either side: e^-|x| is at most 1. */
VEC_INLINE vec_f vec_sigmoid(vec_f x)
{
    vec_f e = vec_exp(-vec_abs(x));
    return vec_select(x < 0.0f, e, vec_set1(1)) / (1.0f + e);
}

/* Each lane takes one of the four values at p, the one that the low two bits of its index name. */
#define VEC_HAS_LOOKUP4 1
#if VEC_WIDTH == 16 && defined(__AVX512F__)
VEC_INLINE vec_f vec_lookup4(const float *p, vec_i index)
{
    return (vec_f)_mm512_permutevar_ps(_mm512_broadcast_f32x4(_mm_loadu_ps(p)), (__m512i)index);
}
#elif VEC_WIDTH == 8 && defined(__AVX__)
VEC_INLINE vec_f vec_lookup4(const float *p, vec_i index)
{
    return (vec_f)_mm256_permutevar_ps(_mm256_broadcast_ps((const __m128 *)p), (__m256i)index);
}
#else
#undef VEC_HAS_LOOKUP4
#define VEC_HAS_LOOKUP4 0 /* slower than what it would replace */
VEC_INLINE vec_f vec_lookup4(const float *p, vec_i index)
{
    const vec_f low = vec_select((index & 1) != 0, vec_set1(p[1]), vec_set1(p[0]));
    const vec_f high = vec_select((index & 1) != 0, vec_set1(p[3]), vec_set1(p[2]));
    return vec_select((index & 2) != 0, high, low);
}
#endif

#endif
