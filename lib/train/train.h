/* SPDX-License-Identifier: MIT */
/* What fit, evaluate, predict and the checkpoints share. */
#ifndef CNN_TRAIN_TRAIN_H
#define CNN_TRAIN_TRAIN_H

#include <math.h>

#include <cnn/train.h>

#include "core/context.h"
#include "train/average.h"

/* An epoch that is under way, so that a checkpoint within it can be resumed. */
typedef struct cnn__running {
    uint64_t steps;               /* done in this epoch */
    uint64_t samples;             /* seen in this epoch */
    double loss_sum;              /* over samples */
    double penalty_sum;           /* over samples: what of loss_sum is penalties */
    double step_loss, step_score; /* of the last batch alone, as cnn_progress has them */
    double decay_penalty;         /* before the last step; NaN: not known */
} cnn__running;

/* Of an epoch that has not begun. */
#define CNN__RUNNING_INIT ((cnn__running){.step_loss = NAN, .step_score = NAN, .decay_penalty = NAN})

struct cnn_history {
    cnn_context *context;
    char **columns;
    size_t column_count, column_capacity;
    double *values; /* epochs x columns */
    size_t epochs, row_capacity;
    size_t best_epoch; /* SIZE_MAX: none */
    double best_score;
    float *best_values; /* the best epoch's parameters, by cnn__parameter.offset; NULL: not kept */
    size_t best_count;  /* values in it */
    cnn__running running;
    char *metric;           /* the evaluator whose score decides what is best; NULL: not known */
    char *running_scores;   /* what cnn__running_pack() made of the evaluators; NULL: nothing */
    char *schedule;         /* the text of the learning rate's schedule; NULL: none */
    char *schedule_state;   /* where it stands; NULL: none */
    cnn__average average;   /* of the parameters */
    uint64_t epoch_steps, accumulate; /* as cnn_fit_options has them; 0 where an epoch is a pass, a step a batch */
    char class_weights[40]; /* tells those of one training from those of another; "": none */
};

cnn_status cnn__history_create(cnn_context *context, cnn_history **history);
/* Adds a column; only before the first row. */
cnn_status cnn__history_add_column(cnn_history *history, const char *name);
/* Adds a row of NaN. */
cnn_status cnn__history_add_row(cnn_history *history);
/* Sets a value of the last row; the column exists. */
void cnn__history_set(cnn_history *history, const char *column, double value);
/* Remembers whose score decides what is best; the name is copied. */
cnn_status cnn__history_set_metric(cnn_history *history, const char *name);
/* Remembers where the schedule stands; the texts are copied. */
cnn_status cnn__history_set_schedule(cnn_history *history, const char *text, const char *state);
/* Remembers these parameters, or those of the model, as the best. */
cnn_status cnn__history_keep_best(cnn_history *history, const float *values, size_t count);
cnn_status cnn__history_keep_model(cnn_history *history, const cnn_model *model);

/* Keeps what the evaluators have counted in the epoch under way, and gives it back. Custom evaluators begin
 * anew: their state cannot be kept. */
cnn_status cnn__running_pack(cnn_history *history, cnn_evaluator *const *evaluators, size_t count);
cnn_status cnn__running_unpack(const cnn_history *history, cnn_evaluator *const *evaluators, size_t count);

/* The score of one batch alone; what the evaluator had counted is as before. NaN if it cannot be set aside: of the
 * caller's evaluators, or if it is too much. */
cnn_status cnn__score_alone(cnn_evaluator *evaluator, const cnn_evaluation *batch, double *score);

/* CNN_ERROR_NOT_FOUND if a group of the optimizer means no parameter of the model. */
cnn_status cnn__check_groups(const cnn_optimizer *optimizer, const cnn_model *model);

/* Whether the sessions of a training or an evaluation have penalties, by the caller's cnn_choice. */
static inline int32_t cnn__penalties(int32_t choice) { return choice == CNN_BY_DEFAULT ? CNN_YES : choice; }

