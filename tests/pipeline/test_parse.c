/* SPDX-License-Identifier: MIT */
/* Pipeline text: what is read, what is refused and how, what is printed, which shape follows. */
#include <locale.h>

#include "support.h"

static cnn_context *context;

static void setup(void) { context = new_context(1); }
static void teardown(void) { cnn_context_free(context); }

static void expect_text(const char *steps, const char *canonical)
{
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    ck_assert_str_eq(cnn_pipeline_text(pipeline), canonical);
    cnn_pipeline *again = new_pipeline(context, canonical);
    ck_assert_str_eq(cnn_pipeline_text(again), canonical);
    cnn_pipeline_free(again);
    cnn_pipeline_free(pipeline);
}

START_TEST(canonical_text)
{
    expect_text("", "");
    expect_text("  ", "");
    expect_text("resize=150", "resize=150x150:bilinear");
    expect_text("resize=150x100:nearest", "resize=150x100:nearest");
    expect_text("resize=filter=area:size=7x9", "resize=7x9:area");
    expect_text("resize=7x9:fast:bicubic", "resize=7x9:bicubic:fast");
    expect_text("resize=7x9:decode=auto", "resize=7x9:bilinear");
    expect_text("resize_short=256", "resize_short=256:bilinear");
    expect_text("center_crop=224, flip ,vflip=0.25", "center_crop=224x224,flip=0.5,vflip=0.25");
    expect_text("random_crop=32x32:pad=4", "random_crop=32x32:pad=4");
    expect_text("random_crop=32x32:4", "random_crop=32x32:pad=4");
    expect_text("random_crop=32x32", "random_crop=32x32");
    expect_text("ten_crop=227x227", "ten_crop=227x227");
    expect_text("random_resized_crop=224:bicubic:scale=0.5/1",
                "random_resized_crop=224x224:scale=0.5/1:ratio=0.75/1.3333333333333333:bicubic");
    expect_text("rotate=40,shift=0.2,shear=0.2,zoom=0.2,fill=nearest",
                "rotate=40,shift=0.2,shear=0.2,zoom=0.2,fill=nearest");
    expect_text("rotate=-10/20,shift=0.1/0.2,zoom=0.8/1.5,fill=constant:value=0.5:compat=1",
                "rotate=-10/20,shift=0.1/0.2,zoom=0.8/1.5,fill=constant:value=0.5:compat=1");
    expect_text("channel_shift=0.1,brightness=0.5/1.5,grey,bgr", "channel_shift=0.1,brightness=0.5/1.5,grey,bgr");
    expect_text("grey=3", "grey=3");
    expect_text("orient", "orient");
    expect_text(" orient , flip", "orient,flip=0.5");
    expect_text("background=255", "background=255");
    expect_text("orient,background=255/128/0,resize=3", "orient,background=255/128/0,resize=3x3:bilinear");
    expect_text("background=color=0/0/7,orient", "background=0/0/7,orient");
    expect_text("scale=255,subtract=0.1/0.2/0.3", "scale=255,subtract=0.1/0.2/0.3");
    expect_text("subtract=-0", "subtract=0");
    expect_text("normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225",
                "normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225");
    expect_text("normalize=0.5:0.25", "normalize=mean=0.5:std=0.25");
    expect_text("pca_color", "pca_color=0.1:values=0.2175/0.0188/0.0045:vectors=-0.5675/0.7192/0.4009/-0.5808/"
                             "-0.0045/-0.814/-0.5836/-0.6948/0.4203");
}
END_TEST

static void expect_refused(const char *steps, const char *message)
{
    cnn_pipeline *pipeline = (cnn_pipeline *)1;
    ck_assert_msg(cnn_pipeline_create(context, steps, &pipeline) == CNN_ERROR_INVALID_ARGUMENT, "\"%s\" was taken",
                  steps);
    ck_assert_ptr_null(pipeline);
    ck_assert_msg(strcmp(cnn_last_error(context), message) == 0, "\"%s\":\n  %s\nexpected\n  %s", steps,
                  cnn_last_error(context), message);
}

