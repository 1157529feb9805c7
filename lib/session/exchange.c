/* SPDX-License-Identifier: MIT */
/* Handing gradients and statistics to a communicator. */
#include "session/exchange.h"

#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "layer/layer.h"
#include "session/memory.h"
#include "session/penalty.h"

static bool is_apart(const cnn_session *session) { return session->host_gradients != session->gradients; }

/* ---- blocks ---- */

/* After which op's backward the gradient of each parameter is complete: of those that write it the one that comes
 * first in the program. What nobody writes is complete from the start. */
static void find_last_writers(const cnn_session *session, uint32_t *ops)
{
    const cnn__program *program = &session->program;
    for (uint32_t i = 0; i < session->model->parameter_count; i++) {
        ops[i] = program->op_count - 1;
    }
    for (uint32_t k = program->op_count; k-- > 0;) {
        const cnn__op *op = &program->ops[k];
        for (uint32_t i = 0; i < op->parameter_count && op->has_backward && op->has_trained; i++) {
            ops[op->parameters[i]] = k;
        }
    }
}

/* Cuts the gradients into blocks, from their end to their start. A block is complete with its earliest op, and never
 * before the block that is given first. */
static void cut_blocks(const cnn_session *session, const uint32_t *ops, cnn__exchange *exchange)
{
    const cnn__program *program = &session->program;
    size_t end = program->gradient_values;
    uint32_t ready = program->op_count - 1;
    exchange->block_count = 0;
    for (uint32_t i = session->model->parameter_count; i-- > 0;) {
        const size_t offset = program->gradient_offsets[i];
        if (offset == CNN__NOWHERE) {
            continue;
        }
        ready = ops[i] < ready ? ops[i] : ready;
        if (end - offset >= exchange->communicator.block || offset == 0) {
            exchange->blocks[exchange->block_count++] = (cnn__gradient_block){offset, end - offset, ready};
            end = offset;
        }
    }
}

static cnn_status make_blocks(cnn_session *session, cnn__exchange *exchange)
{
    const uint32_t count = session->model->parameter_count;
    uint32_t *ops = cnn__alloc_array(session->context, count + 1, sizeof(*ops));
    exchange->blocks = cnn__alloc_array(session->context, count + 1, sizeof(*exchange->blocks));
    if (ops != NULL && exchange->blocks != NULL && session->program.gradient_values > 0) {
        find_last_writers(session, ops);
        cut_blocks(session, ops, exchange);
    }
    cnn__free(session->context, ops);
    return ops != NULL && exchange->blocks != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

/* ---- statistics over all ranks ---- */

/* A rank without samples gives zeros in place of such an op, and so must know how many: no caller's layer is one. */
bool cnn__exchange_shares(const cnn_session *session, const cnn__op *op)
{
    return session->exchange != NULL && session->exchange->shared_statistics && op->type == &cnn__batch_norm_type &&
           !op->settled && !op->frozen;
}

/* The values that it gives, forward and backward: two of each channel, and the number of rows. */
static size_t statistics_of(const cnn_session *session, const cnn__op *op)
{
    const cnn_shape *shape = &session->program.values[op->inputs[0]].shape;
    return 2 * (size_t)shape->dims[shape->rank - 1] + 1;
}

static size_t most_statistics(const cnn_session *session)
{
    size_t most = 1;
    for (uint32_t k = 0; k < session->program.op_count; k++) {
        const cnn__op *op = &session->program.ops[k];
        const size_t count = cnn__exchange_shares(session, op) ? statistics_of(session, op) : 0;
        most = count > most ? count : most;
    }
    return most;
}

/* ---- life ---- */

cnn_status cnn__exchange_create(cnn_session *session, const cnn_communicator *communicator, bool held,
                                bool shared_statistics)
{
    cnn_communicator copy;
    CNN__RETURN_IF_ERROR(cnn__communicator_copy(session->context, communicator, &copy));
    cnn__exchange_free(session);
    if (!cnn__has_peers(&copy) && !held) {
        return CNN_OK;
    }
    if (shared_statistics && session->parameters != NULL) {
        return cnn__fail(session->context, CNN_ERROR_UNSUPPORTED,
                         "%s: statistics of all ranks' samples cannot be taken in the memory of backend %s",
                         session->model->name, session->context->backend.name);
    }
    cnn__exchange *made = cnn__alloc_zero(session->context, sizeof(*made));
    if (made == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    session->exchange = made;
    made->communicator = copy;
    made->held = held;
    made->shared_statistics = shared_statistics && cnn__has_peers(&copy);
    made->moving_values = cnn__moving_values(session);
    made->moving = cnn__alloc_array(session->context, made->moving_values + 1, sizeof(float));
    made->averages = cnn__alloc_array(session->context, made->moving_values + 1, sizeof(double));
    made->nothing = cnn__alloc_array(session->context, most_statistics(session), sizeof(double));
    const bool complete = made->moving != NULL && made->averages != NULL && made->nothing != NULL;
    const cnn_status status = complete ? make_blocks(session, made) : CNN_ERROR_OUT_OF_MEMORY;
    if (status != CNN_OK) {
        cnn__exchange_free(session);
    }
    return status;
}

void cnn__exchange_free(cnn_session *session)
{
    if (session->exchange != NULL) {
        cnn__free(session->context, session->exchange->blocks);
        cnn__free(session->context, session->exchange->moving);
        cnn__free(session->context, session->exchange->averages);
        cnn__free(session->context, session->exchange->nothing);
        cnn__free(session->context, session->exchange);
    }
    session->exchange = NULL;
    session->before = 0;
    session->share = 1;
}

void cnn__exchange_place(cnn_session *session, uint64_t before, double share)
{
    session->before = before;
    session->share = share;
    if (session->exchange != NULL) {
        session->exchange->summed = 0;
        cnn__exchange_begin(session);
    }
}

void cnn__exchange_begin(cnn_session *session)
{
    if (session->exchange != NULL) {
        session->exchange->begun = 0;
        session->exchange->ended = false;
    }
}

cnn_status cnn_session_set_communicator(cnn_session *session, const cnn_communicator *communicator)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (session->gradients == NULL && communicator != NULL) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: a session without gradients has none to add up",
                         session->model->name);
    }
    return cnn__exchange_create(session, communicator, false, false);
}

