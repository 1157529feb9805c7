/* SPDX-License-Identifier: MIT */
/* Files that are wrong, unsupported or of bad intent: each gives its status and a message that names the node. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "onnx/models.h"
#include "onnx/proto.h"

static cnn_context *context;

static void set_up(void) { ck_assert_int_eq(cnn_context_create(NULL, &context), CNN_OK); }
static void tear_down(void) { cnn_context_free(context); }

static cnn_status collect(void *user, const void *data, size_t size)
{
    cnn__string_append(user, data, size);
    return ((cnn__string *)user)->status;
}

/* ---- small graphs ---- */

enum { MOST = 8 };

/* An image "x" of 2 channels, nodes, and tensors. */
typedef struct file {
    cnn__onnx_node nodes[MOST];
    cnn__onnx_attribute attributes[MOST][MOST];
    const char *inputs[MOST][4], *outputs[MOST][2];
    cnn__onnx_tensor tensors[MOST];
    cnn__onnx_entry places[MOST][3];
    int64_t dims[MOST][4];
    size_t node_count, tensor_count;
    int64_t opset;
    const char *output;
} file;

static float weights[4 * 2 * 3 * 3];

static cnn__onnx_node *add_node(file *f, const char *type, const char *a, const char *b, const char *output)
{
    const size_t i = f->node_count++;
    f->inputs[i][0] = a;
    f->inputs[i][1] = b;
    f->outputs[i][0] = output;
    f->nodes[i] = (cnn__onnx_node){.name = output,
                                   .type = type,
                                   .inputs = {f->inputs[i], b != NULL ? 2 : 1, 0},
                                   .outputs = {f->outputs[i], 1, 0},
                                   .attributes = {f->attributes[i], 0, 0}};
    f->output = output;
    return &f->nodes[i];
}

static cnn__onnx_attribute *add_int(cnn__onnx_node *node, const char *name, int64_t value)
{
    cnn__onnx_attribute *a = (cnn__onnx_attribute *)node->attributes.items + node->attributes.count++;
    *a = (cnn__onnx_attribute){.name = name, .type = CNN__ONNX_ATTRIBUTE_INT, .i = value};
    return a;
}

static void add_ints(cnn__onnx_node *node, const char *name, int64_t *values, size_t count)
{
    cnn__onnx_attribute *a = add_int(node, name, 0);
    a->type = CNN__ONNX_ATTRIBUTE_INTS;
    a->ints = (cnn__onnx_list){values, count, 0};
}

static cnn__onnx_tensor *add_tensor(file *f, const char *name, uint32_t rank, int64_t a, int64_t b, int64_t c,
                                    int64_t d)
{
    const size_t i = f->tensor_count++;
    const int64_t dims[] = {a, b, c, d};
    size_t bytes = sizeof(float);
    for (uint32_t k = 0; k < rank; k++) {
        f->dims[i][k] = dims[k];
        bytes *= (size_t)dims[k];
    }
    f->tensors[i] = (cnn__onnx_tensor){.name = name,
                                       .type = CNN__ONNX_FLOAT,
                                       .dims = {f->dims[i], rank, 0},
                                       .raw = {weights, bytes < sizeof(weights) ? bytes : sizeof(weights), 0}};
    return &f->tensors[i];
}

static void encode(file *f, cnn__string *bytes)
{
    cnn__onnx_dim sizes[] = {
        {.symbol = "N"}, {.known = true, .size = 2}, {.known = true, .size = 6}, {.known = true, .size = 5}};
    cnn__onnx_value in = {.name = "x", .type = CNN__ONNX_FLOAT, .shaped = true, .dims = {sizes, 4, 0}};
    cnn__onnx_value out = {.name = f->output, .type = CNN__ONNX_FLOAT};
    cnn__onnx_graph graph = {.name = "g",
                             .nodes = {f->nodes, f->node_count, 0},
                             .initializers = {f->tensors, f->tensor_count, 0},
                             .inputs = {&in, 1, 0},
                             .outputs = {&out, 1, 0}};
    cnn__onnx_opset opset = {"", f->opset != 0 ? f->opset : 13};
    const cnn__onnx_model model = {.ir_version = 8, .graph = &graph, .opsets = {&opset, 1, 0}};
    *bytes = (cnn__string){.context = context};
    ck_assert_int_eq(cnn__onnx_encode(context, &model, collect, bytes), CNN_OK);
}

