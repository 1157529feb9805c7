/* SPDX-License-Identifier: MIT */
/* Pipelines that ask for more pixels than the context allows: refused before they are run where the text says it, else
 * before the memory is taken. */
#include "support.h"

#define LIMIT 10000 /* pixels */

static cnn_context *context, *standard;

static void setup(void)
{
    ck_assert_int_eq(
        cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference", .max_pixels = LIMIT), &context), CNN_OK);
    standard = new_context(1);
}

static void teardown(void)
{
    cnn_context_free(standard);
    cnn_context_free(context);
}

static void expect_created(cnn_context *of, const char *steps, cnn_status expected, const char *message)
{
    cnn_pipeline *pipeline = NULL;
    cnn_status status = cnn_pipeline_create(of, steps, &pipeline);
    ck_assert_msg(status == expected, "\"%s\": status %d: %s", steps, status, cnn_last_error(of));
    ck_assert(status == CNN_OK || pipeline == NULL);
    ck_assert_msg(status == CNN_OK || strstr(cnn_last_error(of), message) != NULL, "\"%s\": %s, not %s", steps,
                  cnn_last_error(of), message);
    ck_assert(status == CNN_OK || strstr(cnn_last_error(of), "max_pixels (--max-pixels raises it)") != NULL);
    cnn_pipeline_free(pipeline);
}

START_TEST(sizes_that_the_text_says)
{
    const cnn_status limit = CNN_ERROR_LIMIT;
    expect_created(standard, "resize=32768,rotate=5,resize=5", limit,
                   "pipeline: step 1 (resize) makes an image of 1073741824 pixels, more than 64000000");
    expect_created(standard, "resize=8000x8000", CNN_OK, "");
    expect_created(standard, "resize=8000x8001", limit, "step 1 (resize)");
    expect_created(standard, "flip,resize=8000x8001:nearest:full", limit, "step 2 (resize)");
    expect_created(standard, "resize=32768x1953", CNN_OK, "");
    expect_created(standard, "center_crop=32768", limit, "step 1 (center_crop)");
    expect_created(standard, "random_crop=32768x32767:pad=32768", limit, "step 1 (random_crop)");
    expect_created(standard, "ten_crop=9000", limit, "step 1 (ten_crop)");
    expect_created(standard, "random_resized_crop=20000", limit, "step 1 (random_resized_crop)");
    expect_created(standard, "resize_short=8001", limit, "step 1 (resize_short) makes an image of 64016001 pixels");
    expect_created(standard, "resize_short=8000", CNN_OK, "");
    expect_created(standard, "resize=10x1000,resize_short=1000", limit, "step 2 (resize_short)");
    expect_created(context, "resize=100", CNN_OK, "");
    expect_created(context, "resize=100x101", limit, "of 10100 pixels, more than 10000");
}
END_TEST

/* Each step is within the limit; all together they are not. */
START_TEST(work_that_the_text_says)
{
    char steps[2048] = "resize=100,resize=5";
    expect_created(context, steps, CNN_OK, "");
    for (int i = 0; i < 29; i++) {
        strcat(steps, ",resize=100,resize=5");
    }
    expect_created(context, steps, CNN_ERROR_LIMIT,
                   "step 15 (resize): the steps so far are the work of 80175 pixels, more than 8 times");
    expect_created(context, "resize=100,rotate=5,grey,channel_shift=0.1", CNN_ERROR_LIMIT, "step 4 (channel_shift)");
    expect_created(context, "resize=100,rotate=5,shift=0.1,shear=3,zoom=0.1,fill=wrap,grey", CNN_OK, "");
    expect_created(context, "resize=100,flip,vflip,flip,vflip,normalize=0:1,scale=2,scale=2", CNN_OK, "");
    expect_created(context, "resize=100,ten_crop=90", CNN_ERROR_LIMIT, "step 2 (ten_crop)");
    expect_created(context, "resize=100,ten_crop=45,resize=30", CNN_OK, "");
}
END_TEST

/* What depends on the image is refused when it is there, and a pipeline of anything else goes on. */
static void expect_applied(const char *steps, uint32_t height, uint32_t width, cnn_status expected, const char *message)
{
    static float values[3 * 40000];
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_create(context, width, height, 3, &image), CNN_OK);
    cnn_status status = cnn_pipeline_apply(pipeline, image, 0, values, ARRAY_SIZE(values), NULL);
    ck_assert_msg(status == expected, "\"%s\": status %d: %s", steps, status, cnn_last_error(context));
    ck_assert_msg(status == CNN_OK || strstr(cnn_last_error(context), message) != NULL, "\"%s\": %s", steps,
                  cnn_last_error(context));
    cnn_image_free(image);
    cnn_pipeline_free(pipeline);
}

START_TEST(sizes_that_the_image_says)
{
    expect_applied("resize_short=50", 20, 80, CNN_OK, "");
    expect_applied("resize_short=50,resize=5", 20, 81, CNN_ERROR_LIMIT,
                   "image: step 1 (resize_short) makes an image of 10100 pixels, more than 10000");
    expect_applied("scale=2,resize_short=50,resize=5", 20, 81, CNN_ERROR_LIMIT, "step 2 (resize_short)");
    expect_applied("rotate=1,brightness=1/1,channel_shift=0.1", 100, 100, CNN_OK, "");
    expect_applied("rotate=1,brightness=1/1,rotate=2,resize=5", 100, 100, CNN_ERROR_LIMIT,
                   "image: step 3 (rotate): the steps so far are the work of 100000 pixels");
    /* Rows are resized before columns. */
    expect_applied("resize=1x9000,resize=9000x1:area,resize=1", 1, 20, CNN_OK, "");
    expect_applied("resize=9000x1,resize=1x9000:area,resize=1", 1, 20, CNN_ERROR_LIMIT,
                   "image: step 2 (resize) makes an image of 81000000 pixels");
    expect_applied("resize=9000x1,scale=2,resize=1x9000,resize=1", 1, 20, CNN_ERROR_LIMIT, "step 3 (resize)");
    expect_applied("resize=9000x1,resize=1x9000:nearest,resize=1", 1, 20, CNN_OK, "");
    /* An image that is there may be larger than those that are decoded. */
    expect_applied("rotate=1,grey,flip", 100, 400, CNN_OK, "");
    expect_applied("rotate=1,grey,resize_short=60", 50, 900, CNN_ERROR_LIMIT, "more than 45000");
    expect_applied("rotate=1,grey,flip,resize_short=90", 100, 400, CNN_OK, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tests = tcase_create("limits");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, sizes_that_the_text_says);
    tcase_add_test(tests, work_that_the_text_says);
    tcase_add_test(tests, sizes_that_the_image_says);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
