/* SPDX-License-Identifier: MIT */
/** Evaluators: scores of predictions, and what a better score is. */
#ifndef CNN_EVALUATOR_H
#define CNN_EVALUATOR_H

#include <cnn/common.h>
#include <cnn/context.h>

CNN_BEGIN_DECLS

/** Gathers counts over batches; one thread at a time uses it. */
typedef struct cnn_evaluator cnn_evaluator;

/** Whether a high or a low score is good. */
typedef enum cnn_score_mode {
    CNN_SCORE_MAX = 0,
    CNN_SCORE_MIN = 1
} cnn_score_mode;

/** Share of samples whose largest output is that of their label; with one output as cnn_binary_accuracy_create().
    "accuracy". Since 0.1. */
CNN_API cnn_status cnn_accuracy_create(cnn_context *context, cnn_evaluator **evaluator);

/** Share of outputs on the right side of 0.5, of models with sigmoid outputs. "binary_accuracy". Since 0.1. */
CNN_API cnn_status cnn_binary_accuracy_create(cnn_context *context, cnn_evaluator **evaluator);

/** Share of samples whose label is among the k largest outputs (k is cut to the number of classes); of equal outputs
    the lower label is larger. "topK". Since 0.1. */
CNN_API cnn_status cnn_top_k_create(cnn_context *context, uint32_t k, cnn_evaluator **evaluator);

/** The mean loss that the evaluation gave; low is good. "loss". Since 0.1. */
CNN_API cnn_status cnn_loss_evaluator_create(cnn_context *context, cnn_evaluator **evaluator);

/** Counts of (label, predicted label), see cnn_confusion(); its score is the accuracy. "confusion". Since 0.1. */
CNN_API cnn_status cnn_confusion_create(cnn_context *context, uint32_t classes, cnn_evaluator **evaluator);

/** The counts: classes x classes, row: label, column: predicted. NULL for other evaluators. Valid as long as the
    evaluator. Since 0.1. */
CNN_API const uint64_t *cnn_confusion_counts(const cnn_evaluator *evaluator, uint32_t *classes);

/** How the measures of single classes become one score. */
typedef enum cnn_averaging {
    CNN_AVERAGE_MACRO = 0, /**< their mean over the classes that labels or predictions name */
    CNN_AVERAGE_MICRO = 1, /**< the measure of the counts of all classes together */
    CNN_AVERAGE_CLASS = 2  /**< that of one class */
} cnn_averaging;

/** Options of cnn_precision_create(), cnn_recall_create() and cnn_f1_create(); write them with CNN_CLASSIFICATION(). */
typedef struct cnn_classification_options {
    size_t struct_size;
    int32_t averaging; /**< a cnn_averaging */
    uint32_t label;    /**< the class of CNN_AVERAGE_CLASS */
} cnn_classification_options;

#define CNN_CLASSIFICATION(...) CNN_OPTIONS(cnn_classification_options, __VA_ARGS__)

/**
 * Precision: of the samples predicted as a class, the share that is of it. The prediction is that of
 * cnn_accuracy_create(); a sample with an output that is NaN is predicted as no class. Where nothing was predicted as a
 * class its precision is 0, scikit-learn's zero_division=0. "precision", "precision_micro" or "precision_class1"; the
 * number of classes is that of the first batch, two for one output, and memory is as large as a counter for each.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_precision_create(cnn_context *context, const cnn_classification_options *options,
                                        cnn_evaluator **evaluator);

/** Recall: of the samples of a class, the share that is predicted as it; 0 where there are none. "recall",
    "recall_micro" or "recall_class1"; all else as cnn_precision_create(). Since 0.1. */
CNN_API cnn_status cnn_recall_create(cnn_context *context, const cnn_classification_options *options,
                                     cnn_evaluator **evaluator);

/** F1: the harmonic mean of precision and recall, 2 right / (predicted + labelled); 0 where both are; the macro average
    is the mean of the classes' F1. "f1", "f1_micro" or "f1_class1"; all else as cnn_precision_create(). Since 0.1. */
CNN_API cnn_status cnn_f1_create(cnn_context *context, const cnn_classification_options *options,
                                 cnn_evaluator **evaluator);

/**
 * Area under the ROC curve: the probability that a sample of the positive class has a larger output than another one,
 * equal ones counting half; exact. With one or two outputs class 1 is positive; with more it is the mean over the
 * classes, each against the rest, of those that have samples on both sides. NaN, which is never better, if no class
 * has, as in scikit-learn. An output that is NaN loses. Keeps each sample's outputs, 4 bytes for each class (in all
 * with two), until the reset. "auc". Since 0.1.
 */
CNN_API cnn_status cnn_auc_create(cnn_context *context, cnn_evaluator **evaluator);

/** Share of samples whose predicted class is not their label: 1 - accuracy; low is good. "error_rate". Since 0.1. */
CNN_API cnn_status cnn_error_rate_create(cnn_context *context, cnn_evaluator **evaluator);

/**
 * Mean of -log p, where p is the output for the sample's label (with one output y, y for label 1 and 1 - y for label 0)
 * clipped to [FLT_EPSILON, 1 - FLT_EPSILON], as scikit-learn's log_loss of float32; outputs are probabilities and are
 * not made to sum to 1. Unlike "loss" it does not depend on what the model is trained with. Low is good. "log_loss".
 * Since 0.1.
 */
CNN_API cnn_status cnn_log_loss_create(cnn_context *context, cnn_evaluator **evaluator);

