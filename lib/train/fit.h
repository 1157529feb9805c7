/* SPDX-License-Identifier: MIT */
/* A training under way: what fit.c's loop shares with the preparation (fit_setup.c, fit_resume.c, fit_adopt.c) and the
 * steps. */
#ifndef CNN_TRAIN_FIT_H
#define CNN_TRAIN_FIT_H

#include "session/session.h"
#include "train/ranks.h"
#include "train/train.h"

/* The gradients of the batches of a step that is under way. */
typedef struct cnn__accumulator {
    float *memory; /* their mean, by cnn__parameter.offset, where the backend computes; NULL: steps are of one batch */
    size_t bytes;
    size_t samples; /* in it */
} cnn__accumulator;

/* Targets that are not what the data say, and images mixed with others: each with the sample before it in the whole
 * batch, which for the first of a rank's share is another rank's. */
typedef struct cnn__mix {
    bool active;
    size_t outputs;
    float *targets, *mixed; /* [share + 1, outputs]: smoothed, that of the sample before the first one last; mixed */
    int32_t *labels;        /* of the larger share */
    float *images;          /* NULL: not mixed */
    float *weights;
    struct cnn__edge *own, *before; /* the last sample of this share, and of the one before it */
    size_t edge_size;               /* bytes of each */
} cnn__mix;

/* What the passes of a batch are of: as it was read, or smoothed and mixed. */
typedef struct cnn__passed {
    cnn_batch batch;
    cnn_target target;
    size_t target_count; /* of target.values, for each sample */
} cnn__passed;

typedef struct cnn__fit {
    cnn_context *context;
    cnn_model *model;
    cnn_fit_options options; /* complete: loss and evaluators are set */
    cnn_loss *own_loss;      /* made because the caller gave none */
    cnn_evaluator *own_evaluator;
    cnn_session *session;           /* for training */
    cnn__evaluation_run validation; /* its session is NULL without validation */
    cnn_history *history;
    cnn_evaluator *best;            /* the evaluator that decides */
    double epoch_begin, wait_begin; /* seconds */
    uint64_t epoch_samples;         /* of this epoch's steps since epoch_begin */
    double score;                   /* of the last epoch, that decides what is best */
    bool improved;                  /* the last epoch is the best so far */
    uint64_t validated;             /* the epoch, from 0, of the validation under way */
    uint64_t steps;                 /* in an epoch, as far as that is known */
    bool counted_steps;             /* an epoch ends after so many, wherever the loader is */
    bool ended;                     /* a step has come upon the end of the epoch */
    cnn__accumulator accumulator;
    cnn__mix mix;
    cnn_session *teacher;        /* NULL: none */
    float *weights;              /* of a batch's samples; NULL: all are 1 */
    cnn__ranks ranks;            /* that train together */
    uint64_t passes;             /* of the session, before those of a batch */
    float *moving;               /* the statistics that layers keep, likewise; NULL alone */
    bool in_step, passed;        /* a batch was read, and passes of it were begun; the step is not done */
    uint64_t step_position;      /* of the loader, before the first batch of that step */
    uint64_t step_passes;        /* of the session, likewise */
    float *step_moving;          /* and the statistics; NULL alone */
    cnn__running step_running;   /* what was counted before it */
    double saved_at;             /* when the checkpoint was written last, in seconds */
    bool best_saved, last_saved; /* whether this call has written the file; the last one after the last epoch */
    size_t kept_epochs;          /* of the checkpoint that this call has written last; 0: none */
} cnn__fit;

/* Checks the options, completes model and options, makes sessions and history, and resumes. */
cnn_status cnn__fit_open(cnn__fit *fit, cnn_model *model, const cnn_fit_options *options);
/* Whether the best epoch's parameters are kept beside the last ones: the model is to end with them, or a training that
 * goes on from the checkpoint may have to write them. */
bool cnn__fit_keeps_best(const cnn__fit *fit);
void cnn__fit_close(cnn__fit *fit);
/* Begins the schedule, and goes on from resume_path if there is one: sessions and history are made. What does not fit
 * changes nothing. */
