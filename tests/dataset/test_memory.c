/* SPDX-License-Identifier: MIT */
/* Datasets of arrays and of the caller's functions. */
#include <check.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/suite.h"
#include "dataset/dataset.h"
#include "dataset/golden_images.h"
#include "dataset/tree.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t bytes[2 * 2 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* four pixels of 3 or twelve of 1 */
static const float floats[] = {0.0F, 0.25F, 0.5F, 1.0F};

START_TEST(bytes_are_copied)
{
    static const int32_t labels[] = {4, 0};
    uint8_t mine[sizeof(bytes)];
    cnn_dataset *dataset;
    cnn__sample sample;
    memcpy(mine, bytes, sizeof(bytes));
    ck_assert_int_eq(cnn_dataset_create(tree_context,
                                        CNN_ARRAYS(.bytes = mine, .labels = labels, .count = 2, .height = 1, .width = 2,
                                                   .channels = 3),
                                        &dataset),
                     CNN_OK);
    memset(mine, 0, sizeof(mine));
    tree_expect_classes(dataset, "0", "1", "2", "3", "4", NULL);
    ck_assert_int_eq(cnn__dataset_read(dataset, 1, NULL, &sample), CNN_OK);
    ck_assert_int_eq(sample.label, 0);
    ck_assert(sample.height == 1 && sample.width == 2 && sample.channels == 3);
    ck_assert(sample.image->height == 1 && sample.image->width == 2 && sample.image->channels == 3);
    ck_assert_mem_eq(sample.image->pixels, bytes + 6, 6);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(arrays_may_be_borrowed)
{
    static const char *const names[] = {"a", "b"};
    cnn_dataset *dataset;
    cnn__sample sample;
    ck_assert_int_eq(cnn_dataset_create(tree_context,
                                        CNN_ARRAYS(.floats = floats, .count = 2, .height = 2, .width = 1, .channels = 1,
                                                   .borrow = 1, .classes = names, .class_count = 2),
                                        &dataset),
                     CNN_OK);
    tree_expect_classes(dataset, "a", "b", NULL);
    ck_assert_int_eq(cnn__dataset_read(dataset, 1, NULL, &sample), CNN_OK);
    ck_assert_ptr_eq(sample.floats, floats + 2);
    ck_assert_ptr_null(sample.image);
    ck_assert(sample.label == -1 && sample.height == 2 && sample.width == 1 && sample.channels == 1);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(
        cnn_dataset_create(tree_context,
                           CNN_ARRAYS(.bytes = bytes, .count = 4, .height = 1, .width = 1, .channels = 3, .borrow = 1),
                           &dataset),
        CNN_OK);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 0);
    ck_assert_int_eq(cnn__dataset_read(dataset, 3, NULL, &sample), CNN_OK);
    ck_assert_ptr_eq(sample.image->pixels, bytes + 9);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(wrong_arrays_are_refused)
{
    static const int32_t labels[] = {0, 3, -1};
    static const char *const names[] = {"a", "b", "c"};
    const cnn_arrays_options good = {
        .struct_size = sizeof(good), .bytes = bytes, .count = 3, .height = 1, .width = 1, .channels = 1};
    struct {
        cnn_arrays_options options;
        cnn_status status;
        const char *text;
    } wrong[12];
    size_t count = 0;
#define WRONG(field, value, result, message) \
    do {                                     \
        wrong[count].options = good;         \
        wrong[count].options.field = value;  \
        wrong[count].status = result;        \
        wrong[count++].text = message;       \
    } while (0)
    WRONG(bytes, NULL, CNN_ERROR_INVALID_ARGUMENT, "found neither");
    WRONG(floats, floats, CNN_ERROR_INVALID_ARGUMENT, "found both");
    WRONG(count, 0, CNN_ERROR_INVALID_ARGUMENT, "0 images");
    WRONG(height, 0, CNN_ERROR_INVALID_ARGUMENT, "height 0");
    WRONG(channels, 17, CNN_ERROR_INVALID_ARGUMENT, "channels: found 17, expected 1 to 16");
    WRONG(width, 40000, CNN_ERROR_LIMIT, "width 40000");
    WRONG(classes, names, CNN_ERROR_INVALID_ARGUMENT, "class_count is 0");
    WRONG(labels, labels, CNN_ERROR_INVALID_ARGUMENT, "label of image 2: found -1, expected 0 or more");
    WRONG(class_count, SIZE_MAX, CNN_ERROR_LIMIT, "classes are over the limit");
    WRONG(labels, labels, CNN_ERROR_INVALID_ARGUMENT, "label of image 1: found 3, expected 0 to 2");
    wrong[count - 1].options.class_count = 3;
    WRONG(count, SIZE_MAX / 2 + 1, CNN_ERROR_LIMIT, "the size overflows");
    wrong[count - 1].options.width = 2;
    for (size_t i = 0; i < count; i++) {
        cnn_dataset *dataset = (cnn_dataset *)names;
        cnn_status status = cnn_dataset_create(tree_context, &wrong[i].options, &dataset);
        tree_expect_error(status, wrong[i].status, wrong[i].text, NULL);
        ck_assert_ptr_null(dataset);
    }
    cnn_dataset *dataset;
    ck_assert_int_eq(cnn_dataset_create(tree_context, NULL, &dataset), CNN_ERROR_INVALID_ARGUMENT);
    int32_t large = INT32_MAX;
    tree_expect_error(cnn_dataset_create(tree_context,
                                         CNN_ARRAYS(.bytes = bytes, .labels = &large, .count = 1, .height = 1,
                                                    .width = 1, .channels = 1),
                                         &dataset),
                      CNN_ERROR_LIMIT, "2147483648 classes", NULL);
}
END_TEST

/* What a caller's dataset hands over, and how often it was called. */
typedef struct custom {
    cnn_sample sample;
    cnn_status status;
    atomic_int reads, releases, destroys;
} custom;

static cnn_status custom_read(void *user, size_t index, cnn_sample *sample)
{
    custom *self = user;
    ck_assert_uint_eq(sample->struct_size, sizeof(*sample));
    self->reads++;
    size_t size = sample->struct_size;
    *sample = self->sample;
    sample->struct_size = size;
    sample->token = (void *)(index + 1);
    return self->status;
}

static void custom_release(void *user, cnn_sample *sample)
{
    custom *self = user;
    ck_assert_ptr_nonnull(sample->token);
    self->releases++;
}

static int32_t custom_label(void *user, size_t index)
{
    (void)user;
    return (int32_t)index; /* of three samples the last one's label does not exist */
}

static void custom_destroy(void *user) { ((custom *)user)->destroys++; }

static const char *const custom_classes[] = {"no", "yes"};

static cnn_dataset *make_custom(custom *self)
{
    cnn_dataset *dataset;
    ck_assert_int_eq(
        cnn_dataset_create_custom(tree_context,
                                  CNN_DATASET(.user = self, .count = 3, .classes = custom_classes, .class_count = 2,
                                              .read = custom_read, .release = custom_release, .label = custom_label,
                                              .destroy = custom_destroy),
                                  &dataset),
        CNN_OK);
    return dataset;
}

START_TEST(custom_forms)
{
    cnn__sample sample;
    custom self = {.sample = {.label = 1, .pixels = bytes, .height = 2, .width = 2, .channels = 3, .path = "mem"}};
    cnn_dataset *dataset = make_custom(&self);
    ck_assert_int_eq(cnn__dataset_read(dataset, 2, NULL, &sample), CNN_OK);
    ck_assert(sample.label == 1 && sample.height == 2 && sample.width == 2 && sample.channels == 3);
    ck_assert_ptr_eq(sample.image->pixels, bytes);
    ck_assert_ptr_eq(sample.custom.token, (void *)3);
    ck_assert_int_eq(self.releases, 0);
    cnn__sample_free(&sample);
    ck_assert_int_eq(self.releases, 1);

    self.sample = (cnn_sample){.label = -1, .floats = floats, .height = 1, .width = 4, .channels = 1};
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert(sample.label == -1 && sample.floats == floats && sample.image == NULL && sample.width == 4);
    cnn__sample_free(&sample);

    self.sample = (cnn_sample){.encoded = golden_png, .encoded_size = sizeof(golden_png)};
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert(sample.label == 0 && sample.width == 2 && sample.height == 1 && sample.channels == 3);
    ck_assert_uint_eq(sample.image->pixels[3], 200);
    cnn__sample_free(&sample);

    tree_write("a.png", golden_png, sizeof(golden_png));
    self.sample = (cnn_sample){.path = tree_path("a.png")};
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert_uint_eq(sample.image->pixels[0], 10);
    cnn__sample_free(&sample);
    ck_assert_int_eq(self.reads, 4);
    ck_assert_int_eq(self.releases, 4);
    ck_assert_uint_eq(cnn_dataset_shape(dataset).rank, 0);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(self.destroys, 1);
}
END_TEST

START_TEST(custom_failures)
{
    static const struct {
        cnn_sample sample;
        cnn_status status;
        const char *text;
    } wrong[] = {
        {{.label = 0}, CNN_ERROR_CALLBACK, "sample 1: the dataset's read function gave none of"},
        {{.pixels = bytes, .floats = floats}, CNN_ERROR_CALLBACK, "gave more than one of"},
        {{.pixels = bytes, .width = 1, .height = 1, .channels = 17}, CNN_ERROR_CALLBACK, "found 1 x 1 x 17"},
        {{.pixels = bytes, .width = 1, .height = 1}, CNN_ERROR_CALLBACK, "found 1 x 1 x 0"},
        {{.floats = floats, .height = 1, .channels = 1}, CNN_ERROR_CALLBACK, "found 1 x 0 x 1"},
        {{.label = 2, .path = "a\nb"}, CNN_ERROR_CALLBACK, "sample 1 (a\\x0ab): label"},
        {{.label = -2, .path = "a"}, CNN_ERROR_CALLBACK, "found -2, expected -1 or below 2"},
        {{.path = "/does/not/exist.jpg"}, CNN_ERROR_NOT_FOUND, "/does/not/exist.jpg"},
        {{.path = "odd", .encoded = "%PDF-1", .encoded_size = 6}, CNN_ERROR_UNSUPPORTED, "sample 1 (odd): "},
    };
    cnn__sample sample;
    custom self = {.status = CNN_OK};
    cnn_dataset *dataset = make_custom(&self);
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        self.sample = wrong[i].sample;
        tree_expect_error(cnn__dataset_read(dataset, 1, NULL, &sample), wrong[i].status, wrong[i].text, NULL);
        ck_assert_ptr_null(sample.image);
        ck_assert_int_eq(self.releases, (int)i + 1);
        cnn__sample_free(&sample);
    }
    /* What read refuses to hand over is not given back. */
    self.status = CNN_ERROR_DENIED;
    tree_expect_error(cnn__dataset_read(dataset, 1, NULL, &sample), CNN_ERROR_DENIED,
                      "sample 1: the dataset's read function failed: refused for safety", NULL);
    ck_assert_int_eq(self.releases, (int)LENGTH(wrong));
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(custom_labels)
{
    custom self = {.status = CNN_OK};
    cnn_dataset *dataset = make_custom(&self), *rest, *part;
    static const uint64_t two[] = {1, 0};
    ck_assert_int_eq(cnn_dataset_label(dataset, 1), 1);
    ck_assert_int_eq(cnn_dataset_label(dataset, 2), -1);
    tree_expect_error(cnn_dataset_split(dataset, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED), &rest, &part),
                      CNN_ERROR_UNSUPPORTED, "sample 2", NULL);
    ck_assert_int_eq(cnn_dataset_subset(dataset, two, 2, &part), CNN_OK);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(self.destroys, 0);
    ck_assert_int_eq(cnn_dataset_label(part, 0), 1);
    cnn_dataset_free(part);
    ck_assert_int_eq(self.destroys, 1);
    ck_assert_int_eq(self.reads, 0);
}
END_TEST

