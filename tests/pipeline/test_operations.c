/* SPDX-License-Identifier: MIT */
/* Operations of augmentation against torchvision with fixed parameters, the magnitudes that are drawn from, resizing
 * without antialiasing against OpenCV and skimage, padding, and what the random steps draw. */
#include "golden_operations.h"
#include "pipeline/operations.h"
#include "support.h"

#define VALUES (OPERATION_ROWS * OPERATION_COLS * 3)
#define ROOM 16384

static cnn_context *context;
static cnn_image *image;
static float values[ROOM], others[ROOM];

static void setup(void)
{
    context = new_context(1);
    image = new_image(context, OPERATION_ROWS, OPERATION_COLS, 3, operation_image);
}

static void teardown(void)
{
    cnn_image_free(image);
    cnn_context_free(context);
}

static cnn_shape apply(const char *steps, const cnn_image *input, uint64_t key, float *to)
{
    cnn_shape shape;
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    cnn_status status = cnn_pipeline_apply(pipeline, input, key, to, ROOM, &shape);
    ck_assert_msg(status == CNN_OK, "\"%s\": %s", steps, cnn_last_error(context));
    cnn_pipeline_free(pipeline);
    return shape;
}

START_TEST(operations_as_torchvision)
{
    const struct golden_operation *golden = &golden_operations[_i];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    apply(golden->step, image, 0, values);
    for (size_t i = 0; i < VALUES; i++) {
        hash = (hash ^ (uint64_t)lrintf(values[i] * 255)) * UINT64_C(0x100000001b3);
    }
    ck_assert_msg(hash == golden->hash, "%s", golden->step);
}
END_TEST

START_TEST(magnitudes_as_torchvision)
{
    const cnn__frame frame = {.rows = 200, .cols = 100};
    const double *row = golden_magnitudes;
    for (int operation = 0; operation <= CNN__OPERATION_EQUALIZE; operation++) {
        const bool one_more = operation >= CNN__OPERATION_BRIGHTNESS && operation <= CNN__OPERATION_SHARPNESS;
        for (int wide = 0; wide < 2; wide++, row += 32) {
            for (uint32_t bin = 0; bin < 31; bin++) {
                for (int turned = 0; turned < 2; turned++) {
                    const double sign = turned && row[0] != 0 ? -1 : 1;
                    const double found = cnn__augment_magnitude((cnn__operation)operation, wide, bin, 31, turned,
                                                                &frame);
                    ck_assert_double_eq_tol(found, sign * row[1 + bin] + (one_more ? 1 : 0), 1e-4);
                }
            }
        }
    }
}
END_TEST

static void check_plain(const char *steps, const uint8_t *opencv, const float *skimage, size_t count)
{
    apply(steps, image, 0, values);
    expect_bytes(steps, values, opencv, count);
    expect_floats(steps, values, skimage, count, 1.01 / 255); /* OpenCV rounds, and weighs with 11 bits */
    /* What is float already has skimage's values. */
    char scaled[80];
    snprintf(scaled, sizeof(scaled), "scale=1,%s", steps);
    apply(scaled, image, 0, values);
    expect_floats(scaled, values, skimage, count, 2e-6);
}

START_TEST(resizing_without_antialiasing)
{
    check_plain("resize=5x6:antialias=0", opencv_5x6, skimage_5x6, ARRAY_SIZE(opencv_5x6));
    check_plain("resize=23x3:bilinear:antialias=0", opencv_23x3, skimage_23x3, ARRAY_SIZE(opencv_23x3));
    check_plain("resize=2x28:antialias=0", opencv_2x28, skimage_2x28, ARRAY_SIZE(opencv_2x28));
    apply("resize_short=17:antialias=0", image, 0, values);
    expect_bytes("of its own size", values, operation_image, VALUES);
}
END_TEST

/* A crop of the size of all is the padded image itself; others are parts of it. */
static void check_padding(const char *fill, const uint8_t *padded)
{
    char steps[80];
    const int rows = OPERATION_ROWS + 8, cols = OPERATION_COLS + 8;
    snprintf(steps, sizeof(steps), "random_crop=%dx%d:pad=4:%s", rows, cols, fill);
    apply(steps, image, 0, values);
    expect_bytes(steps, values, padded, (size_t)(rows * cols * 3));
    snprintf(steps, sizeof(steps), "scale=1,random_crop=%dx%d:pad=4:%s", rows, cols, fill);
    apply(steps, image, 0, values);
    expect_bytes(steps, values, padded, (size_t)(rows * cols * 3));
    snprintf(steps, sizeof(steps), "random_crop=%dx%d:pad=4:%s", OPERATION_ROWS, OPERATION_COLS, fill);
    for (uint64_t key = 0; key < 20; key++) {
        bool any = false;
        apply(steps, image, key, values);
        for (int at = 0; at < 81 && !any; at++) {
            bool same = true;
            for (int i = 0; i < VALUES && same; i++) {
                const int y = at / 9 + i / 3 / OPERATION_COLS, x = at % 9 + i / 3 % OPERATION_COLS;
                same = values[i] == (float)padded[(y * cols + x) * 3 + i % 3] / 255.0f;
            }
            any = same;
        }
        ck_assert_msg(any, "%s, key %d", steps, (int)key);
    }
}

