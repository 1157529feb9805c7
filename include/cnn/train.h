/* SPDX-License-Identifier: MIT */
/** Training, evaluation and prediction over loaders. */
#ifndef CNN_TRAIN_H
#define CNN_TRAIN_H

#include <cnn/common.h>
#include <cnn/communicator.h>
#include <cnn/context.h>
#include <cnn/evaluator.h>
#include <cnn/loader.h>
#include <cnn/loss.h>
#include <cnn/model.h>
#include <cnn/optimizer.h>
#include <cnn/schedule.h>
#include <cnn/session.h>

CNN_BEGIN_DECLS

/** What became of a training: one row of named numbers for each epoch. Immutable once returned. */
typedef struct cnn_history cnn_history;

/** Frees the history; NULL is allowed. Since 0.1. */
CNN_API void cnn_history_free(cnn_history *history);

/** Epochs in it, those before a resumed checkpoint included. Since 0.1. */
CNN_API size_t cnn_history_epochs(const cnn_history *history);

/** Number of columns. Since 0.1. */
CNN_API size_t cnn_history_columns(const cnn_history *history);

/** Name of a column: "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds", ...; NULL past the
    end. Training columns are running means over the epoch, dropout on, but for "step_loss" and "step_score": those are
    of its last batch alone, as cnn_progress has them. Valid as long as the history. Since 0.1. */
CNN_API const char *cnn_history_column(const cnn_history *history, size_t column);

/** A value; NaN if there is none of that name or epoch. Epochs count from 0. Since 0.1. */
CNN_API double cnn_history_value(const cnn_history *history, const char *column, size_t epoch);

/** The epoch, counted from 0, whose model is the best; SIZE_MAX if none was better than the worst score. Since 0.1. */
CNN_API size_t cnn_history_best_epoch(const cnn_history *history);

/** Its score. Since 0.1. */
CNN_API double cnn_history_best_score(const cnn_history *history);

/** Where a training stands, as callbacks see it. */
typedef struct cnn_progress {
    size_t struct_size;
    uint64_t epoch;           /**< from 0 */
    uint64_t epochs;          /**< to be reached */
    uint64_t step;            /**< steps done in this epoch, from 1; 0 in validation */
    uint64_t steps;           /**< in an epoch */
    uint64_t total_steps;     /**< steps done in all */
    double loss;              /**< running mean of the epoch */
    double score;             /**< running score of the first evaluator */
    double validation_loss;   /**< after an epoch; NaN without validation */
    double validation_score;  /**< after an epoch; NaN without validation */
    double best_score;        /**< so far */
    double seconds;           /**< since the epoch began */
    double images_per_second; /**< of this epoch's steps */
    double wait_seconds;      /**< this epoch's waiting for data; the history's "wait_share" is its part of the seconds
                                  that the epoch's steps took, validation not counted */
    double learning_rate;     /**< of the step */
    const char *score_name;   /**< of the first evaluator; valid during the callback */
    const cnn_history *history; /**< the epochs so far; valid during the callback */
    cnn_session *session;       /**< the training session; its model may be saved, its parameters read */
    double step_loss;           /**< of the last batch alone; NaN before the first step of an epoch */
    double step_score; /**< the first evaluator's of the epoch's last batch alone: in `on_epoch`, and in `on_step`
                                  of that step; NaN in other steps, of a custom evaluator, whose counts cannot
                                  be set aside, and where that batch was left out (CNN_ON_ERROR_SKIP) */
    double penalty;            /**< what of `loss` the model's regularizers add; 0 without */
    double validation_penalty; /**< the same of `validation_loss` */
    double decay_penalty;      /**< of cnn_fit_options.decay_penalty: what weight decay stands for, which no loss has in
                                  it, with the parameters before the step; 0 if not asked for, NaN before the first
                                  step of an epoch. Since 0.1 */
} cnn_progress;

/** Called after each step or epoch; true stops the training in good order. */
typedef bool (*cnn_progress_function)(void *user, const cnn_progress *progress);

