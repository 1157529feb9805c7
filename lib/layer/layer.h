/* SPDX-License-Identifier: MIT */
/* What a layer is inside the library: a public cnn_layer_kind, and how its options are kept.
 *
 * A layer is a descriptor and a state. The descriptor, one const cnn__layer_type for each kind, begins with the same
 * cnn_layer_kind that a custom layer has: infer, forward, backward. The state begins with the kind's option struct,
 * checked and with every default filled in, and is all that the functions know; a layer has no other memory. Parameters
 * belong to the model, values to the session.
 *
 *   constructor   copies the caller's options into a state and has `check` fill in defaults;
 *   infer         says by the inputs' shapes what the output's is, which parameters there are, what backward needs
 *                 again, and, by one question to the backend (cnn__layer_ask), the workspace. It runs when a model is
 *                 built, and for each operation of a program;
 *   forward,      fill the operation's argument struct and call cnn_backend_run(). They never read or write a value
 *   backward      themselves, as it may lie in memory of the backend's;
 *   fields        name the options for model files, which read and write them without knowing the kind.
 *
 * Several kinds end in an activation of their own. It lies in the state as a cnn_epilogue, whose place the descriptor
 * says, and an operation's copy of the state may get more of it than the layer had: the fusions of session/fuse.h put
 * there what the layers after it would do. So a kind knows nothing of its neighbours.
 *
 * For inference a kind may prepare its parameters: plan_inference, prepare, forward_prepared (session/prepared.h). */
#ifndef CNN_LAYER_LAYER_H
#define CNN_LAYER_LAYER_H

#include <stdatomic.h>

#include <cnn/layer.h>

#include "core/activation.h"
#include "core/context.h"
#include "core/options.h"

/* What a layer makes of its parameters once, for inference, and what its calls need then. */
typedef struct cnn__preparation {
    size_t size;      /* bytes kept and shared by the sessions of a model; 0: nothing is prepared */
    size_t scratch;   /* bytes needed while they are made */
    size_t workspace; /* bytes of workspace of a forward call; takes the place of the spec's, which covers training */
    cnn_op_answer answer; /* of inference; takes the place of the spec's */
} cnn__preparation;

/* What a pass of a layer amounts to. */
typedef struct cnn__layer_work {
    double flop;                    /* multiplications and additions by the plain formula */
    const char *algorithm, *reason; /* static; NULL: not known */
} cnn__layer_work;

/* What a kind does in training other than in inference, apart from what it keeps for a backward. */
typedef enum cnn__training_behavior {
    CNN__ALIKE,               /* nothing */
    CNN__OTHER_UNLESS_FROZEN, /* something, unless its parameters are frozen */
    CNN__OTHER                /* something, always */
} cnn__training_behavior;

/* A batch normalisation by fixed statistics, folded into weights and bias when these are prepared. Its parameters
 * follow the layer's own in a call. */
typedef struct cnn__norm_fold {
    int32_t normalised; /* 1: there is one */
    float epsilon;
} cnn__norm_fold;

/* One built-in kind: one file each, registered in registry.c. A layer's `user` is a state struct that begins with the
 * kind's option struct, checked and with all defaults filled in. */
