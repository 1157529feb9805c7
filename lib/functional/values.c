/* SPDX-License-Identifier: MIT */
/* Activations, normalisation across channels and zero padding. */
#include "functional/functional.h"

cnn_status cnn_functional_activate(cnn_context *context, const cnn_activate_options *options, const cnn_tensor *x,
                                   cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_activate", cnn_activate(context, options), x, y);
}

cnn_status cnn_functional_softmax(cnn_context *context, const cnn_tensor *x, cnn_tensor *y)
{
    cnn_layer *layer = cnn_activate(context, CNN_ACTIVATE(.activation = CNN_SOFTMAX));
    return cnn__functional_run_plain(context, "cnn_functional_softmax", layer, x, y);
}

cnn_status cnn_functional_local_response_norm(cnn_context *context, const cnn_lrn_options *options, const cnn_tensor *x,
                                              cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_local_response_norm",
                                     cnn_local_response_norm(context, options), x, y);
}

cnn_status cnn_functional_zero_pad1d(cnn_context *context, const cnn_zero_pad1d_options *options, const cnn_tensor *x,
                                     cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_zero_pad1d", cnn_zero_pad1d(context, options), x, y);
}

cnn_status cnn_functional_zero_pad2d(cnn_context *context, const cnn_zero_pad2d_options *options, const cnn_tensor *x,
                                     cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_zero_pad2d", cnn_zero_pad2d(context, options), x, y);
}

cnn_status cnn_functional_zero_pad3d(cnn_context *context, const cnn_zero_pad3d_options *options, const cnn_tensor *x,
                                     cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_zero_pad3d", cnn_zero_pad3d(context, options), x, y);
}
