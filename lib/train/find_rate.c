/* SPDX-License-Identifier: MIT */
/* The range test of learning rates (Smith 2017): a training whose rate grows from step to step until its loss does. */
#include <math.h>
#include <string.h>

#include "core/options.h"
#include "loader/loader.h"
#include "session/session.h"
#include "train/train.h"

#define DEFAULT_LOW 1e-7
#define DEFAULT_HIGH 10.0
#define DEFAULT_STEPS 100
#define LEAST_STEPS 20
#define MOST_STEPS 1000000

/* How much of the smoothed loss each step keeps, and how far above the lowest it ends the search, as fastai has them
 * for a few hundred steps. */
#define KEPT 0.9
#define MOST_TIMES 4

/* Slopes are those over so many steps to both sides; the first steps, of which the mean is of few, have none. */
#define REACH 5
#define SKIPPED 10

static const char *const columns[] = {"learning_rate", "loss", "smoothed_loss"};

typedef struct search {
    cnn_context *context;
    cnn_model *model;
    cnn_rate_search_options options;
    cnn_loss *own_loss;
    cnn_session *session;
    cnn_history *history;
    float *before; /* the parameters */
} search;

static cnn_status check(search *s)
{
    cnn_rate_search_options *options = &s->options;
    if (options->train == NULL || options->optimizer == NULL) {
        return cnn__fail(s->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_find_learning_rate: train and optimizer are required");
    }
    if (!s->model->built) {
        return cnn__fail(s->context, CNN_ERROR_STATE, "%s: is not built yet", s->model->name);
    }
    options->low = options->low != 0 ? options->low : DEFAULT_LOW;
    options->high = options->high != 0 ? options->high : DEFAULT_HIGH;
    options->steps = options->steps != 0 ? options->steps : DEFAULT_STEPS;
    if (!(options->low > 0 && options->high > options->low && isfinite(options->high)) ||
        options->steps < LEAST_STEPS || options->steps > MOST_STEPS) {
        return cnn__fail(
            s->context, CNN_ERROR_INVALID_ARGUMENT,
            "cnn_find_learning_rate: from %g to %g in %u steps; expected more than 0, rising, and %d to %d "
            "steps",
            options->low, options->high, (unsigned)options->steps, LEAST_STEPS, MOST_STEPS);
    }
    CNN__RETURN_IF_ERROR(cnn__check_groups(options->optimizer, s->model));
    CNN__RETURN_IF_ERROR(cnn__check_shape(s->model, NULL, options->train));
    CNN__RETURN_IF_ERROR(cnn__check_targets(s->model, options->train));
    return cnn__check_classes(s->model, cnn_loader_dataset(options->train));
}

static cnn_status open_search(search *s, const cnn_rate_search_options *options)
{
    CNN__RETURN_IF_ERROR(
        cnn__options_copy(s->context, "cnn_find_learning_rate", options, &s->options, sizeof(s->options)));
    CNN__RETURN_IF_ERROR(check(s));
    if (s->options.loss == NULL) {
        CNN__RETURN_IF_ERROR(cnn__default_loss(s->model, s->options.train, &s->own_loss));
        s->options.loss = s->own_loss;
    }
    CNN__RETURN_IF_ERROR(cnn__history_create(s->context, &s->history));
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        CNN__RETURN_IF_ERROR(cnn__history_add_column(s->history, columns[i]));
    }
    s->before = cnn__alloc_zero(s->context, s->model->value_count * sizeof(float));
    if (s->before == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__model_get_values(s->model, s->before);
    return cnn_session_create(
        s->model, CNN_SESSION(.batch = (uint32_t)cnn_loader_batch_size(s->options.train), .training = 1), &s->session);
}

/* The next batch, of another pass where one has ended. */
static cnn_status next_batch(const search *s, cnn_batch *batch)
{
    for (int i = 0; i < 2; i++) {
        CNN__RETURN_IF_ERROR(cnn__loader_next(s->context, s->options.train, batch));
        if (batch->count > 0) {
            return CNN_OK;
        }
    }
    return cnn__fail(s->context, CNN_ERROR_FORMAT, "%s: none of the samples can be used", s->model->name);
}

/* One step at this rate; *loss is NaN where it is not finite. */
static cnn_status step(const search *s, double rate, double *loss)
{
    cnn_batch batch = CNN_BATCH_INIT;
    CNN__RETURN_IF_ERROR(next_batch(s, &batch));
    CNN__RETURN_IF_ERROR(cnn_session_forward(s->session, batch.images, batch.count));
    const cnn_target target = cnn__batch_target(&batch, batch.labels, batch.weights);
    cnn_status status = cnn_session_loss(s->session, s->options.loss, &target, loss);
    if (status == CNN_ERROR_NUMERIC) {
        *loss = NAN;
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(status);
    CNN__RETURN_IF_ERROR(cnn_optimizer_set_learning_rate(s->options.optimizer, (float)rate));
    CNN__RETURN_IF_ERROR(cnn_session_backward(s->session, NULL));
    status = cnn_optimizer_step(s->options.optimizer, s->session);
    *loss = status == CNN_ERROR_NUMERIC ? NAN : *loss; /* clipping found what the loss will be */
    return status == CNN_ERROR_NUMERIC ? CNN_OK : status;
}

static bool report(const search *s, uint64_t done, double rate, double loss)
{
    const cnn_progress progress = {.struct_size = sizeof(progress),
                                   .epochs = 1,
                                   .step = done,
                                   .steps = s->options.steps,
                                   .total_steps = done,
                                   .loss = loss,
                                   .step_loss = loss,
                                   .score = NAN,
                                   .validation_loss = NAN,
                                   .validation_score = NAN,
                                   .best_score = NAN,
                                   .learning_rate = rate,
                                   .score_name = "loss",
                                   .history = s->history,
                                   .session = s->session,
                                   .step_score = NAN};
    return s->options.on_step != NULL && s->options.on_step(s->options.user, &progress);
}

static cnn_status run_steps(const search *s)
{
    double smooth = 0, weight = 1, lowest = INFINITY;
    for (uint32_t i = 0; i < s->options.steps; i++) {
        const double share = (double)i / (double)(s->options.steps - 1), low = s->options.low;
        const double rate = low * pow(s->options.high / low, share);
        double loss = NAN;
        CNN__RETURN_IF_ERROR(step(s, rate, &loss));
        if (isnan(loss)) {
            return CNN_OK;
        }
        smooth = KEPT * smooth + (1 - KEPT) * loss;
        weight *= KEPT;
        const double unbiased = smooth / (1 - weight);
        CNN__RETURN_IF_ERROR(cnn__history_add_row(s->history));
        cnn__history_set(s->history, columns[0], rate);
        cnn__history_set(s->history, columns[1], loss);
        cnn__history_set(s->history, columns[2], unbiased);
        if (report(s, i + 1, rate, loss)) {
            return cnn__fail(s->context, CNN_ERROR_CANCELLED, "%s: the search was stopped by a callback",
                             s->model->name);
        }
        lowest = unbiased < lowest ? unbiased : lowest;
        if (unbiased > MOST_TIMES * lowest) {
            return CNN_OK;
        }
    }
    return CNN_OK;
}

/* The rate at which the smoothed loss falls most steeply, before it is at its lowest; NaN where it never falls. */
static double steepest(const cnn_history *history)
{
    const size_t rows = cnn_history_epochs(history);
    size_t lowest = 0;
    double most = 0, found = NAN;
    for (size_t i = 1; i < rows; i++) {
        lowest = cnn_history_value(history, columns[2], i) < cnn_history_value(history, columns[2], lowest) ? i
                                                                                                            : lowest;
    }
    for (size_t i = SKIPPED; i + REACH < rows && i <= lowest; i++) { /* rates are evenly apart in their logarithm */
        const double slope =
            cnn_history_value(history, columns[2], i + REACH) - cnn_history_value(history, columns[2], i - REACH);
        if (slope < most) {
            most = slope;
            found = cnn_history_value(history, columns[0], i);
        }
    }
    return found;
}

cnn_status cnn_find_learning_rate(cnn_model *model, const cnn_rate_search_options *options, double *rate,
                                  cnn_history **history)
{
    if (history != NULL) {
        *history = NULL;
    }
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    search s = {.context = model->context, .model = model};
    cnn_status status = open_search(&s, options);
    if (status == CNN_OK) {
        status = run_steps(&s);
        cnn__model_set_values(model, s.before);
        cnn_model_touch(model);
    }
    if (status == CNN_OK && rate != NULL) {
        *rate = steepest(s.history);
    }
    if (history != NULL) {
        *history = s.history;
        s.history = NULL;
    }
    cnn_history_free(s.history);
    cnn_session_free(s.session);
    cnn_loss_free(s.own_loss);
    cnn__free(s.context, s.before);
    return status;
}
