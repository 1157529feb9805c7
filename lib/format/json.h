/* SPDX-License-Identifier: MIT */
/* JSON that is not trusted, by way of jansson. */
#ifndef CNN_FORMAT_JSON_H
#define CNN_FORMAT_JSON_H

#include <jansson.h>

#include "core/context.h"

/* Deepest nesting that is read. */
#define CNN__JSON_DEPTH 64

/* Parses one object. `name` and `part` are for messages: "photos.cnn: header: ...". The caller ends with
 * json_decref(). */
cnn_status cnn__json_parse(cnn_context *context, const char *name, const char *part, const char *text, size_t size,
                           json_t **object);

/* Members of an object; a missing or wrong one is CNN_ERROR_FORMAT naming it. The results are borrowed. */
typedef struct cnn__json_place {
    cnn_context *context;
    const char *name; /* of the file */
    const char *part; /* within it */
} cnn__json_place;

cnn_status cnn__json_string(const cnn__json_place *place, const json_t *object, const char *key, const char **value);
cnn_status cnn__json_array(const cnn__json_place *place, const json_t *object, const char *key, json_t **value);
cnn_status cnn__json_object(const cnn__json_place *place, const json_t *object, const char *key, json_t **value);
cnn_status cnn__json_int(const cnn__json_place *place, const json_t *object, const char *key, int64_t low, int64_t high,
                         int64_t *value);
/* A number, or NaN for null. */
cnn_status cnn__json_real(const cnn__json_place *place, const json_t *object, const char *key, double *value);
/* An unsigned number kept as text, since JSON's integers have no 64 bits. */
cnn_status cnn__json_u64(const cnn__json_place *place, const json_t *object, const char *key, uint64_t *value);

cnn_status cnn__json_bad(const cnn__json_place *place, const char *key, const char *expected);

json_t *cnn__json_from_real(double value); /* null for NaN and infinities */
json_t *cnn__json_from_u64(uint64_t value);

#endif