/* Loads the file, which has to fail, and looks for a text in the message. */
static void refuse(file *f, cnn_status expected, const char *text)
{
    cnn__string bytes;
    cnn_model *model = NULL;
    encode(f, &bytes);
    const cnn_status status = cnn_model_load_onnx_memory(context, "bad.onnx", bytes.data, bytes.size, NULL, &model);
    const char *message = cnn_last_error(context);
    ck_assert_msg(status == expected, "%s: status %d: %s", text, status, status != CNN_OK ? message : "loaded");
    ck_assert_ptr_null(model);
    ck_assert_msg(strstr(message, text) != NULL && strncmp(message, "bad.onnx: ", 10) == 0, "%s: %s", text, message);
    cnn__string_free(&bytes);
}

/* ---- what is wrong ---- */

START_TEST(test_lists_unsupported)
{
    file f = {0};
    add_node(&f, "Relu", "x", NULL, "a");
    add_node(&f, "LSTM", "a", NULL, "recurrent");
    add_node(&f, "Relu", "recurrent", NULL, "b");
    add_node(&f, "Softsign", "a", NULL, "sign");
    refuse(&f, CNN_ERROR_UNSUPPORTED, "2 of its nodes are not supported: LSTM \"recurrent\", Softsign \"sign\"");
    f = (file){0};
    add_node(&f, "Relu", "x", NULL, "a")->domain = "com.example";
    refuse(&f, CNN_ERROR_UNSUPPORTED, "Relu \"a\"");
}
END_TEST

START_TEST(test_graphs)
{
    file f = {0};
    add_node(&f, "Relu", "b", NULL, "a");
    add_node(&f, "Relu", "a", NULL, "b");
    refuse(&f, CNN_ERROR_FORMAT, "node \"a\" (Relu): its input \"b\" is not there");
    f = (file){0};
    add_node(&f, "Relu", "x", NULL, "a");
    add_node(&f, "Relu", "x", NULL, "a");
    refuse(&f, CNN_ERROR_FORMAT, "name of another tensor");
    f = (file){0};
    add_node(&f, "Relu", "x", NULL, "a");
    f.output = "elsewhere";
    refuse(&f, CNN_ERROR_FORMAT, "output \"elsewhere\" is not there");
    f = (file){.opset = 27}; /* one more than the newest that is read */
    add_node(&f, "Relu", "x", NULL, "a");
    refuse(&f, CNN_ERROR_VERSION, "operator set 27; 1 to 26 are read");
    f = (file){.opset = 26}; /* the newest one: what is refused is the operator */
    add_node(&f, "LSTM", "x", NULL, "recurrent");
    refuse(&f, CNN_ERROR_UNSUPPORTED, "LSTM \"recurrent\"");
    f = (file){0};
    add_node(&f, "Relu", "nowhere", NULL, "a");
    refuse(&f, CNN_ERROR_FORMAT, "\"nowhere\"");
}
END_TEST

