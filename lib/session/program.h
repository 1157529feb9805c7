/* SPDX-License-Identifier: MIT */
/* A program: the graph compiled for what is asked, as a list of operations on values (value.h).
 *
 * A request says what is asked: which outputs, what else is read afterwards, training behaviour or not, which
 * gradients. cnn__program_compile() (compile.c) makes a program of it in passes:
 *
 *   find what is needed      nothing that no output, kept value or wanted gradient depends on becomes an operation
 *                            (operations.c);
 *   list the operations      what does nothing is dropped, and an activation whose input somebody reads, or that turns
 *                            logits into an output, is split off as an operation of its own (operations.c);
 *   infer                    shapes, workspace and parameters of each operation (infer.c);
 *   find gradients           which values have one, and which operations run backward (gradients.c);
 *   fuse                     pairs become one operation, by the table in fuse.c;
 *   ask the backend          what inference prepares of parameters, and with what workspace;
 *   find stretches           operations that run together for some samples at a time (stretch.c).
 *
 * What an operation does is a layer's state, of which it has its own copy: fusing changes that copy alone. */
#ifndef CNN_SESSION_PROGRAM_H
#define CNN_SESSION_PROGRAM_H

#include "model/model.h"
#include "session/value.h"

/* A value of the graph that is asked for: a reference, or what a node makes before its own activation. */
typedef struct cnn__wanted {
    uint32_t reference;
    bool linear;
} cnn__wanted;

typedef struct cnn__request {
    int64_t batch;
    uint32_t given;                            /* the node whose output is an input; CNN__NO_NODE: none */
    bool training;                             /* behaviour */
    bool parameter_gradients;                  /* of the trained ones */
    bool keep_all;                             /* every node's output */
    bool penalties;                            /* what regularizers add to the loss, and to gradients */
    const cnn__wanted *outputs, *keep, *asked; /* asked: values whose gradients are */
    size_t output_count, keep_count, gradient_count;
    const cnn_shape *input_shapes; /* of a sample; rank 0, or not listed: the model's */
    size_t input_shape_count;
} cnn__request;

/* Operations that take some samples of a batch from the first to the last of them before the next ones (stretch.h). */
typedef struct cnn__stretch {
    uint32_t begin, end; /* operations */
    uint32_t samples;    /* at a time; 0: the operation runs by itself, for the whole batch */
} cnn__stretch;

typedef struct cnn__op {
    uint32_t node;
    const cnn__layer_type *type; /* NULL: a caller's kind */
    const cnn_layer_kind *kind;
    const void *user;
    void *state; /* a copy of the layer's state with fusions applied; owned. NULL: `user` is the layer's own */
    uint32_t input_count;
    uint32_t inputs[CNN_LAYER_MAX_INPUTS];
    uint32_t output;
    cnn_layer_spec spec;
    cnn__preparation preparation; /* of settled operations; else zeros */
    uint32_t parameter_count;     /* with those of operations that were taken over, which follow the own ones */
    uint32_t parameters[CNN_LAYER_MAX_PARAMETERS]; /* of the model */
    bool frozen;                                   /* none of its parameters is trained */
    bool has_trained;                              /* gradients of some of its parameters are computed */
    bool bias_alone;                               /* and of its kernel and its bias that of the bias only */
    bool has_backward;                             /* it runs in a backward pass */
    bool settled; /* it runs as in inference: nothing is kept, and its parameters are prepared */
    bool gone;    /* another operation does its work */
    cnn__stretch stretch;

    /* Written by the plan. */
    size_t saved;         /* offset of what it keeps for its backward; CNN__NOWHERE: nothing */
    uint32_t accumulates; /* bit i: the gradient of input i is added to what is there */
    bool adds_parameters; /* so are those of the parameters: another op with the same ones writes before it */

    double seconds; /* within a stretch: what the parts before took; for traces */
} cnn__op;

/* An output of the program. */
typedef struct cnn__output {
    cnn__wanted wanted;
    uint32_t value, logits; /* one value if no activation was split off */
    uint32_t head;          /* the operation that turns logits into the output; CNN__NO_OP: none */
    bool has_loss;          /* the gradient of the logits is in place, put there by cnn_session_loss() */
} cnn__output;

typedef struct cnn__program {
    cnn__op *ops;
    uint32_t op_count;
    cnn__value *values;
    uint32_t value_count;
    uint32_t batch;              /* samples at the most */
    uint32_t *input_values;      /* input of the program -> value; those of the model, then what is given */
    uint32_t input_count, given; /* given: the node whose output is the last input; CNN__NO_NODE: none */
    uint32_t *node_values;   /* node -> its output; CNN__NO_VALUE: it was not needed, or is inside another operation */
    uint32_t *linear_values; /* node -> its output before its own activation, where that was split off */
    cnn__output *outputs;
    uint32_t output_count;
    bool *trained;            /* parameter of the model -> its gradient is wanted */
    bool *written;            /* parameter of the model -> some operation's backward writes its gradient */
    size_t *gradient_offsets; /* parameter -> where in the gradients of parameters; CNN__NOWHERE: it has no place */
    size_t gradient_values;   /* floats that these take */
    bool *observed;           /* parameter -> a forward pass changes it: the statistics of what layers see */
    bool training;            /* behaviour */
    bool parameter_gradients; /* those of trained parameters are computed */
    bool repeats;             /* several backward passes may follow one forward pass */
    bool has_backward;        /* some gradient is computed */
    bool keeps_all;
    bool penalties; /* those of parameters and values count, and are in the gradients that there are */
} cnn__program;

/* Compiles the model's graph. Errors name the layer and the shapes. */
cnn_status cnn__program_compile(const cnn_model *model, const cnn__request *request, cnn__program *program);
/* Which input the samples of a forward pass are. */
static inline uint32_t cnn__program_first_input(const cnn__program *program)
{
    return program->given != CNN__NO_NODE ? program->input_count - 1 : 0;
}
void cnn__program_free(cnn_context *context, cnn__program *program);

/* The value that is meant; CNN__NO_VALUE where the program has none. */
uint32_t cnn__program_value(const cnn__program *program, cnn__wanted wanted);

/* Makes room for the program, and lists the operations that are needed, with their values. A failure leaves what there
 * is to cnn__program_free(). */
cnn_status cnn__program_list(const cnn_model *model, const cnn__request *request, cnn__program *program);
/* Infers them in order. Errors name the layer and the shapes. */
cnn_status cnn__program_infer(const cnn_model *model, const cnn__request *request, cnn__program *program);

/* Marks the values that have a gradient and the operations that run backward; shapes are known. An error names a value
 * whose gradient is asked for and that no output depends on. */
cnn_status cnn__program_find_gradients(const cnn_model *model, const cnn__request *request, cnn__program *program);

/* Infers an operation from its state as it is; leaves it as it was on failure. */
cnn_status cnn__op_infer(const cnn_model *model, const cnn__program *program, cnn__op *op);

#endif
