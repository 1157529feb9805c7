/* SPDX-License-Identifier: MIT */
/* Explaining a class's score.
 *
 * A method is an entry of one table (explainer.c): what its session has to give, how large its arrays are, and a
 * function that fills `raw`. All else is common: choosing the class, its score, the gradients to begin with, and the
 * map from 0 to 1 that people look at. */
#ifndef CNN_EXPLAIN_EXPLAIN_H
#define CNN_EXPLAIN_EXPLAIN_H

#include <cnn/explain.h>

#include "session/request.h"
#include "session/session.h"

typedef enum cnn__explain_need {
    CNN__NEEDS_LAYER = 1,       /* the layer's value */
    CNN__NEEDS_LAYER_SLOPE = 2, /* and its gradient */
    CNN__NEEDS_INPUT_SLOPE = 4, /* the gradient by the input */
    CNN__NEEDS_RECTIFIERS = 8   /* the gradients of all rectified values, stopped where they are negative */
} cnn__explain_need;

typedef enum cnn__explain_map {
    CNN__MAP_POSITIVE, /* raw is [H, W]: what is above 0 */
    CNN__MAP_LARGEST,  /* raw is [H, W, C]: the largest amount over channels */
    CNN__MAP_SUM       /* the amount of the sum over channels */
} cnn__explain_map;

typedef struct cnn__explain_kind {
    const char *name;
    uint32_t needs; /* of cnn__explain_need */
    cnn__explain_map map;
    bool many; /* it runs batches */
    /* Fills e->raw. The input has gone through the session alone, as sample 0, and e->label is chosen. */
    cnn_status (*run)(cnn_explainer *e, const float *input);
} cnn__explain_kind;

struct cnn_explainer {
    cnn_context *context;
    cnn_session *session;
    const cnn__explain_kind *kind;
    cnn_explainer_options o;
    char *layer;       /* "" for methods without one */
    const char *input; /* the model's */
    uint32_t batch;
    int64_t h, w, c;    /* of the input */
    int64_t lh, lw, lc; /* of the layer */
    size_t values;      /* of the input */
    size_t outputs;
    int32_t label;
    double score, baseline_score;
    float *inputs;     /* [batch, values] */
    float *starts;     /* [batch, outputs] */
    float *layers;     /* [lh, lw, lc] Score-CAM: the layer's value for the image itself */
    float *plane;      /* [h, w] */
    double *sums;      /* [values] */
    double *weights;   /* [lc] of the layer's channels */
    int64_t *channels; /* [batch] Score-CAM: those of a batch */
    float *raw;        /* of the input's or the layer's size */
    float *map;
};

/* ---- explainer.c ---- */

/* Runs `count` samples forward. */
cnn_status cnn__explain_forward(cnn_explainer *e, const float *inputs, size_t count);
/* The score of the class in sample `index` of the last forward pass. */
double cnn__explain_score(const cnn_explainer *e, size_t index);
/* Goes back from the score of the class in each of `count` samples. */
cnn_status cnn__explain_backward(cnn_explainer *e, size_t count);
/* The gradient by the input after that. */
cnn_status cnn__explain_slope(const cnn_explainer *e, cnn_tensor *slope);
/* The most probable class by logits. */
int32_t cnn__explain_best(const float *logits, size_t outputs);

/* ---- maps.c, slopes.c, occlusion.c ---- */

cnn_status cnn__explain_grad_cam(cnn_explainer *e, const float *input);
cnn_status cnn__explain_grad_cam_plus_plus(cnn_explainer *e, const float *input);
cnn_status cnn__explain_score_cam(cnn_explainer *e, const float *input);
cnn_status cnn__explain_saliency(cnn_explainer *e, const float *input);
cnn_status cnn__explain_smooth_grad(cnn_explainer *e, const float *input);
cnn_status cnn__explain_integrated(cnn_explainer *e, const float *input);
cnn_status cnn__explain_occlusion(cnn_explainer *e, const float *input);
/* A hook that stops negative gradients at all values but the input. */
cnn_status cnn__explain_guide(void *user, const char *name, cnn_hook_pass pass, const cnn_tensor *tensor);

/* ---- layers.c ---- */

/* The layer that class activation maps are of unless one is named; NULL: there is none. */
const char *cnn__explain_default_layer(const cnn_model *model);
/* Names of all layers that end in a ReLU or ReLU6 and that the model's outputs depend on: `names` has room for one per
 * layer. Returns how many. */
cnn_status cnn__explain_rectifiers(const cnn_model *model, const char **names, size_t *count);

/* ---- resample.c ---- */

/* Bilinear, pixels having their centres in the middle; `step` is the distance between values of `map`. */
void cnn__explain_resize(const float *map, size_t step, int64_t h, int64_t w, int64_t height, int64_t width,
                         float *resized);
/* The mean of each channel of [pixels, c]. */
void cnn__explain_mean(const float *values, size_t pixels, int64_t c, float *mean);

#endif
