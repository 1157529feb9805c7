/* SPDX-License-Identifier: MIT */
/* A backend whose memory nobody else can read trains catdog, and a network of all kinds of layers, to the bits of the
 * reference. Whoever dereferenced one of its handles would end the program. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "common/values.h"
#include "session/own_memory.h"

enum { STEPS = 3, BATCH = 4 };

typedef cnn_model *(*builder)(cnn_context *context);

static cnn_context *open_context(bool apart, int refused)
{
    cnn_context *context;
    const cnn_backend backend = own_memory_backend(refused);
    const cnn_status status = apart ? cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3, .backend = "apart",
                                                                     .backends = &backend, .backend_count = 1),
                                                         &context)
                                    : cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3, .backend = "reference"),
                                                         &context);
    ck_assert_int_eq(status, CNN_OK);
    return context;
}

static cnn_model *catdog(cnn_context *context)
{
    cnn_model *model;
    ck_assert_int_eq(cnn_zoo_create(context, "catdog", CNN_ZOO(.input = {62, 62, 3}), &model), CNN_OK);
    return model;
}

static cnn_model *all_layers(cnn_context *context)
{
    cnn_model *model;
    const char *const first[] = {"norm"}, *const both[] = {"left", "right"}, *const sum[] = {"sum", "norm"};
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {13, 11, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_zero_pad2d(context, CNN_ZERO_PAD2D(.pads = {1, 1, 1, 1})));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 6, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = "norm")));
    cnn_model_add_after(model,
                        cnn_conv2d(context, CNN_CONV2D(.name = "left", .filters = 6, .padding = CNN_PADDING_SAME,
                                                       .activation = CNN_SIGMOID)),
                        first, 1);
    cnn_model_add_after(
        model,
        cnn_conv2d(context, CNN_CONV2D(.name = "right", .filters = 6, .kernel = {1, 1}, .activation = CNN_LEAKY_RELU,
                                       .kernel_regularizer = {0.01f, 0.02f}, .activity_regularizer = {.l2 = 0.01f},
                                       .kernel_constraint = {CNN_CONSTRAINT_MAX_NORM, 7, 0, 1, 0})),
        first, 1);
    cnn_model_add_after(model, cnn_add(context, CNN_NAMED(.name = "sum")), both, 2);
    cnn_model_add_after(model, cnn_concatenate(context, NULL), sum, 2);
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
    cnn_model_add(model, cnn_local_response_norm(context, NULL));
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.size = {3, 3}, .stride = {2, 2})));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 5, .no_bias = 1)));
    cnn_model_add(model, cnn_batch_norm(context, NULL));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.activation = CNN_RELU)));
    cnn_model_add(model, cnn_average_pool2d(context, NULL));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.3f)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 7, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* Convolutions that are made of others, over images. */
