/* SPDX-License-Identifier: MIT */
/* A session: a program with its memory. */
#ifndef CNN_SESSION_SESSION_H
#define CNN_SESSION_SESSION_H

#include <cnn/trace.h>

#include "session/plan.h"
#include "session/prepared.h"
#include "session/program.h"

struct cnn_session {
    cnn_context *context;
    cnn_model *model;
    cnn__program program;
    cnn__plan plan;
    uint32_t batch, threads;
    bool training;            /* behaviour; the gradients that there are, the program says */
    char *memory;             /* the plan's block, where the backend computes: see session/memory.h */
    char *host;               /* that block on this side; the same where the backend owns no memory */
    float *gradients;         /* of the parameters, where the program says; NULL: none are computed */
    float *host_gradients;    /* `gradients` on this side */
    float *parameters;        /* a copy of the model's where the backend computes; NULL: it reads the model's own */
    void **input_memory;      /* for inputs; NULL where the caller's are read */
    unsigned long seen;       /* version of the model's values that `parameters` holds */
    cnn__prepared **prepared; /* op -> what it reads in place of parameters; NULL: nothing, as in training */
    const float **inputs;     /* of the model, as the caller gave them; NULL: not yet */
    size_t count;             /* samples of the last forward pass; 0: none yet */
    size_t first, part;       /* within a stretch: the first of the samples at hand, and how many; else 0 */
    uint64_t passes;          /* training forward passes so far: the step of dropout's random numbers */
    bool has_loss;            /* the gradient of some output's logits is in place */
    bool can_go_back;         /* what a backward pass needs of the last forward pass is still there */
    bool has_gradients;       /* a backward pass was done */
    float *scratch;           /* cnn_session_predict_image(): one input, or several views of it */
    size_t scratch_values;
    double *view_sums;        /* cnn__session_forward_views(): sums over views; made at the first call */
    float *view_means;        /* then means, and the logits that belong to them */
    size_t mean_capacity;     /* values of each */
    cnn_trace_function trace; /* NULL: nothing is traced */
    void *trace_user;
    cnn_hook_function hook; /* NULL: nobody looks at values on their way */
    void *hook_user;
    double activity_penalty;        /* of the last forward pass's values; 0 in a session without penalties */
    double penalty;                 /* cnn_session_loss(): what of the last loss is penalties */
    struct cnn__exchange *exchange; /* with other ranks, see session/exchange.h; NULL: alone */
    uint64_t before;                /* samples of the whole batch that lie before these */
    double share;                   /* these samples' part of the whole batch; 1 alone */
    struct cnn__update_item *items; /* cnn_optimizer_step(): the list of trained parameters; made at the first */
};

/* Whether a parameter is trained in this session: cnn_model_set_trainable() changes nothing for sessions made
 * before. */
static inline bool cnn__session_trains(const cnn_session *session, size_t parameter)
{
    return session->program.trained[parameter];
}

/* Where the backend computes the gradient of a parameter; NULL: it has no place. */
static inline float *cnn__session_parameter_gradient(const cnn_session *session, size_t parameter)
{
    const size_t offset = session->program.gradient_offsets[parameter];
    return offset == CNN__NOWHERE || session->gradients == NULL ? NULL : session->gradients + offset;
}

/* Data and gradient of a value, where the backend computes; NULL where there is none. Within a stretch the data of the
 * samples at hand. */
const float *cnn__session_value(const cnn_session *session, uint32_t value);
float *cnn__session_gradient_of(const cnn_session *session, uint32_t value);
/* Shape and number of values of a value with the samples of the last forward pass. */
cnn_shape cnn__session_shape(const cnn_session *session, uint32_t value);
cnn_shape cnn__session_shape_of(const cnn_session *session, uint32_t value, size_t samples);
size_t cnn__session_values(const cnn_session *session, uint32_t value);
/* The first output. */
static inline cnn__output *cnn__session_output(const cnn_session *session) { return session->program.outputs; }

/* What a sample's views say together: [samples, outputs] each, valid until the next call. */
typedef struct cnn__view_means {
    const float *outputs;
    const float *logits;
} cnn__view_means;

/* Runs `samples` x `views` inputs, the views of a sample one after another, in as many passes as the session's batch
 * asks for. With one view these are the session's own output and logits; with more the mean of the views'
 * probabilities, or of their outputs if the model does not end in probabilities, and logits that give this mean. */
cnn_status cnn__session_forward_views(cnn_session *session, const float *inputs, size_t samples, uint32_t views,
                                      cnn__view_means *means);
/* Makes room for that many values in `scratch`. */
cnn_status cnn__session_reserve_scratch(cnn_session *session, size_t values);

/* The shape of a sample of the first input, and of the first output: not the model's in a session of another size. */
cnn_shape cnn__session_input_shape(const cnn_session *session);
cnn_shape cnn__session_output_shape(const cnn_session *session);
/* CNN_ERROR_SHAPE unless a sample has one row in the output, as `what` needs. */
cnn_status cnn__session_check_one_row(const cnn_session *session, const cnn__output *output, const char *what);

/* The output of that name; NULL: the first. CNN_ERROR_NOT_FOUND. */
cnn_status cnn__session_find_output(const cnn_session *session, const char *name, cnn__output **output);

/* Forgets which outputs have a loss. */
void cnn__session_forget_losses(cnn_session *session);

/* Runs the head of an output alone backward: from a gradient of the output to that of the logits, in place of both. */
cnn_status cnn__session_head_backward(cnn_session *session, const cnn__output *output, const float *output_gradient,
                                      float *logit_gradient);

#endif
