/* SPDX-License-Identifier: MIT */
/* The convolution algorithms of one instruction set. */
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/conv2d/conv2d_kernels.h"
#include "backend/vector/conv2d/winograd_driver.h"

static bool winograd_supports(const cnn_conv2d_shape *s, int taps)
{
    return s->kernel_h == taps && s->kernel_w == taps && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1 &&
           s->dilation_w == 1 && s->groups == 1;
}

static size_t winograd_workspace(const wino_kernels *kernels, const cnn_conv2d_shape *shape, cnn_pass pass,
                                 uint32_t threads)
{
    return pass == CNN_PASS_BACKWARD_FILTER ? CNN__VECTOR(cnn__wino_filter_workspace)(kernels, shape, threads)
                                            : CNN__VECTOR(cnn__wino_data_workspace)(kernels, shape, pass, threads);
}

/* The backend's signatures for one variant. */
#define WINOGRAD(id, index, taps)                                                                                      \
    static bool supports_##id(const cnn_conv2d_shape *shape, cnn_pass pass)                                            \
    {                                                                                                                  \
        (void)pass;                                                                                                    \
        return winograd_supports(shape, taps);                                                                         \
    }                                                                                                                  \
    static size_t workspace_##id(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads)                       \
    {                                                                                                                  \
        return winograd_workspace(&CNN__VECTOR(cnn__wino_kernels)[index], shape, pass, threads);                       \
    }                                                                                                                  \
    static cnn_status forward_##id(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,        \
                                   const float *filters, const float *bias, float *y, uint8_t *argmax)                 \
    {                                                                                                                  \
        const wino_kernels *kernels = &CNN__VECTOR(cnn__wino_kernels)[index];                                          \
        return CNN__VECTOR(cnn__wino_forward)(kernels, call, shape, x, filters, bias, y, argmax);                      \
    }                                                                                                                  \
    static cnn_status backward_data_##id(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *dy, \
                                         const uint8_t *argmax, const float *filters, float *dx)                       \
    {                                                                                                                  \
        const wino_kernels *kernels = &CNN__VECTOR(cnn__wino_kernels)[index];                                          \
        return CNN__VECTOR(cnn__wino_backward_data)(kernels, call, shape, dy, argmax, filters, dx);                    \
    }                                                                                                                  \
    static cnn_status backward_filter_##id(const cnn_backend_call *call, const cnn_conv2d_shape *shape,                \
                                           const float *x, const float *dy, const uint8_t *argmax, float *d_filters,   \
                                           float *d_bias)                                                              \
    {                                                                                                                  \
        const wino_kernels *kernels = &CNN__VECTOR(cnn__wino_kernels)[index];                                          \
        return CNN__VECTOR(cnn__wino_backward_filter)(kernels, call, shape, x, dy, argmax, d_filters, d_bias);         \
    }                                                                                                                  \
    static size_t prepared_size_##id(const cnn_conv2d_shape *shape)                                                    \
    {                                                                                                                  \
        return CNN__VECTOR(cnn__wino_prepared_size)(&CNN__VECTOR(cnn__wino_kernels)[index], shape);                    \
    }                                                                                                                  \
    static cnn_status prepare_##id(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *filters,  \
                                   void *prepared)                                                                     \
    {                                                                                                                  \
        return CNN__VECTOR(cnn__wino_prepare)(&CNN__VECTOR(cnn__wino_kernels)[index], call, shape, filters, prepared); \
    }                                                                                                                  \
    static cnn_status forward_prepared_##id(const cnn_backend_call *call, const cnn_conv2d_shape *shape,               \
                                            const float *x, const void *prepared, const float *bias, float *y,         \
                                            uint8_t *argmax)                                                           \
    {                                                                                                                  \
        const wino_kernels *kernels = &CNN__VECTOR(cnn__wino_kernels)[index];                                          \
        return CNN__VECTOR(cnn__wino_forward_prepared)(kernels, call, shape, x, prepared, bias, y, argmax);            \
    }

WINOGRAD(4x3, 0, 3)
WINOGRAD(6x3, 1, 3)
WINOGRAD(2x5, 2, 5)
WINOGRAD(4x5, 3, 5)
WINOGRAD(2x3, 4, 3)

static size_t direct_workspace(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads)
{
    return pass == CNN_PASS_BACKWARD_FILTER ? CNN__VECTOR(cnn__direct_filter_workspace)(shape, threads)
                                            : CNN__VECTOR(cnn__direct_data_workspace)(shape, pass, threads);
}

#define WINOGRAD_ENTRY(id)                                                                                         \
    {                                                                                                              \
        supports_##id, workspace_##id, forward_##id, backward_data_##id, backward_filter_##id, prepared_size_##id, \
            prepare_##id, forward_prepared_##id                                                                    \
    }

const cnn__conv2d_functions CNN__VECTOR(cnn__conv2d_table)[CNN__CONV2D_ALGORITHMS] = {
    [CNN__CONV2D_WINOGRAD_4X3] = WINOGRAD_ENTRY(4x3),
    [CNN__CONV2D_WINOGRAD_6X3] = WINOGRAD_ENTRY(6x3),
    [CNN__CONV2D_WINOGRAD_2X5] = WINOGRAD_ENTRY(2x5),
    [CNN__CONV2D_WINOGRAD_4X5] = WINOGRAD_ENTRY(4x5),
    [CNN__CONV2D_WINOGRAD_2X3] = WINOGRAD_ENTRY(2x3),
    [CNN__CONV2D_DIRECT] = {CNN__VECTOR(cnn__direct_supports), direct_workspace, CNN__VECTOR(cnn__direct_forward),
                            CNN__VECTOR(cnn__direct_backward_data), CNN__VECTOR(cnn__direct_backward_filter),
                            CNN__VECTOR(cnn__direct_prepared_size), CNN__VECTOR(cnn__direct_prepare),
                            CNN__VECTOR(cnn__direct_forward_prepared)},
};
