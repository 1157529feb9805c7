/* SPDX-License-Identifier: MIT */
/* Images of 1 to 16 channels: each channel gets the bits that it gets alone, whatever the step; steps that know colours
 * alone say so. */
#include <cnn/loader.h>

#include "support.h"

#define HEIGHT 13
#define WIDTH 17
#define ROOM (10 * 32 * 32)

static cnn_context *context;
static uint8_t bytes[HEIGHT * WIDTH * CNN_MAX_CHANNELS], one_byte[HEIGHT * WIDTH];
static float floats[HEIGHT * WIDTH * CNN_MAX_CHANNELS], one_float[HEIGHT * WIDTH];
static float all[ROOM * CNN_MAX_CHANNELS], one[ROOM];

static void setup(void)
{
    context = new_context(1);
    uint32_t random = 7;
    for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
        random = random * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(random >> 24);
        floats[i] = (float)(random >> 8) / 16777216.0f;
    }
}

static void teardown(void) { cnn_context_free(context); }

/* Those that do the same to all channels. */
static const char *const steps[] = {
    "",
    "resize=7x9",
    "resize=29x30:bicubic",
    "resize=6x23:area",
    "resize=20x11:nearest",
    "resize_short=9:bicubic,center_crop=8x8",
    "center_crop=19x21",
    "random_crop=9x11:pad=4,flip,vflip",
    "random_resized_crop=10x12:bilinear,flip=1",
    "resize=14x15,ten_crop=8x9",
    "flip=1,vflip=1,center_crop=15x20,resize=8x8",
    "rotate=40,shift=0.2,shear=15,zoom=0.3,flip",
    "rotate=40,fill=reflect",
    "zoom=0.5/2,fill=wrap,vflip=1",
    "shift=0.4/0.2,fill=constant:value=0.25,resize=8x8:area",
    "brightness=0.5/1.5,resize=9x9,flip=1",
    "resize=9x9,brightness=0.5/1.5,flip=1,scale=3,center_crop=11x11",
    "scale=2,subtract=0.5,random_crop=15x15:pad=3,normalize=mean=0.3:std=0.2,flip=1",
};

static const float *channel_of(const float *values, uint32_t channels, uint32_t channel)
{
    for (size_t i = 0; i < HEIGHT * WIDTH; i++) {
        one_float[i] = values[i * channels + channel];
    }
    return one_float;
}

/* Runs the pipeline on bytes or floats; returns the values of all views. */
static size_t apply(const char *text, const uint8_t *from_bytes, const float *from_floats, uint32_t channels,
                    float *values)
{
    cnn_pipeline *pipeline = new_pipeline(context, text);
    cnn__scratch scratch = {.context = context};
    cnn__pipeline_run run = {
        .scratch = &scratch,
        .name = "test",
        .bytes = from_bytes,
        .floats = from_floats,
        .height = HEIGHT,
        .width = WIDTH,
        .channels = channels,
        .seed = 5,
        .epoch = 2,
        .sample = 9,
        .values = values,
        .capacity = (size_t)ROOM * channels,
    };
    const cnn_status status = cnn__pipeline_apply(pipeline, &run);
    ck_assert_msg(status == CNN_OK, "\"%s\": %s", text, cnn_last_error(context));
    ck_assert_int_eq(run.shape.dims[2], channels);
    const size_t count = (size_t)(run.shape.dims[0] * run.shape.dims[1]) * cnn__pipeline_views(pipeline);
    cnn__scratch_free(&scratch);
    cnn_pipeline_free(pipeline);
    return count;
}

static void expect_channel(const char *text, size_t count, uint32_t channels, uint32_t channel)
{
    for (size_t i = 0; i < count; i++) {
        const float *have = &all[i * channels + channel];
        ck_assert_msg(memcmp(have, &one[i], sizeof(*have)) == 0,
                      "\"%s\": pixel %zu, channel %u of %u: %.9g, alone %.9g", text, i, channel, channels, *have,
                      one[i]);
    }
}

static const uint32_t counts[] = {2, 3, 4, 5, 8, 16};

