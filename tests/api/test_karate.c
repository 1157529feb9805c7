/* SPDX-License-Identifier: MIT */
/* Graph convolution on Zachary's karate club: which of the two groups each of the 34 members joined when the club
 * split, learnt from the two leaders' groups alone. "An information flow model for conflict and fission in small
 * groups", Journal of Anthropological Research 33 (1977): 78 friendships; the groups are those after the split. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"

enum { MEMBERS = 34, FRIENDSHIPS = 78, GROUPS = 2, EPOCHS = 150, INSTRUCTOR = 0, OFFICER = 33 };

static const uint8_t friendships[FRIENDSHIPS][2] = {
    {1, 2},   {1, 3},   {1, 4},   {1, 5},   {1, 6},   {1, 7},   {1, 8},   {1, 9},   {1, 11},  {1, 12},
    {1, 13},  {1, 14},  {1, 18},  {1, 20},  {1, 22},  {1, 32},  {2, 3},   {2, 4},   {2, 8},   {2, 14},
    {2, 18},  {2, 20},  {2, 22},  {2, 31},  {3, 4},   {3, 8},   {3, 9},   {3, 10},  {3, 14},  {3, 28},
    {3, 29},  {3, 33},  {4, 8},   {4, 13},  {4, 14},  {5, 7},   {5, 11},  {6, 7},   {6, 11},  {6, 17},
    {7, 17},  {9, 31},  {9, 33},  {9, 34},  {10, 34}, {14, 34}, {15, 33}, {15, 34}, {16, 33}, {16, 34},
    {19, 33}, {19, 34}, {20, 34}, {21, 33}, {21, 34}, {23, 33}, {23, 34}, {24, 26}, {24, 28}, {24, 30},
    {24, 33}, {24, 34}, {25, 26}, {25, 28}, {25, 32}, {26, 32}, {27, 30}, {27, 34}, {28, 34}, {29, 32},
    {29, 34}, {30, 33}, {30, 34}, {31, 33}, {31, 34}, {32, 33}, {32, 34}, {33, 34}};

/* 0: with the instructor, member 1; 1: with the officers, member 34. */
static const uint8_t groups[MEMBERS] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0,
                                        0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static float adjacency[MEMBERS * MEMBERS], features[MEMBERS * MEMBERS];

static void fill_graph(void)
{
    memset(adjacency, 0, sizeof(adjacency));
    memset(features, 0, sizeof(features));
    for (size_t i = 0; i < FRIENDSHIPS; i++) {
        const size_t a = friendships[i][0] - 1u, b = friendships[i][1] - 1u;
        adjacency[a * MEMBERS + b] = adjacency[b * MEMBERS + a] = 1;
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        features[i * MEMBERS + i] = 1; /* nothing is known of a member but who it is */
    }
}

static void add_graph_conv(cnn_context *context, cnn_model *model, const char *after, const char *name, int32_t units,
                           int32_t normalization, int32_t activation)
{
    cnn_model_add_after(model,
                        cnn_graph_conv(context, CNN_GRAPH_CONV(.name = name, .units = units, .activation = activation,
                                                               .normalization = normalization)),
                        (const char *[]){after, "adjacency"}, 2);
}

static cnn_model *make_model(cnn_context *context, int32_t normalization)
{
    cnn_model *model = NULL;
    const cnn_shape square = {2, 0, {MEMBERS, MEMBERS}};
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = square, .input_name = "features"), &model), CNN_OK);
    cnn_model_add_input(model, "adjacency", &square);
    add_graph_conv(context, model, "features", "hidden", 8, normalization, CNN_TANH);
    add_graph_conv(context, model, "hidden", "scores", GROUPS, normalization, CNN_SOFTMAX);
    ck_assert_msg(cnn_model_build(model) == CNN_OK, "%s", cnn_last_error(context));
    return model;
}

/* Cross-entropy of the two leaders; of the others nothing is known. */
static cnn_status leaders_loss(void *user, const cnn_loss_sample *sample, double *loss)
{
    (void)user;
    *loss = 0;
    for (size_t i = 0; sample->gradient != NULL && i < sample->outputs; i++) {
        sample->gradient[i] = 0;
    }
    for (size_t group = 0; group < GROUPS; group++) {
        const size_t at = GROUPS * (group == 0 ? INSTRUCTOR : OFFICER);
        const double z[GROUPS] = {sample->z[at], sample->z[at + 1]}, highest = fmax(z[0], z[1]);
        const double sum = exp(z[0] - highest) + exp(z[1] - highest);
        *loss -= (z[group] - highest - log(sum)) / 2;
        for (size_t k = 0; sample->gradient != NULL && k < GROUPS; k++) {
            sample->gradient[at + k] = (float)((exp(z[k] - highest) / sum - (k == group)) / 2);
        }
    }
    return CNN_OK;
}

