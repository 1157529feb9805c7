/* SPDX-License-Identifier: MIT */
/* Calling a program's hook for values on their way. */
#include "session/hook.h"

#include <stdio.h>

#include "session/memory.h"

cnn_status cnn_session_set_hook(cnn_session *session, cnn_hook_function hook, void *user)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (hook != NULL && session->host != session->memory) {
        return cnn__fail(session->context, CNN_ERROR_UNSUPPORTED,
                         "%s: values on their way lie in the backend's own memory, where no hook can read them",
                         session->model->name);
    }
    session->hook = hook;
    session->hook_user = user;
    return CNN_OK;
}

/* The name by which a session's options tell the value; "" for one that has none. */
static void name_of(const cnn_session *session, uint32_t value, char *text, size_t size)
{
    const cnn__program *program = &session->program;
    const cnn_model *model = session->model;
    text[0] = '\0';
    for (uint32_t i = 0; i < model->input_count; i++) {
        if (program->input_values[i] == value) {
            snprintf(text, size, "%s", model->inputs[i].name);
            return;
        }
    }
    for (uint32_t i = 0; i < model->node_count; i++) {
        if (program->node_values[i] == value || program->linear_values[i] == value) {
            snprintf(text, size, "%s%s", model->nodes[i].name, program->node_values[i] == value ? "" : ":linear");
            return;
        }
    }
}

static cnn_status call(const cnn_session *session, uint32_t value, cnn_hook_pass pass, float *data)
{
    char name[CNN__MAX_NAME + 8];
    name_of(session, value, name, sizeof(name));
    if (name[0] == '\0' || data == NULL) {
        return CNN_OK;
    }
    const cnn_tensor tensor = {data, cnn__session_shape(session, value)};
    const cnn_status status = session->hook(session->hook_user, name, pass, &tensor);
    return status == CNN_OK ? status
                            : cnn__fail(session->context, status, "%s: the hook stopped at \"%s\": %s",
                                        session->model->name, name, cnn_status_string(status));
}

cnn_status cnn__hook_forward(const cnn_session *session, uint32_t value)
{
    if (session->hook == NULL || !session->program.values[value].kept) {
        return CNN_OK;
    }
    return call(session, value, CNN_HOOK_FORWARD, (float *)cnn__session_value(session, value));
}

cnn_status cnn__hook_backward(const cnn_session *session, uint32_t value)
{
    if (session->hook == NULL || !session->program.values[value].keeps_gradient) {
        return CNN_OK;
    }
    return call(session, value, CNN_HOOK_BACKWARD, cnn__session_gradient_of(session, value));
}

cnn_status cnn__hook_inputs(const cnn_session *session)
{
    for (uint32_t i = 0; session->hook != NULL && i < session->model->input_count; i++) {
        const uint32_t value = session->program.input_values[i];
        if (value != CNN__NO_VALUE) {
            CNN__RETURN_IF_ERROR(cnn__hook_backward(session, value));
        }
    }
    return CNN_OK;
}
