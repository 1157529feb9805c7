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

/* JSON allows more in a text than a terminal should see: delete, the C1 controls, and what turns the direction of
 * writing become \u escapes, as the C0 controls are already. They occur within texts alone. */
static void print_escaped(tool *run, const char *text)
{
    const char *begin = text;
    for (const char *now = text; *now != '\0';) {
        uint32_t code = 0;
        size_t length = tool_hidden_character(now, &code);
        if (length > 0) {
            tool_print(run, "%.*s\\u%04x", (int)(now - begin), begin, (unsigned)code);
            begin = now + length;
        }
        now += length > 0 ? length : 1;
    }
    tool_print(run, "%s\n", begin);
}

int tool_json_print(tool *run, json_t *object)
{
    /* Nine digits hold every float32, which is what the library computes in. */
    char *text = json_dumps(object, JSON_REAL_PRECISION(9) | JSON_PRESERVE_ORDER);
    json_decref(object);
    if (text == NULL) {
        return tool_fail_memory(run);
    }
    print_escaped(run, text);
    tool_flush(run);
    free(text);
    return TOOL_DONE;
}