cnn_status cnn_session_set_share(cnn_session *session, uint64_t before, double share)
{
    if (session == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (before > UINT32_MAX || !(share >= 0 && share <= 1)) {
        return cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: a share of %g of a batch, after %llu of its samples", session->model->name, share,
                         (unsigned long long)before);
    }
    cnn__exchange_place(session, before, share);
    return CNN_OK;
}

/* ---- a pass ---- */

static bool exchanges(const cnn_session *session)
{
    return session->exchange != NULL && !session->exchange->held && cnn__has_peers(&session->exchange->communicator);
}

static cnn_status failed(const cnn_session *session, cnn_status status)
{
    const cnn__exchange *exchange = session->exchange;
    return status == CNN_OK
               ? CNN_OK
               : cnn__fail(session->context, status, "%s: rank %u of %u: the gradients could not be added up: %s",
                           session->model->name, (unsigned)exchange->communicator.rank,
                           (unsigned)exchange->communicator.size, cnn_status_string(status));
}

static cnn_status begin_block(cnn_session *session)
{
    cnn__exchange *exchange = session->exchange;
    const cnn__gradient_block *block = &exchange->blocks[exchange->begun++];
    return failed(session, cnn__communicator_begin_sum(&exchange->communicator, session->host_gradients + block->offset,
                                                       block->values));
}

cnn_status cnn__exchange_after(cnn_session *session, uint32_t op)
{
    cnn__exchange *exchange = session->exchange;
    if (!exchanges(session) || is_apart(session)) {
        return CNN_OK; /* what lies elsewhere is given once it has been copied */
    }
    const uint32_t before = exchange->begun;
    while (exchange->begun < exchange->block_count && exchange->blocks[exchange->begun].op >= op) {
        CNN__RETURN_IF_ERROR(begin_block(session));
    }
    const cnn_communicator *c = &exchange->communicator;
    return before > 0 && before == exchange->begun && c->progress != NULL ? failed(session, c->progress(c->user))
                                                                          : CNN_OK;
}

static cnn_status end_sums(cnn_session *session)
{
    session->exchange->ended = true;
    return failed(session, cnn__communicator_end_sums(&session->exchange->communicator));
}

static size_t gradient_bytes(const cnn_session *session) { return session->program.gradient_values * sizeof(float); }

cnn_status cnn__exchange_end(cnn_session *session)
{
    cnn__exchange *exchange = session->exchange;
    if (!exchanges(session)) {
        return CNN_OK;
    }
    if (is_apart(session)) {
        CNN__RETURN_IF_ERROR(cnn__backend_copy_out(session->context, session->host_gradients, session->gradients,
                                                   gradient_bytes(session)));
    }
    while (exchange->begun < exchange->block_count) {
        CNN__RETURN_IF_ERROR(begin_block(session));
    }
    CNN__RETURN_IF_ERROR(end_sums(session));
    return is_apart(session) ? cnn__backend_copy_in(session->context, session->gradients, session->host_gradients,
                                                    gradient_bytes(session))
                             : CNN_OK;
}

/* Zeros in place of what an op would give, unless it has given that already: `at` counts what a whole pass gives. */
static cnn_status give_no_statistics(cnn_session *session, const cnn__op *op, uint32_t *at)
{
    cnn__exchange *exchange = session->exchange;
    if (!cnn__exchange_shares(session, op) || (*at)++ < exchange->summed) {
        return CNN_OK;
    }
    const size_t count = statistics_of(session, op);
    memset(exchange->nothing, 0, count * sizeof(*exchange->nothing));
    return cnn__exchange_sum(session, exchange->nothing, count);
}

