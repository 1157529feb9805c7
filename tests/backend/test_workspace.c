/* SPDX-License-Identifier: MIT */
/* Workspace queries keep their promise: what is asked for a batch is enough for every smaller one, too. */
#include "backend/entries.h"
#include "common/suite.h"

enum { MOST_SAMPLES = 40, SHAPES = 400 };

static uint32_t state = 12345;

static int64_t draw(int64_t low, int64_t high)
{
    state = state * 1664525u + 1013904223u;
    return low + (int64_t)(state >> 8) % (high - low + 1);
}

static cnn_conv2d_shape draw_shape(void)
{
    const int32_t kernel = (int32_t[]){1, 3, 3, 3, 5, 7}[draw(0, 5)], stride = draw(0, 3) == 0 ? 2 : 1;
    const int64_t small = draw(0, 3) == 0 ? 70 : 12, most = draw(0, 3) == 0 ? 700 : 150;
    cnn_conv2d_shape s = {.n = 1, .in_h = kernel + draw(0, small),
                          .in_w = kernel + draw(0, small), .in_c = draw(1, most), .out_c = draw(1, most),
                          .kernel_h = kernel, .kernel_w = kernel, .stride_h = stride, .stride_w = stride,
                          .dilation_h = 1, .dilation_w = 1, .groups = 1};
    s.pad_top = s.pad_left = (int32_t)draw(0, 1) * (kernel / 2);
    s.out_h = (s.in_h + 2 * s.pad_top - kernel) / stride + 1;
    s.out_w = (s.in_w + 2 * s.pad_left - kernel) / stride + 1;
    return s;
}

static void check_shape(const cnn_backend *backend, cnn_conv2d_shape s, uint32_t threads)
{
    const bool prepares = conv2d_answer(backend, &s, threads).prepared > 0;
    for (int pass = CNN_PASS_FORWARD; pass <= (prepares ? CNN_PASS_INFERENCE : CNN_PASS_BACKWARD_FILTER);
         pass++) {
        size_t most = 0;
        for (s.n = 1; s.n <= MOST_SAMPLES; s.n++) {
            const size_t size = conv2d_workspace(backend, &s, (cnn_pass)pass, threads);
            ck_assert_msg(size >= most,
                          "pass %d of %lldx%lldx%lld, kernel %d, stride %d, pad %d, %lld filters, pool %d: %zu bytes "
                          "for %lld samples, %zu for fewer",
                          pass, (long long)s.in_h, (long long)s.in_w, (long long)s.in_c, s.kernel_h, s.stride_h,
                          s.pad_top, (long long)s.out_c, s.epilogue.pool, size, (long long)s.n, most);
            most = size;
        }
    }
}

START_TEST(convolutions)
{
    cnn_context *context;
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = cnn_backend_name((size_t)_i)), &context), CNN_OK);
    for (int i = 0; i < SHAPES; i++) {
        cnn_conv2d_shape s = draw_shape();
        check_shape(&context->backend, s, 2);
        s.epilogue.pool = 2;
        if (s.out_h >= 2 && s.out_w >= 2 && conv2d_pools(&context->backend, &s)) {
            check_shape(&context->backend, s, 3);
        }
    }
    cnn_context_free(context);
}
END_TEST

/* A filter gradient that is divided by channels where samples are few: less of the sums, more of the rows. */
START_TEST(wide_rows)
{
    static const int64_t sizes[][3] = {{8, 100, 128}, {7, 100, 128}, {8, 100, 192}, {4, 100, 128}};
    cnn_context *context;
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = cnn_backend_name((size_t)_i)), &context), CNN_OK);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const cnn_conv2d_shape s = {.n = 1, .in_h = sizes[i][0], .in_w = sizes[i][1],
                                    .in_c = 1, .out_h = sizes[i][0], .out_w = sizes[i][1], .out_c = sizes[i][2],
                                    .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                                    .dilation_w = 1, .groups = 1, .pad_top = 1, .pad_left = 1};
        check_shape(&context->backend, s, 2);
    }
    cnn_context_free(context);
}
END_TEST

/* A dense layer's tiles change with the number of rows, and so do the rows that are taken at a time. */
START_TEST(dense_layers)
{
    static const int64_t samples[] = {1, 2, 3, 4, 5, 6, 7, 12, 13, 20, 64, 100, 127, 128, 129, 200, 239, 240, 241, 255,
                                      257, 300, 480, 481, 700, 1000, 3000, 5000, 20000};
    cnn_context *context;
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = cnn_backend_name((size_t)_i)), &context), CNN_OK);
    for (int i = 0; i < SHAPES; i++) {
        const int64_t widest = draw(0, 1) == 0 ? 100 : 9000;
        cnn_dense_shape s = {.in = draw(1, widest), .out = draw(1, widest)};
        for (int pass = CNN_PASS_FORWARD; pass <= CNN_PASS_BACKWARD_FILTER; pass++) {
            size_t most = 0;
            for (size_t k = 0; k < sizeof(samples) / sizeof(samples[0]); k++) {
                s.n = samples[k];
                const size_t size = dense_workspace(&context->backend, &s, (cnn_pass)pass, 2);
                ck_assert_msg(size >= most, "pass %d of %lld to %lld: %zu bytes for %lld samples, %zu for fewer", pass,
                              (long long)s.in, (long long)s.out, size, (long long)s.n, most);
                most = size;
            }
        }
    }
    cnn_context_free(context);
}
END_TEST

