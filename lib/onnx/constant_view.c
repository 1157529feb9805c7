/* SPDX-License-Identifier: MIT */
/* Constants in other shapes and orders of axes, or with values that are repeated. */
#include <string.h>

#include "onnx/fold.h"

void cnn__onnx_strides(const cnn__onnx_constant *c, int64_t *strides)
{
    int64_t distance = 1;
    for (uint32_t i = c->rank; i-- > 0;) {
        strides[i] = distance;
        distance *= c->dims[i];
    }
}

void cnn__onnx_copy_value(const cnn__onnx_constant *from, int64_t at, cnn__onnx_constant *to, size_t i)
{
    const size_t place = from->same ? 0 : (size_t)at;
    if (to->floats != NULL) {
        cnn__onnx_floats(to)[i] = from->floats != NULL ? from->floats[place] : (float)from->ints[place];
    } else {
        cnn__onnx_ints(to)[i] = cnn__onnx_int(from, place);
    }
}

cnn__onnx_constant *cnn__onnx_view(cnn__arena *arena, const cnn__onnx_constant *from, uint32_t rank,
                                   const int64_t *dims, int64_t first, const int64_t *steps)
{
    cnn__onnx_constant *to = NULL;
    int64_t at[CNN_MAX_RANK] = {0}, place = first;
    if (from->same && from->count > 0) {
        to = cnn__onnx_constant_same(arena, from->type, rank, dims, 0);
        if (to != NULL) {
            cnn__onnx_copy_value(from, 0, to, 0);
        }
        return to;
    }
    to = cnn__onnx_constant_new(arena, from->type, rank, dims);
    for (size_t i = 0; to != NULL && i < to->count; i++) {
        cnn__onnx_copy_value(from, place, to, i);
        for (uint32_t d = rank; d-- > 0;) { /* the next place */
            place += steps[d];
            if (++at[d] < dims[d]) {
                break;
            }
            place -= steps[d] * dims[d];
            at[d] = 0;
        }
    }
    return to;
}

cnn__onnx_constant *cnn__onnx_reshaped(cnn__arena *arena, const cnn__onnx_constant *from, uint32_t rank,
                                       const int64_t *dims)
{
    cnn__onnx_constant *to = cnn__arena_alloc(arena, sizeof(*to));
    if (to != NULL) {
        *to = *from;
        to->rank = rank;
        memset(to->dims, 0, sizeof(to->dims));
        memcpy(to->dims, dims, rank * sizeof(*dims));
    }
    return to;
}

void cnn__onnx_align(const cnn__onnx_constant *c, uint32_t rank, int64_t *dims, int64_t *steps)
{
    int64_t strides[CNN_MAX_RANK];
    const uint32_t lead = rank - c->rank;
    cnn__onnx_strides(c, strides);
    for (uint32_t i = 0; i < rank; i++) {
        dims[i] = i < lead ? 1 : c->dims[i - lead];
        steps[i] = dims[i] == 1 ? 0 : strides[i - lead];
    }
}

cnn__onnx_constant *cnn__onnx_reordered(cnn__onnx_import *import, const cnn__onnx_constant *c,
                                        const cnn__onnx_axes *axes)
{
    int64_t dims[CNN_MAX_RANK], steps[CNN_MAX_RANK], new_dims[CNN_MAX_RANK], new_steps[CNN_MAX_RANK];
    if (c->rank > axes->rank) {
        cnn__fail(import->context, CNN_ERROR_UNSUPPORTED, "a constant has more axes than a value");
        return NULL;
    }
    cnn__onnx_align(c, axes->rank, dims, steps);
    for (uint32_t i = 0; i < axes->rank; i++) {
        new_dims[i] = dims[axes->order[i]];
        new_steps[i] = steps[axes->order[i]];
    }
    cnn__onnx_constant *made = cnn__onnx_view(import->arena, c, axes->rank, new_dims, 0, new_steps);
    if (made != NULL) {
        made->trained = c->trained;
        made->name = c->name;
    }
    return made;
}

cnn__onnx_constant *cnn__onnx_expanded(cnn__onnx_import *import, const cnn__onnx_constant *c,
                                       const cnn__onnx_axes *axes)
{
    int64_t dims[CNN_MAX_RANK], steps[CNN_MAX_RANK], new_dims[CNN_MAX_RANK], new_steps[CNN_MAX_RANK];
    const uint32_t first = cnn__onnx_first_axis(import);
    if (c->rank > axes->rank) {
        return NULL;
    }
    cnn__onnx_align(c, axes->rank, dims, steps);
    for (uint32_t i = 0; i < axes->rank; i++) {
        const uint32_t axis = axes->order[i];
        if ((dims[axis] != 1 && dims[axis] != axes->dims[axis]) || (i < first && dims[axis] != 1)) {
            return NULL;
        }
        new_dims[i] = axes->dims[axis];
        new_steps[i] = steps[axis];
    }
    cnn__onnx_constant *made = cnn__onnx_view(import->arena, c, axes->rank - first, new_dims + first, 0,
                                              new_steps + first);
    if (made != NULL) {
        made->trained = c->trained;
        made->name = c->name;
    }
    return made;
}
