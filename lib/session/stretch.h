/* SPDX-License-Identifier: MIT */
/* Stretches: operations that run one after another for a few samples at a time.
 *
 * An operation on a whole batch writes a result that no cache holds, and the next one reads it from memory. Where
 * results are that large, parameters small beside them and arithmetic is little, as in the first half of networks of
 * 1x1 and depthwise convolutions, a stretch of operations takes some samples from its beginning to its end before the
 * next ones, and what lies between its operations stays in the cache: it has room for these samples alone. Only settled
 * operations do (program.h), and only kinds that compute each sample by itself; so results are the same to the bit,
 * whatever the samples at a time. */
#ifndef CNN_SESSION_STRETCH_H
#define CNN_SESSION_STRETCH_H

#include "session/program.h"

/* Writes the stretches into operations, and which values lie inside of one. Operations and fusions are final. */
void cnn__program_find_stretches(const cnn_model *model, cnn__program *program);

#endif
