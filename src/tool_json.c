/* SPDX-License-Identifier: MIT */
/* Results as JSON, on jansson. */
#include "tool_json.h"

#include <math.h>
#include <stdlib.h>

void tool_json_text(json_t *object, const char *key, const char *text)
{
    json_t *value = text != NULL ? json_string(text) : json_null();
    if (value == NULL) { /* not UTF-8 */
        char *printable = tool_printable(text);
        value = json_string(printable != NULL ? printable : "");
        free(printable);
    }
    json_object_set_new(object, key, value);
}

void tool_json_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

void tool_json_count(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

int tool_json_print(tool *run, json_t *object)
{
    /* Nine digits hold every float32, which is what the library computes in. */
    char *text = json_dumps(object, JSON_REAL_PRECISION(9) | JSON_PRESERVE_ORDER);
    json_decref(object);
    if (text == NULL) {
        return tool_fail_memory(run);
    }
    tool_print(run, "%s\n", text);
    tool_flush(run);
    free(text);
    return TOOL_DONE;
}
