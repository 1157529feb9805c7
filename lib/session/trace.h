/* SPDX-License-Identifier: MIT */
/* Reports of a session's operations. */
#ifndef CNN_SESSION_TRACE_H
#define CNN_SESSION_TRACE_H

#include "session/session.h"

/* The time; 0 without looking at the clock where nothing is traced. */
double cnn__trace_begin(const cnn_session *session);

/* Report what was done since `begin`; nothing where nothing is traced. */
void cnn__trace_report(const cnn_session *session, const cnn__op *op, cnn_trace_pass pass, double begin);
void cnn__trace_report_update(const cnn_session *session, const char *optimizer, double begin);

#endif