typedef struct cnn__layer_type {
    cnn_layer_kind kind;
    size_t options_size;      /* of the public option struct */
    size_t state_size;        /* of the state, at least options_size */
    const cnn__field *fields; /* of the options, as model files name them */
    /* Fills defaults and checks what does not depend on the input. */
    cnn_status (*check)(const cnn_context *context, void *state);
    /* Where in the state the epilogue lies, a cnn_epilogue that `check` fills by the options; 0: there is none. Fusions
     * change it in an operation's copy of the state; the operation's own backward applies its derivative. */
    size_t epilogue;
    /* Bit 1 << cnn_activation: those of the epilogue whose derivative the backward applies; 0: all that the output
     * tells. Others become an operation of their own where there is a backward. */
    uint32_t derived_activations;
    /* Where in the state a cnn__norm_fold lies, for a normalisation that fusions fold into the weights; 0: there is
     * none. */
    size_t fold;
    /* Whether backward gives the gradient of the second parameter, the bias, alone where there is no place for that of
     * the first; an operation that pools does not. */
    bool bias_apart;
    /* 1: backward gives each input the output's gradient as it is, and does nothing where that lies there already. */
    bool hands_gradient_on;
    /* 1: does nothing in inference. */
    bool identity_in_inference;
    /* Whether training behaviour is another than that of inference; where it is not, an operation without a backward
     * runs as in inference whatever the session is for. */
    cnn__training_behavior in_training;
    /* Inference with prepared parameters; NULL: none. With a size above 0 `prepare` is called whenever parameters have
     * changed, with 64-byte aligned memory and without a workspace, and then `forward_prepared` in place of forward.
     * Planning may note in the state what it depends on. */
    void (*plan_inference)(void *state, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation);
    cnn_status (*prepare)(const void *state, const cnn_layer_call *call, void *scratch, void *prepared);
    cnn_status (*forward_prepared)(const void *state, const cnn_layer_call *call, const void *prepared);
    /* For traces; NULL: nothing is to be said. A kind that has it computes the gradients of its parameters and that of
     * its input apart from each other: only those for which a call has a place. */
    cnn__layer_work (*describe)(const void *state, const cnn_op_answer *answer, cnn_pass pass, const cnn_shape *input);
} cnn__layer_type;

struct cnn_layer {
    cnn_context *context;
    atomic_uint references;      /* the nodes of models that apply it */
    struct cnn_model *inner;     /* a model to be used as a layer, retained; NULL: an ordinary layer */
    char *name;                  /* NULL: named by the model */
    const cnn__layer_type *type; /* NULL: a caller's kind */
    cnn_layer_kind kind;
    void *user;             /* built-in: the state, owned */
    bool added;             /* a model has taken it over */
    struct cnn_layer *next; /* of the layers that a model refused */
};

/* Frees a layer that a model has taken over. */
void cnn__layer_destroy(cnn_layer *layer);

/* All built-in kinds; ends with NULL. */
extern const cnn__layer_type *const cnn__layer_types[];
/* The kind of that type name; NULL if there is none. */
const cnn__layer_type *cnn__layer_type_find(const char *name);

extern const cnn__layer_type cnn__conv2d_type, cnn__dense_type, cnn__max_pool2d_type, cnn__average_pool2d_type,
    cnn__global_average_pool2d_type, cnn__flatten_type, cnn__dropout_type, cnn__batch_norm_type, cnn__activate_type,
    cnn__zero_pad2d_type, cnn__add_type, cnn__subtract_type, cnn__multiply_type, cnn__concatenate_type, cnn__lrn_type,
    cnn__conv1d_type, cnn__conv3d_type, cnn__depthwise_conv2d_type, cnn__separable_conv2d_type,
    cnn__conv2d_transpose_type, cnn__max_pool1d_type, cnn__average_pool1d_type, cnn__max_pool3d_type,
    cnn__average_pool3d_type, cnn__global_average_pool1d_type, cnn__global_max_pool1d_type,
    cnn__global_average_pool3d_type, cnn__global_max_pool3d_type, cnn__zero_pad1d_type, cnn__zero_pad3d_type,
    cnn__graph_conv_type;

extern const cnn__layer_type cnn__adaptive_average_pool2d_type, cnn__adaptive_max_pool2d_type,
    cnn__global_max_pool2d_type, cnn__reshape_type, cnn__permute_type, cnn__channel_shuffle_type,
    cnn__up_sampling2d_type, cnn__prelu_type, cnn__rescale_type, cnn__cropping2d_type;

extern const cnn__layer_type cnn__elementwise_type, cnn__arithmetic_type, cnn__reduce_type, cnn__slice_type,
    cnn__pad_type, cnn__resize_type, cnn__depth_to_space_type, cnn__space_to_depth_type, cnn__instance_norm_type,
    cnn__matmul_type, cnn__conv3d_transpose_type;

static inline cnn_epilogue *cnn__layer_epilogue(const cnn__layer_type *type, void *state)
{
    return type == NULL || type->epilogue == 0 ? NULL : (cnn_epilogue *)((char *)state + type->epilogue);
}