/* A session that evaluates, kept from one epoch to the next. */
typedef struct cnn__evaluation_run {
    cnn_session *session;
    cnn_loader *loader;
    const cnn_loss *loss;
    cnn_evaluator *const *evaluators;
    size_t evaluator_count;
    cnn_progress_function on_step;
    void *user;
    int32_t *label_map;       /* the model's label of each of the dataset's; NULL: the same */
    int32_t *labels;          /* of a batch; NULL without label_map */
    struct cnn__ranks *ranks; /* that evaluate together */
    uint64_t steps;           /* batches, of as many passes as they make; 0: one pass */
} cnn__evaluation_run;

/* Fills label_map and labels; cnn__evaluate_labels_free() is needed after a failure too. `train` as below. */
cnn_status cnn__evaluate_labels(cnn__evaluation_run *run, const cnn_model *model, const cnn_dataset *train);
void cnn__evaluate_labels_free(cnn__evaluation_run *run, const cnn_model *model);

/* The batch of a session that evaluates this loader, its batches as a whole or (not 0) in so many blocks. */
uint32_t cnn__evaluation_batch(const cnn_loader *loader, uint32_t blocks);

/* CNN_ERROR_INVALID_ARGUMENT if the loader never comes to the end of an epoch. */
cnn_status cnn__check_ends(const cnn_context *context, const cnn_loader *loader);
/* CNN_ERROR_INVALID_ARGUMENT if one of them is NULL. */
cnn_status cnn__check_evaluators(const cnn_context *context, cnn_evaluator *const *evaluators, size_t count);

/* Runs one epoch of the loader through the session. */
cnn_status cnn__evaluate_run(const cnn__evaluation_run *run, cnn_evaluate_result *result);

/* The loss that suits a model and data where none is given; the caller frees it. Of data with target values none does:
 * CNN_ERROR_INVALID_ARGUMENT. */
cnn_status cnn__default_loss(const cnn_model *model, const cnn_loader *loader, cnn_loss **loss);

/* What a batch asks of the outputs: its targets if it has some, else labels; with these weights. */
static inline cnn_target cnn__batch_target(const cnn_batch *batch, const int32_t *labels, const float *weights)
{
    return (cnn_target){.struct_size = sizeof(cnn_target),
                        .labels = batch->targets == NULL ? labels : NULL,
                        .values = batch->targets,
                        .weights = weights};
}

/* CNN_ERROR_MISMATCH if the loader's samples have another number of targets than the model has outputs. */
cnn_status cnn__check_targets(const cnn_model *model, const cnn_loader *loader);

size_t cnn__output_values(const cnn_model *model);

/* Whether a model without class names takes those of the dataset that it is trained on. */
bool cnn__adopts_classes(const cnn_model *model, const cnn_dataset *dataset);

/* The model's label of each of the dataset's classes, by name: a dataset for evaluation may lack classes, and may have
 * them in another order. *map is NULL where they are the same, else the caller's (cnn__free). A model without names has
 * those of `train` that it will adopt; without either (`train` may be NULL) labels are taken as they are.
 * CNN_ERROR_MISMATCH names a class that the model does not know. */
cnn_status cnn__label_map(const cnn_model *model, const cnn_dataset *train, const cnn_dataset *dataset, int32_t **map);

/* CNN_ERROR_MISMATCH if the model is known to tell something else than the samples are. */
cnn_status cnn__check_task_fits(const cnn_model *model, const cnn_dataset *dataset);

/* CNN_ERROR_MISMATCH if model and dataset both have class names and these differ, or the counts cannot fit. */
cnn_status cnn__check_classes(const cnn_model *model, const cnn_dataset *dataset);

/* CNN_ERROR_SHAPE if the loader's samples are not what the model reads, or what the layer `from` makes (NULL: the
 * input); CNN_ERROR_NOT_FOUND. */
cnn_status cnn__check_shape(const cnn_model *model, const char *from, const cnn_loader *loader);

#endif
