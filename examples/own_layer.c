/* SPDX-License-Identifier: MIT */
/* A custom layer: Swish (Ramachandran et al. 2017), y = x s(beta x) with a trained beta and s the sigmoid:
 *     own_layer DATA [EPOCHS] */
#include <cnn/cnn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t values_of(const cnn_shape *shape)
{
    size_t count = 1;
    for (uint32_t i = 0; i < shape->rank; i++) {
        count *= (size_t)shape->dims[i];
    }
    return count;
}

static cnn_status infer(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                        uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user, (void)backend, (void)threads;
    if (input_count != 1) {
        snprintf(reason, reason_size, "one input expected");
        return CNN_ERROR_SHAPE;
    }
    spec->output = inputs[0];
    spec->parameter_count = 1;
    spec->parameters[0] = (cnn_parameter_spec){
        .name = "beta", .shape = {.rank = 1, .dims = {1}}, .init = {CNN_INIT_CONSTANT, 1}, .trainable = 1};
    spec->backward_needs_input = 1;
    return CNN_OK;
}

static cnn_status forward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    const float *x = call->inputs[0], beta = call->parameters[0][0];
    for (size_t i = 0, n = values_of(&call->output_shape); i < n; i++) {
        call->output[i] = x[i] / (1 + expf(-beta * x[i]));
    }
    return CNN_OK;
}

static cnn_status backward(const void *user, const cnn_layer_call *call)
{
    (void)user;
    const float *x = call->inputs[0], *dy = call->output_gradient, beta = call->parameters[0][0];
    float *dx = call->input_gradients[0], *d_beta = call->parameter_gradients[0];
    double sum = 0;
    for (size_t i = 0, n = values_of(&call->output_shape); i < n; i++) {
        float s = 1 / (1 + expf(-beta * x[i])), slope = x[i] * s * (1 - s);
        sum += (double)(dy[i] * x[i] * slope);
        if (dx != NULL) {
            dx[i] = dy[i] * (s + beta * slope);
        }
    }
    if (d_beta != NULL) {
        *d_beta = (float)sum;
    }
    return CNN_OK;
}

static const cnn_layer_kind swish = {.struct_size = sizeof(swish), .type = "Swish", .prefix = "swish",
                                     .infer = infer, .forward = forward, .backward = backward};

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: own_layer DATA [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *train = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *adam = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_parameter beta = CNN_PARAMETER_INIT;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &data) == CNN_OK &&
              cnn_loader_create(context, data, CNN_LOADER(.batch = 50, .shuffle = 1), &train) == CNN_OK &&
              cnn_model_create(context, CNN_MODEL(.shape = cnn_loader_sample_shape(train)), &model) == CNN_OK &&
              cnn_adam_create(context, NULL, &adam) == CNN_OK;
    if (ok) {
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 8, .stride = {2, 2})));
        cnn_model_add(model, cnn_custom_layer(context, &swish, NULL, NULL));
        cnn_model_add(model, cnn_flatten(context, NULL));
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = (int32_t)cnn_dataset_class_count(data))));
        ok = cnn_model_build(model) == CNN_OK &&
             cnn_fit(model, CNN_FIT(.train = train, .optimizer = adam,
                                    .epochs = argc > 2 ? (uint32_t)atoi(argv[2]) : 1), NULL) == CNN_OK &&
             cnn_evaluate(model, CNN_EVALUATE(.loader = train), &result) == CNN_OK &&
             cnn_model_find_parameter(model, "swish_1/beta", &beta) == CNN_OK;
    }
    if (ok) {
        printf("training accuracy %.4f, beta %.4f\n", result.accuracy, (double)beta.value.data[0]);
    } else {
        fprintf(stderr, "own_layer: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(adam);
    cnn_model_free(model);
    cnn_loader_free(train);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
