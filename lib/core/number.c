/* SPDX-License-Identifier: MIT */
/* Numbers to and from text without the locale. */
#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* Digits of a decimal fraction as an integer and a power of ten; digits beyond 19 only move the power. */
typedef struct decimal {
    uint64_t digits;
    int power;
    int count;
} decimal;

static const char *read_digits(const char *p, const char *end, decimal *number, int power_step)
{
    for (; is_digit(p, end); p++, number->count++) {
        bool fits = number->digits < UINT64_C(1000000000000000000);
        if (fits) {
            number->digits = number->digits * 10 + (uint64_t)(*p - '0');
        }
        /* Before the point a dropped digit raises the power, behind it a kept one lowers it. */
        number->power += power_step == 0 ? !fits : (fits ? -1 : 0);
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
        value = value < 100000 ? value * 10 + (*q - '0') : value;
    }
    *exponent = negative ? -value : value;
    return q;
}

static double scale(uint64_t digits, int power)
{
    long double value = (long double)digits, base = 10.0L;
    if (digits == 0 || power < -400) {
        return 0.0;
    }
    long double factor = 1.0L;
    for (unsigned left = (unsigned)(power < 0 ? -power : power > 400 ? 400 : power); left != 0; left >>= 1) {
        factor = (left & 1) != 0 ? factor * base : factor;
        base *= base;
    }
    return (double)(power < 0 ? value / factor : value * factor);
}

bool cnn__parse_double(const char *text, const char *end, double *value, const char **rest)
{
    decimal number = {0, 0, 0};
    int exponent = 0;
    const char *p = text;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    p = read_digits(p, end, &number, 0);
    if (p < end && *p == '.') {
        p = read_digits(p + 1, end, &number, -1);
    }
    if (number.count == 0) {
        return false;
    }
    p = read_exponent(p, end, &exponent);
    double result = scale(number.digits, number.power + exponent);
    if (!isfinite(result)) {
        return false;
    }
    *value = negative ? -result : result;
    *rest = p;
    return true;
}

const char *cnn__format_double(double value, char *text, size_t size)
{
    static const int digits[] = {6, 9, 15, 17};
    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        double back = NAN;
        const char *rest;
        snprintf(text, size, "%.*g", digits[i], value);
        /* The only characters besides digits, sign and exponent are the locale's decimal point. */
        size_t keep = strspn(text, "+-0123456789");
        size_t point = strcspn(text + keep, "+-0123456789e");
        if (point > 0 && isfinite(value)) {
            text[keep] = '.';
            memmove(text + keep + 1, text + keep + point, strlen(text + keep + point) + 1);
        }
        if (!isfinite(value) || (cnn__parse_double(text, text + strlen(text), &back, &rest) && back == value)) {
            break;
        }
    }
    return text;
}
