/* SPDX-License-Identifier: MIT */
/* Graph convolution on Zachary's karate club: which side each of its 34 members took when the club split, learnt from
 * the two leaders alone and from who was whose friend.
 *     karate
 * The friendships are those of "An information flow model for conflict and fission in small groups", Journal of
 * Anthropological Research 33 (1977). */
#include <math.h>
#include <stdio.h>

#include <cnn/cnn.h>

enum { MEMBERS = 34, GROUPS = 2, EPOCHS = 150 };

static const unsigned char friendships[][2] = {
    {1, 2},   {1, 3},   {1, 4},   {1, 5},   {1, 6},   {1, 7},   {1, 8},   {1, 9},   {1, 11},  {1, 12},
    {1, 13},  {1, 14},  {1, 18},  {1, 20},  {1, 22},  {1, 32},  {2, 3},   {2, 4},   {2, 8},   {2, 14},
    {2, 18},  {2, 20},  {2, 22},  {2, 31},  {3, 4},   {3, 8},   {3, 9},   {3, 10},  {3, 14},  {3, 28},
    {3, 29},  {3, 33},  {4, 8},   {4, 13},  {4, 14},  {5, 7},   {5, 11},  {6, 7},   {6, 11},  {6, 17},
    {7, 17},  {9, 31},  {9, 33},  {9, 34},  {10, 34}, {14, 34}, {15, 33}, {15, 34}, {16, 33}, {16, 34},
    {19, 33}, {19, 34}, {20, 34}, {21, 33}, {21, 34}, {23, 33}, {23, 34}, {24, 26}, {24, 28}, {24, 30},
    {24, 33}, {24, 34}, {25, 26}, {25, 28}, {25, 32}, {26, 32}, {27, 30}, {27, 34}, {28, 34}, {29, 32},
    {29, 34}, {30, 33}, {30, 34}, {31, 33}, {31, 34}, {32, 33}, {32, 34}, {33, 34}};

/* 0: with the instructor, member 1; 1: with the officers, member 34. */
static const unsigned char sides[MEMBERS] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0,
                                             0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* Cross-entropy of the two leaders, as PyTorch's with the mean of a masked batch; z are the scores before softmax. */
static cnn_status leaders(void *user, const cnn_loss_sample *sample, double *loss)
{
    (void)user;
    *loss = 0;
    for (size_t i = 0; sample->gradient != NULL && i < sample->outputs; i++) {
        sample->gradient[i] = 0;
    }
    for (size_t side = 0; side < GROUPS; side++) {
        const size_t at = GROUPS * (side == 0 ? 0 : MEMBERS - 1);
        const double highest = fmax(sample->z[at], sample->z[at + 1]);
        const double e[GROUPS] = {exp(sample->z[at] - highest), exp(sample->z[at + 1] - highest)};
        *loss -= log(e[side] / (e[0] + e[1])) / 2;
        for (size_t k = 0; sample->gradient != NULL && k < GROUPS; k++) {
            sample->gradient[at + k] = (float)((e[k] / (e[0] + e[1]) - (k == side)) / 2);
        }
    }
    return CNN_OK;
}

static cnn_model *make_model(cnn_context *context)
{
    const cnn_shape square = {2, 0, {MEMBERS, MEMBERS}};
    cnn_model *model = NULL;
    if (cnn_model_create(context, CNN_MODEL(.shape = square, .input_name = "features"), &model) != CNN_OK) {
        return NULL;
    }
    cnn_model_add_input(model, "adjacency", &square);
    cnn_model_add_after(model,
                        cnn_graph_conv(context, CNN_GRAPH_CONV(.name = "hidden", .units = 8, .activation = CNN_TANH)),
                        (const char *[]){"features", "adjacency"}, 2);
    cnn_model_add_after(model, cnn_graph_conv(context, CNN_GRAPH_CONV(.units = GROUPS, .activation = CNN_SOFTMAX)),
                        (const char *[]){"hidden", "adjacency"}, 2);
    if (cnn_model_build(model) != CNN_OK) { /* the first failure of all of this */
        cnn_model_free(model);
        return NULL;
    }
    return model;
}

static cnn_status train(cnn_session *session, cnn_loss *loss, cnn_optimizer *adam, const float *features)
{
    const float no_targets[MEMBERS * GROUPS] = {0}; /* the loss knows them */
    cnn_status status = CNN_OK;
    for (int epoch = 1; epoch <= EPOCHS && status == CNN_OK; epoch++) {
        double value = 0;
        status = cnn_session_forward(session, features, 1);
        status = status == CNN_OK ? cnn_session_loss(session, loss, CNN_TARGET(.values = no_targets), &value) : status;
        status = status == CNN_OK ? cnn_session_backward(session, NULL) : status;
        status = status == CNN_OK ? cnn_optimizer_step(adam, session) : status;
        if (epoch % 50 == 0) {
            printf("epoch %d: loss %.4f\n", epoch, value);
        }
    }
    return status;
}

static void tell(const float *output)
{
    int right = 0;
    for (int i = 0; i < MEMBERS; i++) {
        const int side = output[GROUPS * i + 1] > output[GROUPS * i];
        printf("member %2d: %s with %.3f%s\n", i + 1, side ? "officers  " : "instructor", output[GROUPS * i + side],
               side == sides[i] ? "" : "  (went the other way)");
        right += side == sides[i];
    }
    printf("%d of %d as they went\n", right, MEMBERS);
}

int main(void)
{
    static float adjacency[MEMBERS * MEMBERS], features[MEMBERS * MEMBERS];
    cnn_context *context = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *adam = NULL;
    const cnn_loss_kind kind = {.struct_size = sizeof(kind), .name = "leaders", .sample = leaders};
    for (size_t i = 0; i < sizeof(friendships) / sizeof(friendships[0]); i++) {
        const size_t a = friendships[i][0] - 1u, b = friendships[i][1] - 1u;
        adjacency[a * MEMBERS + b] = adjacency[b * MEMBERS + a] = 1;
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        features[i * MEMBERS + i] = 1; /* nothing is known of a member but who it is */
    }
    cnn_status status = cnn_context_create(CNN_CONTEXT(.seed = 1), &context);
    cnn_model *model = status == CNN_OK ? make_model(context) : NULL;
    status = model != NULL ? cnn_loss_create_custom(context, &kind, NULL, &loss) : CNN_ERROR_STATE;
    status = status == CNN_OK ? cnn_adam_create(context, CNN_ADAM(.learning_rate = 0.02f), &adam) : status;
    status = status == CNN_OK ? cnn_session_create(model, CNN_SESSION(.batch = 1, .training = 1), &session) : status;
    status = status == CNN_OK ? cnn_session_set_input(session, "adjacency", adjacency) : status;
    status = status == CNN_OK ? train(session, loss, adam, features) : status;
    status = status == CNN_OK ? cnn_session_forward(session, features, 1) : status;
    if (status == CNN_OK) {
        tell(cnn_session_output(session));
    } else {
        fprintf(stderr, "karate: %s\n", context != NULL ? cnn_last_error(context) : cnn_status_string(status));
    }
    cnn_session_free(session);
    cnn_optimizer_free(adam);
    cnn_loss_free(loss);
    cnn_model_free(model);
    cnn_context_free(context);
    return status == CNN_OK ? 0 : 1;
}