START_TEST(test_numbers)
{
    int64_t zero[] = {0, 0}, huge[] = {INT64_MAX, 1}, sizes[] = {3, 3, 3}, minus[] = {-1, -1}, one[] = {1, 1};
    file f = {0};
    cnn__onnx_node *node = add_node(&f, "Conv", "x", "w", "conv");
    (void)add_tensor(&f, "w", 4, 4, 2, 3, 3);
    add_int(node, "group", 0);
    refuse(&f, CNN_ERROR_FORMAT, "node \"conv\" (Conv): its group is 0");
    node->attributes.count = 0;
    add_ints(node, "strides", zero, 2);
    refuse(&f, CNN_ERROR_FORMAT, "strides has a 0");
    node->attributes.count = 0;
    add_ints(node, "dilations", huge, 2);
    refuse(&f, CNN_ERROR_LIMIT, "dilations");
    node->attributes.count = 0;
    add_ints(node, "kernel_shape", sizes, 3);
    refuse(&f, CNN_ERROR_FORMAT, "kernel_shape has 3 numbers");
    node->attributes.count = 0;
    add_int(node, "group", 3);
    refuse(&f, CNN_ERROR_SHAPE, "in 3 groups");
    f = (file){0};
    node = add_node(&f, "MaxPool", "x", NULL, "pool");
    refuse(&f, CNN_ERROR_FORMAT, "no kernel_shape");
    add_ints(node, "kernel_shape", minus, 2);
    refuse(&f, CNN_ERROR_FORMAT, "kernel_shape has a -1");
    f = (file){0};
    node = add_node(&f, "Transpose", "x", NULL, "turned");
    add_ints(node, "perm", one, 2);
    refuse(&f, CNN_ERROR_FORMAT, "2 axes");
    f = (file){0};
    node = add_node(&f, "Softmax", "x", NULL, "rows");
    add_int(node, "axis", 7);
    refuse(&f, CNN_ERROR_FORMAT, "axis 7");
}
END_TEST

START_TEST(test_tensors)
{
    int64_t shape[] = {7, 5};
    file f = {0};
    (void)add_node(&f, "Conv", "x", "w", "conv");
    cnn__onnx_tensor *w = add_tensor(&f, "w", 4, 4, 2, 3, 3);
    w->raw.count = 8;
    refuse(&f, CNN_ERROR_FORMAT, "tensor \"w\" has 8 bytes");
    w->raw.count = sizeof(weights);
    w->type = CNN__ONNX_STRING;
    refuse(&f, CNN_ERROR_UNSUPPORTED, "tensor \"w\" is of type 8");
    w->type = CNN__ONNX_FLOAT;
    f.dims[0][0] = INT64_MAX;
    refuse(&f, CNN_ERROR_LIMIT, "overflows");
    f.dims[0][0] = -4;
    refuse(&f, CNN_ERROR_LIMIT, "overflows");
    f = (file){0};
    (void)add_node(&f, "Reshape", "x", "s", "shaped");
    cnn__onnx_tensor *s = add_tensor(&f, "s", 1, 2, 0, 0, 0);
    s->type = CNN__ONNX_INT64;
    s->raw = (cnn__onnx_list){shape, sizeof(shape), 0};
    refuse(&f, CNN_ERROR_SHAPE, "do not fill its shape");
}
END_TEST

/* Numbers of a Resize are as many as its axes, wherever they stand. */
START_TEST(test_resizings)
{
    static float scales[] = {1, 1, 2, 2};
    int64_t axes[64] = {0};
    file f = {.opset = 9};
    cnn__onnx_node *node = add_node(&f, "Upsample", "x", NULL, "large");
    refuse(&f, CNN_ERROR_FORMAT, "node \"large\" (Upsample): it has neither scales nor sizes");
    cnn__onnx_attribute *list = add_int(node, "scales", 0);
    list->type = CNN__ONNX_ATTRIBUTE_FLOATS;
    list->floats = (cnn__onnx_list){scales, 3, 0};
    refuse(&f, CNN_ERROR_FORMAT, "3 numbers for 4 axes");
    list->floats.count = 4;
    add_ints(node, "axes", axes, 64); /* more than there are scales, which would be read behind their end */
    refuse(&f, CNN_ERROR_FORMAT, "4 numbers for 64 axes");
    node->attributes.count = 0;
    f.opset = 13;
    node->type = "Resize";
    f.inputs[0][1] = "";
    f.inputs[0][2] = "s";
    node->inputs.count = 3;
    cnn__onnx_tensor *s = add_tensor(&f, "s", 1, 4, 0, 0, 0);
    s->raw = (cnn__onnx_list){scales, sizeof(scales), 0};
    add_ints(node, "axes", axes, 64);
    refuse(&f, CNN_ERROR_FORMAT, "4 numbers for 64 axes");
    node->attributes.count = 0;
    scales[2] = 0;
    refuse(&f, CNN_ERROR_FORMAT, "a size or scale of 0");
    scales[2] = 2;
}
END_TEST

/* ---- values in other files ---- */

static char folder[64];