START_TEST(each_channel_as_alone)
{
    const char *text = steps[_i];
    for (size_t n = 0; n < ARRAY_SIZE(counts); n++) {
        const uint32_t channels = counts[n];
        size_t count = apply(text, bytes, NULL, channels, all);
        for (uint32_t c = 0; c < channels; c++) {
            for (size_t i = 0; i < HEIGHT * WIDTH; i++) {
                one_byte[i] = bytes[i * channels + c];
            }
            ck_assert_uint_eq(apply(text, one_byte, NULL, 1, one), count);
            expect_channel(text, count, channels, c);
        }
        count = apply(text, NULL, floats, channels, all);
        for (uint32_t c = 0; c < channels; c++) {
            ck_assert_uint_eq(apply(text, NULL, channel_of(floats, channels, c), 1, one), count);
            expect_channel(text, count, channels, c);
        }
    }
}
END_TEST

/* A value for each channel, before and after steps that move pixels. */
START_TEST(values_of_each_channel)
{
    const uint32_t channels = 5;
    const char *text = "flip=1,normalize=mean=0.1/0.2/0.3/0.4/0.5:std=1/2/3/4/5,rotate=20,subtract=5/4/3/2/1";
    const size_t of_bytes = apply(text, bytes, NULL, channels, all);
    for (uint32_t c = 0; c < channels; c++) {
        char single[160];
        snprintf(single, sizeof(single), "flip=1,normalize=mean=0.%u:std=%u,rotate=20,subtract=%u", c + 1, c + 1,
                 5 - c);
        for (size_t i = 0; i < HEIGHT * WIDTH; i++) {
            one_byte[i] = bytes[i * channels + c];
        }
        ck_assert_uint_eq(apply(single, one_byte, NULL, 1, one), of_bytes);
        expect_channel(text, of_bytes, channels, c);
    }
    const size_t of_floats = apply(text, NULL, floats, channels, all);
    for (uint32_t c = 0; c < channels; c++) {
        char single[160];
        snprintf(single, sizeof(single), "flip=1,normalize=mean=0.%u:std=%u,rotate=20,subtract=%u", c + 1, c + 1,
                 5 - c);
        apply(single, NULL, channel_of(floats, channels, c), 1, one);
        expect_channel(text, of_floats, channels, c);
    }
}
END_TEST

/* One working memory for images of other channels, gains and biases in turn: no table of another image is used. */
START_TEST(working_memory_is_shared)
{
    static const char *const texts[] = {"scale=2", "normalize=mean=0.5:std=0.5", "scale=2"};
    static const uint32_t channels[] = {1, 16, 5, 3, 16, 2};
    cnn__scratch scratch = {.context = context};
    for (size_t n = 0; n < ARRAY_SIZE(channels) * ARRAY_SIZE(texts); n++) {
        const char *text = texts[n % ARRAY_SIZE(texts)];
        const uint32_t of = channels[n / ARRAY_SIZE(texts)];
        cnn_pipeline *pipeline = new_pipeline(context, text);
        cnn__pipeline_run run = {.scratch = &scratch,
                                 .name = "test",
                                 .bytes = bytes,
                                 .height = HEIGHT,
                                 .width = WIDTH,
                                 .channels = of,
                                 .values = all,
                                 .capacity = ARRAY_SIZE(all)};
        ck_assert_int_eq(cnn__pipeline_apply(pipeline, &run), CNN_OK);
        for (size_t i = 0; i < (size_t)HEIGHT * WIDTH * of; i++) {
            const double value = (float)bytes[i] / 255.0f;
            const float expected = (float)(n % ARRAY_SIZE(texts) == 1 ? value * 2.0 - 1.0 : value * 2.0);
            ck_assert_msg(all[i] == expected, "%s of %u: value %zu is %.9g", text, of, i, all[i]);
        }
        cnn_pipeline_free(pipeline);
    }
    cnn__scratch_free(&scratch);
}
END_TEST

static const struct {
    const char *text, *message;
    uint32_t channels;
} refused[] = {
    {"grey", "grey needs grey or RGB, 1 or 3 channels, found 5", 5},
    {"flip,grey=3", "grey needs grey or RGB, 1 or 3 channels, found 2", 2},
    {"bgr", "bgr needs grey or RGB, 1 or 3 channels, found 4", 4},
    {"flip,pca_color", "pca_color needs 3 channels, found 5", 5},
    {"pca_color", "pca_color needs 3 channels, found 1", 1},
    {"normalize=mean=1/2/3:std=1/2/3", "normalize has 3 values for 5 channels", 5},
    {"subtract=1/2/3/4/5", "subtract has 5 values for 4 channels", 4},
    {"grey,subtract=1/2/3", "subtract has 3 values for 1 channels", 3},
};

