/* SPDX-License-Identifier: MIT */
/* Data, guarded memory and comparisons for the operations. */
#include "backend/operations.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/backend.h"

#define GUARD 64
#define CANARY 0xA5

/* What lies in front of a guarded array, before its canary. */
typedef struct guard {
    void *block;
    size_t size;
    size_t mapped; /* bytes of a mapping that ends with an unreadable page; 0: none */
} guard;

static bool fenced;

void arrays_at_fences(bool yes) { fenced = yes; }

generator generator_of(const char *name, uint32_t variant)
{
    generator g = {0x9E3779B97F4A7C15u * (variant + 1)};
    for (; *name != '\0'; name++) {
        g.state = (g.state ^ (uint8_t)*name) * 0x100000001B3u;
    }
    return g;
}

static uint64_t next(generator *g)
{
    uint64_t z = g->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint32_t draw(generator *g, uint32_t from, uint32_t to) { return from + (uint32_t)(next(g) % (to - from + 1)); }

float draw_float(generator *g) { return (float)((double)(int64_t)next(g) * 0x1p-63); }

int32_t draw_activation(generator *g, uint32_t variant, bool derived)
{
    static const int32_t by_output[] = {CNN_ELU, CNN_SELU, CNN_HARD_SIGMOID, CNN_SOFTPLUS},
                         by_input[] = {CNN_SILU, CNN_GELU, CNN_GELU_TANH, CNN_HARD_SWISH};
    const int32_t drawn = (int32_t)draw(g, CNN_LINEAR, CNN_TANH);
    if (variant % 3 == 2 && drawn > CNN_RELU) {
        return (derived || variant % 2 == 0 ? by_output : by_input)[draw(g, 0, 3)];
    }
    return drawn == CNN_RELU && variant / 2 % 2 == 1 ? CNN_RELU6 : drawn;
}

/* The end lies at an unreadable page, the beginning at any multiple of `alignment`. */
static void *fenced_new(size_t size, size_t alignment)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (3 * GUARD + size + page - 1) / page * page;
    uint8_t *block = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(block != MAP_FAILED && mprotect(block + room, page, PROT_NONE) == 0);
    uint8_t *bytes = block + (room - size) / alignment * alignment;
    const guard front = {block, size, room + page};
    memcpy(bytes - 2 * GUARD, &front, sizeof(front));
    memset(bytes - GUARD, CANARY, GUARD);
    memset(bytes, 0xFF, size); /* NaN, as float */
    return bytes;
}

void *bytes_new(size_t size)
{
    if (fenced) {
        return fenced_new(size, sizeof(float));
    }
    size_t total = 3 * GUARD + (size + GUARD - 1) / GUARD * GUARD;
    uint8_t *block = aligned_alloc(GUARD, total);
    ck_assert_ptr_nonnull(block);
    const guard front = {block, size, 0};
    memcpy(block, &front, sizeof(front));
    memset(block + GUARD, CANARY, total - GUARD);
    memset(block + 2 * GUARD, 0xFF, size); /* NaN, as float */
    return block + 2 * GUARD;
}

float *array_new(generator *g, size_t count)
{
    float *array = bytes_new(count * sizeof(float));
    for (size_t i = 0; g != NULL && i < count; i++) {
        array[i] = draw_float(g);
    }
    return array;
}

void array_free(void *array)
{
    guard front;
    if (array == NULL) {
        return;
    }
    const uint8_t *bytes = array;
    memcpy(&front, bytes - 2 * GUARD, sizeof(front));
    /* Check writes to its pipe at each assertion: only failures get that far. */
    for (size_t i = 0; i < GUARD; i++) {
        if (bytes[(ptrdiff_t)i - GUARD] != CANARY || (front.mapped == 0 && bytes[front.size + i] != CANARY)) {
            ck_abort_msg("written %zu bytes in front or %zu behind the end", GUARD - i, i + 1);
        }
    }
    if (front.mapped > 0) {
        munmap(front.block, front.mapped);
    } else {
        free(front.block);
    }
}

static double *outcome_grow(outcome *o, size_t count)
{
    if (o->count + count > o->capacity) {
        o->capacity = 2 * (o->count + count);
        o->values = realloc(o->values, o->capacity * sizeof(double));
        ck_assert_ptr_nonnull(o->values);
    }
    double *values = o->values + o->count;
    o->count += count;
    ck_assert_uint_lt(o->arrays, 8);
    o->ends[o->arrays++] = o->count;
    return values;
}

void outcome_floats(outcome *o, const float *values, size_t count)
{
    double *to = outcome_grow(o, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = values[i];
    }
}

void outcome_doubles(outcome *o, const double *values, size_t count)
{
    memcpy(outcome_grow(o, count), values, count * sizeof(double));
}

/* An integer that differs by 1 is an error of more than any bound allows. */
void outcome_bytes(outcome *o, const uint8_t *values, size_t count)
{
    double *to = outcome_grow(o, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = values[i];
    }
}

void outcome_words(outcome *o, const uint32_t *values, size_t count)
{
    double *to = outcome_grow(o, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = values[i];
    }
}

void outcome_free(outcome *o)
{
    free(o->values);
    memset(o, 0, sizeof(*o));
}

double outcome_error(const outcome *got, const outcome *expected)
{
    double worst = 0;
    ck_assert_uint_eq(got->count, expected->count);
    ck_assert_uint_eq(got->arrays, expected->arrays);
    for (size_t array = 0, i = 0; array < expected->arrays; array++) {
        double scale = 0, difference = 0;
        ck_assert_uint_eq(got->ends[array], expected->ends[array]);
        for (; i < expected->ends[array]; i++) {
            double a = got->values[i], b = expected->values[i];
            if (isnan(a) != isnan(b) || (isinf(b) && a != b)) {
                return NAN;
            }
            if (isfinite(b)) {
                scale = fmax(scale, fabs(b));
                difference = fmax(difference, fabs(a - b));
            }
        }
        worst = fmax(worst, difference == 0 ? 0 : difference / fmax(scale, 1e-30));
    }
    return worst;
}

bool outcome_same_bits(const outcome *a, const outcome *b)
{
    return a->count == b->count && memcmp(a->values, b->values, a->count * sizeof(double)) == 0;
}

void call_begin(cnn_backend_call *call, cnn_context *context, size_t size)
{
    cnn__backend_call_init(call, context, 0, fenced ? fenced_new(size, GUARD) : bytes_new(size), size);
}

void call_end(cnn_backend_call *call) { array_free(call->workspace); }

cnn_context *context_new(const char *backend, const char *level, uint32_t threads)
{
    cnn_context *context;
    if (level != NULL) {
        setenv("CNN_CPU", level, 1);
    } else {
        unsetenv("CNN_CPU");
    }
    cnn_status status = cnn_context_create(CNN_CONTEXT(.backend = backend, .threads = threads), &context);
    unsetenv("CNN_CPU");
    ck_assert_int_eq(status, CNN_OK);
    return context;
}

const char *cpu_level_at(size_t index)
{
    static const char *const levels[] = {"baseline", "avx2", "avx512"};
    unsetenv("CNN_CPU");
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(levels[i], cnn_cpu_level()) == 0) {
            return index <= i ? levels[index] : NULL;
        }
    }
    return NULL;
}
