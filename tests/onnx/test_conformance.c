/* SPDX-License-Identifier: MIT */
/* ONNX's own tests (Debian's libonnx-testdata): of all that use only the operators of convolutional networks, on
 * floats, each passes or stands below with the reason. The counts by operator are a table of docs/onnx.md, which has to
 * be true; with CNN_ONNX_WRITE set it is printed instead (write_table.sh). */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "onnx/cases.h"

#define DATA "/usr/share/libonnx-testdata/data"

static const char *const folders[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};

static const char *const operators[] = {
    "Abs",
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Elu",
    "Exp",
    "Flatten",
    "Gather",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Selu",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Softplus",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "Transpose",
    "Unsqueeze",
    "Upsample",
};

enum { OPERATORS = sizeof(operators) / sizeof(operators[0]), FOLDERS = sizeof(folders) / sizeof(folders[0]) };

/* Cases that do not pass: names as they begin, and why. */
static const struct {
    const char *name, *reason;
} exceptions[] = {
    {"test_batchnorm_epsilon_training_mode", "the statistics of the batch are outputs"},
    {"test_batchnorm_example_training_mode", "the statistics of the batch are outputs"},
    {"test_constant", "there is no input"},
    {"test_dropout_default_mask", "the mask is an output"},
    {"test_dropout_default_mask_ratio", "the mask is an output"},
    {"test_gather_0", "several indices of a value; constants are gathered, and one place of a value"},
    {"test_gather_1", "several indices of a value"},
    {"test_gather_2d_indices", "several indices of a value"},
    {"test_gather_negative_indices", "several indices of a value"},
    {"test_maxpool_with_argmax_2d_precomputed_pads", "the places of the maxima are outputs"},
    {"test_maxpool_with_argmax_2d_precomputed_strides", "the places of the maxima are outputs"},
    {"test_reshape_allowzero_reordered", "a tensor without values"},
    {"test_resize_downsample_scales_cubic_align_corners",
     "counts a fraction of a value, where PyTorch and ONNX Runtime count whole ones"},
    {"test_resize_downsample_scales_linear_align_corners",
     "counts a fraction of a value, where PyTorch and ONNX Runtime count whole ones"},
    {"test_slice_start_out_of_bounds", "a tensor without values"},
    {"test_split_zero_size_splits", "a tensor without values"},
    {"test_training_dropout", "random numbers of another generator"},
    {"test_training_dropout_default", "random numbers of another generator"},
    {"test_training_dropout_default_mask", "the mask is an output"},
    {"test_training_dropout_mask", "the mask is an output"},
    {"test_training_dropout_zero_ratio_mask", "the mask is an output"},
};

static const char *reason_of(const char *name)
{
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        if (strcmp(exceptions[i].name, name) == 0) {
            return exceptions[i].reason;
        }
    }
    return NULL;
}

static int operator_number(const char *type)
{
    for (int i = 0; i < OPERATORS; i++) {
        if (strcmp(operators[i], type) == 0) {
            return i;
        }
    }
    return -1;
}

/* Whether a case counts: its operators, and floats in and out; whole numbers may be inputs beside them. */
static bool counts(const cnn__onnx_graph *graph, bool *used)
{
    const cnn__onnx_node *nodes = graph->nodes.items;
    const cnn__onnx_value *inputs = graph->inputs.items, *outputs = graph->outputs.items;
    bool all = graph->outputs.count > 0 && outputs[0].type == CNN__ONNX_FLOAT;
    memset(used, 0, OPERATORS * sizeof(*used));
    for (size_t i = 0; i < graph->nodes.count && all; i++) {
        const int number = operator_number(nodes[i].type);
        all = number >= 0;
        if (all) {
            used[number] = true;
        }
    }
    for (size_t i = 0; i < graph->inputs.count && all; i++) {
        const int32_t type = inputs[i].type;
        all = type == CNN__ONNX_FLOAT ||
              (i > 0 && (type == CNN__ONNX_INT64 || type == CNN__ONNX_INT32 || type == CNN__ONNX_BOOL));
    }
    return all;
}

typedef struct totals {
    int all[OPERATORS], passed[OPERATORS]; /* by operator */
    int folder_all[FOLDERS], folder_passed[FOLDERS];
    double worst;
} totals;

