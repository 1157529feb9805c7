/* SPDX-License-Identifier: MIT */
/* What layers prepare of a model's parameters for inference: one copy for all sessions of the model.
 *
 * A convolution in inference does not read its filters as the model keeps them: a normalisation is folded in, Winograd
 * filters are transformed, others are packed in the order in which the kernel reads them. That is done once, and not
 * once for each session: ten threads that each have a session of one model share one prepared copy.
 *
 *   compile   a kind's plan_inference (layer/layer.h) says by shape how many bytes it keeps and needs meanwhile;
 *   session   acquires the entry of each such operation; an entry is found by the node that owns the parameters and by
 *             the operation's state, so that sessions of other batches or with other fusions share what is the same;
 *   forward   cnn__prepared_data() gives the data, and makes it first if the parameters have changed since.
 *
 * An entry belongs to the model and lives as long as a session uses it. What is out of date is told by numbers: the
 * model counts changes of each of its parameters, and an entry remembers the count that its data was made at. It is
 * made, and made anew after the parameters have changed, by the first forward call that finds it out of date: the
 * others wait for that one. Nothing reads an entry meanwhile, as parameters change only while nothing else uses the
 * model. Entries are made one at a time, under the model's lock, and share one scratch.
 *
 * Operations with a backward prepare nothing: their parameters change after every step. Those before the first trained
 * parameter do so in training too, and keep it while others are trained: an entry looks at the changes of its own. */
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
bool cnn__prepared_is_current(const cnn_model *model, const cnn__prepared *prepared, const cnn__op *op);

/* The data of an entry, 64-byte aligned, up to date with the parameters; `call` is a forward call of the op. Allocates
 * nothing. */
cnn_status cnn__prepared_data(cnn_model *model, cnn__prepared *prepared, const cnn__op *op, const cnn_layer_call *call,
                              const void **data);

#endif
