/* SPDX-License-Identifier: MIT */
/* Which algorithm a convolution of the `blis` backend uses, by its shape and pass, and the entries that use it. */
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/conv2d/mosaic.h"
#include "backend/vector/vector.h"

/* Estimated work in multiply-adds at full speed. Measured on AVX2; the ratios hold on other sets. */
#define COST_DIRECT 1.15      /* of a multiply-add in the direct kernels */
#define COST_INPUT 5.0        /* of a value of a transformed input tile */
#define COST_OUTPUT 9.0       /* of a value of a tile before its inverse */
#define COST_FILTER 8.0       /* of a value of a transformed filter: written and read, or read from afar */
#define COST_ERROR 1.1        /* handicap of the 8x8 tiles, whose rounding error is four times larger */
#define NOMINAL_IMAGES 8      /* of inference, in place of n: an image gives the same bits in a batch of any size */
#define NOMINAL_BATCH 32      /* of training, in place of n: a batch's rest runs as the others do */
#define COLUMN_BLOCK 16       /* channels that the kernels handle together */
#define MOST_FIRST_CHANNELS 4 /* of a first layer: too few for a transform to pay */

typedef struct variant {
    cnn__conv2d_algorithm algorithm;
    int64_t out, taps;
    const char *name, *reason;
} variant;

static const variant variants[] = {
    {CNN__CONV2D_WINOGRAD_4X3, 4, 3, "winograd-4x4-3x3", "3x3, stride 1: 36 products for 16 outputs"},
    {CNN__CONV2D_WINOGRAD_6X3, 6, 3, "winograd-6x6-3x3", "3x3, stride 1: 64 products for 36 outputs, tiles fit well"},
    {CNN__CONV2D_WINOGRAD_2X3, 2, 3, "winograd-2x2-3x3", "3x3, stride 1: 16 products for 4 outputs, little to read"},
    {CNN__CONV2D_WINOGRAD_2X5, 2, 5, "winograd-2x2-5x5", "5x5, stride 1: 36 products for 4 outputs"},
    {CNN__CONV2D_WINOGRAD_4X5, 4, 5, "winograd-4x4-5x5", "5x5, stride 1: 64 products for 16 outputs"},
};

/* One image at a time, with filters that are only read. */
static bool is_single(const cnn_conv2d_shape *s, cnn_pass pass)
{
    return pass == CNN_PASS_FORWARD_PREPARED && s->batch == 1;
}

static int64_t nominal_images(const cnn_conv2d_shape *s, cnn_pass pass)
{
    return is_single(s, pass) ? 1 : pass == CNN_PASS_FORWARD_PREPARED ? NOMINAL_IMAGES : NOMINAL_BATCH;
}

static int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

/* Rows and columns of tiles cover what is computed: outputs, or with the gradient of the input the input. */
static double winograd_cost(const cnn_conv2d_shape *s, cnn_pass pass, const variant *v)
{
    const bool to_input = pass == CNN_PASS_BACKWARD_DATA;
    const int64_t even = s->pool != 0 ? -2 : -1; /* pooling drops an odd last row and column */
    const int64_t in_h = to_input ? s->out_h : s->in_h, in_w = to_input ? s->out_w : s->in_w;
    const cnn__mosaic_request request = {
        .n = nominal_images(s, pass),
        .source_h = in_h,
        .source_w = in_w,
        .target_h = to_input ? s->in_h : s->out_h & even,
        .target_w = to_input ? s->in_w : s->out_w & even,
        .before_y = to_input ? v->taps - 1 - s->pad_top : s->pad_top,
        .before_x = to_input ? v->taps - 1 - s->pad_left : s->pad_left,
        .taps = v->taps,
        .out = v->out,
        .allowed = pass != CNN_PASS_FORWARD_PREPARED && s->pool == 0,
    };
    const double tiles = (double)cnn__mosaic_plan(&request).tiles;
    const int64_t side = v->out + v->taps - 1;
    const double values = (double)(side * side);
    const double k = (double)(to_input ? s->out_c : s->in_c);
    const int64_t channels = to_input ? s->in_c : s->out_c;
    const double n = (double)round_up(channels, COLUMN_BLOCK);
    const double error = side == 8 ? COST_ERROR : 1;
    return error * values * (tiles * (k * n + COST_INPUT * k + COST_OUTPUT * n) + COST_FILTER * k * n);
}

