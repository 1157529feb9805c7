/* SPDX-License-Identifier: MIT */
/**
 * What a network sees: which parts of an image speak for a class, what a
 * channel of a layer answers to, and pictures of both. Arrays go in, arrays
 * come out; the last section makes images of them. docs/explain.md says what
 * each method is good for.
 *
 * An explainer belongs to the caller, and keeps its model alive. What it gives
 * lies in its memory.
 */
#ifndef CNN_EXPLAIN_H
#define CNN_EXPLAIN_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/image.h>
#include <cnn/model.h>
#include <cnn/session.h>

CNN_BEGIN_DECLS

/** Methods. The numbers are frozen. */
typedef enum cnn_explain_method {
    CNN_GRAD_CAM = 0, /**< Selvaraju et al. 2017: a layer's channels, weighted by the mean of the score's gradient */
    CNN_GRAD_CAM_PLUS_PLUS = 1, /**< Chattopadhay et al. 2018: weighted by the positive gradients where they count */
    CNN_SCORE_CAM = 2,          /**< Wang et al. 2020: weighted by the score of the image masked by each channel */
    CNN_GUIDED_BACKPROPAGATION = 3, /**< Springenberg et al. 2015: negative gradients stop at each ReLU */
    CNN_SALIENCY = 4,               /**< Simonyan et al. 2014: the gradient by the image */
    CNN_SMOOTH_GRAD = 5,            /**< Smilkov et al. 2017: its mean over copies with noise */
    CNN_INTEGRATED_GRADIENTS = 6,   /**< Sundararajan et al. 2017: along the way from a baseline to the image */
    CNN_OCCLUSION = 7               /**< Zeiler and Fergus 2014: how the score falls when a window is covered */
} cnn_explain_method;

/** The name of a method, "gradcam", "gradcam++", "scorecam", "guided", "saliency", "smoothgrad", "integrated",
    "occlusion"; NULL past the end. Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_explain_method_name(size_t method);

/** What is explained. */
typedef enum cnn_explain_score {
    CNN_SCORE_LOGIT = 0, /**< the class's logit, before softmax or sigmoid: where the network is sure the gradient of a
                              probability vanishes, and the probability of one class also rises when others fall */
    CNN_SCORE_OUTPUT = 1 /**< the model's output, as many programs take it: for a model that ends in softmax or
                              sigmoid the probability */
} cnn_explain_score;

/** A method compiled for a model. One thread at a time uses it. */
typedef struct cnn_explainer cnn_explainer;

/** Options of cnn_explainer_create(); write them with CNN_EXPLAINER(). */
typedef struct cnn_explainer_options {
    size_t struct_size;
    int32_t method;    /**< a cnn_explain_method */
    int32_t score;     /**< a cnn_explain_score */
    const char *layer; /**< of class activation maps: a value of H, W, C, "conv5" or "conv5:linear". NULL: the last one
                              with a height and a width that a convolution, or a normalisation, activation or sum after
                              it, makes */
    uint32_t batch;    /**< samples in a pass where a method needs many; 0: 8. Results do not depend on it, but for
                              rounding */
    uint32_t threads;  /**< most threads to use; 0: all of the context's */
    uint32_t samples;  /**< smoothgrad: copies; integrated: steps; 0: 50 */
    float noise;       /**< smoothgrad: deviation as a part of the input's range; 0: 0.15, CNN_ZERO: none */
    uint32_t window;   /**< occlusion: side of the window; 0: an eighth of the shorter side, at least 1 */
    uint32_t stride;   /**< occlusion: from one place to the next; 0: half the window, at least 1 */
    const float *baseline; /**< [channels] the colour, in the network's values, that integrated gradients begin from
                              and occlusion covers with; copied. NULL: 0, and for occlusion the image's mean colour */
} cnn_explainer_options;

#define CNN_EXPLAINER(...) CNN_OPTIONS(cnn_explainer_options, __VA_ARGS__)

