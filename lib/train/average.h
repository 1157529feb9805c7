/* SPDX-License-Identifier: MIT */
/* Averages of the parameters over a training: of all steps with weights that fade (EMA), of the epochs from one on
 * (SWA), of the last few epochs. */
#ifndef CNN_TRAIN_AVERAGE_H
#define CNN_TRAIN_AVERAGE_H

#include <cnn/loader.h>
#include <cnn/model.h>

#include "core/context.h"

struct cnn__ranks;

/* Most epochs whose parameters are kept at the same time. */
#define CNN__AVERAGE_MOST 16

typedef enum cnn__average_kind {
    CNN__AVERAGE_NONE,
    CNN__AVERAGE_EMA,
    CNN__AVERAGE_SWA,
    CNN__AVERAGE_LAST
} cnn__average_kind;

typedef struct cnn__average {
    char *text; /* canonical; NULL: there is none */
    cnn__average_kind kind;
    double decay;                   /* of EMA */
    uint64_t start;                 /* epochs before it begins */
    uint64_t count;                 /* of LAST: epochs */
    uint64_t taken;                 /* steps or epochs in it; 0: there are no averages yet */
    float *values;                  /* the averages, by cnn__parameter.offset */
    float *own;                     /* the model's parameters while it has the averages */
    float *last[CNN__AVERAGE_MOST]; /* of LAST, the oldest first; NULL after the last */
} cnn__average;

/* Reads the text, NULL: none, and makes room for a model's parameters. Of a training of so many epochs. */
cnn_status cnn__average_create(cnn__average *average, cnn_model *model, const char *text, uint64_t epochs);
void cnn__average_free(cnn__average *average, cnn_context *context);

/* Takes the parameters in after a step, in the epoch number `epoch` from 0. */
void cnn__average_step(cnn__average *average, const cnn_model *model, uint64_t epoch);
/* The same after an epoch, once for each; the loader gives what normalisations are to see of SWA's. All ranks call it
 * together. */
cnn_status cnn__average_epoch(cnn__average *average, cnn_model *model, uint64_t epoch, cnn_loader *loader,
                              const char *from, struct cnn__ranks *ranks);

/* Whether there are averages. */
static inline bool cnn__average_any(const cnn__average *average) { return average->taken > 0; }
/* How many epochs' parameters are kept. */
static inline uint64_t cnn__average_kept(const cnn__average *average)
{
    return average->taken < average->count ? average->taken : average->count;
}
/* Gives the model the averages, if there are any, and its own parameters back. */
void cnn__average_enter(cnn__average *average, cnn_model *model);
void cnn__average_leave(const cnn__average *average, cnn_model *model);

/* Sets the running statistics of a model's normalisations to the mean of those of a loader's batches, as many as an
 * epoch has, from the first on; the loader is then where it was. Of several ranks each has its share of the batches,
 * and the means are those of all; NULL: there are no others. */
cnn_status cnn__update_statistics(cnn_model *model, cnn_loader *loader, const char *from, struct cnn__ranks *ranks);

#endif
