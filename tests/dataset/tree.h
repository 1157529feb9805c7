/* SPDX-License-Identifier: MIT */
/* A folder of the test's own, the files in it, and a context that counts its blocks and collects its log. */
#ifndef CNN_TESTS_DATASET_TREE_H
#define CNN_TESTS_DATASET_TREE_H

#include <cnn/dataset.h>

#include "common/fixture.h"

/* Made anew for each test by tree_setup(); tree_teardown() removes the folder and checks that no block is left. */
extern cnn_context *tree_context;
extern test_allocator tree_allocator;

void tree_setup(void);
void tree_teardown(void);

/* "ROOT/name"; valid until the eighth call after this one. "" gives the root. */
const char *tree_path(const char *name);
/* Each makes the folders that the name needs. */
void tree_write(const char *name, const void *data, size_t size);
void tree_touch(const char *name); /* an empty file */
void tree_folder(const char *name);
void tree_link(const char *target, const char *name);

/* Number of log messages of this level that contain `text`. */
size_t tree_logged(cnn_log_level level, const char *text);

/* Checks the status, and that the last error contains each of the texts, which end with NULL. */
void tree_expect_error(cnn_status status, cnn_status expected, ...);

/* Checks that the paths below the root, in order, are these, which end with NULL. */
void tree_expect_paths(const cnn_dataset *dataset, ...);
/* Checks the class names, which end with NULL. */
void tree_expect_classes(const cnn_dataset *dataset, ...);

/* Runs `open` again and again, each time with one allocation failing, until it succeeds; each failure must be
 * CNN_ERROR_OUT_OF_MEMORY with *dataset NULL. Returns how many allocations failed in turn. */
size_t tree_fail_allocations(cnn_status (*open)(cnn_context *context, cnn_dataset **dataset));

#endif
