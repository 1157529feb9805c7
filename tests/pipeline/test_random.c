/* SPDX-License-Identifier: MIT */
/* Random steps: the order of draws that docs/pipeline.md promises, their bounds and their shares. */
#include "golden_steps.h"
#include "support.h"

#define SIDE 16

static cnn_context *context;
static cnn_image *ramp; /* SIDE x SIDE grey, pixel (y, x) = y * 16 + x: a crop tells where it comes from */
static float values[SIDE * SIDE * 3];

static void setup(void)
{
    uint8_t pixels[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) {
        pixels[i] = (uint8_t)i;
    }
    context = new_context(1);
    ramp = new_image(context, SIDE, SIDE, 1, pixels);
}

static void teardown(void)
{
    cnn_image_free(ramp);
    cnn_context_free(context);
}

static void apply(const cnn_pipeline *pipeline, uint64_t key)
{
    ck_assert_int_eq(cnn_pipeline_apply(pipeline, ramp, key, values, ARRAY_SIZE(values), NULL), CNN_OK);
}

static int pixel(size_t index) { return (int)lround(values[index] * 255.0); }

static cnn__rng stream(uint64_t epoch, uint64_t sample)
{
    cnn__rng rng;
    cnn__rng_init(&rng, 11, CNN__STREAM_AUGMENT, epoch, sample);
    return rng;
}

/* random_crop draws the row, then the column; flip and vflip one number each, in the order of the steps. */
START_TEST(crop_and_flip_draws)
{
    cnn_pipeline *pipeline = new_pipeline(context, "random_crop=10x12,flip=0.3,vflip=0.6");
    int flips = 0, vflips = 0;
    for (uint64_t key = 0; key < 2000; key++) {
        cnn__rng rng = stream(0, key);
        int top = (int)cnn__rng_below(&rng, 7), left = (int)cnn__rng_below(&rng, 5);
        bool flip = cnn__rng_uniform(&rng) < 0.3, vflip = cnn__rng_uniform(&rng) < 0.6;
        apply(pipeline, key);
        ck_assert_int_eq(pixel(0), (top + (vflip ? 9 : 0)) * SIDE + left + (flip ? 11 : 0));
        ck_assert_int_eq(pixel(119), (top + (vflip ? 0 : 9)) * SIDE + left + (flip ? 0 : 11));
        flips += flip;
        vflips += vflip;
    }
    ck_assert_int_ge(flips, 530); /* 600 +- 3.4 standard deviations */
    ck_assert_int_le(flips, 670);
    ck_assert_int_ge(vflips, 1125); /* 1200 */
    ck_assert_int_le(vflips, 1275);
    cnn_pipeline_free(pipeline);
}
END_TEST

START_TEST(every_place_is_drawn)
{
    cnn_pipeline *pipeline = new_pipeline(context, "random_crop=14x15:pad=1");
    int seen[5][4] = {{0}};
    for (uint64_t key = 0; key < 1000; key++) {
        apply(pipeline, key);
        /* The pixel in the middle is never padding. */
        int place = pixel(7 * 15 + 7);
        int top = place / SIDE - 7, left = place % SIDE - 7;
        ck_assert(top >= -1 && top <= 3 && left >= -1 && left <= 2);
        seen[top + 1][left + 1]++;
        ck_assert(left >= 0 || pixel(7 * 15) == 0);
    }
    for (int i = 0; i < 20; i++) {
        ck_assert_int_ge(seen[i / 4][i % 4], 20); /* 50 expected */
    }
    cnn_pipeline_free(pipeline);
}
END_TEST

/* The key's upper bits are the epoch: the numbers are those of a loader. */
START_TEST(key_is_epoch_and_sample)
{
    cnn_pipeline *pipeline = new_pipeline(context, "random_crop=1x1");
    const uint64_t key = (UINT64_C(5) << 40) | 77;
    cnn__rng rng = stream(5, 77);
    int top = (int)cnn__rng_below(&rng, SIDE), left = (int)cnn__rng_below(&rng, SIDE);
    apply(pipeline, key);
    ck_assert_int_eq(pixel(0), top * SIDE + left);
    apply(pipeline, key);
    ck_assert_int_eq(pixel(0), top * SIDE + left);
    cnn_pipeline_free(pipeline);
}
END_TEST

/* torchvision's algorithm: area, log of the aspect ratio, then row and column, at most ten attempts. */
START_TEST(random_resized_crop_draws)
{
    cnn_pipeline *pipeline = new_pipeline(context, "random_resized_crop=3x3:nearest");
    int fallbacks = 0;
    for (uint64_t key = 0; key < 500; key++) {
        cnn__rng rng = stream(0, key);
        double top = 0, left = 0, rows = SIDE, cols = SIDE;
        bool found = false;
        for (int attempt = 0; attempt < 10 && !found; attempt++) {
            double area = SIDE * SIDE * (0.08 + (1.0 - 0.08) * cnn__rng_uniform(&rng));
            double aspect = exp(log(0.75) + (log(4.0 / 3.0) - log(0.75)) * cnn__rng_uniform(&rng));
            double w = rint(sqrt(area * aspect)), h = rint(sqrt(area / aspect));
            if (w > 0 && w <= SIDE && h > 0 && h <= SIDE) {
                found = true;
                rows = h;
                cols = w;
                top = (double)cnn__rng_below(&rng, (uint64_t)(SIDE - h) + 1);
                left = (double)cnn__rng_below(&rng, (uint64_t)(SIDE - w) + 1);
            }
        }
        fallbacks += !found;
        apply(pipeline, key);
        for (int i = 0; i < 9; i++) {
            int row = (int)(top + floor((i / 3 + 0.5) * rows / 3)), col = (int)(left + floor((i % 3 + 0.5) * cols / 3));
            ck_assert_msg(pixel((size_t)i) == row * SIDE + col, "key %d, value %d: %d", (int)key, i, pixel((size_t)i));
        }
    }
    ck_assert_int_lt(fallbacks, 5);
    cnn_pipeline_free(pipeline);
}
END_TEST