/** Options of cnn_fit(); write them with CNN_FIT(). */
typedef struct cnn_fit_options {
    size_t struct_size;
    cnn_loader *train;                /**< required */
    cnn_loader *validation;           /**< NULL: none */
    const cnn_loss *loss;             /**< NULL: binary cross-entropy with one output and for several labels, mean
                                        squared error for values, else categorical cross-entropy. Targets of which
                                        nobody said what they are (cnn_dataset_task()) need one */
    cnn_optimizer *optimizer;         /**< required */
    cnn_evaluator *const *evaluators; /**< NULL: accuracy; of several labels "map", of values "mae". The first decides
                                        what is best. They count the training and, once an epoch is done, the
                                        validation, which therefore leaves its counts in them */
    size_t evaluator_count;
    uint32_t epochs;                /**< in all, those of a resumed checkpoint included; 0: 1 */
    uint32_t keep_last;             /**< 1: the model ends with its last parameters; 0: with its best, if there were
                                        several epochs and one of them was better than the worst score, else with its
                                        last */
    cnn_progress_function on_step;  /**< NULL: none */
    cnn_progress_function on_epoch; /**< NULL: none */
    void *user;                    /**< handed to both */
    const char *best_path;         /**< model file, written whenever the best score is reached; NULL: none. When the
                                        training ends well it is there and holds the best parameters, also if it was
                                        resumed under another name and no epoch was better; then, if there is no such
                                        file yet, it is written before the first step */
    const char *last_path;         /**< checkpoint, written after each epoch, when stopped, and at the end if there was
                                        nothing left to do; NULL: none */
    const char *resume_path;       /**< checkpoint to go on from: the bits are those of a training that never stopped */
    cnn_schedule *schedule;        /**< of the learning rate, which begins as the optimizer's and which it sets before
                                        each step; a plateau sees the score that decides what is best. NULL: the rate
                                        stays as it is */
    uint32_t patience;             /**< stops after so many epochs in a row without a new best one; 0: never */
    uint32_t reserved;             /**< zero */
    const float *class_weights;    /**< [class_weight_count]: weights of the training samples by their class, as
                                        cnn_target.weights: the losses of training are weighted, those of validation
                                        and all scores are not, as with Keras's class_weight. A resumed training is
                                        given them again. cnn_dataset_balanced_weights() makes up for uneven classes.
                                        NULL: all 1 */
    size_t class_weight_count;     /**< as many as the training dataset has classes; 0 without weights */
    int32_t penalties;             /**< a cnn_choice: whether the penalties of the model's regularizers are a part of
                                        the loss, in training and validation; if not said, they are. The history then
                                        has columns "penalty" and "val_penalty" */
    int32_t reserved2;             /**< zero */
    const char *from;              /**< the layer whose outputs the loaders' samples are, such as those of
                                        cnn_features_create(): what lies before it is not run. All of that must be
                                        frozen. The model, and every file of the training, is whole all the same. NULL:
                                        samples are the model's input. Since 0.1 */
    uint32_t accumulate;      /**< batches whose gradients make one step: their mean over all samples, so that without
                                   normalisations it is the step of one batch of all of them. An epoch's last step has
                                   those that are left. Of several ranks gradients are added up batch by batch. Steps,
                                   here and in callbacks, are the optimizer's; 0: 1 */
    uint32_t steps_per_epoch; /**< an epoch ends after so many steps, and the next one goes on in the data where it
                                   was: passes over the data and epochs are two things; 0: an epoch is a pass */
    uint32_t validation_steps; /**< batches of a validation, from the first on; more than there are begin anew, as those
                                    of a generator in Keras; 0: all of them once */
    uint32_t evaluate_every;   /**< validates after every so many steps of the whole training too, besides the ends of
                                    epochs, and tells on_evaluation; the best epoch and the history do not see it;
                                    0: not */
    const char *average;       /**< what validation, the best model and the model at the end have in place of the last
                                    parameters, as text; NULL: those.
                                    "ema:decay=0.999,start=0": after each step, from epoch `start` on, the average moves
                                    by 1 - min(decay, (1 + n) / (10 + n)) towards the parameters, n the steps in it, as
                                    TensorFlow's ExponentialMovingAverage with num_updates; statistics of normalisations
                                    too.
                                    "swa:start=N": stochastic weight averaging (Izmailov et al. 2018): the mean after
                                    epochs N + 1, N + 2 and so on, N three quarters of the epochs if not given; running
                                    statistics are then measured anew by a pass over the training data, as by
                                    cnn_update_statistics().
                                    "last:count=5": the mean of the last so many epochs, up to 16.
                                    The training itself goes on with its own parameters, and checkpoints hold both.
                                    Since 0.1 */
    cnn_progress_function on_evaluation; /**< after each evaluation of evaluate_every: the validation's loss and score
                                              are those of the progress; true stops. NULL: none */
    float label_smoothing; /**< of training targets: y (1 - s) + s / outputs, as PyTorch's CrossEntropyLoss; of binary
                                cross-entropy y (1 - s) + s / 2, as Keras. For losses of probabilities, as the next two
                                are too; 0: none. Running scores are of the labels. Since 0.1 */
    float mixup;  /**< alpha: each batch is mixed with itself moved by a sample, images and targets alike, with a share
                       drawn from Beta(alpha, alpha) (Zhang et al. 2018), as torchvision's reference training. Weights
                       of samples are mixed too; running scores are of the label with the larger share; 0: not */
    float cutmix; /**< alpha of cutmix (Yun et al. 2019): a rectangle is that of the neighbour, with a part of the area
                       drawn in the same way. With both each batch has one of them by chance; 0: not */
    float teacher_weight; /**< the teacher's part of the loss, up to 1; the labels' is the rest; 0: 0.5 */
    cnn_model *teacher;   /**< of which the model learns too (Hinton et al. 2015): the loss is (1 - w) of the labels'
                               and w T^2 times the Kullback-Leibler divergence from the teacher's probabilities at
                               temperature T. It sees the same images, runs in inference, and has as many outputs; with
                               categorical and binary cross-entropy. NULL: none */
    float temperature;    /**< T; 0: 4 */
    uint32_t reserved3;   /**< zero */
    const cnn_communicator *communicator; /**< connects the ranks that train together, see cnn/communicator.h; all of
                                        them call cnn_fit() with the same options, but for `shard` of the loaders. The
                                        model begins with the parameters of rank 0; losses, scores and the history are
                                        those of whole batches, on all ranks; rank 0 alone writes the files, and every
                                        rank reads `resume_path`. A callback that stops one rank stops all. NULL: alone.
                                        Since 0.1 */
    uint32_t blocks;               /**< > 0: each batch is divided into so many blocks, whose gradients are computed one
                                        by one and summed in a fixed tree, so that the bits are the same for any number
                                        of ranks up to this. Batch normalisation is then by block. It costs: passes of
                                        small batches, a copy of the gradients for each level of the tree, and no
                                        exchange beside the backward pass. The loaders have the same number. 0: sums are
                                        taken as they come, the same bits for one number of ranks. Since 0.1 */
    uint32_t sync_batch_norm;      /**< 1: batch normalisation takes the statistics of the whole batch, over all ranks,
                                        as PyTorch's SyncBatchNorm; not with `blocks`. 0: those of each rank's share,
                                        and the running statistics are averaged after each step. Since 0.1 */
    uint32_t last_batch_scores;    /**< 1: without validation the best epoch, `patience` and a plateau go by the score
                                        of an epoch's last batch alone, "step_score", as in the AlexNet article; where
                                        it has none, and 0: by that of all its batches. A resumed training is given it
                                        again. Since 0.1 */
    uint32_t reserved4;            /**< zero */
    int32_t validation_behavior;   /**< a cnn_choice: CNN_YES validates with dropout on and normalises by each batch,
                                        as a PyTorch loop does that never calls eval(). Unlike there the running
                                        statistics stay as the training made them; if not said, not. Since 0.1 */
    uint32_t decay_penalty;        /**< 1: the progress tells cnn_optimizer_decay_penalty() of the parameters before
                                        each step, and the history, in a column "decay_penalty", that of an epoch's
                                        last: added to "step_loss" it is the loss of programs that have the decay in
                                        it. It costs a reading of the parameters a step. 0: not. Since 0.1 */
} cnn_fit_options;

