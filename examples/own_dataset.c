/* SPDX-License-Identifier: MIT */
/* A custom dataset: every sample is drawn when it is asked for. Trains a network to tell discs from squares:
 *     own_dataset [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

#define SIDE 24
#define SAMPLES 1200

/* Shape `index` is a disc or a square of half-width 4 to 7 somewhere in the picture. Loaders call this from several
 * threads, so each call has memory of its own. */
static cnn_status draw(void *user, size_t index, cnn_sample *sample)
{
    (void)user;
    uint32_t random = (uint32_t)index * 2654435761u;
    int radius = 4 + (int)(random >> 30), row = 8 + (int)(random >> 20) % 8, column = 8 + (int)(random >> 10) % 8;
    bool square = index % 2 == 1;
    uint8_t *pixels = malloc(SIDE * SIDE);
    if (pixels == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            int dy = abs(y - row), dx = abs(x - column);
            bool inside = square ? dy <= radius && dx <= radius : dy * dy + dx * dx <= radius * radius;
            pixels[y * SIDE + x] = inside ? 220 : 30;
        }
    }
    sample->label = square;
    sample->width = sample->height = SIDE;
    sample->channels = 1;
    sample->pixels = pixels;
    sample->token = pixels;
    return CNN_OK;
}

static void release(void *user, cnn_sample *sample)
{
    (void)user;
    free(sample->token);
}

static int32_t label(void *user, size_t index)
{
    (void)user;
    return index % 2;
}

int main(int argc, char **argv)
{
    static const char *const classes[] = {"disc", "square"};
    cnn_context *context = NULL;
    cnn_dataset *shapes = NULL, *train_set = NULL, *test_set = NULL;
    cnn_loader *train = NULL, *test = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *adam = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_create_custom(context, CNN_DATASET(.count = SAMPLES, .classes = classes, .class_count = 2,
                                                             .read = draw, .release = release, .label = label,
                                                             .shape = {.rank = 3, .dims = {SIDE, SIDE, 1}}),
                                        &shapes) == CNN_OK &&
              cnn_dataset_split(shapes, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED), &train_set, &test_set) == CNN_OK &&
              cnn_loader_create(context, train_set, CNN_LOADER(.shuffle = 1), &train) == CNN_OK &&
              cnn_loader_create(context, test_set, NULL, &test) == CNN_OK &&
              cnn_model_create(context, CNN_MODEL(.shape = cnn_loader_sample_shape(train)), &model) == CNN_OK;
    if (ok) {
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 8, .kernel = {5, 5}, .activation = CNN_RELU)));
        cnn_model_add(model, cnn_max_pool2d(context, NULL));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 1, .activation = CNN_SIGMOID)));
        ok = cnn_model_build(model) == CNN_OK && cnn_adam_create(context, NULL, &adam) == CNN_OK &&
             cnn_fit(model, CNN_FIT(.train = train, .optimizer = adam, .epochs = argc > 1 ? (uint32_t)atoi(argv[1]) : 8,
                                    .keep_last = 1), NULL) == CNN_OK &&
             cnn_evaluate(model, CNN_EVALUATE(.loader = test), &result) == CNN_OK;
    }
    if (ok) {
        printf("accuracy %.4f on %d unseen shapes\n", result.accuracy, (int)result.count);
    } else {
        fprintf(stderr, "own_dataset: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(adam);
    cnn_model_free(model);
    cnn_loader_free(test);
    cnn_loader_free(train);
    cnn_dataset_free(test_set);
    cnn_dataset_free(train_set);
    cnn_dataset_free(shapes);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
