/* SPDX-License-Identifier: MIT */
/* A network that another program made, as an ONNX file, is given a new head for one's own photos, trained a little as a
 * whole, and written as an ONNX file again, with its classes and its preprocessing in it:
 *     finetune_onnx IN.onnx DATA OUT.onnx [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

/* Photos at the size of the model's input, by the mean and deviation that torchvision's networks are trained with. */
static cnn_status set_preprocessing(cnn_context *context, cnn_model *model)
{
    const cnn_shape input = cnn_model_input_shape(model);
    cnn_pipeline *pipeline = NULL;
    char steps[160];
    snprintf(steps, sizeof(steps), "resize=%dx%d,normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225",
             (int)input.dims[0], (int)input.dims[1]);
    cnn_status status = cnn_pipeline_create(context, steps, &pipeline);
    status = status == CNN_OK ? cnn_model_set_pipeline(model, pipeline) : status;
    cnn_pipeline_free(pipeline);
    return status;
}

static cnn_status train(cnn_context *context, cnn_model *model, const cnn_dataset *photos, uint32_t epochs)
{
    cnn_loader *loader = NULL;
    cnn_optimizer *sgd = NULL;
    cnn_status status = cnn_loader_create(
        context, photos, CNN_LOADER(.pipeline = cnn_model_pipeline(model), .batch = 16, .shuffle = 1), &loader);
    if (status == CNN_OK) {
        status = cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.003f, .momentum = 0.9f), &sgd);
    }
    if (status == CNN_OK) {
        status = cnn_fit(model, CNN_FIT(.train = loader, .optimizer = sgd, .epochs = epochs), NULL);
    }
    cnn_optimizer_free(sgd);
    cnn_loader_free(loader);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: finetune_onnx IN.onnx DATA OUT.onnx [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_model *made_elsewhere = NULL, *model = NULL;
    cnn_dataset *photos = NULL;
    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_model_load_onnx(context, argv[1], NULL, &made_elsewhere) == CNN_OK &&
              cnn_dataset_open(context, argv[2], NULL, &photos) == CNN_OK &&
              cnn_model_replace_head(made_elsewhere, CNN_HEAD(.classes = (uint32_t)cnn_dataset_class_count(photos)),
                                     &model) == CNN_OK &&
              set_preprocessing(context, model) == CNN_OK &&
              train(context, model, photos, argc > 4 ? (uint32_t)atoi(argv[4]) : 3) == CNN_OK &&
              cnn_model_save_onnx(model, argv[3], CNN_ONNX_SAVE(.preprocessing = 1)) == CNN_OK;
    if (ok) {
        printf("%s: %zu layers, %zu classes\n", argv[3], cnn_model_layer_count(model), cnn_model_class_count(model));
    } else {
        fprintf(stderr, "finetune_onnx: %s\n", cnn_last_error(context));
    }
    cnn_dataset_free(photos);
    cnn_model_free(model);
    cnn_model_free(made_elsewhere);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
