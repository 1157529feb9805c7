/* SPDX-License-Identifier: MIT */
/* Frames: what is noted and done together gives the bytes of doing it step by step. */
#include "golden_steps.h"
#include "image/image.h"
#include "support.h"

static cnn_context *context;
static cnn__scratch scratch;

static void setup(void)
{
    context = new_context(1);
    scratch = (cnn__scratch){.context = context};
}

static void teardown(void)
{
    cnn__scratch_free(&scratch);
    cnn_context_free(context);
}

static cnn__frame begin_golden(void)
{
    cnn__frame frame;
    cnn__frame_begin(&frame, &scratch, golden_image, false, NULL, GOLDEN_HEIGHT, GOLDEN_WIDTH, 3);
    frame.name = "golden";
    return frame;
}

START_TEST(fixed_crops_as_torchvision)
{
    float values[512];
    cnn__frame frame = begin_golden();
    ck_assert_int_eq(cnn__frame_crop(&frame, 1 - 3, 6 - 3, 7, 8), CNN_OK);
    ck_assert_int_eq(cnn__frame_write(&frame, values), CNN_OK);
    expect_bytes("pad and crop", values, golden_pad_crop, ARRAY_SIZE(golden_pad_crop));
    cnn__frame_end(&frame);

    frame = begin_golden();
    ck_assert_int_eq(cnn__frame_crop(&frame, 1, 2, 5, 6), CNN_OK);
    ck_assert_int_eq(cnn__frame_resize(&frame, 8, 6, CNN_RESIZE_BILINEAR), CNN_OK);
    ck_assert_int_eq(cnn__frame_write(&frame, values), CNN_OK);
    expect_bytes("resized crop", values, golden_resized_crop, ARRAY_SIZE(golden_resized_crop));
    cnn__frame_end(&frame);

    frame = begin_golden();
    ck_assert_int_eq(cnn__frame_crop(&frame, 1, 2, 5, 6), CNN_OK);
    ck_assert_int_eq(cnn__frame_resize(&frame, 3, 4, CNN_RESIZE_BICUBIC), CNN_OK);
    ck_assert_int_eq(cnn__frame_write(&frame, values), CNN_OK);
    expect_bytes("resized crop", values, golden_resized_crop_bicubic, ARRAY_SIZE(golden_resized_crop_bicubic));
    cnn__frame_end(&frame);

    frame = begin_golden();
    ck_assert_int_eq(cnn__frame_resize(&frame, 8, 16, CNN_RESIZE_BILINEAR), CNN_OK);
    ck_assert_int_eq(cnn__frame_crop(&frame, 2, 3, 5, 9), CNN_OK);
    ck_assert_int_eq(cnn__frame_write(&frame, values), CNN_OK);
    expect_bytes("resize and crop", values, golden_resize_crop, ARRAY_SIZE(golden_resize_crop));
    cnn__frame_end(&frame);
}
END_TEST

typedef struct sizes {
    uint32_t height, width, rows, cols;
} sizes;

/* Resizing and cropping gives the same bytes as resizing all of it first, also where only the part is computed. */
START_TEST(crop_after_resize_is_exact)
{
    const sizes all[] = {{375, 500, 256, 256}, {31, 47, 16, 32},  {97, 64, 64, 24},  {128, 96, 48, 36},
                         {100, 75, 30, 40},    {20, 25, 64, 128}, {333, 217, 50, 77}};
    uint8_t *pixels = malloc(375 * 500 * 3);
    float *part = malloc(256 * 256 * 3 * sizeof(float)), *whole = malloc(256 * 256 * 3 * sizeof(float));
    uint32_t random = 1;
    for (size_t i = 0; i < 375 * 500 * 3; i++) {
        random = random * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(random >> 24);
    }
    for (size_t n = 0; n < ARRAY_SIZE(all) * 4; n++) {
        const sizes *size = &all[n / 4];
        cnn_image *image = new_image(context, size->height, size->width, 3, pixels);
        cnn_resize_filter filter = (cnn_resize_filter)(CNN_RESIZE_NEAREST + n % 4);
        uint32_t rows = size->rows - 7, cols = size->cols / 2, top = 3, left = size->cols / 3;
        cnn__frame frame;
        cnn__frame_begin(&frame, &scratch, cnn_image_pixels(image), true, NULL, size->height, size->width, 3);
        ck_assert_int_eq(cnn__frame_resize(&frame, size->rows, size->cols, filter), CNN_OK);
        ck_assert_int_eq(cnn__frame_write(&frame, whole), CNN_OK);
        cnn__frame_end(&frame);
        cnn__frame_begin(&frame, &scratch, cnn_image_pixels(image), true, NULL, size->height, size->width, 3);
        ck_assert_int_eq(cnn__frame_resize(&frame, size->rows, size->cols, filter), CNN_OK);
        cnn__frame_flip(&frame, true, true);
        ck_assert_int_eq(cnn__frame_crop(&frame, top, left, rows, cols), CNN_OK);
        cnn__frame_flip(&frame, false, true);
        ck_assert_int_eq(cnn__frame_write(&frame, part), CNN_OK);
        cnn__frame_end(&frame);
        for (size_t i = 0; i < (size_t)rows * cols * 3; i++) {
            size_t row = size->rows - 1 - top - i / (cols * 3), col = size->cols - left - cols + i / 3 % cols;
            ck_assert_msg(part[i] == whole[(row * size->cols + col) * 3 + i % 3], "case %zu, value %zu", n, i);
        }
        cnn_image_free(image);
    }
    free(whole);
    free(part);
    free(pixels);
}
END_TEST

