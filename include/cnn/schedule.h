/* SPDX-License-Identifier: MIT */
/** Schedules: how the learning rate changes while a model is trained. */
#ifndef CNN_SCHEDULE_H
#define CNN_SCHEDULE_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/evaluator.h>

CNN_BEGIN_DECLS

/**
 * Gives the learning rate of each step. Hand it to cnn_fit(), which does the
 * rest, or use it in a loop of one's own:
 *
 *     cnn_schedule_begin(schedule, 0.01, steps, epochs);
 *     for each epoch, from 0
 *         for each step, from 0
 *             cnn_optimizer_set_learning_rate(optimizer, (float)cnn_schedule_rate(schedule, epoch, step));
 *             ...
 *         cnn_schedule_epoch_end(schedule, evaluator, epoch, score);
 *
 * A handle serves one training at a time, and one thread at a time uses it.
 */
typedef struct cnn_schedule cnn_schedule;

/** When a rate changes; see the option structs. */
typedef enum cnn_schedule_pace {
    CNN_PER_EPOCH = 0, /**< with each epoch, as most training loops drive PyTorch's schedulers */
    CNN_PER_STEP = 1   /**< with each step: an epoch's fraction counts */
} cnn_schedule_pace;

/** Options of cnn_step_schedule_create(); write them with CNN_STEP_SCHEDULE(). */
typedef struct cnn_step_schedule_options {
    size_t struct_size;
    uint32_t every; /**< epochs between two changes; required */
    double gamma;   /**< what the rate is multiplied by; 0: 0.1 */
} cnn_step_schedule_options;

#define CNN_STEP_SCHEDULE(...) CNN_OPTIONS(cnn_step_schedule_options, __VA_ARGS__)

/**
 * The rate times `gamma` every `every` epochs: base gamma^floor(epoch / every), PyTorch's StepLR.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT (naming the option), CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_step_schedule_create(cnn_context *context, const cnn_step_schedule_options *options,
                                            cnn_schedule **schedule);

/** Options of cnn_exponential_schedule_create(); write them with CNN_EXPONENTIAL_SCHEDULE(). */
typedef struct cnn_exponential_schedule_options {
    size_t struct_size;
    double gamma;   /**< what the rate is multiplied by in `every` epochs; required */
    uint32_t every; /**< epochs; 0: 1 */
    int32_t pace;   /**< a cnn_schedule_pace */
} cnn_exponential_schedule_options;

#define CNN_EXPONENTIAL_SCHEDULE(...) CNN_OPTIONS(cnn_exponential_schedule_options, __VA_ARGS__)

/**
 * The rate falls exponentially: base gamma^(epoch / every), PyTorch's ExponentialLR with `every` 1. With CNN_PER_STEP
 * it is TensorFlow's exponential_decay, whose decay_steps are the steps of `every` epochs.
 * Statuses as cnn_step_schedule_create(). Since 0.1.
 */
CNN_API cnn_status cnn_exponential_schedule_create(cnn_context *context,
                                                   const cnn_exponential_schedule_options *options,
                                                   cnn_schedule **schedule);

/** Options of cnn_cosine_schedule_create(); write them with CNN_COSINE_SCHEDULE(). */
typedef struct cnn_cosine_schedule_options {
    size_t struct_size;
    uint32_t epochs; /**< until the minimum is reached; 0: those of the training that a warm-up leaves */
    double minimum;  /**< rate at the end and ever after */
    int32_t pace;    /**< a cnn_schedule_pace */
} cnn_cosine_schedule_options;

#define CNN_COSINE_SCHEDULE(...) CNN_OPTIONS(cnn_cosine_schedule_options, __VA_ARGS__)

/**
 * Half a cosine from the base rate down to the minimum: minimum + (base - minimum) (1 + cos(pi t / epochs)) / 2 after
 * t epochs (Loshchilov and Hutter 2017), PyTorch's CosineAnnealingLR up to `epochs`; then it stays at the minimum. A
 * minimum above the base rate is taken for it. Statuses as cnn_step_schedule_create(). Since 0.1.
 */
CNN_API cnn_status cnn_cosine_schedule_create(cnn_context *context, const cnn_cosine_schedule_options *options,
                                              cnn_schedule **schedule);

