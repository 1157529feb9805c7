/* SPDX-License-Identifier: MIT */
/* ONNX files as bytes: what is encoded is decoded again, and what is damaged fails with a place. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "onnx/collect.h"
#include "onnx/proto.h"

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

static const float halves[] = {0.5f, -1.5f, 2.5f};

static const void *give_halves(void *user, const cnn__onnx_tensor *tensor)
{
    (*(int *)user)++;
    ck_assert_str_eq(tensor->name, "w");
    return halves;
}

/* A model with everything that the schema has. `asked` counts how often the values of a tensor are asked for. */
static void encode(cnn__string *bytes, int *asked)
{
    int64_t dims[] = {3}, ints[] = {1, -2, INT64_MAX};
    const char *inputs[] = {"x", "w"}, *outputs[] = {"y"}, *words[] = {"a", ""};
    float slope = 0.25f;
    cnn__onnx_tensor value = {.name = "v", .type = CNN__ONNX_INT64, .dims = {dims, 1, 0}, .ints = {ints, 3, 0}};
    cnn__onnx_entry place[] = {{"location", "file.bin"}};
    cnn__onnx_tensor tensors[] = {{.name = "w",
                                   .type = CNN__ONNX_FLOAT,
                                   .dims = {dims, 1, 0},
                                   .raw = {NULL, sizeof(halves), 0},
                                   .values = give_halves,
                                   .user = asked},
                                  {.name = "away", .type = CNN__ONNX_FLOAT, .external = {place, 1, 0}, .location = 1},
                                  {.name = "narrow", .type = CNN__ONNX_INT32, .ints = {ints, 2, 0}}};
    tensors[0].raw.items = (void *)(uintptr_t)halves;
    cnn__onnx_attribute attributes[] = {
        {.name = "alpha", .type = CNN__ONNX_ATTRIBUTE_FLOAT, .f = 0.125f},
        {.name = "axis", .type = CNN__ONNX_ATTRIBUTE_INT, .i = -1},
        {.name = "mode", .type = CNN__ONNX_ATTRIBUTE_STRING, .s = "nearest"},
        {.name = "value", .type = CNN__ONNX_ATTRIBUTE_TENSOR, .t = &value},
        {.name = "slopes", .type = CNN__ONNX_ATTRIBUTE_FLOATS, .floats = {&slope, 1, 0}},
        {.name = "pads", .type = CNN__ONNX_ATTRIBUTE_INTS, .ints = {ints, 3, 0}},
        {.name = "words", .type = CNN__ONNX_ATTRIBUTE_STRINGS, .strings = {words, 2, 0}},
    };
    cnn__onnx_node nodes[] = {{.name = "n",
                               .type = "Conv",
                               .domain = "",
                               .inputs = {inputs, 2, 0},
                               .outputs = {outputs, 1, 0},
                               .attributes = {attributes, sizeof(attributes) / sizeof(attributes[0]), 0}}};
    cnn__onnx_dim sizes[] = {{.symbol = "N"}, {.known = true, .size = 3}};
    cnn__onnx_value in = {.name = "x", .type = CNN__ONNX_FLOAT, .shaped = true, .dims = {sizes, 2, 0}};
    cnn__onnx_value out = {.name = "y", .type = CNN__ONNX_FLOAT};
    cnn__onnx_graph graph = {.name = "g",
                             .doc = "what it is",
                             .nodes = {nodes, 1, 0},
                             .initializers = {tensors, 3, 0},
                             .inputs = {&in, 1, 0},
                             .outputs = {&out, 1, 0}};
    cnn__onnx_opset opset = {"", 13};
    cnn__onnx_entry metadata = {"classes", "cat\ndog"};
    const cnn__onnx_model model = {.ir_version = 8,
                                   .producer = "libcnn",
                                   .graph = &graph,
                                   .opsets = {&opset, 1, 0},
                                   .metadata = {&metadata, 1, 0}};
    *bytes = (cnn__string){.context = context};
    ck_assert_int_eq(cnn__onnx_encode(context, &model, collect, bytes), CNN_OK);
}

static void check_node(const cnn__onnx_node *node)
{
    const cnn__onnx_attribute *a = node->attributes.items;
    const int64_t *ints = NULL;
    float slope = 0;
    ck_assert_str_eq(node->type, "Conv");
    ck_assert_uint_eq(node->inputs.count, 2);
    ck_assert_str_eq(((const char **)node->inputs.items)[1], "w");
    ck_assert_uint_eq(node->attributes.count, 7);
    ck_assert(a[0].type == CNN__ONNX_ATTRIBUTE_FLOAT && a[0].f == 0.125f);
    ck_assert_int_eq(a[1].i, -1);
    ck_assert_str_eq(a[2].s, "nearest");
    ints = a[3].t->ints.items;
    ck_assert(a[3].t->ints.count == 3 && ints[1] == -2 && ints[2] == INT64_MAX);
    memcpy(&slope, a[4].floats.items, sizeof(slope));
    ck_assert(a[4].floats.count == 1 && slope == 0.25f);
    ints = a[5].ints.items;
    ck_assert(a[5].ints.count == 3 && ints[1] == -2 && ints[2] == INT64_MAX);
    ck_assert_uint_eq(a[6].strings.count, 2);
    ck_assert_str_eq(((const char **)a[6].strings.items)[0], "a");
}

