/* SPDX-License-Identifier: MIT */
/* Models as ONNX files: sound graphs for every layer and every network of the zoo, without a Transpose where none is
 * needed; values in ONNX's order; what is refused, and that nothing is left of it. roundtrip.sh compares what they
 * compute with a runtime. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "onnx/collect.h"
#include "onnx/models.h"
#include "onnx/out.h"

static cnn_context *context;
static cnn__arena arena;

static void set_up(void)
{
    ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK);
    arena = (cnn__arena){.context = context};
}

static void tear_down(void)
{
    cnn__arena_free(&arena);
    cnn_context_free(context);
}

/* ---- graphs ---- */

static cnn__onnx_graph *decode(const cnn_model *model, const cnn_onnx_save_options *options, cnn__string *bytes,
                               cnn__onnx_model *file)
{
    *bytes = (cnn__string){.context = context};
    ck_assert_msg(cnn_model_write_onnx(model, options, collect, bytes) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_msg(cnn__onnx_decode(&arena, "file", bytes->data, bytes->size, file) == CNN_OK, "%s",
                  cnn_last_error(context));
    return file->graph;
}

static void enter(cnn__table *names, const char *name)
{
    ck_assert_msg(name[0] != '\0' && cnn__table_add(names, name, 0) == CNN_OK, "two values are named \"%s\"", name);
}

/* Each value is made once, before it is read; nodes have names of their own. Returns the number of Transposes. */
static int check_graph(const cnn__onnx_graph *graph)
{
    const cnn__onnx_value *inputs = graph->inputs.items, *outputs = graph->outputs.items;
    const cnn__onnx_tensor *tensors = graph->initializers.items;
    const cnn__onnx_node *nodes = graph->nodes.items;
    cnn__table values, names;
    int transposes = 0;
    cnn__table_init(&values, context);
    cnn__table_init(&names, context);
    for (size_t i = 0; i < graph->inputs.count; i++) {
        enter(&values, inputs[i].name);
    }
    for (size_t i = 0; i < graph->initializers.count; i++) {
        enter(&values, tensors[i].name);
        size_t count = tensors[i].type == CNN__ONNX_INT64 ? sizeof(int64_t) : sizeof(float);
        for (size_t d = 0; d < tensors[i].dims.count; d++) {
            count *= (size_t)((const int64_t *)tensors[i].dims.items)[d];
        }
        ck_assert_uint_eq(tensors[i].raw.count, count);
    }
    for (size_t i = 0; i < graph->nodes.count; i++) {
        const char *const *read = nodes[i].inputs.items;
        for (size_t k = 0; k < nodes[i].inputs.count; k++) {
            ck_assert_msg(read[k][0] == '\0' || cnn__table_find(&values, read[k], NULL), "%s reads \"%s\"",
                          nodes[i].name, read[k]);
        }
        ck_assert_uint_eq(nodes[i].outputs.count, 1);
        enter(&values, *(const char *const *)nodes[i].outputs.items);
        enter(&names, nodes[i].name);
        transposes += strcmp(nodes[i].type, "Transpose") == 0;
    }
    for (size_t i = 0; i < graph->outputs.count; i++) {
        ck_assert_msg(cnn__table_find(&values, outputs[i].name, NULL), "nothing makes \"%s\"", outputs[i].name);
    }
    cnn__table_free(&values);
    cnn__table_free(&names);
    return transposes;
}

static const cnn__onnx_tensor *tensor_of(const cnn__onnx_graph *graph, const char *name)
{
    const cnn__onnx_tensor *tensors = graph->initializers.items;
    for (size_t i = 0; i < graph->initializers.count; i++) {
        if (strcmp(tensors[i].name, name) == 0) {
            return &tensors[i];
        }
    }
    ck_abort_msg("there is no tensor \"%s\"", name);
    return NULL;
}

static const cnn__onnx_node *node_of(const cnn__onnx_graph *graph, const char *name)
{
    const cnn__onnx_node *nodes = graph->nodes.items;
    for (size_t i = 0; i < graph->nodes.count; i++) {
        if (strcmp(nodes[i].name, name) == 0) {
            return &nodes[i];
        }
    }
    ck_abort_msg("there is no node \"%s\"", name);
    return NULL;
}

static void check_ports(const cnn_model *model, const cnn__onnx_graph *graph)
{
    const cnn__onnx_value *inputs = graph->inputs.items, *outputs = graph->outputs.items;
    ck_assert_uint_eq(graph->inputs.count, cnn_model_input_count(model));
    ck_assert_uint_eq(graph->outputs.count, cnn_model_output_count(model));
    for (size_t i = 0; i < graph->inputs.count; i++) {
        const cnn__onnx_dim *dims = inputs[i].dims.items;
        const cnn_shape sample = cnn_model_value_shape(model, cnn_model_input_name(model, i));
        ck_assert_str_eq(inputs[i].name, cnn_model_input_name(model, i));
        ck_assert_str_eq(dims[0].symbol, "N");
        ck_assert_uint_eq(inputs[i].dims.count, sample.rank + 1);
        if (sample.rank == 3) {
            ck_assert_int_eq(dims[1].size, sample.dims[2]);
            ck_assert_int_eq(dims[2].size, sample.dims[0]);
        }
    }
    for (size_t i = 0; i < graph->outputs.count; i++) {
        ck_assert_str_eq(outputs[i].name, cnn_model_output_name(model, i));
    }
}

/* ---- all that there is ---- */

START_TEST(test_every_layer)
{
    for (size_t i = 0; cnn__layer_types[i] != NULL; i++) {
        ck_assert_msg(cnn__out_layer_find(cnn__layer_types[i]) != NULL, "%s is not in out_table.c",
                      cnn__layer_types[i]->kind.type);
    }
}
END_TEST

START_TEST(test_cases)
{
    cnn_model *model = NULL;
    const char *name = NULL;
    for (size_t i = 0; (name = onnx_case(context, i, &model)) != NULL; i++) {
        cnn__string bytes, again;
        cnn__onnx_model file;
        ck_assert_msg(model != NULL, "%s: %s", name, cnn_last_error(context));
        const cnn__onnx_graph *graph = decode(model, NULL, &bytes, &file);
        (void)check_graph(graph);
        check_ports(model, graph);
        (void)decode(model, NULL, &again, &file);
        ck_assert_uint_eq(bytes.size, again.size);
        ck_assert_mem_eq(bytes.data, again.data, bytes.size);
        cnn__string_free(&bytes);
        cnn__string_free(&again);
        cnn_model_free(model);
    }
}
END_TEST

/* Images stay channels first from the input to the output: the one Transpose is that of a text's network that reads
 * positions as rows. */
START_TEST(test_zoo)
{
    const char *name = NULL;
    for (size_t i = 0; (name = cnn_zoo_name(i)) != NULL; i++) {
        cnn_model *model = NULL;
        cnn__out out;
        const cnn_onnx_save_options plain = {.struct_size = sizeof(plain)};
        cnn_zoo_options options = {.struct_size = sizeof(options)};
        if (strncmp(name, "vgg", 3) == 0 || strncmp(name, "alexnet", 7) == 0 || strcmp(name, "catdog-vgg16") == 0) {
            options.input[0] = options.input[1] = 80; /* smaller dense layers */
            options.input[2] = 3;
        }
        ck_assert_msg(cnn_zoo_create(context, name, &options, &model) == CNN_OK, "%s", cnn_last_error(context));
        ck_assert_msg(cnn__out_build(&out, model, &plain) == CNN_OK, "%s", cnn_last_error(context));
        ck_assert_int_eq(out.opset, 13);
        ck_assert_msg(check_graph(&out.graph) == 0, "%s has Transposes", name);
        check_ports(model, &out.graph);
        cnn__out_free(&out);
        cnn_model_free(model);
    }
}
END_TEST

/* ---- values ---- */

START_TEST(test_order)
{
    cnn_model *model = NULL;
    cnn__string bytes;
    cnn__onnx_model file;
    cnn_parameter kernel = CNN_PARAMETER_INIT, weights = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {4, 5, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 2, .kernel = {3, 2})));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 7)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "conv2d_1/kernel", &kernel), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(model, "dense_1/kernel", &weights), CNN_OK);
    const cnn__onnx_graph *graph = decode(model, NULL, &bytes, &file);
    float filters[2][3][3][2], rows[7][2][2][4]; /* out, in, H, W; units, channels, H, W */
    const cnn__onnx_tensor *tensor = tensor_of(graph, "conv2d_1/kernel");
    ck_assert_uint_eq(tensor->raw.count, sizeof(filters));
    memcpy(filters, tensor->raw.items, sizeof(filters));
    for (size_t i = 0; i < 36; i++) { /* H, W, in, out */
        ck_assert(filters[i % 2][i / 2 % 3][i / 12][i / 6 % 2] == kernel.value.data[i]);
    }
    tensor = tensor_of(graph, "dense_1/kernel");
    ck_assert_uint_eq(tensor->raw.count, sizeof(rows));
    memcpy(rows, tensor->raw.items, sizeof(rows));
    for (size_t i = 0; i < 112; i++) { /* H, W, channels, units */
        ck_assert(rows[i % 7][i / 7 % 2][i / 56][i / 14 % 4] == weights.value.data[i]);
    }
    cnn__string_free(&bytes);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_shared_orders)
{
    cnn_model *model = NULL;
    cnn__string bytes;
    cnn__onnx_model file;
    size_t shared = 0;
    while (strcmp(onnx_case(context, shared, &model), "shared") != 0) {
        cnn_model_free(model);
        shared++;
    }
    const cnn__onnx_graph *graph = decode(model, NULL, &bytes, &file);
    ck_assert_uint_eq(graph->initializers.count, 3); /* one bias, and weights in two orders */
    ck_assert_ptr_nonnull(tensor_of(graph, "dense/kernel:2"));
    ck_assert_str_eq(node_of(graph, "again")->type, "Gemm");
    cnn__string_free(&bytes);
    cnn_model_free(model);
}
END_TEST

