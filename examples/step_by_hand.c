/* SPDX-License-Identifier: MIT */
/* A training loop of one's own: batch, forward, loss, backward, update, without cnn_fit():
 *     step_by_hand DATA [STEPS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

static cnn_status build(cnn_context *context, cnn_shape input, int32_t classes, cnn_model **model)
{
    cnn_status status = cnn_model_create(context, CNN_MODEL(.shape = input), model);
    if (status != CNN_OK) {
        return status;
    }
    cnn_model_add(*model, cnn_conv2d(context, CNN_CONV2D(.filters = 8, .activation = CNN_RELU)));
    cnn_model_add(*model, cnn_max_pool2d(context, NULL));
    cnn_model_add(*model, cnn_flatten(context, NULL));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = classes)));
    return cnn_model_build(*model);
}

/* One step on the loader's next batch, which is asked for again where an epoch ends. */
static cnn_status step(cnn_loader *loader, cnn_session *session, const cnn_loss *loss, cnn_optimizer *optimizer,
                       double *value)
{
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = cnn_loader_next(loader, &batch);
    if (status == CNN_OK && batch.count == 0) {
        status = cnn_loader_next(loader, &batch);
    }
    if (status == CNN_OK) {
        status = cnn_session_forward(session, batch.images, batch.count);
    }
    if (status == CNN_OK) {
        status = cnn_session_loss(session, loss, CNN_TARGET(.labels = batch.labels), value);
    }
    if (status == CNN_OK) {
        status = cnn_session_backward(session, NULL);
    }
    return status == CNN_OK ? cnn_optimizer_step(optimizer, session) : status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: step_by_hand DATA [STEPS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *dataset = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *sgd = NULL;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &dataset) == CNN_OK &&
              cnn_loader_create(context, dataset, CNN_LOADER(.batch = 32, .shuffle = 1), &loader) == CNN_OK &&
              build(context, cnn_loader_sample_shape(loader), (int32_t)cnn_dataset_class_count(dataset), &model) ==
                  CNN_OK &&
              cnn_session_create(model, CNN_SESSION(.batch = 32, .training = 1), &session) == CNN_OK &&
              cnn_categorical_cross_entropy_create(context, &loss) == CNN_OK &&
              cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.05f, .momentum = 0.9f), &sgd) == CNN_OK;
    int steps = argc > 2 ? atoi(argv[2]) : 500;
    for (int i = 1; ok && i <= steps; i++) {
        double value = 0;
        ok = step(loader, session, loss, sgd, &value) == CNN_OK;
        if (ok && (i % 100 == 0 || i == steps)) {
            printf("step %d: loss %.4f\n", i, value);
        }
    }
    if (!ok) {
        fprintf(stderr, "step_by_hand: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(sgd);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
