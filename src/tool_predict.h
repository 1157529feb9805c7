/* SPDX-License-Identifier: MIT */
/* What the parts of `cnn predict` share. */
#ifndef CNN_TOOL_PREDICT_H
#define CNN_TOOL_PREDICT_H

#include "tool_json.h"

typedef struct predict_run {
    tool *run;
    cnn_session *session;
    cnn_prediction *predictions;
    size_t room;  /* classes asked for */
    json_t *list; /* NULL without --json */
    size_t images, failures;
    bool several; /* more than one image could be meant */
    cnn_task task;
    const cnn_model *model;
    uint64_t topk; /* 0: not given */
    bool rejected; /* the image at hand is of no class, by the model's decision */
    size_t outputs;
    float *probabilities; /* [outputs]: of the image at hand, in their order */
    uint8_t *marks;       /* [outputs]: its labels */
} predict_run;

/* Predicts what an operand stands for, image by image; a failure is told and counted, and the others go on. */
void tool_predict_operand(predict_run *predictor, const char *operand);

/* Tells of the image at hand, of which there are `count` predictions: a line on stdout, or a row of the list. */
void tool_predict_tell(predict_run *predictor, const char *path, size_t count);

#endif