static void train(cnn_context *context, cnn_model *model)
{
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *adam = NULL;
    const cnn_loss_kind kind = {.struct_size = sizeof(kind), .name = "leaders", .sample = leaders_loss};
    const float nothing[MEMBERS * GROUPS] = {0};
    double value = 0, first = 0;
    ck_assert_int_eq(cnn_loss_create_custom(context, &kind, NULL, &loss), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.learning_rate = 0.02f), &adam), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1, .training = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_set_input(session, "adjacency", adjacency), CNN_OK);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        ck_assert_int_eq(cnn_session_forward(session, features, 1), CNN_OK);
        ck_assert_msg(cnn_session_loss(session, loss, CNN_TARGET(.values = nothing), &value) == CNN_OK, "%s",
                      cnn_last_error(context));
        ck_assert_int_eq(cnn_session_backward(session, NULL), CNN_OK);
        ck_assert_int_eq(cnn_optimizer_step(adam, session), CNN_OK);
        first = epoch == 0 ? value : first;
    }
    ck_assert_double_lt(value, 0.1 * first);
    cnn_session_free(session);
    cnn_optimizer_free(adam);
    cnn_loss_free(loss);
}

static size_t members_right(cnn_model *model)
{
    cnn_session *session = NULL;
    size_t right = 0;
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_set_input(session, "adjacency", adjacency), CNN_OK);
    ck_assert_int_eq(cnn_session_forward(session, features, 1), CNN_OK);
    const float *output = cnn_session_output(session);
    for (size_t i = 0; i < MEMBERS; i++) {
        ck_assert_float_eq_tol(output[GROUPS * i] + output[GROUPS * i + 1], 1, 1e-5f);
        right += (output[GROUPS * i + 1] > output[GROUPS * i]) == groups[i];
    }
    cnn_session_free(session);
    return right;
}

START_TEST(two_labels_separate_the_club)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        cnn_context *context = NULL;
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = seed), &context), CNN_OK);
        cnn_model *model = make_model(context, _i);
        train(context, model);
        const size_t right = members_right(model);
        /* Members 3, 9, 10 and 20 have friends on both sides. */
        ck_assert_msg(right >= MEMBERS - 4, "seed %d: %zu of %d", (int)seed, right, MEMBERS);
        cnn_model_free(model);
        cnn_context_free(context);
    }
}
END_TEST

START_TEST(a_model_of_graphs_is_saved)
{
    cnn_context *context = NULL;
    cnn_model *again = NULL;
    char path[] = "/tmp/cnn_karate_XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 2), &context), CNN_OK);
    cnn_model *model = make_model(context, CNN_GRAPH_DIRECTED);
    train(context, model);
    ck_assert_msg(cnn_model_save(model, path) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_msg(cnn_model_load(context, path, &again) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_uint_eq(members_right(again), members_right(model));
    unlink(path);
    cnn_model_free(again);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

START_TEST(inputs_that_are_no_graph_are_refused)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = {2, 0, {5, 3}}), &model), CNN_OK);
    cnn_model_add_input(model, "adjacency", &(cnn_shape){2, 0, {5, 4}});
    cnn_model_add_after(model, cnn_graph_conv(context, CNN_GRAPH_CONV(.units = 2)),
                        (const char *[]){"input", "adjacency"}, 2);
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "adjacency of 5 nodes must be (None, 5, 5)"));
    cnn_model_free(model);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.shape = {2, 0, {5, 3}}), &model), CNN_OK);
    cnn_model_add(model, cnn_graph_conv(context, CNN_GRAPH_CONV(.units = 2)));
    ck_assert_int_eq(cnn_model_build(model), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "needs two inputs, features and adjacency"));
    cnn_model_free(model);
    ck_assert_ptr_null(cnn_graph_conv(context, NULL));
    ck_assert_ptr_null(cnn_graph_conv(context, CNN_GRAPH_CONV(.units = 2, .normalization = 3)));
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/karate");
    TCase *tcase = tcase_create("graphs");
    fill_graph();
    tcase_add_loop_test(tcase, two_labels_separate_the_club, CNN_GRAPH_UNDIRECTED, CNN_GRAPH_DIRECTED + 1);
    tcase_add_test(tcase, a_model_of_graphs_is_saved);
    tcase_add_test(tcase, inputs_that_are_no_graph_are_refused);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
