/* SPDX-License-Identifier: MIT */
/* What an optimizer is inside: a const descriptor of its kind, its numbers, and its slots, which are arrays of as
 * many values as the parameters that it trains have. A new optimizer is one file, one line in names.c and one in
 * meson.build. */
#ifndef CNN_OPTIMIZER_OPTIMIZER_H
#define CNN_OPTIMIZER_OPTIMIZER_H

#include <stddef.h>

#include <cnn/optimizer.h>

#include "core/params.h"

/* Of a rule; and with the slow weights of Lookahead. */
#define CNN__OPTIMIZER_RULE_SLOTS 4
#define CNN__OPTIMIZER_MAX_SLOTS (CNN__OPTIMIZER_RULE_SLOTS + 1)

typedef struct cnn__update_item cnn__update_item;

typedef struct cnn__optimizer_kind {
    const char *name; /* NULL: the caller's, see cnn_optimizer_kind */
    /* Completes what is the same for all parameters of step number `step`, from 1; NULL: nothing to do. */
    void (*prepare)(const cnn_optimizer *optimizer, uint64_t step, cnn_update_args *args);
    /* Updates one parameter; slots: optimizer->slots arrays of args->n values. NULL: the operation of the backend that
     * the args ask for. */
    cnn_status (*update)(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                         const cnn__update_item *item, const cnn_update_args *args, float *const *slots);
    /* Bytes of optimizer->scratch that updating this parameter takes, SIZE_MAX for too many; NULL: none. */
    size_t (*scratch)(const cnn_optimizer *optimizer, const cnn_backend_call *call, const cnn__update_item *item);
    void (*destroy)(cnn_optimizer *optimizer); /* NULL: nothing to do */
    const char *beta2_name;                    /* how its options call args.beta2; NULL: beta2 */
    /* For cnn_optimizer_create(): how the text looks, its params as fields of the option struct, and the struct. */
    const char *usage;
    const cnn__param *params;
    size_t options_size; /* at most CNN__OPTIMIZER_OPTIONS */
    cnn_status (*create)(cnn_context *context, const void *options, cnn_optimizer **optimizer);
} cnn__optimizer_kind;

#define CNN__OPTIMIZER_OPTIONS 128

extern const cnn__optimizer_kind cnn__optimizer_sgd, cnn__optimizer_rmsprop, cnn__optimizer_adam;
extern const cnn__optimizer_kind cnn__optimizer_adamw, cnn__optimizer_muon;
/* Names of sgd with a momentum: texts alone have them. */
extern const cnn__optimizer_kind cnn__optimizer_momentum, cnn__optimizer_nesterov;

/* Entries of a kind's params: a number of which 0 is 0, one whose 0 stands for a default, one below 1, a switch. */
#define CNN__OPTIMIZER_NUMBER(type, field)                               \
    {                                                                    \
#field, NULL, false, 0, FLT_MAX, 0, offsetof(type, field), false \
    }
#define CNN__OPTIMIZER_DEFAULTED(type, field)                              \
    {                                                                      \
#field, NULL, false, 0, FLT_MAX, NAN, offsetof(type, field), false \
    }
#define CNN__OPTIMIZER_SHARE(type, field, unset)                      \
    {                                                                 \
#field, NULL, false, 0, 1, unset, offsetof(type, field), true \
    }
#define CNN__OPTIMIZER_SWITCH(type, field)                        \
    {                                                             \
#field, NULL, true, 0, 1, 0, offsetof(type, field), false \
    }

/* Those that all built-in optimizers have, and the end of the table. */
#define CNN__OPTIMIZER_COMMON(type)                                                                 \
    CNN__OPTIMIZER_NUMBER(type, learning_rate),                                                     \
        {"convention", cnn__convention_names,      true, CNN_KERAS, CNN_TENSORFLOW1,                \
         CNN_KERAS,    offsetof(type, convention), false},                                          \
        CNN__OPTIMIZER_NUMBER(type, weight_decay), CNN__OPTIMIZER_SWITCH(type, decay_kernels_only), \
        CNN__OPTIMIZER_NUMBER(type, clip_norm), CNN__OPTIMIZER_NUMBER(type, clip_value),            \
    {                                                                                               \
        .name = NULL                                                                                \
    }

#define CNN__OPTIMIZER_COMMON_USAGE                                                                           \
    "learning_rate=X,convention=keras|pytorch|tensorflow1,weight_decay=X,decay_kernels_only=0|1,clip_norm=X," \
    "clip_value=X"