#define CNN_FIT(...) CNN_OPTIONS(cnn_fit_options, __VA_ARGS__)

/**
 * Trains a built model. What the model has not been given it takes from the
 * loaders, so that its files are complete: class names from the training
 * dataset, preprocessing from the validation loader's pipeline or else the
 * training loader's, without its random steps. If a dataset was opened with
 * apply_orientation, or a pipeline begins with orient, the preprocessing turns
 * photos too, also where the model had one before.
 *
 * It begins at the start of an epoch: where the training loader was left within
 * one, at the start of the next (a loader in CNN_BATCH_WRAP mode goes on where
 * it is, and has its full number of steps). With `resume_path` it begins where
 * the checkpoint says. A batch whose samples were all left out
 * (CNN_ON_ERROR_SKIP) is no step; an epoch without any step is an error.
 *
 * The class names of the training dataset must be the model's, in their order.
 * Those of the validation dataset are found by their names among the model's, or
 * the training dataset's: it may lack some. How many samples each class has is
 * told to the log, as a warning if the largest has more than four times as many
 * as the smallest and no class_weights are given.
 *
 * A model has one input and one output here. Of one with several, a loop of
 * one's own (examples/step_by_hand.c) sets the inputs with
 * cnn_session_set_input() and has a cnn_session_loss() for each output; the
 * backward pass then goes back from all of them together.
 *
 * history  receives what happened, also after a failure or a stop, unless NULL.
 *
 * With a communicator a failure of one rank ends all: that rank returns it, the others CNN_ERROR_PEER. Learning rate
 * and batch size are taken as they are given, for any number of ranks: `batch` is that of all together.
 *
 * Returns CNN_OK (also when the checkpoint was complete already, or `patience` ended the training early): `best_path`
 * and `last_path` then hold this training;
 * CNN_ERROR_CANCELLED when a callback stopped it: parameters, checkpoint and
 * history are whole; CNN_ERROR_NUMERIC at the first loss that is not finite,
 * naming epoch, step and learning rate: the last checkpoint is left as it was;
 * CNN_ERROR_MISMATCH if the classes or the tasks of dataset and model differ, or the
 * checkpoint is of another architecture, optimizer (its options included, but for
 * the learning rate, which is the checkpoint's), schedule, seed, classes or first evaluator: then nothing
 * was changed, class names and preprocessing included; CNN_ERROR_UNSUPPORTED if the model has several inputs or
 * outputs; CNN_ERROR_INVALID_ARGUMENT if something required or an evaluator
 * is NULL, or the validation loader is in CNN_BATCH_WRAP mode; CNN_ERROR_FORMAT if no sample of an epoch can be used;
 * and the statuses of loaders, sessions and files.
 * From one thread at a time for a model, and what is handed over: no other may use these meanwhile. Since 0.1.
 */
