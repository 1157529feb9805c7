/* SPDX-License-Identifier: MIT */
/* The running statistics of normalisations as the mean of those of many batches, as PyTorch's update_bn(). No layer is
 * asked how it keeps them: what a batch makes of zeros and of ones says how much of the old values it keeps, and what
 * it adds. */
#include <cnn/train.h>

#include <math.h>

#include "loader/loader.h"
#include "session/session.h"
#include "train/average.h"
#include "train/train.h"

/* Statistics move by less than that of a batch: they are not to move. */
#define LEAST_SHARE 1e-6

typedef struct statistics {
    cnn_model *model;
    cnn_session *session;
    double *sums;  /* by cnn__parameter.offset: of what each batch adds to zeros */
    float *kept;   /* the share of the old values that stays */
    float *before; /* the values as they were */
} statistics;

static void set_all(const statistics *s, float value)
{
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        for (size_t i = 0; i < parameter->values && !parameter->trainable; i++) {
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

/* What comes of zeros and of ones with the same batch: one share for each parameter. */
static cnn_status find_kept(const statistics *s, const cnn_batch *batch)
{
    CNN__RETURN_IF_ERROR(run_batch(s, batch, 1));
    cnn__model_get_values(s->model, s->kept);
    CNN__RETURN_IF_ERROR(run_batch(s, batch, 0));
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        float *kept = s->kept + parameter->offset;
        size_t least = 0; /* the value that hides the least of it */
        for (size_t i = 1; i < parameter->values; i++) {
            least = fabsf(parameter->data[i]) < fabsf(parameter->data[least]) ? i : least;
        }
        const float share = parameter->values > 0 ? kept[least] - parameter->data[least] : 0;
        for (size_t i = 0; i < parameter->values; i++) {
            kept[i] = share;
        }
    }
    return CNN_OK;
}

static void add(const statistics *s)
{
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        for (size_t i = 0; i < parameter->values && !parameter->trainable; i++) {
            s->sums[parameter->offset + i] += (double)parameter->data[i];
        }
    }
}

static cnn_status run_batches(const statistics *s, cnn_loader *loader, uint64_t *batches)
{
    cnn_batch batch = CNN_BATCH_INIT;
    const cnn_context *context = s->model->context;
    const uint64_t most = cnn_loader_batches(loader);
    cnn_status status = cnn_loader_seek(loader, 0);
    for (*batches = 0; *batches < most && status == CNN_OK;) {
        status = cnn__loader_next(context, loader, &batch);
        if (status != CNN_OK || batch.count == 0) {
            break;
        }
        status = *batches == 0 ? find_kept(s, &batch) : run_batch(s, &batch, 0);
        (*batches)++;
        add(s);
    }
    return status;
}

/* Puts the means in place, and back what does not move, or all of it after a failure. */
static void settle(const statistics *s, uint64_t batches, bool whole)
{
    for (uint32_t p = 0; p < s->model->parameter_count; p++) {
        const cnn__parameter *parameter = &s->model->parameters[p];
        for (size_t i = 0; i < parameter->values && !parameter->trainable; i++) {
            const size_t at = parameter->offset + i;
            const double share = 1 - (double)s->kept[at];
            parameter->data[i] = whole && batches > 0 && share > LEAST_SHARE
                                     ? (float)(s->sums[at] / (double)batches / share)
                                     : s->before[at];
        }
    }
    cnn_model_touch(s->model);
}

cnn_status cnn__update_statistics(cnn_model *model, cnn_loader *loader, const char *from)
{
    cnn_context *context = model->context;
    const size_t values = model->value_count;
    const uint64_t position = cnn_loader_position(loader);
    uint64_t batches = 0;
    statistics s = {.model = model};
    s.sums = cnn__alloc_zero(context, values * sizeof(*s.sums));
    s.kept = cnn__alloc_zero(context, values * sizeof(*s.kept));
    s.before = cnn__alloc_zero(context, values * sizeof(*s.before));
    cnn_status status = s.sums != NULL && s.kept != NULL && s.before != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = cnn_session_create(
            model,
            CNN_SESSION(.batch = (uint32_t)cnn_loader_batch_size(loader), .training_behavior = CNN_YES, .from = from),
            &s.session);
    }
    if (status == CNN_OK) {
        cnn__model_get_values(model, s.before);
        status = run_batches(&s, loader, &batches);
        settle(&s, batches, status == CNN_OK);
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
    return cnn__update_statistics(model, loader, NULL);
}
