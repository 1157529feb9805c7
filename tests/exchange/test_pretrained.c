/* SPDX-License-Identifier: MIT */
/* Networks that others trained compute here what they compute there: `cnn convert` on the files NAME.h5 of the folder
 * CNN_TEST_DATA, then every layer's mean and deviation, the features and the output against NAME_reference.npz, for the
 * images of NAME_pixels.npy. Skipped where the folder is not given. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "exchange/npy.h"

static const struct {
    const char *name, *features; /* the layer whose values are kept whole */
} networks[] = {{"mobilenet_v2", "average_pooling2d_1"}, {"inception_v3", "average_pooling2d_10"}};

static const char *data_folder(void) { return getenv("CNN_TEST_DATA"); }

static cnn_model *convert(cnn_context *context, const char *name)
{
    char model[] = "/tmp/cnn-pretrained-XXXXXX", command[2048];
    cnn_model *loaded = NULL;
    const int file = mkstemp(model);
    ck_assert_int_ge(file, 0);
    close(file);
    snprintf(command, sizeof(command), "'%s' convert --quiet '%s/%s.h5' '%s'", getenv("CNN_COMMAND"), data_folder(),
             name, model);
    ck_assert_msg(system(command) == 0, "%s", command);
    ck_assert_msg(cnn_model_load(context, model, &loaded) == CNN_OK, "%s", cnn_last_error(context));
    unlink(model);
    return loaded;
}

/* The largest difference of what a layer makes and of what is stated, relative to the deviation there. */
static double compare_layer(const cnn_session *session, const char *layer, double mean, double deviation)
{
    cnn_tensor tensor;
    size_t count = 1;
    double sum = 0, squares = 0;
    ck_assert_msg(cnn_session_activation(session, layer, &tensor) == CNN_OK, "%s", layer);
    for (uint32_t d = 0; d < tensor.shape.rank; d++) {
        count *= (size_t)tensor.shape.dims[d];
    }
    for (size_t i = 0; i < count; i++) {
        sum += (double)tensor.data[i];
    }
    for (size_t i = 0; i < count; i++) {
        squares += pow((double)tensor.data[i] - sum / (double)count, 2);
    }
    const double scale = fmax(fabs(mean), deviation);
    const double error = fmax(fabs(sum / (double)count - mean), fabs(sqrt(squares / (double)count) - deviation));
    return scale > 0 ? error / scale : error;
}

static double compare_values(const float *found, const npy *expected, size_t row)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < expected->dims[1]; i++) {
        const double value = npy_number(expected, row * expected->dims[1] + i);
        largest = fmax(largest, fabs(value));
        worst = fmax(worst, fabs((double)found[i] - value));
    }
    return worst / largest;
}

START_TEST(test_network)
{
    cnn_context *context = NULL;
    cnn_session *session = NULL, *fused = NULL;
    npy pixels, layers, means, deviations, features, output;
    char path[1024], archive[1024], layer[128];
    double worst_layer = 0, worst_features = 0, worst_output = 0, worst_fused = 0;
    const char *name = networks[_i].name;
    if (data_folder() == NULL) {
        return;
    }
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    cnn_model *model = convert(context, name);
    snprintf(path, sizeof(path), "%s/%s_pixels.npy", data_folder(), name);
    snprintf(archive, sizeof(archive), "%s/%s_reference.npz", data_folder(), name);
    npy_read(context, path, NULL, &pixels);
    npy_read(context, archive, "layers.npy", &layers);
    npy_read(context, archive, "means.npy", &means);
    npy_read(context, archive, "stds.npy", &deviations);
    npy_read(context, archive, "features.npy", &features);
    npy_read(context, archive, "output.npy", &output);
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.keep_activations = 1), &session), CNN_OK);
    ck_assert_int_eq(cnn_session_create(model, NULL, &fused), CNN_OK);
    const size_t values = pixels.count / pixels.dims[0];
    float *input = malloc(values * sizeof(*input));
    ck_assert_ptr_nonnull(input);
    for (size_t photo = 0; photo < pixels.dims[0]; photo++) {
        cnn_tensor tensor;
        for (size_t i = 0; i < values; i++) {
            input[i] = (float)npy_number(&pixels, photo * values + i) / 255.0f;
        }
        ck_assert_int_eq(cnn_session_forward(session, input, 1), CNN_OK);
        ck_assert_int_eq(cnn_session_forward(fused, input, 1), CNN_OK);
        for (size_t i = 0; i < layers.count; i++) {
            npy_text(&layers, i, layer, sizeof(layer));
            const size_t at = photo * layers.count + i;
            const double error = compare_layer(session, strcmp(layer, "input_1") == 0 ? "input" : layer,
                                               npy_number(&means, at), npy_number(&deviations, at));
            ck_assert_msg(error < 1e-4, "%s: %s of photo %zu: %g", name, layer, photo, error);
            worst_layer = fmax(worst_layer, error);
        }
        ck_assert_int_eq(cnn_session_activation(session, networks[_i].features, &tensor), CNN_OK);
        worst_features = fmax(worst_features, compare_values(tensor.data, &features, photo));
        worst_output = fmax(worst_output, compare_values(cnn_session_output(session), &output, photo));
        worst_fused = fmax(worst_fused, compare_values(cnn_session_output(fused), &output, photo));
    }
    printf("# %s: worst layer %.2g, features %.2g, output %.2g, with fusions %.2g\n", name, worst_layer, worst_features,
           worst_output, worst_fused);
    ck_assert_msg(worst_features < 1e-4 && worst_output < 1e-4 && worst_fused < 1e-4, "%s: features %g, output %g, %g",
                  name, worst_features, worst_output, worst_fused);
    free(input);
    npy *const all[] = {&pixels, &layers, &means, &deviations, &features, &output};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        npy_free(all[i]);
    }
    cnn_session_free(session);
    cnn_session_free(fused);
    cnn_model_free(model);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange/pretrained");
    TCase *tcase = tcase_create("pretrained");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, test_network, 0, (int)(sizeof(networks) / sizeof(networks[0])));
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