START_TEST(errors_name_step_place_and_expectation)
{
    const char *all = "orient, background, resize, resize_short, center_crop, random_crop, ten_crop, "
                      "views, random_resized_crop, flip, vflip, alternating_flip, operation, rand_augment, "
                      "trivial_augment, jitter, erase, rotate, shift, "
                      "shear, zoom, fill, channel_shift, brightness, pca_color, grey, bgr, scale, "
                      "subtract, normalize";
    char message[640];
    snprintf(message, sizeof(message), "pipeline: step 2, character 15: unknown step \"resise\"; steps are %s", all);
    expect_refused("resize=10x10, resise=3", message);
    snprintf(message, sizeof(message), "pipeline: step 2, character 6: expected a step, one of %s", all);
    expect_refused("flip,", message);
    snprintf(message, sizeof(message), "pipeline: step 1, character 1: unknown step \"a\\x01b\"; steps are %s", all);
    expect_refused("a\x01"
                   "b",
                   message);
    expect_refused("resize", "pipeline: step 1 (resize), character 7: expected size");
    expect_refused("resize=5,orient",
                   "pipeline: step 2 (orient), character 10: it says how files are decoded and comes "
                   "before resize");
    expect_refused("orient,flip,background=1", "pipeline: step 3 (background), character 13: it says how files are "
                                               "decoded and comes before flip");
    expect_refused("orient,background=3,orient", "pipeline: step 3 (orient), character 21: it can be there once");
    expect_refused("orient=1", "pipeline: step 1 (orient), character 8: one argument too many: \"1\"");
    expect_refused("orient=exif=1",
                   "pipeline: step 1 (orient), character 8: unknown argument \"exif\"; there are none");
    expect_refused("background", "pipeline: step 1 (background), character 11: expected color");
    expect_refused("background=256", "pipeline: step 1 (background), character 12: color is 0 to 255");
    expect_refused("background=-1/0/0", "pipeline: step 1 (background), character 12: color is 0 to 255");
    expect_refused("background=nan", "pipeline: step 1 (background), character 12: expected color as a number, found "
                                     "\"nan\"");
    expect_refused("background=0.5/0/0",
                   "pipeline: step 1 (background), character 1: levels are whole numbers from 0 to "
                   "255");
    expect_refused("background=1/2", "pipeline: step 1 (background), character 1: expected one level or three: "
                                     "red/green/blue");
    expect_refused("background=1/2/3/4",
                   "pipeline: step 1 (background), character 12: expected color as 1 to 3 numbers "
                   "separated by \"/\"");
    expect_refused("resize=", "pipeline: step 1 (resize), character 8: expected size as HEIGHTxWIDTH, found \"\"");
    expect_refused("resize=10x",
                   "pipeline: step 1 (resize), character 8: expected size as HEIGHTxWIDTH, found \"10x\"");
    expect_refused("resize=0x10", "pipeline: step 1 (resize), character 8: size is 1 to 32768");
    expect_refused("flip,resize=40000", "pipeline: step 2 (resize), character 13: size is 1 to 32768");
    expect_refused("resize=10:cubic", "pipeline: step 1 (resize), character 11: expected filter as one of nearest, "
                                      "bilinear, bicubic, area, found \"cubic\"");
    expect_refused("resize=10:nearest:bilinear", "pipeline: step 1 (resize), character 19: expected decode as one of "
                                                 "auto, full, fast, found \"bilinear\"");
    expect_refused("resize=10:nearest:fast:1:1",
                   "pipeline: step 1 (resize), character 26: one argument too many: \"1\"");
    expect_refused("resize=10:size=10", "pipeline: step 1 (resize), character 11: size is given twice");
    expect_refused("resize=10:mode=nearest",
                   "pipeline: step 1 (resize), character 11: unknown argument \"mode\"; there is size, filter, "
                   "decode, antialias");
    expect_refused("bgr=1", "pipeline: step 1 (bgr), character 5: one argument too many: \"1\"");
    expect_refused("bgr=x=1", "pipeline: step 1 (bgr), character 5: unknown argument \"x\"; there are none");
    expect_refused("flip=2", "pipeline: step 1 (flip), character 6: p is 0 to 1");
    expect_refused("flip=often", "pipeline: step 1 (flip), character 6: expected p as a number, found \"often\"");
    expect_refused("flip=0.5/0.5", "pipeline: step 1 (flip), character 6: expected p as 1 number separated by \"/\"");
    expect_refused("flip=inf", "pipeline: step 1 (flip), character 6: expected p as a number, found \"inf\"");
    expect_refused("random_crop=5:pad=1.5",
                   "pipeline: step 1 (random_crop), character 19: expected pad as a whole number, found \"1.5\"");
    expect_refused("brightness=0.5",
                   "pipeline: step 1 (brightness), character 12: expected range as 2 numbers separated by \"/\"");
    expect_refused("brightness=1.5/0.5", "pipeline: step 1 (brightness), character 1: the lower bound comes first");
    expect_refused("normalize=mean=0.5", "pipeline: step 1 (normalize), character 19: expected std");
    expect_refused("normalize=mean=0.5:std=0", "pipeline: step 1 (normalize), character 24: std is 1e-09 to 1e+06");
    expect_refused("normalize=mean=1/2/3:std=1", "pipeline: step 1 (normalize), character 1: mean and std have one "
                                                 "value for all channels each, or one for each channel each");
    expect_refused("subtract=1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
                   "pipeline: step 1 (subtract), character 10: expected mean as 1 to 16 numbers separated by \"/\"");
    expect_refused("grey=2", "pipeline: step 1 (grey), character 1: there are 1 or 3 channels");
    expect_refused("zoom=1", "pipeline: step 1 (zoom), character 1: it must leave a part of the image: one number "
                             "below 1, or bounds above 0");
    expect_refused("fill=nearest",
                   "pipeline: step 1 (fill), character 1: it stands beside rotate, shift, shear or zoom");
    expect_refused("rotate=4,flip,fill=nearest,flip,rotate=3",
                   "pipeline: step 3 (fill), character 15: it stands beside rotate, shift, shear or zoom");
    expect_refused("rotate=1,zoom=0.1,rotate=2",
                   "pipeline: step 3 (rotate), character 19: it is there twice among neighbours that become one warp");
    expect_refused("ten_crop=5,ten_crop=3", "pipeline: step 2 (ten_crop), character 12: it can be there once");
    expect_refused("normalize=0:1,brightness=1/2", "pipeline: step 2 (brightness), character 15: brightness needs "
                                                   "values in [0, 1] and comes before normalize");
}
END_TEST

