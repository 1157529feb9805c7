/* SPDX-License-Identifier: MIT */
/* A layer call with the arrays that it points to, made of what the program and the plan say. */
#ifndef CNN_SESSION_FRAME_H
#define CNN_SESSION_FRAME_H

#include "session/session.h"

typedef struct cnn__frame {
    cnn_layer_call call;
    cnn_backend_call backend;
    cnn_shape input_shapes[CNN_LAYER_MAX_INPUTS];
    const float *inputs[CNN_LAYER_MAX_INPUTS];
    float *input_gradients[CNN_LAYER_MAX_INPUTS];
    float *parameters[CNN_LAYER_MAX_PARAMETERS];
    float *parameter_gradients[CNN_LAYER_MAX_PARAMETERS];
} cnn__frame;

/* Makes a forward call of an op; a backward needs gradients beside. */
void cnn__frame_open(const cnn_session *session, uint32_t op, cnn__frame *frame);

/* An op's status as an error that names its layer. */
cnn_status cnn__session_name_failure(const cnn_session *session, const cnn__op *op, cnn_status status,
                                     const char *pass);

#endif
