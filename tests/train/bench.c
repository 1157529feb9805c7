/* SPDX-License-Identifier: MIT */
#include "train/bench.h"

#include <check.h>
#include <string.h>

#include "common/values.h"

void bench_open(bench *b, const bench_setting *s)
{
    const uint32_t threads = s->threads > 0 ? s->threads : 1, batch = s->batch > 0 ? s->batch : 8;
    const uint64_t seed = s->seed > 0 ? s->seed : 6;
    const size_t samples = s->samples > 0 ? s->samples : 44, more = s->more > 0 ? s->more : 20;
    memset(b, 0, sizeof(*b));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads, .seed = seed), &b->context), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, 0, samples, &b->data), CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, samples, more, &b->more), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->data, CNN_LOADER(.batch = batch, .shuffle = 1), &b->train),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->more, CNN_LOADER(.batch = 8), &b->validation), CNN_OK);
    if (s->model != NULL) {
        b->model = s->model(b->context);
    } else {
        ck_assert_int_eq(test_model(b->context, &b->model), CNN_OK);
    }
    ck_assert_msg(cnn_optimizer_create(b->context, s->rule, &b->optimizer) == CNN_OK, "%s", cnn_last_error(b->context));
    if (s->schedule != NULL) {
        ck_assert_int_eq(cnn_schedule_create(b->context, s->schedule, &b->schedule), CNN_OK);
    }
}

void bench_close(bench *b)
{
    cnn_schedule_free(b->schedule);
    cnn_optimizer_free(b->optimizer);
    cnn_model_free(b->model);
    cnn_loader_free(b->validation);
    cnn_loader_free(b->train);
    cnn_dataset_free(b->more);
    cnn_dataset_free(b->data);
    cnn_context_free(b->context);
}

size_t bench_values(const cnn_model *model, float values[MOST_VALUES])
{
    size_t count = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter((cnn_model *)model, i, &p), CNN_OK);
        const size_t n = test_shape_values(p.value.shape);
        ck_assert_uint_le(count + n, MOST_VALUES);
        memcpy(values + count, p.value.data, n * sizeof(float));
        count += n;
    }
    return count;
}

static cnn_model *make_model(cnn_context *context, bool norm)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    if (norm) {
        cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm")));
    }
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 4, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
    cnn_model_add(model, cnn_flatten(context, NULL));
    if (norm) {
        cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.2f)));
    }
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "fc", .units = TEST_CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

cnn_model *bench_plain(cnn_context *context) { return make_model(context, false); }

cnn_model *bench_noisy(cnn_context *context) { return make_model(context, true); }

cnn_status bench_fit(bench *b, cnn_fit_options *options, cnn_history **history)
{
    options->struct_size = sizeof(*options);
    options->train = b->train;
    options->validation = b->validation;
    options->optimizer = b->optimizer;
    options->schedule = b->schedule;
    return cnn_fit(b->model, options, history);
}