/* Constants hold every int64_t, the largest too, by which exporters say that a Slice goes to the end. */
START_TEST(test_wholes)
{
    static int64_t most[] = {INT64_MAX}, one[] = {1}, last[] = {3};
    cnn_model *model = NULL;
    cnn__string bytes;
    file f = {0};
    cnn__onnx_tensor *count = add_tensor(&f, "one", 1, 1, 0, 0, 0), *axis = add_tensor(&f, "axis", 1, 1, 0, 0, 0);
    count->type = axis->type = CNN__ONNX_INT64;
    count->raw = (cnn__onnx_list){one, sizeof(one), 0};
    axis->raw = (cnn__onnx_list){last, sizeof(last), 0};
    cnn__onnx_tensor value = {.type = CNN__ONNX_INT64, .dims = {one, 1, 0}, .raw = {most, sizeof(most), 0}};
    cnn__onnx_node *node = add_node(&f, "ConstantOfShape", "one", NULL, "end");
    cnn__onnx_attribute *a = add_int(node, "value", 0);
    a->type = CNN__ONNX_ATTRIBUTE_TENSOR;
    a->t = &value;
    node = add_node(&f, "Slice", "x", "one", "right");
    f.inputs[1][2] = "end";
    f.inputs[1][3] = "axis";
    node->inputs.count = 4;
    encode(&f, &bytes);
    ck_assert_msg(cnn_model_load_onnx_memory(context, NULL, bytes.data, bytes.size, NULL, &model) == CNN_OK, "%s",
                  cnn_last_error(context));
    const cnn_shape shape = cnn_model_output_shape(model); /* 6, 4, 2: all columns but the first */
    ck_assert_int_eq(shape.dims[1], 4);
    cnn_model_free(model);
    cnn__string_free(&bytes);
}
END_TEST

/* A shape that leaves a size open beside an axis without values says nothing. */
START_TEST(test_open_and_empty)
{
    static int64_t shape[] = {0, -1};
    file f = {0};
    cnn__onnx_tensor *empty = add_tensor(&f, "empty", 2, 0, 3, 0, 0), *s = add_tensor(&f, "s", 1, 2, 0, 0, 0);
    empty->raw.count = 0;
    s->type = CNN__ONNX_INT64;
    s->raw = (cnn__onnx_list){shape, sizeof(shape), 0};
    (void)add_node(&f, "Reshape", "empty", "s", "none");
    (void)add_node(&f, "Add", "x", "none", "sum");
    refuse(&f, CNN_ERROR_SHAPE, "node \"none\" (Reshape): ");
}
END_TEST

static void write_file(const char *name, const void *data, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(data, 1, size, out), size);
    ck_assert_int_eq(fclose(out), 0);
}

/* Loads a model whose weights lie at a place; returns the status. */
static cnn_status load_rows(const char *location, const char *offset, bool allowed, int64_t rows)
{
    char path[256];
    file f = {0};
    cnn__string bytes;
    cnn_model *model = NULL;
    (void)add_node(&f, "Conv", "x", "w", "conv");
    cnn__onnx_tensor *w = add_tensor(&f, "w", 4, rows, 2, 3, 3);
    f.places[0][0] = (cnn__onnx_entry){"location", location};
    f.places[0][1] = (cnn__onnx_entry){"offset", offset};
    w->raw = (cnn__onnx_list){0};
    w->external = (cnn__onnx_list){f.places[0], 2, 0};
    w->location = 1;
    encode(&f, &bytes);
    write_file("model.onnx", bytes.data, bytes.size);
    cnn__string_free(&bytes);
    snprintf(path, sizeof(path), "%s/model.onnx", folder);
    const cnn_status status = cnn_model_load_onnx(context, path, CNN_ONNX_LOAD(.external_data = allowed), &model);
    cnn_model_free(model);
    return status;
}

static cnn_status load_from(const char *location, const char *offset, bool allowed)
{
    return load_rows(location, offset, allowed, 4);
}

