/* SPDX-License-Identifier: MIT */
#include "tool_spark.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void join_pairs(tool_spark *spark)
{
    for (size_t i = 0; i < TOOL_SPARK_CELLS / 2; i++) {
        spark->sums[i] = spark->sums[2 * i] + spark->sums[2 * i + 1];
    }
    spark->cells = TOOL_SPARK_CELLS / 2;
    spark->each *= 2;
    spark->last = spark->each;
}

void tool_spark_add(tool_spark *spark, double value)
{
    if (!isfinite(value)) {
        return;
    }
    spark->each = spark->each > 0 ? spark->each : 1;
    if (spark->cells == TOOL_SPARK_CELLS && spark->last == spark->each) {
        join_pairs(spark);
    }
    if (spark->cells == 0 || spark->last == spark->each) {
        spark->sums[spark->cells++] = 0;
        spark->last = 0;
    }
    spark->sums[spark->cells - 1] += value;
    spark->last++;
}

/* As setlocale() would find it, which changes more than this. */
static bool shows_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]), *charset = value != NULL ? strchr(value, '.') : NULL;
        if (value != NULL && *value != '\0') {
            return charset != NULL && (strncasecmp(charset, ".utf-8", 6) == 0 || strncasecmp(charset, ".utf8", 5) == 0);
        }
    }
    return false;
}

const char *tool_spark_text(const tool_spark *spark, char text[3 * TOOL_SPARK_CELLS + 1])
{
    double means[TOOL_SPARK_CELLS], low = INFINITY, high = -INFINITY;
    char *to = text;
    for (size_t i = 0; i < spark->cells; i++) {
        means[i] = spark->sums[i] / (double)(i + 1 < spark->cells ? spark->each : spark->last);
        low = fmin(low, means[i]);
        high = fmax(high, means[i]);
    }
    for (size_t i = 0; i < spark->cells && spark->cells > 1 && shows_utf8(); i++) {
        const int height = high > low ? (int)((means[i] - low) / (high - low) * 7.999) : 0;
        memcpy(to, "\xe2\x96", 2); /* U+2581 to U+2588 */
        to[2] = (char)(0x81 + height);
        to += 3;
    }
    *to = '\0';
    return text;
}
