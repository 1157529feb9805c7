/* SPDX-License-Identifier: MIT */
/* What Keras has no option for but a layer: a border around what a convolution or a pooling reads. */
#ifndef CNN_EXCHANGE_KERAS_BORDER_H
#define CNN_EXCHANGE_KERAS_BORDER_H

#include "core/json.h"
#include "model/model.h"

/* What becomes of a layer's padding. */
typedef struct cnn__keras_border {
    bool valid;          /* the layer itself has none in Keras */
    bool any;            /* there is a layer of zeros before it */
    size_t sides;        /* its dimensions: ZeroPadding2D has 2 */
    int64_t pads[6];     /* before and after for each side */
    const char *lacking; /* what Keras lacks; NULL: nothing */
} cnn__keras_border;

/* Which nodes give no value below 0, to a maximum of which zeros around add nothing. NULL without memory; freed by the
 * caller. `layers`: those of the model's architecture. */
bool *cnn__keras_non_negative(const cnn_model *model, const cnn__json *layers);

/* The border of a node with these options. */
cnn__keras_border cnn__keras_find_border(const cnn_model *model, uint32_t node, const cnn__json *options,
                                         const bool *non_negative);

#endif
