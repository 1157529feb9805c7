/* SPDX-License-Identifier: MIT */
/* Where numbers stopped being numbers: what a message can say when a loss is NaN or infinite. */
#ifndef CNN_TRAIN_NUMERIC_H
#define CNN_TRAIN_NUMERIC_H

#include "session/session.h"

/* Writes to `text` what was first not finite in the session's last forward pass: an input, a parameter, or what a layer
 * made. Says so too where nothing is. Of a backend with memory of its own it sees inputs and parameters alone. */
void cnn__session_tell_odd(const cnn_session *session, char *text, size_t size);

/* The name of the first parameter with a value that is NaN or infinite; NULL: there is none. */
const char *cnn__model_odd_parameter(const cnn_model *model);

#endif
