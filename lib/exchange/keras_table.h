/* SPDX-License-Identifier: MIT */
/* The table of Keras's layers, and what reading and writing share. */
#ifndef CNN_EXCHANGE_KERAS_TABLE_H
#define CNN_EXCHANGE_KERAS_TABLE_H

#include "exchange/keras.h"

/* How the value of a key becomes that of a field. */
typedef enum cnn__keras_conversion {
    CNN__KERAS_WHOLE,      /* a whole number */
    CNN__KERAS_REAL,       /* a number */
    CNN__KERAS_NUMBER,     /* a number of an option whose 0 is a default: 0 is CNN_ZERO there */
    CNN__KERAS_SINGLE,     /* n, or a list of one number */
    CNN__KERAS_TRIPLE,     /* n, or three numbers */
    CNN__KERAS_PAIR,       /* n, or two numbers */
    CNN__KERAS_ROWS,       /* Keras 1: the first of a pair, whose second is the next key's */
    CNN__KERAS_NOT,        /* true is 0 */
    CNN__KERAS_PADDING,    /* a word */
    CNN__KERAS_ACTIVATION, /* a name, or an object that has one */
    CNN__KERAS_SLOPE,      /* of an activation that is the layer */
    CNN__KERAS_BORDERS,    /* n, two numbers, or two pairs of them: top, bottom, left, right */
    CNN__KERAS_BORDERS1,   /* n, or before and after */
    CNN__KERAS_BORDERS3,   /* n, three numbers, or three pairs of them: front, back, top, bottom, left, right */
    CNN__KERAS_LAST_AXIS,  /* has to be that of the channels */
    CNN__KERAS_FALSE_ONLY, /* anything else is not supported */
    CNN__KERAS_TRUE_ONLY,  /* the line is for what sets it */
    CNN__KERAS_TOLD,       /* read and written by the class's own functions */
} cnn__keras_conversion;

/* One option. `field` is NULL for what is only checked. Of several keys of one field, those of old versions come
 * last. */
typedef struct cnn__keras_key {
    const char *name;
    int32_t conversion; /* a cnn__keras_conversion */
    const char *field;
} cnn__keras_key;

typedef struct cnn__keras_class {
    const char *name;
    const char *type;           /* ours; NULL: it does nothing */
    const cnn__keras_key *keys; /* NULL-terminated */
    /* An option that this class sets, and by which it is told on the way out: a word, or "1"; NULL: none. */
    const char *fixed_name, *fixed_value;
    /* What a table cannot say; NULL: nothing. Either may leave the rest to the keys; `in` sets what the class sets.
     * `out` gives what Keras lacks, or NULL. */
    cnn_status (*in)(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options);
    const char *(*out)(const cnn__keras_out *layer, cnn__json_writer *config);
} cnn__keras_class;

extern const cnn__keras_class cnn__keras_classes[];
extern const size_t cnn__keras_class_count;

/* An activation. */
typedef struct cnn__keras_activation {
    const char *keras, *own;
    double alpha; /* that Keras means; 0: none */
} cnn__keras_activation;

extern const cnn__keras_activation cnn__keras_activations[];
extern const size_t cnn__keras_activation_count;

/* What the table cannot say of some classes, keras_special.c. */
typedef cnn_status cnn__keras_in_function(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options);
typedef const char *cnn__keras_out_function(const cnn__keras_out *layer, cnn__json_writer *config);

cnn__keras_in_function cnn__keras_relu, cnn__keras_reshape, cnn__keras_permute, cnn__keras_up_sampling,
    cnn__keras_rescaling, cnn__keras_prelu, cnn__keras_kept;
cnn__keras_out_function cnn__keras_relu_out, cnn__keras_reshape_out, cnn__keras_permute_out, cnn__keras_up_sampling_out,
    cnn__keras_rescaling_out, cnn__keras_prelu_out, cnn__keras_kept_out;

/* What the config of a ReLU means here; alpha 0: none. False if this library does not have it. */
bool cnn__keras_rectifier(const cnn__json *config, const char **activation, double *alpha);
/* An activation of a layer that is no activation itself, as text or, with numbers of its own, as the object of a
 * layer. What Keras lacks, or NULL. */
const char *cnn__keras_activation_out(const cnn__json *options, const char *name, const char *own,
                                      cnn__json_writer *config);

/* Regularizers and constraints, keras_rules.c: whether an option is one; those of a layer that becomes `type` into its
 * options; and out again. */
bool cnn__keras_is_rule(const char *option);
void cnn__keras_put_rules(const cnn__keras *keras, const cnn__keras_layer *layer, const char *type,
                          cnn__json_writer *options);
void cnn__keras_rules_out(const char *type, const cnn__json *options, cnn__json_writer *config);

/* How many sides a border has two numbers for. */
static inline size_t cnn__keras_sides(int32_t conversion)
{
    return conversion == CNN__KERAS_BORDERS1 ? 1 : conversion == CNN__KERAS_BORDERS3 ? 3 : 2;
}

/* A list, or the items of a tuple as Keras 3 writes it. */
const cnn__json *cnn__keras_list(const cnn__json *value);
/* A whole number, also one that was written as 2.0. */
bool cnn__keras_whole(const cnn__json *value, int64_t *number);
/* n for all, or as many numbers as there are. */
bool cnn__keras_wholes(const cnn__json *value, int64_t *numbers, size_t count);
void cnn__keras_put_list(cnn__json_writer *writer, const char *name, const int64_t *numbers, size_t count);
/* Before and after for each side. */
void cnn__keras_put_borders(cnn__json_writer *config, const char *name, const int64_t *pads, size_t sides);

#endif