START_TEST(padding_as_torchvision)
{
    check_padding("reflect", padded_reflect);
    check_padding("edge", padded_edge);
    cnn_pipeline *pipeline = new_pipeline(context, "random_crop=8:pad=17:reflect");
    ck_assert_int_eq(cnn_pipeline_apply(pipeline, image, 0, values, ROOM, NULL), CNN_ERROR_SHAPE);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "so many pixels cannot be mirrored from 17x21"));
    cnn_pipeline_free(pipeline);
}
END_TEST

/* Six views: the image, moved down and right by a pixel, moved up and left; then the mirror image of each. */
START_TEST(views_are_moved_and_mirrored)
{
    static const int shifts[3][2] = {{0, 0}, {1, 1}, {-1, -2}};
    cnn_shape shape = apply("views=shift=0/0/1/1/-1/-2", image, 0, values);
    ck_assert_uint_eq(shape.rank, 4);
    ck_assert_int_eq(shape.dims[0], 6);
    for (int i = 0; i < 6 * VALUES; i++) {
        const int view = i / VALUES, c = i % 3, y = i % VALUES / 3 / OPERATION_COLS, right = i / 3 % OPERATION_COLS;
        const int x = view >= 3 ? OPERATION_COLS - 1 - right : right;
        int from_y = y - shifts[view % 3][0], from_x = x - shifts[view % 3][1];
        from_y = from_y < 0 ? -from_y : from_y >= OPERATION_ROWS ? 2 * (OPERATION_ROWS - 1) - from_y : from_y;
        from_x = from_x < 0 ? -from_x : from_x >= OPERATION_COLS ? 2 * (OPERATION_COLS - 1) - from_x : from_x;
        ck_assert(values[i] == (float)operation_image[(from_y * OPERATION_COLS + from_x) * 3 + c] / 255.0f);
    }
    shape = apply("views", image, 0, values);
    ck_assert_int_eq(shape.dims[0], 2);
    shape = apply("views=shift=0/0/2/0:flip=0:black", image, 0, values);
    ck_assert_int_eq(shape.dims[0], 2);
    ck_assert(values[VALUES] == 0 && values[VALUES + 2 * OPERATION_COLS * 3] == values[0]);
}
END_TEST

/* Epochs are the upper bits of a key. */
START_TEST(flips_alternate)
{
    int begun = 0;
    for (uint64_t sample = 0; sample < 64; sample++) {
        bool flipped[4];
        for (uint64_t epoch = 0; epoch < 4; epoch++) {
            apply("alternating_flip", image, epoch << 40 | sample, values);
            apply("flip=1", image, 0, others);
            flipped[epoch] = memcmp(values, others, VALUES * sizeof(float)) == 0;
        }
        ck_assert(flipped[0] != flipped[1] && flipped[0] == flipped[2] && flipped[1] == flipped[3]);
        begun += flipped[0];
    }
    ck_assert(begun > 16 && begun < 48);
}
END_TEST

/* Each image is one of those that the operations make, and all operations come. */
START_TEST(trivial_augment_draws_all_operations)
{
    int same = 0, seen = 0;
    for (uint64_t key = 0; key < 300; key++) {
        apply("trivial_augment", image, key, values);
        const bool plain = memcmp(values, others, 0) == 0 && values[0] == (float)operation_image[0] / 255.0f &&
                           values[VALUES - 1] == (float)operation_image[VALUES - 1] / 255.0f;
        same += plain;
        for (size_t i = 0; i < VALUES; i++) {
            ck_assert(values[i] >= 0 && values[i] <= 1);
        }
        seen++;
    }
    ck_assert(same > 20 && same < 200 && seen == 300);
    /* The same key is the same image. */
    apply("rand_augment=3:15", image, 9, values);
    apply("rand_augment=3:15", image, 9, others);
    ck_assert_mem_eq(values, others, VALUES * sizeof(float));
    /* Of magnitude 0 all is as it was, but for the operations that have none. */
    apply("jitter", image, 3, values);
    expect_bytes("no jitter", values, operation_image, VALUES);
}
END_TEST

