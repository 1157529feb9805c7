/* SPDX-License-Identifier: MIT */
/* Winograd convolution by more filters than caches keep goes another way, by rounds of tiles: to the bit what its
 * output channels give a part at a time, which are few enough for the usual way. */
#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "backend/fast_conv2d.h"
#include "common/suite.h"

enum { PARTS = 4, TAPS = 9 };

/* Some tiles, and more than one round has; channels that fill no block. */
static const struct {
    int algorithm;
    int64_t n, size, sums, results; /* channels that are summed over, and that come out */
} cases[] = {{CNN__CONV2D_WINOGRAD_6X3, 2, 9, 200, 1000},
             {CNN__CONV2D_WINOGRAD_6X3, 5, 26, 200, 1000},
             {CNN__CONV2D_WINOGRAD_4X3, 2, 9, 236, 1520},
             {CNN__CONV2D_WINOGRAD_4X3, 5, 26, 236, 1520}};

static cnn_conv2d_shape shape_of(size_t k, cnn_pass pass, int64_t results)
{
    const bool to_input = pass == CNN_PASS_BACKWARD_DATA;
    cnn_conv2d_shape s = {.n = cases[k].n,
                          .in_h = cases[k].size,
                          .in_w = cases[k].size,
                          .in_c = to_input ? results : cases[k].sums,
                          .out_c = to_input ? cases[k].sums : results,
                          .kernel_h = 3,
                          .kernel_w = 3,
                          .stride_h = 1,
                          .stride_w = 1,
                          .dilation_h = 1,
                          .dilation_w = 1,
                          .groups = 1,
                          .pad_top = 1,
                          .pad_left = 1,
                          .epilogue = {.activation = to_input ? CNN_LINEAR : CNN_RELU}};
    ck_assert(fast_finish_shape(&s, 1, 1));
    return s;
}

/* A pass, for inference with filters that are prepared first. */
static void run(const cnn__conv2d_functions *functions, const cnn_conv2d_shape *shape, cnn_pass pass, float *from,
                float *filters, float *bias, float *to)
{
    const bool prepares = pass == CNN_PASS_INFERENCE, to_input = pass == CNN_PASS_BACKWARD_DATA;
    const size_t size = functions->workspace(functions, shape, pass, 2);
    float *workspace = fast_random_floats(size / sizeof(float) + 1);
    float *prepared = fast_random_floats(prepares ? functions->prepared_size(functions, shape) / sizeof(float) : 1);
    memset(workspace, 0xFF, size); /* NaN */
    const cnn_backend_call call = {.struct_size = sizeof(call),
                                   .threads = 2,
                                   .workspace = workspace,
                                   .workspace_size = size,
                                   .parallel = fast_parallel};
    cnn_conv2d_args args = {.struct_size = sizeof(args), .shape = *shape, .filters = filters, .prepared = prepared};
    if (prepares) {
        ck_assert_int_eq(functions->run(functions, &call, CNN_PASS_PREPARE, &args), CNN_OK);
        args.filters = NULL;
    }
    args.bias = to_input ? NULL : bias;
    args.x = to_input ? NULL : from;
    args.y = to_input ? NULL : to;
    args.dy = to_input ? from : NULL;
    args.dx = to_input ? to : NULL;
    ck_assert_int_eq(functions->run(functions, &call, pass, &args), CNN_OK);
    free(prepared);
    free(workspace);
}

/* The filters of some of the results: the rows of each tap to the input, else the columns. */
static float *part_of_filters(const cnn_conv2d_shape *all, const cnn_conv2d_shape *part, size_t first,
                              const float *filters)
{
    const size_t in = (size_t)part->in_c, out = (size_t)part->out_c;
    float *some = fast_random_floats(TAPS * in * out);
    const size_t row = part->in_c < all->in_c ? first : 0, column = part->out_c < all->out_c ? first : 0;
    for (size_t t = 0; t < TAPS; t++) {
        for (size_t i = 0; i < in; i++) {
            memcpy(some + (t * in + i) * out, filters + (t * (size_t)all->in_c + row + i) * (size_t)all->out_c + column,
                   out * sizeof(float));
        }
    }
    return some;
}

static void check_case(const fast_instruction_set *set, size_t k, cnn_pass pass)
{
    const cnn__conv2d_functions *functions = &set->table[cases[k].algorithm];
    const size_t results = (size_t)cases[k].results, count = results / PARTS;
    const cnn_conv2d_shape all = shape_of(k, pass, cases[k].results), part = shape_of(k, pass, (int64_t)count);
    const size_t pixels = (size_t)(all.n * all.in_h * all.in_w);
    float *from = fast_random_floats(pixels * (size_t)cases[k].sums), *bias = fast_random_floats(results);
    float *filters = fast_random_floats(TAPS * (size_t)(all.in_c * all.out_c));
    float *whole = fast_random_floats(pixels * results), *some = fast_random_floats(pixels * count);
    run(functions, &all, pass, from, filters, bias, whole);
    for (size_t i = 0; i < PARTS; i++) {
        float *own = part_of_filters(&all, &part, i * count, filters);
        run(functions, &part, pass, from, own, bias + i * count, some);
        for (size_t p = 0; p < pixels; p++) {
            if (memcmp(whole + p * results + i * count, some + p * count, count * sizeof(float)) != 0) {
                ck_abort_msg("%s, case %zu, pass %d, part %zu: pixel %zu differs", set->name, k, (int)pass, i, p);
            }
        }
        free(own);
    }
    free(from);
    free(bias);
    free(filters);
    free(whole);
    free(some);
}

START_TEST(passes)
{
    static const cnn_pass all[] = {CNN_PASS_FORWARD, CNN_PASS_INFERENCE, CNN_PASS_BACKWARD_DATA};
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t count = fast_instruction_sets(sets);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            for (size_t p = 0; p < sizeof(all) / sizeof(all[0]); p++) {
                check_case(&sets[i], k, all[p]);
            }
        }
    }
}
END_TEST

/* Transformed filters that are never written need no memory. */
START_TEST(memory)
{
    fast_instruction_set sets[FAST_INSTRUCTION_SETS];
    const size_t count = fast_instruction_sets(sets);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            const cnn__conv2d_functions *functions = &sets[i].table[cases[k].algorithm];
            cnn_conv2d_shape shape = shape_of(k, CNN_PASS_FORWARD, cases[k].results);
            const size_t transformed = functions->prepared_size(functions, &shape);
            ck_assert_uint_lt(functions->workspace(functions, &shape, CNN_PASS_FORWARD, 1), transformed);
            shape.n = 500; /* too many rounds, each of which would transform the filters anew */
            ck_assert_uint_gt(functions->workspace(functions, &shape, CNN_PASS_FORWARD, 1), transformed);
        }
    }
}
END_TEST

int main(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 28);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    Suite *suite = suite_create("backend/large_filters");
    TCase *tests = tcase_create("winograd");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, passes);
    tcase_add_test(tests, memory);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
