/* SPDX-License-Identifier: MIT */
/* What a program does with the library, piece by piece: each opens what it needs, does one thing, and closes all of
 * it. */
#ifndef CNN_TESTS_FAULTS_SCENARIOS_H
#define CNN_TESTS_FAULTS_SCENARIOS_H

#include <cnn/cnn.h>

/* Where the files lie; made by scenarios_prepare(). */
extern char scenario_folder[256];

typedef struct scenario {
    const char *name;
    /* Sets *hash to one of all that came out. */
    cnn_status (*run)(cnn_context *context, uint64_t *hash);
    const char *writes; /* the file below scenario_folder that it replaces; NULL: none */
} scenario;

extern const scenario scenarios[];
extern const size_t scenario_count;
/* Builds the network of the zoo that `scenario_network` names. */
extern const scenario scenario_zoo;
extern const char *scenario_network;

/* Scenarios of scenarios_files.c, and the files that they read. */
cnn_status scenario_open_table(cnn_context *context, uint64_t *hash);
cnn_status scenario_open_cifar(cnn_context *context, uint64_t *hash);
cnn_status scenario_archive(cnn_context *context, uint64_t *hash);
cnn_status scenario_save_onnx(cnn_context *context, uint64_t *hash); /* these two where there is ONNX */
cnn_status scenario_load_onnx(cnn_context *context, uint64_t *hash);
cnn_status scenario_files_prepare(void);

/* Makes the files that scenarios read, those that they replace included. */
cnn_status scenarios_prepare(cnn_context *context);

#endif
