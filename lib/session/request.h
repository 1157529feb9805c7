/* SPDX-License-Identifier: MIT */
/* From a session's options to a request. */
#ifndef CNN_SESSION_REQUEST_H
#define CNN_SESSION_REQUEST_H

#include <cnn/session.h>

#include "session/program.h"

/* Makes a request of checked options of a built model; CNN_ERROR_NOT_FOUND names what is not there. To be freed. */
cnn_status cnn__request_open(const cnn_model *model, const cnn_session_options *options, cnn__request *request);
void cnn__request_close(const cnn_model *model, cnn__request *request);

/* The value that a name means; CNN_ERROR_NOT_FOUND. */
cnn_status cnn__request_find(const cnn_model *model, const char *name, cnn__wanted *wanted);

#endif