/* What holds for the parameters that a pattern means; NaN: what held before. */
typedef struct cnn__optimizer_group {
    char *pattern;
    float factor, weight_decay;
} cnn__optimizer_group;

/* What Muon has beside the common arguments. */
typedef struct cnn__muon {
    uint32_t iterations;
    float other_factor, other_momentum; /* of the parameters that are no filters */
    bool normalize;
} cnn__muon;

struct cnn_optimizer {
    cnn_context *context;
    const cnn__optimizer_kind *kind;
    cnn_update_args args; /* its numbers, which are those of every step; learning_rate is the current one */
    bool decay_kernels_only;
    float clip_norm;
    uint32_t slots;
    float initial[CNN__OPTIMIZER_MAX_SLOTS]; /* what the slots begin with */
    cnn_optimizer_kind custom;
    void *user; /* of custom */
    cnn__optimizer_group *groups;
    size_t group_count;
    cnn__muon muon;
    uint32_t lookahead_every; /* steps from one step of the slow weights to the next; 0: there are none */
    float lookahead_alpha;

    uint64_t steps;
    float *memory; /* `slots` arrays, each `stride` values after the one before, where the backend computes; NULL until
                      reserved */
    float *host;   /* the same on this side: `memory` itself, unless the backend owns its memory */
    size_t stride;
    size_t values; /* of a slot */
    void *scratch; /* for one parameter's update at a time, where the backend computes */
    size_t scratch_size;
    size_t *offsets,
        *held;         /* where in each slot a parameter is, CNN__NO_SLOT: nowhere; and its values. NULL: not known */
    size_t parameters; /* of the model, in both */
    const void *owner;
};

/* Slots that are the rule's: not the slow weights, which lie in the last. */
static inline uint32_t cnn__optimizer_rule_slots(const cnn_optimizer *optimizer)
{
    return optimizer->slots - (optimizer->lookahead_every > 0 ? 1 : 0);
}

/* The sum of x[i]^2, where the backend computes; 0 of no values. */
cnn_status cnn__sum_squares(const cnn_backend_call *call, const float *x, size_t n, double *sum);

/* The numbers that all built-in optimizers share, as their option structs give them (zero: default). */
typedef struct cnn__optimizer_common {
    float learning_rate;
    float weight_decay;
    int32_t decay_kernels_only;
    float clip_norm;
    float clip_value;
} cnn__optimizer_common;

/* One entry of a table of option checks: `value` must be finite, at least 0 and below `limit` (0: no limit). */
typedef struct cnn__number_check {
    const char *name;
    float value;
    float limit;
} cnn__number_check;

/* Returns CNN_ERROR_INVALID_ARGUMENT naming the first of `count` numbers that is out of its range. */
cnn_status cnn__optimizer_check(const cnn_context *context, const char *name, const cnn__number_check *checks,
                                size_t count);
/* The same for an option that is 0 or 1, and for one that is a cnn_convention. */
cnn_status cnn__optimizer_check_switch(const cnn_context *context, const char *name, const char *option, int32_t value);
cnn_status cnn__optimizer_check_convention(const cnn_context *context, const char *name, int32_t convention);

/* Sets *optimizer to NULL; CNN_ERROR_INVALID_ARGUMENT where there is no context or no place for the handle. */
cnn_status cnn__optimizer_begin(cnn_context *context, const char *name, cnn_optimizer **optimizer);

/* Allocates an optimizer of a kind with these common numbers, which it checks; its constructor sets the rest. */
cnn_status cnn__optimizer_new(cnn_context *context, const cnn__optimizer_kind *kind,
                              const cnn__optimizer_common *common, cnn_optimizer **optimizer);

/* ---- for lib/train ---- */

/* A parameter to be updated. */
struct cnn__update_item {
    size_t n;
    float *w;
    const float *g;
    bool decay_kernel;  /* a kernel: decayed also with decay_kernels_only */
    float factor;       /* of the learning rate */
    float weight_decay; /* a group's own; NaN: the optimizer's */
    size_t offset;      /* of its values in each slot; a multiple of 16 keeps them aligned */
    size_t filters;     /* of the kernel of a convolution, a matrix of n / filters rows and so many columns; 0: none */
    size_t parameter;   /* its number in the model */
    bool placed_now;    /* it had no slots until this step */
};

