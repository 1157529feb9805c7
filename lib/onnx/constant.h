/* SPDX-License-Identifier: MIT */
/* Tensors whose values are known when a model is imported: parameters, and what shapes are computed from. */
#ifndef CNN_ONNX_CONSTANT_H
#define CNN_ONNX_CONSTANT_H

#include "onnx/proto.h"

/* Values of floating types are floats, of all others int64_t. Of a tensor of many equal values there is one. */
typedef struct cnn__onnx_constant {
    int32_t type; /* a cnn__onnx_type, as the file says */
    bool trained; /* a stored tensor of more than one value, of floats: what a training may change */
    bool same;    /* all values are the first */
    uint32_t rank;
    int64_t dims[CNN_MAX_RANK];
    size_t count;
    const float *floats; /* one of the two is not NULL */
    const int64_t *ints;
    const char *name; /* of the tensor; "" if it was computed */
} cnn__onnx_constant;

/* Where values of tensors may lie in other files (external.h). */
typedef struct cnn__onnx_folder cnn__onnx_folder;

/* The tensor as a constant, in the arena; floats that lie aligned are not copied. `what` names it in messages. Returns
 * CNN_OK, CNN_ERROR_FORMAT, CNN_ERROR_LIMIT, CNN_ERROR_UNSUPPORTED, CNN_ERROR_DENIED, CNN_ERROR_OUT_OF_MEMORY. */
cnn_status cnn__onnx_constant_read(cnn__arena *arena, const char *file, const cnn__onnx_folder *folder,
                                   const cnn__onnx_tensor *tensor, cnn__onnx_constant **constant);

/* An empty one with memory for its values. NULL with the error set. */
cnn__onnx_constant *cnn__onnx_constant_new(cnn__arena *arena, int32_t type, uint32_t rank, const int64_t *dims);
/* As above, of values that are all one: none are stored but that. */
cnn__onnx_constant *cnn__onnx_constant_same(cnn__arena *arena, int32_t type, uint32_t rank, const int64_t *dims,
                                            double value);
bool cnn__onnx_is_float(int32_t type);

static inline double cnn__onnx_number(const cnn__onnx_constant *c, size_t i)
{
    const size_t at = c->same ? 0 : i;
    return c->floats != NULL ? (double)c->floats[at] : (double)c->ints[at];
}

/* A number cut off, or the nearest that there is; 0 of what is no number. */
int64_t cnn__onnx_whole(double value);
/* Whole numbers as they are, floats as cnn__onnx_whole() has them. */
int64_t cnn__onnx_int(const cnn__onnx_constant *c, size_t i);
/* Values that may be written to, of a constant that is new. */
static inline float *cnn__onnx_floats(cnn__onnx_constant *c) { return (float *)(uintptr_t)c->floats; }
static inline int64_t *cnn__onnx_ints(cnn__onnx_constant *c) { return (int64_t *)(uintptr_t)c->ints; }

#endif