/* Ratios that never fit: the largest centred part. 16 x 16 with a ratio of at least 2 is 8 rows; of at most 1/4,
 * 4 columns. */
START_TEST(random_resized_crop_falls_back)
{
    cnn_pipeline *wide = new_pipeline(context, "random_resized_crop=8x16:scale=1/1:ratio=2/3:nearest");
    cnn_pipeline *tall = new_pipeline(context, "random_resized_crop=16x4:scale=1/1:ratio=0.2/0.25:nearest");
    apply(wide, 1);
    ck_assert_int_eq(pixel(0), 4 * SIDE);
    ck_assert_int_eq(pixel(127), 11 * SIDE + 15);
    apply(tall, 1);
    ck_assert_int_eq(pixel(0), 6);
    ck_assert_int_eq(pixel(63), 15 * SIDE + 9);
    cnn_pipeline_free(tall);
    cnn_pipeline_free(wide);
}
END_TEST

/* Angle, row shift, column shift, shear, row zoom, column zoom, whatever the order of the steps. Only the shift is
 * made visible here: whole pixels on a ramp. */
START_TEST(affine_draws)
{
    cnn_pipeline *pipeline = new_pipeline(context, "zoom=1/1,shift=0.25/0.125,rotate=0/0,fill=constant:value=-1");
    for (uint64_t key = 0; key < 200; key++) {
        cnn__rng rng = stream(0, key);
        (void)cnn__rng_uniform(&rng);
        double tx = 0.25 * (2 * cnn__rng_uniform(&rng) - 1) * SIDE;
        double ty = 0.125 * (2 * cnn__rng_uniform(&rng) - 1) * SIDE;
        apply(pipeline, key);
        double expected = ((8 + tx) * SIDE + 8 + ty) / 255.0;
        ck_assert_double_eq_tol(values[8 * SIDE + 8], expected, 1e-5);
        ck_assert(tx <= 0 || values[15 * SIDE + 8] == -1.0f);
        ck_assert(ty >= 0 || values[8 * SIDE] == -1.0f);
    }
    cnn_pipeline_free(pipeline);
}
END_TEST

START_TEST(brightness_and_shift_draws)
{
    cnn_pipeline *pipeline = new_pipeline(context, "brightness=0.5/1.5,channel_shift=0.25,vflip=0");
    for (uint64_t key = 0; key < 200; key++) {
        cnn__rng rng = stream(0, key);
        float factor = (float)(0.5 + 1.0 * cnn__rng_uniform(&rng));
        float shift = (float)(-0.25 + 0.5 * cnn__rng_uniform(&rng));
        apply(pipeline, key);
        int bright = (int)fminf(factor * 100.0f, 255.0f), most = (int)fminf(factor * 255.0f, 255.0f);
        double expected = fmin(fmax(bright / 255.0 + shift, 0.0), most / 255.0);
        ck_assert_double_eq_tol(values[100], expected, 1e-6);
    }
    cnn_pipeline_free(pipeline);
}
END_TEST

/* Three normal numbers scale the vectors; the colour of every pixel moves by the same amount. */
START_TEST(pca_color_draws)
{
    cnn_image *image = new_image(context, GOLDEN_HEIGHT, GOLDEN_WIDTH, 3, golden_image);
    cnn_pipeline *pipeline = new_pipeline(context, "pca_color=0.5:values=3/2/1:vectors=1/2/3/4/5/6/7/8/9");
    double sum = 0, squares = 0;
    for (uint64_t key = 0; key < 1000; key++) {
        cnn__rng rng = stream(0, key);
        double alpha[3];
        for (int i = 0; i < 3; i++) {
            alpha[i] = 0.5 * cnn__rng_normal(&rng) * (3 - i);
        }
        ck_assert_int_eq(cnn_pipeline_apply(pipeline, image, key, values, ARRAY_SIZE(values), NULL), CNN_OK);
        for (int i = 0; i < GOLDEN_HEIGHT * GOLDEN_WIDTH * 3; i++) {
            int c = i % 3;
            double expected = golden_image[i] / 255.0;
            expected += (3 * c + 1) * alpha[0] + (3 * c + 2) * alpha[1] + (3 * c + 3) * alpha[2];
            ck_assert_double_eq_tol(values[i], expected, 2e-5);
        }
        double red = (values[0] - golden_image[0] / 255.0) / sqrt(9 + 16 + 9);
        sum += red;
        squares += red * red;
    }
    ck_assert_double_eq_tol(sum / 1000, 0.0, 0.06);      /* standard error 0.016 */
    ck_assert_double_eq_tol(squares / 1000, 0.25, 0.04); /* standard error 0.011 */
    cnn_pipeline_free(pipeline);
    cnn_image_free(image);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipeline/random");
    TCase *tcase = tcase_create("random");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, crop_and_flip_draws);
    tcase_add_test(tcase, every_place_is_drawn);
    tcase_add_test(tcase, key_is_epoch_and_sample);
    tcase_add_test(tcase, random_resized_crop_draws);
    tcase_add_test(tcase, random_resized_crop_falls_back);
    tcase_add_test(tcase, affine_draws);
    tcase_add_test(tcase, brightness_and_shift_draws);
    tcase_add_test(tcase, pca_color_draws);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