static void run_case(cnn_context *context, int folder, const char *name, totals *t)
{
    char path[1024], file[1100];
    bool used[OPERATORS];
    cnn__arena arena = {.context = context};
    cnn__onnx_model model;
    size_t size = 0;
    snprintf(path, sizeof(path), "%s/%s/%s", DATA, folders[folder], name);
    snprintf(file, sizeof(file), "%s/model.onnx", path);
    void *data = case_read(file, &size);
    if (data == NULL) {
        return;
    }
    ck_assert_int_eq(cnn__onnx_decode(&arena, file, data, size, &model), CNN_OK);
    const bool counted = model.graph != NULL && counts(model.graph, used);
    cnn__arena_free(&arena);
    free(data);
    if (!counted) {
        return;
    }
    const case_result result = case_run(context, path);
    const char *reason = reason_of(name);
    ck_assert_msg(result.passed || reason != NULL, "%s: %s", name, result.message);
    ck_assert_msg(!result.passed || reason == NULL, "%s passes, and is listed with a reason", name);
    t->worst = result.passed && result.difference > t->worst ? result.difference : t->worst;
    t->folder_all[folder]++;
    t->folder_passed[folder] += result.passed;
    for (int i = 0; i < OPERATORS; i++) {
        t->all[i] += used[i];
        t->passed[i] += used[i] && result.passed;
    }
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* The table as docs/onnx.md has it. */
static char *table_text(const totals *t)
{
    char *text = NULL;
    size_t size = 0;
    int all = 0, passed = 0;
    FILE *file = open_memstream(&text, &size);
    for (int i = 0; i < FOLDERS; i++) {
        fprintf(file, "%s%d of %d of `%s`", i == 0 ? "" : ", ", t->folder_passed[i], t->folder_all[i], folders[i]);
        all += t->folder_all[i];
        passed += t->folder_passed[i];
    }
    fprintf(file, ": %d of %d cases pass.\n\n| operator | cases that have it | pass |\n| --- | --- | --- |\n", passed,
            all);
    for (int i = 0; i < OPERATORS; i++) {
        fprintf(file, "| %s | %d | %d |\n", operators[i], t->all[i], t->passed[i]);
    }
    fprintf(file, "\n| case that does not pass | why |\n| --- | --- |\n");
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        fprintf(file, "| %s | %s |\n", exceptions[i].name, exceptions[i].reason);
    }
    fclose(file);
    return text;
}

START_TEST(test_conformance)
{
    static totals t;
    cnn_context *context = NULL;
    char path[1024];
    size_t size = 0;
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    for (int i = 0; i < FOLDERS; i++) {
        struct dirent **entries = NULL;
        snprintf(path, sizeof(path), "%s/%s", DATA, folders[i]);
        const int count = scandir(path, &entries, NULL, by_name);
        if (count < 0) {
            printf("skipped: %s is not there (libonnx-testdata)\n", path);
            cnn_context_free(context);
            return;
        }
        for (int k = 0; k < count; k++) {
            if (entries[k]->d_name[0] != '.') {
                run_case(context, i, entries[k]->d_name, &t);
            }
            free(entries[k]);
        }
        free(entries);
    }
    cnn_context_free(context);
    int left = 0;
    for (int i = 0; i < FOLDERS; i++) {
        left += t.folder_all[i] - t.folder_passed[i];
    }
    ck_assert_int_eq(left, (int)(sizeof(exceptions) / sizeof(exceptions[0]))); /* none is listed for nothing */
    char *table = table_text(&t);
    if (getenv("CNN_ONNX_WRITE") != NULL) {
        printf("%s", table);
    } else {
        printf("largest difference %.2g of the largest output\n", t.worst);
        snprintf(path, sizeof(path), "%s/docs/onnx.md", getenv("CNN_SOURCE"));
        char *doc = case_read(path, &size);
        ck_assert_msg(doc != NULL, "%s", path);
        doc[size] = '\0';
        ck_assert_msg(strstr(doc, table) != NULL,
                      "docs/onnx.md has another table; sh tests/onnx/write_table.sh writes this one:\n%s", table);
        free(doc);
    }
    free(table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/conformance");
    TCase *tests = tcase_create("cases");
    tcase_set_timeout(tests, 280);
    tcase_add_test(tests, test_conformance);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