/* Dropout and noise are no nodes, unless an output is what they hand on. */
START_TEST(test_training_only)
{
    cnn_model *model = NULL;
    cnn__string bytes;
    cnn__onnx_model file;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {6, 0, 0}), &model), CNN_OK);
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.5f)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2)));
    cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.name = "last", .rate = 0.5f)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    const cnn__onnx_graph *graph = decode(model, NULL, &bytes, &file);
    ck_assert_uint_eq(graph->nodes.count, 2);
    ck_assert_str_eq(node_of(graph, "dense_1")->type, "Gemm");
    ck_assert_str_eq(node_of(graph, "last")->type, "Identity");
    cnn__string_free(&bytes);
    cnn_model_free(model);
}
END_TEST

/* ---- metadata and preprocessing ---- */

static const char *entry_of(const cnn__onnx_model *file, const char *key)
{
    const cnn__onnx_entry *entries = file->metadata.items;
    for (size_t i = 0; i < file->metadata.count; i++) {
        if (strcmp(entries[i].key, key) == 0) {
            return entries[i].value;
        }
    }
    return NULL;
}

static cnn_model *with_pipeline(const char *steps)
{
    static const char *const classes[] = {"a, b", "quote\"d", "caf\xc3\xa9"};
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 10, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_set_classes(model, classes, 3), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, steps, &pipeline), CNN_OK);
    ck_assert_msg(cnn_model_set_pipeline(model, pipeline) == CNN_OK, "%s", cnn_last_error(context));
    cnn_pipeline_free(pipeline);
    return model;
}

