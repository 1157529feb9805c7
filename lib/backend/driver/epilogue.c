/* SPDX-License-Identifier: MIT */
/* What drivers borrow from the table that was chosen: its product and its activations. */
#include "backend/backend.h"
#include "backend/driver/driver.h"
#include "core/error.h"

cnn_status cnn__gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    if (call->user == call->backend->user) {
        return call->backend->gemm(call, args);
    }
    cnn_backend_call own = *call; /* the entry is another table's */
    own.user = call->backend->user;
    return call->backend->gemm(&own, args);
}

cnn_status cnn__epilogue_forward(const cnn_backend_call *call, const cnn_epilogue *epilogue, size_t n, float *y)
{
    const cnn_activation_args args = {.struct_size = sizeof(args),
                                      .n = n,
                                      .activation = epilogue->activation,
                                      .alpha = epilogue->alpha,
                                      .x = y,
                                      .y = y};
    return epilogue->activation == CNN_LINEAR ? CNN_OK
                                              : cnn_backend_run(call, CNN_OP_ACTIVATION, CNN_PASS_FORWARD, &args);
}

cnn_status cnn__epilogue_backward(const cnn_backend_call *call, const cnn_epilogue *epilogue, size_t n, const float *y,
                                  float *dy)
{
    const cnn_activation_args args = {.struct_size = sizeof(args),
                                      .n = n,
                                      .activation = epilogue->activation,
                                      .alpha = epilogue->alpha,
                                      .y = (float *)y,
                                      .dy = dy,
                                      .dx = dy};
    return epilogue->activation == CNN_LINEAR || y == NULL
               ? CNN_OK
               : cnn_backend_run(call, CNN_OP_ACTIVATION, CNN_PASS_BACKWARD, &args);
}
