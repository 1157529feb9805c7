/* SPDX-License-Identifier: MIT */
/* The life of a session, and what can be asked of it. */
#include "session/exchange.h"
#include "session/memory.h"

#include <inttypes.h>

#include "core/limits.h"
#include "core/options.h"
#include "session/penalty.h"
#include "session/request.h"

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

/* Of the program's memory, gradients of parameters and prepared parameters. */
static uint64_t session_bytes(const cnn__program *program, const cnn__plan *plan)
{
    return plan->size + program->gradient_values * sizeof(float) + prepared_bytes(program);
}

static cnn_status check_size(const cnn_session *session)
{
    const uint64_t bytes = session_bytes(&session->program, &session->plan);
    const uint64_t most = cnn__limit(session->context, CNN__LIMIT_SESSION_BYTES);
    return bytes <= most ? CNN_OK
                         : cnn__fail(session->context, CNN_ERROR_LIMIT,
                                     "%s: a session of batch %u takes %" PRIu64 " bytes, at most %" PRIu64
                                     ", " CNN__LIMIT_TEXT("session_bytes"),
                                     session->model->name, session->batch, bytes, most);
}

static cnn_status acquire_prepared(cnn_session *session)
{
    for (uint32_t k = 0; k < session->program.op_count; k++) {
        const cnn__op *op = &session->program.ops[k];
        if (op->preparation.size > 0) {
            CNN__RETURN_IF_ERROR(cnn__prepared_acquire(session->model, op, &session->prepared[k]));
        }
    }
    return CNN_OK;
}

static cnn_status allocate(cnn_session *session)
{
    cnn_context *context = session->context;
    const cnn_shape shape = cnn__session_input_shape(session);
    size_t input = 0;
    (void)cnn__shape_values(&shape, &input);
    session->prepared = cnn__alloc_zero(context, session->program.op_count * sizeof(*session->prepared));
    session->inputs = cnn__alloc_zero(context, session->program.input_count * sizeof(*session->inputs));
    session->scratch = cnn__alloc_array(context, input, sizeof(float));
    session->scratch_values = input;
    if (session->prepared == NULL || session->inputs == NULL || session->scratch == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(cnn__penalty_check(session));
    CNN__RETURN_IF_ERROR(cnn__session_memory_create(session));
    return acquire_prepared(session);
}

static cnn_status compile(cnn_session *session, const cnn_session_options *options)
{
    const cnn_model *model = session->model;
    cnn__request request;
    CNN__RETURN_IF_ERROR(cnn__request_open(model, options, &request));
    session->training = request.training;
    cnn_status status = cnn__program_compile(model, &request, &session->program);
    cnn__request_close(model, &request);
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(cnn__plan_create(model, &session->program, &session->plan));
    CNN__RETURN_IF_ERROR(check_size(session));
    return allocate(session);
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
    session->share = 1;
    cnn_status status = compile(session, &options);
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
    cnn__exchange_free(session);
    cnn__session_memory_free(session);
    cnn__program_free(context, &session->program);
    cnn__free(context, session->inputs);
    cnn__free(context, session->scratch);
    cnn__free(context, session->view_sums);
    cnn__free(context, session->view_means);
    cnn__free(context, session->items);
    cnn_model_free(session->model);
    cnn__free(context, session);
}

const float *cnn__session_value(const cnn_session *session, uint32_t index)
{
    const cnn__value *value = &session->program.values[index];
    const size_t skipped = value->part > 0 ? 0 : value->values / session->batch * session->first;
    if (value->role != CNN__VALUE_INPUT) {
        return (const float *)(session->memory + value->place) + skipped;
    }
    const float *input = session->input_memory != NULL ? session->input_memory[value->input]
                                                       : session->inputs[value->input];
    return input != NULL ? input + skipped : NULL;
}

float *cnn__session_gradient_of(const cnn_session *session, uint32_t value)
{
    const size_t offset = session->program.values[value].gradient_place;
    return offset == CNN__NOWHERE ? NULL : (float *)(session->memory + offset);
}

cnn_shape cnn__session_shape(const cnn_session *session, uint32_t value)
{
    return cnn__session_shape_of(session, value, session->count);
}

cnn_shape cnn__session_shape_of(const cnn_session *session, uint32_t value, size_t samples)
{
    cnn_shape shape = session->program.values[value].shape;
    shape.dims[0] = shape.dims[0] / (int64_t)session->batch * (int64_t)samples;
    return shape;
}

cnn_shape cnn__session_input_shape(const cnn_session *session)
{
    const uint32_t input = session->program.input_values[cnn__program_first_input(&session->program)];
    return cnn__without_batch(&session->program.values[input].shape);
}

cnn_shape cnn__session_output_shape(const cnn_session *session)
{
    return cnn__sample_of(&session->program.values[cnn__session_output(session)->value].shape, session->batch);
}

cnn_status cnn__session_check_one_row(const cnn_session *session, const cnn__output *output, const char *what)
{
    const int64_t rows = session->program.values[output->value].shape.dims[0] / (int64_t)session->batch;
    return cnn__check_one_row(session->model, output->wanted.reference, rows, what);
}

size_t cnn__session_values(const cnn_session *session, uint32_t value)
{
    return session->program.values[value].values / session->batch * session->count;
}

const float *cnn_session_output(const cnn_session *session)
{
    if (session == NULL || session->count == 0) {
        return NULL;
    }
    return cnn__session_host_value(session, cnn__session_output(session)->value);
}

const float *cnn_session_logits(const cnn_session *session)
{
    if (session == NULL || session->count == 0) {
        return NULL;
    }
    return cnn__session_host_value(session, cnn__session_output(session)->logits);
}

cnn_model *cnn_session_model(const cnn_session *session) { return session != NULL ? session->model : NULL; }

/* The program's value of that name; CNN__NO_VALUE if it has none that lies anywhere. */
static cnn_status find_value(const cnn_session *session, const char *name, uint32_t *value)
{
    cnn__wanted wanted;
    CNN__RETURN_IF_ERROR(cnn__request_find(session->model, name, &wanted));
    *value = cnn__program_value(&session->program, wanted);
    return CNN_OK;
}

static cnn_status check_place(const cnn_session *session, const char *name, const cnn_tensor *place)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    return name != NULL && place != NULL
               ? CNN_OK
               : cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no name, or no place for what it names",
                           session->model->name);
}

