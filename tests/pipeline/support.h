/* SPDX-License-Identifier: MIT */
/* What the tests of lib/batch share. */
#ifndef CNN_TESTS_BATCH_SUPPORT_H
#define CNN_TESTS_BATCH_SUPPORT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/pipeline.h"
#include "common/suite.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline cnn_context *new_context(uint32_t threads)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads, .backend = "reference", .seed = 11), &context),
                     CNN_OK);
    return context;
}

static inline cnn_pipeline *new_pipeline(cnn_context *context, const char *steps)
{
    cnn_pipeline *pipeline = NULL;
    cnn_status status = cnn_pipeline_create(context, steps, &pipeline);
    ck_assert_msg(status == CNN_OK, "\"%s\": %s", steps, cnn_last_error(context));
    return pipeline;
}

static inline cnn_image *new_image(cnn_context *context, uint32_t height, uint32_t width, uint32_t channels,
                                   const uint8_t *pixels)
{
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_create(context, width, height, channels, &image), CNN_OK);
    memcpy(cnn_image_pixels(image), pixels, (size_t)height * width * channels);
    return image;
}

/* Fails unless all values are within `tolerance`. */
static inline void expect_floats(const char *what, const float *values, const float *expected, size_t count,
                                 double tolerance)
{
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)values[i] - expected[i]);
        ck_assert_msg(difference <= tolerance, "%s: value %zu is %.9g, expected %.9g", what, i, values[i], expected[i]);
    }
}

/* Fails unless all values are those of the bytes, exactly. */
static inline void expect_bytes(const char *what, const float *values, const uint8_t *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(values[i] == (float)expected[i] / 255.0f, "%s: value %zu is %.9g, expected %u / 255", what, i,
                      values[i] * 255.0, expected[i]);
    }
}

static inline void expect_shape(const char *what, const cnn_shape *shape, int64_t height, int64_t width,
                                int64_t channels)
{
    ck_assert_msg(shape->rank == 3 && shape->dims[0] == height && shape->dims[1] == width && shape->dims[2] == channels,
                  "%s: rank %u, %lld x %lld x %lld", what, shape->rank, (long long)shape->dims[0],
                  (long long)shape->dims[1], (long long)shape->dims[2]);
}

#endif
