/* SPDX-License-Identifier: MIT */
/* What layers prepare of a model's parameters for inference: one copy for all sessions of the model.
 *
 * An entry belongs to the model and lives as long as a session uses it. It is made, and made anew after the parameters
 * have changed, by the first forward call that finds it out of date: the others wait for that one. Nothing reads an
 * entry meanwhile, as parameters change only while nothing else uses the model. */
#ifndef CNN_SESSION_PREPARED_H
#define CNN_SESSION_PREPARED_H

#include "session/program.h"

typedef struct cnn__prepared cnn__prepared;

/* The entry that an op of an inference program reads; to be released. The op's preparation has a size. */
cnn_status cnn__prepared_acquire(cnn_model *model, const cnn__op *op, cnn__prepared **prepared);
void cnn__prepared_release(cnn_model *model, cnn__prepared *prepared);

/* Frees what entries are made with, at the end of a model. */
void cnn__prepared_free_scratch(cnn_model *model);

/* Whether the data is up to date with the parameters. */
bool cnn__prepared_is_current(const cnn_model *model, const cnn__prepared *prepared);

/* The data of an entry, 64-byte aligned, up to date with the parameters; `call` is a forward call of the op. Allocates
 * nothing. */
cnn_status cnn__prepared_data(cnn_model *model, cnn__prepared *prepared, const cnn__op *op, const cnn_layer_call *call,
                              const void **data);

#endif
