/* SPDX-License-Identifier: MIT */
/* Each step against torchvision, Pillow and Keras on a small image, and against values worked out by hand. */
#include "golden_steps.h"
#include "support.h"

#define ROOM 4096

static cnn_context *context;
static cnn_image *image;
static float values[ROOM];

static void setup(void)
{
    context = new_context(1);
    image = new_image(context, GOLDEN_HEIGHT, GOLDEN_WIDTH, 3, golden_image);
}

static void teardown(void)
{
    cnn_image_free(image);
    cnn_context_free(context);
}

/* Runs the steps on an image into `values`. */
static cnn_shape apply_to(const char *steps, const cnn_image *input)
{
    cnn_shape shape;
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    cnn_status status = cnn_pipeline_apply(pipeline, input, 0, values, ROOM, &shape);
    ck_assert_msg(status == CNN_OK, "\"%s\": %s", steps, cnn_last_error(context));
    cnn_pipeline_free(pipeline);
    return shape;
}

static void expect_image(const char *steps, const uint8_t *golden, int64_t height, int64_t width, int64_t channels)
{
    cnn_shape shape = apply_to(steps, image);
    expect_shape(steps, &shape, height, width, channels);
    expect_bytes(steps, values, golden, (size_t)(height * width * channels));
}

START_TEST(no_steps_scale_to_one) { expect_image("", golden_image, GOLDEN_HEIGHT, GOLDEN_WIDTH, 3); }
END_TEST

START_TEST(resize_as_torchvision)
{
    expect_image("resize=5x4:nearest", golden_resize_5x4_nearest, 5, 4, 3);
    expect_image("resize=5x4", golden_resize_5x4_bilinear, 5, 4, 3);
    expect_image("resize=5x4:bicubic", golden_resize_5x4_bicubic, 5, 4, 3);
    expect_image("resize=5x4:area", golden_resize_5x4_area, 5, 4, 3);
    expect_image("resize=10x14:nearest", golden_resize_10x14_nearest, 10, 14, 3);
    expect_image("resize=10x14", golden_resize_10x14_bilinear, 10, 14, 3);
    expect_image("resize=10x14:bicubic", golden_resize_10x14_bicubic, 10, 14, 3);
    expect_image("resize=10x14:area", golden_resize_10x14_area, 10, 14, 3);
    expect_image("resize=7x9", golden_image, 7, 9, 3);
    expect_image("resize_short=5", golden_resize_short_5, 5, 6, 3);
    expect_image("resize_short=11", golden_resize_short_11, 11, 14, 3);
}
END_TEST

START_TEST(crops_as_torchvision)
{
    expect_image("center_crop=4x5", golden_center_crop_4x5, 4, 5, 3);
    expect_image("center_crop=6x6", golden_center_crop_6x6, 6, 6, 3);
    expect_image("center_crop=9x5", golden_center_crop_9x5, 9, 5, 3);
    expect_image("center_crop=10x13", golden_center_crop_10x13, 10, 13, 3);
    expect_image("random_crop=7x9", golden_image, 7, 9, 3);
}
END_TEST

START_TEST(ten_crop_as_torchvision)
{
    cnn_shape shape = apply_to("ten_crop=4x5", image);
    ck_assert_uint_eq(shape.rank, 4);
    ck_assert_int_eq(shape.dims[0], 10);
    ck_assert_int_eq(shape.dims[1], 4);
    ck_assert_int_eq(shape.dims[2], 5);
    ck_assert_int_eq(shape.dims[3], 3);
    /* torchvision mirrors the image and crops then: of each of its last five views, left and right are exchanged. */
    static const int torch_view[10] = {0, 1, 2, 3, 4, 6, 5, 8, 7, 9};
    for (int view = 0; view < 10; view++) {
        expect_bytes("ten_crop", values + view * 60, golden_ten_crop_4x5 + torch_view[view] * 60, 60);
    }
}
END_TEST

/* Steps after ten_crop are done on every view, steps before it once. */
START_TEST(ten_crop_among_steps)
{
    float alone[600];
    apply_to("resize=10x14,ten_crop=4x5", image);
    memcpy(alone, values, sizeof(alone));
    apply_to("resize=10x14,ten_crop=4x5,vflip=1,scale=2,rotate=0/0", image);
    for (size_t i = 0; i < 600; i++) {
        size_t view = i / 60, row = i / 15 % 4, rest = i % 15;
        ck_assert_msg(values[i] == 2 * alone[view * 60 + (3 - row) * 15 + rest], "value %zu", i);
    }
    apply_to("rotate=0/0,bgr,ten_crop=4x5,bgr,resize=8x10,resize=4x5:area", image);
    for (size_t view = 0; view < 10; view++) {
        ck_assert(isfinite(values[view * 60]));
    }
}
END_TEST

