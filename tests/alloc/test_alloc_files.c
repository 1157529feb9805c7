/* SPDX-License-Identifier: MIT */
/* Images, and other programs' files, on their way in and out while each allocation fails in turn. */
#include "alloc/survive.h"
#include "common/fixture.h"
#include "common/values.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct memory_file {
    unsigned char bytes[8192];
    size_t size;
} memory_file;

static cnn_status append(void *user, const void *bytes, size_t size)
{
    memory_file *file = user;
    if (size > sizeof(file->bytes) - file->size) {
        return CNN_ERROR_LIMIT;
    }
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
    return CNN_OK;
}

/* Encodes an image, decodes it from memory and predicts it. */
static cnn_status predict(cnn_context *context, uint64_t *hash, int32_t format)
{
    cnn_image *image = NULL, *decoded = NULL;
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_session *session = NULL;
    cnn_prediction predictions[TEST_CLASSES];
    size_t count = TEST_CLASSES;
    static memory_file file;
    file.size = 0;
    cnn_status status = cnn_image_create(context, 20, 16, 1, &image);
    if (status == CNN_OK) {
        memset(cnn_image_pixels(image), 77, 20 * 16 / 2);
        status = cnn_image_encode(image, CNN_ENCODE(.format = format), append, &file);
    }
    THEN(cnn_image_decode(context, file.bytes, file.size, CNN_DECODE(.channels = 1), &decoded));
    THEN(cnn_pipeline_create(context, "resize=12x12:bicubic", &pipeline));
    THEN(test_model(context, &model));
    THEN(cnn_model_set_pipeline(model, pipeline));
    THEN(cnn_session_create(model, NULL, &session));
    THEN(cnn_session_predict_image(session, decoded, predictions, &count));
    *hash = status == CNN_OK ? test_hash(&predictions[0].probability, sizeof(float)) + count : 0;
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_pipeline_free(pipeline);
    cnn_image_free(decoded);
    cnn_image_free(image);
    return status;
}

static cnn_status predict_png(cnn_context *context, uint64_t *hash) { return predict(context, hash, CNN_IMAGE_PNG); }

static cnn_status predict_jpeg(cnn_context *context, uint64_t *hash) { return predict(context, hash, CNN_IMAGE_JPEG); }

/* Weights on their way through the other programs' forms. */
typedef struct exchanged {
    cnn_weight weights[32];
    char names[32][2][64];
    float *values[32];
    size_t count;
    char config[16384];
    size_t size;
} exchanged;

static cnn_status keep_tensor(void *user, const cnn_weight *weight, const float *values)
{
    exchanged *e = user;
    const size_t bytes = test_shape_values(weight->shape) * sizeof(float), at = e->count++;
    e->weights[at] = *weight;
    snprintf(e->names[at][0], 64, "%s", weight->name);
    snprintf(e->names[at][1], 64, "%s", weight->group);
    e->weights[at].name = e->names[at][0];
    e->weights[at].group = e->names[at][1];
    e->values[at] = malloc(bytes);
    ck_assert_ptr_nonnull(e->values[at]);
    memcpy(e->values[at], values, bytes);
    return CNN_OK;
}

static cnn_status keep_config(void *user, const void *data, size_t size)
{
    exchanged *e = user;
    ck_assert_uint_lt(e->size + size, sizeof(e->config));
    memcpy(e->config + e->size, data, size);
    e->size += size;
    return CNN_OK;
}

static cnn_status give_tensor(void *user, uint64_t id, float *values)
{
    const exchanged *e = user;
    memcpy(values, e->values[id], test_shape_values(e->weights[id].shape) * sizeof(float));
    return CNN_OK;
}

/* As Keras has it, and back as another model. */
static cnn_status through_keras(cnn_context *context, const cnn_model *model, exchanged *e, cnn_model **back)
{
    cnn_weights *weights = NULL;
    cnn_status status = cnn_keras_config(model, keep_config, e);
    THEN(cnn_model_export(model, CNN_WEIGHTS_KERAS, keep_tensor, e));
    THEN(cnn_weights_create(context, CNN_WEIGHTS(.layout = CNN_WEIGHTS_KERAS, .read = give_tensor, .user = e),
                            &weights));
    for (size_t i = 0; i < e->count && status == CNN_OK; i++) {
        status = cnn_weights_add(weights, &e->weights[i], i);
    }
    THEN(cnn_keras_load(context, "keras", e->config, e->size, weights, NULL, NULL, back));
    cnn_weights_free(weights);
    return status;
}

static cnn_status exchange(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL, *back = NULL;
    cnn_weights *weights = NULL;
    exchanged *e = calloc(1, sizeof(*e));
    ck_assert_ptr_nonnull(e);
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, survive_path));
    THEN(through_keras(context, model, e, &back));
    THEN(cnn_weights_open(context, survive_path, &weights));
    THEN(cnn_model_import(back, weights, NULL, NULL));
    if (status == CNN_OK) {
        *hash = test_model_hash(back);
        ck_assert_uint_eq(*hash, test_model_hash(model));
    }
    cnn_weights_free(weights);
    cnn_model_free(back);
    cnn_model_free(model);
    for (size_t i = 0; i < e->count; i++) {
        free(e->values[i]);
    }
    free(e);
    return status;
}

static cnn_status write_part(void *user, const void *data, size_t size)
{
    return fwrite(data, 1, size, user) == size ? CNN_OK : CNN_ERROR_IO;
}

/* What torch.save() wrote, out of an archive. */
static cnn_status open_torch(cnn_context *context, uint64_t *hash)
{
    char archive[1024];
    cnn_weights *weights = NULL;
    FILE *file = fopen(survive_path, "wb");
    ck_assert_ptr_nonnull(file);
    snprintf(archive, sizeof(archive), "%s/tests/exchange/files.zip", getenv("CNN_SOURCE"));
    cnn_status status = cnn_archive_read(context, archive, "net.pth", 1 << 20, write_part, file);
    ck_assert_int_eq(fclose(file), 0);
    THEN(cnn_weights_open(context, survive_path, &weights));
    *hash = cnn_weights_count(weights);
    cnn_weights_free(weights);
    return status;
}

int main(void)
{
    static const survivor survivors[] = {
        {"predict a PNG", predict_png},
        {"predict a JPEG", predict_jpeg},
        {"exchange", exchange},
        {"open PyTorch's file", open_torch},
    };
    return survive_run("allocation failure in files", survivors, sizeof(survivors) / sizeof(survivors[0]));
}
