/* SPDX-License-Identifier: MIT */
/* The running statistics of normalisations as the mean of those of many batches, as PyTorch's update_bn(). No layer is
 * asked how it keeps them: what a batch makes of zeros and of ones says how much of the old values it keeps, and what
 * it adds. */
#include <cnn/train.h>

#include <math.h>
#include <string.h>

#include "loader/loader.h"
#include "session/session.h"
#include "train/average.h"
#include "train/ranks.h"
#include "train/train.h"

/* Statistics move by less than that of a batch: they are not to move. */
#define LEAST_SHARE 1e-6

/* The arrays hold the values of all statistics, one parameter's behind the other's. */
typedef struct statistics {
    cnn_model *model;
    cnn_session *session;
    cnn__ranks *ranks; /* that each have a share of every batch; NULL: none */
    size_t values;
    double *sums;   /* of what each batch adds to zeros, times its weight */
    double *kept;   /* the share of the old values that stays */
    float *before;  /* the values as they were */
    double weight;  /* of all batches: a rank's share of one counts as much as it has of its samples */
    double finders; /* ranks that found `kept` */
} statistics;

static bool is_statistic(const cnn__parameter *parameter) { return !parameter->trainable; }

static size_t count_values(const cnn_model *model)
{
    size_t count = 0;
    for (uint32_t p = 0; p < model->parameter_count; p++) {
        count += is_statistic(&model->parameters[p]) ? model->parameters[p].values : 0;
    }
    return count;
}

static void set_all(const statistics *s, float value)
{
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        for (size_t i = 0; i < parameter->values && is_statistic(parameter); i++) {
            parameter->data[i] = value;
        }
    }
    cnn_model_touch(s->model);
}

static cnn_status run_batch(const statistics *s, const cnn_batch *batch, float begin)
{
    set_all(s, begin);
    return cnn_session_forward(s->session, batch->images, batch->count);
}

/* sums += weight x, of the model's values x */
static void add_to(const statistics *s, double weight, double *sums)
{
    size_t at = 0;
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        for (size_t i = 0; i < parameter->values && is_statistic(parameter); i++) {
            sums[at++] += weight * (double)parameter->data[i];
        }
    }
}

/* What comes of zeros and of ones with the same batch: one share for each parameter. */
static cnn_status find_kept(statistics *s, const cnn_batch *batch)
{
    double *kept = s->kept;
    CNN__RETURN_IF_ERROR(run_batch(s, batch, 1));
    add_to(s, 1, kept);
    CNN__RETURN_IF_ERROR(run_batch(s, batch, 0));
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        size_t least = 0; /* the value that hides the least of it */
        if (!is_statistic(parameter)) {
            continue;
        }
        for (size_t i = 1; i < parameter->values; i++) {
            least = fabsf(parameter->data[i]) < fabsf(parameter->data[least]) ? i : least;
        }
        const float share = parameter->values > 0 ? (float)kept[least] - parameter->data[least] : 0;
        for (size_t i = 0; i < parameter->values; i++) {
            *kept++ = (double)share;
        }
    }
    s->finders = 1;
    return CNN_OK;
}

static cnn_status run_batches(statistics *s, cnn_loader *loader)
{
    cnn_batch batch = CNN_BATCH_INIT;
    const cnn_context *context = s->model->context;
    const uint64_t most = cnn_loader_batches(loader);
    cnn_status status = cnn_loader_seek(loader, 0);
    for (uint64_t batches = 0; batches < most && status == CNN_OK; batches++) {
        status = cnn__loader_next(context, loader, &batch);
        if (status != CNN_OK || batch.whole == 0) {
            break;
        }
        if (batch.count > 0) {
            status = s->finders == 0 ? find_kept(s, &batch) : run_batch(s, &batch, 0);
            const double weight = s->ranks != NULL ? (double)batch.count / (double)batch.whole : 1;
            s->weight += weight;
            add_to(s, weight, s->sums);
        }
    }
    return status;
}

/* Adds up what the ranks have; all have the same then, to the bit. */
static cnn_status join_ranks(statistics *s)
{
    const cnn_communicator *c = &s->ranks->communicator;
    const cnn_context *context = s->model->context;
    double numbers[] = {s->weight, s->finders};
    CNN__RETURN_IF_ERROR(cnn_communicator_sum(context, c, numbers, 2));
    CNN__RETURN_IF_ERROR(cnn_communicator_sum(context, c, s->sums, s->values));
    CNN__RETURN_IF_ERROR(cnn_communicator_sum(context, c, s->kept, s->values));
    s->weight = numbers[0];
    s->finders = numbers[1];
    return CNN_OK;
}

/* Puts the means in place, and back what does not move, or all of it after a failure. */
static void settle(const statistics *s, bool whole)
{
    size_t at = 0;
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        for (size_t i = 0; i < parameter->values && is_statistic(parameter); i++, at++) {
            const double share = s->finders > 0 ? 1 - s->kept[at] / s->finders : 0;
            parameter->data[i] = whole && s->weight > 0 && share > LEAST_SHARE
                                     ? (float)(s->sums[at] / s->weight / share)
                                     : s->before[at];
        }
    }
    cnn_model_touch(s->model);
}

static void take_values(const statistics *s)
{
    size_t at = 0;
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        if (is_statistic(parameter)) {
            memcpy(s->before + at, parameter->data, parameter->values * sizeof(float));
            at += parameter->values;
        }
    }
}

cnn_status cnn__update_statistics(cnn_model *model, cnn_loader *loader, const char *from, cnn__ranks *ranks)
{
    cnn_context *context = model->context;
    const uint64_t position = cnn_loader_position(loader);
    const bool together = ranks != NULL && cnn__has_peers(&ranks->communicator);
    statistics s = {.model = model, .ranks = together ? ranks : NULL, .values = count_values(model)};
    s.sums = cnn__alloc_zero(context, (s.values + 1) * sizeof(*s.sums));
    s.kept = cnn__alloc_zero(context, (s.values + 1) * sizeof(*s.kept));
    s.before = cnn__alloc_zero(context, (s.values + 1) * sizeof(*s.before));
    cnn_status status = s.sums != NULL && s.kept != NULL && s.before != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = cnn_session_create(
            model,
            CNN_SESSION(.batch = (uint32_t)cnn__loader_share(loader), .training_behavior = CNN_YES, .from = from),
            &s.session);
    }
    if (status == CNN_OK) {
        take_values(&s);
        status = run_batches(&s, loader);
    }
    if (together) {
        status = cnn__ranks_meet(ranks, status);
        status = status == CNN_OK ? cnn__ranks_lose(ranks, join_ranks(&s)) : status;
    }
    if (s.session != NULL) {
        settle(&s, status == CNN_OK);
        const cnn_status back = cnn_loader_seek(loader, position);
        status = status == CNN_OK ? back : status;
    }
    cnn_session_free(s.session);
    cnn__free(context, s.sums);
    cnn__free(context, s.kept);
    cnn__free(context, s.before);
    return status;
}

cnn_status cnn_update_statistics(cnn_model *model, cnn_loader *loader)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (loader == NULL || !model->built) {
        return cnn__fail(model->context, loader == NULL ? CNN_ERROR_INVALID_ARGUMENT : CNN_ERROR_STATE, "%s: %s",
                         model->name, loader == NULL ? "no loader given" : "is not built yet");
    }
    CNN__RETURN_IF_ERROR(cnn__check_shape(model, NULL, loader));
    return cnn__update_statistics(model, loader, NULL, NULL);
}
