/* SPDX-License-Identifier: MIT */
/* The options of a layer as a JSON object: the table of fields of its kind says what there is, and each type of field
 * (cnn__field_type) how it is written and read. */
#ifndef CNN_FORMAT_FIELDS_H
#define CNN_FORMAT_FIELDS_H

#include "core/json.h"
#include "model/model.h"

/* Puts all fields of a layer's state, into an object that is open. */
void cnn__fields_to_json(cnn__json_writer *writer, const cnn__layer_type *type, const void *state);

/* Fills the option struct of a kind; fields that the object lacks stay as they are. CNN_ERROR_VERSION names an option
 * that there is none of, CNN_ERROR_FORMAT one whose value is none. */
cnn_status cnn__fields_from_json(const cnn__json_place *place, const cnn__layer_type *type, const cnn__json *fields,
                                 void *options);

/* A rule of a layer's options as an object of that key; nothing for one that does nothing. */
void cnn__regularizer_to_json(cnn__json_writer *writer, const char *key, const cnn_regularizer *regularizer);
void cnn__constraint_to_json(cnn__json_writer *writer, const char *key, const cnn_constraint *constraint);

#endif