/**
 * Compiles a method for a built model of one input H, W, C, in inference
 * behaviour. All memory that explaining needs is allocated here.
 * Returns CNN_OK; CNN_ERROR_NOT_FOUND for a layer that is not there; CNN_ERROR_SHAPE for a layer, or an input, that is
 * no H, W, C; CNN_ERROR_INVALID_ARGUMENT, also for a layer that no output depends on; CNN_ERROR_UNSUPPORTED for a model
 * of several inputs, and for guided backpropagation with a backend whose memory is its own; CNN_ERROR_STATE before
 * building; CNN_ERROR_LIMIT; CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_explainer_create(cnn_model *model, const cnn_explainer_options *options,
                                        cnn_explainer **explainer);

/** Frees the explainer; NULL is allowed. Since 0.1. */
CNN_API void cnn_explainer_free(cnn_explainer *explainer);

/** The layer whose class activation maps it makes; "" for the methods that have none. Valid as long as the explainer.
    Since 0.1. */
CNN_API const char *cnn_explainer_layer(const cnn_explainer *explainer);

/** The explainer's session, for cnn_session_prepare_image() and _file() and for predictions. Valid as long as the
    explainer; its values are overwritten by cnn_explainer_run(). Since 0.1. */
CNN_API cnn_session *cnn_explainer_session(cnn_explainer *explainer);

/** An explanation; fields that the caller's struct_size covers are filled. Tensors are valid until the next call on the
    explainer. */
typedef struct cnn_explanation {
    size_t struct_size; /**< set by the caller; CNN_EXPLANATION_INIT does */
    int32_t label;      /**< the class that is explained */
    int32_t empty;      /**< 1: nothing speaks for the class, or nothing was found: `map` is zero throughout */
    cnn_tensor map;     /**< [H, W] from 0 to 1, the largest being 1 unless it is empty: of the layer's size for class
                             activation maps, else of the input's */
    cnn_tensor raw;     /**< as it was computed, with its sign. Class activation maps: [H, W], before the ReLU.
                             Occlusion: [H, W], by how much the score falls. Others: [H, W, C], a value for each input
                             value; `map` is then the largest amount over channels, and for integrated gradients the
                             amount of their sum */
    double score;       /**< the class's score for this input, as `score` says; of label 0 of a model with one output
                             that of the opposite: the negative logit, or 1 - output */
    double baseline_score; /**< integrated gradients: that of the baseline; else 0 */
    double sum;            /**< of `raw`. Integrated gradients are complete: it is score - baseline_score but for the
                                error of the steps */
} cnn_explanation;

#define CNN_EXPLANATION_INIT                                                                   \
    {                                                                                          \
        sizeof(cnn_explanation), 0, 0, {NULL, {0, 0, {0}}}, {NULL, {0, 0, {0}}}, 0.0, 0.0, 0.0 \
    }

/**
 * Explains a class's score for one input.
 *
 * input        [H, W, C] as the model reads it: cnn_session_prepare_file().
 * label        the class; negative: the most probable one. A model with one
 *              output has two, as in predictions.
 * explanation  receives what was found.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT for a class that is not there, CNN_ERROR_NUMERIC if the score is not
 * finite, and the statuses of passes. Since 0.1.
 */
CNN_API cnn_status cnn_explainer_run(cnn_explainer *explainer, const float *input, int32_t label,
                                     cnn_explanation *explanation);

/* ---- how good an explanation is ---- */

/** Options of cnn_explain_curve(); write them with CNN_EXPLAIN_CURVE(). */
typedef struct cnn_explain_curve_options {
    size_t struct_size;
    uint32_t steps;        /**< 0: 50 */
    uint32_t insertion;    /**< 0: pixels are taken out of the image, most important first. 1: they are put in */
    const float *baseline; /**< [channels] what pixels that are out are; NULL: the image's mean colour */
} cnn_explain_curve_options;

#define CNN_EXPLAIN_CURVE(...) CNN_OPTIONS(cnn_explain_curve_options, __VA_ARGS__)

/**
 * Deletion and insertion curves (Petsiuk et al. 2018): the class's probability
 * as pixels are taken out, or put in, in the order of their importance. A good
 * explanation has a small area under the first and a large one under the second.
 *
 * session  of the model, in inference behaviour; its batch says how many steps are computed at once.
 * input    [H, W, C].
 * label    as for cnn_explainer_run().
 * map      [h, w] importance, resized to the input; equal pixels go in the order of rows.
 * scores   receives steps + 1 probabilities, the first before any pixel has changed.
 * area     receives the area under the curve over the part of pixels from 0 to 1; may be NULL.
 *
 * Returns CNN_OK, CNN_ERROR_SHAPE, CNN_ERROR_STATE for a training session, CNN_ERROR_INVALID_ARGUMENT,
 * CNN_ERROR_OUT_OF_MEMORY, and the statuses of passes. Since 0.1.
 */
