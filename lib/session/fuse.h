/* SPDX-License-Identifier: MIT */
/* Fusion: what becomes one operation with what.
 *
 * A network is written as small layers: convolution, normalisation, activation, pooling. Run one after another each
 * reads and writes its whole tensor, and most of that time goes to memory. A fusion lets an operation do the work of
 * the one that alone reads its output, in the same pass over memory or, in inference, by other filters.
 *
 * fuse.c holds one table: the first operation's kind, the second's, when, and the function that does it. A function
 * changes the state of the first operation, mostly its epilogue (activation, slope, pooling: layer/layer.h), so that
 * it does the second's work too, and says no where it cannot; then the first operation is inferred again, which gives
 * the backend its say. So a new fusion is one line and one function.
 *
 * A fusion that moves an activation changes both operations and leaves both: the maximum of a rectifier's outputs is
 * the rectifier of the maximum, and of fewer values.
 *
 * Never fused is what would be missed: a value that somebody outside reads, one that several operations read, and one
 * whose gradient is asked for, which an epilogue's derivative would overwrite. */
#ifndef CNN_SESSION_FUSE_H
#define CNN_SESSION_FUSE_H

#include "session/program.h"

/* Fuses what can be fused; operations whose work another one does are marked as gone. CNN_OK or
 * CNN_ERROR_OUT_OF_MEMORY. */
cnn_status cnn__program_fuse(const cnn_model *model, cnn__program *program);

#endif