cnn_status cnn_session_activation(const cnn_session *session, const char *name, cnn_tensor *activation)
{
    uint32_t value;
    CNN__RETURN_IF_ERROR(check_place(session, name, activation));
    CNN__RETURN_IF_ERROR(find_value(session, name, &value));
    const cnn__value *record = value == CNN__NO_VALUE ? NULL : &session->program.values[value];
    if (session->count == 0 || record == NULL || !(record->kept || record->role == CNN__VALUE_INPUT)) {
        return cnn__fail(session->context, CNN_ERROR_STATE,
                         session->count == 0 ? "%s: \"%s\" is there after a forward pass"
                                             : "%s: \"%s\" is not kept: list it in `keep`, or use keep_activations",
                         session->model->name, name);
    }
    activation->data = (float *)cnn__session_host_value(session, value);
    activation->shape = cnn__session_shape(session, value);
    return CNN_OK;
}

cnn_status cnn_session_value_gradient(const cnn_session *session, const char *name, cnn_tensor *gradient)
{
    uint32_t value;
    CNN__RETURN_IF_ERROR(check_place(session, name, gradient));
    CNN__RETURN_IF_ERROR(find_value(session, name, &value));
    if (!session->has_gradients || value == CNN__NO_VALUE || !session->program.values[value].keeps_gradient) {
        return cnn__fail(session->context, CNN_ERROR_STATE,
                         "%s: the gradient by \"%s\" is there after a backward pass of a session that lists it in "
                         "`gradients`",
                         session->model->name, name);
    }
    gradient->data = cnn__session_host_gradient(session, value);
    gradient->shape = cnn__session_shape(session, value);
    return CNN_OK;
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
    gradient->data = session->host_gradients + session->program.gradient_offsets[index];
    gradient->shape = parameter->shape;
    return CNN_OK;
}

uint64_t cnn_model_session_bytes(const cnn_model *model, uint32_t batch, bool training)
{
    const cnn_session_options options = {.batch = batch == 0 ? 1 : batch, .training = training};
    cnn__request request;
    cnn__program program;
    cnn__plan plan;
    if (model == NULL || !model->built || cnn__request_open(model, &options, &request) != CNN_OK) {
        return 0;
    }
    cnn_status status = cnn__program_compile(model, &request, &program);
    cnn__request_close(model, &request);
    if (status != CNN_OK) {
        return 0;
    }
    uint64_t bytes = 0;
    if (cnn__plan_create(model, &program, &plan) == CNN_OK) {
        bytes = session_bytes(&program, &plan);
    }
    cnn__program_free(model->context, &program);
    return bytes;
}
