/* SPDX-License-Identifier: MIT */
/* Operations on 8-bit images that augmentation draws from: each as Pillow does it where torchvision's PIL images call
 * it. */
#ifndef CNN_PIPELINE_OPERATIONS_H
#define CNN_PIPELINE_OPERATIONS_H

#include "pipeline/frame.h"

typedef enum cnn__operation {
    CNN__OPERATION_IDENTITY,
    CNN__OPERATION_SHEAR_X, /* rate: rows move by it times their distance from the first */
    CNN__OPERATION_SHEAR_Y,
    CNN__OPERATION_TRANSLATE_X, /* pixels, cut to whole ones */
    CNN__OPERATION_TRANSLATE_Y,
    CNN__OPERATION_ROTATE,     /* degrees, against the clock */
    CNN__OPERATION_BRIGHTNESS, /* this and the next three: 1 leaves the image as it is */
    CNN__OPERATION_COLOR,
    CNN__OPERATION_CONTRAST,
    CNN__OPERATION_SHARPNESS,
    CNN__OPERATION_POSTERIZE, /* bits that are kept */
    CNN__OPERATION_SOLARIZE,  /* values from it on are inverted */
    CNN__OPERATION_AUTOCONTRAST,
    CNN__OPERATION_EQUALIZE,
    CNN__OPERATION_INVERT,
    CNN__OPERATION_HUE, /* turns, from -0.5 to 0.5 */
    CNN__OPERATIONS
} cnn__operation;

/* Names by number, NULL after the last. */
extern const char *const cnn__operation_names[CNN__OPERATIONS + 1];

/* Makes the image 8-bit values, rounding others. Values must be in [0, 1]. */
cnn_status cnn__frame_to_bytes(cnn__frame *frame);

/* The magnitude of a bin as torchvision's RandAugment has it (`wide`: TrivialAugmentWide); `turned`: its other sign. */
double cnn__augment_magnitude(cnn__operation operation, bool wide, uint32_t bin, uint32_t bins, bool turned,
                              const cnn__frame *frame);

/* Does it; the image becomes 8-bit values. Operations on colours leave a grey image, and one of other channels, as it
 * is. */
cnn_status cnn__operate(cnn__frame *frame, cnn__operation operation, double magnitude);

#endif