START_TEST(test_external)
{
    char path[256], outside[] = "/tmp/cnn-onnx-outside-XXXXXX";
    snprintf(folder, sizeof(folder), "/tmp/cnn-onnx-folder-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    const int made = mkstemp(outside);
    ck_assert_int_ge(made, 0);
    ck_assert_int_eq((int)write(made, weights, sizeof(weights)), (int)sizeof(weights));
    close(made);
    write_file("values.bin", weights, sizeof(weights));
    snprintf(path, sizeof(path), "%s/link.bin", folder);
    ck_assert_int_eq(symlink(outside, path), 0);
    snprintf(path, sizeof(path), "%s/way", folder);
    ck_assert_int_eq(symlink("/tmp", path), 0);
    snprintf(path, sizeof(path), "%s/hard.bin", folder);
    ck_assert_int_eq(link(outside, path), 0);
    ck_assert_int_eq(load_from("values.bin", "0", true), CNN_OK);
    ck_assert_int_eq(load_from("values.bin", "0", false), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("values.bin", "4", true), CNN_ERROR_TRUNCATED);
    ck_assert_int_eq(load_from("values.bin", "-1", true), CNN_ERROR_FORMAT);
    ck_assert_int_eq(load_from("values.bin", "99999999999999999999", true), CNN_ERROR_FORMAT);
    ck_assert_int_eq(load_from("missing.bin", "0", true), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(load_from(outside, "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("../outside", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("a/../../outside", "0", true), CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(load_from("link.bin", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("hard.bin", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("way/x", "0", true), CNN_ERROR_DENIED);
    ck_assert_int_eq(load_from("", "0", true), CNN_ERROR_FORMAT);
    /* What really lies there may be more than a small file could ask for else; what does not is never asked for. */
    const int64_t rows = 1000000, large = rows * 2 * 3 * 3 * (int64_t)sizeof(float);
    snprintf(path, sizeof(path), "%s/values.bin", folder);
    ck_assert_int_eq(load_rows("values.bin", "0", true, rows), CNN_ERROR_TRUNCATED);
    ck_assert_int_eq(truncate(path, large), 0);
    ck_assert_int_eq(load_rows("values.bin", "0", true, rows), CNN_OK);
    ck_assert_int_eq(cnn_context_set_limit(context, "model_bytes", (uint64_t)large - 1), CNN_OK);
    ck_assert_int_eq(load_rows("values.bin", "0", true, rows), CNN_ERROR_LIMIT);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "--allow model_bytes=N"));
    static const char *const names[] = {"values.bin", "link.bin", "hard.bin", "way", "model.onnx"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
    unlink(outside);
}
END_TEST

/* ---- without memory ---- */

/* A model with many kinds of layers as a file. */
static void written_case(const char *wanted, cnn__string *bytes)
{
    cnn_model *model = NULL;
    const char *name = NULL;
    for (size_t i = 0; (name = onnx_case(context, i, &model)) != NULL && strcmp(name, wanted) != 0; i++) {
        cnn_model_free(model);
    }
    ck_assert_ptr_nonnull(model);
    *bytes = (cnn__string){.context = context};
    ck_assert_int_eq(cnn_model_write_onnx(model, NULL, collect, bytes), CNN_OK);
    cnn_model_free(model);
}

static cnn_status load_with(test_allocator *counts, const cnn__string *bytes)
{
    cnn_allocator allocator = test_allocator_options(counts);
    cnn_context *own = NULL;
    cnn_model *model = NULL;
    cnn_status status = cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &own);
    if (status == CNN_OK) {
        status = cnn_model_load_onnx_memory(own, NULL, bytes->data, bytes->size, NULL, &model);
        ck_assert((model != NULL) == (status == CNN_OK));
    }
    cnn_model_free(model);
    cnn_context_free(own);
    return status;
}

static const char *const failing[] = {"functions", "parts", "moved", "flat", "normalisations"};

START_TEST(test_memory)
{
    cnn__string bytes;
    test_allocator counts = {0};
    written_case(failing[_i], &bytes);
    ck_assert_int_eq(load_with(&counts, &bytes), CNN_OK);
    const size_t calls = counts.calls;
    for (int persistent = 0; persistent < 2; persistent++) {
        for (size_t k = 1; k <= calls; k++) {
            counts = (test_allocator){.fail_at = k, .persistent = persistent};
            const cnn_status status = load_with(&counts, &bytes);
            ck_assert_msg(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY, "%s, allocation %zu of %zu: %d",
                          failing[_i], k, calls, status);
            ck_assert_msg(counts.blocks == 0, "%s, allocation %zu: %zu blocks are left", failing[_i], k,
                          (size_t)counts.blocks);
        }
    }
    cnn__string_free(&bytes);
}
END_TEST

/* Every beginning of a file fails with a message. */
START_TEST(test_cut)
{
    cnn__string bytes;
    written_case("flat", &bytes);
    for (size_t size = 0; size < bytes.size; size += size < 3000 ? 1 : 97) {
        cnn_model *model = NULL;
        char *part = malloc(size + 1);
        memcpy(part, bytes.data, size);
        const cnn_status status = cnn_model_load_onnx_memory(context, NULL, part, size, NULL, &model);
        ck_assert_msg(status != CNN_OK, "%zu bytes of %zu", size, bytes.size);
        ck_assert_ptr_null(model);
        free(part);
    }
    cnn__string_free(&bytes);
}
END_TEST

/* ---- messages in messages ---- */

enum { LEVELS = 10000, SMALL_STACK = 512 << 10 };

/* A message that is one field of a message, whose bytes end at `end` of the room and begin at what is returned. */
static unsigned char *wrap(unsigned char *begin, const unsigned char *end, int field)
{
    unsigned char length[10];
    size_t bytes = 0, rest = (size_t)(end - begin);
    do {
        length[bytes++] = (unsigned char)((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    begin -= bytes;
    memcpy(begin, length, bytes);
    *--begin = (unsigned char)(field << 3 | 2);
    return begin;
}

typedef struct nest {
    const unsigned char *bytes;
    size_t size;
    cnn_status status;
    cnn_model *model;
} nest;

static void *load_nest(void *user)
{
    nest *n = user;
    n->status = cnn_model_load_onnx_memory(context, "nest", n->bytes, n->size, NULL, &n->model);
    return NULL;
}

/* Graphs in attributes of nodes, and types of sequences, 10,000 deep, read by a thread of little stack. */
START_TEST(test_nested)
{
    static const int graphs[] = {6, 5, 1}, types[] = {1, 4}; /* g, attribute, node; elem_type, sequence_type */
    const size_t room = (size_t)LEVELS * 3 * 5 + 64;
    unsigned char *bytes = malloc(room), *end = bytes + room;
    for (int kind = 0; kind < 2; kind++) {
        const int *fields = kind == 0 ? graphs : types, count = kind == 0 ? 3 : 2;
        unsigned char *begin = end;
        for (int level = 0; level < LEVELS; level++) {
            for (int i = 0; i < count; i++) {
                begin = wrap(begin, end, fields[i]);
            }
        }
        if (kind == 1) { /* the type of an input of the graph */
            begin = wrap(wrap(begin, end, 2), end, 11);
        }
        begin = wrap(begin, end, 7); /* the graph of the model */
        nest n = {.bytes = begin, .size = (size_t)(end - begin), .status = CNN_OK};
        pthread_attr_t attributes;
        pthread_t thread;
        ck_assert_int_eq(pthread_attr_init(&attributes), 0);
        ck_assert_int_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
        ck_assert_int_eq(pthread_create(&thread, &attributes, load_nest, &n), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attributes);
        ck_assert_msg(n.status != CNN_OK && n.model == NULL, "kind %d: %d", kind, n.status);
    }
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("onnx/hostile");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_lists_unsupported);
    tcase_add_test(tests, test_graphs);
    tcase_add_test(tests, test_numbers);
    tcase_add_test(tests, test_tensors);
    tcase_add_test(tests, test_resizings);
    tcase_add_test(tests, test_wholes);
    tcase_add_test(tests, test_open_and_empty);
    tcase_add_test(tests, test_external);
    tcase_add_loop_test(tests, test_memory, 0, sizeof(failing) / sizeof(failing[0]));
    tcase_add_test(tests, test_cut);
    tcase_add_test(tests, test_nested);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