CNN_API cnn_status cnn_fit(cnn_model *model, const cnn_fit_options *options, cnn_history **history);

/**
 * Makes the kernel of a first convolution a whitening of patches: one filter for each of the largest eigenvectors of
 * the patches' second moments, divided by sqrt(eigenvalue + 5e-4), and as many with the opposite sign (as the 94 %
 * recipes of CIFAR-10 begin). Freeze it then, with cnn_model_set_trainable(model, "LAYER/kernel", false).
 *
 * layer    its name; it has an even number of filters, at most two for each of the up to 256 values of a patch, and
 *          reads images of the loader's channels.
 * loader   gives the images, from its first batch on; it is then where it was.
 * samples  images to look at, as far as an epoch has as many; 0: 5000.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE if the model is not built, CNN_ERROR_NOT_FOUND,
 * CNN_ERROR_SHAPE, CNN_ERROR_FORMAT if no sample can be used, CNN_ERROR_OUT_OF_MEMORY, and the statuses of loaders.
 * Before training, and before sessions of the model run; from one thread at a time, as cnn_fit(). Since 0.1.
 */
CNN_API cnn_status cnn_model_whiten(cnn_model *model, const char *layer, cnn_loader *loader, uint64_t samples);

/** Options of cnn_find_learning_rate(); write them with CNN_RATE_SEARCH(). */
typedef struct cnn_rate_search_options {
    size_t struct_size;
    cnn_loader *train;        /**< required; read from where it is, over as many passes as it takes */
    const cnn_loss *loss;     /**< NULL: as in cnn_fit_options */
    cnn_optimizer *optimizer; /**< required; its steps and slots are used up: take one of its own for the search */
    double low, high;         /**< the first and the last learning rate; 0: 1e-7 and 10 */
    uint32_t steps;           /**< from one to the other, each a constant factor above the one before; 0: 100 */
    uint32_t reserved;        /**< zero */
    cnn_progress_function on_step; /**< after each step; true stops. NULL: none */
    void *user;
} cnn_rate_search_options;