START_TEST(two_warps_may_be_apart) { cnn_pipeline_free(new_pipeline(context, "rotate=10,flip,rotate=10")); }
END_TEST

START_TEST(too_much_text)
{
    char text[1000] = "flip";
    for (int i = 1; i < 64; i++) {
        strcat(text, ",flip");
    }
    cnn_pipeline *pipeline = new_pipeline(context, text);
    cnn_pipeline_free(pipeline);
    strcat(text, ",flip");
    expect_refused(text, "pipeline: more than 64 steps or 65536 characters");
    char *blanks = malloc(70000);
    memset(blanks, ' ', 69999);
    blanks[69999] = '\0';
    expect_refused(blanks, "pipeline: more than 64 steps or 65536 characters");
    free(blanks);
}
END_TEST

/* Every prefix and every text with one byte changed is taken or refused, and what is taken prints and parses again. */
START_TEST(no_text_does_harm)
{
    const char *text = "resize=9x8:area:fast,random_crop=5:pad=2,rotate=4/5,fill=wrap:compat=1,normalize=1/2/3:4/5/6";
    const char bytes[] = ",:=/x.-e0\x80 ";
    char copy[128];
    for (size_t i = 0; i <= strlen(text); i++) {
        for (size_t k = 0; k < sizeof(bytes); k++) {
            cnn_pipeline *pipeline;
            strcpy(copy, text);
            copy[i] = bytes[k];
            if (i == strlen(text)) {
                copy[i + 1] = '\0';
            }
            if (cnn_pipeline_create(context, copy, &pipeline) == CNN_OK) {
                expect_text(cnn_pipeline_text(pipeline), cnn_pipeline_text(pipeline));
                cnn_pipeline_free(pipeline);
            } else {
                ck_assert_ptr_null(pipeline);
            }
        }
    }
}
END_TEST

