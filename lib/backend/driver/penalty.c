/* SPDX-License-Identifier: MIT */
/* The penalty on large values, l1 * sum(|x|) + l2 * sum(x^2), and its gradient: one pass over memory each. */
#include <math.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

typedef struct penalty_work {
    const cnn_penalty_args *args;
    double part[CNN__REDUCTION_PARTS];
} penalty_work;

/* Several sums at a time: one alone would wait for each addition. */
enum { LANES = 8 };

static void penalty_part(void *argument, size_t index, uint32_t worker)
{
    (void)worker;
    penalty_work *work = argument;
    const float *x = work->args->x;
    const cnn__range range = cnn__part_range(work->args->n, CNN__REDUCTION_PARTS, index);
    double absolute[LANES] = {0}, squares[LANES] = {0}, first = 0, second = 0;
    size_t i = range.begin;
    for (; range.end - i >= LANES; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            const double value = x[i + k];
            absolute[k] += fabs(value);
            squares[k] += value * value;
        }
    }
    for (; i < range.end; i++) {
        absolute[0] += fabs((double)x[i]);
        squares[0] += (double)x[i] * x[i];
    }
    for (size_t k = 0; k < LANES; k++) {
        first += absolute[k];
        second += squares[k];
    }
    /* A factor of 0 leaves its sum out, also where that is not finite. */
    const cnn_penalty_args *args = work->args;
    work->part[index] = (args->l1 != 0 ? (double)args->l1 * first : 0) +
                        (args->l2 != 0 ? (double)args->l2 * second : 0);
}

static float sign_of(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f; }

static void write_gradient(const void *argument, size_t begin, size_t end)
{
    const cnn_penalty_args *args = argument;
    const float l1 = args->scale * args->l1, l2 = 2 * args->scale * args->l2;
    for (size_t i = begin; i < end; i++) {
        args->dx[i] = l1 * sign_of(args->x[i]) + l2 * args->x[i];
    }
}

static void add_gradient(const void *argument, size_t begin, size_t end)
{
    const cnn_penalty_args *args = argument;
    const float l1 = args->scale * args->l1, l2 = 2 * args->scale * args->l2;
    for (size_t i = begin; i < end; i++) {
        args->dx[i] += l1 * sign_of(args->x[i]) + l2 * args->x[i];
    }
}

cnn_status cnn__penalty(const cnn_backend_call *call, cnn_pass pass, const cnn_penalty_args *args)
{
    if (pass == CNN_PASS_BACKWARD) {
        cnn__for_spans(call, args->n, CNN__SPAN, args->accumulate ? add_gradient : write_gradient, args);
        return CNN_OK;
    }
    penalty_work work = {.args = args};
    call->parallel(call, CNN__REDUCTION_PARTS, penalty_part, &work);
    *args->result = 0;
    for (size_t i = 0; i < CNN__REDUCTION_PARTS; i++) {
        *args->result += work.part[i];
    }
    return CNN_OK;
}
