/* SPDX-License-Identifier: MIT */
/* The Winograd tile functions of every variant. */
#include "backend/vector/conv2d/conv2d.h"
#include "backend/vector/conv2d/winograd_input.h"

#define WINO_OUT 4
#define WINO_TAPS 3
#define WINO_ID 4x3
#include "backend/vector/conv2d/winograd_variant.h"

#define WINO_OUT 6
#define WINO_TAPS 3
#define WINO_ID 6x3
#include "backend/vector/conv2d/winograd_variant.h"

#define WINO_OUT 2
#define WINO_TAPS 5
#define WINO_ID 2x5
#include "backend/vector/conv2d/winograd_variant.h"

#define WINO_OUT 4
#define WINO_TAPS 5
#define WINO_ID 4x5
#include "backend/vector/conv2d/winograd_variant.h"

#define WINO_OUT 2
#define WINO_TAPS 3
#define WINO_ID 2x3
#include "backend/vector/conv2d/winograd_variant.h"

#define WINO_ENTRY(out, taps)                                                                            \
    {                                                                                                    \
        out + taps - 1, out, taps, input_##out##x##taps, gradient_##out##x##taps, filter_##out##x##taps, \
            output_##out##x##taps, filter_gradient_##out##x##taps                                        \
    }

/* By cnn__conv2d_algorithm. */
const wino_kernels CNN__VECTOR(cnn__wino_kernels)[WINO_VARIANTS] = {
    [CNN__CONV2D_WINOGRAD_4X3] = WINO_ENTRY(4, 3), [CNN__CONV2D_WINOGRAD_6X3] = WINO_ENTRY(6, 3),
    [CNN__CONV2D_WINOGRAD_2X5] = WINO_ENTRY(2, 5), [CNN__CONV2D_WINOGRAD_4X5] = WINO_ENTRY(4, 5),
    [CNN__CONV2D_WINOGRAD_2X3] = WINO_ENTRY(2, 3),
};
