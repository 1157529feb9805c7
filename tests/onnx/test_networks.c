/* SPDX-License-Identifier: MIT */
/* Published architectures with made-up weights: they give the outputs that ONNX's own tests have for them. Files are
 * looked for in onnx-light/ of the folder that CNN_TEST_DATA names. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/suite.h"
#include "onnx/cases.h"

static const char *const networks[] = {"bvlc_alexnet", "inception_v1", "resnet50", "squeezenet", "vgg19"};

START_TEST(test_network)
{
    const char *folder = getenv("CNN_TEST_DATA");
    char model[1024], output[1024];
    size_t size = 0;
    cnn_context *context = NULL;
    snprintf(model, sizeof(model), "%s/onnx-light/light_%s.onnx", folder != NULL ? folder : "", networks[_i]);
    snprintf(output, sizeof(output), "%s/onnx-light/light_%s_output_0.pb", folder != NULL ? folder : "", networks[_i]);
    void *there = folder != NULL ? case_read(output, &size) : NULL;
    if (there == NULL) {
        printf("skipped: CNN_TEST_DATA has no onnx-light/ with %s\n", networks[_i]);
        return;
    }
    free(there);
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    const case_result result = case_run_file(context, model, output);
    printf("%s: largest difference %.2g of the largest output\n", networks[_i], result.difference);
    ck_assert_msg(result.passed, "%s: %s", networks[_i], result.message);
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/networks");
    TCase *tests = tcase_create("networks");
    tcase_add_loop_test(tests, test_network, 0, sizeof(networks) / sizeof(networks[0]));
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