/* One step over all items. Allocates slots of `values` values each if that is still to be done, finds the norm
 * to clip by, counts the step and updates item by item. Until the first update nothing is changed by a failure. */
cnn_status cnn__optimizer_update(cnn_optimizer *optimizer, const cnn_backend_call *call, const cnn__update_item *items,
                                 size_t count, size_t values);

/* The sum over all items of their weight decay / 2 times the squares of their values. */
cnn_status cnn__optimizer_decay_penalty(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                                        const cnn__update_item *items, size_t count, double *penalty);

/* The groups in the order in which they were added: of two that mean a parameter the later one counts. */
size_t cnn__optimizer_groups(const cnn_optimizer *optimizer, const cnn__optimizer_group **groups);
void cnn__optimizer_free_groups(cnn_optimizer *optimizer);

/* ---- for checkpoints, in lib/train ---- */

/* Allocates the slots, `values` values each, and fills them with what they begin with. Does nothing if they have
 * that size already; CNN_ERROR_MISMATCH if they have another and steps were taken. */
cnn_status cnn__optimizer_reserve(cnn_optimizer *optimizer, size_t values);

/* No place in the slots: a parameter that was never trained. */
#define CNN__NO_SLOT SIZE_MAX

/* Has a place in the slots for each of the items, which are some of a model's `parameters`, and says where. What is new
 * begins as slots do; what others had, or these, is kept. CNN_ERROR_MISMATCH if there were places of another model. */
cnn_status cnn__optimizer_place(cnn_optimizer *optimizer, cnn__update_item *items, size_t count, size_t parameters);
/* Parameters of the model that has places; 0: none has. */
size_t cnn__optimizer_parameters(const cnn_optimizer *optimizer);
size_t cnn__optimizer_offset(const cnn_optimizer *optimizer, size_t parameter);
/* Fills all slots, on this side, with what they begin with. */
void cnn__optimizer_restart_slots(cnn_optimizer *optimizer);

/* Frees the slots and the scratch memory. */
void cnn__optimizer_release(cnn_optimizer *optimizer);

/* Number of slots, known from the start; values in each, 0 until they are reserved. */
uint32_t cnn__optimizer_slots(const cnn_optimizer *optimizer);
size_t cnn__optimizer_values(const cnn_optimizer *optimizer);

/* Between a slot as cnn__optimizer_slot() gives it and where the backend computes: before it is read, and after it was
 * written. */
cnn_status cnn__optimizer_take_slots(const cnn_optimizer *optimizer);
cnn_status cnn__optimizer_put_slots(const cnn_optimizer *optimizer);

/* Slot `slot` of cnn__optimizer_slots(), on this side; NULL until they are reserved. */
float *cnn__optimizer_slot(const cnn_optimizer *optimizer, uint32_t slot);

/* The options that an optimizer was made with, except the learning rate, by name; those that its kind does not have
 * are 0. */
#define CNN__OPTIMIZER_NUMBERS 16
/* From this one on they are those of few rules: files hold them where they are not 0. */
#define CNN__OPTIMIZER_COMMON_NUMBERS 10

typedef struct cnn__optimizer_number {
    const char *name;
    double value;
} cnn__optimizer_number;

void cnn__optimizer_numbers(const cnn_optimizer *optimizer, cnn__optimizer_number numbers[CNN__OPTIMIZER_NUMBERS]);

/* Lookahead: the slow weights of parameters that have their slots from this step on, which may be any in a period. */
cnn_status cnn__lookahead_place(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                                const cnn__update_item *items, size_t count);
/* Before a step the slow weights are taken, after it the others are set, where these are due. */
cnn_status cnn__lookahead_begin(const cnn_optimizer *optimizer, const cnn_backend_call *call,
                                const cnn__update_item *items, size_t count);
cnn_status cnn__lookahead_end(const cnn_optimizer *optimizer, const cnn_backend_call *call, uint64_t step,
                              const cnn__update_item *items, size_t count);
/* Reads "+lookahead:every=5,alpha=0.5" after the text of a rule, if it is there. */
cnn_status cnn__lookahead_read(cnn_optimizer *optimizer, cnn__param_reader *reader);

void cnn__optimizer_set_steps(cnn_optimizer *optimizer, uint64_t steps);

/* Whose parameters the slots belong to: compared, never dereferenced. NULL: nobody's yet. */
const void *cnn__optimizer_owner(const cnn_optimizer *optimizer);
void cnn__optimizer_set_owner(cnn_optimizer *optimizer, const void *owner);

#endif
