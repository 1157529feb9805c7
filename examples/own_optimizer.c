/* SPDX-License-Identifier: MIT */
/* A custom optimizer: AdaGrad (Duchi et al. 2011), training a small network:
 *     own_optimizer DATA [EPOCHS] */
#include <cnn/cnn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The one slot holds the sum of all squared gradients of each weight. */
static cnn_status adagrad_update(void *user, uint64_t step, float learning_rate, size_t n, float *weights,
                                 const float *gradients, float *const *slots)
{
    (void)user, (void)step;
    for (size_t i = 0; i < n; i++) {
        slots[0][i] += gradients[i] * gradients[i];
        weights[i] -= learning_rate * gradients[i] / (sqrtf(slots[0][i]) + 1e-10f);
    }
    return CNN_OK;
}

static bool print_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("epoch %d: loss %.4f, accuracy %.4f\n", (int)progress->epoch + 1, progress->loss, progress->score);
    return false;
}

int main(int argc, char **argv)
{
    static const cnn_optimizer_kind adagrad = {.struct_size = sizeof(adagrad), .name = "adagrad", .slots = 1,
                                               .learning_rate = 0.01f, .update = adagrad_update};
    if (argc < 2) {
        fprintf(stderr, "usage: own_optimizer DATA [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *train = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &data) == CNN_OK &&
              cnn_loader_create(context, data, CNN_LOADER(.batch = 50, .shuffle = 1), &train) == CNN_OK &&
              cnn_zoo_create(context, "fashion-dnn",
                             CNN_ZOO(.shape = cnn_loader_sample_shape(train),
                                     .classes = (uint32_t)cnn_dataset_class_count(data)),
                             &model) == CNN_OK &&
              cnn_optimizer_create_custom(context, &adagrad, NULL, &optimizer) == CNN_OK &&
              cnn_fit(model, CNN_FIT(.train = train, .optimizer = optimizer, .on_epoch = print_epoch,
                                     .epochs = argc > 2 ? (uint32_t)atoi(argv[2]) : 2), NULL) == CNN_OK;
    if (!ok) {
        fprintf(stderr, "own_optimizer: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(train);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
