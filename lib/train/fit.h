/* SPDX-License-Identifier: MIT */
/* A training under way: what fit.c's loop and fit_setup.c's preparation share. */
#ifndef CNN_TRAIN_FIT_H
#define CNN_TRAIN_FIT_H

#include "session/session.h"
#include "train/ranks.h"
#include "train/train.h"

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
    bool improved;                  /* the last epoch is the best so far */
    float *weights;                 /* of a batch's samples; NULL: all are 1 */
    cnn__ranks ranks;               /* that train together */
    uint64_t passes;                /* of the session, before those of a batch */
    float *moving;                  /* the statistics that layers keep, likewise; NULL alone */
    bool in_batch, passed;          /* a batch was read, and passes of it were begun; its step is not done */
    double saved_at;                /* when the checkpoint was written last, in seconds */
    bool best_saved, last_saved;    /* whether this call has written the file; the last one after the last epoch */
    size_t kept_epochs;             /* of the checkpoint that this call has written last; 0: none */
} cnn__fit;

/* Checks the options, completes model and options, makes sessions and history, and resumes. */
cnn_status cnn__fit_open(cnn__fit *fit, cnn_model *model, const cnn_fit_options *options);
/* Whether the best epoch's parameters are kept beside the last ones: the model is to end with them, or a training that
 * goes on from the checkpoint may have to write them. */
bool cnn__fit_keeps_best(const cnn__fit *fit);
void cnn__fit_close(cnn__fit *fit);

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
