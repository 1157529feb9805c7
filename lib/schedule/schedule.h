/* SPDX-License-Identifier: MIT */
/* What a schedule is inside: a const descriptor, one number for each of its parameters, and, for a plateau, where it
 * stands. schedule.c is the handle and knows the warm-up before it; a new kind is one file, one line in
 * schedule_text.c's table and one Meson line. */
#ifndef CNN_SCHEDULE_SCHEDULE_H
#define CNN_SCHEDULE_SCHEDULE_H

#include <cnn/schedule.h>

#include "core/params.h"

#define CNN__SCHEDULE_PARAMS 7

/* Of kinds that know no other pace. */
#define CNN__PACE_BY_STEP (-2)

/* Where a training is, as a kind sees it: after the warm-up. */
typedef struct cnn__schedule_point {
    double base;          /* rate */
    uint64_t epoch, step; /* of the training, as cnn_schedule_rate() was asked */
    double epochs;        /* since the kind began: whole, or with the epoch's fraction if its pace is by step */
    double length;        /* of the training, in the same; 0: not known */
} cnn__schedule_point;

/* Where a plateau stands. */
typedef struct cnn__plateau_state {
    double rate;
    bool any;    /* there is a best score */
    double best; /* of the epochs it has seen */
    uint64_t bad, cooldown;
} cnn__plateau_state;

typedef struct cnn__schedule_kind {
    const char *name;
    cnn__param params[CNN__SCHEDULE_PARAMS + 1];
    int pace; /* which of the parameters is the pace; -1: by epoch; CNN__PACE_BY_STEP */
    bool needs_length; /* without epochs of its own, its parameter 0, if that is named so, it needs the training's */
    /* The message if parameters do not fit together, with NaN for those not given; NULL if they do. */
    const char *(*check)(const double values[CNN__SCHEDULE_PARAMS]);
    double (*rate)(const cnn_schedule *schedule, const cnn__schedule_point *point);
    /* NULL: nothing to do. */
    void (*epoch_end)(cnn_schedule *schedule, const cnn_evaluator *evaluator, uint64_t epoch, double score);
} cnn__schedule_kind;

/* A kind and its numbers; NaN: not given, before cnn__schedule_part_check(). */
typedef struct cnn__schedule_part {
    const cnn__schedule_kind *kind; /* NULL: there is none */
    double values[CNN__SCHEDULE_PARAMS];
} cnn__schedule_part;

struct cnn_schedule {
    cnn_context *context;
    cnn__schedule_part warmup;
    cnn__schedule_part main;
    char *text;
    cnn_schedule_kind custom; /* of cnn__schedule_custom */
    void *user;               /* of custom */
    double custom_state[CNN_SCHEDULE_MAX_STATE];
    bool begun;
    double base;
    uint64_t steps_per_epoch, epochs;
    cnn__plateau_state plateau;
    char state[512];
};

extern const cnn__schedule_kind cnn__schedule_constant;
extern const cnn__schedule_kind cnn__schedule_step;
extern const cnn__schedule_kind cnn__schedule_exponential;
extern const cnn__schedule_kind cnn__schedule_cosine;
extern const cnn__schedule_kind cnn__schedule_linear;
extern const cnn__schedule_kind cnn__schedule_triangular;
extern const cnn__schedule_kind cnn__schedule_onecycle;
extern const cnn__schedule_kind cnn__schedule_warmup; /* stands only before others */
extern const cnn__schedule_kind cnn__schedule_plateau;
extern const cnn__schedule_kind cnn__schedule_custom; /* in no text */

/* Words of parameters named pace, by cnn_schedule_pace. */
extern const char *const cnn__schedule_paces[];

/* Parameters of the warm-up, for schedule.c. */
enum { CNN__WARMUP_STEPS, CNN__WARMUP_EPOCHS, CNN__WARMUP_START };

/* Steps that a warm-up takes; 0 without one. */
uint64_t cnn__schedule_warmup_steps(const cnn_schedule *schedule);
/* The share of the base rate in its step `step`. */
double cnn__schedule_warmup_share(const cnn_schedule *schedule, uint64_t step);

/* The number of an option struct's field in which 0 means that it is not given; NaN becomes infinite, which no range
 * has. */
double cnn__schedule_given(double value);

/* Checks ranges and fills in what is not given; CNN_ERROR_INVALID_ARGUMENT naming the parameter. Not to be done
 * twice: what was filled in looks as if it had been given. */
cnn_status cnn__schedule_part_check(cnn_context *context, cnn__schedule_part *part);

/* Makes a schedule of checked parts. The kind of `warmup` may be NULL. */
cnn_status cnn__schedule_new(cnn_context *context, const cnn__schedule_part *warmup, const cnn__schedule_part *main,
                             cnn_schedule **schedule);
/* Makes one without a warm-up of a part that is not checked yet. */
cnn_status cnn__schedule_make(cnn_context *context, cnn__schedule_part *main, cnn_schedule **schedule);
/* Sets *schedule to NULL; CNN_ERROR_INVALID_ARGUMENT where there is no context or no place for the handle. */
cnn_status cnn__schedule_begin_create(cnn_context *context, cnn_schedule **schedule);

/* The numbers of a custom rule as text, ",s0=BITS,s1=BITS", and back; false if one is missing. */
void cnn__schedule_write_custom(const cnn_schedule *schedule, char *text, size_t size);
bool cnn__schedule_read_custom(const cnn_schedule *schedule, const char *text, double state[CNN_SCHEDULE_MAX_STATE]);

/* The text of a schedule's parts, with what differs from its default; belongs to the caller, NULL without memory. */
char *cnn__schedule_format(const cnn_schedule *schedule);

/* Sets *value to that of "name=" in a text of such, separated by commas; false if it is not there. */
bool cnn__schedule_find(const char *text, const char *name, const char **value, const char **end);

#endif
