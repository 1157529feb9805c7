/* SPDX-License-Identifier: MIT */
/* Softmax and its logarithm over rows, shifted by the row's maximum, summed in double. */
#include <math.h>

#include "backend/driver/task.h"
#include "backend/reference/reference.h"

typedef struct softmax_work {
    bool logarithm;
    size_t columns;
    const float *x; /* backward: the output y */
    const float *dy;
    float *out;
} softmax_work;

/* A NaN in the row makes the maximum NaN, and so the whole row. */
static float row_maximum(const float *x, size_t columns)
{
    float maximum = x[0];
    for (size_t j = 1; j < columns; j++) {
        if (x[j] > maximum || x[j] != x[j]) {
            maximum = x[j];
        }
        if (maximum != maximum) {
            break;
        }
    }
    return maximum;
}

static void forward_row(const float *x, float *y, size_t columns, bool logarithm)
{
    float maximum = row_maximum(x, columns);
    double sum = 0;
    for (size_t j = 0; j < columns; j++) {
        sum += exp((double)x[j] - maximum);
    }
    double shift = log(sum);
    for (size_t j = 0; j < columns; j++) {
        double value = (double)x[j] - maximum;
        y[j] = (float)(logarithm ? value - shift : exp(value) / sum);
    }
}

static void backward_row(const float *y, const float *dy, float *dx, size_t columns, bool logarithm)
{
    double sum = 0;
    for (size_t j = 0; j < columns; j++) {
        sum += logarithm ? dy[j] : (double)dy[j] * y[j];
    }
    for (size_t j = 0; j < columns; j++) {
        dx[j] = (float)(logarithm ? dy[j] - exp((double)y[j]) * sum : y[j] * (dy[j] - sum));
    }
}

static void forward_rows(const void *argument, size_t begin, size_t end)
{
    const softmax_work *work = argument;
    for (size_t r = begin; r < end; r++) {
        forward_row(work->x + r * work->columns, work->out + r * work->columns, work->columns, work->logarithm);
    }
}

static void backward_rows(const void *argument, size_t begin, size_t end)
{
    const softmax_work *work = argument;
    for (size_t r = begin; r < end; r++) {
        size_t at = r * work->columns;
        backward_row(work->x + at, work->dy + at, work->out + at, work->columns, work->logarithm);
    }
}

cnn_status cnn__reference_softmax(const cnn_backend_call *call, cnn_pass pass, const cnn_softmax_args *args)
{
    const softmax_work forward = {args->logarithm != 0, args->columns, args->x, NULL, args->y};
    const softmax_work backward = {args->logarithm != 0, args->columns, args->y, args->dy, args->dx};
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    const bool is_forward = pass == CNN_PASS_FORWARD;
    cnn__for_spans(call, args->rows, cnn__div_up(CNN__SPAN, args->columns), is_forward ? forward_rows : backward_rows,
                   is_forward ? &forward : &backward);
    return CNN_OK;
}