CNN_API cnn_status cnn_explain_curve(cnn_session *session, const float *input, int32_t label, const cnn_tensor *map,
                                     const cnn_explain_curve_options *options, float *scores, double *area);

/* ---- what a channel answers to ---- */

/** Options of cnn_explain_patterns(); write them with CNN_EXPLAIN_PATTERNS(). */
typedef struct cnn_explain_patterns_options {
    size_t struct_size;
    const char *layer;        /**< required; "conv5" or "conv5:linear", or a dense layer: then `size` is the model's */
    const uint32_t *channels; /**< [count]; NULL: `count` channels from 0 on */
    size_t count;             /**< 0: 1 */
    int32_t size;             /**< side of the patterns; 0: 150, or the model's own input where `layer` needs that */
    uint32_t steps;           /**< of gradient ascent; 0: 40 */
    float step;      /**< what a step adds, in the network's values: gradients have the root mean square 1; 0: 1/255 */
    float low, high; /**< the first image is noise between these, in the network's values; 0 and 0: 128/255, 148/255 */
    const float *start; /**< [size, size, C] the first image of all patterns in place of noise; NULL: noise */
    uint32_t batch;     /**< patterns at once; 0: 8. Results do not depend on it, but for rounding */
    uint32_t threads;   /**< most threads to use; 0: all of the context's */
} cnn_explain_patterns_options;

#define CNN_EXPLAIN_PATTERNS(...) CNN_OPTIONS(cnn_explain_patterns_options, __VA_ARGS__)

/**
 * Images that a channel answers to most: gradient ascent on the input for the
 * mean of the channel. In each step the gradient is divided by its root mean
 * square plus 1e-5, times `step`, and added (Chollet, Deep Learning with
 * Python, 5.4.2).
 *
 * The defaults are for a network that reads [0, 1]; one that reads 0 to 255,
 * less a mean or not, takes .low = 128, .high = 148, .step = 1.
 *
 * patterns  receives [count, size, size, C] in the network's values; cnn_pattern_image() makes them visible.
 * means     receives [count] the channels' means in the last step; 0 of a rectified channel: it is dead, and what came
 *           out is the noise. May be NULL.
 *
 * Noise depends on the context's seed, the channel and the size alone. Returns CNN_OK, CNN_ERROR_NOT_FOUND,
 * CNN_ERROR_INVALID_ARGUMENT for a channel that is not there, CNN_ERROR_SHAPE, CNN_ERROR_UNSUPPORTED for a model of
 * several inputs, CNN_ERROR_LIMIT, CNN_ERROR_OUT_OF_MEMORY, and the statuses of passes. Since 0.1.
 */
CNN_API cnn_status cnn_explain_patterns(cnn_model *model, const cnn_explain_patterns_options *options, float *patterns,
                                        float *means);

/* ---- pictures ---- */

/** Colour maps. The numbers are frozen. */
typedef enum cnn_colormap {
    CNN_VIRIDIS = 0, /**< of matplotlib: as bright as large, also in grey and to the colour-blind */
    CNN_JET = 1,     /**< of MATLAB, as OpenCV has it: blue, cyan, yellow, red */
    CNN_GREY = 2     /**< black to white */
} cnn_colormap;

/** The colour of a value from 0 to 1, red, green, blue; others are cut off, NaN is 0. Values are cut to 256 levels.
    Thread-safe. Since 0.1. */
CNN_API void cnn_colormap_color(cnn_colormap map, float value, uint8_t rgb[3]);

/**
 * Resizes a map to another size, bilinearly, as pixels with their centres in
 * the middle, without widening when it shrinks (OpenCV's INTER_LINEAR).
 *
 * map      [h, w].
 * resized  receives height * width values.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_map_resize(const cnn_tensor *map, uint32_t height, uint32_t width, float *resized);

/** Draws a map [h, w] of values from 0 to 1 as an image of that size, resized if it is another. Returns CNN_OK,
    CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1. */
