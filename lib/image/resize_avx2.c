/* SPDX-License-Identifier: MIT */
/* The kernels of resizing with AVX2, equal to the portable ones in every bit. A weight w is split into
 * high = w >> 8 and low = w & 255, which both fit the 16-bit multiply-add of pairs: w = 256 * high + low. */
#include "image/resize.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) static inline

/* Loops over rows must be unrolled whole, or the sums live in memory. */
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 4")
#endif

#define LOW_BITS 8
#define LOW_MASK ((1 << LOW_BITS) - 1)
#define HALF (1 << (CNN__RESIZE_BITS - 1))

/* Sums of both halves of the weights. */
typedef struct sums {
    __m256i high, low;
} sums;

/* The whole part of 256 * high + low, in which one half is already contained. */
AVX2_INLINE __m256i sums_whole(sums s)
{
    return _mm256_srai_epi32(_mm256_add_epi32(_mm256_slli_epi32(s.high, LOW_BITS), s.low), CNN__RESIZE_BITS);
}

AVX2_INLINE void sums_add(sums *s, __m256i pixels, __m256i high, __m256i low)
{
    s->high = _mm256_add_epi32(s->high, _mm256_madd_epi16(pixels, high));
    s->low = _mm256_add_epi32(s->low, _mm256_madd_epi16(pixels, low));
}

/* The 16-bit forms of four weights: the first pair in each place of the low half, the second in the high half. */
AVX2_INLINE void split_weights(const int32_t *weights, __m256i *high, __m256i *low)
{
    const __m256i pairs = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    const __m128i w = _mm_loadu_si128((const __m128i *)weights);
    const __m128i h = _mm_srai_epi32(w, LOW_BITS), l = _mm_and_si128(w, _mm_set1_epi32(LOW_MASK));
    *high = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(_mm_packs_epi32(h, h)), pairs);
    *low = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(_mm_packs_epi32(l, l)), pairs);
}

/* Four RGB pixels from the 16 bytes at `pixel`: (r0 r1) (g0 g1) (b0 b1) 0 | (r2 r3) (g2 g3) (b2 b3) 0. */
AVX2_INLINE __m256i load_pixels(const uint8_t *pixel)
{
    const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, /**/
                                           6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m128i bytes = _mm_loadu_si128((const __m128i *)pixel);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), order);
}

/* Red, green and blue of the sums over even and odd pairs of taps, as whole numbers. */
AVX2_INLINE __m128i pixel_whole(sums s)
{
    const __m256i value = _mm256_add_epi32(_mm256_slli_epi32(s.high, LOW_BITS), s.low);
    return _mm_srai_epi32(_mm_add_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1)),
                          CNN__RESIZE_BITS);
}

/* One output pixel of four rows; stores four bytes each, of which the next pixel replaces the last. */
AVX2_INLINE void pixel_of_rows(const cnn__resize_axis *axis, uint32_t i, const uint8_t *input, size_t input_stride,
                               uint8_t *output, size_t output_stride)
{
    const int32_t *weights = axis->weights + (size_t)i * axis->stride;
    const uint8_t *pixel = input + (size_t)axis->first[i] * 3;
    const __m256i half = _mm256_setr_epi32(HALF, HALF, HALF, 0, 0, 0, 0, 0);
    const uint32_t count = axis->count[i];
    sums s[CNN__RESIZE_ROWS];
    UNROLL
    for (uint32_t r = 0; r < CNN__RESIZE_ROWS; r++) {
        s[r] = (sums){_mm256_setzero_si256(), half};
    }
    for (uint32_t t = 0; t < count; t += 4, pixel += 12) {
        __m256i high, low;
        split_weights(weights + t, &high, &low);
        UNROLL
        for (uint32_t r = 0; r < CNN__RESIZE_ROWS; r++) {
            sums_add(&s[r], load_pixels(pixel + r * input_stride), high, low);
        }
    }
    const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(pixel_whole(s[0]), pixel_whole(s[1])),
                                           _mm_packs_epi32(pixel_whole(s[2]), pixel_whole(s[3])));
    uint8_t *at = output + (size_t)i * 3;
    _mm_storeu_si32(at, bytes);
    _mm_storeu_si32(at + output_stride, _mm_srli_si128(bytes, 4));
    _mm_storeu_si32(at + 2 * output_stride, _mm_srli_si128(bytes, 8));
    _mm_storeu_si32(at + 3 * output_stride, _mm_srli_si128(bytes, 12));
}

AVX2 static void row_avx2(const cnn__resize_axis *axis, uint32_t channels, uint32_t rows, const uint8_t *input,
                          size_t input_stride, uint8_t *output, size_t output_stride)
{
    if (channels != 3 || rows != CNN__RESIZE_ROWS) {
        cnn__resize_portable.row(axis, channels, rows, input, input_stride, output, output_stride);
        return;
    }
    for (uint32_t i = 0; i < axis->outputs; i++) {
        pixel_of_rows(axis, i, input, input_stride, output, output_stride);
    }
}

/* 16 values of one row as 16-bit numbers. */
AVX2_INLINE __m256i load_values(const uint8_t *row)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)row));
}

/* The pair (a, b) of 16-bit numbers in every place. */
AVX2_INLINE __m256i set_pair(int32_t a, int32_t b)
{
    return _mm256_set1_epi32((int32_t)((uint32_t)b << 16 | ((uint32_t)a & 0xffff)));
}

/* 16 * `blocks` output bytes at `at`; `blocks` (at most 2) is a constant after inlining. */
AVX2_INLINE void column_values(const int32_t *weights, uint32_t count, const uint8_t *const *rows, size_t at,
                               uint32_t blocks, uint8_t *output)
{
    sums even[2], odd[2];
    UNROLL
    for (uint32_t b = 0; b < blocks; b++) {
        even[b] = odd[b] = (sums){_mm256_setzero_si256(), _mm256_set1_epi32(HALF)};
    }
    for (uint32_t t = 0; t < count; t += 2) {
        /* An odd count is rounded up by a weight of zero. */
        const uint32_t next = t + 1 < count ? t + 1 : t;
        const int32_t w0 = weights[t], w1 = next > t ? weights[next] : 0;
        const __m256i high = set_pair(w0 >> LOW_BITS, w1 >> LOW_BITS);
        const __m256i low = set_pair(w0 & LOW_MASK, w1 & LOW_MASK);
        UNROLL
        for (uint32_t b = 0; b < blocks; b++) {
            const __m256i v0 = load_values(rows[t] + at + 16 * b), v1 = load_values(rows[next] + at + 16 * b);
            sums_add(&even[b], _mm256_unpacklo_epi16(v0, v1), high, low);
            sums_add(&odd[b], _mm256_unpackhi_epi16(v0, v1), high, low);
        }
    }
    UNROLL
    for (uint32_t b = 0; b < blocks; b++) {
        const __m256i words = _mm256_packs_epi32(sums_whole(even[b]), sums_whole(odd[b]));
        const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(output + 16 * b), bytes);
    }
}

AVX2 static void column_avx2(const int32_t *weights, uint32_t count, const uint8_t *const *rows, size_t size,
                             uint8_t *output)
{
    size_t at = 0;
    for (; at + 32 <= size; at += 32) {
        column_values(weights, count, rows, at, 2, output + at);
    }
    for (; at < size; at += 16) {
        uint8_t last[16];
        column_values(weights, count, rows, at, 1, last);
        memcpy(output + at, last, size - at < 16 ? size - at : 16);
    }
}

const cnn__resize_kernels cnn__resize_avx2 = {row_avx2, column_avx2};

#endif
