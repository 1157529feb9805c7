/* SPDX-License-Identifier: MIT */
/* Where a session's arrays lie.
 *
 * Most backends compute in ordinary memory. One with memory of its own (an accelerator's, or the second heap of
 * tests/session/own_memory.c) gives out handles, which only it can read. A session does not ask which it is: it has two
 * sets of pointers, and in the ordinary case both are the same.
 *
 *   where the backend computes       on this side
 *   session->memory                  session->host              values, saved states, workspace, as the plan says
 *   session->gradients               session->host_gradients    of parameters
 *   session->parameters              the model's parameters    NULL on the left: those on the right are used
 *   session->input_memory            the caller's inputs       likewise
 *
 * A backend computes in memory that may be its own: those on the left are then handles, and what the library and its
 * callers read and write lies in copies on this side. The copies meet at fixed points: inputs and changed parameters go
 * in before a forward pass, what can be read and what training changed come out after each pass. What is only between
 * operations is never copied. Other backends compute in this side's memory; all copies are then one, and nothing moves.
 *
 * The rule that keeps this true: neither layers nor the session read or write a value themselves, they ask the backend,
 * which has operations for copying, filling and adding too. */
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
