/* SPDX-License-Identifier: MIT */
/* Where a session's arrays lie.
 *
 * A backend computes in memory that may be its own: session->memory, gradients, parameters and input are then handles,
 * and what the library and its callers read and write lies in copies on this side (session->host, host_gradients, and
 * the model's values). The copies meet at fixed points: inputs and changed parameters go in before a forward pass,
 * outputs and what training changed come out after each pass. Other backends compute in this side's memory; all copies
 * are then one, and nothing moves. */
#ifndef CNN_SESSION_MEMORY_H
#define CNN_SESSION_MEMORY_H

#include "session/session.h"

/* Allocates the arrays for the plan. */
cnn_status cnn__session_memory_create(cnn_session *session);
void cnn__session_memory_free(cnn_session *session);

/* Before a forward pass: the inputs, and the parameters if they have changed since. */
cnn_status cnn__session_memory_enter(cnn_session *session, const float *inputs, size_t count);
/* After one: outputs, logits, with keep_activations all values, and in training the statistics that layers keep. */
cnn_status cnn__session_memory_leave(cnn_session *session);
/* The gradient of the logits, which a loss or the caller has written. */
cnn_status cnn__session_memory_put_gradient(const cnn_session *session);
/* After a backward pass: the gradients of the parameters. */
cnn_status cnn__session_memory_take_gradients(const cnn_session *session);
/* After an update: the parameters. */
cnn_status cnn__session_memory_take_parameters(cnn_session *session);

/* A value and its gradient on this side; NULL where there is none. */
const float *cnn__session_host_value(const cnn_session *session, uint32_t value);
float *cnn__session_host_gradient(const cnn_session *session, uint32_t value);

#endif
