/* SPDX-License-Identifier: MIT */
/* What a program does with the library, piece by piece: each opens what it needs, does one thing, and closes all of
 * it. */
#ifndef CNN_TESTS_FAULTS_SCENARIOS_H
#define CNN_TESTS_FAULTS_SCENARIOS_H

#include <cnn/cnn.h>

/* Where the files lie; made by scenarios_prepare(). */
extern char scenario_folder[256];

/* The path of a file there; four of them stay as they are. */
const char *scenario_path(const char *name);
/* Writes a file there. */
cnn_status scenario_put(const char *name, const void *data, size_t size);
uint64_t scenario_hash_image(const cnn_image *image);

/* Sets *hash to one of all that came out. */
typedef cnn_status scenario_run(cnn_context *context, uint64_t *hash);

typedef struct scenario {
    const char *name;
    scenario_run *run;
    const char *writes; /* the file below scenario_folder that it replaces; NULL: none */
} scenario;

extern const scenario scenarios[];
extern const size_t scenario_count;
/* Builds the network of the zoo that `scenario_network` names. */
extern const scenario scenario_zoo;
extern const char *scenario_network;

/* scenarios_models.c */
scenario_run scenario_build, scenario_nothing, scenario_save, scenario_load, scenario_load_checkpoint,
    scenario_save_over, scenario_load_weights, scenario_replace_head, scenario_save_tensors, scenario_import_tensors,
    scenario_keras_config;

/* scenarios_data.c */
scenario_run scenario_decode_jpeg, scenario_decode_png, scenario_probe, scenario_save_jpeg, scenario_save_png,
    scenario_open_any, scenario_open_folders, scenario_open_flat, scenario_open_idx, scenario_batches,
    scenario_batches_by_workers, scenario_batches_in_memory, scenario_statistics, scenario_split;

/* scenarios_training.c */
scenario_run scenario_step_sgd, scenario_step_adam, scenario_step_rmsprop, scenario_fit_plain, scenario_fit_with_files,
    scenario_resume, scenario_evaluate, scenario_features_in_memory, scenario_features_from_file,
    scenario_features_to_file, scenario_predict, scenario_explain_gradcam, scenario_explain_occlusion,
    scenario_explain_smooth;
/* In memory, or in a file. */
cnn_status scenario_features(cnn_context *context, const char *path, uint64_t *hash);

/* scenarios_files.c, and the files that they read; the last two where there is ONNX. */
scenario_run scenario_open_table, scenario_open_cifar, scenario_archive, scenario_save_onnx, scenario_load_onnx;
cnn_status scenario_files_prepare(void);

/* Makes the files that scenarios read, those that they replace included. */
cnn_status scenarios_prepare(cnn_context *context);

#endif