/** Options of cnn_warmup_schedule_create(); write them with CNN_WARMUP_SCHEDULE(). */
typedef struct cnn_warmup_schedule_options {
    size_t struct_size;
    uint64_t steps;  /**< length in steps; either this or `epochs` is given */
    uint32_t epochs; /**< length in epochs */
    double start;    /**< share of the base rate in the first step; 0: 1 / (steps + 1), so that all steps are of one
                          height */
    const cnn_schedule *next; /**< what follows; it is copied. NULL: the base rate */
} cnn_warmup_schedule_options;

#define CNN_WARMUP_SCHEDULE(...) CNN_OPTIONS(cnn_warmup_schedule_options, __VA_ARGS__)

/**
 * A linear warm-up before another schedule: in step t from 0, base (start + (1 - start) t / steps), PyTorch's
 * LinearLR; from t = steps on the other schedule, which then begins: its steps count from there, and its epochs from
 * the epoch in which that is. A plateau does not see the scores of epochs that end within the warm-up. `next` may not
 * have a warm-up itself. Statuses as cnn_step_schedule_create(). Since 0.1.
 */
CNN_API cnn_status cnn_warmup_schedule_create(cnn_context *context, const cnn_warmup_schedule_options *options,
                                              cnn_schedule **schedule);

/** Options of cnn_linear_schedule_create(); write them with CNN_LINEAR_SCHEDULE(). */
typedef struct cnn_linear_schedule_options {
    size_t struct_size;
    uint32_t epochs; /**< until the end is reached; 0: those of the training that a warm-up leaves */
    double end;      /**< share of the base rate there and ever after */
    int32_t pace;    /**< a cnn_schedule_pace */
} cnn_linear_schedule_options;

#define CNN_LINEAR_SCHEDULE(...) CNN_OPTIONS(cnn_linear_schedule_options, __VA_ARGS__)

/**
 * Along a line from the base rate to a share of it: base (1 + (end - 1) t / epochs) after t epochs, PyTorch's LinearLR
 * from 1 to `end`. Statuses as cnn_step_schedule_create(). Since 0.1.
 */
CNN_API cnn_status cnn_linear_schedule_create(cnn_context *context, const cnn_linear_schedule_options *options,
                                              cnn_schedule **schedule);

/** Options of cnn_triangular_schedule_create(); write them with CNN_TRIANGULAR_SCHEDULE(). */
typedef struct cnn_triangular_schedule_options {
    size_t struct_size;
    double peak;  /**< share of all steps after which the base rate is reached, between 0 and 1; 0: 0.3 */
    double start; /**< share of the base rate in the first step; 0: 0 */
    double end;   /**< share of the base rate after the last step; 0: 0 */
} cnn_triangular_schedule_options;

#define CNN_TRIANGULAR_SCHEDULE(...) CNN_OPTIONS(cnn_triangular_schedule_options, __VA_ARGS__)

/**
 * Up a line to the base rate and down another, step by step: with t the share of the training's steps that are done,
 * base times what lies at t on the lines through (0, start), (peak, 1) and (1, end), as the recipes for CIFAR-10 in
 * minutes have it. The training must say how many epochs it has. Statuses as cnn_step_schedule_create(). Since 0.1.
 */
CNN_API cnn_status cnn_triangular_schedule_create(cnn_context *context, const cnn_triangular_schedule_options *options,
                                                  cnn_schedule **schedule);

/** Options of cnn_onecycle_schedule_create(); write them with CNN_ONECYCLE_SCHEDULE(). */
typedef struct cnn_onecycle_schedule_options {
    size_t struct_size;
    double peak;      /**< share of the steps that rise (PyTorch's pct_start), below 1; 0: 0.3 */
    double div;       /**< the first rate is the base rate divided by it; 0: 25 */
    double final_div; /**< the last rate is the first divided by it; 0: 10000 */
    int32_t linear;   /**< 1: along lines; 0: along half cosines */
} cnn_onecycle_schedule_options;

#define CNN_ONECYCLE_SCHEDULE(...) CNN_OPTIONS(cnn_onecycle_schedule_options, __VA_ARGS__)

