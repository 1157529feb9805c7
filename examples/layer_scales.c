/* SPDX-License-Identifier: MIT */
/* Why a network does not begin to learn: the scale of what each layer gives and of the gradients that reach its
 * parameters, for one batch of photos, their mean subtracted, through a model of the zoo as it is initialised.
 *     layer_scales MODEL FOLDER [BATCH]
 * Where deviations shrink from layer to layer the outputs hardly depend on the photos, and the gradients of the first
 * layers vanish; "spread" is the part of a layer's output that differs from photo to photo, and after a dropout its
 * noise too. */
#include <cnn/cnn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t count_values(const cnn_shape *shape, uint32_t from)
{
    size_t count = 1;
    for (uint32_t d = from; d < shape->rank; d++) {
        count *= (size_t)shape->dims[d];
    }
    return count;
}

static double deviation(const float *values, size_t count, size_t stride)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i * stride];
        squares += (double)values[i * stride] * values[i * stride];
    }
    double variance = squares / (double)count - sum / (double)count * (sum / (double)count);
    return variance > 0 ? sqrt(variance) : 0;
}

/* The root mean square over all units of their deviation from photo to photo. */
static double spread(const cnn_tensor *output)
{
    const size_t count = (size_t)output->shape.dims[0], units = count_values(&output->shape, 1);
    double sum = 0;
    for (size_t u = 0; u < units; u++) {
        double one = deviation(output->data + u, count, units);
        sum += one * one;
    }
    return sqrt(sum / (double)units);
}

static void print_layers(cnn_session *session, cnn_model *model)
{
    printf("%-16s %-18s %11s %11s %11s %11s\n", "layer", "kind", "output", "spread", "kernel", "gradient");
    for (size_t i = 0; i < cnn_model_layer_count(model); i++) {
        cnn_tensor output, gradient;
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        printf("%-16s %-18s", cnn_model_layer_name(model, i), cnn_model_layer_type(model, i));
        if (cnn_session_activation(session, cnn_model_layer_name(model, i), &output) == CNN_OK) {
            printf(" %11.3e %11.3e", deviation(output.data, count_values(&output.shape, 0), 1), spread(&output));
        }
        for (size_t p = 0; cnn_model_parameter(model, p, &parameter) == CNN_OK; p++) { /* the kernel comes first */
            const size_t values = count_values(&parameter.value.shape, 0);
            if (parameter.layer == i && cnn_session_gradient(session, p, &gradient) == CNN_OK) {
                printf(" %11.3e %11.3e", deviation(parameter.value.data, values, 1),
                       deviation(gradient.data, values, 1));
                break;
            }
        }
        printf("\n");
    }
}

/* A loader of `count` photos in one batch, of the model's size, without their mean. */
static cnn_status open_batch(cnn_context *context, const cnn_dataset *photos, cnn_shape input, uint32_t count,
                             cnn_loader **loader)
{
    char text[200];
    cnn_pipeline *pipeline = NULL;
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    snprintf(text, sizeof(text), "resize=%dx%d", (int)input.dims[0], (int)input.dims[1]);
    cnn_status status = cnn_pipeline_create(context, text, &pipeline);
    if (status == CNN_OK) {
        status = cnn_dataset_statistics(context, photos, CNN_LOADER(.pipeline = pipeline), &found);
    }
    cnn_pipeline_free(pipeline);
    if (status == CNN_OK) {
        snprintf(text, sizeof(text), "resize=%dx%d,subtract=%.6f/%.6f/%.6f", (int)input.dims[0], (int)input.dims[1],
                 found.mean[0], found.mean[1], found.mean[2]);
        status = cnn_pipeline_create(context, text, &pipeline);
    }
    if (status == CNN_OK) {
        status = cnn_loader_create(context, photos, CNN_LOADER(.pipeline = pipeline, .batch = count), loader);
        cnn_pipeline_free(pipeline);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: layer_scales MODEL FOLDER [BATCH]\n");
        return 2;
    }
    const uint32_t count = argc > 3 ? (uint32_t)atoi(argv[3]) : 32;
    cnn_context *context = NULL;
    cnn_dataset *all = NULL, *photos = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    double value = 0;
    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[2], CNN_FILES(.channels = 3), &all) == CNN_OK &&
              cnn_dataset_sample(all, count, 0, &photos) == CNN_OK &&
              cnn_zoo_create(context, argv[1], CNN_ZOO(.classes = (uint32_t)cnn_dataset_class_count(photos)),
                             &model) == CNN_OK &&
              open_batch(context, photos, cnn_model_input_shape(model), count, &loader) == CNN_OK &&
              cnn_session_create(model, CNN_SESSION(.batch = count, .training = 1, .keep_activations = 1),
                                 &session) == CNN_OK &&
              (cnn_model_output_shape(model).dims[0] == 1
                   ? cnn_binary_cross_entropy_create(context, &loss)
                   : cnn_categorical_cross_entropy_create(context, &loss)) == CNN_OK &&
              cnn_loader_next(loader, &batch) == CNN_OK &&
              cnn_session_forward(session, batch.images, batch.count) == CNN_OK &&
              cnn_session_loss(session, loss, CNN_TARGET(.labels = batch.labels), &value) == CNN_OK &&
              cnn_session_backward(session, NULL) == CNN_OK;
    if (ok) {
        print_layers(session, model);
        printf("loss %.6f of %d photos\n", value, (int)batch.count);
    } else {
        fprintf(stderr, "layer_scales: %s\n", cnn_last_error(context));
    }
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(photos);
    cnn_dataset_free(all);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
