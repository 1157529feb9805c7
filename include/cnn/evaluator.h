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
 * Of samples with targets and without a label every output is a class of its own, predicted and labelled by 0.5.
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

/** False negative rate of two classes, of which the second is positive: share of its samples that are not predicted as
    it; low is good. A sample whose outputs are NaN is predicted as no class. A batch of more classes is refused
    (CNN_ERROR_INVALID_ARGUMENT). "fnr". Since 0.1. */
CNN_API cnn_status cnn_false_negative_rate_create(cnn_context *context, cnn_evaluator **evaluator);

/** False positive rate: share of the samples of the first class that are predicted as the second; all else as
    cnn_false_negative_rate_create(). "fpr". Since 0.1. */
CNN_API cnn_status cnn_false_positive_rate_create(cnn_context *context, cnn_evaluator **evaluator);

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

/** Coefficient of determination, R^2: 1 - the sum of squared errors over that of squared deviations from the mean
    target, the mean over the outputs; where the targets of an output are all the same, 1 without an error and else 0,
    as scikit-learn's r2_score. All else as cnn_mae_create(). "r2". Since 0.1. */
CNN_API cnn_status cnn_r2_create(cnn_context *context, cnn_evaluator **evaluator);

/**
 * Mean average precision: of each label, the mean of the precision at each of its samples, by falling outputs, equal
 * ones together; then the mean over the labels that have a sample, as scikit-learn's average_precision_score (macro).
 * Of samples with targets these say which labels are there (above 0.5), else their class does; with one or two outputs
 * of classes it is that of class 1. Keeps all outputs, as cnn_auc_create(). "map". Since 0.1.
 */
CNN_API cnn_status cnn_mean_average_precision_create(cnn_context *context, cnn_evaluator **evaluator);

/** Share of samples all of whose outputs are on the side of 0.5 on which their targets are; of samples without targets
    the accuracy. "exact_match". Since 0.1. */
CNN_API cnn_status cnn_exact_match_create(cnn_context *context, cnn_evaluator **evaluator);

/** Hamming loss: share of outputs on the wrong side of 0.5, 1 - cnn_binary_accuracy_create(); low is good. "hamming".
    Since 0.1. */
CNN_API cnn_status cnn_hamming_create(cnn_context *context, cnn_evaluator **evaluator);

/** Balanced accuracy: the mean of the recalls of the classes that have samples, as scikit-learn's
    balanced_accuracy_score. "balanced_accuracy". Since 0.1. */
CNN_API cnn_status cnn_balanced_accuracy_create(cnn_context *context, cnn_evaluator **evaluator);

/** Matthews' correlation coefficient, of any number of classes (Gorodkin 2004): 1 is perfect, 0 chance; 0 where it does
    not exist, as in scikit-learn. "mcc". Since 0.1. */
CNN_API cnn_status cnn_mcc_create(cnn_context *context, cnn_evaluator **evaluator);

/**
 * An evaluator by its name in history: "accuracy", "binary_accuracy", "top5" (any number), "error_rate", "precision",
 * "recall", "f1" (macro; also "f1_macro", "f1_micro", "f1_class1", any class), "balanced_accuracy", "mcc", "fnr",
 * "fpr", "auc", "map", "exact_match", "hamming", "log_loss", "mae", "rmse", "r2", "loss".
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND for others, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
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

/* ---- decisions ---- */

/**
 * The temperature that calibrates probabilities (Guo et al. 2017): what logits are to be divided by so that the
 * cross-entropy of these samples is least. For cnn_decision.temperature.
 *
 * logits       [count, outputs], before softmax or sigmoid, of samples that the model was not trained on.
 * labels       [count] classes, with one output 0 or 1; those that are -1 do not count. NULL: `targets` say it.
 * targets      [count, outputs]: 0 or 1 for each output, each with a sigmoid of its own. NULL: `labels` say it.
 * temperature  receives a number from 0.01 to 100.
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT if something is missing, a label is out of range or a logit is not a
 * number; CNN_ERROR_FORMAT if no sample has a label. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_calibrate_temperature(cnn_context *context, const float *logits, const int32_t *labels,
                                             const float *targets, size_t count, size_t outputs, float *temperature);

/**
 * Platt's scaling of one output: slope and offset so that the sigmoid of slope times logit plus offset fits the labels
 * best, against targets of (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), as Platt (1999) and Lin, Lin and Weng (2007) have it.
 * For cnn_decision.slope and .offset.
 *
 * Returns as cnn_calibrate_temperature(); CNN_ERROR_FORMAT too if a class has no sample. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_calibrate_platt(cnn_context *context, const float *logits, const int32_t *labels, size_t count,
                                       float *slope, float *offset);

/** What a threshold is chosen for. */
typedef enum cnn_threshold_goal {
    CNN_THRESHOLD_F1 = 0,        /**< the largest F1 */
    CNN_THRESHOLD_PRECISION = 1, /**< the largest recall at a precision of at least `wanted` */
    CNN_THRESHOLD_RECALL = 2     /**< the largest precision at a recall of at least `wanted` */
} cnn_threshold_goal;

/** What a threshold gives: samples of at least its score are positive. */
typedef struct cnn_threshold {
    size_t struct_size; /**< set by the caller; CNN_THRESHOLD_INIT does */
    float value;
    float reserved;
    double precision, recall, f1; /**< of the samples that it was chosen by */
} cnn_threshold;

#define CNN_THRESHOLD_INIT {sizeof(cnn_threshold), 0, 0, 0, 0, 0}

/**
 * Chooses a threshold of probability for a class or a label. Between two scores it lies in their middle. For
 * cnn_decision.thresholds.
 *
 * scores  [count] probabilities.
 * marks   [count]: 1 for the samples that are positive, else 0.
 * wanted  the precision or recall, above 0 to 1; not looked at for CNN_THRESHOLD_F1.
 *
 * Returns CNN_OK; CNN_ERROR_NOT_FOUND if no threshold gives the precision; CNN_ERROR_FORMAT if no sample is positive;
 * CNN_ERROR_INVALID_ARGUMENT; CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_choose_threshold(cnn_context *context, const float *scores, const uint8_t *marks, size_t count,
                                        cnn_threshold_goal goal, double wanted, cnn_threshold *threshold);

/**
 * Wilson's interval for a share (Wilson 1927), such as an accuracy: where it lies with a confidence of 0.95 or what is
 * given, though `right` of `count` samples alone were seen.
 *
 * confidence  between 0 and 1; 0: 0.95.
 * low, high   receive the ends; 0 and 1 for a count of 0.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_wilson_interval(uint64_t right, uint64_t count, double confidence, double *low, double *high);

CNN_END_DECLS

#endif