/* By a loader before anything is read, and by the step itself. */
START_TEST(steps_that_know_colours)
{
    cnn_dataset *dataset = NULL;
    cnn_loader *loader = NULL;
    cnn_pipeline *pipeline = new_pipeline(context, refused[_i].text);
    const uint32_t channels = refused[_i].channels;
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = bytes, .count = 1, .height = HEIGHT, .width = WIDTH,
                                                   .channels = channels, .borrow = 1),
                                        &dataset),
                     CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline), &loader), CNN_ERROR_SHAPE);
    ck_assert_ptr_null(loader);
    ck_assert_msg(strstr(cnn_last_error(context), refused[_i].message) != NULL, "%s", cnn_last_error(context));
    cnn_image *image = new_image(context, HEIGHT, WIDTH, channels, bytes);
    ck_assert_int_eq(cnn_pipeline_apply(pipeline, image, 0, all, ARRAY_SIZE(all), NULL), CNN_ERROR_SHAPE);
    ck_assert_msg(strstr(cnn_last_error(context), refused[_i].message) != NULL, "%s", cnn_last_error(context));
    cnn_image_free(image);
    cnn_dataset_free(dataset);
    cnn_pipeline_free(pipeline);
}
END_TEST

/* Loaders with and without workers and memory give the same batches; statistics have a number for each channel. */
START_TEST(loaders_and_statistics)
{
    const uint32_t channels = CNN_MAX_CHANNELS;
    cnn_dataset *dataset = NULL;
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    cnn_pipeline *pipeline = new_pipeline(context, "resize=9x8,random_crop=8x8,flip");
    ck_assert_int_eq(cnn_dataset_create(
                         context,
                         CNN_ARRAYS(.bytes = bytes, .count = HEIGHT, .height = 1, .width = WIDTH, .channels = channels),
                         &dataset),
                     CNN_OK);
    ck_assert_int_eq(cnn_dataset_statistics(context, dataset, NULL, &found), CNN_OK);
    ck_assert_uint_eq(found.channels, channels);
    for (uint32_t c = 0; c < channels; c++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < HEIGHT * WIDTH; i++) {
            const double value = bytes[i * channels + c] / 255.0;
            sum += value / (HEIGHT * WIDTH);
            squares += value * value / (HEIGHT * WIDTH);
        }
        ck_assert_double_eq_tol(found.mean[c], sum, 1e-7);
        ck_assert_double_eq_tol(found.deviation[c], sqrt(squares - sum * sum), 1e-6);
    }
    ck_assert_double_eq(found.covariance[0], 0);
    cnn_loader *plain = NULL, *kept = NULL;
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .batch = 4), &plain), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, dataset,
                                       CNN_LOADER(.pipeline = pipeline, .batch = 4, .in_memory = 1, .workers = 3),
                                       &kept),
                     CNN_OK);
    for (int i = 0; i < 12; i++) {
        cnn_batch a = CNN_BATCH_INIT, b = CNN_BATCH_INIT;
        ck_assert_int_eq(cnn_loader_next(plain, &a), CNN_OK);
        ck_assert_int_eq(cnn_loader_next(kept, &b), CNN_OK);
        ck_assert_uint_eq(a.count, b.count);
        ck_assert_int_eq(a.shape.dims[3], channels);
        if (a.count > 0) {
            ck_assert_mem_eq(a.images, b.images, a.count * 8 * 8 * channels * sizeof(float));
        }
    }
    cnn_loader_free(plain);
    cnn_loader_free(kept);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(canonical_text_has_all_values)
{
    cnn_pipeline *pipeline = new_pipeline(context, "subtract=1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
    ck_assert_str_eq(cnn_pipeline_text(pipeline), "subtract=1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
    cnn_pipeline_free(pipeline);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipeline/channels");
    TCase *tcase = tcase_create("channels");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, each_channel_as_alone, 0, (int)ARRAY_SIZE(steps));
    tcase_add_test(tcase, values_of_each_channel);
    tcase_add_test(tcase, working_memory_is_shared);
    tcase_add_loop_test(tcase, steps_that_know_colours, 0, (int)ARRAY_SIZE(refused));
    tcase_add_test(tcase, loaders_and_statistics);
    tcase_add_test(tcase, canonical_text_has_all_values);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
