/* SPDX-License-Identifier: MIT */
/* The trace of a session: what is reported, in which order, and that results do not depend on it. */
#include "common/fixture.h"
#include "common/suite.h"

#include <string.h>

#define BATCH 4
#define MOST 64

typedef struct seen_record {
    char layer[32], type[32];
    bool has_layer, has_algorithm;
    int32_t pass;
    uint32_t samples;
    double flop;
} seen_record;

typedef struct trace {
    seen_record records[MOST];
    size_t count;
} trace;

static void keep(void *user, const cnn_trace_record *record)
{
    trace *t = user;
    ck_assert_uint_lt(t->count, MOST);
    ck_assert_uint_eq(record->struct_size, sizeof(*record));
    ck_assert_double_ge(record->seconds, 0);
    ck_assert_double_lt(record->seconds, 60);
    seen_record *seen = &t->records[t->count++];
    *seen = (seen_record){.has_layer = record->layer != NULL, .has_algorithm = record->algorithm != NULL,
                          .pass = record->pass, .samples = record->samples, .flop = record->flop};
    strncpy(seen->layer, record->layer != NULL ? record->layer : "", sizeof(seen->layer) - 1);
    strncpy(seen->type, record->type, sizeof(seen->type) - 1);
}

static size_t count_of(const trace *t, const char *type, int32_t pass)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        count += strcmp(t->records[i].type, type) == 0 && t->records[i].pass == pass;
    }
    return count;
}

static const seen_record *find(const trace *t, const char *layer, int32_t pass)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->records[i].layer, layer) == 0 && t->records[i].pass == pass) {
            return &t->records[i];
        }
    }
    ck_abort_msg("%s: no pass %d", layer, pass);
    return NULL;
}

static void fill(float *images)
{
    for (size_t i = 0; i < BATCH * TEST_PIXELS; i++) {
        images[i] = (float)(i * 37 % 256) / 255;
    }
}

/* Two training steps; with a trace of the first if `t` is given. */
static uint64_t train(cnn_context *context, trace *t)
{
    float images[BATCH * TEST_PIXELS];
    const int32_t labels[BATCH] = {0, 1, 2, 0};
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *optimizer = NULL;
    double value;
    fill(images);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    for (int step = 0; step < 2; step++) {
        cnn_session_set_trace(session, t != NULL && step == 0 ? keep : NULL, t);
        ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    }
    uint64_t hash = test_model_hash(model);
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    return hash;
}

START_TEST(training)
{
    trace t = {.count = 0};
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    uint64_t plain = train(context, NULL);
    ck_assert_uint_eq(train(context, &t), plain);
    /* Two convolutions, of which the first needs no gradient of its input, and one dense layer. */
    ck_assert_uint_eq(count_of(&t, "Conv2D", CNN_TRACE_FORWARD), 2);
    ck_assert_uint_eq(count_of(&t, "Conv2D", CNN_TRACE_BACKWARD_FILTER), 2);
    ck_assert_uint_eq(count_of(&t, "Conv2D", CNN_TRACE_BACKWARD_DATA), 1);
    ck_assert_uint_eq(count_of(&t, "Dense", CNN_TRACE_BACKWARD_FILTER), 1);
    ck_assert_uint_eq(count_of(&t, "Dense", CNN_TRACE_BACKWARD_DATA), 1);
    ck_assert_uint_eq(count_of(&t, "BatchNormalization", CNN_TRACE_BACKWARD), 1);
    ck_assert_uint_eq(count_of(&t, "Conv2D", CNN_TRACE_PREPARE), 0);
    const seen_record *end = &t.records[t.count - 1];
    ck_assert_int_eq(end->pass, CNN_TRACE_UPDATE);
    ck_assert_str_eq(end->type, "adam");
    ck_assert(!end->has_layer);
    /* 12 x 12 x 1 images, 3 x 3, 6 filters: 10 x 10 outputs. */
    const seen_record *first = find(&t, "conv2d_1", CNN_TRACE_FORWARD);
    ck_assert_double_eq(first->flop, 2.0 * BATCH * 10 * 10 * 9 * 6);
    ck_assert_double_eq(find(&t, "conv2d_1", CNN_TRACE_BACKWARD_FILTER)->flop, first->flop);
    ck_assert(first->has_algorithm);
    ck_assert_uint_eq(first->samples, BATCH);
    cnn_context_free(context);
}
END_TEST

START_TEST(inference)
{
    trace t = {.count = 0};
    float images[BATCH * TEST_PIXELS];
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    fill(images);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH), &session), CNN_OK);
    cnn_session_set_trace(session, keep, &t);
    ck_assert_int_eq(cnn_session_forward(session, images, 2), CNN_OK);
    ck_assert_uint_ge(count_of(&t, "Conv2D", CNN_TRACE_PREPARE), 1); /* the normalised one, with any backend */
    ck_assert_uint_eq(count_of(&t, "Conv2D", CNN_TRACE_FORWARD), 2);
    ck_assert_uint_eq(count_of(&t, "BatchNormalization", CNN_TRACE_FORWARD), 0); /* folded */
    ck_assert_uint_eq(t.records[0].samples, 2);
    ck_assert_double_eq(find(&t, "conv2d_1", CNN_TRACE_PREPARE)->flop, 0);
    t.count = 0;
    ck_assert_int_eq(cnn_session_forward(session, images, 2), CNN_OK);
    ck_assert_uint_eq(count_of(&t, "Conv2D", CNN_TRACE_PREPARE), 0);
    size_t count = t.count;
    cnn_session_set_trace(session, NULL, NULL);
    ck_assert_int_eq(cnn_session_forward(session, images, 2), CNN_OK);
    ck_assert_uint_eq(t.count, count);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tests = tcase_create("trace");
    tcase_add_test(tests, training);
    tcase_add_test(tests, inference);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
