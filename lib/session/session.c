/* SPDX-License-Identifier: MIT */
/* The life of a session, and what can be asked of it. */
#include "session/session.h"

#include <inttypes.h>
#include <string.h>

#include "core/options.h"

static cnn_status check_options(cnn_model *model, const cnn_session_options *given, cnn_session_options *options)
{
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_session_create", given, options, sizeof(*options)));
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    options->batch = options->batch == 0 ? 1 : options->batch;
    if (options->batch > INT32_MAX) {
        return cnn__fail(model->context, CNN_ERROR_LIMIT, "%s: a batch of %u", model->name, options->batch);
    }
    return CNN_OK;
}

static uint32_t program_flags(const cnn_session_options *options)
{
    return (options->training ? CNN__PROGRAM_TRAINING : 0u) | (options->keep_activations ? CNN__PROGRAM_WHOLE : 0u);
}

/* What is prepared, with the scratch of the op that needs most. */
static uint64_t prepared_bytes(const cnn__program *program)
{
    uint64_t bytes = 0, scratch = 0;
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__preparation *preparation = &program->ops[k].preparation;
        bytes += preparation->size;
        scratch = preparation->scratch > scratch ? preparation->scratch : scratch;
    }
    return bytes + scratch;
}

/* Of the program's memory, gradients and prepared parameters. */
static uint64_t session_bytes(const cnn_model *model, const cnn__program *program, const cnn__plan *plan)
{
    const bool training = (program->flags & CNN__PROGRAM_TRAINING) != 0;
    return plan->size + (training ? model->value_count * sizeof(float) : prepared_bytes(program));
}

static cnn_status check_size(const cnn_session *session)
{
    const uint64_t bytes = session_bytes(session->model, &session->program, &session->plan);
    const uint64_t most = session->context->max_session_bytes;
    return bytes <= most ? CNN_OK
                         : cnn__fail(session->context, CNN_ERROR_LIMIT,
                                     "%s: a session of batch %u takes %" PRIu64
                                     " bytes, the limit (max_session_bytes) is %" PRIu64,
                                     session->model->name, session->batch, bytes, most);
}