#define CNN_RATE_SEARCH(...) CNN_OPTIONS(cnn_rate_search_options, __VA_ARGS__)

/**
 * Looks for a learning rate (Smith 2017): trains with one that grows from step to
 * step until the loss, smoothed over about ten steps, is four times its lowest or
 * no longer finite. The model then has its parameters again.
 *
 * rate     receives the rate at which the smoothed loss fell most steeply, over ten steps and after the first ten; NaN
 *          if it never fell. May be NULL.
 * history  receives a row for each step, also after a failure: "learning_rate", "loss" and "smoothed_loss". May be
 *          NULL; free it with cnn_history_free().
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE if the model is not built, CNN_ERROR_MISMATCH,
 * CNN_ERROR_SHAPE, CNN_ERROR_CANCELLED, CNN_ERROR_FORMAT if no sample can be used, and the statuses of loaders and
 * sessions. From one thread at a time, as cnn_fit(). Since 0.1.
 */
CNN_API cnn_status cnn_find_learning_rate(cnn_model *model, const cnn_rate_search_options *options, double *rate,
                                          cnn_history **history);

/** CNN_OK if cnn_fit_options.average may be this text; else CNN_ERROR_INVALID_ARGUMENT with the place in it.
    Thread-safe. Since 0.1. */
CNN_API cnn_status cnn_average_check(cnn_context *context, const char *text);

/**
 * Measures the running statistics of a model's normalisations anew: the mean, over the batches of one epoch of the
 * loader from its first on, of the statistics of each batch, in training behaviour (PyTorch's update_bn()). For
 * parameters that no training has seen, such as averages. Statistics that a layer keeps (cnn_model_set_statistics())
 * stay. The loader is then where it was; after a failure the statistics are as before.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE if the model is not built, CNN_ERROR_SHAPE, and the
 * statuses of loaders and sessions. From one thread at a time, as cnn_fit(). Since 0.1.
 */
CNN_API cnn_status cnn_update_statistics(cnn_model *model, cnn_loader *loader);

/** Options of cnn_evaluate(); write them with CNN_EVALUATE(). */
typedef struct cnn_evaluate_options {
    size_t struct_size;
    cnn_loader *loader;            /**< required; read from the start of an epoch to its end, once: in CNN_BATCH_EPOCH
                                        mode */
    const cnn_loss *loss;          /**< NULL: as in cnn_fit_options */
    cnn_evaluator *const *evaluators; /**< reset, then updated; may be NULL */
    size_t evaluator_count;
    cnn_progress_function on_step; /**< NULL: none; true stops */
    void *user;
    int32_t penalties;             /**< a cnn_choice: whether the penalties of the model's regularizers are a part of
                                        the loss, as in Keras; if not said, they are */
    int32_t training_behavior;     /**< a cnn_choice: CNN_YES leaves dropout on and normalises by each batch, which
                                        also moves the running statistics of the model, as a PyTorch loop does that
                                        never calls eval(); if not said, not */
    const char *from;              /**< as in cnn_fit_options */
    const cnn_communicator *communicator; /**< as in cnn_fit_options: each rank runs its share of every batch, and all
                                        have the scores of all samples, each counted once. NULL: alone. Since 0.1 */
} cnn_evaluate_options;

#define CNN_EVALUATE(...) CNN_OPTIONS(cnn_evaluate_options, __VA_ARGS__)

