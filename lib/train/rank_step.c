/* SPDX-License-Identifier: MIT */
/* The passes of one step: of a batch that is all here, of a rank's share, or of its blocks one by one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/float_mode.h"
#include "session/exchange.h"
#include "train/fit.h"
#include "train/numeric.h"

/* Samples [begin, end) of what was read. */
typedef struct sample_part {
    const cnn__passed *passed;
    size_t begin, end;
} sample_part;

static cnn_status prepare(cnn__fit *fit, const cnn_batch *batch, cnn__passed *passed)
{
    passed->batch = *batch;
    passed->target = cnn__batch_target(batch, batch->labels, cnn__fit_batch_weights(fit, batch));
    passed->target_count = batch->target_count;
    return cnn__mix_batch(fit, passed);
}

static cnn_status forward_and_loss(cnn__fit *fit, const sample_part *part, double *loss)
{
    cnn_session *session = fit->session;
    const size_t begin = part->begin;
    size_t input = 0;
    const cnn_shape shape = cnn_loader_sample_shape(fit->options.train);
    (void)cnn__shape_values(&shape, &input);
    const float *images = part->passed->batch.images + begin * input;
    cnn_target target = part->passed->target;
    CNN__RETURN_IF_ERROR(cnn_session_forward(session, images, part->end - begin));
    target.labels = target.labels != NULL ? target.labels + begin : NULL;
    target.values = target.values != NULL ? target.values + begin * part->passed->target_count : NULL;
    target.weights = target.weights != NULL ? target.weights + begin : NULL;
    const cnn_status status = cnn_session_loss(session, fit->options.loss, &target, loss);
    if (status == CNN_ERROR_NUMERIC) {
        char what[64], where[512];
        snprintf(what, sizeof(what), "the loss is %f", *loss);
        cnn__session_tell_odd(session, where, sizeof(where));
        return cnn__fit_not_finite(fit, fit->history->running.steps + 1, what, where);
    }
    return status == CNN_OK ? cnn__distill_batch(fit, images, target.weights, loss) : status;
}

static cnn__samples samples_of(const cnn__passed *passed, const float *outputs)
{
    const cnn_batch *batch = &passed->batch;
    return (cnn__samples){.count = batch->count,
                          .outputs = outputs,
                          .labels = batch->labels,
                          .targets = batch->targets,
                          .target_count = batch->target_count,
                          .weights = batch->weights};
}

static cnn_status pass_alone(cnn__fit *fit, const cnn_batch *batch, cnn__samples *whole, double *loss)
{
    cnn__passed passed;
    CNN__RETURN_IF_ERROR(prepare(fit, batch, &passed));
    CNN__RETURN_IF_ERROR(forward_and_loss(fit, &(sample_part){&passed, 0, batch->count}, loss));
    CNN__RETURN_IF_ERROR(cnn_session_backward(fit->session, NULL));
    *whole = samples_of(&passed, cnn_session_output(fit->session));
    return CNN_OK;
}

/* The passes of this rank's share, unless they cannot be made for what `status` says; the others' gradients come in on
 * the way. What fails here must not leave the others waiting: they get zeros, and hear of it at the next meeting. */
static cnn_status pass_share(cnn__fit *fit, const cnn__passed *passed, cnn_status status, cnn__block_sums *sums)
{
    cnn_session *session = fit->session;
    const cnn__ranks *ranks = &fit->ranks;
    const size_t count = passed->batch.count;
    const double share = (double)count / (double)ranks->samples;
    double loss = NAN;
    cnn__exchange_place(session, ranks->before, share);
    if (count == 0) {
        session->passes++; /* the random numbers of the next step are those that the others have */
    } else if (status == CNN_OK) {
        status = forward_and_loss(fit, &(sample_part){passed, 0, count}, &loss);
        if (status == CNN_OK) {
            *sums = (cnn__block_sums){loss * (double)count, session->penalty * (double)count};
            status = cnn_session_backward(session, NULL);
        }
    }
    if (count == 0 || status != CNN_OK) {
        const cnn_status nothing = cnn__exchange_nothing(session);
        status = status == CNN_OK ? nothing : status;
    }
    const cnn_status averaged = cnn__moving_average(session, share);
    return status == CNN_OK ? averaged : status;
}

/* One block's gradients, and behind them what the moving statistics become, by its share, to the tree. */
static cnn_status pass_block(cnn__fit *fit, const sample_part *part, float *room, cnn__block_sums *sums)
{
    cnn_session *session = fit->session;
    cnn__exchange *exchange = session->exchange;
    const size_t gradients = session->program.gradient_values, samples = part->end - part->begin;
    const double share = (double)samples / (double)fit->ranks.samples;
    double loss = NAN;
    *sums = (cnn__block_sums){0, 0};
    if (samples == 0) {
        memset(room, 0, (gradients + exchange->moving_values) * sizeof(float));
        return CNN_OK;
    }
    session->passes = fit->passes;
    cnn__exchange_place(session, fit->ranks.before + part->begin, share);
    CNN__RETURN_IF_ERROR(cnn__moving_put(session, exchange->moving));
    CNN__RETURN_IF_ERROR(forward_and_loss(fit, part, &loss));
    CNN__RETURN_IF_ERROR(cnn_session_backward(session, NULL));
    *sums = (cnn__block_sums){loss * (double)samples, session->penalty * (double)samples};
    memcpy(room, session->host_gradients, gradients * sizeof(float));
    cnn__moving_take(session, room + gradients);
    for (size_t i = 0; i < exchange->moving_values; i++) {
        room[gradients + i] = (float)(room[gradients + i] * share);
    }
    memcpy(fit->ranks.block_outputs + part->begin * fit->ranks.outputs, cnn_session_output(session),
           samples * fit->ranks.outputs * sizeof(float));
    return CNN_OK;
}

