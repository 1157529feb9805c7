/* SPDX-License-Identifier: MIT */
/* Filters prepared for inference: shared by sessions, made anew when parameters change, with batch normalisation folded
 * in, and with a caller's backend. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "backend/reference/reference.h"
#include "common/fixture.h"
#include "common/suite.h"
#include "session/session.h"

enum { SIDE = 18, CHANNELS = 6, BATCH = 3, SAMPLE = SIDE * SIDE * CHANNELS, OUTPUTS = 5, CLIENTS = 8 };

static float images[BATCH * SAMPLE];

static void fill(float *values, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = low + (high - low) * (float)((i * 2654435761u >> 8) % 1000) / 1000.0f;
    }
}

static void set_up(void) { fill(images, BATCH * SAMPLE, -1, 1); }

/* Normalisations of all kinds behind convolutions, those that fold and those that do not. */
static cnn_model *normalised_model(cnn_context *context)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {SIDE, SIDE, CHANNELS}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c1", .filters = 20, .no_bias = 1)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "n1")));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "r1", .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "p1")));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c2", .filters = 8, .groups = 2)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "n2", .activation = CNN_RELU)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c3", .filters = 12, .kernel = {1})));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_LEAKY_RELU, .alpha = 0.2f)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "n3")));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "c4", .filters = 17, .pads = {1, 1, 1, 1})));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "n4", .convention = CNN_PYTORCH)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = OUTPUTS)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        if (p.value.shape.rank == 1) {
            bool variance = strstr(p.name, "moving_variance") != NULL;
            fill(p.value.data, (size_t)p.value.shape.dims[0], variance ? 0.05f : -0.7f, 1.5f);
        }
    }
    cnn_model_touch(model);
    return model;
}

static cnn_session *open_session(cnn_model *model, bool whole)
{
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .keep_activations = whole), &session),
                     CNN_OK);
    return session;
}

/* Largest difference over largest value between the two sessions' outputs. */
static double difference(cnn_session *a, cnn_session *b)
{
    double most = 0, largest = 1e-30;
    ck_assert_int_eq(cnn_session_forward(a, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(b, images, BATCH), CNN_OK);
    for (size_t i = 0; i < BATCH * OUTPUTS; i++) {
        most = fmax(most, fabs((double)cnn_session_output(a)[i] - cnn_session_output(b)[i]));
        largest = fmax(largest, fabs((double)cnn_session_output(b)[i]));
    }
    return most / largest;
}

static void train_a_step(cnn_model *model)
{
    static const int32_t labels[BATCH] = {0, 3, 4};
    cnn_session *session = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loss *loss = NULL;
    double value;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_sgd_create(model->context, CNN_SGD(.learning_rate = 0.05f), &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(model->context, &loss), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, images, BATCH), CNN_OK);
    ck_assert_int_eq(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value), CNN_OK);
    ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_step(optimizer, session), CNN_OK);
    cnn_loss_free(loss);
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
}

/* The ops that a program is left with. */
static uint32_t op_count(const cnn_session *session, const cnn__layer_type *type)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < session->program.op_count; k++) {
        count += session->program.ops[k].type == type;
    }
    return count;
}

START_TEST(folded_equals_unfolded)
{
    cnn_context *context;
    const char *backend = cnn_backend_name((size_t)_i);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 5, .backend = backend), &context), CNN_OK);
    cnn_model *model = normalised_model(context);
    cnn_session *folded = open_session(model, false), *whole = open_session(model, true);
    ck_assert_uint_eq(op_count(folded, &cnn__conv2d_type), 4);
    ck_assert_uint_eq(op_count(folded, &cnn__batch_norm_type), 1); /* the one behind an activation */
    ck_assert_uint_eq(op_count(folded, &cnn__activate_type), 0);
    ck_assert_uint_eq(op_count(whole, &cnn__batch_norm_type), 4);
    ck_assert_double_le(difference(folded, whole), 2e-5);
    for (int step = 0; step < 2; step++) {
        float before = cnn_session_output(folded)[1];
        train_a_step(model);
        ck_assert_double_le(difference(folded, whole), 2e-5);
        ck_assert_float_ne(cnn_session_output(folded)[1], before);
    }
    /* Statistics change in a training pass, also without a step. */
    cnn_session *training = NULL;
    float before = cnn_session_output(folded)[1];
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = BATCH, .training = 1), &training), CNN_OK);
    ck_assert_uint_eq(op_count(training, &cnn__batch_norm_type), 4);
    ck_assert_int_eq(cnn_session_forward(training, images, BATCH), CNN_OK);
    ck_assert_double_le(difference(folded, whole), 2e-5);
    ck_assert_float_ne(cnn_session_output(folded)[1], before);
    /* One image gives the bits that it gives in a batch. */
    float third[OUTPUTS];
    memcpy(third, cnn_session_output(folded) + 2 * OUTPUTS, sizeof(third));
    ck_assert_int_eq(cnn_session_forward(folded, images + 2 * SAMPLE, 1), CNN_OK);
    for (size_t i = 0; i < OUTPUTS; i++) {
        ck_assert_float_eq_tol(cnn_session_output(folded)[i], third[i], 1e-5f);
    }
    cnn_session_free(training);
    cnn_session_free(whole);
    cnn_session_free(folded);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