cnn_status cnn__fit_resume(cnn__fit *fit);
/* Gives the model what it does not know yet of the data: task, class names and preprocessing. */
cnn_status cnn__fit_adopt(cnn__fit *fit);

/* Room for the gradients of several batches. */
cnn_status cnn__accumulator_create(cnn__accumulator *accumulator, const cnn_session *session);
void cnn__accumulator_free(cnn__accumulator *accumulator, cnn_context *context);
/* After a backward pass over so many samples: the session's gradients become the mean over those of all samples since
 * the step began. With `more` they are kept for the next batch. */
cnn_status cnn__accumulate(cnn__accumulator *accumulator, cnn_session *session, size_t samples, bool more);

/* Whether an epoch ends with what was delivered last, which belongs to its step number `steps`. */
bool cnn__fit_is_last_step(const cnn__fit *fit, uint64_t steps);
/* Reads a batch, as all ranks do; the ranks' `whole` is 0 at the end of an epoch. *stop as cnn__ranks_load() has it. */
cnn_status cnn__fit_load(cnn__fit *fit, cnn_batch *batch, bool *stop);
/* The passes of a batch that was read, and of those that go with it in one step, and the update. */
cnn_status cnn__fit_step(cnn__fit *fit, cnn_batch *batch);

/* Writes the checkpoint, if there is to be one. */
cnn_status cnn__fit_save_last(cnn__fit *fit);
/* Writes the model file, whose parameters may be others than the model now has; NULL: these, or the averages. */
cnn_status cnn__fit_save_best(cnn__fit *fit, const float *values);
/* A training that goes on under a new name has its best model there from the start, whatever becomes of it. A file
 * that is there already is left alone until it is known to be needed: it may be of an epoch after the checkpoint. */
cnn_status cnn__fit_save_best_so_far(cnn__fit *fit);
/* A training that ends well leaves both files, and what is in them is its own: also if it was resumed under new names,
 * if no epoch was better than the checkpoint's best one, or if there was nothing left to do. */
cnn_status cnn__fit_leave_files(cnn__fit *fit);

/* A validation. In training behaviour its random numbers are its own, told by the steps done, and the statistics that
 * it moves are put back. */
cnn_status cnn__fit_evaluate(cnn__fit *fit, cnn_evaluate_result *result);

/* label_smoothing, mixup and cutmix: checks them and makes room; then changes what a batch is, and its target. All
 * ranks call it together; one that fails has given the others what they need. */
cnn_status cnn__mix_create(cnn__fit *fit);
void cnn__mix_free(cnn__fit *fit);
cnn_status cnn__mix_batch(cnn__fit *fit, cnn__passed *passed);

/* The teacher: checks it and makes its session; then, after the loss of the session's samples, whose images these are,
 * its part of loss and gradient. */
cnn_status cnn__distill_create(cnn__fit *fit);
cnn_status cnn__distill_batch(cnn__fit *fit, const float *images, const float *weights, double *loss);

/* Checks class_weights and makes room for those of a batch. */
cnn_status cnn__fit_weights(cnn__fit *fit);
/* The weights of a batch's samples; NULL: all are 1. */
const float *cnn__fit_batch_weights(cnn__fit *fit, const cnn_batch *batch);
/* Says how many samples each class has, and warns of very uneven ones. */
void cnn__fit_tell_classes(const cnn__fit *fit);

/* The failure of a training that cannot go on, with what is known of it; what was saved before stays. */
cnn_status cnn__fit_not_finite(const cnn__fit *fit, uint64_t step, const char *what, const char *where);

/* Makes the session a rank's, after it was created. */
cnn_status cnn__fit_join(cnn__fit *fit);
/* Forward, loss and backward of a batch that was read: gradients, *loss and *whole are then those of all ranks'
 * samples. */
cnn_status cnn__fit_pass(cnn__fit *fit, const cnn_batch *batch, cnn__samples *whole, double *loss, double *penalty);

/* Where other ranks are gone in the midst of a step: takes back what there is of it. */
cnn_status cnn__fit_undo(cnn__fit *fit);

/* The progress function of the validation: hands the caller's on_step the training's progress, with step 0. */
bool cnn__fit_validation_step(void *user, const cnn_progress *validation);

#endif