START_TEST(jitter_stays_in_its_range)
{
    double low = 9, high = 0;
    for (uint64_t key = 0; key < 200; key++) {
        apply("jitter=0.4", image, key, values);
        double sum = 0, before = 0;
        for (size_t i = 0; i < VALUES; i++) {
            sum += (double)values[i];
            before += operation_image[i] / 255.0;
        }
        low = fmin(low, sum / before);
        high = fmax(high, sum / before);
    }
    ck_assert(low > 0.58 && low < 0.65 && high > 1.3 && high < 1.41);
}
END_TEST

/* One rectangle within the bounds of area and proportions, at the given value; the rest as it was. */
START_TEST(erased_parts_are_rectangles)
{
    int erased = 0;
    for (uint64_t key = 0; key < 200; key++) {
        int top = 99, bottom = -1, left = 99, right = -1, count = 0;
        apply("erase=0.75:scale=0.1/0.3:ratio=0.5/2:value=7", image, key, values);
        for (int i = 0; i < OPERATION_ROWS * OPERATION_COLS; i++) {
            const bool gone = values[3 * i] == 7;
            ck_assert(gone == (values[3 * i + 1] == 7) && gone == (values[3 * i + 2] == 7));
            ck_assert(gone || values[3 * i] == (float)operation_image[3 * i] / 255.0f);
            if (gone) {
                const int y = i / OPERATION_COLS, x = i % OPERATION_COLS;
                top = y < top ? y : top;
                bottom = y > bottom ? y : bottom;
                left = x < left ? x : left;
                right = x > right ? x : right;
                count++;
            }
        }
        if (count > 0) {
            const double rows = bottom - top + 1, cols = right - left + 1;
            ck_assert_int_eq(count, (int)(rows * cols));
            ck_assert(count > 0.06 * 357 && count < 0.4 * 357);
            ck_assert(rows / cols > 0.35 && rows / cols < 2.8);
            erased++;
        }
    }
    ck_assert(erased > 120 && erased < 180);
}
END_TEST

START_TEST(texts_are_checked)
{
    static const char *const wrong[][2] = {
        {"resize=5x4:bicubic:antialias=0", "antialias=0 is for the filter bilinear"},
        {"operation=blur", "name"},
        {"normalize=0.5:0.5,rand_augment", "rand_augment needs values in [0, 1] and comes before normalize"},
        {"rand_augment=2:31", "the magnitude is less than the bins"},
        {"jitter=0:0:0:0.6", "hue is at most half a turn"},
        {"jitter=-0.1", "are not negative"},
        {"views=shift=0/0/1", "shifts are pairs"},
        {"views=flip=0", "one view alone needs no step"},
        {"views,ten_crop=5", "it can be there once"},
        {"erase=scale=0.3/0.1", "the lower bound comes first"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        cnn_pipeline *pipeline = NULL;
        ck_assert_msg(cnn_pipeline_create(context, wrong[i][0], &pipeline) == CNN_ERROR_INVALID_ARGUMENT, "%s",
                      wrong[i][0]);
        ck_assert_msg(strstr(cnn_last_error(context), wrong[i][1]) != NULL, "%s", cnn_last_error(context));
    }
    /* What was there before keeps its text. */
    cnn_pipeline *pipeline = new_pipeline(context, "resize=5x4,random_crop=3:pad=1,jitter=0.1,erase,alternating_flip");
    ck_assert_ptr_nonnull(strstr(cnn_pipeline_text(pipeline), "resize=5x4:bilinear,random_crop=3x3:pad=1,"));
    cnn_pipeline *again = new_pipeline(context, cnn_pipeline_text(pipeline)), *steady = NULL;
    ck_assert_str_eq(cnn_pipeline_text(again), cnn_pipeline_text(pipeline));
    ck_assert_int_eq(cnn_pipeline_for_evaluation(pipeline, &steady), CNN_OK);
    ck_assert_str_eq(cnn_pipeline_text(steady), "resize=5x4:bilinear,center_crop=3x3");
    cnn_pipeline_free(steady);
    cnn_pipeline_free(again);
    cnn_pipeline_free(pipeline);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipeline/operations");
    TCase *tests = tcase_create("operations");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, operations_as_torchvision, 0, (int)ARRAY_SIZE(golden_operations));
    tcase_add_test(tests, magnitudes_as_torchvision);
    tcase_add_test(tests, resizing_without_antialiasing);
    tcase_add_test(tests, padding_as_torchvision);
    tcase_add_test(tests, views_are_moved_and_mirrored);
    tcase_add_test(tests, flips_alternate);
    tcase_add_test(tests, trivial_augment_draws_all_operations);
    tcase_add_test(tests, jitter_stays_in_its_range);
    tcase_add_test(tests, erased_parts_are_rectangles);
    tcase_add_test(tests, texts_are_checked);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