START_TEST(flips)
{
    apply_to("flip=1", image);
    for (size_t i = 0; i < ARRAY_SIZE(golden_image); i++) {
        size_t row = i / 27, col = i / 3 % 9, c = i % 3;
        ck_assert(values[i] == golden_image[row * 27 + (8 - col) * 3 + c] / 255.0f);
    }
    apply_to("vflip=1", image);
    for (size_t i = 0; i < ARRAY_SIZE(golden_image); i++) {
        ck_assert(values[i] == golden_image[(6 - i / 27) * 27 + i % 27] / 255.0f);
    }
    expect_image("flip=1,vflip=1,flip=1,vflip=1", golden_image, 7, 9, 3);
    expect_image("flip=0,vflip=0", golden_image, 7, 9, 3);
}
END_TEST

START_TEST(colours)
{
    expect_image("grey", golden_grey, 7, 9, 1);
    expect_image("brightness=1.3/1.3", golden_brightness_13, 7, 9, 3);
    expect_image("brightness=0.4/0.4", golden_brightness_04, 7, 9, 3);
    apply_to("grey=3", image);
    for (size_t i = 0; i < ARRAY_SIZE(golden_image); i++) {
        ck_assert(values[i] == golden_grey[i / 3] / 255.0f);
    }
    apply_to("bgr", image);
    for (size_t i = 0; i < ARRAY_SIZE(golden_image); i++) {
        ck_assert(values[i] == golden_image[i / 3 * 3 + 2 - i % 3] / 255.0f);
    }
    expect_image("bgr,flip=1,bgr,flip=1", golden_image, 7, 9, 3);
    apply_to("channel_shift=0.2/0.2", image);
    expect_floats("channel_shift", values, golden_channel_shift, ARRAY_SIZE(golden_channel_shift), 1e-7);
}
END_TEST

START_TEST(grey_of_floats)
{
    apply_to("rotate=0/0,grey", image);
    for (size_t i = 0; i < ARRAY_SIZE(golden_grey); i++) {
        const uint8_t *rgb = golden_image + 3 * i;
        double expected = (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]) / 255.0;
        ck_assert_double_eq_tol(values[i], expected, 1e-6);
    }
    apply_to("rotate=0/0,brightness=1.3/1.3", image);
    for (size_t i = 0; i < ARRAY_SIZE(golden_image); i++) {
        ck_assert_double_eq_tol(values[i], fmin(golden_image[i] / 255.0 * 1.3, 1.0), 1e-6);
    }
}
END_TEST

START_TEST(one_channel)
{
    const uint8_t pixels[6] = {0, 51, 102, 153, 204, 255};
    cnn_image *grey = new_image(context, 2, 3, 1, pixels);
    cnn_shape shape = apply_to("flip=1", grey);
    expect_shape("flip", &shape, 2, 3, 1);
    const float mirrored[6] = {0.4f, 0.2f, 0.0f, 1.0f, 0.8f, 0.6f};
    expect_floats("flip", values, mirrored, 6, 0);
    shape = apply_to("grey=3,normalize=0.5:0.5", grey);
    expect_shape("grey=3", &shape, 2, 3, 3);
    for (size_t i = 0; i < 18; i++) {
        ck_assert_double_eq_tol(values[i], pixels[i / 3] / 255.0 * 2 - 1, 1e-7);
    }
    shape = apply_to("bgr,grey", grey);
    expect_shape("bgr,grey", &shape, 2, 3, 1);
    expect_bytes("bgr,grey", values, pixels, 6);
    cnn_image_free(grey);
}
END_TEST

START_TEST(values_change_scale)
{
    apply_to("normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225", image);
    expect_floats("normalize", values, golden_normalize, ARRAY_SIZE(golden_normalize), 3e-7);
    apply_to("scale=255,subtract=1/2/3,scale=0.5,bgr,subtract=10", image);
    for (size_t i = 0; i < ARRAY_SIZE(golden_image); i++) {
        size_t c = 2 - i % 3;
        double expected = (golden_image[i / 3 * 3 + c] - (double)(c + 1)) * 0.5 - 10;
        ck_assert_double_eq_tol(values[i], expected, 2e-5);
    }
    apply_to("scale=1", image);
    expect_bytes("scale=1", values, golden_image, ARRAY_SIZE(golden_image));
}
END_TEST

