/* SPDX-License-Identifier: MIT */
/* What an optimizer keeps is of trained parameters alone: in memory and in checkpoints. Whatever is frozen or trained
 * again on the way, a training that is saved and resumed takes the same steps as one that is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

/* A training whose layers are frozen and trained by hand. */
typedef struct bench {
    test_allocator allocator;
    cnn_context *context;
    cnn_dataset *data;
    cnn_loader *loader;
    cnn_model *model;
    cnn_session *session;
    cnn_optimizer *optimizer;
    cnn_loss *loss;
} bench;

static char path[512];

/* Trains what `trained` names, "*": all. */
static void new_session(bench *b, const char *trained)
{
    cnn_session_free(b->session);
    ck_assert_int_eq(cnn_model_set_trainable(b->model, "*", 0), CNN_OK);
    ck_assert_int_eq(cnn_model_set_trainable(b->model, trained, 1), CNN_OK);
    ck_assert_int_eq(cnn_session_create(b->model, CNN_SESSION(.batch = 8, .training = 1), &b->session), CNN_OK);
}

/* Without dropout, whose random numbers are a session's. */
static cnn_model *make_model(cnn_context *context)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 8, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 16, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = TEST_CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

static void open_bench_with(bench *b, const char *trained, const char *optimizer)
{
    memset(b, 0, sizeof(*b));
    const cnn_allocator allocator = test_allocator_options(&b->allocator);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 4, .allocator = &allocator), &b->context),
                     CNN_OK);
    ck_assert_int_eq(test_dataset(b->context, 0, 32, &b->data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(b->context, b->data,
                                       CNN_LOADER(.batch = 8, .shuffle = 1, .mode = CNN_BATCH_WRAP), &b->loader),
                     CNN_OK);
    b->model = make_model(b->context);
    ck_assert_int_eq(cnn_optimizer_create(b->context, optimizer, &b->optimizer), CNN_OK);
    ck_assert_int_eq(cnn_categorical_cross_entropy_create(b->context, &b->loss), CNN_OK);
    new_session(b, trained);
}

static void open_bench(bench *b, const char *trained) { open_bench_with(b, trained, "adam:learning_rate=0.01"); }

static void close_bench(bench *b)
{
    cnn_loss_free(b->loss);
    cnn_optimizer_free(b->optimizer);
    cnn_session_free(b->session);
    cnn_model_free(b->model);
    cnn_loader_free(b->loader);
    cnn_dataset_free(b->data);
    cnn_context_free(b->context);
    ck_assert_uint_eq(b->allocator.blocks, 0);
    ck_assert_uint_eq(b->allocator.wrong_releases, 0);
}

static void take_steps(bench *b, int steps)
{
    double value = 0;
    for (int step = 0; step < steps; step++) {
        cnn_batch batch = CNN_BATCH_INIT;
        ck_assert_int_eq(cnn_loader_next(b->loader, &batch), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(b->session, batch.images, batch.count), CNN_OK);
        ck_assert_int_eq(cnn_session_loss(b->session, b->loss, CNN_TARGET(.labels = batch.labels), &value), CNN_OK);
        ck_assert_int_eq(cnn_session_backward(b->session, NULL), CNN_OK);
        ck_assert_msg(cnn_optimizer_step(b->optimizer, b->session) == CNN_OK, "%s", cnn_last_error(b->context));
    }
}

static void save(const bench *b)
{
    ck_assert_msg(cnn_checkpoint_save(path, b->session, b->optimizer, b->loader, NULL) == CNN_OK, "%s",
                  cnn_last_error(b->context));
}

static void load(const bench *b)
{
    ck_assert_msg(cnn_checkpoint_load(path, b->session, b->optimizer, b->loader, NULL) == CNN_OK, "%s",
                  cnn_last_error(b->context));
}

