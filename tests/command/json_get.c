/* SPDX-License-Identifier: MIT */
/* json_get KEY...: each line of stdin must be a JSON object; prints, for each, the value that the keys lead to, which
 * may be array indices. Fails if a line is no object or lacks the value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

#include "core/json.h"

static const cnn__json *follow(const cnn__json *value, int count, char **keys)
{
    for (int i = 1; i < count && value != NULL; i++) {
        if (!cnn__json_is(value, CNN__JSON_ARRAY)) {
            value = cnn__json_get(value, keys[i]);
            continue;
        }
        const cnn__json *list = value;
        value = cnn__json_first(list);
        for (int left = atoi(keys[i]); left > 0 && value != NULL; left--) {
            value = cnn__json_next(list, value);
        }
    }
    return value;
}

static void print(const cnn__json *value)
{
    static const char *const words[] = {"null", "false", "true"};
    const bool object = cnn__json_is(value, CNN__JSON_OBJECT);
    const char *between = "";
    if (value->kind <= CNN__JSON_TRUE) {
        printf("%s", words[value->kind]);
    } else if (cnn__json_is(value, CNN__JSON_NUMBER) || cnn__json_is(value, CNN__JSON_STRING)) {
        printf("%.*s", (int)value->size, value->text);
    } else {
        printf(object ? "{" : "[");
        for (const cnn__json *item = cnn__json_first(value); item != NULL; item = cnn__json_next(value, item)) {
            printf("%s", between);
            between = ", ";
            if (object) {
                printf("\"%s\": ", item->text);
            }
            print(item + object);
        }
        printf(object ? "}" : "]");
    }
}

int main(int count, char **keys)
{
    char *line = NULL;
    size_t capacity = 0, lines = 0;
    ssize_t length;
    int result = EXIT_SUCCESS;
    cnn_context *context = NULL;
    if (cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &context) != CNN_OK) {
        return EXIT_FAILURE;
    }
    while ((length = getline(&line, &capacity, stdin)) > 0 && result == EXIT_SUCCESS) {
        cnn__json_document document;
        (void)cnn__json_parse(context, "stdin", "line", line, (size_t)length, &document);
        const cnn__json *value = follow(document.root, count, keys);
        if (value != NULL) {
            print(value);
            puts("");
        } else {
            fprintf(stderr, "json_get: not found in: %s%s\n", line, cnn_last_error(context));
            result = EXIT_FAILURE;
        }
        cnn__json_free(&document);
        lines++;
    }
    free(line);
    cnn_context_free(context);
    return lines > 0 ? result : EXIT_FAILURE;
}
