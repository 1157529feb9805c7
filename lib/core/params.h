/* SPDX-License-Identifier: MIT */
/* Options of a named thing as text gives them, "adam:beta1=0.5,convention=pytorch": the one reader of
 *
 *     arguments = [ ":" argument { "," argument } ]        argument = name "=" value | word
 *
 * and the table from which it knows what there is. */
#ifndef CNN_CORE_PARAMS_H
#define CNN_CORE_PARAMS_H

#include <cnn/context.h>

/* Most parameters of one thing. */
#define CNN__PARAMS 16

typedef struct cnn__param {
    const char *name;         /* NULL after the last */
    const char *const *words; /* its values are 0, 1, ... for these, NULL after the last; NULL: a number */
    bool whole;
    double low, high;
    double unset;  /* where it is not given; NaN: whoever reads it decides */
    size_t offset; /* of its field, where there is an option struct */
    bool below;    /* `high` itself is too much */
} cnn__param;

/* Where a text is being read. */
typedef struct cnn__param_reader {
    cnn_context *context;
    const char *what; /* before each message: "schedule" */
    const char *text, *at, *end;
} cnn__param_reader;

/* Begins at the start of `text`; CNN_ERROR_INVALID_ARGUMENT if it is NULL or longer than a kilobyte. */
cnn_status cnn__params_begin(cnn_context *context, const char *what, const char *text, cnn__param_reader *reader);

/* CNN_ERROR_INVALID_ARGUMENT with the place in the text and this reason. */
cnn_status cnn__params_refuse(const cnn__param_reader *reader, const char *format, ...) CNN_PRINTF(2, 3);

/* Characters of the name here: all before the next of ":,+". */
size_t cnn__params_name_length(const cnn__param_reader *reader);

/* Whether the next `length` characters are this word. */
bool cnn__params_same(const cnn__param_reader *reader, size_t length, const char *word);

/* Refuses the next `length` characters, since what is expected here is one of `list`. */
cnn_status cnn__params_fail_name(const cnn__param_reader *reader, size_t length, const char *list);

/* Reads the arguments here, those of `name`, into values[i] for params[i], NaN for those not given; `params` may be
 * NULL: there are none. The ranges are not looked at. Ends at what is no argument any more. */
cnn_status cnn__params_read(cnn__param_reader *reader, const char *name, const cnn__param *params, double *values);

/* CNN_ERROR_INVALID_ARGUMENT if something is left of the text. */
cnn_status cnn__params_end(const cnn__param_reader *reader);

/* CNN_ERROR_INVALID_ARGUMENT, "WHAT NAME: beta1 is 2; expected ...", if a value is out of the parameter's range. */
cnn_status cnn__param_check(const cnn_context *context, const char *what, const char *name, const cnn__param *param,
                            double value);

/* Appends an item to a list for a message, after a comma. */
void cnn__params_append(char *list, size_t size, const char *item);

#endif
