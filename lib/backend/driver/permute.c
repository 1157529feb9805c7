/* SPDX-License-Identifier: MIT */
/* Axes in another order: copies, the same in every backend. */
#include <string.h>

#include "backend/driver/driver.h"
#include "backend/driver/task.h"

typedef struct permute_work {
    uint32_t rank;
    size_t dims[CNN_MAX_RANK], strides[CNN_MAX_RANK]; /* of the result: sizes, and what one step is in the source */
    const float *from;
    float *to;
} permute_work;

/* [begin, end) counts rows of the result. */
static void permute_rows(const void *argument, size_t begin, size_t end)
{
    const permute_work *work = argument;
    const uint32_t last = work->rank - 1;
    const size_t width = work->dims[last], stride = work->strides[last];
    for (size_t row = begin; row < end; row++) {
        const float *from = work->from;
        size_t rest = row;
        for (uint32_t i = last; i-- > 0;) {
            from += rest % work->dims[i] * work->strides[i];
            rest /= work->dims[i];
        }
        float *to = work->to + row * width;
        if (stride == 1) {
            memcpy(to, from, width * sizeof(float));
            continue;
        }
        for (size_t i = 0; i < width; i++) {
            to[i] = from[i * stride];
        }
    }
}

/* Axis i of the result is axis order[i] of the source, which has the sizes `dims`. */
static void permute(const cnn_backend_call *call, uint32_t rank, const int64_t *dims, const int32_t *order,
                    const float *from, float *to)
{
    permute_work work = {.rank = rank, .from = from, .to = to};
    size_t strides[CNN_MAX_RANK], rows = 1;
    strides[rank - 1] = 1;
    for (uint32_t i = rank - 1; i-- > 0;) {
        strides[i] = strides[i + 1] * (size_t)dims[i + 1];
    }
    for (uint32_t i = 0; i < rank; i++) {
        work.dims[i] = (size_t)dims[order[i]];
        work.strides[i] = strides[order[i]];
        rows *= i + 1 < rank ? work.dims[i] : 1;
    }
    cnn__for_spans(call, rows, cnn__div_up(CNN__SPAN, work.dims[rank - 1]), permute_rows, &work);
}

cnn_status cnn__permute_axes(const cnn_backend_call *call, cnn_pass pass, const cnn_permute_args *args)
{
    if (pass == CNN_PASS_FORWARD) {
        permute(call, args->rank, args->dims, args->order, args->x, args->y);
        return CNN_OK;
    }
    if (pass != CNN_PASS_BACKWARD) {
        return CNN_ERROR_UNSUPPORTED;
    }
    int64_t dims[CNN_MAX_RANK];
    int32_t order[CNN_MAX_RANK];
    for (uint32_t i = 0; i < args->rank; i++) {
        dims[i] = args->dims[args->order[i]];
        order[args->order[i]] = (int32_t)i;
    }
    permute(call, args->rank, dims, order, args->dy, args->dx);
    return CNN_OK;
}