cnn_status cnn__exchange_nothing(cnn_session *session)
{
    cnn__exchange *exchange = session->exchange;
    const cnn__program *program = &session->program;
    uint32_t at = 0;
    for (uint32_t k = 0; k < program->op_count; k++) {
        CNN__RETURN_IF_ERROR(give_no_statistics(session, &program->ops[k], &at));
    }
    if (!exchanges(session) || exchange->ended) {
        return CNN_OK;
    }
    for (uint32_t k = program->op_count; k-- > 0;) {
        if (program->ops[k].has_backward) {
            CNN__RETURN_IF_ERROR(give_no_statistics(session, &program->ops[k], &at));
        }
        while (exchange->begun < exchange->block_count && exchange->blocks[exchange->begun].op >= k) {
            const cnn__gradient_block *block = &exchange->blocks[exchange->begun];
            memset(session->host_gradients + block->offset, 0, block->values * sizeof(float));
            CNN__RETURN_IF_ERROR(begin_block(session));
        }
    }
    CNN__RETURN_IF_ERROR(end_sums(session));
    if (is_apart(session)) {
        CNN__RETURN_IF_ERROR(cnn__backend_copy_in(session->context, session->gradients, session->host_gradients,
                                                  gradient_bytes(session)));
    }
    CNN__RETURN_IF_ERROR(cnn__penalty_end_gradients(session));
    CNN__RETURN_IF_ERROR(cnn__session_memory_take_gradients(session));
    session->has_gradients = true;
    return CNN_OK;
}

bool cnn__exchange_has_no_samples(const cnn_session *session)
{
    return session->exchange != NULL && exchanges(session) && session->share == 0 &&
           (session->count == 0 || !session->can_go_back);
}

cnn_status cnn__exchange_sum(void *user, double *values, size_t count)
{
    const cnn_session *session = user;
    session->exchange->summed++;
    return cnn_communicator_sum(session->context, &session->exchange->communicator, values, count);
}

cnn_status cnn__exchange_close(cnn_session *session, const float *gradients)
{
    memcpy(session->host_gradients, gradients, gradient_bytes(session));
    if (is_apart(session)) {
        CNN__RETURN_IF_ERROR(cnn__backend_copy_in(session->context, session->gradients, session->host_gradients,
                                                  gradient_bytes(session)));
    }
    CNN__RETURN_IF_ERROR(cnn__penalty_end_gradients(session));
    CNN__RETURN_IF_ERROR(cnn__session_memory_take_gradients(session));
    session->has_gradients = true;
    return CNN_OK;
}

/* ---- statistics that layers keep ---- */

static bool moves(const cnn_session *session, uint32_t parameter)
{
    return session->program.observed[parameter] && !session->model->parameters[parameter].trainable;
}

size_t cnn__moving_values(const cnn_session *session)
{
    size_t count = 0;
    for (uint32_t i = 0; i < session->model->parameter_count; i++) {
        count += moves(session, i) ? session->model->parameters[i].values : 0;
    }
    return count;
}

void cnn__moving_take(const cnn_session *session, float *values)
{
    for (uint32_t i = 0; i < session->model->parameter_count; i++) {
        const cnn__parameter *parameter = &session->model->parameters[i];
        if (moves(session, i)) {
            memcpy(values, parameter->data, parameter->values * sizeof(float));
            values += parameter->values;
        }
    }
}

cnn_status cnn__moving_put(cnn_session *session, const float *values)
{
    for (uint32_t i = 0; i < session->model->parameter_count; i++) {
        const cnn__parameter *parameter = &session->model->parameters[i];
        if (moves(session, i)) {
            memcpy(parameter->data, values, parameter->values * sizeof(float));
            values += parameter->values;
            if (session->parameters != NULL) {
                CNN__RETURN_IF_ERROR(cnn__backend_copy_in(session->context, session->parameters + parameter->offset,
                                                          parameter->data, parameter->values * sizeof(float)));
            }
        }
    }
    return CNN_OK;
}

cnn_status cnn__moving_average(cnn_session *session, double share)
{
    cnn__exchange *exchange = session->exchange;
    if (exchange->moving_values == 0) {
        return CNN_OK;
    }
    cnn__moving_take(session, exchange->moving);
    for (size_t i = 0; i < exchange->moving_values; i++) {
        exchange->averages[i] = exchange->moving[i] * share;
    }
    CNN__RETURN_IF_ERROR(
        cnn_communicator_sum(session->context, &exchange->communicator, exchange->averages, exchange->moving_values));
    for (size_t i = 0; i < exchange->moving_values; i++) {
        exchange->moving[i] = (float)exchange->averages[i];
    }
    return cnn__moving_put(session, exchange->moving);
}