/** Mean absolute error of the outputs against target values (cnn_batch.targets), over samples and outputs, weighted by
    the samples' weights; low is good. A batch without as many targets as outputs is refused. "mae". Since 0.1. */
CNN_API cnn_status cnn_mae_create(cnn_context *context, cnn_evaluator **evaluator);

/** Root of the mean squared error of the outputs against target values; all else as cnn_mae_create(). "rmse".
    Since 0.1. */
CNN_API cnn_status cnn_rmse_create(cnn_context *context, cnn_evaluator **evaluator);

/**
 * An evaluator by its name in history: "accuracy", "binary_accuracy", "top5" (any number), "error_rate", "precision",
 * "recall", "f1" (macro; also "f1_macro", "f1_micro", "f1_class1", any class), "auc", "log_loss", "mae",
 * "rmse", "loss". Returns CNN_OK, CNN_ERROR_NOT_FOUND for others, CNN_ERROR_INVALID_ARGUMENT,
 * CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_evaluator_create(cnn_context *context, const char *name, cnn_evaluator **evaluator);

/** How names of evaluators look, for lists and messages: "accuracy", "topK", "f1 (also f1_micro, f1_classN)", ..., in
    order; NULL past the end. Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_evaluator_usage(size_t index);

/** A batch as evaluators see it. */
typedef struct cnn_evaluation {
    size_t struct_size;
    size_t count;         /**< samples */
    size_t outputs;       /**< values for each sample */
    const float *outputs_data; /**< [count, outputs]: the model's output, probabilities as a rule */
    const int32_t *labels; /**< [count]; built-in evaluators leave samples with label -1 out, those of the caller see
                                them and decide. NULL: none; "loss" needs none and then counts all samples */
    double loss;          /**< mean loss of the batch; NaN if there is none */
    const float *targets; /**< [count, target_count]: what the outputs should be; NULL: labels say it. With them
                               binary accuracy counts outputs on the side of 0.5 on which their targets are */
    size_t target_count;  /**< values of each sample */
    const float *weights; /**< [count] weights of samples; NULL: all 1. Of the built-in evaluators mae and rmse use
                               them; losses are weighted already */
} cnn_evaluation;

#define CNN_EVALUATION(...) CNN_OPTIONS(cnn_evaluation, __VA_ARGS__)

/**
 * A custom evaluator: worst score, mode, score and is-better. Batches reach its `update` as they are, without
 * a check: labels may be NULL, out of range, or -1 for samples without one.
 */
typedef struct cnn_evaluator_kind {
    size_t struct_size;
    const char *name;    /**< of the score in history and messages; static storage */
    int32_t mode;        /**< a cnn_score_mode */
    double worst_score;  /**< to begin with */
    void (*reset)(void *user);
    cnn_status (*update)(void *user, const cnn_evaluation *batch);
    double (*score)(void *user);
    /** Whether `current` is better than `best`; NULL: the rule of cnn_evaluator_is_better(). */
    bool (*is_better)(void *user, double current, double best);
    void (*destroy)(void *user); /**< may be NULL */
} cnn_evaluator_kind;

/** A custom evaluator; `kind` is copied. Since 0.1. */
CNN_API cnn_status cnn_evaluator_create_custom(cnn_context *context, const cnn_evaluator_kind *kind, void *user,
                                               cnn_evaluator **evaluator);

/** Frees the evaluator; NULL is allowed. Since 0.1. */
CNN_API void cnn_evaluator_free(cnn_evaluator *evaluator);

/** The score's name. Valid as long as the evaluator. Since 0.1. */
CNN_API const char *cnn_evaluator_name(const cnn_evaluator *evaluator);

/** Whether a high or a low score is good. Since 0.1. */
CNN_API cnn_score_mode cnn_evaluator_mode(const cnn_evaluator *evaluator);

/** The score that every other one is better than or equal to: 0 for accuracies, infinity for a loss. Since 0.1. */
CNN_API double cnn_evaluator_worst_score(const cnn_evaluator *evaluator);

/** Forgets all batches. Since 0.1. */
CNN_API void cnn_evaluator_reset(cnn_evaluator *evaluator);

/**
 * Counts a batch; after a failure of a built-in evaluator nothing of it is counted. Returns CNN_OK,
 * CNN_ERROR_INVALID_ARGUMENT (a label out of range is named), CNN_ERROR_OUT_OF_MEMORY, or what the `update` of the
 * caller's evaluator returned. Since 0.1.
 */
CNN_API cnn_status cnn_evaluator_update(cnn_evaluator *evaluator, const cnn_evaluation *batch);

/** The score over all batches since the last reset, weighted by samples; the worst score if there were none.
    Since 0.1. */
CNN_API double cnn_evaluator_score(const cnn_evaluator *evaluator);

/** The relative threshold of cnn_evaluator_is_better(); 1e-4 to begin with. Since 0.1. */
CNN_API void cnn_evaluator_set_threshold(cnn_evaluator *evaluator, double threshold);

/**
 * Whether `current` is better than `best` by more than the relative threshold t:
 * current > best + t |best| for CNN_SCORE_MAX, current < best - t |best| for
 * CNN_SCORE_MIN. Against an infinite `best` there is no threshold. Never true
 * for NaN. Since 0.1.
 */
CNN_API bool cnn_evaluator_is_better(const cnn_evaluator *evaluator, double current, double best);

CNN_END_DECLS

#endif
