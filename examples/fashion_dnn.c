/* SPDX-License-Identifier: MIT */
/* Trains FashionDNN, three dense layers without a convolution, and prints how often each class is recognised:
 *     fashion_dnn FASHION-MNIST [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

static void add_linear(cnn_context *context, cnn_model *model, int32_t units, cnn_activation activation)
{
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = units, .activation = activation,
                                                      .kernel_init.kind = CNN_INIT_PYTORCH,
                                                      .bias_init.kind = CNN_INIT_PYTORCH)));
}

static cnn_status build(cnn_context *context, cnn_model **model)
{
    cnn_status status = cnn_model_create(context, CNN_MODEL(.name = "fashion_dnn", .input = {28, 28, 1}), model);
    if (status != CNN_OK) {
        return status;
    }
    cnn_model_add(*model, cnn_flatten(context, NULL));
    add_linear(context, *model, 256, CNN_RELU);
    /* On an N, C input PyTorch's Dropout2d drops single values. */
    cnn_model_add(*model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.25f, .channels = 1)));
    add_linear(context, *model, 128, CNN_RELU);
    add_linear(context, *model, 10, CNN_LINEAR);
    return cnn_model_build(*model);
}

static void print_recall(const cnn_evaluator *confusion, const cnn_dataset *dataset)
{
    uint32_t classes;
    const uint64_t *counts = cnn_confusion_counts(confusion, &classes);
    for (uint32_t label = 0; label < classes; label++) {
        uint64_t samples = 0;
        for (uint32_t predicted = 0; predicted < classes; predicted++) {
            samples += counts[label * classes + predicted];
        }
        printf("%-12s %.3f of %d\n", cnn_dataset_class_name(dataset, label),
               samples > 0 ? (double)counts[label * classes + label] / (double)samples : 0, (int)samples);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: fashion_dnn FASHION-MNIST [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *images = NULL, *test_images = NULL;
    cnn_loader *train = NULL, *test = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *adam = NULL;
    cnn_evaluator *confusion = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &images) == CNN_OK &&
              cnn_dataset_open(context, argv[1], CNN_FILES(.part = "test"), &test_images) == CNN_OK &&
              cnn_loader_create(context, images, CNN_LOADER(.batch = 100, .shuffle = 1), &train) == CNN_OK &&
              cnn_loader_create(context, test_images, CNN_LOADER(.batch = 100), &test) == CNN_OK &&
              cnn_confusion_create(context, 10, &confusion) == CNN_OK && build(context, &model) == CNN_OK &&
              cnn_adam_create(context, CNN_ADAM(.convention = CNN_PYTORCH), &adam) == CNN_OK &&
              cnn_fit(model, CNN_FIT(.train = train, .optimizer = adam, .keep_last = 1,
                                     .epochs = argc > 2 ? (uint32_t)atoi(argv[2]) : 5), NULL) == CNN_OK &&
              cnn_evaluate(model, CNN_EVALUATE(.loader = test, .evaluators = &confusion, .evaluator_count = 1),
                           &result) == CNN_OK;
    if (ok) {
        print_recall(confusion, test_images);
        printf("accuracy %.4f, loss %.4f of %d\n", result.accuracy, result.loss, (int)result.count);
    } else {
        fprintf(stderr, "fashion_dnn: %s\n", cnn_last_error(context));
    }
    cnn_evaluator_free(confusion);
    cnn_optimizer_free(adam);
    cnn_model_free(model);
    cnn_loader_free(test);
    cnn_loader_free(train);
    cnn_dataset_free(test_images);
    cnn_dataset_free(images);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
