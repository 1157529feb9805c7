/* SPDX-License-Identifier: MIT */
/* Normalised adjacency matrices: a matrix is a task, its sums of rows are in double. */
#include <math.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

/* Arrays of a value for each node that a worker has. */
enum { SCALE, SLOPE, ARRAYS };

typedef struct graph_work {
    const cnn_adjacency_args *args;
    double *scratch; /* [workers][ARRAYS][nodes] */
    bool backward;
} graph_work;

/* 1/d, or undirected 1/sqrt(d), of the sum d of each row; 0 where that is not above 0. */
static void find_scales(const cnn_adjacency_args *args, const float *x, double *scale)
{
    const size_t nodes = (size_t)args->nodes;
    for (size_t i = 0; i < nodes; i++) {
        double sum = args->directed ? 0 : 1;
        for (size_t j = 0; j < nodes; j++) {
            sum += (double)x[i * nodes + j];
        }
        scale[i] = !(sum > 0) ? 0 : args->directed ? 1 / sum : 1 / sqrt(sum);
    }
}

/* Entry (i, j) before it is scaled: with an edge from each node to itself. */
static inline double entry(const cnn_adjacency_args *args, const float *x, size_t i, size_t j)
{
    return (double)x[i * (size_t)args->nodes + j] + (!args->directed && i == j ? 1 : 0);
}

static void forward(const cnn_adjacency_args *args, const float *x, const double *scale, float *y)
{
    const size_t nodes = (size_t)args->nodes;
    for (size_t i = 0; i < nodes; i++) {
        for (size_t j = 0; j < nodes; j++) {
            const double factor = args->directed ? scale[i] : scale[i] * scale[j];
            y[i * nodes + j] = (float)(entry(args, x, i, j) * factor);
        }
    }
}

/* y = x scale: dx is dy scale, and as the sum of row i changes with each of its entries, a term that is the row's.
 * Directed, scale = 1/d: minus the mean of dy by y. Undirected, scale = d^-1/2, in the row and in the column of a node:
 * -1/2 d^-3/2 times what both of them give. */
static void find_slopes(const cnn_adjacency_args *args, const float *x, const float *dy, const double *scale,
                        double *slope)
{
    const size_t nodes = (size_t)args->nodes;
    for (size_t i = 0; i < nodes; i++) {
        double sum = 0;
        for (size_t j = 0; j < nodes; j++) {
            const double row = (double)dy[i * nodes + j] * entry(args, x, i, j);
            const double column = args->directed ? 0 : (double)dy[j * nodes + i] * entry(args, x, j, i);
            sum += args->directed ? row : (row + column) * scale[j];
        }
        slope[i] = args->directed ? -sum * scale[i] * scale[i] : -0.5 * sum * scale[i] * scale[i] * scale[i];
    }
}

static void backward(const cnn_adjacency_args *args, const float *dy, const double *scale, const double *slope,
                     float *dx)
{
    const size_t nodes = (size_t)args->nodes;
    for (size_t i = 0; i < nodes; i++) {
        for (size_t j = 0; j < nodes; j++) {
            const double factor = args->directed ? scale[i] : scale[i] * scale[j];
            dx[i * nodes + j] = (float)((double)dy[i * nodes + j] * factor + slope[i]);
        }
    }
}

static void graph_task(void *argument, size_t index, uint32_t worker)
{
    const graph_work *work = argument;
    const cnn_adjacency_args *args = work->args;
    const size_t nodes = (size_t)args->nodes, at = index * nodes * nodes;
    double *scale = work->scratch + (worker * ARRAYS + SCALE) * nodes;
    double *slope = work->scratch + (worker * ARRAYS + SLOPE) * nodes;
    find_scales(args, args->x + at, scale);
    if (!work->backward) {
        forward(args, args->x + at, scale, args->y + at);
        return;
    }
    find_slopes(args, args->x + at, args->dy + at, scale, slope);
    backward(args, args->dy + at, scale, slope, args->dx + at);
}

size_t cnn__adjacency_workspace(const cnn_adjacency_args *args, uint32_t threads)
{
    return (size_t)args->nodes * threads * ARRAYS * sizeof(double);
}

cnn_status cnn__adjacency(const cnn_backend_call *call, cnn_pass pass, const cnn_adjacency_args *args)
{
    graph_work work = {.args = args, .scratch = call->workspace, .backward = pass == CNN_PASS_BACKWARD};
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    if (!cnn__has_workspace(call, cnn__adjacency_workspace(args, call->threads))) {
        return CNN_ERROR_BACKEND;
    }
    call->parallel(call, (size_t)args->n, graph_task, &work);
    return CNN_OK;
}
