/* SPDX-License-Identifier: MIT */
/* A custom loss on target values: the centre of a bright spot found by regression, with Huber's loss (1964), which
 * squares small errors and takes large ones as they are; samples with a faint spot weigh less:
 *     own_loss [EPOCHS] */
#include <cnn/cnn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 400
#define SIDE 16

static cnn_status huber(void *user, const cnn_loss_sample *sample, double *loss)
{
    double delta = *(const double *)user;
    *loss = 0;
    for (size_t j = 0; j < sample->outputs; j++) {
        double error = sample->z[j] - sample->values[j], size = fabs(error);
        *loss += size <= delta ? 0.5 * error * error : delta * (size - 0.5 * delta);
        if (sample->gradient != NULL) {
            sample->gradient[j] = (float)(size <= delta ? error : copysign(delta, error));
        }
    }
    return CNN_OK;
}

/* A spot at a place that a small generator chooses; its row and column, from 0 to 1, are the targets. */
static void draw(uint32_t *seed, float *image, float *target, float *weight)
{
    for (int j = 0; j < 2; j++) {
        *seed = *seed * 1664525u + 1013904223u;
        target[j] = (float)(*seed >> 8) * 0x1p-24f;
    }
    *weight = *seed % 4 == 0 ? 0.25f : 1;
    for (int i = 0; i < SIDE * SIDE; i++) {
        float row = (float)(i / SIDE) / (SIDE - 1) - target[0], col = (float)(i % SIDE) / (SIDE - 1) - target[1];
        image[i] = *weight * expf(-40 * (row * row + col * col));
    }
}

static cnn_status make_model(cnn_context *context, cnn_model **model)
{
    cnn_status status = cnn_model_create(context, CNN_MODEL(.name = "spot", .input = {SIDE, SIDE, 1}), model);
    if (status != CNN_OK) {
        return status;
    }
    cnn_model_add(*model, cnn_conv2d(context, CNN_CONV2D(.filters = 8, .activation = CNN_RELU)));
    cnn_model_add(*model, cnn_flatten(context, NULL));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = 2)));
    return cnn_model_build(*model);
}

int main(int argc, char **argv)
{
    static float images[COUNT * SIDE * SIDE], targets[COUNT * 2], weights[COUNT];
    static double delta = 0.1;
    const cnn_loss_kind kind = {.struct_size = sizeof(kind), .name = "huber", .on_output = 1, .sample = huber};
    uint32_t seed = 1;
    for (int i = 0; i < COUNT; i++) {
        draw(&seed, images + i * SIDE * SIDE, targets + i * 2, weights + i);
    }
    cnn_context *context = NULL;
    cnn_dataset *all = NULL, *train_data = NULL, *test_data = NULL;
    cnn_loader *train = NULL, *test = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loss *loss = NULL;
    cnn_evaluator *error = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    const cnn_arrays_options *arrays = CNN_ARRAYS(.floats = images, .count = COUNT, .height = SIDE, .width = SIDE,
                                                  .channels = 1, .targets = targets, .target_count = 2,
                                                  .weights = weights);

    bool ok = cnn_context_create(NULL, &context) == CNN_OK && cnn_dataset_create(context, arrays, &all) == CNN_OK &&
              cnn_dataset_split(all, NULL, &train_data, &test_data) == CNN_OK &&
              cnn_loader_create(context, train_data, CNN_LOADER(.batch = 20, .shuffle = 1), &train) == CNN_OK &&
              cnn_loader_create(context, test_data, NULL, &test) == CNN_OK && make_model(context, &model) == CNN_OK &&
              cnn_adam_create(context, NULL, &optimizer) == CNN_OK &&
              cnn_loss_create_custom(context, &kind, &delta, &loss) == CNN_OK &&
              cnn_mae_create(context, &error) == CNN_OK &&
              cnn_fit(model, CNN_FIT(.train = train, .optimizer = optimizer, .loss = loss,
                                     .epochs = argc > 1 ? (uint32_t)atoi(argv[1]) : 20), NULL) == CNN_OK &&
              cnn_evaluate(model, CNN_EVALUATE(.loader = test, .loss = loss, .evaluators = &error,
                                               .evaluator_count = 1), &result) == CNN_OK;
    if (ok) {
        printf("mean absolute error of %d images: %.3f of the side\n", (int)result.count, cnn_evaluator_score(error));
    } else {
        fprintf(stderr, "own_loss: %s\n", cnn_last_error(context));
    }
    cnn_evaluator_free(error);
    cnn_loss_free(loss);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(train);
    cnn_loader_free(test);
    cnn_dataset_free(train_data);
    cnn_dataset_free(test_data);
    cnn_dataset_free(all);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
