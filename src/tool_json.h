/* SPDX-License-Identifier: MIT */
/* Results as JSON. Values that JSON cannot hold (NaN, infinity) become null; text that is not UTF-8 is escaped. */
#ifndef CNN_TOOL_JSON_H
#define CNN_TOOL_JSON_H

#include "tool.h"

#include <jansson.h>

void tool_json_text(json_t *object, const char *key, const char *text);
void tool_json_real(json_t *object, const char *key, double value);
void tool_json_count(json_t *object, const char *key, uint64_t value);
/* Prints the object as one line and frees it. TOOL_DONE, or the exit status with the message printed. */
int tool_json_print(tool *run, json_t *object);

#endif