/**
 * The one-cycle policy (Smith and Topin 2018) as PyTorch's OneCycleLR with the base rate as max_lr: up to it, then down
 * far below where it began, reached in the training's last step. The momentum stays. The training must say how many
 * epochs it has. Statuses as cnn_step_schedule_create(). Since 0.1.
 */
CNN_API cnn_status cnn_onecycle_schedule_create(cnn_context *context, const cnn_onecycle_schedule_options *options,
                                                cnn_schedule **schedule);

/** Whose definition of a plateau is meant. An epoch is bad if its score is not better than the best before it. */
typedef enum cnn_plateau_form {
    /** Better as cnn_evaluator_is_better() says. When more than `patience` epochs in a row were bad, the rate is cut if
        that changes it by more than `eps`, and the count begins anew either way. */
    CNN_PLATEAU_SIMPLE = 0,
    /** PyTorch's ReduceLROnPlateau: better by the relative `threshold`: score < best (1 - threshold), or score > best
        (1 + threshold) for CNN_SCORE_MAX, for negative scores too. Cut as above, not below `minimum`; bad epochs are
        not counted in the `cooldown` epochs after a cut. */
    CNN_PLATEAU_PYTORCH = 1,
    /** Keras's ReduceLROnPlateau: better by the absolute `threshold` (its min_delta). Cut with the `patience`-th bad
        epoch in a row, one earlier than the others, as long as the rate is above `minimum`; then `cooldown` epochs. */
    CNN_PLATEAU_KERAS = 2
} cnn_plateau_form;

/** Options of cnn_plateau_schedule_create(); write them with CNN_PLATEAU_SCHEDULE(). */
typedef struct cnn_plateau_schedule_options {
    size_t struct_size;
    int32_t form;      /**< a cnn_plateau_form */
    int32_t patience;  /**< bad epochs, see there; 0: 10; -1: none */
    double factor;     /**< what the rate is multiplied by, below 1; 0: 0.1 */
    double threshold;  /**< PyTorch: relative, Keras: absolute; 0: 1e-4; -1: none. Not in the simple form */
    uint32_t cooldown; /**< epochs after a cut; PyTorch and Keras */
    double minimum;    /**< lowest rate; PyTorch and Keras */
    double eps;        /**< least change of the rate; 0: 1e-8. Not in Keras's form */
} cnn_plateau_schedule_options;

#define CNN_PLATEAU_SCHEDULE(...) CNN_OPTIONS(cnn_plateau_schedule_options, __VA_ARGS__)

/**
 * Cuts the rate when the score stays where it is. In cnn_fit() the score is that of the first evaluator: of the
 * validation, or of the training without one. Statuses as cnn_step_schedule_create(); an option that the form does not
 * have is an invalid argument. Since 0.1.
 */
CNN_API cnn_status cnn_plateau_schedule_create(cnn_context *context, const cnn_plateau_schedule_options *options,
                                               cnn_schedule **schedule);

/**
 * A schedule from text, with the options by name:
 *
 *     constant
 *     step:every=10,gamma=0.5
 *     exponential:gamma=0.95,every=1,pace=epoch          pace: epoch, step
 *     cosine:epochs=90,minimum=1e-5,pace=step
 *     linear:end=0.1,epochs=10,pace=step
 *     triangular:peak=0.2,start=0.2,end=0.05             rises, then falls, step by step
 *     onecycle:peak=0.3,div=25,final_div=10000,anneal=cos   anneal: cos, linear
 *     plateau:form=simple,patience=30,factor=0.1,eps=1e-8
 *     plateau:pytorch,patience=5,threshold=0.01,cooldown=2,minimum=1e-6
 *     warmup:steps=500,start=0.01+cosine                 also warmup:epochs=5+...
 *
 * Options that are left out have the defaults of the structs above; a 0 that is written is a 0, also for patience and
 * threshold. Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT saying where; CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_schedule_create(cnn_context *context, const char *text, cnn_schedule **schedule);

/** Most numbers that a custom schedule keeps. */
#define CNN_SCHEDULE_MAX_STATE 8