/* Channels are known where sizes are not: files become grey. */
START_TEST(custom_channels)
{
    cnn__sample sample;
    custom self = {.sample = {.label = -1, .encoded = golden_png, .encoded_size = sizeof(golden_png)}};
    cnn_dataset *dataset;
    ck_assert_int_eq(cnn_dataset_create_custom(
                         tree_context,
                         CNN_DATASET(.user = &self, .count = 1, .read = custom_read, .shape = {3, 0, {0, 0, 1}}),
                         &dataset),
                     CNN_OK);
    ck_assert_uint_eq(cnn_dataset_shape(dataset).rank, 0);
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert(sample.width == 2 && sample.height == 1 && sample.channels == 1);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(wrong_callbacks_are_refused)
{
    custom self = {.status = CNN_OK};
    cnn_dataset *dataset;
    static const cnn_shape shapes[] = {{3, 0, {0, 4, 3}}, {3, 0, {4, 0, 3}}, {3, 0, {0, 0, 0}}, {2, 0, {0, 0}}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        tree_expect_error(cnn_dataset_create_custom(
                              tree_context, CNN_DATASET(.read = custom_read, .count = 1, .shape = shapes[i]), &dataset),
                          CNN_ERROR_INVALID_ARGUMENT, "height, width and 1 to", NULL);
    }
    tree_expect_error(cnn_dataset_create_custom(tree_context, CNN_DATASET(.user = &self, .count = 1), &dataset),
                      CNN_ERROR_INVALID_ARGUMENT, "read is NULL", NULL);
    tree_expect_error(cnn_dataset_create_custom(tree_context, CNN_DATASET(.read = custom_read), &dataset),
                      CNN_ERROR_INVALID_ARGUMENT, "count is 0", NULL);
    tree_expect_error(cnn_dataset_create_custom(tree_context,
                                                CNN_DATASET(.read = custom_read, .count = 1, .classes = custom_classes),
                                                &dataset),
                      CNN_ERROR_INVALID_ARGUMENT, "class_count is 0", NULL);
    static const char *const twice[] = {"a", "a"};
    tree_expect_error(
        cnn_dataset_create_custom(tree_context,
                                  CNN_DATASET(.user = &self, .read = custom_read, .count = 1, .classes = twice,
                                              .class_count = 2, .destroy = custom_destroy),
                                  &dataset),
        CNN_ERROR_INVALID_ARGUMENT, "twice", NULL);
    ck_assert_int_eq(self.destroys, 0); /* `user` stays the caller's when the call fails */
    ck_assert_ptr_null(dataset);
}
END_TEST

START_TEST(a_sample_as_an_image)
{
    static const float values[] = {0.0F, 1.0F, 0.5F, -3.0F, 7.0F, NAN};
    static const uint8_t expected[] = {0, 255, 128, 0, 255, 0};
    cnn_dataset *dataset;
    cnn_image *image;
    ck_assert_int_eq(
        cnn_dataset_create(tree_context,
                           CNN_ARRAYS(.floats = values, .count = 1, .height = 1, .width = 2, .channels = 3), &dataset),
        CNN_OK);
    ck_assert_int_eq(cnn_dataset_image(dataset, 0, &image), CNN_OK);
    ck_assert_uint_eq(cnn_image_width(image), 2);
    ck_assert_mem_eq(cnn_image_pixels(image), expected, sizeof(expected));
    cnn_image_free(image);
    tree_expect_error(cnn_dataset_image(dataset, 1, &image), CNN_ERROR_INVALID_ARGUMENT, "sample 1 of 1", NULL);
    ck_assert_ptr_null(image);
    ck_assert_int_eq(cnn_dataset_image(NULL, 0, &image), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_image(dataset, 0, NULL), CNN_ERROR_INVALID_ARGUMENT);
    cnn_dataset_free(dataset);
    custom self = {.sample = {.pixels = bytes, .height = 1, .width = 4, .channels = 3}};
    dataset = make_custom(&self);
    ck_assert_int_eq(cnn_dataset_image(dataset, 0, &image), CNN_OK);
    cnn_dataset_free(dataset);
    ck_assert_int_eq(self.releases, 1);
    ck_assert_mem_eq(cnn_image_pixels(image), bytes, sizeof(bytes)); /* a copy, which outlives the dataset */
    cnn_image_free(image);
}
END_TEST

static cnn_status create_in(cnn_context *context, cnn_dataset **dataset)
{
    static const int32_t labels[] = {0, 1, 0};
    cnn_status status = cnn_dataset_create(
        context, CNN_ARRAYS(.bytes = bytes, .labels = labels, .count = 3, .height = 1, .width = 1, .channels = 1),
        dataset);
    return status;
}

static custom failing;

static cnn_status create_custom_in(cnn_context *context, cnn_dataset **dataset)
{
    int before = failing.destroys;
    cnn_status status = cnn_dataset_create_custom(
        context, CNN_DATASET(.user = &failing, .count = 1, .read = custom_read, .destroy = custom_destroy), dataset);
    ck_assert_int_eq(failing.destroys, before);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    ck_assert_uint_ge(tree_fail_allocations(create_in), 7);
    ck_assert_uint_ge(tree_fail_allocations(create_custom_in), 4);
}
END_TEST

/* Even values and labels; each sample the same whenever it is read, another one for another index or seed. */
START_TEST(fake_samples)
{
    cnn_dataset *dataset, *other;
    cnn__sample sample, again;
    double sum = 0, square = 0;
    size_t counts[3] = {0};
    enum { COUNT = 300, VALUES = 9 * 7 * 3 };
    ck_assert_int_eq(cnn_dataset_create_fake(tree_context,
                                             CNN_FAKE(.count = COUNT, .height = 9, .width = 7, .classes = 3), &dataset),
                     CNN_OK);
    ck_assert_int_eq(
        cnn_dataset_create_fake(tree_context,
                                CNN_FAKE(.count = COUNT, .height = 9, .width = 7, .classes = 3, .seed = 77), &other),
        CNN_OK);
    tree_expect_classes(dataset, "0", "1", "2", NULL);
    ck_assert_uint_eq(cnn_dataset_count(dataset), COUNT);
    ck_assert_int_eq(cnn_dataset_shape(dataset).dims[2], 3);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_int_eq(cnn__dataset_read(dataset, i, NULL, &sample), CNN_OK);
        ck_assert(sample.height == 9 && sample.width == 7 && sample.channels == 3 && sample.image == NULL);
        ck_assert(sample.label >= 0 && sample.label < 3);
        ck_assert_int_eq(cnn_dataset_label(dataset, i), sample.label);
        counts[sample.label]++;
        for (size_t v = 0; v < VALUES; v++) {
            ck_assert(sample.floats[v] >= 0 && sample.floats[v] < 1);
            sum += sample.floats[v];
            square += (double)sample.floats[v] * sample.floats[v];
        }
        ck_assert_int_eq(cnn__dataset_read(dataset, i, NULL, &again), CNN_OK);
        ck_assert_mem_eq(again.floats, sample.floats, VALUES * sizeof(float));
        cnn__sample_free(&again);
        ck_assert_int_eq(cnn__dataset_read(i > 0 ? dataset : other, i > 0 ? i - 1 : 0, NULL, &again), CNN_OK);
        ck_assert_mem_ne(again.floats, sample.floats, VALUES * sizeof(float));
        cnn__sample_free(&again);
        cnn__sample_free(&sample);
    }
    const double n = (double)COUNT * VALUES;
    ck_assert_double_eq_tol(sum / n, 0.5, 4 * sqrt(1.0 / 12 / n));
    ck_assert_double_eq_tol(square / n, 1.0 / 3, 4 * sqrt(4.0 / 45 / n));
    for (int c = 0; c < 3; c++) {
        ck_assert_double_eq_tol((double)counts[c], COUNT / 3.0, 4 * sqrt(COUNT * 2.0 / 9));
    }
    cnn_dataset_free(other);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(fake_options_are_checked)
{
    cnn_dataset *dataset;
    ck_assert_int_eq(cnn_dataset_create_fake(tree_context, NULL, &dataset), CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_create_fake(tree_context, CNN_FAKE(.count = 0, .height = 2, .width = 2), &dataset),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_create_fake(tree_context, CNN_FAKE(.count = 1, .height = 2), &dataset),
                     CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(
        cnn_dataset_create_fake(tree_context, CNN_FAKE(.count = 1, .height = 2, .width = 2, .channels = 17), &dataset),
        CNN_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(cnn_dataset_create_fake(tree_context, CNN_FAKE(.count = 1, .height = 40000, .width = 2), &dataset),
                     CNN_ERROR_LIMIT);
    ck_assert_int_eq(cnn_dataset_create_fake(
                         tree_context, CNN_FAKE(.count = 1, .height = 2, .width = 2, .classes = UINT32_MAX), &dataset),
                     CNN_ERROR_LIMIT);
    ck_assert_ptr_null(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/memory");
    TCase *memory = tcase_create("memory");
    tcase_add_checked_fixture(memory, tree_setup, tree_teardown);
    tcase_add_test(memory, bytes_are_copied);
    tcase_add_test(memory, arrays_may_be_borrowed);
    tcase_add_test(memory, wrong_arrays_are_refused);
    tcase_add_test(memory, custom_forms);
    tcase_add_test(memory, custom_failures);
    tcase_add_test(memory, custom_labels);
    tcase_add_test(memory, custom_channels);
    tcase_add_test(memory, wrong_callbacks_are_refused);
    tcase_add_test(memory, fake_samples);
    tcase_add_test(memory, fake_options_are_checked);
    tcase_add_test(memory, a_sample_as_an_image);
    tcase_add_test(memory, every_allocation_may_fail);
    suite_add_tcase(suite, memory);
    return cnn_test_run(suite);
}
