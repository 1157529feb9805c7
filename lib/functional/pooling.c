/* SPDX-License-Identifier: MIT */
/* Pooling: all that there is to say is in the options. */
#include "functional/functional.h"

cnn_status cnn_functional_max_pool1d(cnn_context *context, const cnn_pool1d_options *options, const cnn_tensor *x,
                                     cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_max_pool1d", cnn_max_pool1d(context, options), x, y);
}

cnn_status cnn_functional_max_pool2d(cnn_context *context, const cnn_pool2d_options *options, const cnn_tensor *x,
                                     cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_max_pool2d", cnn_max_pool2d(context, options), x, y);
}

cnn_status cnn_functional_max_pool3d(cnn_context *context, const cnn_pool3d_options *options, const cnn_tensor *x,
                                     cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_max_pool3d", cnn_max_pool3d(context, options), x, y);
}

cnn_status cnn_functional_average_pool1d(cnn_context *context, const cnn_pool1d_options *options, const cnn_tensor *x,
                                         cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_average_pool1d", cnn_average_pool1d(context, options), x,
                                     y);
}

cnn_status cnn_functional_average_pool2d(cnn_context *context, const cnn_pool2d_options *options, const cnn_tensor *x,
                                         cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_average_pool2d", cnn_average_pool2d(context, options), x,
                                     y);
}

cnn_status cnn_functional_average_pool3d(cnn_context *context, const cnn_pool3d_options *options, const cnn_tensor *x,
                                         cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_average_pool3d", cnn_average_pool3d(context, options), x,
                                     y);
}
