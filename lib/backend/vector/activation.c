/* SPDX-License-Identifier: MIT */
/* Elementwise activations. */
#include "backend/vector/activate.h"

#include "backend/driver/task.h"
#include "backend/vector/kernels.h"

typedef struct activation_work {
    cnn_activation activation;
    float alpha;
    const float *x; /* backward: the output y, or the input */
    const float *dy;
    float *out;
} activation_work;

VEC_INLINE void forward_loop(const activation_work *work, cnn_activation activation, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        vec_store_n(work->out + i, vec_activate(activation, work->alpha, vec_load_n(work->x + i, end - i)), end - i);
    }
}

VEC_INLINE void backward_loop(const activation_work *work, cnn_activation activation, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i += VEC_WIDTH) {
        vec_f y = vec_load_n(work->x + i, end - i), dy = vec_load_n(work->dy + i, end - i);
        vec_store_n(work->out + i, vec_activate_gradient(activation, work->alpha, y, dy), end - i);
    }
}

static void forward_span(const void *argument, size_t begin, size_t end)
{
    const activation_work *work = argument;
#define FORWARD(constant) forward_loop(work, constant, begin, end)
    VEC_WITH_ACTIVATION(work->activation, FORWARD)
#undef FORWARD
}

static void backward_span(const void *argument, size_t begin, size_t end)
{
    const activation_work *work = argument;
#define BACKWARD(constant) backward_loop(work, constant, begin, end)
    VEC_WITH_ACTIVATION(work->activation, BACKWARD)
#undef BACKWARD
}

cnn_status CNN__VECTOR(cnn__activation)(const cnn_backend_call *call, cnn_pass pass, const cnn_activation_args *args)
{
    const cnn_activation activation = (cnn_activation)args->activation;
    const activation_work forward = {activation, args->alpha, args->x, NULL, args->y};
    const float *from = cnn__activation_reads_input(activation) ? args->x : args->y;
    const activation_work backward = {activation, args->alpha, from, args->dy, args->dx};
    if (pass != CNN_PASS_FORWARD && pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    const bool is_forward = pass == CNN_PASS_FORWARD;
    cnn__for_spans(call, args->n, CNN__SPAN, is_forward ? forward_span : backward_span,
                   is_forward ? &forward : &backward);
    return CNN_OK;
}
