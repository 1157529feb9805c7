/* SPDX-License-Identifier: MIT */
/* What the parts of `cnn train` share. */
#ifndef CNN_TOOL_TRAIN_H
#define CNN_TOOL_TRAIN_H

#include "report_train.h"
#include "tool_curve.h"
#include "tool_keep.h"
#include "tool_log.h"
#include "tool_recipe.h"
#include "tool_spark.h"
#include "tool_tensorboard.h"

typedef struct train_settings {
    tool_common common;
    const char *data, *val, *out, *classes, *preprocess, *augment, *loss, *log, *resume, *init_from, *freeze, *on_error;
    const char *background, *groups, *head, *cut, *cache_features, *average, *find_lr, *teacher, *whiten;
    const char *mean, *pca, *tta, *curve, *curve_style, *values, *report, *tensorboard;
    const char *schedule, *metric, *last_batch, *class_weights, *prefix;
    const char *task, *label_columns, *group;
    double val_split, label_smoothing, mixup, cutmix, teacher_weight, temperature;
    tool_model_options model;
    tool_rule rule;
    const char *compress;
    uint64_t epochs, batch, limit, topk, patience, memory_limit, views, blocks;
    uint64_t accumulate, steps_per_epoch, validation_steps, eval_every;
    uint64_t folds, fold; /* 0 folds: no cross-validation; the fold at hand, from 0 */
    bool no_shuffle, sync_bn, ten_crop, in_memory, orient, replace, keep_epochs, no_penalties, balanced;
    bool training_mode;
} train_settings;

typedef struct train_run train_run;

struct train_run {
    tool *run;
    const train_settings *settings;
    const tool_recipe *recipe;
    tool_rule rule;
    uint32_t epochs, batch;
    char *last_path;
    tool_kept kept_out, kept_last; /* what lay there before */

    cnn_dataset *data, *validation_data;
    cnn_model *model, *teacher;
    char *augment;                   /* --augment, or the recipe's, and --pca; NULL: none */
    cnn_channel_statistics measured; /* over the training images; of 0 images: not measured */
    cnn_pipeline *preprocess;        /* of all images, but for ten crops */
    cnn_pipeline *training_steps;    /* may be the same */
    cnn_pipeline *evaluation;        /* of validation and prediction: may be the same, or has ten crops */
    const char *from;                /* the layer whose features were computed once; NULL: samples are images */
    cnn_dataset *features, *validation_features;
    cnn_loader *loader, *validation_loader;
    float *class_weights; /* of each class of the data; NULL: all 1 */
    cnn_loss *loss;
    cnn_optimizer *optimizer;
    cnn_schedule *schedule;       /* NULL: the learning rate stays as it is */
    cnn_evaluator *evaluators[6]; /* the metric that decides, those of the task, top k */
    size_t evaluator_count;
    cnn_history *history;
    /* Of a model that is trained further into its own file: its scores before the first step. */
    bool has_start;
    double start_score, start_loss, start_accuracy;

    /* Of the callbacks: */
    double begin, epoch_seconds; /* when the training began; how long the last epoch took */
    uint64_t validation_steps;   /* done in this epoch */
    uint64_t epochs_done;        /* in this run */
    int log_result, curve_result, keep_result, events_result;
    tool_events events;
    tool_log log;
    tool_curve curve;
    tool_spark spark;
    train_report report;
};

/* What single options cannot know of each other; and what several processes, once they are joined, cannot do. */
int tool_train_check_settings(tool *run, const train_settings *settings);
int tool_train_check_ranks(tool *run, const train_settings *settings);
/* Opens everything; what was opened is closed by tool_train_close(), also after a failure. */
int tool_train_open(train_run *train);
void tool_train_close(train_run *train);
/* Sets the preprocessing of the model and makes the steps of the training images, by --preprocess and --augment. */
int tool_train_set_steps(train_run *train);
/* Length of the steps at the beginning that the decoder does, with the comma after them. */
size_t tool_train_decoding_length(const char *steps);
/* Length of the steps before the first one that changes the scale of values. */
size_t tool_train_sizing_length(const char *steps);
/* The mean of the training images, "0.49/0.45/0.42"; malloc'ed. They are read once for this and for --pca. */
int tool_train_measure_mean(train_run *train, char **numbers);
/* Whether --mean, which may be NULL, is a file; and the numbers in it, as above. If it is not there they are measured,
 * and it is written. */