START_TEST(normalisations)
{
    cnn_context *context;
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = cnn_backend_name((size_t)_i)), &context), CNN_OK);
    const cnn_backend *backend = &context->backend;
    for (int i = 0; i < SHAPES; i++) {
        const int64_t most_side = draw(0, 3) == 0 ? 90 : 12, most_channels = draw(0, 3) == 0 ? 3000 : 70;
        const int64_t height = draw(2, most_side), width = draw(2, most_side), channels = draw(1, most_channels);
        size_t most = 0, most_pooled = 0;
        for (int64_t n = 1; n <= MOST_SAMPLES; n++) {
            cnn_norm_shape shape = {.n = n, .h = height, .w = width, .c = channels, .epsilon = 1e-3f};
            const size_t size = norm_workspace(backend, &shape, 2);
            const bool pools = norm_pools(backend, &shape);
            shape.epilogue.pool = pools ? 2 : 0;
            const size_t size_pooled = pools ? norm_workspace(backend, &shape, 2) : 0;
            ck_assert_msg(size >= most && size_pooled >= most_pooled, "%lldx%lldx%lld: less for %lld samples",
                          (long long)height, (long long)width, (long long)channels, (long long)n);
            most = size;
            most_pooled = size_pooled;
        }
    }
    cnn_context_free(context);
}
END_TEST

/* A call with a byte less than the query said is refused before anything is read or written. */
START_TEST(too_little)
{
    cnn_context *context;
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = cnn_backend_name((size_t)_i)), &context), CNN_OK);
    const cnn_backend *b = &context->backend;
    float *none = (float *)(uintptr_t)64; /* to be read is to crash */
    uint8_t *bytes = (uint8_t *)none;
    cnn_backend_call call;
    cnn__backend_call_init(&call, context, 1, none, 0);
    cnn_norm_shape norm = {
        .n = 10, .h = 10, .w = 10, .c = 8, .epsilon = 1e-3f, .epilogue = {.activation = CNN_RELU}};
    for (int32_t pool = 0; pool <= (norm_pools(b, &norm) ? 2 : 0); pool += 2) {
        norm.epilogue.pool = pool;
        call.workspace_size = norm_workspace(b, &norm, 1) - 1;
        ck_assert_int_eq(run_norm_forward(&call, &norm, none, none, none, none, bytes, none, none, none),
                         CNN_ERROR_BACKEND);
        ck_assert_int_eq(run_norm_backward(&call, &norm, none, none, none, bytes, none, none, none, none, none, none,
                                           none),
                         CNN_ERROR_BACKEND);
    }
    const cnn_conv2d_shape conv = {.n = 3, .in_h = 7, .in_w = 7, .in_c = 113, .out_h = 7,
                                   .out_w = 7, .out_c = 97, .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1,
                                   .dilation_h = 1, .dilation_w = 1, .groups = 1, .pad_top = 1, .pad_left = 1};
    call.workspace_size = conv2d_workspace(b, &conv, CNN_PASS_BACKWARD_FILTER, 1) - 1;
    ck_assert_int_eq(run_conv2d_backward_filter(&call, &conv, none, none, NULL, none, none), CNN_ERROR_BACKEND);
    const cnn_dense_shape dense = {.n = 20, .in = 300, .out = 200};
    const size_t size = dense_workspace(b, &dense, CNN_PASS_FORWARD, 1);
    if (size > 0) {
        call.workspace_size = size - 1;
        ck_assert_int_eq(run_dense_forward(&call, &dense, none, none, none, none), CNN_ERROR_BACKEND);
    }
    cnn_context_free(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("workspace");
    TCase *tests = tcase_create("workspace");
    int backends = 0;
    while (cnn_backend_name((size_t)backends) != NULL) {
        backends++;
    }
    tcase_add_loop_test(tests, convolutions, 0, backends);
    tcase_add_loop_test(tests, wide_rows, 0, backends);
    tcase_add_loop_test(tests, dense_layers, 0, backends);
    tcase_add_loop_test(tests, normalisations, 0, backends);
    tcase_add_loop_test(tests, too_little, 0, backends);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