START_TEST(locale_does_not_matter)
{
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL && setlocale(LC_ALL, "de_DE") == NULL) {
        (void)setlocale(LC_ALL, "");
    }
    expect_text("normalize=0.5:0.25", "normalize=mean=0.5:std=0.25");
    setlocale(LC_ALL, "C");
}
END_TEST

static void expect_output(const char *steps, uint32_t channels, uint32_t rank, int64_t a, int64_t b, int64_t c)
{
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    cnn_shape shape = cnn_pipeline_output_shape(pipeline, channels);
    ck_assert_msg(shape.rank == rank, "\"%s\": rank %u", steps, shape.rank);
    if (rank > 0) {
        const int64_t *dims = shape.dims + (rank - 3);
        ck_assert_msg(dims[0] == a && dims[1] == b && dims[2] == c, "\"%s\": %lld %lld %lld", steps, (long long)dims[0],
                      (long long)dims[1], (long long)dims[2]);
    }
    cnn_pipeline_free(pipeline);
}

START_TEST(output_shape)
{
    expect_output("", 3, 0, 0, 0, 0);
    expect_output("flip,normalize=0:1", 3, 0, 0, 0, 0);
    expect_output("resize_short=256", 3, 0, 0, 0, 0);
    expect_output("resize=10x20", 3, 3, 10, 20, 3);
    expect_output("resize=10x20,resize_short=5", 3, 3, 5, 10, 3);
    expect_output("resize=20x11,resize_short=5", 1, 3, 9, 5, 1);
    expect_output("resize_short=256,center_crop=224", 3, 3, 224, 224, 3);
    expect_output("random_crop=5x6,grey", 3, 3, 5, 6, 1);
    expect_output("random_resized_crop=5x6,grey=3,rotate=3", 1, 3, 5, 6, 3);
    expect_output("resize=10x20,ten_crop=8x7", 3, 4, 8, 7, 3);
    ck_assert_uint_eq(cnn_pipeline_output_shape(NULL, 3).rank, 0);
}
END_TEST

static void expect_hint(const char *steps, uint32_t height, uint32_t width, bool full)
{
    cnn_pipeline *pipeline = new_pipeline(context, steps);
    const cnn_decode_options decoding = cnn__pipeline_decoding(pipeline);
    ck_assert_msg(decoding.minimum_height == height && decoding.minimum_width == width, "\"%s\": %u x %u", steps,
                  decoding.minimum_height, decoding.minimum_width);
    ck_assert_msg(decoding.only_over_limit == full, "\"%s\": only_over_limit %u", steps, decoding.only_over_limit);
    cnn_pipeline_free(pipeline);
}

START_TEST(decode_hint)
{
    expect_hint("", 0, 0, false);
    expect_hint("resize=100x50", 100, 50, false);
    expect_hint("flip,grey,scale=2,resize=100x50,center_crop=20", 100, 50, false);
    expect_hint("resize=100x51:fast", 50, 26, false);
    expect_hint("resize=100x50:full", 0, 0, false);
    expect_hint("resize=100x50:nearest", 100, 50, true); /* only beyond the limit of pixels */
    expect_hint("orient,background=255,resize_short=20:nearest", 20, 20, true);
    expect_hint("resize=100x50:nearest:fast", 50, 25, false);
    expect_hint("resize_short=100", 100, 100, false);
    expect_hint("center_crop=20,resize=10", 0, 0, false);
    expect_hint("random_crop=20,resize=10", 0, 0, false);
    expect_hint("rotate=20,resize=10", 0, 0, false);
    expect_hint("random_resized_crop=100x60:scale=0.5/1:ratio=1/1", 200, 120, false);
    expect_hint("random_resized_crop=7000:scale=0.0001/1", 32768, 32768, false);
}
END_TEST

