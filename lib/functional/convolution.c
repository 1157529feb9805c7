/* SPDX-License-Identifier: MIT */
/* Convolutions and dense layers: sizes that options may leave out follow from the filters. */
#include "functional/functional.h"

/* One option, the number of a dimension of the filters. */
typedef struct size {
    uint32_t dimension;
    const char *option;
    int32_t *value;
} size;

/* Takes all of them; the last one has no option. */
static cnn_status take(const cnn_context *context, const char *what, const char *name, const cnn_tensor *tensor,
                       uint32_t rank, const size *sizes)
{
    const cnn__operand operand = {name, tensor};
    for (; sizes->option != NULL; sizes++) {
        CNN__RETURN_IF_ERROR(
            cnn__functional_agree(context, what, &operand, rank, sizes->dimension, sizes->option, sizes->value));
    }
    return CNN_OK;
}

cnn_status cnn_functional_conv1d(cnn_context *context, const cnn_conv1d_options *options, const cnn_tensor *x,
                                 const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y)
{
    static const char what[] = "cnn_functional_conv1d";
    cnn_conv1d_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size sizes[] = {{0, "kernel", &o.kernel}, {2, "filters", &o.filters}, {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "filters", filters, 3, sizes));
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}}, {{"filters", filters}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_conv1d(context, &o), &operands, y);
}

cnn_status cnn_functional_conv2d(cnn_context *context, const cnn_conv2d_options *options, const cnn_tensor *x,
                                 const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y)
{
    static const char what[] = "cnn_functional_conv2d";
    cnn_conv2d_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size sizes[] = {
        {0, "kernel", &o.kernel[0]}, {1, "kernel", &o.kernel[1]}, {3, "filters", &o.filters}, {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "filters", filters, 4, sizes));
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}}, {{"filters", filters}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_conv2d(context, &o), &operands, y);
}

cnn_status cnn_functional_conv3d(cnn_context *context, const cnn_conv3d_options *options, const cnn_tensor *x,
                                 const cnn_tensor *filters, const cnn_tensor *bias, cnn_tensor *y)
{
    static const char what[] = "cnn_functional_conv3d";
    cnn_conv3d_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size sizes[] = {{0, "kernel", &o.kernel[0]},
                          {1, "kernel", &o.kernel[1]},
                          {2, "kernel", &o.kernel[2]},
                          {4, "filters", &o.filters},
                          {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "filters", filters, 5, sizes));
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}}, {{"filters", filters}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_conv3d(context, &o), &operands, y);
}

/* The multiplier that these filters give the channels of x: 1 where they do not fit, which inferring says. */
static int32_t multiplier_of(const cnn_tensor *x, const cnn_tensor *filters)
{
    const bool known = x != NULL && x->shape.rank == 4 && x->shape.dims[3] >= 1;
    const int64_t multiplier = known ? filters->shape.dims[3] / x->shape.dims[3] : 1;
    return multiplier >= 1 && multiplier <= INT32_MAX ? (int32_t)multiplier : 1;
}

cnn_status cnn_functional_depthwise_conv2d(cnn_context *context, const cnn_depthwise_conv2d_options *options,
                                           const cnn_tensor *x, const cnn_tensor *filters, const cnn_tensor *bias,
                                           cnn_tensor *y)
{
    static const char what[] = "cnn_functional_depthwise_conv2d";
    cnn_depthwise_conv2d_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size sizes[] = {{0, "kernel", &o.kernel[0]}, {1, "kernel", &o.kernel[1]}, {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "filters", filters, 4, sizes));
    o.multiplier = o.multiplier != 0 ? o.multiplier : multiplier_of(x, filters);
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}}, {{"filters", filters}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_depthwise_conv2d(context, &o), &operands, y);
}

cnn_status cnn_functional_separable_conv2d(cnn_context *context, const cnn_separable_conv2d_options *options,
                                           const cnn_tensor *x, const cnn_tensor *depthwise,
                                           const cnn_tensor *pointwise, const cnn_tensor *bias, cnn_tensor *y)
{
    static const char what[] = "cnn_functional_separable_conv2d";
    cnn_separable_conv2d_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size first[] = {{0, "kernel", &o.kernel[0]}, {1, "kernel", &o.kernel[1]}, {0, NULL, NULL}};
    const size second[] = {{3, "filters", &o.filters}, {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "depthwise", depthwise, 4, first));
    CNN__RETURN_IF_ERROR(take(context, what, "pointwise", pointwise, 4, second));
    o.multiplier = o.multiplier != 0 ? o.multiplier : multiplier_of(x, depthwise);
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}}, {{"depthwise", depthwise}, {"pointwise", pointwise}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_separable_conv2d(context, &o), &operands, y);
}

cnn_status cnn_functional_conv2d_transpose(cnn_context *context, const cnn_conv2d_transpose_options *options,
                                           const cnn_tensor *x, const cnn_tensor *filters, const cnn_tensor *bias,
                                           cnn_tensor *y)
{
    static const char what[] = "cnn_functional_conv2d_transpose";
    cnn_conv2d_transpose_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size sizes[] = {{0, "kernel", &o.kernel[0]}, {1, "kernel", &o.kernel[1]}, {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "filters", filters, 4, sizes));
    const int64_t out = filters->shape.dims[2] * (o.groups > 0 ? o.groups : 1);
    o.filters = o.filters != 0 ? o.filters : out <= INT32_MAX ? (int32_t)out : INT32_MAX;
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}}, {{"filters", filters}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_conv2d_transpose(context, &o), &operands, y);
}

cnn_status cnn_functional_dense(cnn_context *context, const cnn_dense_options *options, const cnn_tensor *x,
                                const cnn_tensor *weights, const cnn_tensor *bias, cnn_tensor *y)
{
    static const char what[] = "cnn_functional_dense";
    cnn_dense_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size sizes[] = {{1, "units", &o.units}, {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "weights", weights, 2, sizes));
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}}, {{"weights", weights}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_dense(context, &o), &operands, y);
}

cnn_status cnn_functional_graph_conv(cnn_context *context, const cnn_graph_conv_options *options, const cnn_tensor *x,
                                     const cnn_tensor *adjacency, const cnn_tensor *weights, const cnn_tensor *bias,
                                     cnn_tensor *y)
{
    static const char what[] = "cnn_functional_graph_conv";
    cnn_graph_conv_options o;
    CNN__RETURN_IF_ERROR(cnn__functional_open(context, what, options, &o, sizeof(o)));
    const size sizes[] = {{1, "units", &o.units}, {0, NULL, NULL}};
    CNN__RETURN_IF_ERROR(take(context, what, "weights", weights, 2, sizes));
    o.no_bias = o.no_bias || bias == NULL;
    const cnn__operands operands = {{{"x", x}, {"adjacency", adjacency}}, {{"weights", weights}, {"bias", bias}}};
    return cnn__functional_run(context, what, cnn_graph_conv(context, &o), &operands, y);
}