static inline cnn__norm_fold *cnn__layer_fold(const cnn__layer_type *type, void *state)
{
    return type == NULL || type->fold == 0 ? NULL : (cnn__norm_fold *)((char *)state + type->fold);
}

/* The epilogue that an operation runs: an activation over rows is always an operation of its own. */
static inline cnn_epilogue cnn__run_epilogue(const cnn_epilogue *epilogue)
{
    cnn_epilogue run = *epilogue;
    run.activation = cnn__activation_is_over_rows(run.activation) ? CNN_LINEAR : run.activation;
    return run;
}

/* Makes a layer from a caller's option struct; `what` is the constructor's name. NULL with the error set. */
cnn_layer *cnn__layer_create(cnn_context *context, const cnn__layer_type *type, const char *what, const void *options);

/* A layer that stands for a model: a reference to it that is taken over, also on failure, and ends with `release`. */
cnn_layer *cnn__layer_create_inner(cnn_context *context, struct cnn_model *inner, void (*release)(void *),
                                   const char *name);
/* One more owner, each of whom calls cnn_layer_free(). */
cnn_layer *cnn__layer_retain(cnn_layer *layer);
/* 1 to 255 letters, digits, '_', '-' or '.'. */
bool cnn__is_plain_name(const char *name, size_t length);
/* CNN_ERROR_INVALID_ARGUMENT unless the name, if there is one, is of plain characters. */
cnn_status cnn__check_name(const cnn_context *context, const char *what, const char *name);

/* The gradient of a bias alone: that of the output, which becomes that before the activation unless it is so already,
 * summed over all but the last dimension. */
cnn_status cnn__layer_bias_gradient(const cnn_layer_call *call, int32_t activation, float alpha, float *d_bias);

/* Output size of a window along one side, and what is padded before. */
typedef struct cnn__window {
    int32_t kernel, stride, dilation, padding; /* padding: a cnn_padding */
    int32_t pad_before, pad_after;             /* of CNN_PADDING_EXPLICIT; written for the others */
    int32_t ceil;
} cnn__window;

/* The output size for `input` values; 0 if the window does not fit. */
int64_t cnn__window_output(cnn__window *window, int64_t input);

/* What an option says that may be CNN_ZERO. */
static inline float cnn__option_number(float option) { return option == CNN_ZERO ? 0 : option; }

/* Helpers of the kinds' check functions: a value 0 takes the one before it, a first one 0 takes `standard`. */
void cnn__sides_default(int32_t *sides, int count, int32_t standard);
/* Dilations are 0 where they all are 1, as in options that say nothing of them. */
void cnn__dilations_default(int32_t *dilations, int count);
static inline int32_t cnn__dilation(int32_t option) { return option > 1 ? option : 1; }
static inline void cnn__pair_default(int32_t pair[2], int32_t standard) { cnn__sides_default(pair, 2, standard); }
cnn_status cnn__layer_check_range(const cnn_context *context, const char *type, const char *field, double value,
                                  double low, double high);
cnn_status cnn__check_pads(const cnn_context *context, const char *type, int32_t *padding, const int32_t *pads,
                           int count);
static inline cnn_status cnn__check_padding(const cnn_context *context, const char *type, int32_t *padding,
                                            const int32_t pads[4])
{
    return cnn__check_pads(context, type, padding, pads, 4);
}
cnn_status cnn__check_activation(const cnn_context *context, const char *type, int32_t activation, float *alpha);
cnn_status cnn__check_initializer(const cnn_context *context, const char *type, const char *field,
                                  cnn_initializer *init, cnn_initializer_kind standard);
/* Regularizers and constraints in a state are the same for all kinds. */
cnn_status cnn__check_rules(const cnn_context *context, const cnn__layer_type *type, void *state);

/* Entries of the field table of a kind whose option struct has a kernel and a bias with all that may be said of them;
 * cnn__layer_create() checks regularizers and constraints of any kind, and fills in defaults. */