bool tool_train_is_mean_file(const char *mean);
int tool_train_mean_of_file(train_run *train, const char *path, char **numbers);
/* The step that --pca asks for, with its numbers; malloc'ed, NULL for none. */
int tool_train_measure_pca(train_run *train, char **step);
/* The loader of a dataset: of images with their steps, or of features without any. */
cnn_status tool_train_open_loader(train_run *train, const cnn_dataset *data, const cnn_pipeline *steps, bool training,
                                  cnn_loader **loader);
/* The same, of the images of any rank: shard 0 of 1 is all. */
cnn_status tool_train_open_shard(train_run *train, const cnn_dataset *data, const cnn_pipeline *steps, bool training,
                                 uint32_t shard, uint32_t shards, cnn_loader **loader);
/* --head: puts a new head on the model. */
int tool_train_set_head(train_run *train);
/* --cache-features and --views: runs what is frozen once, if that is what is wanted, and has loaders of its features in
 * place of those of images. */
int tool_train_cache_features(train_run *train);

/* ---- the files of a training ---- */

/* Names the checkpoint, and finds out what is wrong with the names of all files before anything is read. */
int tool_train_check_files(train_run *train);
/* The same for the files of the datasets, once these are open. */
int tool_train_check_data_files(train_run *train);
/* Keeps what lies under the names of the model and the checkpoint, and says so; or measures a model that is trained
 * further into its own file, to find out at the end which one is better. */
int tool_train_keep_files(train_run *train);
/* Whether the model that the training began with is at least as good as its best epoch. */
bool tool_train_start_is_best(const train_run *train);
/* After the training: of such a model and its best epoch the better one stays. */
int tool_train_settle_files(train_run *train);
/* Whether the model at --out is there, and of this training. */
bool tool_train_has_model(const train_run *train);

/* ---- what the images are ---- */

/* What is to be told of the images. */
cnn_task tool_train_task(const train_run *train);
/* Whether data, model and options go together. */
int tool_train_check_task(train_run *train);
/* The loss, unless there is one, and the scores. */
cnn_status tool_train_default_loss(train_run *train);
cnn_status tool_train_default_scores(train_run *train);
/* Takes an evaluator over; one whose name is there already is freed. */
void tool_train_add_evaluator(train_run *train, cnn_evaluator *evaluator);

/* The weights of the classes, by --class-weights. */
int tool_train_set_class_weights(train_run *train);
/* Whether what is told of the training images is what the last batch of an epoch gave, by --values or the recipe. */
bool tool_train_tells_batches(const train_run *train);
/* Whether the loss is told somewhere with the L2 term that weight decay stands for. */
bool tool_train_wants_penalty(const train_run *train);
/* Says what is about to happen. */
void tool_train_introduce(train_run *train);

/* --whiten, or the recipe's: whitens the layer, unless the weights come from elsewhere, and freezes its kernel. */
int tool_train_whiten(train_run *train);

/* Prints what the best epoch has, on standard output; `done`: the training reached its end. */
int tool_train_print_result(train_run *train, bool done);

/* --find-lr: looks for a learning rate in place of training. */
int tool_train_find_rate(train_run *train);

/* The training itself, once all is open; tells how it ended. */
int tool_train_fit(train_run *train);
/* For cnn_fit(). */
bool tool_train_on_evaluation(void *user, const cnn_progress *progress);
bool tool_train_on_step(void *user, const cnn_progress *progress);
bool tool_train_on_epoch(void *user, const cnn_progress *progress);

#endif
