/* SPDX-License-Identifier: MIT */
/* Option structs: copied by the caller's size, and described by tables so that model files can hold them. */
#ifndef CNN_CORE_OPTIONS_H
#define CNN_CORE_OPTIONS_H

#include <cnn/context.h>
#include <cnn/layer.h>

/* Copies what the caller's struct_size covers into `copy` (of `size` bytes, the rest zero). `options` may be NULL.
 * CNN_ERROR_VERSION if the caller's struct is larger and its tail is not zero; CNN_ERROR_INVALID_ARGUMENT if
 * struct_size is too small to be one. `what` names the struct in the message. */
cnn_status cnn__options_copy(const cnn_context *context, const char *what, const void *options, void *copy,
                             size_t size);

typedef enum cnn__field_type {
    CNN__FIELD_INT,         /* int32_t[count] */
    CNN__FIELD_MORE_INTS,   /* int32_t[count]; files leave out what is all zeros */
    CNN__FIELD_FLOAT,       /* float */
    CNN__FIELD_FLOATS,      /* float[count]; files leave out zeros at its end, and what is all zeros */
    CNN__FIELD_ENUM,        /* int32_t, one of `names` */
    CNN__FIELD_INITIALIZER, /* cnn_initializer */
    CNN__FIELD_REGULARIZER, /* cnn_regularizer; files leave out what is none */
    CNN__FIELD_CONSTRAINT   /* cnn_constraint; likewise */
} cnn__field_type;

/* One field of an option struct, as model files name it. Tables end with a NULL name. */
typedef struct cnn__field {
    const char *name;
    size_t offset;
    cnn__field_type type;
    uint32_t count;           /* of INT, MORE_INTS and FLOATS: values */
    const char *const *names; /* of ENUM: text of 0, 1, ...; NULL-terminated */
} cnn__field;

extern const char *const cnn__activation_names[];  /* by cnn_activation */
extern const char *const cnn__padding_names[];     /* by cnn_padding */
extern const char *const cnn__initializer_names[]; /* by cnn_initializer_kind */
extern const char *const cnn__convention_names[];  /* by cnn_convention */
extern const char *const cnn__constraint_names[];  /* by cnn_constraint_kind */

/* Index of `text` in a NULL-terminated list; -1 if it is not there. */
int cnn__name_index(const char *const *names, const char *text);

/* A number whose 0 stands for `standard`. */
static inline float cnn__number_or(float given, float standard)
{
    return given == 0 ? standard : given == CNN_ZERO ? 0 : given;
}

#endif