START_TEST(test_metadata)
{
    cnn__string bytes;
    cnn__onnx_model file;
    cnn_model *model = with_pipeline("resize=8x10,normalize=mean=0.5:std=0.25");
    (void)decode(model, NULL, &bytes, &file);
    ck_assert_str_eq(entry_of(&file, "classes"), "[\"a, b\",\"quote\\\"d\",\"caf\xc3\xa9\"]");
    ck_assert_str_eq(entry_of(&file, "preprocessing"), cnn_pipeline_text(cnn_model_pipeline(model)));
    ck_assert_str_eq(file.producer, "libcnn");
    cnn__string_free(&bytes);
    cnn_model_free(model);
}
END_TEST

START_TEST(test_preprocessing)
{
    static const char *const pipelines[] = {
        "resize=8x10:bilinear:full,normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225",
        "resize_short=12:bicubic,center_crop=8x10,flip,bgr,scale=255,subtract=103/116/123",
        "orient,resize_short=9:nearest,center_crop=8x10,grey=3",
        "scale=2,resize=8x10,grey=3,normalize=mean=0.5:std=0.5",
        "random_resized_crop=8x10,brightness=0.5/1.5",
    };
    for (size_t i = 0; i < sizeof(pipelines) / sizeof(pipelines[0]); i++) {
        cnn__string bytes;
        cnn__onnx_model file;
        cnn_model *model = with_pipeline(pipelines[i]);
        const cnn__onnx_graph *graph = decode(model, CNN_ONNX_SAVE(.preprocessing = 1), &bytes, &file);
        const cnn__onnx_value *image = graph->inputs.items;
        const cnn__onnx_dim *dims = image->dims.items;
        (void)check_graph(graph);
        ck_assert_int_eq(((const cnn__onnx_opset *)file.opsets.items)->version, 18);
        ck_assert_str_eq(image->name, "image");
        ck_assert_int_eq(image->type, CNN__ONNX_UINT8);
        ck_assert_str_eq(dims[1].symbol, "height");
        ck_assert_int_eq(dims[3].size, 3);
        cnn__string_free(&bytes);
        cnn_model_free(model);
    }
}
END_TEST