/* Padding is black where it happens: before normalisation it becomes -mean / std, after it it is 0. */
START_TEST(padding_and_values)
{
    apply_to("center_crop=9x9,normalize=0.5:0.25", image);
    ck_assert_float_eq(values[0], -2.0f);
    apply_to("normalize=0.5:0.25,center_crop=9x9", image);
    ck_assert_float_eq(values[0], 0.0f);
    ck_assert_double_eq_tol(values[27], (golden_image[0] / 255.0 - 0.5) / 0.25, 1e-6);
    /* What a first crop cut off does not come back by a second, larger one. */
    apply_to("center_crop=5x5,center_crop=7x9", image);
    ck_assert_float_eq(values[0], 0.0f);
    ck_assert_float_eq(values[27], 0.0f);
    ck_assert_float_eq(values[27 + 2 * 3], golden_image[27 + 2 * 3] / 255.0f);
}
END_TEST

START_TEST(float_images_resize_as_pillow_mode_f)
{
    const struct {
        const char *steps;
        const float *golden;
        size_t count;
    } cases[] = {
        {"scale=3,subtract=1,resize=4x5:nearest", golden_float_4x5_nearest, 60},
        {"scale=3,subtract=1,resize=4x5:bilinear", golden_float_4x5_bilinear, 60},
        {"scale=3,subtract=1,resize=4x5:bicubic", golden_float_4x5_bicubic, 60},
        {"scale=3,subtract=1,resize=4x5:area", golden_float_4x5_area, 60},
        {"scale=3,subtract=1,resize=9x11:nearest", golden_float_9x11_nearest, 297},
        {"scale=3,subtract=1,resize=9x11:bilinear", golden_float_9x11_bilinear, 297},
        {"scale=3,subtract=1,resize=9x11:bicubic", golden_float_9x11_bicubic, 297},
        {"scale=3,subtract=1,resize=9x11:area", golden_float_9x11_area, 297},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        apply_to(cases[i].steps, image);
        expect_floats(cases[i].steps, values, cases[i].golden, cases[i].count, 5e-7);
    }
}
END_TEST

static void expect_status(const char *steps, const cnn_image *input, cnn_status expected, const char *message)
{
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    cnn_status status = cnn_pipeline_apply(pipeline, input, 0, values, ROOM, NULL);
    ck_assert_msg(status == expected, "\"%s\": status %d", steps, status);
    ck_assert_msg(strstr(cnn_last_error(context), message) != NULL, "\"%s\": %s", steps, cnn_last_error(context));
    cnn_pipeline_free(pipeline);
}

START_TEST(failures)
{
    const uint8_t line[3000] = {0};
    cnn_image *wide = new_image(context, 1, 3000, 1, line);
    expect_status("random_crop=8x4", image, CNN_ERROR_SHAPE, "random_crop=8x4 does not fit into 7x9");
    expect_status("random_crop=4x12:pad=1", image, CNN_ERROR_SHAPE, "does not fit");
    expect_status("ten_crop=7x10", image, CNN_ERROR_SHAPE, "ten_crop=7x10 does not fit into 7x9");
    expect_status("resize=64x64", image, CNN_ERROR_LIMIT, "there is room for 4096");
    expect_status("resize=12,ten_crop=12", image, CNN_ERROR_LIMIT, "10 x 432 values");
    expect_status("grey,normalize=1/2/3:1/2/3", image, CNN_ERROR_SHAPE, "3 values for 1 channels");
    expect_status("grey,pca_color", image, CNN_ERROR_SHAPE, "pca_color needs 3 channels");
    expect_status("resize_short=100", wide, CNN_ERROR_SHAPE, "larger than 32768 pixels");
    cnn_image_free(wide);
    cnn_pipeline *pipeline = new_pipeline(context, "");
    ck_assert_int_eq(cnn_pipeline_apply(pipeline, NULL, 0, values, ROOM, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_pipeline_apply(pipeline, image, 0, NULL, ROOM, NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_pipeline_apply(NULL, image, 0, values, ROOM, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_pipeline_free(pipeline);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipeline/steps");
    TCase *tcase = tcase_create("steps");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, no_steps_scale_to_one);
    tcase_add_test(tcase, resize_as_torchvision);
    tcase_add_test(tcase, crops_as_torchvision);
    tcase_add_test(tcase, ten_crop_as_torchvision);
    tcase_add_test(tcase, ten_crop_among_steps);
    tcase_add_test(tcase, flips);
    tcase_add_test(tcase, colours);
    tcase_add_test(tcase, grey_of_floats);
    tcase_add_test(tcase, one_channel);
    tcase_add_test(tcase, values_change_scale);
    tcase_add_test(tcase, padding_and_values);
    tcase_add_test(tcase, float_images_resize_as_pillow_mode_f);
    tcase_add_test(tcase, failures);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
