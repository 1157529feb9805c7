/* SPDX-License-Identifier: MIT */
/* Results as JSON. Values that JSON cannot hold (NaN, infinity) become null; text that is not UTF-8 is escaped. */
#ifndef CNN_TOOL_JSON_H
#define CNN_TOOL_JSON_H

#include "tool.h"

/* A value of a result: text, number, list or object. Without memory it is NULL, which every function takes: what lacks
 * a part because of that is never printed. */
typedef struct json_value json_t;

json_t *json_object(void);
json_t *json_array(void);
json_t *json_string(const char *text);
json_t *json_integer(int64_t value);
json_t *json_real(double value);
json_t *json_boolean(bool value);
json_t *json_null(void);

/* Frees the value when nothing holds it any more; what _new takes over is freed with what it was put into. */
void json_decref(json_t *value);

/* Puts a member at the end; keys are not copied, and each is used once. */
void json_object_set_new(json_t *object, const char *key, json_t *value);
void json_object_set(json_t *object, const char *key, json_t *value);
/* Puts all members of `from`, too, which goes on holding them. */
void json_object_update(json_t *object, json_t *from);
void json_array_append_new(json_t *array, json_t *value);
size_t json_array_size(const json_t *array);
json_t *json_array_get(const json_t *array, size_t index);

/* The value's text on one line, to be freed; NULL without memory, now or when the value was made. */
char *json_text(const json_t *value);

void tool_json_text(json_t *object, const char *key, const char *text);
void tool_json_real(json_t *object, const char *key, double value);
/* With all digits of the double. */
void tool_json_exact(json_t *object, const char *key, double value);
void tool_json_count(json_t *object, const char *key, uint64_t value);
/* Prints the object as one line and frees it. TOOL_DONE, or the exit status with the message printed. */
int tool_json_print(tool *run, json_t *object);

#endif
