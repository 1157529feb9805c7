/* SPDX-License-Identifier: MIT */
/* Probabilities that mean what they say: temperature scaling, and Platt's. Both are convex problems of one and two
 * numbers. */
#include <math.h>

#include <cnn/evaluator.h>

#include "core/error.h"

#define COLDEST 0.01
#define HOTTEST 100.0
#define MOST_STEPS 200

/* What is fitted to. */
typedef struct samples {
    cnn_context *context;
    const float *logits;
    const int32_t *labels;
    const float *targets;
    size_t count, outputs, labelled;
} samples;

static cnn_status check_samples(samples *s)
{
    if (s->logits == NULL || s->count == 0 || s->outputs == 0 || (s->labels == NULL) == (s->targets == NULL)) {
        return cnn__fail(s->context, CNN_ERROR_INVALID_ARGUMENT,
                         "calibration: logits of samples are needed, and labels or targets");
    }
    const int64_t classes = s->outputs == 1 ? 2 : (int64_t)s->outputs;
    for (size_t i = 0; i < s->count; i++) {
        const int32_t label = s->labels != NULL ? s->labels[i] : 0;
        if (label < -1 || label >= classes) {
            return cnn__fail(s->context, CNN_ERROR_INVALID_ARGUMENT,
                             "calibration: label %d of sample %zu is out of range", (int)label, i);
        }
        s->labelled += label >= 0;
        for (size_t j = 0; j < s->outputs; j++) {
            if (isnan(s->logits[i * s->outputs + j])) {
                return cnn__fail(s->context, CNN_ERROR_INVALID_ARGUMENT,
                                 "calibration: a logit of sample %zu is no number", i);
            }
        }
    }
    return s->labelled > 0 ? CNN_OK : cnn__fail(s->context, CNN_ERROR_FORMAT, "calibration: no sample has a label");
}

/* ---- temperature ---- */

/* log(1 + exp(z)) - y z */
static double binary_loss(double z, double y) { return (z > 0 ? z : 0) - y * z + log1p(exp(-fabs(z))); }

static double softmax_loss(const float *z, size_t outputs, size_t label, double inverse)
{
    double most = z[0], sum = 0;
    for (size_t j = 1; j < outputs; j++) {
        most = z[j] > most ? z[j] : most;
    }
    for (size_t j = 0; j < outputs; j++) {
        sum += exp((z[j] - most) * inverse);
    }
    return log(sum) - (z[label] - most) * inverse;
}

static double heated_loss(const samples *s, double temperature)
{
    const double inverse = 1 / temperature;
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const float *z = s->logits + i * s->outputs;
        const int32_t label = s->labels != NULL ? s->labels[i] : 0;
        for (size_t j = 0; s->targets != NULL && j < s->outputs; j++) {
            sum += binary_loss(z[j] * inverse, s->targets[i * s->outputs + j] > 0.5f);
        }
        if (s->targets == NULL && label >= 0) {
            sum += s->outputs == 1 ? binary_loss(z[0] * inverse, label)
                                   : softmax_loss(z, s->outputs, (size_t)label, inverse);
        }
    }
    return sum;
}

/* The loss is convex in 1 / T, so that it has one valley along log T: golden section finds it. */
cnn_status cnn_calibrate_temperature(cnn_context *context, const float *logits, const int32_t *labels,
                                     const float *targets, size_t count, size_t outputs, float *temperature)
{
    samples s = {context, logits, labels, targets, count, outputs, 0};
    if (context == NULL || temperature == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "calibration: no place for the temperature");
    }
    CNN__RETURN_IF_ERROR(check_samples(&s));
    const double part = (sqrt(5) - 1) / 2;
    double low = log(COLDEST), high = log(HOTTEST);
    double left = high - part * (high - low), right = low + part * (high - low);
    double at_left = heated_loss(&s, exp(left)), at_right = heated_loss(&s, exp(right));
    for (int step = 0; step < MOST_STEPS && high - low > 1e-6; step++) {
        if (at_left < at_right) {
            high = right;
            right = left;
            at_right = at_left;
            left = high - part * (high - low);
            at_left = heated_loss(&s, exp(left));
        } else {
            low = left;
            left = right;
            at_left = at_right;
            right = low + part * (high - low);
            at_right = heated_loss(&s, exp(right));
        }
    }
    *temperature = (float)exp((low + high) / 2);
    return CNN_OK;
}