static cnn_status allocate(cnn_session *session)
{
    cnn_context *context = session->context;
    const cnn_model *model = session->model;
    size_t input = 0;
    (void)cnn__shape_values(&model->input, &input);
    session->memory = cnn__alloc(context, session->plan.size);
    session->wants_gradient = cnn__alloc_zero(context, session->program.value_count * sizeof(bool));
    session->prepared = cnn__alloc_zero(context, session->program.op_count * sizeof(*session->prepared));
    session->scratch = cnn__alloc_array(context, input, sizeof(float));
    session->scratch_values = input;
    if (session->training) {
        session->gradients = cnn__alloc_zero(context, model->value_count * sizeof(float));
        session->trained = cnn__alloc_zero(context, model->parameter_count * sizeof(bool));
    }
    bool complete = session->memory != NULL && session->wants_gradient != NULL && session->prepared != NULL &&
                    session->scratch != NULL &&
                    ((session->gradients != NULL && session->trained != NULL) || !session->training);
    for (uint32_t i = 0; complete && session->training && i < model->parameter_count; i++) {
        session->trained[i] = model->parameters[i].trainable && !model->parameters[i].frozen;
    }
    for (uint32_t k = 0; complete && k < session->program.op_count; k++) {
        const cnn__op *op = &session->program.ops[k];
        complete = op->preparation.size == 0 ||
                   cnn__prepared_acquire(session->model, op, &session->prepared[k]) == CNN_OK;
    }
    for (uint32_t v = 0; complete && v < session->program.value_count; v++) {
        session->wants_gradient[v] = session->plan.gradients[v] != CNN__NOWHERE;
    }
    return complete ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

cnn_status cnn_session_create(cnn_model *model, const cnn_session_options *given, cnn_session **out)
{
    cnn_session_options options;
    if (model == NULL || out == NULL) {
        return model == NULL
                   ? CNN_ERROR_INVALID_ARGUMENT
                   : cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no place for the session", model->name);
    }
    *out = NULL;
    CNN__RETURN_IF_ERROR(check_options(model, given, &options));
    cnn_session *session = cnn__alloc_zero(model->context, sizeof(*session));
    if (session == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    session->context = model->context;
    session->model = cnn__model_retain(model);
    session->batch = options.batch;
    session->threads = options.threads;
    session->training = options.training != 0;
    cnn_status status = cnn__program_compile(model, program_flags(&options), options.batch, &session->program);
    if (status == CNN_OK) {
        status = cnn__plan_create(model, &session->program, &session->plan);
    }
    if (status == CNN_OK) {
        status = check_size(session);
    }
    if (status == CNN_OK) {
        status = allocate(session);
    }
    if (status != CNN_OK) {
        cnn_session_free(session);
        return status;
    }
    *out = session;
    return CNN_OK;
}

void cnn_session_free(cnn_session *session)
{
    if (session == NULL) {
        return;
    }
    cnn_context *context = session->context;
    for (uint32_t k = 0; session->prepared != NULL && k < session->program.op_count; k++) {
        if (session->prepared[k] != NULL) {
            cnn__prepared_release(session->model, session->prepared[k]);
        }
    }
    cnn__free(context, session->prepared);
    cnn__program_free(context, &session->program);
    cnn__plan_free(context, &session->plan);
    cnn__free(context, session->memory);
    cnn__free(context, session->gradients);
    cnn__free(context, session->wants_gradient);
    cnn__free(context, session->trained);
    cnn__free(context, session->scratch);
    cnn__free(context, session->view_sums);
    cnn__free(context, session->view_means);
    cnn__free(context, session->items);
    cnn_model_free(session->model);
    cnn__free(context, session);
}

const float *cnn__session_value(const cnn_session *session, uint32_t value)
{
    return value == 0 ? session->input : (const float *)(session->memory + session->plan.values[value]);
}

float *cnn__session_value_gradient(const cnn_session *session, uint32_t value)
{
    size_t offset = session->plan.gradients[value];
    return offset == CNN__NOWHERE ? NULL : (float *)(session->memory + offset);
}

cnn_shape cnn__session_shape(const cnn_session *session, uint32_t value)
{
    cnn_shape shape = session->program.shapes[value];
    shape.dims[0] = (int64_t)session->count;
    return shape;
}

const float *cnn_session_output(const cnn_session *session)
{
    return session == NULL || session->count == 0 ? NULL : cnn__session_value(session, session->program.output);
}

const float *cnn_session_logits(const cnn_session *session)
{
    return session == NULL || session->count == 0 ? NULL : cnn__session_value(session, session->program.logits);
}

cnn_model *cnn_session_model(const cnn_session *session) { return session != NULL ? session->model : NULL; }

cnn_status cnn_session_activation(const cnn_session *session, const char *layer, cnn_tensor *activation)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const cnn_model *model = session->model;
    if (layer == NULL || activation == NULL) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no layer, or no place for its output",
                         model->name);
    }
    if ((session->program.flags & CNN__PROGRAM_WHOLE) == 0 || session->count == 0) {
        return cnn__fail(session->context, CNN_ERROR_STATE,
                         "%s: activations are there after a forward pass of a session with keep_activations",
                         model->name);
    }
    size_t number = 0;
    if (cnn__table_find(&model->names, layer, &number)) {
        uint32_t value = session->program.node_values[number - 1];
        activation->data = (float *)cnn__session_value(session, value);
        activation->shape = cnn__session_shape(session, value);
        return CNN_OK;
    }
    return cnn__fail(session->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\"", model->name, layer);
}

cnn_status cnn_session_gradient(const cnn_session *session, size_t index, cnn_tensor *gradient)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const cnn_model *model = session->model;
    if (index >= model->parameter_count || gradient == NULL) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: parameter %zu of %u", model->name, index,
                         model->parameter_count);
    }
    const cnn__parameter *parameter = &model->parameters[index];
    if (!cnn__session_trains(session, index)) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: \"%s\" is not trained in this session", model->name,
                         parameter->name);
    }
    gradient->data = session->gradients + parameter->offset;
    gradient->shape = parameter->shape;
    return CNN_OK;
}

uint64_t cnn_model_session_bytes(const cnn_model *model, uint32_t batch, bool training)
{
    const cnn_session_options options = {.training = training};
    cnn__program program;
    cnn__plan plan;
    if (model == NULL || !model->built ||
        cnn__program_compile(model, program_flags(&options), batch == 0 ? 1 : batch, &program) != CNN_OK) {
        return 0;
    }
    uint64_t bytes = 0;
    if (cnn__plan_create(model, &program, &plan) == CNN_OK) {
        bytes = session_bytes(model, &program, &plan);
        cnn__plan_free(model->context, &plan);
    }
    cnn__program_free(model->context, &program);
    return bytes;
}