static void expect_evaluation(const char *steps, const char *expected)
{
    cnn_pipeline *pipeline = new_pipeline(context, steps), *evaluation = NULL;
    ck_assert_int_eq(cnn_pipeline_for_evaluation(pipeline, &evaluation), CNN_OK);
    ck_assert_str_eq(cnn_pipeline_text(evaluation), expected);
    cnn_pipeline_free(evaluation);
    cnn_pipeline_free(pipeline);
}

/* What the steps before all others ask of the decoder. */
START_TEST(decoding)
{
    static const struct {
        const char *steps;
        uint32_t orient, background;
    } cases[] = {
        {"", 0, 0},
        {"resize=5", 0, 0},
        {"orient", 1, 0},
        {"orient,center_crop=3", 1, 0},
        {"background=0", 0, 0xff000000},
        {"background=255/128/1,resize=4", 0, 0xffff8001},
        {"background=7,orient,rotate=3", 1, 0xff070707},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cnn_pipeline *pipeline = new_pipeline(context, cases[i].steps), *turning = NULL;
        const cnn_decode_options found = cnn__pipeline_decoding(pipeline);
        ck_assert_msg(found.apply_orientation == cases[i].orient && found.background == cases[i].background,
                      "\"%s\": %u %08x", cases[i].steps, found.apply_orientation, found.background);
        ck_assert_int_eq(cnn__pipeline_with_orient(pipeline, &turning), CNN_OK);
        ck_assert(cnn__pipeline_orients(turning));
        ck_assert_uint_eq(cnn__pipeline_decoding(turning).background, cases[i].background);
        cnn_pipeline_free(turning);
        cnn_pipeline_free(pipeline);
    }
}
END_TEST

START_TEST(pipelines_for_evaluation)
{
    expect_evaluation("orient,background=255,flip", "orient,background=255");
    expect_evaluation("orient,random_crop=5", "orient,center_crop=5x5");
    expect_evaluation("", "");
    expect_evaluation("flip,rotate=3,fill=wrap,brightness=1/2", "");
    expect_evaluation("resize=256x256,random_crop=227x227,flip,subtract=0.5",
                      "resize=256x256:bilinear,center_crop=227x227,subtract=0.5");
    expect_evaluation("random_crop=32:pad=4,vflip,normalize=0:1", "center_crop=32x32,normalize=mean=0:std=1");
    expect_evaluation("random_resized_crop=200x224:bicubic,pca_color,channel_shift=0.1,bgr",
                      "resize_short=224:bicubic,center_crop=200x224,bgr");
    expect_evaluation("grey,ten_crop=5,scale=2", "grey,ten_crop=5x5,scale=2");
    cnn_pipeline *evaluation = NULL;
    ck_assert_int_eq(cnn_pipeline_for_evaluation(NULL, &evaluation), CNN_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(bad_arguments)
{
    cnn_pipeline *pipeline;
    ck_assert_int_eq(cnn_pipeline_create(context, NULL, &pipeline), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_pipeline_create(NULL, "", &pipeline), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_pipeline_create(context, "", NULL), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_str_eq(cnn_pipeline_text(NULL), "");
    cnn_pipeline_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipeline/parse");
    TCase *tcase = tcase_create("parse");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, canonical_text);
    tcase_add_test(tcase, errors_name_step_place_and_expectation);
    tcase_add_test(tcase, two_warps_may_be_apart);
    tcase_add_test(tcase, too_much_text);
    tcase_add_test(tcase, no_text_does_harm);
    tcase_add_test(tcase, locale_does_not_matter);
    tcase_add_test(tcase, output_shape);
    tcase_add_test(tcase, decode_hint);
    tcase_add_test(tcase, decoding);
    tcase_add_test(tcase, pipelines_for_evaluation);
    tcase_add_test(tcase, bad_arguments);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
