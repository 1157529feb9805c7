/* SPDX-License-Identifier: MIT */
/* Files that end early, messages that lie deep in one another, and files that are read without memory. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "onnx/collect.h"
#include "onnx/graphs.h"
#include "onnx/models.h"

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
    Suite *suite = suite_create("onnx/damaged");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, open_context, close_context);
    tcase_add_loop_test(tests, test_memory, 0, sizeof(failing) / sizeof(failing[0]));
    tcase_add_test(tests, test_cut);
    tcase_add_test(tests, test_nested);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
