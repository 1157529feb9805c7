/* SPDX-License-Identifier: MIT */
/* Every allocation of decoding, resizing, cropping and encoding failed in turn: out of memory, nothing leaked. */
#include "common/fixture.h"
#include "common/suite.h"
#include "image/golden_image.h"

static test_allocator allocator;
static cnn_context *context;

static void setup(void)
{
    allocator = (test_allocator){0};
    const cnn_allocator options = test_allocator_options(&allocator);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &options), &context), CNN_OK);
    /* The first failure of a thread allocates the place of its message. */
    cnn_image *image;
    ck_assert_int_eq(cnn_image_create(context, 0, 0, 0, &image), CNN_ERROR_INVALID_ARGUMENT);
}

static void teardown(void)
{
    cnn_context_free(context);
    ck_assert_uint_eq(atomic_load(&allocator.blocks), 0);
    ck_assert_uint_eq(atomic_load(&allocator.wrong_releases), 0);
}

static cnn_status discard(void *user, const void *data, size_t size)
{
    (void)user;
    (void)data;
    (void)size;
    return CNN_OK;
}

static cnn_status use_everything(const bytes *file, uint32_t channels, int format)
{
    cnn_image *image = NULL, *resized = NULL, *nearest = NULL, *part = NULL;
    cnn_status status = cnn_image_decode(context, file->data, file->size,
                                         CNN_DECODE(.channels = channels, .apply_orientation = 1), &image);
    if (status == CNN_OK) {
        status = cnn_image_resize(image, 7, 5, CNN_RESIZE_BICUBIC, &resized);
    }
    if (status == CNN_OK) {
        status = cnn_image_resize(image, 7, 5, CNN_RESIZE_NEAREST, &nearest);
    }
    if (status == CNN_OK) {
        status = cnn_image_crop(image, 1, 1, 2, 2, &part);
    }
    if (status == CNN_OK) {
        status = cnn_image_encode(part, CNN_ENCODE(.format = format), discard, NULL);
    }
    cnn_image_free(image);
    cnn_image_free(resized);
    cnn_image_free(nearest);
    cnn_image_free(part);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    bytes file = bytes_from_base64(golden_files[_i].file);
    const size_t alive = atomic_load(&allocator.blocks);
    size_t failures = 0;
    cnn_status status = CNN_ERROR_INTERNAL;
    for (size_t fail_at = 1; status != CNN_OK; fail_at++) {
        ck_assert_uint_lt(fail_at, 100);
        atomic_store(&allocator.calls, 0);
        allocator.fail_at = fail_at;
        status = use_everything(&file, _i % 2 != 0 ? 1 : 3, 1 + _i % 2);
        ck_assert(status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY);
        ck_assert_uint_eq(atomic_load(&allocator.blocks), alive);
        failures += status != CNN_OK;
    }
    allocator.fail_at = 0;
    /* At least the four images and two workspaces. */
    ck_assert_uint_ge(failures, 6);
    bytes_free(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image memory");
    TCase *tests = tcase_create("memory");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, every_allocation_may_fail, 0, (int)COUNT(golden_files));
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