/* ---- Platt ---- */

/* Of the sigmoid of a z + b against targets: loss, gradient and second derivatives. */
typedef struct curvature {
    double loss, by_a, by_b, aa, ab, bb;
} curvature;

static curvature measure(const samples *s, double a, double b, double high, double low)
{
    curvature c = {0};
    for (size_t i = 0; i < s->count; i++) {
        if (s->labels[i] < 0) {
            continue;
        }
        const double x = s->logits[i], z = a * x + b, y = s->labels[i] == 1 ? high : low;
        const double p = 1 / (1 + exp(-z)), error = p - y, weight = p * (1 - p);
        c.loss += binary_loss(z, y);
        c.by_a += error * x;
        c.by_b += error;
        c.aa += weight * x * x;
        c.ab += weight * x;
        c.bb += weight;
    }
    c.aa += 1e-12; /* so that the step exists, as Lin, Lin and Weng have it */
    c.bb += 1e-12;
    return c;
}

/* Newton's method with halved steps (Lin, Lin and Weng 2007, "A note on Platt's probabilistic outputs"). */
static void fit(const samples *s, double high, double low, double *a, double *b)
{
    curvature here = measure(s, *a, *b, high, low);
    for (int step = 0; step < MOST_STEPS && fabs(here.by_a) + fabs(here.by_b) > 1e-7; step++) {
        const double determinant = here.aa * here.bb - here.ab * here.ab;
        const double da = -(here.bb * here.by_a - here.ab * here.by_b) / determinant;
        const double db = -(here.aa * here.by_b - here.ab * here.by_a) / determinant;
        double size = 1;
        curvature there = measure(s, *a + da, *b + db, high, low);
        while (!(there.loss < here.loss + 1e-4 * size * (da * here.by_a + db * here.by_b)) && size > 1e-10) {
            size /= 2;
            there = measure(s, *a + size * da, *b + size * db, high, low);
        }
        if (size <= 1e-10) {
            return;
        }
        *a += size * da;
        *b += size * db;
        here = there;
    }
}

cnn_status cnn_calibrate_platt(cnn_context *context, const float *logits, const int32_t *labels, size_t count,
                               float *slope, float *offset)
{
    samples s = {context, logits, labels, NULL, count, 1, 0};
    size_t positive = 0;
    if (context == NULL || slope == NULL || offset == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "calibration: no place for slope or offset");
    }
    CNN__RETURN_IF_ERROR(check_samples(&s));
    for (size_t i = 0; i < count; i++) {
        positive += labels[i] == 1;
        if (isinf(logits[i])) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "calibration: the logit of sample %zu is infinite",
                             i);
        }
    }
    const size_t negative = s.labelled - positive;
    if (positive == 0 || negative == 0) {
        return cnn__fail(context, CNN_ERROR_FORMAT, "calibration: all samples are of one class");
    }
    double a = 0, b = log(((double)positive + 1) / ((double)negative + 1));
    fit(&s, ((double)positive + 1) / ((double)positive + 2), 1 / ((double)negative + 2), &a, &b);
    *slope = (float)a;
    *offset = (float)b;
    return CNN_OK;
}

/* ---- intervals ---- */

/* The z below which a share p of a normal distribution lies, by bisection: exact enough, and short. */
static double normal_quantile(double p)
{
    double low = -40, high = 40;
    for (int step = 0; step < 60; step++) {
        const double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / sqrt(2)) < p) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

cnn_status cnn_wilson_interval(uint64_t right, uint64_t count, double confidence, double *low, double *high)
{
    const double wanted = confidence == 0 ? 0.95 : confidence;
    if (low == NULL || high == NULL || right > count || !(wanted > 0 && wanted < 1)) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *low = 0;
    *high = 1;
    if (count > 0) {
        const double n = (double)count, p = (double)right / n, z = normal_quantile(1 - (1 - wanted) / 2);
        const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
        const double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
        *low = right == 0 ? 0 : middle - half;
        *high = right == count ? 1 : middle + half;
    }
    return CNN_OK;
}
