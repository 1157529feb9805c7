/* SPDX-License-Identifier: MIT */
/* Made-up samples for trying a program out without data: random values and labels, drawn when they are asked for. */
#include <stdio.h>

#include "core/memory.h"
#include "core/options.h"
#include "core/rng.h"
#include "dataset/source.h"

/* As for decoded images. */
#define MAX_SIDE 32768U

typedef struct fake_source {
    cnn__source base;
    uint64_t seed;
    size_t values; /* of a sample */
} fake_source;

/* The label is the first number of a sample's stream, its values are those that follow. */
static cnn__rng stream_of(const cnn__source *source, size_t index)
{
    cnn__rng rng;
    cnn__rng_init(&rng, ((const fake_source *)source)->seed, CNN__STREAM_FAKE, index, 0);
    return rng;
}

static int32_t label_fake(const cnn__source *source, size_t index)
{
    cnn__rng rng = stream_of(source, index);
    return (int32_t)cnn__rng_below(&rng, source->classes.count);
}

static cnn_status read_fake(const cnn__source *source, size_t index, const cnn_decode_options *decode,
                            cnn__sample *sample)
{
    const size_t count = ((const fake_source *)source)->values;
    float *values = cnn__alloc_array(source->context, count, sizeof(*values));
    (void)decode;
    if (values == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__rng rng = stream_of(source, index);
    sample->label = (int32_t)cnn__rng_below(&rng, source->classes.count);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)(cnn__rng_u32(&rng) >> 8) * 0x1p-24f; /* 24 bits are exact, and never 1 */
    }
    sample->floats = values;
    sample->height = (uint32_t)source->shape.dims[0];
    sample->width = (uint32_t)source->shape.dims[1];
    sample->channels = (uint32_t)source->shape.dims[2];
    return CNN_OK;
}

static void release_fake(const cnn__source *source, cnn__sample *sample)
{
    cnn__free(source->context, (float *)sample->floats);
    sample->floats = NULL;
}

static void destroy_fake(cnn__source *source) { (void)source; }

static const cnn__source_kind fake_kind = {
    .name = "fake",
    .read = read_fake,
    .release = release_fake,
    .label = label_fake,
    .destroy = destroy_fake,
};

static cnn_status check_options(const cnn_context *context, const cnn_fake_options *options)
{
    if (options->count == 0 || options->height == 0 || options->width == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "fake data: %zu images of height %u and width %u: none of them may be 0", options->count,
                         options->height, options->width);
    }
    if (options->height > MAX_SIDE || options->width > MAX_SIDE) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "fake data: height %u and width %u: the limit is %u",
                         options->height, options->width, MAX_SIDE);
    }
    if (!cnn__channels_fit(options->channels)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "fake data: channels: found %u, expected 1 to %d",
                         options->channels, CNN_MAX_CHANNELS);
    }
    return CNN_OK;
}

cnn_status cnn_dataset_create_fake(cnn_context *context, const cnn_fake_options *options, cnn_dataset **dataset)
{
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, options, "options", dataset));
    cnn_fake_options copy;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_fake_options", options, &copy, sizeof(copy)));
    copy.channels = copy.channels != 0 ? copy.channels : 3;
    copy.classes = copy.classes != 0 ? copy.classes : 2;
    CNN__RETURN_IF_ERROR(check_options(context, &copy));
    fake_source *source = cnn__source_create(context, &fake_kind, sizeof(*source));
    if (source == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    source->seed = copy.seed != 0 ? copy.seed : cnn_context_seed(context);
    source->values = (size_t)copy.height * copy.width * copy.channels; /* at most 16 x 2^30 */
    source->base.count = copy.count;
    source->base.shape = (cnn_shape){3, 0, {copy.height, copy.width, copy.channels}};
    cnn_status status = cnn__classes_init(context, NULL, copy.classes, &source->base.classes);
    if (status != CNN_OK) {
        cnn__source_release(&source->base);
        return status;
    }
    return cnn__dataset_wrap(&source->base, dataset);
}