START_TEST(test_preprocessing_refused)
{
    static const char *const refused[][2] = {{"ten_crop=8x10", "ten_crop"}, {"resize=8x10:area", "area"}};
    for (size_t i = 0; i < 2; i++) {
        cnn__string bytes = {.context = context};
        cnn_model *model = with_pipeline(refused[i][0]);
        ck_assert_int_eq(cnn_model_write_onnx(model, CNN_ONNX_SAVE(.preprocessing = 1), collect, &bytes),
                         CNN_ERROR_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), refused[i][1]));
        ck_assert_uint_eq(bytes.size, 0);
        ck_assert_int_eq(cnn_model_write_onnx(model, NULL, collect, &bytes), CNN_OK);
        cnn__string_free(&bytes);
        cnn_model_free(model);
    }
}
END_TEST

/* ---- failures ---- */

static cnn_status same_shape(const void *user, const cnn_backend *backend, uint32_t threads, const cnn_shape *inputs,
                             uint32_t input_count, cnn_layer_spec *spec, char *reason, size_t reason_size)
{
    (void)user;
    (void)backend;
    (void)threads;
    (void)input_count;
    (void)reason;
    (void)reason_size;
    spec->output = *inputs;
    return CNN_OK;
}

static cnn_status do_nothing(const void *user, const cnn_layer_call *call)
{
    (void)user;
    (void)call;
    return CNN_OK;
}

START_TEST(test_no_counterpart)
{
    static const cnn_layer_kind kind = {
        .struct_size = sizeof(kind), .type = "Mine", .prefix = "mine", .infer = same_shape, .forward = do_nothing};
    cnn_model *model = NULL;
    char path[512];
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {6, 0, 0}), &model), CNN_OK);
    cnn_model_add(model, cnn_custom_layer(context, &kind, NULL, "first"));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2)));
    cnn_model_add(model, cnn_custom_layer(context, &kind, NULL, "second"));
    test_path(path, sizeof(path), "refused.onnx");
    ck_assert_int_eq(cnn_model_save_onnx(model, path, NULL), CNN_ERROR_STATE);
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_save_onnx(model, path, NULL), CNN_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "2 layers: \"first\" (Mine), \"second\" (Mine)"));
    ck_assert_int_ne(access(path, F_OK), 0);
    cnn_model_free(model);
}
END_TEST

static cnn_status stop(void *user, const void *data, size_t size)
{
    (void)data;
    size_t *left = user;
    *left -= size < *left ? size : *left;
    return *left == 0 ? CNN_ERROR_CANCELLED : CNN_OK;
}

