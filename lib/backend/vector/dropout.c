/* SPDX-License-Identifier: MIT */
/* Dropout, the reference's decisions to the bit: as many Philox blocks at a time as a vector has lanes. */
#include "backend/driver/task.h"
#include "backend/vector/kernels.h"

typedef struct dropout_work {
    const cnn_dropout_args *args;
    cnn__dropout_rule rule;
} dropout_work;

/* Upper and lower words of the products of all lanes with a constant. */
VEC_INLINE void multiply(vec_u a, uint32_t constant, vec_u *high, vec_u *low)
{
    const vec_q lower_half = (vec_q){0} + 0xffffffffu;
    vec_u factor = (vec_u){0} + constant;
    vec_q even = vec_multiply_even(a, factor);
    vec_q odd = vec_multiply_even((vec_u)((vec_q)a >> 32), factor);
    *high = (vec_u)((even >> 32) | (odd & ~lower_half));
    *low = (vec_u)((even & lower_half) | (odd << 32));
}

/* Philox 4x32-10 (core/rng.c) of blocks first, first + 1, ...; `first` is a multiple of VEC_WIDTH. */
VEC_INLINE void random_blocks(const uint64_t key[2], uint64_t first, vec_u words[4])
{
    uint32_t k0 = (uint32_t)key[0], k1 = (uint32_t)(key[0] >> 32);
    vec_u c0 = (vec_u)vec_lanes() + (uint32_t)first, c1 = (vec_u){0} + (uint32_t)(first >> 32);
    vec_u c2 = (vec_u){0} + (uint32_t)key[1], c3 = (vec_u){0} + (uint32_t)(key[1] >> 32);
    for (int round = 0; round < 10; round++) {
        vec_u high0, low0, high1, low1;
        multiply(c0, 0xD2511F53u, &high0, &low0);
        multiply(c2, 0xCD9E8D57u, &high1, &low1);
        c0 = high1 ^ c1 ^ k0;
        c2 = high0 ^ c3 ^ k1;
        c1 = low1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    /* From one vector for each word of a block to the order of the values. */
    vec_u even_low = VEC_ZIP_LOW(c0, c2), even_high = VEC_ZIP_HIGH(c0, c2);
    vec_u odd_low = VEC_ZIP_LOW(c1, c3), odd_high = VEC_ZIP_HIGH(c1, c3);
    words[0] = VEC_ZIP_LOW(even_low, odd_low);
    words[1] = VEC_ZIP_HIGH(even_low, odd_low);
    words[2] = VEC_ZIP_LOW(even_high, odd_high);
    words[3] = VEC_ZIP_HIGH(even_high, odd_high);
}

/* Decisions made at a time, on the stack. */
enum { DECISIONS = 256 };

/* `begin` is a multiple of CNN__SPAN, and so of 4 * VEC_WIDTH; so is the number of the first decision. */
static void drop_values(const void *argument, size_t begin, size_t end)
{
    const dropout_work *work = argument;
    const uint64_t offset = cnn__dropout_offset(work->args);
    for (size_t i = begin; i < end; i += 4 * VEC_WIDTH) {
        vec_u words[4];
        random_blocks(work->args->key, (offset + i) / 4, words);
        for (size_t v = 0, at = i; v < 4 && at < end; v++, at += VEC_WIDTH) {
            vec_i keep = (vec_i)(words[v] >= work->rule.threshold);
            vec_f value = vec_load_n(work->args->x + at, end - at) * work->rule.scale;
            vec_store_n(work->args->y + at, vec_keep(keep, value), end - at);
        }
    }
}

static void scale_channels(const dropout_work *work, size_t at, const uint8_t *keep, size_t channels)
{
    for (size_t j = 0; j < channels; j += VEC_WIDTH) {
        size_t n = channels - j;
        vec_i mask = vec_load_bytes(keep + j, cnn__min_size(n, VEC_WIDTH)) != 0;
        vec_f value = vec_load_n(work->args->x + at + j, n) * work->rule.scale;
        vec_store_n(work->args->y + at + j, vec_keep(mask, value), n);
    }
}

/* The same, wherever the first decision lies among the blocks of random numbers. */
static void drop_unaligned(const void *argument, size_t begin, size_t end)
{
    const dropout_work *work = argument;
    uint8_t keep[DECISIONS];
    for (size_t i = begin; i < end; i += DECISIONS) {
        const size_t stop = cnn__min_size(end, i + DECISIONS);
        cnn__dropout_decide(work->args, work->rule.threshold, i, stop, keep);
        scale_channels(work, i, keep, stop - i);
    }
}

/* One decision for each n and c: [begin, end) counts images. */
static void drop_channels(const void *argument, size_t begin, size_t end)
{
    const dropout_work *work = argument;
    size_t c = (size_t)work->args->c, positions = (size_t)work->args->positions;
    uint8_t keep[DECISIONS];
    for (size_t image = begin; image < end; image++) {
        for (size_t first = 0; first < c; first += DECISIONS) {
            size_t stop = cnn__min_size(c, first + DECISIONS);
            cnn__dropout_decide(work->args, work->rule.threshold, image * c + first, image * c + stop, keep);
            for (size_t p = 0; p < positions; p++) {
                scale_channels(work, (image * positions + p) * c + first, keep, stop - first);
            }
        }
    }
}

cnn_status CNN__VECTOR(cnn__dropout)(const cnn_backend_call *call, const cnn_dropout_args *args)
{
    const dropout_work work = {args, cnn__dropout_rule_of(args)};
    if (args->channels) {
        cnn__for_spans(call, (size_t)args->n, 1, drop_channels, &work);
    } else {
        const bool aligned = cnn__dropout_offset(args) % (4 * VEC_WIDTH) == 0;
        cnn__for_spans(call, (size_t)(args->n * args->positions * args->c), CNN__SPAN,
                       aligned ? drop_values : drop_unaligned, &work);
    }
    return CNN_OK;
}
