/* SPDX-License-Identifier: MIT */
/* Open addressing, at most half full, by SipHash-1-3 (Aumasson and Bernstein 2012) under a key that nobody outside the
 * process knows: names cannot be made to meet in one place. What is kept does not depend on the key. */
#include "core/table.h"

#include <string.h>
#include <time.h>

#include "core/memory.h"

static uint64_t rotate(uint64_t value, int by) { return value << by | value >> (64 - by); }

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint64_t sip_hash(const uint64_t key[2], const char *text, size_t size)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t done = 0; done <= size; done += 8) {
        /* The last word holds what is left, 0 to 7 bytes, and the size in its top byte. */
        const size_t left = size - done < 8 ? size - done : 8;
        uint64_t word = 0;
        memcpy(&word, text + done, left);
        word |= left < 8 ? (uint64_t)size << 56 : 0;
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void cnn__table_init(cnn__table *table, cnn_context *context)
{
    struct timespec now = {0, 0};
    *table = (cnn__table){.context = context};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    /* Addresses and the clock's nanoseconds: a file is written before either is known. */
    table->key[0] = (uint64_t)(uintptr_t)context ^ (uint64_t)now.tv_nsec << 32;
    table->key[1] = (uint64_t)(uintptr_t)table ^ ((uint64_t)now.tv_sec * UINT64_C(1000000007) + (uint64_t)now.tv_nsec);
}

/* The slot of this name, or the free one where it belongs. */
static cnn__table_slot *find_slot(const cnn__table *table, const char *name)
{
    size_t at = (size_t)sip_hash(table->key, name, strlen(name)) & (table->capacity - 1);
    while (table->slots[at].name != NULL && strcmp(table->slots[at].name, name) != 0) {
        at = (at + 1) & (table->capacity - 1);
    }
    return &table->slots[at];
}

static cnn_status grow(cnn__table *table)
{
    const size_t capacity = table->capacity == 0 ? 32 : table->capacity * 2;
    cnn__table_slot *slots = cnn__alloc_array(table->context, capacity, sizeof(*slots));
    if (slots == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__table bigger = *table;
    bigger.slots = slots;
    bigger.capacity = capacity;
    for (size_t i = 0; i < capacity; i++) {
        slots[i] = (cnn__table_slot){NULL, 0};
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->slots[i].name != NULL) {
            *find_slot(&bigger, table->slots[i].name) = table->slots[i];
        }
    }
    cnn__free(table->context, table->slots);
    *table = bigger;
    return CNN_OK;
}

cnn_status cnn__table_add(cnn__table *table, const char *name, size_t value)
{
    if (table->count >= table->capacity / 2 && grow(table) != CNN_OK) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__table_slot *slot = find_slot(table, name);
    if (slot->name != NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *slot = (cnn__table_slot){name, value};
    table->count++;
    return CNN_OK;
}

bool cnn__table_find(const cnn__table *table, const char *name, size_t *value)
{
    if (table->count == 0) {
        return false;
    }
    const cnn__table_slot *slot = find_slot(table, name);
    if (slot->name != NULL && value != NULL) {
        *value = slot->value;
    }
    return slot->name != NULL;
}

void cnn__table_free(cnn__table *table)
{
    cnn__free(table->context, table->slots);
    table->slots = NULL;
    table->count = table->capacity = 0;
}
