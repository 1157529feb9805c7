/* SPDX-License-Identifier: MIT */
/* Doubles to decimal digits and back by long arithmetic. */
#include "core/decimal.h"

#include <string.h>

/* 2^2690 is the largest number met: 800 digits, or 5^1130 for digits that begin 330 places after the point. */
#define WORDS 96

/* A number that is not negative, the lowest word first; the highest of `count` words is not 0. */
typedef struct big {
    uint32_t words[WORDS];
    int count;
} big;

static void multiply_add(big *number, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (int i = 0; i < number->count; i++) {
        carry += (uint64_t)number->words[i] * factor;
        number->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        number->words[number->count++] = (uint32_t)carry;
    }
}

static void multiply_power_of_5(big *number, int power)
{
    for (; power >= 13; power -= 13) {
        multiply_add(number, 1220703125, 0);
    }
    uint32_t factor = 1;
    for (; power > 0; power--) {
        factor *= 5;
    }
    multiply_add(number, factor, 0);
}

static int bits(const big *number)
{
    return number->count == 0 ? 0 : 32 * number->count - __builtin_clz(number->words[number->count - 1]);
}

static void shift_left(big *number, int by)
{
    const int words = by / 32, rest = by % 32;
    if (number->count == 0 || by == 0) {
        return;
    }
    number->words[number->count] = 0;
    for (int i = number->count; i >= 0; i--) {
        const uint64_t pair = (uint64_t)number->words[i] << 32 | (i > 0 ? number->words[i - 1] : 0);
        number->words[i + words] = (uint32_t)(pair << rest >> 32);
    }
    memset(number->words, 0, (size_t)words * sizeof(number->words[0]));
    number->count += words + 1;
    number->count -= number->words[number->count - 1] == 0;
}

static int compare(const big *a, const big *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (int i = a->count - 1; i >= 0; i--) {
        if (a->words[i] != b->words[i]) {
            return a->words[i] < b->words[i] ? -1 : 1;
        }
    }
    return 0;
}

/* a -= b, which is not larger. */
static void subtract(big *a, const big *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < a->count; i++) {
        const uint64_t take = (i < b->count ? b->words[i] : 0) + borrow;
        borrow = a->words[i] < take;
        a->words[i] = (uint32_t)(a->words[i] - take);
    }
    while (a->count > 0 && a->words[a->count - 1] == 0) {
        a->count--;
    }
}

/* Divides by a small number and returns the remainder. */
static uint32_t divide(big *number, uint32_t by)
{
    uint64_t rest = 0;
    for (int i = number->count - 1; i >= 0; i--) {
        rest = rest << 32 | number->words[i];
        number->words[i] = (uint32_t)(rest / by);
        rest %= by;
    }
    while (number->count > 0 && number->words[number->count - 1] == 0) {
        number->count--;
    }
    return (uint32_t)rest;
}

/* The first 64 bits of n / d (n: spoilt), the highest of which is 1; the quotient is these x 2^*exponent, or a little
 * more if *more. */
static uint64_t quotient(big *n, big *d, int *exponent, bool *more)
{
    uint64_t found = 0;
    const int shift = bits(d) - bits(n);
    shift_left(shift > 0 ? n : d, shift > 0 ? shift : -shift);
    *exponent = -shift - 63;
    if (compare(n, d) < 0) {
        shift_left(n, 1);
        (*exponent)--;
    }
    for (int i = 0; i < 64; i++) {
        found <<= 1;
        if (compare(n, d) >= 0) {
            subtract(n, d);
            found |= 1;
        }
        shift_left(n, 1);
    }
    *more = n->count > 0;
    return found;
}

/* The double nearest to found x 2^exponent, or to a little more. */
static bool round_to_double(uint64_t found, int exponent, bool more, double *value)
{
    const int top = exponent + 63; /* of the highest bit, which is 1 */
    const int drop = top >= -1022 ? 11 : 11 - 1022 - top;
    uint64_t kept = drop < 64 ? found >> drop : 0, rest = drop < 64 ? found << (64 - drop) : found;
    const uint64_t half = UINT64_C(1) << 63;
    if (drop > 64) { /* less than half of the smallest */
        rest = 0;
        more = true;
    }
    kept += rest > half || (rest == half && (more || (kept & 1) != 0));
    if (top > 1023) {
        return false;
    }
    /* The bit that is not stored adds 1 to the exponent, as does a carry out of the others. */
    const uint64_t stored = kept + (top >= -1022 ? (uint64_t)(top + 1022) << 52 : 0);
    memcpy(value, &stored, sizeof(*value));
    return stored < UINT64_C(0x7ff) << 52;
}