/** Where a training is, as a custom schedule sees it. */
typedef struct cnn_schedule_moment {
    size_t struct_size;
    double base;              /**< the rate that cnn_schedule_begin() was given */
    uint64_t epoch, step;     /**< from 0; the step within the epoch */
    uint64_t steps_per_epoch; /**< at least 1 */
    uint64_t epochs;          /**< of the whole training; 0: not known */
    const double *state;      /**< the kind's `states` numbers; NULL without */
} cnn_schedule_moment;

/** A custom rule for the learning rate. */
typedef struct cnn_schedule_kind {
    size_t struct_size;
    const char *name; /**< its text, which a resumed training must have too: put the rule's numbers into it, if they can
                           differ. Up to 64 characters, copied */
    uint32_t states;  /**< numbers that the rule keeps from epoch to epoch, 0 to CNN_SCHEDULE_MAX_STATE; they begin at 0
                           and are part of checkpoints */
    uint32_t reserved;
    /** The rate of a step, finite and at least 0. Required. Must depend on its arguments alone, so that a resumed
        training has the same rates. */
    double (*rate)(void *user, const cnn_schedule_moment *moment);
    /** After an epoch: may change the numbers in `state`. NULL: nothing to do. */
    void (*epoch_end)(void *user, const cnn_evaluator *evaluator, uint64_t epoch, double score, double *state);
    void (*destroy)(void *user); /**< called by cnn_schedule_free(); may be NULL */
} cnn_schedule_kind;

/**
 * A schedule by a custom rule. `kind` is copied; `user` is handed to its functions and destroyed with the schedule, but
 * not if this call fails. It cannot stand after a warm-up: its rule has the beginning, too.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_schedule_create_custom(cnn_context *context, const cnn_schedule_kind *kind, void *user,
                                              cnn_schedule **schedule);

/** Frees the schedule; NULL is allowed. Since 0.1. */
CNN_API void cnn_schedule_free(cnn_schedule *schedule);

/** The schedule as text, which cnn_schedule_create() takes, with the options that are not their defaults; the same for
    schedules that do the same. Valid as long as the schedule. Since 0.1. */
CNN_API const char *cnn_schedule_text(const cnn_schedule *schedule);

/**
 * Begins a training, and forgets one before it.
 *
 * learning_rate    the base rate, from 0 on.
 * steps_per_epoch  at least 1.
 * epochs           of the whole training; 0 if that is not known: then a cosine needs epochs of its own.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT. Since 0.1.
 */
CNN_API cnn_status cnn_schedule_begin(cnn_schedule *schedule, double learning_rate, uint64_t steps_per_epoch,
                                      uint64_t epochs);

/** The learning rate of a step; epochs count from 0, steps from 0 within the epoch. NaN before cnn_schedule_begin(),
    and if a custom rule's is negative or not finite: cnn_fit() then fails with CNN_ERROR_INVALID_ARGUMENT.
    Since 0.1. */
CNN_API double cnn_schedule_rate(const cnn_schedule *schedule, uint64_t epoch, uint64_t step);

/**
 * Tells a plateau the score of an epoch, counted from 0; other schedules need no call. A score that is NaN is not
 * better.
 *
 * evaluator  says which scores are better; its own counts do not matter.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_STATE before cnn_schedule_begin(). Since 0.1.
 */
CNN_API cnn_status cnn_schedule_epoch_end(cnn_schedule *schedule, const cnn_evaluator *evaluator, uint64_t epoch,
                                          double score);

/** Where the schedule stands, as text: base rate, rate, best score and counts. Keep it in a checkpoint of one's own;
    those of cnn_fit() hold it. "" before cnn_schedule_begin(). Valid until the next call with this schedule.
    Since 0.1. */
CNN_API const char *cnn_schedule_state(cnn_schedule *schedule);

/**
 * Takes such a text back, after cnn_schedule_begin(): the rates that follow are those that would have followed then.
 * Returns CNN_OK; CNN_ERROR_STATE before cnn_schedule_begin(); CNN_ERROR_FORMAT if it is no such text, and then nothing
 * is changed. Since 0.1.
 */
CNN_API cnn_status cnn_schedule_set_state(cnn_schedule *schedule, const char *state);

CNN_END_DECLS

#endif
