/* SPDX-License-Identifier: MIT */
/* Rules that every backend follows to the bit. Dropout draws by Philox 4x32-10, laid out as core/rng.c lays out a
 * stream: key[0] is the generator's key (low word first), key[1] the upper half of the counter, the block's number the
 * lower half. */
#include <math.h>

#include "backend/driver/driver.h"
#include "core/rng.h"

cnn__dropout_rule cnn__dropout_rule_of(const cnn_dropout_args *args)
{
    /* The product is exact; rounded up, comparing integers gives the same as comparing with the product. */
    cnn__dropout_rule rule = {
        .threshold = (uint32_t)ceil((double)args->rate * 0x1p32),
        .scale = (float)(1 / (1 - (double)args->rate)),
    };
    return rule;
}

static void random_block(const uint64_t key[2], uint64_t block, uint32_t words[4])
{
    const uint32_t philox_key[2] = {(uint32_t)key[0], (uint32_t)(key[0] >> 32)};
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)key[1], (uint32_t)(key[1] >> 32)};
    cnn__philox(philox_key, counter, words);
}

void cnn__dropout_decide(const cnn_dropout_args *args, uint32_t threshold, size_t begin, size_t end, uint8_t *keep)
{
    uint32_t words[4];
    const uint64_t offset = cnn__dropout_offset(args);
    for (size_t i = begin; i < end; i++) {
        const uint64_t decision = offset + i;
        if (i == begin || decision % 4 == 0) {
            random_block(args->key, decision / 4, words);
        }
        keep[i - begin] = words[decision % 4] >= threshold;
    }
}

cnn__adam_rule cnn__adam_rule_of(const cnn_update_args *args)
{
    const bool epsilon_hat = (args->variant & 1) != 0, decoupled = (args->variant & 2) != 0;
    double root = sqrt(args->correction2);
    cnn__adam_rule rule = {
        .rate = (float)(args->learning_rate * (epsilon_hat ? root : 1) / args->correction1),
        .inverse_root = epsilon_hat ? 1 : (float)(1 / root),
        .shrink = decoupled ? 1 - args->learning_rate * args->weight_decay : 1,
        .decay = decoupled ? 0 : args->weight_decay,
    };
    return rule;
}
