/* SPDX-License-Identifier: MIT */
#include "zoo/support.h"
#include "common/values.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void zoo_expect_layers(const cnn_model *model, const zoo_layer *layers, size_t count)
{
    ck_assert_uint_eq(cnn_model_layer_count(model), count);
    for (size_t i = 0; i < count; i++) {
        cnn_shape shape = cnn_model_layer_shape(model, i);
        ck_assert_str_eq(cnn_model_layer_name(model, i), layers[i].name);
        ck_assert_str_eq(cnn_model_layer_type(model, i), layers[i].type);
        ck_assert_uint_eq(shape.rank, layers[i].output.rank);
        for (uint32_t d = 0; d < shape.rank; d++) {
            ck_assert_msg(shape.dims[d] == layers[i].output.dims[d], "%s: dimension %u is %lld", layers[i].name, d,
                          (long long)shape.dims[d]);
        }
    }
}

void zoo_expect_normal(cnn_model *model, const char *name, double deviation)
{
    cnn_parameter kernel = CNN_PARAMETER_INIT;
    ck_assert_msg(cnn_model_find_parameter(model, name, &kernel) == CNN_OK, "%s", name);
    size_t count = test_shape_values(kernel.value.shape);
    double sum = 0, squares = 0, beyond = 0;
    for (size_t i = 0; i < count; i++) {
        double value = kernel.value.data[i] / deviation;
        sum += value;
        squares += value * value;
        beyond += fabs(value) > 2;
    }
    double n = (double)count;
    ck_assert_msg(fabs(sum / n) < 4 / sqrt(n), "%s: mean %g of a deviation", name, sum / n);
    ck_assert_msg(fabs(squares / n - 1) < 6 / sqrt(n), "%s: variance %g of the stated", name, squares / n);
    /* Not truncated: 4.55 % lie beyond two deviations. */
    ck_assert_msg(fabs(beyond / n - 0.0455) < 4 * sqrt(0.0455 / n), "%s: %g beyond two deviations", name, beyond / n);
}

void zoo_expect_constant(cnn_model *model, const char *name, float constant)
{
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    ck_assert_msg(cnn_model_find_parameter(model, name, &parameter) == CNN_OK, "%s", name);
    for (size_t i = 0; i < test_shape_values(parameter.value.shape); i++) {
        ck_assert_float_eq(parameter.value.data[i], constant);
    }
}

void zoo_find_torch(cnn_model *model, const char *torch_name, cnn_parameter *parameter)
{
    static const char *const kinds[][2] = {{"weight", "kernel"},
                                           {"weight", "gamma"},
                                           {"bias", "bias"},
                                           {"bias", "beta"},
                                           {"running_mean", "moving_mean"},
                                           {"running_var", "moving_variance"}};
    const char *dot = strrchr(torch_name, '.');
    ck_assert_ptr_nonnull(dot);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char name[160];
        snprintf(name, sizeof(name), "%.*s/%s", (int)(dot - torch_name), torch_name, kinds[i][1]);
        if (strcmp(dot + 1, kinds[i][0]) == 0 && cnn_model_find_parameter(model, name, parameter) == CNN_OK) {
            return;
        }
    }
    ck_abort_msg("there is no %s", torch_name);
}
