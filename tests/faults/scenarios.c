/* SPDX-License-Identifier: MIT */
/* The scenarios and the files they read. */
#include "faults/scenarios.h"
#include "common/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fixture.h"

char scenario_folder[256];

/* Goes on with `call` if all was well so far. */
#define THEN(call) status = status == CNN_OK ? (call) : status

static const char *in_folder(const char *name)
{
    static _Thread_local char paths[4][600];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", scenario_folder, name);
    return path;
}

static uint64_t hash_image(const cnn_image *image)
{
    return test_hash(cnn_image_pixels((cnn_image *)image),
                     (size_t)cnn_image_width(image) * cnn_image_height(image) * cnn_image_channels(image));
}

/* ---- models ---- */

const char *scenario_network;

static cnn_status network(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = cnn_zoo_create(context, scenario_network, NULL, &model);
    *hash = status == CNN_OK ? cnn_model_values(model) + cnn_model_parameter_count(model) : 0;
    cnn_model_free(model);
    return status;
}

const scenario scenario_zoo = {"zoo", network, NULL};

static cnn_status build(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

static cnn_status nothing(cnn_context *context, uint64_t *hash)
{
    *hash = cnn_context_threads(context);
    return CNN_OK;
}

static cnn_status save(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_save(model, in_folder("saved.cnn")));
    *hash = 1;
    cnn_model_free(model);
    return status;
}

static cnn_status load_from(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = cnn_model_load(context, in_folder(name), &model);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

static cnn_status load(cnn_context *context, uint64_t *hash) { return load_from(context, "model.cnn", hash); }

static cnn_status load_checkpoint(cnn_context *context, uint64_t *hash)
{
    return load_from(context, "checkpoint.cnn", hash);
}

/* Into the file that the model came from. */
static cnn_status save_over(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = cnn_model_load(context, in_folder("saved.cnn"), &model);
    THEN(cnn_model_save(model, in_folder("saved.cnn")));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

static cnn_status load_weights(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_load_weights(model, in_folder("model.cnn"), &report));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}

static cnn_status replace_head(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL, *made = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_replace_head(model, CNN_HEAD(.layers = "dense=4,relu", .classes = 2), &made));
    *hash = status == CNN_OK ? test_model_hash(made) : 0;
    cnn_model_free(made);
    cnn_model_free(model);
    return status;
}

/* ---- other programs' files ---- */

static cnn_status save_tensors(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, in_folder("tensors.out")));
    *hash = 1;
    cnn_model_free(model);
    return status;
}

static cnn_status import_from(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_weights *weights = NULL;
    cnn_weights_report report = CNN_WEIGHTS_REPORT_INIT;
    cnn_status status = test_model(context, &model);
    THEN(cnn_weights_open(context, in_folder(name), &weights));
    THEN(cnn_model_import(model, weights, NULL, &report));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_weights_free(weights);
    cnn_model_free(model);
    return status;
}

static cnn_status import_tensors(cnn_context *context, uint64_t *hash)
{
    return import_from(context, "tensors.safetensors", hash);
}

static cnn_status count_bytes(void *user, const void *data, size_t size)
{
    *(uint64_t *)user = *(uint64_t *)user * 31 + test_hash(data, size);
    return CNN_OK;
}

static cnn_status keras_config(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    *hash = 0;
    THEN(cnn_keras_config(model, count_bytes, hash));
    cnn_model_free(model);
    return status;
}

/* ---- images ---- */

static cnn_status decode(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_image *image = NULL, *small = NULL;
    cnn_status status = cnn_image_load(context, in_folder(name), CNN_DECODE(.apply_orientation = 1), &image);
    THEN(cnn_image_resize(image, 9, 7, CNN_RESIZE_BICUBIC, &small));
    *hash = status == CNN_OK ? hash_image(image) * 31 + hash_image(small) : 0;
    cnn_image_free(small);
    cnn_image_free(image);
    return status;
}

static cnn_status decode_jpeg(cnn_context *context, uint64_t *hash) { return decode(context, "photo.jpg", hash); }

static cnn_status decode_png(cnn_context *context, uint64_t *hash) { return decode(context, "photo.png", hash); }