static cnn_model *composed_layers(cnn_context *context)
{
    cnn_model *model;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {7, 6, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_depthwise_conv2d(context, CNN_DEPTHWISE_CONV2D(.multiplier = 2, .stride = {2})));
    cnn_model_add(model, cnn_batch_norm(context, NULL));
    cnn_model_add(model, cnn_conv2d_transpose(
                             context, CNN_CONV2D_TRANSPOSE(.filters = 4, .stride = {2}, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_conv2d_transpose(context, CNN_CONV2D_TRANSPOSE(.filters = 4, .no_bias = 1)));
    cnn_model_add(model, cnn_batch_norm(context, NULL));
    cnn_model_add(model, cnn_separable_conv2d(context, CNN_SEPARABLE_CONV2D(.filters = 5)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.activation = CNN_RELU)));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static cnn_model *volume_layers(cnn_context *context)
{
    cnn_model *model;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = {4, 0, {5, 6, 5, 2}}), &model), CNN_OK);
    cnn_model_add(model, cnn_zero_pad3d(context, CNN_ZERO_PAD3D(.pads = {1, 0, 1, 1, 0, 1})));
    cnn_model_add(model, cnn_conv3d(context, CNN_CONV3D(.filters = 4, .activation = CNN_TANH)));
    cnn_model_add(model, cnn_conv3d(context, CNN_CONV3D(.filters = 4, .kernel = {1}, .no_bias = 1)));
    cnn_model_add(model, cnn_batch_norm(context, NULL));
    cnn_model_add(model, cnn_max_pool3d(context, CNN_POOL3D(.stride = {1})));
    cnn_model_add(model, cnn_average_pool3d(context, CNN_POOL3D(.size = {1, 2, 2})));
    cnn_model_add(model, cnn_global_max_pool3d(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* A sequence of five steps with five channels is the features and the adjacency of a graph. */
static cnn_model *graph_layers(cnn_context *context)
{
    cnn_model *model;
    const char *const twice[] = {"conv1d_1", "edges"}, *const again[] = {"first", "edges"};
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = {2, 0, {5, 5}}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv1d(context, CNN_CONV1D(.filters = 4, .padding = CNN_PADDING_SAME)));
    cnn_model_add_after(
        model, cnn_conv1d(context, CNN_CONV1D(.name = "edges", .filters = 5, .kernel = 1, .activation = CNN_SIGMOID)),
        (const char *[]){"input"}, 1);
    cnn_model_add_after(
        model, cnn_graph_conv(context, CNN_GRAPH_CONV(.name = "first", .units = 4, .activation = CNN_TANH)), twice, 2);
    cnn_model_add_after(
        model,
        cnn_graph_conv(context, CNN_GRAPH_CONV(.name = "second", .units = 3, .normalization = CNN_GRAPH_DIRECTED)),
        again, 2);
    cnn_model_add_after(model, cnn_matmul(context, CNN_MATMUL(.name = "shares", .transpose_b = 1)),
                        (const char *[]){"first", "conv1d_1"}, 2);
    cnn_model_add_after(model, cnn_matmul(context, NULL), (const char *[]){"shares", "second"}, 2);
    cnn_model_add(model, cnn_global_average_pool1d(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static float *random_inputs(const cnn_model *model)
{
    static uint32_t state = 1;
    const size_t count = test_shape_values(cnn_model_input_shape(model)) * BATCH;
    float *inputs = malloc(count * sizeof(float));
    state = 1; /* the same for both backends */
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        inputs[i] = (float)(state >> 8) / 16777216.0f - 0.5f;
    }
    return inputs;
}

/* What a training leaves behind. */
typedef struct trained {
    cnn_context *context;
    cnn_model *model;
    cnn_session *session, *inference;
    cnn_optimizer *optimizer;
    cnn_loss *loss;
    float *inputs;
    double last;
} trained;

static void train(trained *t, int steps)
{
    static const int32_t labels[BATCH] = {0, 1, 1, 0};
    const cnn_target target = {.struct_size = sizeof(target), .labels = labels};
    for (int i = 0; i < steps; i++) {
        const size_t count = i == 1 ? BATCH - 1 : BATCH;
        ck_assert_msg(cnn_session_forward(t->session, t->inputs, count) == CNN_OK, "%s", cnn_last_error(t->context));
        ck_assert_int_eq(cnn_session_loss(t->session, t->loss, &target, &t->last), CNN_OK);
        ck_assert_msg(cnn_session_backward(t->session, NULL) == CNN_OK, "%s", cnn_last_error(t->context));
        ck_assert_msg(cnn_optimizer_step(t->optimizer, t->session) == CNN_OK, "%s", cnn_last_error(t->context));
    }
}

static trained train_under(bool apart, builder build, const char *loss)
{
    trained t = {.context = open_context(apart, -1)};
    t.model = build(t.context);
    t.inputs = random_inputs(t.model);
    ck_assert_int_eq(cnn_session_create(t.model, CNN_SESSION(.batch = BATCH, .training = 1), &t.session), CNN_OK);
    ck_assert_int_eq(cnn_session_create(t.model, CNN_SESSION(.batch = BATCH), &t.inference), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(t.context, CNN_ADAM(.clip_norm = 1), &t.optimizer), CNN_OK);
    ck_assert_int_eq(cnn_loss_create(t.context, loss, &t.loss), CNN_OK);
    train(&t, STEPS);
    ck_assert_int_eq(cnn_session_forward(t.inference, t.inputs, BATCH), CNN_OK);
    return t;
}

static void trained_free(trained *t)
{
    cnn_session_free(t->session);
    cnn_session_free(t->inference);
    cnn_optimizer_free(t->optimizer);
    cnn_loss_free(t->loss);
    cnn_model_free(t->model);
    cnn_context_free(t->context);
    free(t->inputs);
}

static void same_parameters(const trained *a, const trained *b)
{
    for (size_t i = 0; i < cnn_model_parameter_count(a->model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT, q = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(a->model, i, &p), CNN_OK);
        ck_assert_int_eq(cnn_model_parameter(b->model, i, &q), CNN_OK);
        ck_assert_msg(memcmp(p.value.data, q.value.data, test_shape_values(p.value.shape) * sizeof(float)) == 0,
                      "%s has other bits", p.name);
    }
}

static void same_results(const trained *a, const trained *b)
{
    const size_t outputs = test_shape_values(cnn_model_output_shape(a->model)) * BATCH * sizeof(float);
    ck_assert(a->last == b->last);
    same_parameters(a, b);
    ck_assert_mem_eq(cnn_session_output(a->inference), cnn_session_output(b->inference), outputs);
    ck_assert_mem_eq(cnn_session_logits(a->session), cnn_session_logits(b->session), outputs);
    for (size_t i = 0; i < cnn_model_parameter_count(a->model); i++) {
        cnn_tensor g, h;
        if (cnn_session_gradient(a->session, i, &g) == CNN_OK) {
            ck_assert_int_eq(cnn_session_gradient(b->session, i, &h), CNN_OK);
            ck_assert_mem_eq(g.data, h.data, test_shape_values(g.shape) * sizeof(float));
        }
    }
}

static void compare(builder build, const char *loss)
{
    trained apart = train_under(true, build, loss), reference = train_under(false, build, loss);
    ck_assert_uint_gt(own_memory_blocks(), 0);
    same_results(&apart, &reference);
    trained_free(&apart);
    trained_free(&reference);
    ck_assert_uint_eq(own_memory_blocks(), 0);
    ck_assert_uint_eq(own_memory_bytes(), 0);
}

START_TEST(catdog_trains) { compare(catdog, "binary_crossentropy"); }
END_TEST

START_TEST(all_layers_train)
{
    compare(all_layers, "categorical_crossentropy");
    compare(all_layers, "mse"); /* by the model's output: the head runs backward */
    compare(composed_layers, "categorical_crossentropy");
    compare(volume_layers, "categorical_crossentropy");
    compare(graph_layers, "categorical_crossentropy");
}
END_TEST

/* Values set from outside reach the backend, and what sessions keep reaches the outside. */
START_TEST(values_go_both_ways)
{
    cnn_tensor a, b;
    trained apart = train_under(true, all_layers, "mse"), reference = train_under(false, all_layers, "mse");
    trained *both[] = {&apart, &reference};
    cnn_session *whole[2];
    for (int i = 0; i < 2; i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(both[i]->model, 0, &p), CNN_OK);
        p.value.data[0] = 0.125f;
        cnn_model_touch(both[i]->model);
        ck_assert_int_eq(cnn_session_forward(both[i]->inference, both[i]->inputs, BATCH), CNN_OK);
        ck_assert_int_eq(
            cnn_session_create(both[i]->model, CNN_SESSION(.batch = BATCH, .keep_activations = 1), &whole[i]), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(whole[i], both[i]->inputs, BATCH), CNN_OK);
        train(both[i], 1);
    }
    same_results(&apart, &reference);
    ck_assert_int_eq(cnn_session_activation(whole[0], "left", &a), CNN_OK);
    ck_assert_int_eq(cnn_session_activation(whole[1], "left", &b), CNN_OK);
    ck_assert_mem_eq(a.data, b.data, test_shape_values(a.shape) * sizeof(float));
    cnn_session_free(whole[0]);
    cnn_session_free(whole[1]);
    trained_free(&apart);
    trained_free(&reference);
}
END_TEST

/* A training that is stopped, saved and resumed goes on with the same bits: slots are saved from where they lie. */
START_TEST(checkpoints)
{
    char path[] = "/tmp/cnn-own-memory-XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    trained whole = train_under(true, all_layers, "mse"), resumed = train_under(true, all_layers, "mse");
    ck_assert_int_eq(cnn_checkpoint_save(path, whole.session, whole.optimizer, NULL, NULL), CNN_OK);
    train(&whole, 2);
    train(&resumed, 1); /* astray */
    ck_assert_msg(cnn_checkpoint_load(path, resumed.session, resumed.optimizer, NULL, NULL) == CNN_OK, "%s",
                  cnn_last_error(resumed.context));
    train(&resumed, 2);
    same_parameters(&whole, &resumed);
    trained_free(&whole);
    trained_free(&resumed);
    unlink(path);
}
END_TEST

/* What the backend does not have is said when a model is built: nobody else can compute in its memory. */
START_TEST(missing_operations_are_named)
{
    cnn_context *context = open_context(true, CNN_OP_LRN);
    cnn_model *model;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 8, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_local_response_norm(context, CNN_LRN(.name = "here")));
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "\"here\""));
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "apart"));
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(every_allocation_can_fail)
{
    cnn_context *context = open_context(true, -1);
    cnn_model *model = all_layers(context);
    for (int32_t training = 0; training < 2; training++) {
        cnn_session *session = NULL;
        cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
        size_t allowed = 0;
        for (; status != CNN_OK; allowed++) {
            own_memory_limit(allowed);
            status = cnn_session_create(model, CNN_SESSION(.batch = 2, .training = training), &session);
            ck_assert(status == CNN_OK || (status == CNN_ERROR_OUT_OF_MEMORY && session == NULL));
            ck_assert(status == CNN_OK || own_memory_blocks() <= 1); /* the scratch of preparations stays */
        }
        ck_assert_uint_ge(allowed, 3);
        own_memory_limit(SIZE_MAX);
        cnn_session_free(session);
    }
    cnn_model_free(model);
    cnn_context_free(context);
    ck_assert_uint_eq(own_memory_blocks(), 0);
}
END_TEST

/* An update function of the caller's would be given handles. */
static cnn_status own_update(void *user, uint64_t step, float rate, size_t n, float *w, const float *g,
                             float *const *slots)
{
    (void)user, (void)step, (void)rate, (void)n, (void)w, (void)g, (void)slots;
    return CNN_OK;
}

START_TEST(own_optimizers_are_refused)
{
    cnn_context *context = open_context(true, -1);
    cnn_optimizer *optimizer;
    const cnn_optimizer_kind kind = {.struct_size = sizeof(kind), .name = "mine", .update = own_update};
    ck_assert_int_eq(cnn_optimizer_create_custom(context, &kind, NULL, &optimizer), CNN_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "mine"));
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory of the backend's own");
    TCase *tests = tcase_create("own memory");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, catdog_trains);
    tcase_add_test(tests, all_layers_train);
    tcase_add_test(tests, values_go_both_ways);
    tcase_add_test(tests, checkpoints);
    tcase_add_test(tests, missing_operations_are_named);
    tcase_add_test(tests, every_allocation_can_fail);
    tcase_add_test(tests, own_optimizers_are_refused);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
