/* SPDX-License-Identifier: MIT */
/* json_get KEY...: each line of stdin must be a JSON object; prints, for each, the value that the keys lead to, which
 * may be array indices. Fails if a line is no object or lacks the value. */
#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *follow(const json_t *value, int count, char **keys)
{
    for (int i = 1; i < count && value != NULL; i++) {
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(keys[i])) : json_object_get(value, keys[i]);
    }
    return value;
}

int main(int count, char **keys)
{
    char *line = NULL;
    size_t capacity = 0, lines = 0;
    int result = EXIT_SUCCESS;
    while (getline(&line, &capacity, stdin) > 0 && result == EXIT_SUCCESS) {
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        const json_t *value = json_is_object(object) ? follow(object, count, keys) : NULL;
        char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
        if (text != NULL) {
            puts(json_is_string(value) ? json_string_value(value) : text);
        } else {
            fprintf(stderr, "json_get: not found in: %s", line);
            result = EXIT_FAILURE;
        }
        free(text);
        json_decref(object);
        lines++;
    }
    free(line);
    return lines > 0 ? result : EXIT_FAILURE;
}
