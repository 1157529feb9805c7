/* SPDX-License-Identifier: MIT */
/* Photos that their EXIF tags turn: whoever turns them in training, dataset or pipeline, the model's file does so in
 * prediction and evaluation. The class is which way is up, so that a photo that is not turned is taken for another. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/fixture.h"
#include "common/suite.h"

#define SIDE 16
#define PHOTOS 24
#define CLASSES 2

static cnn_context *context;
static char folder[256], model_path[256];
static char log_text[4096];

static void keep_log(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_WARNING && strlen(log_text) + strlen(message) + 2 < sizeof(log_text)) {
        strcat(strcat(log_text, message), "\n");
    }
}

/* Bytes written by the encoder. */
typedef struct buffer {
    uint8_t data[8192];
    size_t size;
} buffer;

static cnn_status append(void *user, const void *data, size_t size)
{
    buffer *to = user;
    ck_assert_uint_le(to->size + size, sizeof(to->data));
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return CNN_OK;
}

/* A JPEG that is stored turned by 0, 180 or 90 degrees either way, with the tag that turns it back. */
static void draw_photo(size_t index, buffer *file)
{
    static const uint8_t tags[] = {1, 3, 6, 8};
    const size_t label = index % CLASSES;
    const uint8_t tag = tags[index / CLASSES % 4];
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_create(context, SIDE, SIDE, 3, &image), CNN_OK);
    for (uint32_t y = 0; y < SIDE; y++) {
        for (uint32_t x = 0; x < SIDE; x++) {
            const uint32_t right = SIDE - 1 - x, below = SIDE - 1 - y;
            const uint32_t row = tag == 1 ? y : tag == 3 ? below : tag == 6 ? x : right; /* of the upright photo */
            const uint32_t level = label == 0 ? row : SIDE - 1 - row;
            memset(cnn_image_pixels(image) + (y * SIDE + x) * 3, (int)(level * 15 + index % 8), 3);
        }
    }
    buffer plain = {.size = 0};
    ck_assert_int_eq(cnn_image_encode(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG, .quality = 95), append, &plain),
                     CNN_OK);
    cnn_image_free(image);
    const uint8_t exif[] = {0xff, 0xe1, 0,    34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0,
                            1,    0,    0x12, 1,  3,   0,   1,   0,   0, 0, tag, 0,   0,  0, 0, 0, 0, 0};
    file->size = 0;
    append(file, plain.data, 2);
    append(file, exif, sizeof(exif));
    append(file, plain.data + 2, plain.size - 2);
}

static void photo_path(size_t index, char *path, size_t size)
{
    snprintf(path, size, "%s/%zu/%02zu.jpg", folder, index % CLASSES, index);
}

static void setup(void)
{
    char path[300];
    log_text[0] = '\0';
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 5, .log = keep_log), &context), CNN_OK);
    test_path(folder, sizeof(folder), "photos");
    test_path(model_path, sizeof(model_path), "turned.cnn");
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    for (size_t label = 0; label < CLASSES; label++) {
        snprintf(path, sizeof(path), "%s/%zu", folder, label);
        ck_assert_int_eq(mkdir(path, 0755), 0);
    }
    for (size_t i = 0; i < PHOTOS; i++) {
        buffer photo;
        draw_photo(i, &photo);
        photo_path(i, path, sizeof(path));
        FILE *file = fopen(path, "wb");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(photo.data, 1, photo.size, file), photo.size);
        ck_assert_int_eq(fclose(file), 0);
    }
}

static void teardown(void)
{
    char path[300];
    for (size_t i = 0; i < PHOTOS; i++) {
        photo_path(i, path, sizeof(path));
        unlink(path);
    }
    for (size_t label = 0; label < CLASSES; label++) {
        snprintf(path, sizeof(path), "%s/%zu", folder, label);
        rmdir(path);
    }
    rmdir(folder);
    unlink(model_path);
    cnn_context_free(context);
}

static cnn_dataset *open_photos(uint32_t orient)
{
    cnn_dataset *dataset = NULL;
    ck_assert_int_eq(cnn_dataset_open(context, folder, CNN_FILES(.apply_orientation = orient), &dataset), CNN_OK);
    return dataset;
}

static cnn_loader *open_loader(const cnn_dataset *dataset, const char *steps, uint32_t in_memory)
{
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    if (steps != NULL) {
        ck_assert_int_eq(cnn_pipeline_create(context, steps, &pipeline), CNN_OK);
    }
    ck_assert_msg(cnn_loader_create(context, dataset,
                                    CNN_LOADER(.pipeline = pipeline, .batch = 4, .shuffle = 1, .in_memory = in_memory),
                                    &loader) == CNN_OK,
                  "%s", cnn_last_error(context));
    cnn_pipeline_free(pipeline);
    return loader;
}

static cnn_model *new_model(void)
{
    cnn_model *model = NULL;
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 8, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = CLASSES, .activation = CNN_SOFTMAX)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    return model;
}

static void fit(cnn_model *model, cnn_loader *train, cnn_loader *validation)
{
    cnn_optimizer *optimizer = NULL;
    ck_assert_int_eq(cnn_adam_create(context, CNN_ADAM(.learning_rate = 0.05f), &optimizer), CNN_OK);
    cnn_status status = cnn_fit(
        model, CNN_FIT(.train = train, .validation = validation, .optimizer = optimizer, .epochs = 40), NULL);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(context));
    cnn_optimizer_free(optimizer);
}