static uint32_t entries_of(const cnn_session *session, const cnn__prepared **entries)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < session->program.op_count; k++) {
        if (session->prepared[k] != NULL) {
            entries[count++] = session->prepared[k];
        }
    }
    return count;
}

START_TEST(sessions_share)
{
    test_allocator counts = {0};
    cnn_allocator allocator = test_allocator_options(&counts);
    cnn_context *context;
    cnn_session *sessions[16];
    const cnn__prepared *first[16], *other[16];
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .allocator = &allocator), &context), CNN_OK);
    cnn_model *model = normalised_model(context);
    size_t before = counts.bytes, blocks = counts.blocks;
    sessions[0] = open_session(model, false);
    size_t one = counts.bytes - before;
    uint32_t count = entries_of(sessions[0], first);
    ck_assert_uint_ge(count, 3);
    ck_assert_uint_le(cnn_model_session_bytes(model, BATCH, false), one);
    ck_assert_uint_gt(cnn_model_session_bytes(model, BATCH, false) + 65536, one);
    for (int i = 1; i < 16; i++) {
        sessions[i] = NULL; /* another batch: the same filters */
        ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = (uint32_t)i + 1), &sessions[i]), CNN_OK);
        ck_assert_uint_eq(entries_of(sessions[i], other), count);
        ck_assert_mem_eq(first, other, count * sizeof(first[0]));
    }
    /* One image at a time: filters in a form of their own, shared by such sessions. */
    cnn_session *single[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cnn_session_create(model, NULL, &single[i]), CNN_OK);
    }
    ck_assert_uint_eq(entries_of(single[0], other), count);
    ck_assert_mem_ne(first, other, count * sizeof(first[0]));
    const cnn__prepared *second[16];
    ck_assert_uint_eq(entries_of(single[1], second), count);
    ck_assert_mem_eq(other, second, count * sizeof(other[0]));
    cnn_session_free(single[0]);
    cnn_session_free(single[1]);
    ck_assert_int_eq(cnn_session_forward(sessions[0], images, BATCH), CNN_OK);
    size_t calls = counts.calls;
    for (int i = 0; i < 16; i++) {
        cnn_model_touch(model);
        ck_assert_int_eq(cnn_session_forward(sessions[i], images, 1), CNN_OK);
    }
    ck_assert_uint_eq(counts.calls, calls); /* no call allocates, nor does making filters anew */
    for (int i = 0; i < 16; i++) {
        cnn_session_free(sessions[i]);
    }
    ck_assert_ptr_null(model->prepared);
    ck_assert_uint_le(counts.blocks, blocks + 1); /* the scratch stays with the model */
    cnn_model_free(model);
    cnn_context_free(context);
    ck_assert_uint_eq(counts.blocks, 0);
}
END_TEST

typedef struct client {
    pthread_t thread;
    cnn_session *session;
    cnn_status status;
    float output[BATCH * OUTPUTS];
} client;

static void *ask(void *argument)
{
    client *c = argument;
    c->status = cnn_session_forward(c->session, images, BATCH);
    memcpy(c->output, cnn_session_output(c->session), sizeof(c->output));
    return NULL;
}

/* All of them find the filters out of date at once. */
START_TEST(threads_prepare_once)
{
    cnn_context *context;
    client clients[CLIENTS];
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 3), &context), CNN_OK);
    cnn_model *model = normalised_model(context);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].session = open_session(model, false);
    }
    for (int round = 0; round < 10; round++) {
        cnn_model_touch(model);
        for (int i = 0; i < CLIENTS; i++) {
            ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, ask, &clients[i]), 0);
        }
        for (int i = 0; i < CLIENTS; i++) {
            pthread_join(clients[i].thread, NULL);
            ck_assert_int_eq(clients[i].status, CNN_OK);
            ck_assert_mem_eq(clients[i].output, clients[0].output, sizeof(clients[i].output));
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        cnn_session_free(clients[i].session);
    }
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