/** What cnn_evaluate() found; fields that the caller's struct_size covers are filled. */
typedef struct cnn_evaluate_result {
    size_t struct_size; /**< set by the caller; CNN_EVALUATE_RESULT_INIT does */
    uint64_t count;     /**< samples */
    double loss;        /**< mean; NaN if the samples have no labels */
    double accuracy;    /**< share of right classes; NaN if the samples have no labels */
    double seconds;
    double penalty;     /**< what of `loss` the model's regularizers add; 0 without */
} cnn_evaluate_result;

#define CNN_EVALUATE_RESULT_INIT                   \
    {                                              \
        sizeof(cnn_evaluate_result), 0, 0, 0, 0, 0 \
    }

/**
 * Evaluates a model over one epoch of a loader, in inference mode. Where the
 * loader's pipeline makes several views of an image (ten_crop), a sample's
 * output is the mean of their probabilities (of a model that does not end in
 * probabilities, of its outputs), and loss and scores are those of the mean;
 * views are run in pieces of 64 or the loader's batch size. Such a loader holds
 * ten times the images: a batch of 8 to 32 samples is enough. Of several
 * outputs the first counts. Returns CNN_OK; CNN_ERROR_UNSUPPORTED if the model
 * has several inputs; CNN_ERROR_INVALID_ARGUMENT if an argument is NULL or the loader is in
 * CNN_BATCH_WRAP mode, which has no end; CNN_ERROR_STATE if the model is not
 * built; CNN_ERROR_MISMATCH if a class of the dataset is none of the model's (its
 * classes are found by their names: it may lack some, and have others' order);
 * CNN_ERROR_CANCELLED; and the statuses of loaders and sessions. Threads may share the model. Since 0.1.
 */
CNN_API cnn_status cnn_evaluate(cnn_model *model, const cnn_evaluate_options *options, cnn_evaluate_result *result);

/**
 * Predicts every sample of one epoch of a loader, in its order; over several
 * views of a sample the mean is taken as by cnn_evaluate().
 *
 * outputs   receives the model's outputs, [samples, outputs].
 * capacity  values there is room for: at least samples * outputs.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_UNSUPPORTED and CNN_ERROR_STATE as cnn_evaluate(),
 * CNN_ERROR_LIMIT if capacity is too
 * small, and the statuses of loaders and sessions. Since 0.1.
 */
CNN_API cnn_status cnn_predict(cnn_model *model, cnn_loader *loader, float *outputs, size_t capacity);

/* ---- checkpoints, for loops of one's own; cnn_fit() writes and reads the same files ---- */

/**
 * Saves a training: the model file's content and the optimizer's slots and steps,
 * the loader's position, what it reads and the history. `loader` and `history` may be NULL.
 * Returns as cnn_model_save(); CNN_ERROR_STATE if optimizer or history are those of another model;
 * CNN_ERROR_INVALID_ARGUMENT without path, session or optimizer. Since 0.1.
 */
CNN_API cnn_status cnn_checkpoint_save(const char *path, cnn_session *session, const cnn_optimizer *optimizer,
                                       const cnn_loader *loader, const cnn_history *history);

/**
 * Loads a checkpoint into a session of the same architecture, its optimizer and loader, and the history. `loader`
 * and `history` may be NULL. On failure nothing is changed. The optimizer must have the options that it was saved
 * with, except for the learning rate, which it gets. The loader must have the same classes in the same order; whatever
 * else has changed of the data (batch, number of samples, mode, seed, preprocessing) is told to the log as a warning,
 * and where the order of samples is another one, an epoch that was under way begins anew. Returns as cnn_model_load();
 * CNN_ERROR_MISMATCH if something does not fit, naming it; CNN_ERROR_STATE if the checkpoint is of a training before
 * its first step and the optimizer has taken steps already, or the optimizer is that of another model;
 * CNN_ERROR_INVALID_ARGUMENT without path, session or optimizer. Since 0.1.
 */
CNN_API cnn_status cnn_checkpoint_load(const char *path, cnn_session *session, cnn_optimizer *optimizer,
                                       cnn_loader *loader, cnn_history **history);

CNN_END_DECLS

#endif
