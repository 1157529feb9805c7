/* SPDX-License-Identifier: MIT */
/* Numbers to and from text without the locale and without floating-point arithmetic. */
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/decimal.h"

/* Powers below are 0 whatever the digits. */
#define LEAST_POWER (-1000000000)

static bool is_digit(const char *p, const char *end) { return p < end && *p >= '0' && *p <= '9'; }

bool cnn__parse_u64(const char *text, const char *end, uint64_t *value, const char **rest)
{
    uint64_t number = 0;
    const char *p = text;
    for (; is_digit(p, end); p++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *p - '0', &number)) {
            return false;
        }
    }
    *value = number;
    *rest = p;
    return p > text;
}

/* Adds the digits at `p` to the number; those that can make no difference only move its power. */
static const char *read_digits(const char *p, const char *end, cnn__decimal *number, bool fraction)
{
    for (; is_digit(p, end); p++) {
        const unsigned char digit = (unsigned char)(*p - '0');
        if (number->count < CNN__DECIMAL_DIGITS) {
            number->digits[number->count] = digit;
            number->count += number->count > 0 || digit > 0;
            number->power -= fraction;
        } else {
            /* One more digit stands for all that is left. */
            number->digits[CNN__DECIMAL_DIGITS - 1] |= digit > 0;
            number->power += !fraction;
        }
    }
    return p;
}

static const char *read_exponent(const char *p, const char *end, int *exponent)
{
    if (p >= end || (*p != 'e' && *p != 'E')) {
        return p;
    }
    const char *q = p + 1;
    bool negative = q < end && *q == '-';
    if (q < end && (*q == '-' || *q == '+')) {
        q++;
    }
    if (!is_digit(q, end)) {
        return p;
    }
    int value = 0;
    for (; is_digit(q, end); q++) {
        value = value < 100000000 ? value * 10 + (*q - '0') : value;
    }
    *exponent = negative ? -value : value;
    return q;
}

bool cnn__parse_double(const char *text, const char *end, double *value, const char **rest)
{
    cnn__decimal number;
    int exponent = 0;
    const char *p = text;
    bool negative = p < end && *p == '-';
    number.count = number.power = 0;
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    const char *whole = p;
    p = read_digits(p, end, &number, false);
    bool any = p > whole;
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        p = read_digits(fraction, end, &number, true);
        any = any || p > fraction;
    }
    if (!any) {
        return false;
    }
    p = read_exponent(p, end, &exponent);
    number.power = number.power > LEAST_POWER - exponent ? number.power + exponent : LEAST_POWER;
    double result;
    if (!cnn__decimal_to_double(&number, &result)) {
        return false;
    }
    *value = negative ? -result : result;
    *rest = p;
    return true;
}

/* As printf's %.{count}g in the locale C, and with the processor rounding to nearest. */
static void print_general(double value, int count, char *text)
{
    cnn__decimal number;
    char *out = text;
    cnn__decimal_from_double(value, count, &number);
    if (signbit(value)) {
        *out++ = '-';
    }
    const int first = number.count + number.power - 1; /* the power of ten of the first digit */
    if (number.count == 0) {
        strcpy(out, "0");
        return;
    }
    const bool scientific = first < -4 || first >= count;
    int point = scientific ? 1 : first + 1; /* digits before the point */
    if (point <= 0) {
        *out++ = '0';
        *out++ = '.';
        for (; point < 0; point++) {
            *out++ = '0';
        }
        point = -1;
    }
    for (int i = 0; i < number.count || i < point; i++) {
        if (i == point) {
            *out++ = '.';
        }
        *out++ = (char)('0' + (i < number.count ? number.digits[i] : 0));
    }
    *out = '\0';
    if (scientific) {
        sprintf(out, "e%c%02d", first < 0 ? '-' : '+', first < 0 ? -first : first);
    }
}

const char *cnn__format_double(double value, char *text, size_t size)
{
    static const int digits[] = {6, 9, 15, 17};
    double back = NAN;
    const char *rest;
    if (!isfinite(value)) {
        snprintf(text, size, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return text;
    }
    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        print_general(value, digits[i], text);
        if (cnn__parse_double(text, text + strlen(text), &back, &rest) && back == value) {
            break;
        }
    }
    return text;
}

const char *cnn__format_full(double value, char *text)
{
    print_general(value, 17, text);
    return text;
}
