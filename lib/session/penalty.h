/* SPDX-License-Identifier: MIT */
/* What regularizers add to the loss, and to the gradients: penalties of parameters, and of the values that layers
 * give.
 *
 * A session with penalties has their gradients in those of each backward pass, wherever that began. A value's goes in
 * first: its gradient begins with it, as that of logits begins with what comes from outside, and operations add theirs.
 * A parameter's is added at the end. Values are told by their records (cnn__value.penalty), parameters by the model's
 * (cnn__parameter.rules). */
#ifndef CNN_SESSION_PENALTY_H
#define CNN_SESSION_PENALTY_H

#include "session/session.h"

/* CNN_ERROR_UNSUPPORTED if the program has penalties that the backend cannot compute. */
cnn_status cnn__penalty_check(const cnn_session *session);

/* After a forward pass: the penalties of all parameters of the model. */
cnn_status cnn__penalty_parameters(const cnn_session *session, double *penalty);
/* The same for the values of the last forward pass, divided by its samples, to session->activity_penalty. */
cnn_status cnn__penalty_values(cnn_session *session);

/* Before a backward pass, and after it. */
cnn_status cnn__penalty_begin_gradients(const cnn_session *session);
cnn_status cnn__penalty_end_gradients(const cnn_session *session);

#endif
