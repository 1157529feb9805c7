/* SPDX-License-Identifier: MIT */
/* Reports of a session's operations. */
#include "session/trace.h"

#include <time.h>

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cnn_session_set_trace(cnn_session *session, cnn_trace_function function, void *user)
{
    if (session != NULL) {
        session->trace = function;
        session->trace_user = user;
    }
}

double cnn__trace_begin(const cnn_session *session) { return session->trace != NULL ? seconds_now() : 0; }

/* The derivative of an activation and a preparation are not the layer's product. */
static cnn__layer_work work_of(const cnn_session *session, const cnn__op *op, cnn_trace_pass pass)
{
    if (op->type == NULL || op->type->describe == NULL || pass > CNN_TRACE_BACKWARD_FILTER) {
        return (cnn__layer_work){0};
    }
    const cnn_shape input = cnn__session_shape(session, op->inputs[0]);
    const bool prepared = pass == CNN_TRACE_FORWARD && op->preparation.size > 0;
    return op->type->describe(op->user, &op->spec.answer, prepared ? CNN_PASS_INFERENCE : (cnn_pass)pass, &input);
}

void cnn__trace_report(const cnn_session *session, const cnn__op *op, cnn_trace_pass pass, double begin)
{
    if (session->trace == NULL) {
        return;
    }
    const double seconds = seconds_now() - begin;
    const cnn__layer_work work = work_of(session, op, pass);
    const cnn_trace_record record = {
        .struct_size = sizeof(record),
        .layer = session->model->nodes[op->node].name,
        .type = op->kind->type,
        .pass = (int32_t)pass,
        .samples = (uint32_t)session->count,
        .seconds = seconds,
        .flop = work.flop,
        .algorithm = work.algorithm,
        .reason = work.reason,
    };
    session->trace(session->trace_user, &record);
}

void cnn__trace_report_update(const cnn_session *session, const char *optimizer, double begin)
{
    if (session->trace != NULL) {
        const cnn_trace_record record = {
            .struct_size = sizeof(record),
            .type = optimizer,
            .pass = CNN_TRACE_UPDATE,
            .samples = (uint32_t)session->count,
            .seconds = seconds_now() - begin,
        };
        session->trace(session->trace_user, &record);
    }
}
