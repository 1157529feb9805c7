/* SPDX-License-Identifier: MIT */
/* Calling a program's hook for values on their way. */
#ifndef CNN_SESSION_HOOK_H
#define CNN_SESSION_HOOK_H

#include "session/session.h"

/* Each calls the hook if there is one and the value, or its gradient, is one that can be read. */
cnn_status cnn__hook_forward(const cnn_session *session, uint32_t value);
cnn_status cnn__hook_backward(const cnn_session *session, uint32_t value);
/* After a backward pass: the gradients of inputs, which no operation makes. */
cnn_status cnn__hook_inputs(const cnn_session *session);

#endif
