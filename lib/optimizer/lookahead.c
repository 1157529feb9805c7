/* SPDX-License-Identifier: MIT */
/* Lookahead (Zhang et al. 2019) around any rule: every k steps the weights go back to a place on the way from where
 * they were k steps before. */
#include <math.h>

#include "backend/backend.h"
#include "core/error.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

#define DEFAULT_EVERY 5
#define DEFAULT_ALPHA 0.5f
#define MOST_EVERY 1000000

cnn_status cnn_optimizer_set_lookahead(cnn_optimizer *optimizer, const cnn_lookahead_options *options)
{
    cnn_lookahead_options given;
    if (optimizer == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const char *name = cnn_optimizer_name(optimizer);
    CNN__RETURN_IF_ERROR(
        cnn__options_copy(optimizer->context, "cnn_lookahead_options", options, &given, sizeof(given)));
    given.every = given.every != 0 ? given.every : DEFAULT_EVERY;
    given.alpha = given.alpha != 0 ? given.alpha : DEFAULT_ALPHA;
    if (given.every > MOST_EVERY || !(given.alpha > 0 && given.alpha <= 1)) {
        return cnn__fail(optimizer->context, CNN_ERROR_INVALID_ARGUMENT,
                         "%s: lookahead every %u steps with alpha %g; expected at most %d, and more than 0 up to 1",
                         name, (unsigned)given.every, (double)given.alpha, MOST_EVERY);
    }
    if (optimizer->memory != NULL || optimizer->lookahead_every > 0) {
        return cnn__fail(optimizer->context, CNN_ERROR_STATE, "%s: %s", name,
                         optimizer->memory != NULL ? "lookahead is to be chosen before the first step"
                                                   : "has a lookahead already");
    }
    optimizer->lookahead_every = given.every;
    optimizer->lookahead_alpha = given.alpha;
    optimizer->slots++;
    return CNN_OK;
}

cnn_status cnn__lookahead_read(cnn_optimizer *optimizer, cnn__param_reader *reader)
{
    static const cnn__param params[] = {
        {.name = "every", .whole = true, .low = 1, .high = MOST_EVERY, .unset = DEFAULT_EVERY},
        {.name = "alpha", .low = 1e-6, .high = 1, .unset = (double)DEFAULT_ALPHA},
        {.name = NULL},
    };
    static const char name[] = "lookahead";
    double values[CNN__PARAMS];
    if (*reader->at != '+') {
        return CNN_OK;
    }
    reader->at++;
    const size_t length = cnn__params_name_length(reader);
    if (!cnn__params_same(reader, length, name)) {
        return cnn__params_fail_name(reader, length, name);
    }
    reader->at += length;
    CNN__RETURN_IF_ERROR(cnn__params_read(reader, name, params, values));
    for (size_t i = 0; i < 2; i++) {
        values[i] = isnan(values[i]) ? params[i].unset : values[i];
        CNN__RETURN_IF_ERROR(cnn__param_check(optimizer->context, "optimizer", name, &params[i], values[i]));
    }
    return cnn_optimizer_set_lookahead(optimizer,
                                       CNN_LOOKAHEAD(.every = (uint32_t)values[0], .alpha = (float)values[1]));
}

static float *slow_of(const cnn_optimizer *optimizer, const cnn__update_item *item)
{
    return optimizer->memory + (optimizer->slots - 1) * optimizer->stride + item->offset;
}

static cnn_status copy(const cnn_backend_call *call, size_t n, const float *from, float *to)
{
    const cnn_elementwise_args args = {.struct_size = sizeof(args),
                                       .kind = CNN_ELEMENTWISE_COPY,
                                       .outer = 1,
                                       .inner = 1,
                                       .c = (int64_t)n,
                                       .a = from,
                                       .y = to};
    return cnn_backend_run(call, CNN_OP_ELEMENTWISE, CNN_PASS_FORWARD, &args);
}

static cnn_status failed(const cnn_optimizer *optimizer, const cnn_backend_call *call, cnn_status status)
{
    return cnn__fail(optimizer->context, CNN_ERROR_BACKEND, "%s: lookahead: backend %s: %s",
                     cnn_optimizer_name(optimizer), call->backend->name, cnn_status_string(status));
}

static cnn_status take_slow(const cnn_optimizer *optimizer, const cnn_backend_call *call, const cnn__update_item *item)
{
    const cnn_status status = item->n > 0 ? copy(call, item->n, item->w, slow_of(optimizer, item)) : CNN_OK;
    return status == CNN_OK ? CNN_OK : failed(optimizer, call, status);
}

cnn_status cnn__lookahead_place(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                                const cnn__update_item *items, size_t count)
{
    for (size_t i = 0; optimizer->lookahead_every > 0 && i < count; i++) {
        if (items[i].placed_now) {
            CNN__RETURN_IF_ERROR(take_slow(optimizer, call, &items[i]));
        }
    }
    return CNN_OK;
}

/* Where slow weights were set the others are the same: they are taken from these. */
cnn_status cnn__lookahead_begin(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                                const cnn__update_item *items, size_t count)
{
    const bool due = optimizer->lookahead_every > 0 && optimizer->steps % optimizer->lookahead_every == 0;
    for (size_t i = 0; due && i < count; i++) {
        CNN__RETURN_IF_ERROR(take_slow(optimizer, call, &items[i]));
    }
    return CNN_OK;
}

/* w = slow + alpha (w - slow), as a step of SGD down the distance from the slow weights. */
cnn_status cnn__lookahead_end(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                              const cnn__update_item *items, size_t count)
{
    const bool due = optimizer->lookahead_every > 0 && step % optimizer->lookahead_every == 0;
    for (size_t i = 0; due && i < count; i++) {
        const cnn_update_args args = {.struct_size = sizeof(args),
                                      .rule = CNN_UPDATE_SGD,
                                      .n = items[i].n,
                                      .w = items[i].w,
                                      .g = slow_of(optimizer, &items[i]),
                                      .learning_rate = 1 - optimizer->lookahead_alpha,
                                      .gradient_scale = -1,
                                      .weight_decay = 1};
        const cnn_status status = args.n > 0 ? cnn_backend_run(call, CNN_OP_UPDATE, CNN_PASS_FORWARD, &args) : CNN_OK;
        if (status != CNN_OK) {
            return failed(optimizer, call, status);
        }
    }
    return CNN_OK;
}
