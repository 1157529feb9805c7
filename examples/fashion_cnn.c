/* SPDX-License-Identifier: MIT */
/* Trains FashionCNN, two convolutions with batch normalisation and three dense layers, with PyTorch's definitions:
 *     fashion_cnn FASHION-MNIST MODEL [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

/* Conv2d, BatchNorm2d, ReLU, MaxPool2d(2). */
static void add_block(cnn_context *context, cnn_model *model, int32_t filters, int32_t pad)
{
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = filters, .pads = {pad, pad, pad, pad},
                                                        .kernel_init.kind = CNN_INIT_PYTORCH,
                                                        .bias_init.kind = CNN_INIT_PYTORCH)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, NULL));
}

static void add_linear(cnn_context *context, cnn_model *model, int32_t units)
{
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = units, .kernel_init.kind = CNN_INIT_PYTORCH,
                                                      .bias_init.kind = CNN_INIT_PYTORCH)));
}

static cnn_status build(cnn_context *context, cnn_model **model)
{
    cnn_status status = cnn_model_create(context, CNN_MODEL(.name = "fashion_cnn", .input = {28, 28, 1}), model);
    if (status != CNN_OK) {
        return status;
    }
    add_block(context, *model, 32, 1);
    add_block(context, *model, 64, 0);
    cnn_model_add(*model, cnn_flatten(context, NULL));
    add_linear(context, *model, 600);
    cnn_model_add(*model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.25f, .channels = 1)));
    add_linear(context, *model, 120);
    add_linear(context, *model, 10); /* logits: the loss and the prediction apply the softmax */
    return cnn_model_build(*model);
}

static bool print_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("epoch %d: loss %.4f, test accuracy %.4f, %.1f s\n", (int)progress->epoch + 1, progress->loss,
           progress->validation_score, progress->seconds);
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: fashion_cnn FASHION-MNIST MODEL [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *images = NULL, *test_images = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *train = NULL, *test = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *adam = NULL;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &images) == CNN_OK &&
              cnn_dataset_open(context, argv[1], CNN_FILES(.part = "test"), &test_images) == CNN_OK &&
              cnn_pipeline_create(context, "resize=28x28", &pipeline) == CNN_OK &&
              cnn_loader_create(context, images, CNN_LOADER(.pipeline = pipeline, .batch = 100, .shuffle = 1),
                                &train) == CNN_OK &&
              cnn_loader_create(context, test_images, CNN_LOADER(.pipeline = pipeline, .batch = 100), &test) ==
                  CNN_OK &&
              build(context, &model) == CNN_OK &&
              cnn_adam_create(context, CNN_ADAM(.learning_rate = 1e-3f, .convention = CNN_PYTORCH), &adam) ==
                  CNN_OK &&
              cnn_fit(model, CNN_FIT(.train = train, .validation = test, .optimizer = adam, .on_epoch = print_epoch,
                                     .epochs = argc > 3 ? (uint32_t)atoi(argv[3]) : 5), NULL) == CNN_OK &&
              cnn_model_save(model, argv[2]) == CNN_OK;
    if (!ok) {
        fprintf(stderr, "fashion_cnn: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(adam);
    cnn_model_free(model);
    cnn_loader_free(test);
    cnn_loader_free(train);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(test_images);
    cnn_dataset_free(images);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