static cnn_status probe(cnn_context *context, uint64_t *hash)
{
    cnn_image_info info = CNN_IMAGE_INFO_INIT;
    cnn_status status = cnn_image_probe(context, in_folder("photo.jpg"), &info);
    *hash = info.width * 1000u + info.height;
    return status;
}

static cnn_status encode(cnn_context *context, const char *name, uint64_t *hash)
{
    cnn_image *image = NULL;
    cnn_status status = cnn_image_create(context, 20, 16, 3, &image);
    if (status == CNN_OK) {
        for (size_t i = 0; i < (size_t)20 * 16 * 3; i++) {
            cnn_image_pixels(image)[i] = (uint8_t)(i * 7);
        }
    }
    THEN(cnn_image_save(image, in_folder(name), NULL));
    *hash = 1;
    cnn_image_free(image);
    return status;
}

static cnn_status save_jpeg(cnn_context *context, uint64_t *hash) { return encode(context, "out.jpg", hash); }

static cnn_status save_png(cnn_context *context, uint64_t *hash) { return encode(context, "out.png", hash); }

/* ---- data ---- */

typedef cnn_status (*opener)(cnn_context *context, const char *path, const cnn_files_options *options,
                             cnn_dataset **dataset);

static cnn_status open_data(cnn_context *context, opener open, const char *name, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_status status = open(context, in_folder(name), CNN_FILES(.classes = NULL), &data);
    *hash = status == CNN_OK ? cnn_dataset_count(data) * 100 + cnn_dataset_class_count(data) : 0;
    cnn_dataset_free(data);
    return status;
}

static cnn_status open_any(cnn_context *context, uint64_t *hash)
{
    return open_data(context, cnn_dataset_open, "tree", hash);
}

static cnn_status open_folders(cnn_context *context, uint64_t *hash)
{
    return open_data(context, cnn_dataset_open_folders, "tree", hash);
}

static cnn_status open_flat(cnn_context *context, uint64_t *hash)
{
    return open_data(context, cnn_dataset_open_flat, "flat", hash);
}

static cnn_status open_idx(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_status status = cnn_dataset_open_idx(context, in_folder("images.idx"), in_folder("labels.idx"), NULL, &data);
    *hash = cnn_dataset_count(data);
    cnn_dataset_free(data);
    return status;
}