bool cnn__decimal_to_double(const cnn__decimal *decimal, double *value)
{
    big n = {{0}, 0}, d = {{1}, 1};
    const int last = decimal->count + decimal->power;
    int exponent = 0;
    bool more = false;
    if (decimal->count == 0 || last < -330) {
        *value = 0;
        return true;
    }
    if (last > 310) {
        return false;
    }
    for (int i = 0; i < decimal->count;) {
        uint32_t factor = 1, chunk = 0;
        for (; i < decimal->count && factor < 1000000000; i++, factor *= 10) {
            chunk = chunk * 10 + decimal->digits[i];
        }
        multiply_add(&n, factor, chunk);
    }
    multiply_power_of_5(decimal->power >= 0 ? &n : &d, decimal->power >= 0 ? decimal->power : -decimal->power);
    const uint64_t found = quotient(&n, &d, &exponent, &more);
    return round_to_double(found, exponent + decimal->power, more, value);
}

/* Cuts the digits to `count` of them, rounded. */
static void round_digits(cnn__decimal *decimal, int count)
{
    unsigned char *digits = decimal->digits;
    if (decimal->count > count) {
        bool beyond = false; /* something after the first digit that is dropped */
        for (int i = count + 1; i < decimal->count && !beyond; i++) {
            beyond = digits[i] != 0;
        }
        const bool up = digits[count] > 5 || (digits[count] == 5 && (beyond || digits[count - 1] % 2 != 0));
        decimal->power += decimal->count - count;
        decimal->count = count;
        int i = count - 1;
        for (; up && i >= 0 && digits[i] == 9; i--) {
            digits[i] = 0;
        }
        if (up && i < 0) {
            digits[0] = 1;
            decimal->power += count;
            decimal->count = 1;
        } else if (up) {
            digits[i]++;
        }
    }
    while (decimal->count > 0 && digits[decimal->count - 1] == 0) {
        decimal->count--;
        decimal->power++;
    }
}

void cnn__decimal_from_double(double value, int count, cnn__decimal *decimal)
{
    uint64_t stored = 0;
    memcpy(&stored, &value, sizeof(stored));
    int exponent = (int)(stored >> 52 & 0x7ff);
    uint64_t mantissa = stored & ((UINT64_C(1) << 52) - 1);
    mantissa |= exponent > 0 ? UINT64_C(1) << 52 : 0;
    exponent = exponent > 0 ? exponent - 1075 : -1074;
    decimal->count = decimal->power = 0;
    if (mantissa == 0) {
        return;
    }
    const int zeros = __builtin_ctzll(mantissa);
    mantissa >>= zeros;
    exponent += zeros;
    big number = {{(uint32_t)mantissa, (uint32_t)(mantissa >> 32)}, mantissa >> 32 != 0 ? 2 : 1};
    if (exponent >= 0) {
        shift_left(&number, exponent);
    } else {
        multiply_power_of_5(&number, -exponent); /* m / 2^e is m x 5^e / 10^e */
        decimal->power = exponent;
    }
    /* From the last digit to the first, at the end of the array, nine at a time. */
    int at = CNN__DECIMAL_DIGITS;
    while (number.count > 0) {
        uint32_t chunk = divide(&number, 1000000000);
        for (int i = 0; i < 9; i++, chunk /= 10) {
            decimal->digits[--at] = (unsigned char)(chunk % 10);
        }
    }
    while (decimal->digits[at] == 0) {
        at++;
    }
    decimal->count = CNN__DECIMAL_DIGITS - at;
    memmove(decimal->digits, decimal->digits + at, (size_t)decimal->count);
    round_digits(decimal, count);
}