CNN_API cnn_status cnn_map_image(cnn_context *context, const cnn_tensor *map, cnn_colormap colors, uint32_t height,
                                 uint32_t width, cnn_image **image);

/** Options of cnn_map_overlay(); write them with CNN_MAP_OVERLAY(). */
typedef struct cnn_map_overlay_options {
    size_t struct_size;
    float strength; /**< what the colours are multiplied by before they are added; 0: 0.4 */
    int32_t colors; /**< a cnn_colormap plus 1; 0: CNN_JET */
} cnn_map_overlay_options;

#define CNN_MAP_OVERLAY(...) CNN_OPTIONS(cnn_map_overlay_options, __VA_ARGS__)

/** Lays a map [h, w] of values from 0 to 1, resized to the photo, over a copy of it: photo + strength * colour, cut off
    at 255, as the usual programs for OpenCV do. `photo` is grey or RGB, the result RGB. Returns CNN_OK,
    CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1. */
CNN_API cnn_status cnn_map_overlay(const cnn_image *photo, const cnn_tensor *map,
                                   const cnn_map_overlay_options *options, cnn_image **overlay);

/** Options of cnn_activation_image(); write them with CNN_ACTIVATION_IMAGE(). */
typedef struct cnn_activation_image_options {
    size_t struct_size;
    const uint32_t *channels; /**< [count] those to draw, row by row; NULL: all */
    size_t count;
    uint32_t columns; /**< channels in a row; 0: 16 */
    uint32_t margin;  /**< pixels between them */
    uint32_t scale;   /**< pixels along a value; 0: 1 */
    int32_t colors;   /**< a cnn_colormap */
    uint32_t spread;  /**< 0: each channel less its mean, divided by its deviation, times 64, plus 128. 1: from its
                           smallest to its largest value */
} cnn_activation_image_options;

#define CNN_ACTIVATION_IMAGE(...) CNN_OPTIONS(cnn_activation_image_options, __VA_ARGS__)

/**
 * Draws the channels of an activation side by side (Chollet, Deep Learning with
 * Python, 5.4.1).
 *
 * activation  [H, W, C], or [N, H, W, C], of which the first sample is drawn; a vector [C] or [N, C] becomes channels
 *             of one pixel, which are compared with one another.
 * dead        receives the number of channels drawn that have one value everywhere, as those of a ReLU that nothing
 *             reaches; they have the colour of 0. May be NULL.
 *
 * Returns CNN_OK, CNN_ERROR_SHAPE, CNN_ERROR_INVALID_ARGUMENT for a channel that is not there, CNN_ERROR_LIMIT,
 * CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_activation_image(cnn_context *context, const cnn_tensor *activation,
                                        const cnn_activation_image_options *options, cnn_image **image, size_t *dead);

/** Makes values [H, W, C] of any range visible, C being 1 or 3: less their mean, divided by their deviation plus 1e-5,
    times 0.1, plus 0.5, cut to [0, 1] and to 256 levels (Chollet, deprocess_image). Returns CNN_OK, CNN_ERROR_SHAPE,
    CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1. */
CNN_API cnn_status cnn_pattern_image(cnn_context *context, const cnn_tensor *pattern, cnn_image **image);

/** Options of cnn_image_grid(); write them with CNN_IMAGE_GRID(). */
typedef struct cnn_image_grid_options {
    size_t struct_size;
    uint32_t columns;    /**< images in a row; 0: as many as make it about square */
    uint32_t margin;     /**< pixels between them */
    uint32_t down;       /**< 1: columns are filled first: image i + rows * j is in row i, column j */
    uint32_t background; /**< of margins and empty places: 0x10000 R + 0x100 G + B */
} cnn_image_grid_options;

#define CNN_IMAGE_GRID(...) CNN_OPTIONS(cnn_image_grid_options, __VA_ARGS__)

/** Puts images, grey or RGB, of one size side by side; the result is RGB. Returns CNN_OK, CNN_ERROR_SHAPE if sizes
    differ, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_LIMIT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1. */
CNN_API cnn_status cnn_image_grid(const cnn_image *const *images, size_t count, const cnn_image_grid_options *options,
                                  cnn_image **grid);

CNN_END_DECLS

#endif