static double direct_cost(const cnn_conv2d_shape *s, cnn_pass pass)
{
    const bool to_input = pass == CNN_PASS_BACKWARD_DATA;
    const double pixels = (double)(nominal_images(s, pass) * (to_input ? s->in_h * s->in_w : s->out_h * s->out_w));
    const int64_t channels = to_input ? s->in_c : s->out_c;
    const double n = (double)round_up(channels, COLUMN_BLOCK);
    const double filters = (double)(s->kernel_h * s->kernel_w) * (double)(to_input ? s->out_c : s->in_c) * n;
    return COST_DIRECT * pixels * filters + (is_single(s, pass) ? COST_FILTER * filters : 0);
}

static bool is_stride_1(const cnn_conv2d_shape *s) { return s->stride_h == 1 && s->stride_w == 1; }

/* The best transform for the shape; NULL if direct sums are cheaper. */
static const variant *best_variant(const cnn_conv2d_shape *s, cnn_pass pass)
{
    const variant *best = NULL;
    if (!is_stride_1(s) || s->dilation_h != 1 || s->dilation_w != 1 || s->in_c <= MOST_FIRST_CHANNELS) {
        return NULL;
    }
    double least = direct_cost(s, pass);
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        const variant *v = &variants[i];
        if (s->kernel_h == v->taps && s->kernel_w == v->taps && winograd_cost(s, pass, v) < least) {
            least = winograd_cost(s, pass, v);
            best = v;
        }
    }
    return best;
}

static bool is_matrix(const cnn_conv2d_shape *s)
{
    return s->kernel_h == 1 && s->kernel_w == 1 && is_stride_1(s) && s->pad_top == 0 && s->pad_left == 0 &&
           s->out_h == s->in_h && s->out_w == s->in_w;
}

cnn__conv2d_choice cnn__conv2d_choose(const cnn_conv2d_shape *shape, cnn_pass pass, bool strict)
{
    const cnn__conv2d_choice matrix = {CNN__CONV2D_IM2COL, "im2col", NULL};
    cnn__conv2d_choice choice = matrix;
    if (shape->groups != 1 || (shape->dilation_w != 1 && shape->kernel_w != 1) ||
        shape->kernel_h > CNN__CONV2D_MAX_KERNEL) {
        choice.reason = "groups, dilated rows or a very tall kernel";
        return choice;
    }
    if (is_matrix(shape) && shape->pool == 0) {
        choice.reason = "1x1, stride 1: the input is the matrix";
        return choice;
    }
    const variant *v = best_variant(shape, pass);
    if (v != NULL && !strict) {
        return (cnn__conv2d_choice){v->algorithm, v->name, v->reason};
    }
    if (pass == CNN_PASS_BACKWARD_DATA && !is_stride_1(shape)) {
        choice.reason = "gradient of a strided convolution";
        return choice;
    }
    const char *reason = v != NULL ? "strict arithmetic was asked for: no transforms"
                         : shape->in_c <= MOST_FIRST_CHANNELS
                             ? "few input channels: windows are read in place"
                             : "windows are read in place, no matrix is written";
    return (cnn__conv2d_choice){CNN__CONV2D_DIRECT, "direct", reason};
}

/* The functions for a pass; NULL if it is im2col's. */
static const cnn__conv2d_functions *functions_for(const cnn__vector_kernels *kernels, const cnn_conv2d_shape *shape,
                                                  cnn_pass pass)
{
    const cnn__conv2d_choice choice = cnn__conv2d_choose(shape, pass, kernels->strict);
    const bool im2col = kernels->conv2d == NULL || choice.algorithm == CNN__CONV2D_IM2COL;
    return im2col ? NULL : &kernels->conv2d[choice.algorithm];
}