static cnn_status read_batches(cnn_context *context, const cnn_loader_options *options, const char *steps,
                               uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    *hash = 0;
    cnn_loader_options all = *options;
    cnn_status status = cnn_dataset_open_folders(context, in_folder("tree"), NULL, &data);
    THEN(cnn_pipeline_create(context, steps, &pipeline));
    all.pipeline = pipeline;
    THEN(cnn_loader_create(context, data, &all, &loader));
    for (int epoch = 0; epoch < 2; epoch++) {
        do {
            THEN(cnn_loader_next(loader, &batch));
            if (status == CNN_OK && batch.count > 0) {
                *hash = *hash * 31 + test_hash(batch.images, test_shape_values(batch.shape) * sizeof(float));
            }
        } while (status == CNN_OK && batch.count > 0);
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(data);
    return status;
}

static cnn_status batches(cnn_context *context, uint64_t *hash)
{
    return read_batches(context, CNN_LOADER(.batch = 3, .shuffle = 1, .workers = 1), "resize=12x12,flip=0.5", hash);
}

static cnn_status batches_by_workers(cnn_context *context, uint64_t *hash)
{
    return read_batches(context, CNN_LOADER(.batch = 3, .shuffle = 1, .workers = 3), "random_crop=12,rotate=10", hash);
}

static cnn_status batches_in_memory(cnn_context *context, uint64_t *hash)
{
    return read_batches(context, CNN_LOADER(.batch = 4, .in_memory = 1, .workers = 2), "resize=12x12,flip=0.5", hash);
}

static cnn_status statistics(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    cnn_status status = cnn_dataset_open_folders(context, in_folder("tree"), NULL, &data);
    THEN(cnn_pipeline_create(context, "resize=8x8", &pipeline));
    THEN(cnn_dataset_statistics(context, data, CNN_LOADER(.pipeline = pipeline), &found));
    *hash = status == CNN_OK ? test_hash(found.mean, sizeof(found.mean)) : 0;
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(data);
    return status;
}

static cnn_status split(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL, *rest = NULL, *part = NULL;
    cnn_status status = cnn_dataset_open_folders(context, in_folder("tree"), NULL, &data);
    THEN(cnn_dataset_split(data, CNN_SPLIT(.fraction = 0.25f, .mode = CNN_SPLIT_STRATIFIED), &rest, &part));
    *hash = cnn_dataset_count(rest) * 100 + cnn_dataset_count(part);
    cnn_dataset_free(part);
    cnn_dataset_free(rest);
    cnn_dataset_free(data);
    return status;
}

/* ---- training ---- */

static cnn_status one_step(cnn_context *context, const char *rule, uint64_t *hash)
{
    static const int32_t labels[4] = {0, 1, 2, 0};
    static float images[4 * TEST_PIXELS];
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *optimizer = NULL;
    double value = 0;
    for (size_t i = 0; i < 4 * TEST_PIXELS; i++) {
        images[i] = (float)(i * 37 % 256) / 255;
    }
    cnn_status status = test_model(context, &model);
    THEN(cnn_session_create(model, CNN_SESSION(.batch = 4, .training = 1), &session));
    THEN(cnn_categorical_cross_entropy_create(context, &loss));
    THEN(cnn_optimizer_create(context, rule, &optimizer));
    THEN(cnn_session_forward(session, images, 4));
    THEN(cnn_session_loss(session, loss, CNN_TARGET(.labels = labels), &value));
    THEN(cnn_session_backward(session, NULL));
    THEN(cnn_optimizer_step(optimizer, session));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_loss_free(loss);
    cnn_session_free(session);
    cnn_model_free(model);
    return status;
}

static cnn_status step_sgd(cnn_context *context, uint64_t *hash) { return one_step(context, "sgd", hash); }

static cnn_status step_adam(cnn_context *context, uint64_t *hash) { return one_step(context, "adam", hash); }

static cnn_status step_rmsprop(cnn_context *context, uint64_t *hash) { return one_step(context, "rmsprop", hash); }

static cnn_status fit(cnn_context *context, const cnn_fit_options *options, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL, *validation = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_schedule *schedule = NULL;
    cnn_history *history = NULL;
    cnn_fit_options all = *options;
    cnn_status status = test_dataset(context, 0, 12, &data);
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 5, .shuffle = 1), &loader));
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 6), &validation));
    THEN(test_model(context, &model));
    THEN(cnn_optimizer_create(context, "momentum", &optimizer));
    THEN(cnn_schedule_create(context, "cosine:epochs=4", &schedule));
    all.train = loader;
    all.validation = validation;
    all.optimizer = optimizer;
    all.schedule = schedule;
    THEN(cnn_fit(model, &all, &history));
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_history_free(history);
    cnn_schedule_free(schedule);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(validation);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

static cnn_status fit_plain(cnn_context *context, uint64_t *hash) { return fit(context, CNN_FIT(.epochs = 2), hash); }

static cnn_status fit_with_files(cnn_context *context, uint64_t *hash)
{
    char best[600];
    snprintf(best, sizeof(best), "%s", in_folder("best.cnn"));
    return fit(context, CNN_FIT(.epochs = 2, .best_path = best, .last_path = in_folder("last.cnn")), hash);
}

static cnn_status resume(cnn_context *context, uint64_t *hash)
{
    char from[600];
    snprintf(from, sizeof(from), "%s", in_folder("checkpoint.cnn"));
    return fit(context, CNN_FIT(.epochs = 3, .resume_path = from, .last_path = in_folder("last.cnn")), hash);
}

static cnn_status evaluate(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_evaluator *evaluator = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = test_dataset(context, 0, 12, &data);
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 5), &loader));
    THEN(cnn_model_load(context, in_folder("model.cnn"), &model));
    THEN(cnn_confusion_create(context, TEST_CLASSES, &evaluator));
    THEN(cnn_evaluate(model, CNN_EVALUATE(.loader = loader, .evaluators = &evaluator, .evaluator_count = 1), &result));
    *hash = status == CNN_OK ? test_hash(&result.loss, sizeof(result.loss)) : 0;
    cnn_evaluator_free(evaluator);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

