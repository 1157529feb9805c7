/* SPDX-License-Identifier: MIT */
/* Looking for the first value that is not finite. */
#include "train/numeric.h"

#include <math.h>
#include <stdio.h>

#include "core/text.h"

static bool all_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

static const char *odd_parameter(const cnn_model *model, bool statistics)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        if (parameter->trainable != statistics && !all_finite(parameter->data, parameter->values)) {
            return parameter->name;
        }
    }
    return NULL;
}

const char *cnn__model_odd_parameter(const cnn_model *model)
{
    const char *trained = odd_parameter(model, false);
    return trained != NULL ? trained : odd_parameter(model, true);
}

static const char *odd_input(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    for (uint32_t i = 0; i < program->input_count; i++) {
        const float *values = session->inputs[i];
        if (values != NULL && !all_finite(values, cnn__session_values(session, program->input_values[i]))) {
            return i < session->model->input_count ? session->model->inputs[i].name
                                                   : session->model->nodes[program->given].name;
        }
    }
    return NULL;
}

/* Bytes of the session's memory, or none. */
typedef struct stretch {
    size_t begin, end;
} stretch;

static stretch place_of(const cnn__program *program, uint32_t value)
{
    const size_t place = program->values[value].place;
    return place == CNN__NOWHERE ? (stretch){0, 0}
                                 : (stretch){place, place + cnn__value_bytes(&program->values[value])};
}

static bool overlap(stretch a, stretch b) { return a.begin < b.end && b.begin < a.end; }

/* Whether what operation `index` made is still there: memory is used again for later values and saved states. */
static bool is_there(const cnn__program *program, uint32_t index)
{
    const stretch made = place_of(program, program->ops[index].output);
    for (uint32_t k = index + 1; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        const stretch saved = op->saved == CNN__NOWHERE
                                  ? (stretch){0, 0}
                                  : (stretch){op->saved, op->saved + cnn__align_size(op->spec.saved_size)};
        if (overlap(made, place_of(program, op->output)) || overlap(made, saved)) {
            return false;
        }
    }
    for (uint32_t v = 0; v < program->value_count; v++) { /* a loss writes the gradients that begin with it */
        const cnn__value *value = &program->values[v];
        if (value->begins && value->gradient_place != CNN__NOWHERE &&
            overlap(made, (stretch){value->gradient_place, value->gradient_place + cnn__value_bytes(value)})) {
            return false;
        }
    }
    return made.end > 0;
}

static const char *odd_layer(const cnn_session *session)
{
    const cnn__program *program = &session->program;
    for (uint32_t k = 0; k < program->op_count && session->memory == session->host; k++) {
        const uint32_t value = program->ops[k].output;
        if (is_there(program, k) &&
            !all_finite(cnn__session_value(session, value), cnn__session_values(session, value))) {
            return session->model->nodes[program->ops[k].node].name;
        }
    }
    return NULL;
}

void cnn__session_tell_odd(const cnn_session *session, char *text, size_t size)
{
    char shown[256];
    const char *input = odd_input(session);
    const char *parameter = input == NULL ? odd_parameter(session->model, false) : NULL;
    const char *layer = input == NULL && parameter == NULL ? odd_layer(session) : NULL;
    if (input == NULL && parameter == NULL && layer == NULL) { /* a forward pass changes statistics: they come last */
        parameter = odd_parameter(session->model, true);
    }
    if (input != NULL) {
        snprintf(text, size, "the samples of input \"%s\" are not finite", cnn__printable(input, shown, sizeof(shown)));
    } else if (parameter != NULL) {
        snprintf(text, size, "the parameter \"%s\" is not finite any more",
                 cnn__printable(parameter, shown, sizeof(shown)));
    } else if (layer != NULL) {
        snprintf(text, size, "layer \"%s\" is the first whose output is not finite",
                 cnn__printable(layer, shown, sizeof(shown)));
    } else {
        snprintf(text, size, "all outputs of layers are finite"); /* of those that are still there */
    }
}