#define CNN__KERNEL_RULES(type)                                                                          \
    {"kernel_regularizer", offsetof(type, kernel_regularizer), CNN__FIELD_REGULARIZER, 1, NULL},         \
        {"bias_regularizer", offsetof(type, bias_regularizer), CNN__FIELD_REGULARIZER, 1, NULL},         \
        {"activity_regularizer", offsetof(type, activity_regularizer), CNN__FIELD_REGULARIZER, 1, NULL}, \
        {"kernel_constraint", offsetof(type, kernel_constraint), CNN__FIELD_CONSTRAINT, 1, NULL},        \
    {                                                                                                    \
        "bias_constraint", offsetof(type, bias_constraint), CNN__FIELD_CONSTRAINT, 1, NULL               \
    }

/* And what `infer` says of them, where kernel and bias are parameters 0 and 1: `o` points to the options. */
#define CNN__SET_KERNEL_RULES(spec, o)                                                          \
    ((spec)->rules[0] = (cnn_parameter_rules){(o)->kernel_regularizer, (o)->kernel_constraint}, \
     (spec)->rules[1] = (cnn_parameter_rules){(o)->bias_regularizer, (o)->bias_constraint},     \
     (spec)->activity_regularizer = (o)->activity_regularizer)

/* "expects N, H, W, C images, got (None, 784)": CNN_ERROR_SHAPE with a reason for `infer`. */
cnn_status cnn__infer_rank(const cnn_shape *input, uint32_t rank, const char *expected, char *reason,
                           size_t reason_size);

/* CNN_ERROR_LIMIT with a reason if a tensor of that shape would have more values than CNN__MAX_VALUES. Kinds check with
 * it whatever they compute sizes from; the output is checked for all of them. */
cnn_status cnn__infer_limit(const cnn_shape *shape, const char *what, char *reason, size_t reason_size);

/* Most times that a value is read by windows that overlap: without a limit a file of a few hundred bytes, whose windows
 * need no weights, could ask for days of work. 64x64 at a stride of 1. */
#define CNN__MOST_READS 4096

/* Refuses, in `infer`, windows that read `reads` values in all of an input and output of `values`. */
cnn_status cnn__infer_reads(double reads, double values, char *reason, size_t reason_size);

/* Asks the backend about the operation that a layer is, for `infer`: the answer and the workspace of all passes of
 * training go to the spec. Without an operation for this shape a reason and CNN_ERROR_UNSUPPORTED; CNN_ERROR_LIMIT for
 * arrays that are too large. */
cnn_status cnn__layer_ask(const cnn_backend *backend, cnn_op op, const void *args, uint32_t threads,
                          cnn_layer_spec *spec, char *reason, size_t reason_size);

/* Values of a shape that has been inferred. */
size_t cnn__layer_values(const cnn_shape *shape);

/* Rows of `shape`, whose last dimension is one row. */
int64_t cnn__layer_rows(const cnn_shape *shape);

/* y = x, unless they are one array. */
cnn_status cnn__layer_copy(const cnn_layer_call *call, size_t values, const float *x, float *y);

static inline cnn_shape cnn__shape2(int64_t n, int64_t c) { return (cnn_shape){2, 0, {n, c}}; }
static inline cnn_shape cnn__shape3(int64_t n, int64_t l, int64_t c) { return (cnn_shape){3, 0, {n, l, c}}; }
static inline cnn_shape cnn__shape4(int64_t n, int64_t h, int64_t w, int64_t c)
{
    return (cnn_shape){4, 0, {n, h, w, c}};
}

/* A sequence N, L, C as images of one row. */
static inline cnn_shape cnn__one_row(const cnn_shape *sequence)
{
    return cnn__shape4(sequence->dims[0], 1, sequence->dims[1], sequence->dims[2]);
}

/* The backend's call for what a layer's call runs after `own` bytes of workspace that are the layer's. */
static inline cnn_backend_call cnn__after_own(const cnn_layer_call *call, size_t own)
{
    cnn_backend_call backend = *call->backend;
    backend.workspace = (char *)backend.workspace + own;
    backend.workspace_size -= own;
    return backend;
}

#endif