static bool file_has(const char *text)
{
    static char bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

static size_t slot_bytes(const char *trained)
{
    bench b;
    open_bench(&b, trained);
    take_steps(&b, 1);
    const size_t with = b.allocator.bytes;
    cnn_optimizer_free(b.optimizer);
    b.optimizer = NULL;
    const size_t bytes = with - b.allocator.bytes;
    close_bench(&b);
    return bytes;
}

START_TEST(memory_is_that_of_trained_parameters)
{
    bench b;
    size_t values[2] = {0, 0};
    open_bench(&b, "dense*");
    values[0] = cnn_model_values(b.model);
    values[1] = cnn_model_trainable_values(b.model);
    close_bench(&b);
    ck_assert_uint_gt(values[0], 2 * values[1]);
    const size_t all = slot_bytes("*"), head = slot_bytes("dense*");
    ck_assert_msg(all - head > (values[0] - values[1]) * 2 * sizeof(float) / 2, "%zu and %zu bytes", all, head);
    ck_assert_uint_lt(head, values[1] * 2 * sizeof(float) + 4096);
}
END_TEST

/* The phases of a training, with a checkpoint after the first, and without. */
static const struct {
    const char *first, *second;
} phases[] = {
    {"dense*", "dense*"}, /* resumed as it was */
    {"dense*", "*"},      /* what was frozen is trained: its slots begin there */
    {"*", "dense*"},      /* what was trained is frozen */
    {"conv*", "dense*"},  /* others */
};

enum { PHASES = sizeof(phases) / sizeof(phases[0]) };

START_TEST(resuming_changes_no_bit)
{
    static const char *const optimizers[] = {"adam:learning_rate=0.01",
                                             "adam:learning_rate=0.01+lookahead:every=5,alpha=0.5"};
    const char *optimizer = optimizers[_i / PHASES], *first = phases[_i % PHASES].first;
    const char *second = phases[_i % PHASES].second;
    bench b;
    open_bench_with(&b, first, optimizer);
    take_steps(&b, 3);
    save(&b);
    new_session(&b, second);
    take_steps(&b, 2);
    new_session(&b, "*"); /* what was trained before has kept its slots */
    take_steps(&b, 2);
    const uint64_t expected = test_model_hash(b.model);
    close_bench(&b);
    open_bench_with(&b, second, optimizer);
    load(&b);
    take_steps(&b, 2);
    save(&b);
    new_session(&b, "*");
    take_steps(&b, 2);
    ck_assert_uint_eq(test_model_hash(b.model), expected);
    close_bench(&b);
    open_bench_with(&b, "*", optimizer);
    load(&b);
    take_steps(&b, 2);
    ck_assert_uint_eq(test_model_hash(b.model), expected);
    close_bench(&b);
    unlink(path);
}
END_TEST

static double kernel_size(const bench *b)
{
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    double sum = 0;
    ck_assert_int_eq(cnn_model_parameter(b->model, 0, &kernel), CNN_OK);
    for (size_t i = 0; i < (size_t)9 * 8; i++) {
        sum += fabs((double)kernel.value.data[i]);
    }
    return sum;
}

/* What is trained from the middle of a period on is not drawn to where slots begin. */
START_TEST(lookahead_begins_where_a_parameter_is)
{
    bench b;
    open_bench_with(&b, "dense*", "sgd:learning_rate=1e-7+lookahead:every=5,alpha=0.5");
    const double before = kernel_size(&b);
    take_steps(&b, 3);
    new_session(&b, "*");
    take_steps(&b, 2);
    ck_assert_double_eq_tol(kernel_size(&b), before, 1e-4 * before);
    close_bench(&b);
}
END_TEST

START_TEST(files_hold_what_was_trained)
{
    bench b;
    open_bench(&b, "dense*");
    take_steps(&b, 2);
    save(&b);
    ck_assert(file_has("@slot0/dense"));
    ck_assert(file_has("@slot1/dense"));
    ck_assert(!file_has("@slot0/conv"));
    new_session(&b, "*");
    take_steps(&b, 1);
    save(&b);
    ck_assert(file_has("@slot0/conv"));
    close_bench(&b);
    unlink(path);
}
END_TEST

/* A slot that is not there is damage, not a parameter that was never trained. */
START_TEST(missing_slots_are_refused)
{
    bench b;
    open_bench(&b, "dense*");
    take_steps(&b, 1);
    save(&b);
    static char bytes[1 << 20];
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(bytes, 1, sizeof(bytes), file);
    static const char name[] = "\"@slot0/dense_1/kernel\":{", other[] = "\"@slotx/";
    char *found = memmem(bytes, size, name, strlen(name)); /* of the tensor: checksums have the name as well */
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(fseek(file, found - bytes, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(other, 1, strlen(other), file), strlen(other));
    ck_assert_int_eq(fclose(file), 0);
    const uint64_t hash = test_model_hash(b.model);
    ck_assert_int_eq(cnn_checkpoint_load(path, b.session, b.optimizer, b.loader, NULL), CNN_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(b.context), "has slots of 1 parameters, and says 2"));
    ck_assert_uint_eq(test_model_hash(b.model), hash);
    close_bench(&b);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/frozen_slots");
    TCase *tests = tcase_create("slots");
    test_path(path, sizeof(path), "slots.cnn");
    tcase_add_test(tests, memory_is_that_of_trained_parameters);
    tcase_add_loop_test(tests, resuming_changes_no_bit, 0, 2 * PHASES);
    tcase_add_test(tests, lookahead_begins_where_a_parameter_is);
    tcase_add_test(tests, files_hold_what_was_trained);
    tcase_add_test(tests, missing_slots_are_refused);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