/* Saves, loads, and predicts all photos from their files and from memory; all must be right. */
static void expect_right(const cnn_model *model)
{
    cnn_model *loaded = NULL;
    cnn_session *session = NULL;
    ck_assert_int_eq(cnn_model_save(model, model_path), CNN_OK);
    ck_assert_int_eq(cnn_model_load(context, model_path, &loaded), CNN_OK);
    ck_assert_ptr_eq(strstr(cnn_pipeline_text(cnn_model_pipeline(loaded)), "orient"),
                     cnn_pipeline_text(cnn_model_pipeline(loaded)));
    ck_assert_int_eq(cnn_session_create(loaded, NULL, &session), CNN_OK);
    for (size_t i = 0; i < PHOTOS; i++) {
        char path[300];
        buffer photo;
        cnn_prediction from_file, from_memory;
        size_t count = 1;
        photo_path(i, path, sizeof(path));
        draw_photo(i, &photo);
        ck_assert_int_eq(cnn_session_predict_file(session, path, &from_file, &count), CNN_OK);
        ck_assert_int_eq(cnn_session_predict_memory(session, photo.data, photo.size, &from_memory, &count), CNN_OK);
        ck_assert_msg(from_file.label == (int32_t)(i % CLASSES), "photo %zu", i);
        ck_assert_int_eq(from_memory.label, from_file.label);
        ck_assert(from_memory.probability == from_file.probability);
    }
    /* A loader over the plain files, with the preprocessing that the file holds. */
    cnn_dataset *plain = open_photos(0);
    cnn_loader *loader = open_loader(plain, cnn_pipeline_text(cnn_model_pipeline(loaded)), 0);
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_evaluate(loaded, CNN_EVALUATE(.loader = loader), &result), CNN_OK);
    ck_assert(result.accuracy == 1.0);
    ck_assert_msg(strstr(log_text, "orientation") == NULL, "%s", log_text);
    cnn_loader_free(loader);
    cnn_dataset_free(plain);
    cnn_session_free(session);
    cnn_model_free(loaded);
}

/* Who turns, in training and in validation: the dataset or the pipeline. */
static const struct {
    uint32_t train_dataset, validation_dataset, in_memory;
    const char *train_steps, *validation_steps; /* NULL: no validation */
} turners[] = {
    {1, 0, 0, "resize=8", NULL},
    {1, 0, 1, "resize=8,flip=0.5", NULL},
    {0, 0, 0, "orient,resize=8", NULL},
    {0, 0, 1, "orient,resize=8,flip", NULL},
    {1, 1, 0, "resize=8", "resize=8"},
    {1, 0, 0, "resize=8", "orient,resize=8"},
    {0, 1, 0, "orient,resize=8", "resize=8"},
};

START_TEST(the_file_turns_as_the_training_did)
{
    const size_t k = (size_t)_i;
    cnn_dataset *train = open_photos(turners[k].train_dataset), *test = open_photos(turners[k].validation_dataset);
    cnn_loader *loader = open_loader(train, turners[k].train_steps, turners[k].in_memory), *validation = NULL;
    if (turners[k].validation_steps != NULL) {
        validation = open_loader(test, turners[k].validation_steps, 0);
    }
    cnn_model *model = new_model();
    fit(model, loader, validation);
    expect_right(model);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_dataset_free(test);
    cnn_dataset_free(train);
}
END_TEST

/* A model that has its preprocessing already. */
START_TEST(a_model_with_preprocessing_learns_to_turn)
{
    cnn_dataset *dataset = open_photos(1), *part = NULL;
    ck_assert_int_eq(cnn_dataset_sample(dataset, PHOTOS, 1, &part), CNN_OK); /* a part turns like the whole */
    cnn_loader *loader = open_loader(part, "resize=8", 0);
    cnn_model *model = new_model();
    cnn_pipeline *own = NULL;
    ck_assert_int_eq(cnn_pipeline_create(context, "resize=8,scale=1", &own), CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(model, own), CNN_OK);
    fit(model, loader, NULL);
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(model)), "orient,resize=8x8:bilinear,scale=1");
    expect_right(model);
    fit(model, loader, NULL); /* and does so once */
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(model)), "orient,resize=8x8:bilinear,scale=1");
    cnn_pipeline_free(own);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(part);
    cnn_dataset_free(dataset);
}
END_TEST

/* Nobody asked for it: the photos stay as they are stored, and each is told of. */
START_TEST(nothing_turns_by_itself)
{
    cnn_dataset *dataset = open_photos(0);
    cnn_loader *loader = open_loader(dataset, "resize=8", 0);
    cnn_model *model = new_model();
    fit(model, loader, NULL);
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(model)), "resize=8x8:bilinear");
    ck_assert_ptr_nonnull(strstr(log_text, "orientation 6"));
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(dataset);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("orientation");
    TCase *tests = tcase_create("orientation");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, the_file_turns_as_the_training_did, 0, sizeof(turners) / sizeof(turners[0]));
    tcase_add_test(tests, a_model_with_preprocessing_learns_to_turn);
    tcase_add_test(tests, nothing_turns_by_itself);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
