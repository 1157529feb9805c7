/* SPDX-License-Identifier: MIT */
/* The convolution algorithms of one instruction set. */
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/conv2d/conv2d_kernels.h"
#include "backend/vector/conv2d/winograd_driver.h"

static bool winograd_supports(const cnn__conv2d_functions *self, const cnn_conv2d_shape *s, cnn_pass pass)
{
    (void)pass;
    return s->kernel_h == self->winograd->taps && s->kernel_w == self->winograd->taps && s->stride_h == 1 &&
           s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1 && s->groups == 1;
}

static size_t winograd_workspace(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass,
                                 uint32_t threads)
{
    return pass == CNN_PASS_BACKWARD_FILTER
               ? CNN__VECTOR(cnn__wino_filter_workspace)(self->winograd, shape, threads)
               : CNN__VECTOR(cnn__wino_data_workspace)(self->winograd, shape, pass, threads);
}

static size_t winograd_prepared_size(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape)
{
    return CNN__VECTOR(cnn__wino_prepared_size)(self->winograd, shape);
}

static cnn_status winograd_run(const cnn__conv2d_functions *self, const cnn_backend_call *call, cnn_pass pass,
                               const cnn_conv2d_args *args)
{
    return CNN__VECTOR(cnn__wino_conv2d)(self->winograd, call, pass, args);
}

static bool direct_supports(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass)
{
    (void)self;
    return CNN__VECTOR(cnn__direct_supports)(shape, pass);
}

static size_t direct_workspace(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass,
                               uint32_t threads)
{
    (void)self;
    return pass == CNN_PASS_BACKWARD_FILTER ? CNN__VECTOR(cnn__direct_filter_workspace)(shape, threads)
                                            : CNN__VECTOR(cnn__direct_data_workspace)(shape, pass, threads);
}

static size_t direct_prepared_size(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape)
{
    (void)self;
    return CNN__VECTOR(cnn__direct_prepared_size)(shape);
}

static cnn_status direct_run(const cnn__conv2d_functions *self, const cnn_backend_call *call, cnn_pass pass,
                             const cnn_conv2d_args *args)
{
    (void)self;
    return CNN__VECTOR(cnn__direct_conv2d)(call, pass, args);
}

static bool pointwise_supports(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass)
{
    (void)self;
    (void)pass;
    return CNN__VECTOR(cnn__pointwise_supports)(shape);
}

static size_t pointwise_workspace(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass,
                                  uint32_t threads)
{
    (void)self;
    return pass == CNN_PASS_BACKWARD_FILTER ? CNN__VECTOR(cnn__pointwise_filter_workspace)(shape, threads)
                                            : CNN__VECTOR(cnn__pointwise_data_workspace)(shape, pass, threads);
}

static size_t pointwise_prepared_size(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape)
{
    (void)self;
    return CNN__VECTOR(cnn__pointwise_prepared_size)(shape);
}

static cnn_status pointwise_run(const cnn__conv2d_functions *self, const cnn_backend_call *call, cnn_pass pass,
                                const cnn_conv2d_args *args)
{
    (void)self;
    return CNN__VECTOR(cnn__pointwise_conv2d)(call, pass, args);
}

static bool depthwise_supports(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass)
{
    (void)self;
    (void)pass;
    return CNN__VECTOR(cnn__depthwise_supports)(shape);
}

static size_t depthwise_workspace(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape, cnn_pass pass,
                                  uint32_t threads)
{
    (void)self;
    return pass == CNN_PASS_BACKWARD_FILTER ? CNN__VECTOR(cnn__depthwise_filter_workspace)(shape, threads)
                                            : CNN__VECTOR(cnn__depthwise_data_workspace)(shape, pass, threads);
}

static size_t depthwise_prepared_size(const cnn__conv2d_functions *self, const cnn_conv2d_shape *shape)
{
    (void)self;
    return CNN__VECTOR(cnn__depthwise_prepared_size)(shape);
}

static cnn_status depthwise_run(const cnn__conv2d_functions *self, const cnn_backend_call *call, cnn_pass pass,
                                const cnn_conv2d_args *args)
{
    (void)self;
    return CNN__VECTOR(cnn__depthwise_conv2d)(call, pass, args);
}

/* An algorithm's tile functions have its own number. */
#define WINOGRAD(algorithm)                                                                     \
    [algorithm] = {winograd_supports, winograd_workspace, winograd_prepared_size, winograd_run, \
                   &CNN__VECTOR(cnn__wino_kernels)[algorithm]}

const cnn__conv2d_functions CNN__VECTOR(cnn__conv2d_table)[CNN__CONV2D_ALGORITHMS] = {
    WINOGRAD(CNN__CONV2D_WINOGRAD_4X3),
    WINOGRAD(CNN__CONV2D_WINOGRAD_6X3),
    WINOGRAD(CNN__CONV2D_WINOGRAD_2X5),
    WINOGRAD(CNN__CONV2D_WINOGRAD_4X5),
    WINOGRAD(CNN__CONV2D_WINOGRAD_2X3),
    [CNN__CONV2D_DIRECT] = {direct_supports, direct_workspace, direct_prepared_size, direct_run, NULL},
    [CNN__CONV2D_POINTWISE] = {pointwise_supports, pointwise_workspace, pointwise_prepared_size, pointwise_run, NULL},
    [CNN__CONV2D_DEPTHWISE] = {depthwise_supports, depthwise_workspace, depthwise_prepared_size, depthwise_run, NULL},
};