static cnn_status pass_blocks(cnn__fit *fit, const cnn__passed *passed, cnn__block_sums *sums)
{
    cnn__ranks *ranks = &fit->ranks;
    memcpy(fit->session->exchange->moving, fit->moving, fit->session->exchange->moving_values * sizeof(float));
    cnn__tree_begin(&ranks->tree);
    for (uint32_t block = ranks->first; block < ranks->end; block++) {
        sample_part one = {.passed = passed};
        cnn__ranks_block(ranks, &passed->batch, block, &one.begin, &one.end);
        CNN__RETURN_IF_ERROR(pass_block(fit, &one, cnn__tree_room(&ranks->tree), &sums[block - ranks->first]));
        cnn__tree_add(&ranks->tree);
    }
    fit->session->passes = fit->passes + 1;
    return CNN_OK;
}

static cnn_status sum_blocks(cnn__fit *fit)
{
    const float *sum = NULL;
    CNN__RETURN_IF_ERROR(cnn__tree_finish(&fit->ranks.tree, &sum));
    CNN__RETURN_IF_ERROR(cnn__exchange_close(fit->session, sum));
    return cnn__moving_put(fit->session, sum + fit->session->program.gradient_values);
}

/* Notes what the passes of a batch change, and those of the step whose first one it is. */
static void begin_pass(cnn__fit *fit)
{
    fit->passes = fit->session->passes;
    cnn__moving_take(fit->session, fit->moving);
    if (!fit->passed) {
        fit->step_passes = fit->passes;
        fit->step_running = fit->history->running;
        memcpy(fit->step_moving, fit->moving, fit->session->exchange->moving_values * sizeof(float));
    }
    fit->passed = true;
}

static cnn_status pass_together(cnn__fit *fit, const cnn_batch *batch, cnn__samples *whole)
{
    cnn__ranks *ranks = &fit->ranks;
    cnn__block_sums *sums = ranks->own_sums;
    cnn__passed passed;
    memset(sums, 0, (ranks->end - ranks->first) * sizeof(*sums));
    begin_pass(fit);
    cnn_status status = prepare(fit, batch, &passed);
    if (!ranks->fixed) {
        status = pass_share(fit, &passed, status, sums);
    } else if (status == CNN_OK) {
        status = pass_blocks(fit, &passed, sums);
    }
    CNN__RETURN_IF_ERROR(cnn__ranks_meet(ranks, cnn__ranks_lose(ranks, status)));
    const cnn_status summed = ranks->fixed ? cnn__ranks_lose(ranks, sum_blocks(fit)) : CNN_OK;
    if (summed == CNN_ERROR_PEER) {
        return summed;
    }
    /* Where this rank alone failed, the others wait for its samples. */
    const cnn__samples own = samples_of(&passed,
                                        ranks->fixed ? ranks->block_outputs : cnn_session_output(fit->session));
    const cnn_status gathered = cnn__ranks_lose(ranks, cnn__ranks_gather(ranks, &own, sums, whole));
    return summed != CNN_OK ? summed : gathered;
}

cnn_status cnn__fit_pass(cnn__fit *fit, const cnn_batch *batch, cnn__samples *whole, double *loss, double *penalty)
{
    const cnn__ranks *ranks = &fit->ranks;
    if (cnn__is_alone(ranks)) {
        CNN__RETURN_IF_ERROR(pass_alone(fit, batch, whole, loss));
        *penalty = fit->session->penalty;
        return CNN_OK;
    }
    /* Sums over ranks and blocks are rounded as all else is, whatever the caller's mode. */
    const cnn__float_mode mode = cnn__float_mode_enter();
    const cnn_status status = pass_together(fit, batch, whole);
    cnn__float_mode_set(mode);
    CNN__RETURN_IF_ERROR(status);
    const cnn__block_sums all = cnn__ranks_sums(ranks);
    *loss = all.loss / (double)ranks->samples;
    *penalty = all.penalty / (double)ranks->samples;
    return CNN_OK;
}

cnn_status cnn__fit_join(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    cnn__ranks *ranks = &fit->ranks;
    if (cnn__is_alone(ranks)) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(
        cnn__exchange_create(fit->session, &ranks->communicator, ranks->fixed, options->sync_batch_norm != 0));
    const size_t moving = fit->session->exchange->moving_values + 1;
    fit->moving = cnn__alloc_array(fit->context, moving, sizeof(float));
    fit->step_moving = cnn__alloc_array(fit->context, moving, sizeof(float));
    const bool complete = fit->moving != NULL && fit->step_moving != NULL;
    if (!complete || !ranks->fixed) {
        return complete ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    return cnn__tree_create(fit->context, &ranks->communicator, ranks->blocks,
                            fit->session->program.gradient_values + cnn__moving_values(fit->session), &ranks->tree);
}

cnn_status cnn__fit_undo(cnn__fit *fit)
{
    if (!fit->in_step) {
        return CNN_OK;
    }
    if (fit->passed) {
        fit->session->passes = fit->step_passes;
        fit->history->running = fit->step_running; /* evaluators keep what they have counted of its batches */
        CNN__RETURN_IF_ERROR(cnn__moving_put(fit->session, fit->step_moving));
    }
    fit->in_step = fit->passed = false;
    return cnn_loader_seek(fit->options.train, fit->step_position);
}