size_t cnn__vector_conv2d_workspace(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                    uint32_t threads)
{
    const cnn__conv2d_functions *functions = functions_for(backend->user, shape, pass);
    if (functions == NULL) {
        return cnn__conv2d_workspace(shape, pass, threads);
    }
    return pass == CNN_PASS_FORWARD_PREPARED
               ? functions->workspace(shape, CNN_PASS_FORWARD, threads) - functions->prepared_size(shape)
               : functions->workspace(shape, pass, threads);
}

int cnn__vector_conv2d_pools(const cnn_backend *backend, const cnn_conv2d_shape *shape)
{
    cnn_conv2d_shape pooled = *shape;
    pooled.pool = 2;
    return shape->out_h >= 2 && shape->out_w >= 2 && functions_for(backend->user, &pooled, CNN_PASS_FORWARD) != NULL &&
           functions_for(backend->user, &pooled, CNN_PASS_BACKWARD_DATA) != NULL &&
           functions_for(backend->user, &pooled, CNN_PASS_BACKWARD_FILTER) != NULL;
}

cnn_status cnn__vector_conv2d_forward(const cnn_backend_call *call, const cnn_conv2d_shape *shape, const float *x,
                                      const float *filters, const float *bias, float *y, uint8_t *argmax)
{
    const cnn__vector_kernels *kernels = call->user;
    const cnn__conv2d_functions *functions = functions_for(kernels, shape, CNN_PASS_FORWARD);
    return functions == NULL ? cnn__conv2d_forward(kernels->rows, call, shape, x, filters, bias, y)
                             : functions->forward(call, shape, x, filters, bias, y, argmax);
}

cnn_status cnn__vector_conv2d_backward_data(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                            const float *dy, const uint8_t *argmax, const float *filters, float *dx)
{
    const cnn__vector_kernels *kernels = call->user;
    const cnn__conv2d_functions *functions = functions_for(kernels, shape, CNN_PASS_BACKWARD_DATA);
    return functions == NULL ? cnn__conv2d_backward_data(kernels->rows, call, shape, dy, filters, dx)
                             : functions->backward_data(call, shape, dy, argmax, filters, dx);
}

cnn_status cnn__vector_conv2d_backward_filter(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                              const float *x, const float *dy, const uint8_t *argmax, float *d_filters,
                                              float *d_bias)
{
    const cnn__vector_kernels *kernels = call->user;
    const cnn__conv2d_functions *functions = functions_for(kernels, shape, CNN_PASS_BACKWARD_FILTER);
    return functions == NULL ? cnn__conv2d_backward_filter(kernels->rows, call, shape, x, dy, d_filters, d_bias)
                             : functions->backward_filter(call, shape, x, dy, argmax, d_filters, d_bias);
}

size_t cnn__vector_conv2d_prepared_size(const cnn_backend *backend, const cnn_conv2d_shape *shape)
{
    const cnn__conv2d_functions *functions = functions_for(backend->user, shape, CNN_PASS_FORWARD_PREPARED);
    return functions == NULL ? 0 : functions->prepared_size(shape);
}

cnn_status cnn__vector_conv2d_prepare(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                      const float *filters, void *prepared)
{
    const cnn__conv2d_functions *functions = functions_for(call->user, shape, CNN_PASS_FORWARD_PREPARED);
    return functions == NULL ? CNN_ERROR_UNSUPPORTED : functions->prepare(call, shape, filters, prepared);
}

cnn_status cnn__vector_conv2d_forward_prepared(const cnn_backend_call *call, const cnn_conv2d_shape *shape,
                                               const float *x, const void *prepared, const float *bias, float *y,
                                               uint8_t *argmax)
{
    const cnn__conv2d_functions *functions = functions_for(call->user, shape, CNN_PASS_FORWARD_PREPARED);
    return functions == NULL ? CNN_ERROR_UNSUPPORTED
                             : functions->forward_prepared(call, shape, x, prepared, bias, y, argmax);
}

const char *cnn__vector_conv2d_algorithm(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                         const char **reason)
{
    const cnn__vector_kernels *kernels = backend->user;
    const cnn__conv2d_choice choice = cnn__conv2d_choose(shape, pass, kernels->strict);
    *reason = choice.reason;
    return choice.name;
}
