/* SPDX-License-Identifier: MIT */
/* What a network can begin with: kernels that pass channels on, as PyTorch's dirac_(), and a first convolution that
 * whitens patches: its outputs over the images it was made from have the second moments that the formula says. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/fixture.h"
#include "common/suite.h"

#define SAMPLES 24
#define FILTERS 8 /* both signs of all four values of a 2x2 patch of grey */

static cnn_context *context;
static cnn_dataset *data;
static cnn_loader *loader;
static cnn_model *model;

static void open_all(int32_t filters, int32_t kernel)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, SAMPLES, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 5), &loader), CNN_OK);
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {TEST_SIDE, TEST_SIDE, 1}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "white", .filters = filters, .kernel = {kernel},
                                                        .padding = CNN_PADDING_VALID)));
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "pass", .filters = 12, .kernel = {3},
                                                        .kernel_init = {CNN_INIT_DIRAC, 0})));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
}

static void close_all(void)
{
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
}

static const float *kernel_of(const char *name)
{
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter p = CNN_PARAMETER_INIT;
        ck_assert_int_eq(cnn_model_parameter(model, i, &p), CNN_OK);
        if (strcmp(p.name, name) == 0) {
            return p.value.data;
        }
    }
    ck_abort_msg("no %s", name);
    return NULL;
}

/* Of a kernel [3, 3, 8, 12]: the middle of filter f is 1 in channel f, for the first 8; the others are within PyTorch's
 * bound, and not 0. */
START_TEST(channels_are_passed_on)
{
    open_all(FILTERS, 2);
    const float *kernel = kernel_of("pass/kernel");
    const float bound = 1 / sqrtf(9 * FILTERS);
    for (int place = 0; place < 9; place++) {
        for (int channel = 0; channel < FILTERS; channel++) {
            for (int filter = 0; filter < 12; filter++) {
                const float found = kernel[(place * FILTERS + channel) * 12 + filter];
                if (filter < FILTERS) {
                    ck_assert_float_eq(found, place == 4 && channel == filter ? 1 : 0);
                } else {
                    ck_assert(fabsf(found) <= bound && found != 0);
                }
            }
        }
    }
    close_all();
}
END_TEST

START_TEST(patches_are_whitened)
{
    double moments[4][4] = {{0}}, product[4][4];
    uint64_t patches = 0;
    cnn_batch batch = CNN_BATCH_INIT;
    open_all(FILTERS, 2);
    while (cnn_loader_next(loader, &batch) == CNN_OK && batch.count > 0) {
        for (size_t i = 0; i < batch.count; i++) {
            for (int y = 0; y + 1 < TEST_SIDE; y++) {
                for (int x = 0; x + 1 < TEST_SIDE; x++, patches++) {
                    const float *at = batch.images + i * TEST_PIXELS + y * TEST_SIDE + x;
                    const double patch[4] = {at[0], at[1], at[TEST_SIDE], at[TEST_SIDE + 1]};
                    for (int a = 0; a < 16; a++) {
                        moments[a / 4][a % 4] += patch[a / 4] * patch[a % 4];
                    }
                }
            }
        }
    }
    const uint64_t position = cnn_loader_position(loader);
    ck_assert_int_eq(cnn_model_whiten(model, "white", loader, 0), CNN_OK);
    ck_assert_uint_eq(cnn_loader_position(loader), position);
    const float *kernel = kernel_of("white/kernel"); /* [4, 8] */
    double before = INFINITY;
    for (int f = 0; f < 4; f++) {
        double length = 0;
        for (int k = 0; k < 4; k++) {
            ck_assert_float_eq(kernel[k * FILTERS + f], -kernel[k * FILTERS + 4 + f]);
            length += (double)kernel[k * FILTERS + f] * (double)kernel[k * FILTERS + f];
        }
        for (int g = 0; g < 4; g++) {
            product[f][g] = 0;
            for (int a = 0; a < 16; a++) {
                product[f][g] += (double)kernel[a / 4 * FILTERS + f] * moments[a / 4][a % 4] / (double)patches *
                                 (double)kernel[a % 4 * FILTERS + g];
            }
        }
        /* An eigenvector of value v over sqrt(v + 5e-4): its length says v, and its output's moment is v's share. */
        const double value = 1 / length - 5e-4;
        ck_assert_double_eq_tol(product[f][f], value / (value + 5e-4), 2e-4);
        ck_assert_double_le(value, before + 1e-9);
        before = value;
    }
    for (int a = 0; a < 16; a++) {
        ck_assert(a / 4 == a % 4 || fabs(product[a / 4][a % 4]) < 2e-4);
    }
    close_all();
}
END_TEST

START_TEST(what_cannot_be_whitened_is_refused)
{
    open_all(FILTERS, 2);
    ck_assert_int_eq(cnn_model_whiten(model, "black", loader, 0), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_model_whiten(model, "pass", loader, 0), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "\"pass\" is no convolution of the images"));
    ck_assert_int_eq(cnn_model_whiten(model, NULL, loader, 0), CNN_ERROR_INVALID_ARGUMENT);
    close_all();
    open_all(FILTERS + 2, 2);
    ck_assert_int_eq(cnn_model_whiten(model, "white", loader, 0), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "10 filters of 4 values"));
    close_all();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train/whiten");
    TCase *tests = tcase_create("whiten");
    tcase_add_test(tests, channels_are_passed_on);
    tcase_add_test(tests, patches_are_whitened);
    tcase_add_test(tests, what_cannot_be_whitened_is_refused);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
