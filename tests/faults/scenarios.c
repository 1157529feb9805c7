/* SPDX-License-Identifier: MIT */
/* The table of scenarios, and the files that they read. */
#include "faults/scenarios.h"

#include <stdio.h>
#include <sys/stat.h>

#include "common/fixture.h"

char scenario_folder[256];

const char *scenario_path(const char *name)
{
    static _Thread_local char paths[4][600];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", scenario_folder, name);
    return path;
}

uint64_t scenario_hash_image(const cnn_image *image)
{
    return test_hash(cnn_image_pixels((cnn_image *)image),
                     (size_t)cnn_image_width(image) * cnn_image_height(image) * cnn_image_channels(image));
}

const scenario scenarios[] = {
    {"a context", scenario_nothing, NULL},
    {"build", scenario_build, NULL},
    {"save", scenario_save, "saved.cnn"},
    {"load", scenario_load, NULL},
    {"load a checkpoint", scenario_load_checkpoint, NULL},
    {"load and save over it", scenario_save_over, "saved.cnn"},
    {"load weights", scenario_load_weights, NULL},
    {"replace the head", scenario_replace_head, NULL},
    {"save tensors", scenario_save_tensors, "tensors.out"},
    {"import tensors", scenario_import_tensors, NULL},
    {"Keras config", scenario_keras_config, NULL},
    {"decode a JPEG", scenario_decode_jpeg, NULL},
    {"decode a PNG", scenario_decode_png, NULL},
    {"probe", scenario_probe, NULL},
    {"save a JPEG", scenario_save_jpeg, "out.jpg"},
    {"save a PNG", scenario_save_png, "out.png"},
    {"open a dataset", scenario_open_any, NULL},
    {"open folders", scenario_open_folders, NULL},
    {"open a flat folder", scenario_open_flat, NULL},
    {"open IDX", scenario_open_idx, NULL},
    {"open a table", scenario_open_table, NULL},
    {"read CIFAR", scenario_open_cifar, NULL},
    {"read an archive", scenario_archive, NULL},
#if TEST_ONNX
    {"save ONNX", scenario_save_onnx, "saved.onnx"},
    {"load ONNX", scenario_load_onnx, NULL},
#endif
    {"split", scenario_split, NULL},
    {"batches", scenario_batches, NULL},
    {"batches by workers", scenario_batches_by_workers, NULL},
    {"batches in memory", scenario_batches_in_memory, NULL},
    {"statistics", scenario_statistics, NULL},
    {"a step of sgd", scenario_step_sgd, NULL},
    {"a step of adam", scenario_step_adam, NULL},
    {"a step of rmsprop", scenario_step_rmsprop, NULL},
    {"fit", scenario_fit_plain, NULL},
    {"fit with files", scenario_fit_with_files, "last.cnn"},
    {"resume", scenario_resume, "last.cnn"},
    {"evaluate", scenario_evaluate, NULL},
    {"features in memory", scenario_features_in_memory, NULL},
    {"features from a file", scenario_features_from_file, NULL},
    {"features to a file", scenario_features_to_file, NULL},
    {"predict", scenario_predict, NULL},
    {"explain by Grad-CAM", scenario_explain_gradcam, NULL},
    {"explain by occlusion", scenario_explain_occlusion, NULL},
    {"explain by SmoothGrad", scenario_explain_smooth, NULL},
};

const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

/* ---- files ---- */

cnn_status scenario_put(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(scenario_path(name), "wb");
    const bool done = file != NULL && fwrite(data, 1, size, file) == size;
    return file != NULL && fclose(file) == 0 && done ? CNN_OK : CNN_ERROR_IO;
}

static cnn_status put_idx(void)
{
    static const uint8_t images[16 + 3 * 4] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0,
                                               0, 0, 2, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    static const uint8_t labels[8 + 3] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};
    cnn_status status = scenario_put("images.idx", images, sizeof(images));
    THEN(scenario_put("labels.idx", labels, sizeof(labels)));
    return status;
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
        THEN(cnn_image_save(image, scenario_path(name), NULL));
        snprintf(name, sizeof(name), "flat/%s.%d.png", i % 2 == 0 ? "cat" : "dog", i);
        THEN(cnn_image_save(image, scenario_path(name), NULL));
    }
    THEN(cnn_image_save(image, scenario_path("photo.jpg"), NULL));
    THEN(cnn_image_save(image, scenario_path("photo.png"), NULL));
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
        if (mkdir(scenario_path(folders[i]), 0700) != 0) {
            return CNN_ERROR_IO;
        }
    }
    cnn_status status = put_idx();
    THEN(put_photos(context));
    THEN(scenario_files_prepare());
    THEN(test_model(context, &model));
    THEN(cnn_pipeline_create(context, "resize=12x12", &pipeline));
    THEN(cnn_model_set_pipeline(model, pipeline));
    THEN(cnn_model_save(model, scenario_path("model.cnn")));
    THEN(cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, scenario_path("tensors.safetensors")));
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
    THEN(scenario_fit_with_files(context, &hash));
    if (status == CNN_OK && rename(scenario_path("last.cnn"), scenario_path("checkpoint.cnn")) != 0) {
        status = CNN_ERROR_IO;
    }
    for (size_t i = 0; i < scenario_count; i++) { /* what they replace is there */
        if (scenarios[i].writes != NULL) {
            THEN(scenarios[i].run == scenario_save_over ? CNN_OK : scenarios[i].run(context, &hash));
        }
    }
    THEN(scenario_features(context, scenario_path("features.cnn"), &hash));
    return status;
}