/* Random rows of operations, noted, against the same with everything done after each. */
START_TEST(noted_is_done)
{
    float noted[4096], done[4096];
    const double gain[3] = {2, 0.5, 1}, bias[3] = {0.25, 0, -0.125};
    cnn__rng rng;
    cnn__rng_init(&rng, 5, CNN__STREAM_SAMPLE, 0, 0);
    for (int round = 0; round < 2000; round++) {
        cnn__scratch other = {.context = context};
        cnn__frame a = begin_golden(), b = begin_golden();
        b.scratch = &other;
        for (int step = 0; step < 5; step++) {
            uint64_t kind = cnn__rng_below(&rng, 6);
            int64_t top = (int64_t)cnn__rng_below(&rng, 7) - 3, left = (int64_t)cnn__rng_below(&rng, 9) - 4;
            uint32_t rows = 1 + (uint32_t)cnn__rng_below(&rng, 15), cols = 1 + (uint32_t)cnn__rng_below(&rng, 15);
            cnn__frame *frames[2] = {&a, &b};
            for (int i = 0; i < 2; i++) {
                cnn_status status = CNN_OK;
                switch (kind) {
                case 0:
                    status = cnn__frame_crop(frames[i], top, left, rows, cols);
                    break;
                case 1:
                    status = cnn__frame_resize(frames[i], rows, cols, CNN_RESIZE_BILINEAR);
                    break;
                case 2:
                    cnn__frame_flip(frames[i], rows % 2 == 0, cols % 2 == 0);
                    break;
                case 3:
                    cnn__frame_reverse(frames[i]);
                    break;
                case 4:
                    step % 2 == 0 ? cnn__frame_map(frames[i], gain, bias) : (void)0;
                    break;
                default:
                    status = cnn__frame_floats(frames[i]);
                    break;
                }
                ck_assert_int_eq(status, CNN_OK);
            }
            cnn_status status = cnn__frame_is_bytes(&b) ? cnn__frame_bytes(&b) : cnn__frame_floats(&b);
            ck_assert_int_eq(status, CNN_OK);
            ck_assert_uint_eq(a.rows, b.rows);
            ck_assert_uint_eq(a.cols, b.cols);
        }
        ck_assert_int_eq(cnn__frame_write(&a, noted), CNN_OK);
        ck_assert_int_eq(cnn__frame_write(&b, done), CNN_OK);
        expect_floats("noted", noted, done, (size_t)a.rows * a.cols * 3, 3e-6);
        cnn__frame_end(&a);
        cnn__frame_end(&b);
        cnn__scratch_free(&other);
    }
}
END_TEST

/* The bytes behind borrowed pixels are not read: they would be in vector loads of the resize. */
START_TEST(borrowed_pixels_are_not_overrun)
{
    float values[16 * 16 * 3];
    uint8_t *exact = malloc(ARRAY_SIZE(golden_image));
    memcpy(exact, golden_image, ARRAY_SIZE(golden_image));
    cnn__frame frame;
    cnn__frame_begin(&frame, &scratch, exact, false, NULL, GOLDEN_HEIGHT, GOLDEN_WIDTH, 3);
    frame.name = "exact";
    ck_assert_int_eq(cnn__frame_resize(&frame, 5, 4, CNN_RESIZE_BILINEAR), CNN_OK);
    ck_assert_ptr_ne(frame.bytes, exact);
    ck_assert(frame.padded);
    ck_assert_int_eq(cnn__frame_write(&frame, values), CNN_OK);
    expect_bytes("exact", values, golden_resize_5x4_bilinear, ARRAY_SIZE(golden_resize_5x4_bilinear));
    cnn__frame_end(&frame);
    free(exact);
}
END_TEST

/* After the first image of a size, the scratch takes no more memory. */
START_TEST(scratch_is_kept)
{
    cnn_pipeline *pipeline = new_pipeline(context, "rotate=20,channel_shift=0.1,resize=20x20,grey=3,resize=5x5");
    float values[75];
    size_t sizes_before[CNN__SCRATCH_BLOCKS];
    for (uint64_t sample = 0; sample < 3; sample++) {
        cnn__pipeline_run run = {
            .scratch = &scratch,
            .name = "golden",
            .bytes = golden_image,
            .height = GOLDEN_HEIGHT,
            .width = GOLDEN_WIDTH,
            .channels = 3,
            .sample = sample,
            .values = values,
            .capacity = 75,
        };
        void *blocks[CNN__SCRATCH_BLOCKS];
        memcpy(blocks, scratch.blocks, sizeof(blocks));
        ck_assert_int_eq(cnn__pipeline_apply(pipeline, &run), CNN_OK);
        if (sample > 0) {
            ck_assert_mem_eq(blocks, scratch.blocks, sizeof(blocks));
            ck_assert_mem_eq(sizes_before, scratch.sizes, sizeof(sizes_before));
        }
        memcpy(sizes_before, scratch.sizes, sizeof(sizes_before));
    }
    cnn_pipeline_free(pipeline);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipeline/frame");
    TCase *tcase = tcase_create("frame");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, fixed_crops_as_torchvision);
    tcase_add_test(tcase, crop_after_resize_is_exact);
    tcase_add_test(tcase, noted_is_done);
    tcase_add_test(tcase, borrowed_pixels_are_not_overrun);
    tcase_add_test(tcase, scratch_is_kept);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
