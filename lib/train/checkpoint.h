/* SPDX-License-Identifier: MIT */
/* What writing and reading training checkpoints share, and what training asks beyond the public calls. */
#ifndef CNN_TRAIN_CHECKPOINT_H
#define CNN_TRAIN_CHECKPOINT_H

#include <cnn/train.h>

#include "format/tensors.h"
#include "model/model.h"
#include "optimizer/optimizer.h"

/* Names of tensors that are not the model's: "@slot0/conv2d_1/kernel", "@best/conv2d_1/kernel". NULL without memory. */
char *cnn__prefixed(cnn_context *context, const char *prefix, const char *name);

/* Steps, passes and positions above are damage: they would take a thousand years. */
#define CNN__CHECKPOINT_MAX_STEPS (UINT64_C(1) << 48)

/* CNN_ERROR_INVALID_ARGUMENT where a handle is NULL, CNN_ERROR_STATE where optimizer or history (NULL: none) belong to
 * another model than the session. */
cnn_status cnn__checkpoint_owners(const char *what, const cnn_session *session, const cnn_optimizer *optimizer,
                                  const cnn_history *history);

/* Memory with a value for each of the model's, by cnn__parameter.offset, from the tensors behind a prefix. The caller
 * frees it, also after a failure. */
cnn_status cnn__checkpoint_read_values(const cnn__tensors *file, const cnn_model *model, const char *prefix,
                                       float **values);
/* A number of steps or batches: one that no training reaches is damage, and would wrap around where it is added to. */
cnn_status cnn__checkpoint_read_count(const cnn__json_place *place, const cnn__json *object, const char *key,
                                      uint64_t *value);

/* Writes the history as "history" of the metadata, but for what is too much for text: the tensors of that, at most 2,
 * whose number is returned; none of NULL. Parameters that it keeps are not among them. */
void cnn__checkpoint_put_history(cnn__json_writer *metadata, const cnn_history *history);
size_t cnn__checkpoint_history_tensors(const cnn_history *history, cnn__tensor_source sources[2]);
/* Reads it again, an empty one if there is none, and the parameters that it keeps. *history is the caller's, also after
 * a failure. */
cnn_status cnn__checkpoint_read_history(const cnn__tensors *file, cnn_model *model, cnn_history **history);

/* Writes the optimizer's options and groups of parameters, as members of an object that is open. */
void cnn__checkpoint_put_optimizer(cnn__json_writer *writer, const cnn_optimizer *optimizer);
/* CNN_ERROR_MISMATCH if those of a checkpoint are others, but for the learning rate. */
cnn_status cnn__checkpoint_compare_optimizer(const cnn__json_place *place, const cnn__json *object,
                                             const cnn_optimizer *optimizer);

/* Writes what the meaning and the order of the data depend on, as the member "data". */
void cnn__checkpoint_put_data(cnn__json_writer *writer, const cnn_loader *loader);

/* Compares the data of a checkpoint, `object` as it was written, with those of a loader. CNN_ERROR_MISMATCH if the
 * labels mean something else: other class names, or their number or order. What changes only which samples come when
 * is told to the log as a warning, and the place in the data goes to the start of the first epoch that had not begun,
 * *position counting the loader's own batches; *moved says so. */
cnn_status cnn__checkpoint_compare_data(const cnn__json_place *place, const cnn__json *object, const cnn_loader *loader,
                                        uint64_t *position, bool *moved);

/* Asked once a checkpoint is read and fits, before anything is changed: any other status than CNN_OK refuses it. */
typedef cnn_status (*cnn__checkpoint_check)(void *user, const cnn_history *history);

/* cnn_checkpoint_load() with a check; NULL: none. */
cnn_status cnn__checkpoint_load(const char *path, cnn_session *session, cnn_optimizer *optimizer, cnn_loader *loader,
                                cnn__checkpoint_check check, void *user, cnn_history **history);

#endif