static cnn_status features(cnn_context *context, const char *path, uint64_t *hash)
{
    cnn_dataset *data = NULL, *made = NULL;
    cnn_model *model = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = test_dataset(context, 0, 12, &data);
    THEN(cnn_model_load(context, in_folder("model.cnn"), &model));
    THEN(cnn_features_create(model, CNN_FEATURES(.dataset = data, .layer = "flatten_1", .path = path), &made));
    THEN(cnn_loader_create(context, made, CNN_LOADER(.batch = 12, .workers = 2), &loader));
    THEN(cnn_loader_next(loader, &batch));
    *hash = status == CNN_OK ? test_hash(batch.images, test_shape_values(batch.shape) * sizeof(float)) : 0;
    cnn_loader_free(loader);
    cnn_dataset_free(made);
    cnn_model_free(model);
    cnn_dataset_free(data);
    return status;
}

static cnn_status features_in_memory(cnn_context *context, uint64_t *hash) { return features(context, NULL, hash); }

static cnn_status features_from_file(cnn_context *context, uint64_t *hash)
{
    return features(context, in_folder("features.cnn"), hash);
}

static cnn_status features_to_file(cnn_context *context, uint64_t *hash)
{
    remove(in_folder("new.features"));
    return features(context, in_folder("new.features"), hash);
}

/* ---- predictions and explanations ---- */

static cnn_status predict(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_image *image = NULL;
    cnn_prediction predictions[TEST_CLASSES];
    size_t count = TEST_CLASSES;
    cnn_status status = cnn_model_load(context, in_folder("model.cnn"), &model);
    THEN(cnn_session_create(model, NULL, &session));
    THEN(cnn_image_load(context, in_folder("photo.png"), CNN_DECODE(.channels = 1), &image));
    THEN(cnn_session_predict_image(session, image, predictions, &count));
    *hash = status == CNN_OK ? test_hash(&predictions[0].probability, sizeof(float)) + count : 0;
    cnn_image_free(image);
    cnn_session_free(session);
    cnn_model_free(model);
    return status;
}

static cnn_status explain(cnn_context *context, cnn_explain_method method, uint64_t *hash)
{
    static float input[TEST_PIXELS];
    cnn_model *model = NULL;
    cnn_explainer *explainer = NULL;
    cnn_image *picture = NULL;
    cnn_explanation found = CNN_EXPLANATION_INIT;
    for (size_t i = 0; i < TEST_PIXELS; i++) {
        input[i] = (float)(i % 11) / 11;
    }
    *hash = 0;
    cnn_status status = cnn_model_load(context, in_folder("model.cnn"), &model);
    THEN(cnn_explainer_create(model, CNN_EXPLAINER(.method = (int32_t)method, .samples = 4), &explainer));
    THEN(cnn_explainer_run(explainer, input, 1, &found));
    THEN(cnn_map_image(context, &found.map, CNN_JET, 20, 20, &picture));
    *hash = status == CNN_OK ? hash_image(picture) : 0;
    cnn_image_free(picture);
    cnn_explainer_free(explainer);
    cnn_model_free(model);
    return status;
}

static cnn_status explain_gradcam(cnn_context *context, uint64_t *hash) { return explain(context, CNN_GRAD_CAM, hash); }

static cnn_status explain_occlusion(cnn_context *context, uint64_t *hash)
{
    return explain(context, CNN_OCCLUSION, hash);
}

static cnn_status explain_smooth(cnn_context *context, uint64_t *hash)
{
    return explain(context, CNN_SMOOTH_GRAD, hash);
}

