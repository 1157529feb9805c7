/* SPDX-License-Identifier: MIT */
/* Other sizes. */
#include "functional/functional.h"

cnn_status cnn_functional_resize(cnn_context *context, const cnn_resize_options *options, const cnn_tensor *x,
                                 cnn_tensor *y)
{
    return cnn__functional_run_plain(context, "cnn_functional_resize", cnn_resize(context, options), x, y);
}