/* A caller's backend: filters are prepared by turning their signs, and read so. */
static struct {
    int forwards, preparations, prepared_forwards;
    cnn_status status;
    const cnn_backend *reference;
} seen;

static size_t filter_values(const cnn_conv2d_shape *s)
{
    return (size_t)(s->kernel_h * s->kernel_w * (s->in_c / s->groups) * s->out_c);
}

static cnn_status plain_query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                              cnn_op_answer *answer)
{
    return seen.reference->query(backend, op, args, threads, answer);
}

static cnn_status turned_query(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                               cnn_op_answer *answer)
{
    const cnn_status status = seen.reference->query(backend, op, args, threads, answer);
    if (op == CNN_OP_CONV2D && status == CNN_OK) {
        answer->prepared = filter_values(&((const cnn_conv2d_args *)args)->shape) * sizeof(float);
        answer->workspace[CNN_PASS_INFERENCE] = answer->workspace[CNN_PASS_FORWARD];
    }
    return status;
}

static cnn_status turned_conv2d(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *given)
{
    static float filters[1 << 16];
    cnn_conv2d_args args = *given;
    const size_t values = filter_values(&args.shape);
    if (pass == CNN_PASS_PREPARE) {
        for (size_t i = 0; i < values; i++) {
            ((float *)args.prepared)[i] = -args.filters[i];
        }
        seen.preparations++;
        return seen.status;
    }
    for (size_t i = 0; pass == CNN_PASS_INFERENCE && i < values; i++) {
        filters[i] = -((const float *)args.prepared)[i];
    }
    seen.prepared_forwards += pass == CNN_PASS_INFERENCE;
    seen.forwards += pass == CNN_PASS_FORWARD;
    args.filters = pass == CNN_PASS_INFERENCE ? filters : args.filters;
    return seen.reference->conv2d(call, CNN_PASS_FORWARD, &args);
}

/* The outputs of the model under this backend against those of the reference. */
static void check_backend(cnn_backend *backend, bool prepares)
{
    cnn_context *context, *reference;
    memset(&seen, 0, sizeof(seen));
    seen.reference = &cnn__backend_reference;
    backend->struct_size = sizeof(*backend);
    backend->abi = CNN_BACKEND_ABI;
    backend->name = "mine";
    ck_assert_int_eq(
        cnn_context_create(
            CNN_CONTEXT(.threads = 1, .seed = 5, .backend = "mine", .backends = backend, .backend_count = 1), &context),
        CNN_OK);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 5, .backend = "reference"), &reference),
                     CNN_OK);
    cnn_model *mine = normalised_model(context), *theirs = normalised_model(reference);
    cnn_session *a = open_session(mine, false), *b = open_session(theirs, false);
    ck_assert_double_le(difference(a, b), 0);
    ck_assert_double_le(difference(a, b), 0);
    ck_assert_int_eq(seen.preparations, prepares ? 4 : 0);
    ck_assert_int_eq(seen.prepared_forwards, prepares ? 8 : 0);
    ck_assert_int_eq(seen.forwards, prepares ? 0 : 8);
    cnn_model_touch(mine);
    seen.status = prepares ? CNN_ERROR_BACKEND : CNN_OK;
    ck_assert_int_eq(cnn_session_forward(a, images, BATCH), seen.status);
    if (prepares) {
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "\"c1\""));
        seen.status = CNN_OK;
        ck_assert_double_le(difference(a, b), 0); /* a failure is not taken for the filters */
    }
    cnn_session_free(b);
    cnn_session_free(a);
    cnn_model_free(theirs);
    cnn_model_free(mine);
    cnn_context_free(reference);
    cnn_context_free(context);
}

START_TEST(outside_backends)
{
    cnn_backend plain = {.query = plain_query, .conv2d = turned_conv2d};
    check_backend(&plain, false);
    cnn_backend prepares = {.query = turned_query, .conv2d = turned_conv2d};
    check_backend(&prepares, true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prepared filters");
    TCase *tests = tcase_create("prepared filters");
    tcase_add_checked_fixture(tests, set_up, NULL);
    int backends = 0;
    while (cnn_backend_name((size_t)backends) != NULL) {
        backends++;
    }
    tcase_add_loop_test(tests, folded_equals_unfolded, 0, backends);
    tcase_add_test(tests, sessions_share);
    tcase_add_test(tests, threads_prepare_once);
    tcase_add_test(tests, outside_backends);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