const scenario scenarios[] = {
    {"a context", nothing, NULL},
    {"build", build, NULL},
    {"save", save, "saved.cnn"},
    {"load", load, NULL},
    {"load a checkpoint", load_checkpoint, NULL},
    {"load and save over it", save_over, "saved.cnn"},
    {"load weights", load_weights, NULL},
    {"replace the head", replace_head, NULL},
    {"save tensors", save_tensors, "tensors.out"},
    {"import tensors", import_tensors, NULL},
    {"Keras config", keras_config, NULL},
    {"decode a JPEG", decode_jpeg, NULL},
    {"decode a PNG", decode_png, NULL},
    {"probe", probe, NULL},
    {"save a JPEG", save_jpeg, "out.jpg"},
    {"save a PNG", save_png, "out.png"},
    {"open a dataset", open_any, NULL},
    {"open folders", open_folders, NULL},
    {"open a flat folder", open_flat, NULL},
    {"open IDX", open_idx, NULL},
    {"open a table", scenario_open_table, NULL},
    {"read CIFAR", scenario_open_cifar, NULL},
    {"read an archive", scenario_archive, NULL},
#if TEST_ONNX
    {"save ONNX", scenario_save_onnx, "saved.onnx"},
    {"load ONNX", scenario_load_onnx, NULL},
#endif
    {"split", split, NULL},
    {"batches", batches, NULL},
    {"batches by workers", batches_by_workers, NULL},
    {"batches in memory", batches_in_memory, NULL},
    {"statistics", statistics, NULL},
    {"a step of sgd", step_sgd, NULL},
    {"a step of adam", step_adam, NULL},
    {"a step of rmsprop", step_rmsprop, NULL},
    {"fit", fit_plain, NULL},
    {"fit with files", fit_with_files, "last.cnn"},
    {"resume", resume, "last.cnn"},
    {"evaluate", evaluate, NULL},
    {"features in memory", features_in_memory, NULL},
    {"features from a file", features_from_file, NULL},
    {"features to a file", features_to_file, NULL},
    {"predict", predict, NULL},
    {"explain by Grad-CAM", explain_gradcam, NULL},
    {"explain by occlusion", explain_occlusion, NULL},
    {"explain by SmoothGrad", explain_smooth, NULL},
};
const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

/* ---- files ---- */

static bool put_file(const char *name, const uint8_t *data, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    const bool done = file != NULL && fwrite(data, 1, size, file) == size;
    return file != NULL && fclose(file) == 0 && done;
}

static bool put_idx(void)
{
    static const uint8_t images[16 + 3 * 4] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0,
                                               0, 0, 2, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    static const uint8_t labels[8 + 3] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};
    return put_file("images.idx", images, sizeof(images)) && put_file("labels.idx", labels, sizeof(labels));
}

static cnn_status put_photos(cnn_context *context)
{
    cnn_image *image = NULL;
    cnn_status status = cnn_image_create(context, 24, 20, 3, &image);
    char name[64];
    for (int i = 0; i < 10 && status == CNN_OK; i++) {
        for (size_t p = 0; p < (size_t)24 * 20 * 3; p++) {
            cnn_image_pixels(image)[p] = (uint8_t)(p * (unsigned)(i + 3) / 2);
        }
        snprintf(name, sizeof(name), "tree/%s/%d.%s", i % 2 == 0 ? "cat" : "dog", i, i < 7 ? "jpg" : "png");
        THEN(cnn_image_save(image, in_folder(name), NULL));
        snprintf(name, sizeof(name), "flat/%s.%d.png", i % 2 == 0 ? "cat" : "dog", i);
        THEN(cnn_image_save(image, in_folder(name), NULL));
    }
    THEN(cnn_image_save(image, in_folder("photo.jpg"), NULL));
    THEN(cnn_image_save(image, in_folder("photo.png"), NULL));
    cnn_image_free(image);
    return status;
}

cnn_status scenarios_prepare(cnn_context *context)
{
    static const char *const folders[] = {"", "tree", "tree/cat", "tree/dog", "flat"};
    uint64_t hash;
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    for (size_t i = 0; i < 5; i++) {
        if (mkdir(in_folder(folders[i]), 0700) != 0) {
            return CNN_ERROR_IO;
        }
    }
    cnn_status status = put_idx() ? put_photos(context) : CNN_ERROR_IO;
    THEN(scenario_files_prepare());
    THEN(test_model(context, &model));
    THEN(cnn_pipeline_create(context, "resize=12x12", &pipeline));
    THEN(cnn_model_set_pipeline(model, pipeline));
    THEN(cnn_model_save(model, in_folder("model.cnn")));
    THEN(cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, in_folder("tensors.safetensors")));
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
    THEN(fit_with_files(context, &hash));
    if (status == CNN_OK && rename(in_folder("last.cnn"), in_folder("checkpoint.cnn")) != 0) {
        status = CNN_ERROR_IO;
    }
    for (size_t i = 0; i < scenario_count; i++) { /* what they replace is there */
        if (scenarios[i].writes != NULL) {
            THEN(scenarios[i].run == save_over ? CNN_OK : scenarios[i].run(context, &hash));
        }
    }
    THEN(features(context, in_folder("features.cnn"), &hash));
    return status;
}
