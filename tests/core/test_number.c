/* SPDX-License-Identifier: MIT */
/* Doubles to text and back against the C library's, in each rounding mode of the processor. */
#include <check.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "core/number.h"
#include "core/rng.h"

static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

/* Finite doubles of all sizes, and many of ordinary ones. */
static double draw(cnn__rng *rng, int i)
{
    uint64_t bits = (uint64_t)cnn__rng_u32(rng) << 32 | cnn__rng_u32(rng);
    double value;
    if (i % 3 == 0) {
        bits = (bits & UINT64_C(0x800fffffffffffff)) | (uint64_t)(1023 - 60 + i % 120) << 52;
    }
    if (i % 7 == 0) {
        bits &= UINT64_C(0x800fffffffffffff); /* below the normal ones */
    }
    if (i % 11 == 0) {
        bits &= ~UINT64_C(0xffffffff); /* few digits: many ties */
    }
    memcpy(&value, &bits, sizeof(value));
    return isfinite(value) ? value : 0.5;
}

static void check_parse(const char *text, double expected)
{
    for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
        const char *rest = NULL;
        double value = NAN;
        fesetround(modes[m]);
        bool good = cnn__parse_double(text, text + strlen(text), &value, &rest);
        fesetround(FE_TONEAREST);
        ck_assert_msg(good == isfinite(expected), "%s", text);
        ck_assert_msg(!good || (*rest == '\0' && memcmp(&value, &expected, sizeof(value)) == 0), "%s: %a, not %a", text,
                      value, expected);
    }
}

START_TEST(test_random)
{
    cnn__rng rng;
    cnn__rng_init(&rng, 1, CNN__STREAM_SHUFFLE, 5, 6);
    for (int i = 0; i < 20000; i++) {
        const double value = draw(&rng, i);
        char expected[64], found[64];
        snprintf(expected, sizeof(expected), "%.17g", value);
        fesetround(modes[i % 4]);
        cnn__format_full(value, found);
        fesetround(FE_TONEAREST);
        ck_assert_str_eq(found, expected);
        check_parse(found, value);
        snprintf(expected, sizeof(expected), "%.*e", i % 25, value);
        check_parse(expected, strtod(expected, NULL));
        cnn__format_double(value, found, sizeof(found));
        check_parse(found, value);
    }
}
END_TEST

START_TEST(test_halfway)
{
    /* All digits of the number in the middle between two doubles, and a little more: the even one, and the upper. */
    static const double values[] = {1.0, 0.1, 1e22, 5e-324, 2.2250738585072009e-308, 8.98846567431158e307, 1e-300};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[1600];
        const long double upper = nextafter(values[i], INFINITY), middle = ((long double)values[i] + upper) / 2;
        int length = snprintf(text, sizeof(text), "%.1100Lf", middle);
        check_parse(text, strtod(text, NULL));
        snprintf(text + length, sizeof(text) - (size_t)length, "1");
        check_parse(text, (double)upper);
    }
    check_parse("1.7976931348623158e308", 1.7976931348623157e308);
    check_parse("1.7976931348623159e308", INFINITY);
    check_parse("2.4703282292062327e-324", 0.0);
    check_parse("2.4703282292062328e-324", 5e-324);
    check_parse("-2.4703282292062327e-324", -0.0);
    check_parse("0.000000000000000000000000000000000000000000000000000000000000000000000000000000001e81", 1.0);
    check_parse("1000000000000000000000000000000000000000000000000000000000000000000000000000000000e-81", 1.0);
    check_parse("1e-99999999999", 0.0);
    check_parse("0e99999999999", 0.0);
}
END_TEST

START_TEST(test_long)
{
    /* A million digits before the point, and behind it. */
    enum { DIGITS = 1000000 };
    char *text = malloc(DIGITS + 32);
    memset(text, '0', DIGITS);
    text[0] = '7';
    strcpy(text + DIGITS, "e-999999");
    check_parse(text, 7.0);
    strcpy(text + DIGITS, "e-1000010");
    check_parse(text, 7e-11);
    memset(text, '0', DIGITS);
    text[1] = '.';
    strcpy(text + DIGITS, "25e1000000");
    check_parse(text, 25.0);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/number");
    TCase *tcase = tcase_create("numbers");
    tcase_add_test(tcase, test_random);
    tcase_add_test(tcase, test_halfway);
    tcase_add_test(tcase, test_long);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
