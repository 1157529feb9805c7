/* SPDX-License-Identifier: MIT */
/* JSON (RFC 8259) that is not trusted: a strict reader whose memory is bounded and comes from the context's allocator,
 * and a writer. Neither knows a locale or the processor's rounding mode. */
#ifndef CNN_CORE_JSON_H
#define CNN_CORE_JSON_H

#include "core/context.h"

/* Limits of what is read; the writer of files keeps them too. */
#define CNN__JSON_DEPTH 64
#define CNN__JSON_MAX_SIZE (((size_t)1 << 28) - 1) /* bytes of text */
#define CNN__JSON_MAX_VALUES ((size_t)1 << 25)     /* keys are values, too */
#define CNN__JSON_MAX_MEMBERS ((size_t)1 << 21)    /* of one object */

typedef enum cnn__json_kind {
    CNN__JSON_NULL,
    CNN__JSON_FALSE,
    CNN__JSON_TRUE,
    CNN__JSON_NUMBER,
    CNN__JSON_STRING,
    CNN__JSON_ARRAY,
    CNN__JSON_OBJECT,
} cnn__json_kind;

/* One value. All values of a document lie in one array, each before those that it contains; a member of an object is
 * its key, a string, and right after it its value. */
typedef struct cnn__json {
    const char *text;   /* of a string: without escapes, ended by a NUL, none within; of a number: as it is written */
    uint32_t size : 28; /* bytes of the text; of an array or object: its elements or members */
    uint32_t kind : 4;  /* a cnn__json_kind */
    uint32_t span;      /* values from this one to the next that it does not contain */
} cnn__json;

typedef struct cnn__json_document {
    cnn_context *context;
    char *text;
    cnn__json *values;
    const cnn__json *root; /* an object; NULL: the document is empty */
} cnn__json_document;

/* Parses one object. `name` and `part` are for messages: "photos.cnn: header: ...". On failure the document is empty.
 * The second takes `text` over, also on failure: a block of cnn__alloc() of size + 1 bytes. */
cnn_status cnn__json_parse(cnn_context *context, const char *name, const char *part, const char *text, size_t size,
                           cnn__json_document *document);
cnn_status cnn__json_parse_own(cnn_context *context, const char *name, const char *part, char *text, size_t size,
                               cnn__json_document *document);
/* Does nothing to an empty document. */
void cnn__json_free(cnn__json_document *document);

/* Elements of an array, keys of an object; NULL at the end. */
const cnn__json *cnn__json_first(const cnn__json *container);
const cnn__json *cnn__json_next(const cnn__json *container, const cnn__json *element);

/* The member of that name by a linear search, for objects that are small or asked for a few names; NULL if it is not
 * there, or `object` is NULL or no object. */
const cnn__json *cnn__json_get(const cnn__json *object, const char *key);

static inline bool cnn__json_is(const cnn__json *value, cnn__json_kind kind)
{
    return value != NULL && value->kind == (uint32_t)kind;
}
/* Elements or members; 0 of NULL and of what has none. */
static inline size_t cnn__json_count(const cnn__json *value)
{
    return cnn__json_is(value, CNN__JSON_ARRAY) || cnn__json_is(value, CNN__JSON_OBJECT) ? value->size : 0;
}
/* The text of a string, else NULL. */
static inline const char *cnn__json_text(const cnn__json *value)
{
    return cnn__json_is(value, CNN__JSON_STRING) ? value->text : NULL;
}
/* False unless it is a whole number without point or exponent that fits; any finite number. NULL is neither. */
bool cnn__json_to_int(const cnn__json *value, int64_t *number);
bool cnn__json_to_real(const cnn__json *value, double *number);

/* Members of an object; a missing or wrong one is CNN_ERROR_FORMAT naming it. The results are borrowed. */
typedef struct cnn__json_place {
    cnn_context *context;
    const char *name; /* of the file */
    const char *part; /* within it */
} cnn__json_place;

cnn_status cnn__json_string(const cnn__json_place *place, const cnn__json *object, const char *key, const char **value);
cnn_status cnn__json_array(const cnn__json_place *place, const cnn__json *object, const char *key,
                           const cnn__json **value);
cnn_status cnn__json_object(const cnn__json_place *place, const cnn__json *object, const char *key,
                            const cnn__json **value);
cnn_status cnn__json_int(const cnn__json_place *place, const cnn__json *object, const char *key, int64_t low,
                         int64_t high, int64_t *value);
/* A number, or NaN for null. */
cnn_status cnn__json_real(const cnn__json_place *place, const cnn__json *object, const char *key, double *value);
/* An unsigned number kept as text, since JSON's integers have no 64 bits. */
cnn_status cnn__json_u64(const cnn__json_place *place, const cnn__json *object, const char *key, uint64_t *value);

cnn_status cnn__json_bad(const cnn__json_place *place, const char *key, const char *expected);

/* A text that grows value by value, without spaces. Zero-initialise with the string's context; the first failure stays
 * in text.status, and what comes later does nothing. cnn__string_free() ends it. */
typedef struct cnn__json_writer {
    cnn__string text;
} cnn__json_writer;

/* `key` is NULL in arrays and for the outermost value. */
void cnn__json_open(cnn__json_writer *writer, const char *key, char bracket);
void cnn__json_close(cnn__json_writer *writer, char bracket);
/* Bytes that are no UTF-8 are written as text, see cnn__name_text(): a writer never fails for a name. */
void cnn__json_put_string(cnn__json_writer *writer, const char *key, const char *text);
void cnn__json_put_bool(cnn__json_writer *writer, const char *key, bool value);
void cnn__json_put_int(cnn__json_writer *writer, const char *key, int64_t value);
void cnn__json_put_real(cnn__json_writer *writer, const char *key, double value);  /* null unless finite */
void cnn__json_put_u64(cnn__json_writer *writer, const char *key, uint64_t value); /* as text */

#endif