START_TEST(test_round)
{
    cnn__string bytes;
    cnn__onnx_model model;
    int asked = 0;
    encode(&bytes, &asked);
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(cnn__onnx_decode(&arena, "round", bytes.data, bytes.size, &model), CNN_OK);
    ck_assert_int_eq(model.ir_version, 8);
    ck_assert_str_eq(model.producer, "libcnn");
    ck_assert_str_eq(model.producer_version, "");
    ck_assert_int_eq(((const cnn__onnx_opset *)model.opsets.items)->version, 13);
    ck_assert_str_eq(((const cnn__onnx_entry *)model.metadata.items)->value, "cat\ndog");
    ck_assert_str_eq(model.graph->doc, "what it is");
    ck_assert_uint_eq(model.graph->nodes.count, 1);
    check_node(model.graph->nodes.items);
    const cnn__onnx_tensor *tensors = model.graph->initializers.items;
    ck_assert_uint_eq(model.graph->initializers.count, 3);
    ck_assert(tensors[0].raw.count == sizeof(halves) && memcmp(tensors[0].raw.items, halves, sizeof(halves)) == 0);
    ck_assert_msg((const char *)tensors[0].raw.items > bytes.data &&
                      (const char *)tensors[0].raw.items < bytes.data + bytes.size,
                  "values were copied");
    ck_assert(tensors[1].location == 1 && tensors[1].external.count == 1);
    ck_assert_int_eq(((const int64_t *)tensors[2].ints.items)[1], -2);
    const cnn__onnx_value *in = model.graph->inputs.items, *out = model.graph->outputs.items;
    const cnn__onnx_dim *dims = in->dims.items;
    ck_assert(in->shaped && in->dims.count == 2 && !dims[0].known && dims[1].known && dims[1].size == 3);
    ck_assert_str_eq(dims[0].symbol, "N");
    ck_assert(out->type == CNN__ONNX_FLOAT && !out->shaped);
    cnn__string_free(&bytes);
}
END_TEST

/* Every beginning of a file fails, or is a shorter file; nothing is read beyond it (under sanitizers). */
START_TEST(test_cut)
{
    cnn__string bytes;
    cnn__onnx_model model;
    int asked = 0;
    size_t failed = 0;
    encode(&bytes, &asked);
    for (size_t size = 0; size < bytes.size; size++) {
        char *part = malloc(size + (size == 0));
        ck_assert_ptr_nonnull(part);
        memcpy(part, bytes.data, size);
        const cnn_status status = cnn__onnx_decode(&arena, "cut", part, size, &model);
        ck_assert_msg(status == CNN_OK || status == CNN_ERROR_TRUNCATED || status == CNN_ERROR_FORMAT, "%zu bytes: %d",
                      size, status);
        failed += status != CNN_OK;
        free(part);
    }
    ck_assert_uint_gt(failed, bytes.size / 2);
    cnn__string_free(&bytes);
}
END_TEST

/* Every byte changed in some ways: no crash, no endless reading. */
START_TEST(test_damaged)
{
    cnn__string bytes;
    cnn__onnx_model model;
    int asked = 0;
    encode(&bytes, &asked);
    for (size_t i = 0; i < bytes.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[i] = (char)(bytes.data[i] ^ (1 << bit));
            (void)cnn__onnx_decode(&arena, "damaged", bytes.data, bytes.size, &model);
            cnn__arena_free(&arena);
            bytes.data[i] = (char)(bytes.data[i] ^ (1 << bit));
        }
    }
    cnn__string_free(&bytes);
}
END_TEST

/* Floats that come one by one, as old writers have them, and in several pieces. */
START_TEST(test_pieces)
{
    static const unsigned char bytes[] = {0x10, 1,                                        /* data_type */
                                          0x25, 0, 0, 0x80, 0x3f,                         /* 1, alone */
                                          0x22, 8, 0, 0,    0,    0x40, 0, 0, 0x40, 0x40, /* 2 and 3, packed */
                                          0x08, 3};                                       /* dims */
    cnn__onnx_tensor tensor;
    float values[3];
    ck_assert_int_eq(cnn__onnx_decode_tensor(&arena, "pieces", bytes, sizeof(bytes), &tensor), CNN_OK);
    ck_assert_uint_eq(tensor.floats.count, 3);
    memcpy(values, tensor.floats.items, sizeof(values));
    ck_assert(values[0] == 1 && values[1] == 2 && values[2] == 3);
}
END_TEST

START_TEST(test_limits)
{
    cnn__onnx_model model;
    cnn__string bytes = {.context = context};
    cnn__string graph = {.context = context};
    for (int i = 0; i <= CNN__ONNX_MOST_ITEMS; i++) {
        cnn__string_append(&graph, "\x0a\x00", 2); /* a node without anything */
    }
    const unsigned char head[] = {0x3a, (unsigned char)(graph.size | 0x80), (unsigned char)(graph.size >> 7 | 0x80),
                                  (unsigned char)(graph.size >> 14)};
    cnn__string_append(&bytes, head, sizeof(head));
    cnn__string_append(&bytes, graph.data, graph.size);
    ck_assert_int_eq(cnn__onnx_decode(&arena, "limits", bytes.data, bytes.size, &model), CNN_ERROR_LIMIT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "limits: at byte"));
    cnn__string_free(&bytes);
    cnn__string_free(&graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/proto");
    TCase *tests = tcase_create("bytes");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_round);
    tcase_add_test(tests, test_cut);
    tcase_add_test(tests, test_damaged);
    tcase_add_test(tests, test_pieces);
    tcase_add_test(tests, test_limits);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