START_TEST(test_failing_writes)
{
    cnn_model *model = NULL;
    cnn__string bytes;
    cnn__onnx_model file;
    char path[512];
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    (void)decode(model, NULL, &bytes, &file);
    for (size_t at = 1; at < bytes.size; at += bytes.size / 40 + 1) {
        size_t left = at;
        ck_assert_int_eq(cnn_model_write_onnx(model, NULL, stop, &left), CNN_ERROR_CANCELLED);
    }
    ck_assert_int_eq(cnn_model_write_onnx(model, CNN_ONNX_SAVE(.preprocessing = 1), collect, &bytes), CNN_ERROR_STATE);
    test_path(path, sizeof(path), "no-such-folder");
    strcat(path, "/model.onnx");
    ck_assert_int_eq(cnn_model_save_onnx(model, path, NULL), CNN_ERROR_NOT_FOUND);
    test_path(path, sizeof(path), "model.onnx");
    ck_assert_int_eq(cnn_model_save_onnx(model, path, NULL), CNN_OK);
    FILE *written = fopen(path, "rb");
    char *same = malloc(bytes.size + 1);
    ck_assert_ptr_nonnull(written);
    ck_assert_uint_eq(fread(same, 1, bytes.size + 1, written), bytes.size);
    ck_assert_mem_eq(same, bytes.data, bytes.size);
    fclose(written);
    unlink(path);
    free(same);
    cnn__string_free(&bytes);
    cnn_model_free(model);
}
END_TEST

static cnn_status count_bytes(void *user, const void *data, size_t size)
{
    *(uint64_t *)user = test_hash(data, size) ^ (*(uint64_t *)user * 31);
    return CNN_OK;
}

/* Each allocation fails in turn, once and for good: nothing is left, and what succeeds gives the same bytes. */
START_TEST(test_allocations)
{
    test_allocator counts = {0};
    cnn_allocator allocator = test_allocator_options(&counts);
    cnn_context_free(context);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &context), CNN_OK);
    cnn_model *models[] = {with_pipeline("resize_short=9,center_crop=8x10,grey=3,scale=2"), NULL, NULL};
    (void)onnx_case(context, 13, &models[1]);                                                 /* turns values around */
    (void)onnx_case(context, 19, &models[2]);                                                 /* several outputs */
    ck_assert_int_eq(cnn_model_save_onnx(models[0], NULL, NULL), CNN_ERROR_INVALID_ARGUMENT); /* room for messages */
    for (size_t i = 0; i < 3; i++) {
        const cnn_onnx_save_options options = {.struct_size = sizeof(options), .preprocessing = i == 0};
        uint64_t expected = 0;
        const size_t blocks = counts.blocks, before = counts.calls;
        ck_assert_int_eq(cnn_model_write_onnx(models[i], &options, count_bytes, &expected), CNN_OK);
        const size_t calls = counts.calls - before;
        for (size_t k = 1; k <= 2 * calls; k++) {
            uint64_t hash = 0;
            counts.persistent = k % 2 == 0;
            counts.fail_at = counts.calls + (k + 1) / 2;
            const cnn_status status = cnn_model_write_onnx(models[i], &options, count_bytes, &hash);
            counts.fail_at = 0;
            ck_assert_msg(status == CNN_ERROR_OUT_OF_MEMORY || (status == CNN_OK && hash == expected),
                          "%zu: %zu of %zu", i, k, calls);
            ck_assert_uint_eq(counts.blocks, blocks);
        }
        cnn_model_free(models[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/export");
    TCase *tests = tcase_create("export");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 280); /* the zoo has half a billion parameters */
    tcase_add_test(tests, test_every_layer);
    tcase_add_test(tests, test_cases);
    tcase_add_test(tests, test_zoo);
    tcase_add_test(tests, test_order);
    tcase_add_test(tests, test_shared_orders);
    tcase_add_test(tests, test_training_only);
    tcase_add_test(tests, test_metadata);
    tcase_add_test(tests, test_preprocessing);
    tcase_add_test(tests, test_preprocessing_refused);
    tcase_add_test(tests, test_no_counterpart);
    tcase_add_test(tests, test_failing_writes);
    tcase_add_test(tests, test_allocations);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
