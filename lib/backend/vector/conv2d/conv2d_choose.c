/* SPDX-License-Identifier: MIT */
/* Which algorithm a convolution of the vector backends uses, by its shape and pass, and the entry that uses it. */
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/conv2d/mosaic.h"
#include "backend/vector/vector.h"
#include "core/error.h"

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
static bool is_single(const cnn_conv2d_shape *s, cnn_pass pass) { return pass == CNN_PASS_INFERENCE && s->single == 1; }

static int64_t nominal_images(const cnn_conv2d_shape *s, cnn_pass pass)
{
    return is_single(s, pass) ? 1 : pass == CNN_PASS_INFERENCE ? NOMINAL_IMAGES : NOMINAL_BATCH;
}

static int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

/* Rows and columns of tiles cover what is computed: outputs, or with the gradient of the input the input. */
static double winograd_cost(const cnn_conv2d_shape *s, cnn_pass pass, const variant *v)
{
    const bool to_input = pass == CNN_PASS_BACKWARD_DATA;
    const int64_t even = s->epilogue.pool != 0 ? -2 : -1; /* pooling drops an odd last row and column */
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
        .allowed = pass != CNN_PASS_INFERENCE && s->epilogue.pool == 0,
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

/* Pixels times filters: no window reaches over a border or past the image. */
static bool is_product(const cnn_conv2d_shape *s)
{
    return s->kernel_h == 1 && s->kernel_w == 1 && s->pad_top == 0 && s->pad_left == 0 &&
           (s->out_h - 1) * s->stride_h < s->in_h && (s->out_w - 1) * s->stride_w < s->in_w;
}

/* One channel at a time; a kernel's values are few enough for a list. */
static bool is_depthwise(const cnn_conv2d_shape *s)
{
    return s->groups > 1 && s->groups == s->in_c && (int64_t)s->kernel_h * s->kernel_w <= CNN__CONV2D_MAX_TAPS;
}

cnn__conv2d_choice cnn__conv2d_choose(const cnn_conv2d_shape *shape, cnn_pass pass, bool strict)
{
    const cnn__conv2d_choice matrix = {CNN__CONV2D_IM2COL, "im2col", NULL};
    cnn__conv2d_choice choice = matrix;
    if (is_depthwise(shape) && shape->epilogue.pool == 0) {
        return (cnn__conv2d_choice){CNN__CONV2D_DEPTHWISE, "depthwise",
                                    "one filter on one channel: vectors of channels"};
    }
    if (is_product(shape) && shape->epilogue.pool == 0) {
        return (cnn__conv2d_choice){CNN__CONV2D_POINTWISE, "pointwise",
                                    is_stride_1(shape) ? "1x1: the input is the matrix"
                                                       : "1x1: the pixels that count are the matrix"};
    }
    if (shape->groups != 1 || (shape->dilation_w != 1 && shape->kernel_w != 1) ||
        shape->kernel_h > CNN__CONV2D_MAX_KERNEL) {
        choice.reason = "groups, dilated rows or a very tall kernel";
        return choice;
    }
    const variant *v = best_variant(shape, pass);
    if (v != NULL && !strict) {
        return (cnn__conv2d_choice){v->algorithm, v->name, v->reason};
    }
    if (pass == CNN_PASS_BACKWARD_DATA && ((shape->stride_h != 1 && shape->dilation_h != 1) ||
                                           (int64_t)shape->stride_h * shape->stride_w > CNN__CONV2D_MAX_PHASES)) {
        choice.reason = "gradient of a convolution with strides and dilation, or large strides";
        return choice;
    }
    const char *reason = v != NULL                            ? "strict arithmetic was asked for: no transforms"
                         : shape->in_c <= MOST_FIRST_CHANNELS ? "few input channels: windows are read in place"
                                                              : "windows are read in place, no matrix is written";
    return (cnn__conv2d_choice){CNN__CONV2D_DIRECT, "direct", reason};
}

/* The functions of an algorithm; NULL for im2col, which is the driver's. */
static const cnn__conv2d_functions *functions_of(const cnn__vector_kernels *kernels, int32_t algorithm)
{
    return algorithm == CNN__CONV2D_IM2COL ? NULL : &kernels->conv2d[algorithm];
}

static void answer_pass(const cnn__vector_kernels *kernels, const cnn_conv2d_shape *shape, cnn_pass pass,
                        uint32_t threads, cnn_op_answer *answer)
{
    const cnn__conv2d_choice choice = cnn__conv2d_choose(shape, pass, kernels->strict);
    const cnn__conv2d_functions *functions = functions_of(kernels, choice.algorithm);
    answer->algorithm[pass] = choice.algorithm;
    answer->name[pass] = choice.name;
    answer->reason[pass] = choice.reason;
    if (functions != NULL) {
        answer->workspace[pass] = functions->workspace(functions, shape, pass, threads);
    } else if (pass <= CNN_PASS_BACKWARD_FILTER) {
        answer->workspace[pass] = cnn__im2col_workspace(shape, pass, threads);
    }
    if (pass == CNN_PASS_INFERENCE && functions != NULL) {
        answer->prepared = functions->prepared_size(functions, shape);
        answer->algorithm[CNN_PASS_PREPARE] = choice.algorithm;
    }
}

cnn_status cnn__vector_conv2d_query(const cnn__vector_kernels *kernels, const cnn_conv2d_shape *shape, uint32_t threads,
                                    cnn_op_answer *answer)
{
    answer->pools = 1u << 2;
    for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_INFERENCE; pass++) {
        answer_pass(kernels, shape, (cnn_pass)pass, threads, answer);
        if (shape->epilogue.pool != 0 && answer->algorithm[pass] == CNN__CONV2D_IM2COL) {
            return CNN_ERROR_UNSUPPORTED;
        }
    }
    return CNN_OK;
}

/* What the maxima drop, and where relu or relu6 is flat, is in argmax. Other activations are derived from what is
 * stored. */
static cnn_status derive(const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    const cnn_conv2d_shape *s = &args->shape;
    const int64_t cell = s->epilogue.pool != 0 ? 2 : 1;
    const size_t outputs = (size_t)(s->n * (s->out_h / cell) * (s->out_w / cell) * s->out_c);
    const bool in_argmax = s->epilogue.activation == CNN_RELU || s->epilogue.activation == CNN_RELU6;
    return s->epilogue.pool != 0 && in_argmax ? CNN_OK
                                              : cnn__epilogue_backward(call, &s->epilogue, outputs, args->y, args->dy);
}

cnn_status cnn__vector_conv2d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args)
{
    const cnn__vector_kernels *kernels = call->user;
    const int32_t algorithm = args->answer != NULL
                                  ? args->answer->algorithm[pass]
                                  : (int32_t)cnn__conv2d_choose(&args->shape,
                                                                pass == CNN_PASS_PREPARE ? CNN_PASS_INFERENCE : pass,
                                                                kernels->strict)
                                        .algorithm;
    const cnn__conv2d_functions *functions = functions_of(kernels, algorithm);
    if (functions == NULL) {
        return cnn__im2col_conv2d(kernels->rows, call, pass, args);
    }
    if (pass == CNN_PASS_BACKWARD_DATA || pass == CNN_PASS_BACKWARD_FILTER) {
        CNN__RETURN_IF_ERROR(derive(call, args));
    }
    return functions->run(functions, call, pass, args);
}
