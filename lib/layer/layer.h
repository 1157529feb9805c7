/* SPDX-License-Identifier: MIT */
/* What a layer is inside the library: a public cnn_layer_kind, and how its options are kept. */
#ifndef CNN_LAYER_LAYER_H
#define CNN_LAYER_LAYER_H

#include <stdatomic.h>

#include <cnn/layer.h>

#include "core/context.h"
#include "core/options.h"

/* What a layer makes of its parameters once, for inference, and what its calls need then. */
typedef struct cnn__preparation {
    size_t size;      /* bytes kept and shared by the sessions of a model; 0: nothing is prepared */
    size_t scratch;   /* bytes needed while they are made */
    size_t workspace; /* bytes of workspace of a forward call; takes the place of the spec's, which covers training */
} cnn__preparation;

/* What a pass of a layer amounts to. */
typedef struct cnn__layer_work {
    double flop;                    /* multiplications and additions by the plain formula */
    const char *algorithm, *reason; /* static; NULL: not known */
} cnn__layer_work;

/* What an operation does to its results in the pass that writes them: an activation, then 2x2 maxima at stride 2. Its
 * own backward applies the derivative. `check` fills in what is an option of the layer. */
typedef struct cnn__epilogue {
    int32_t activation; /* a cnn_activation; one over rows is never run as an epilogue */
    float alpha;        /* slope of leaky relu */
    int32_t pool;       /* 2: the maxima; 0: none */
} cnn__epilogue;

/* A batch normalisation by fixed statistics, folded into weights and bias when these are prepared. Its parameters
 * follow the layer's own in a call. */
typedef struct cnn__fold {
    int32_t normalised; /* 1: there is one */
    float epsilon;
} cnn__fold;

/* One built-in kind: one file each, registered in registry.c. A layer's `user` is a state struct that begins with the
 * kind's option struct, checked and with all defaults filled in. */
typedef struct cnn__layer_type {
    cnn_layer_kind kind;
    size_t options_size;      /* of the public option struct */
    size_t state_size;        /* of the state, at least options_size */
    const cnn__field *fields; /* of the options, as model files name them */
    /* Fills defaults and checks what does not depend on the input. */
    cnn_status (*check)(const cnn_context *context, void *state);
    /* Where in the state the epilogue lies; 0: there is none. Fusions change it in an operation's copy of the state. */
    size_t epilogue;
    /* 1: does nothing in inference. */
    bool identity_in_inference;
    /* Inference with prepared parameters; NULL: none. With a size above 0 `prepare` is called whenever parameters have
     * changed, with 64-byte aligned memory and without a workspace, and then `forward_prepared` in place of forward.
     * Planning may note in the state what it depends on. */
    void (*plan_inference)(void *state, const cnn_backend *backend, uint32_t threads, const cnn_shape *input,
                           cnn__preparation *preparation);
    cnn_status (*prepare)(const void *state, const cnn_layer_call *call, void *scratch, void *prepared);
    cnn_status (*forward_prepared)(const void *state, const cnn_layer_call *call, const void *prepared);
    /* For traces; NULL: nothing is to be said. A kind that has it computes the gradients of its parameters and that of
     * its input apart from each other: only those for which a call has a place. */
    cnn__layer_work (*describe)(const void *state, const cnn_backend *backend, cnn_pass pass, const cnn_shape *input);
} cnn__layer_type;

struct cnn_layer {
    cnn_context *context;
    atomic_uint references;      /* the nodes of models that apply it */
    struct cnn_model *inner;     /* a model to be used as a layer, retained; NULL: an ordinary layer */
    char *name;                  /* NULL: named by the model */
    const cnn__layer_type *type; /* NULL: a caller's kind */
    cnn_layer_kind kind;
    void *user; /* built-in: the state, owned */
};

/* All built-in kinds; ends with NULL. */
extern const cnn__layer_type *const cnn__layer_types[];
/* The kind of that type name; NULL if there is none. */
const cnn__layer_type *cnn__layer_type_find(const char *name);

extern const cnn__layer_type cnn__conv2d_type, cnn__dense_type, cnn__max_pool2d_type, cnn__average_pool2d_type,
    cnn__global_average_pool2d_type, cnn__flatten_type, cnn__dropout_type, cnn__batch_norm_type, cnn__activate_type,
    cnn__zero_pad2d_type, cnn__add_type, cnn__concatenate_type, cnn__lrn_type;

static inline cnn__epilogue *cnn__layer_epilogue(const cnn__layer_type *type, void *state)
{
    return type == NULL || type->epilogue == 0 ? NULL : (cnn__epilogue *)((char *)state + type->epilogue);
}

/* Turns the gradient of an operation's output into that before the epilogue's activation, in place: nobody reads the
 * former afterwards. Nothing if that was done already. */
cnn_status cnn__epilogue_backward(const cnn__epilogue *epilogue, const cnn_layer_call *call);

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

/* Output size of a window along one side, and what is padded in front. */
typedef struct cnn__window {
    int32_t kernel, stride, dilation, padding; /* padding: a cnn_padding */
    int32_t pad_before, pad_after;             /* of CNN_PADDING_EXPLICIT; written for the others */
    int32_t ceil;
} cnn__window;

/* The output size for `input` values; 0 if the window does not fit. */
int64_t cnn__window_output(cnn__window *window, int64_t input);

/* Helpers of the kinds' check functions: a second value 0 takes the first, a first one 0 takes `standard`. */
void cnn__pair_default(int32_t pair[2], int32_t standard);
cnn_status cnn__layer_check_range(const cnn_context *context, const char *type, const char *field, double value,
                                  double low, double high);
cnn_status cnn__check_padding(const cnn_context *context, const char *type, int32_t *padding, const int32_t pads[4]);
cnn_status cnn__check_activation(const cnn_context *context, const char *type, int32_t activation, float *alpha);
cnn_status cnn__check_initializer(const cnn_context *context, const char *type, const char *field,
                                  cnn_initializer *init, cnn_initializer_kind standard);

/* "expects N, H, W, C images, got (None, 784)": CNN_ERROR_SHAPE with a reason for `infer`. */
cnn_status cnn__infer_rank(const cnn_shape *input, uint32_t rank, const char *expected, char *reason,
                           size_t reason_size);

static inline cnn_shape cnn__shape2(int64_t n, int64_t c) { return (cnn_shape){2, 0, {n, c}}; }
static inline cnn_shape cnn__shape4(int64_t n, int64_t h, int64_t w, int64_t c)
{
    return (cnn_shape){4, 0, {n, h, w, c}};
}

#endif
