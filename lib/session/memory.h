/* SPDX-License-Identifier: MIT */
/* Where a session's arrays lie.
 *
 * A backend computes in memory that may be its own: session->memory, gradients, parameters and input_memory are then
 * handles, and what the library and its callers read and write lies in copies on this side (session->host,
 * host_gradients, the model's parameters and the caller's inputs). The copies meet at fixed points: inputs and changed
 * parameters go in before a forward pass, what can be read and what training changed come out after each pass. Other
 * backends compute in this side's memory; all copies are then one, and nothing moves. */
#ifndef CNN_SESSION_MEMORY_H
#define CNN_SESSION_MEMORY_H

#include "session/session.h"

/* Allocates the arrays for the plan. */
cnn_status cnn__session_memory_create(cnn_session *session);
void cnn__session_memory_free(cnn_session *session);

/* Before a forward pass of `count` samples: the inputs, and the parameters if they have changed since. */
cnn_status cnn__session_memory_enter(cnn_session *session, size_t count);
/* After one: what can be read, and in training the statistics that layers keep. */
cnn_status cnn__session_memory_leave(cnn_session *session);
/* The gradient of a value, which a loss or the caller has written on this side. */
cnn_status cnn__session_memory_put_gradient(const cnn_session *session, uint32_t value);
/* `count` values of the caller's where the backend can read them: themselves, or a copy in `room`. */
cnn_status cnn__session_memory_stage(const cnn_session *session, const float *values, size_t count, float *room,
                                     const float **staged);
/* After a backward pass: the gradients of the parameters, and of values that are asked for. */
cnn_status cnn__session_memory_take_gradients(const cnn_session *session);
/* After an update: the parameters. */
cnn_status cnn__session_memory_take_parameters(cnn_session *session);

/* Values of a parameter, where the backend computes. */
float *cnn__session_parameter(const cnn_session *session, uint32_t parameter);
/* A value and its gradient on this side; NULL where there is none. */
const float *cnn__session_host_value(const cnn_session *session, uint32_t value);
float *cnn__session_host_gradient(const cnn_session *session, uint32_t value);

#endif
