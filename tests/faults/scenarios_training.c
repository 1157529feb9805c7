/* SPDX-License-Identifier: MIT */
/* Scenarios of training, and of what is done with a trained model. */
#include "faults/scenarios.h"

#include <stdio.h>

#include "common/fixture.h"
#include "common/values.h"

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

cnn_status scenario_step_sgd(cnn_context *context, uint64_t *hash) { return one_step(context, "sgd", hash); }

cnn_status scenario_step_adam(cnn_context *context, uint64_t *hash) { return one_step(context, "adam", hash); }

cnn_status scenario_step_rmsprop(cnn_context *context, uint64_t *hash) { return one_step(context, "rmsprop", hash); }

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

cnn_status scenario_fit_plain(cnn_context *context, uint64_t *hash) { return fit(context, CNN_FIT(.epochs = 2), hash); }

cnn_status scenario_fit_with_files(cnn_context *context, uint64_t *hash)
{
    char best[600];
    snprintf(best, sizeof(best), "%s", scenario_path("best.cnn"));
    return fit(context, CNN_FIT(.epochs = 2, .best_path = best, .last_path = scenario_path("last.cnn")), hash);
}

cnn_status scenario_resume(cnn_context *context, uint64_t *hash)
{
    char from[600];
    snprintf(from, sizeof(from), "%s", scenario_path("checkpoint.cnn"));
    return fit(context, CNN_FIT(.epochs = 3, .resume_path = from, .last_path = scenario_path("last.cnn")), hash);
}

cnn_status scenario_evaluate(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_evaluator *evaluator = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_status status = test_dataset(context, 0, 12, &data);
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 5), &loader));
    THEN(cnn_model_load(context, scenario_path("model.cnn"), &model));
    THEN(cnn_confusion_create(context, TEST_CLASSES, &evaluator));
    THEN(cnn_evaluate(model, CNN_EVALUATE(.loader = loader, .evaluators = &evaluator, .evaluator_count = 1), &result));
    *hash = status == CNN_OK ? test_hash(&result.loss, sizeof(result.loss)) : 0;
    cnn_evaluator_free(evaluator);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

cnn_status scenario_features(cnn_context *context, const char *path, uint64_t *hash)
{
    cnn_dataset *data = NULL, *made = NULL;
    cnn_model *model = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = test_dataset(context, 0, 12, &data);
    THEN(cnn_model_load(context, scenario_path("model.cnn"), &model));
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

cnn_status scenario_features_in_memory(cnn_context *context, uint64_t *hash)
{
    return scenario_features(context, NULL, hash);
}

cnn_status scenario_features_from_file(cnn_context *context, uint64_t *hash)
{
    return scenario_features(context, scenario_path("features.cnn"), hash);
}

cnn_status scenario_features_to_file(cnn_context *context, uint64_t *hash)
{
    remove(scenario_path("new.features"));
    return scenario_features(context, scenario_path("new.features"), hash);
}

/* ---- predictions and explanations ---- */

cnn_status scenario_predict(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_image *image = NULL;
    cnn_prediction predictions[TEST_CLASSES];
    size_t count = TEST_CLASSES;
    cnn_status status = cnn_model_load(context, scenario_path("model.cnn"), &model);
    THEN(cnn_session_create(model, NULL, &session));
    THEN(cnn_image_load(context, scenario_path("photo.png"), CNN_DECODE(.channels = 1), &image));
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
    cnn_status status = cnn_model_load(context, scenario_path("model.cnn"), &model);
    THEN(cnn_explainer_create(model, CNN_EXPLAINER(.method = (int32_t)method, .samples = 4), &explainer));
    THEN(cnn_explainer_run(explainer, input, 1, &found));
    THEN(cnn_map_image(context, &found.map, CNN_JET, 20, 20, &picture));
    *hash = status == CNN_OK ? scenario_hash_image(picture) : 0;
    cnn_image_free(picture);
    cnn_explainer_free(explainer);
    cnn_model_free(model);
    return status;
}

cnn_status scenario_explain_gradcam(cnn_context *context, uint64_t *hash)
{
    return explain(context, CNN_GRAD_CAM, hash);
}

cnn_status scenario_explain_occlusion(cnn_context *context, uint64_t *hash)
{
    return explain(context, CNN_OCCLUSION, hash);
}

cnn_status scenario_explain_smooth(cnn_context *context, uint64_t *hash)
{
    return explain(context, CNN_SMOOTH_GRAD, hash);
}
