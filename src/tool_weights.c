/* SPDX-License-Identifier: MIT */
/* --class-weights of `cnn train`. */
#include "tool_train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With more classes the weights are not told one by one. */
#define MOST_LISTED 12

static const char *class_name(const void *dataset, size_t index) { return cnn_dataset_class_name(dataset, index); }

/* "cat=2": the name ends at the last equals sign, since names may hold others. */
static int set_one(train_run *train, char *text, bool *given)
{
    tool *run = train->run;
    char *sign = strrchr(text, '=');
    double weight = NAN;
    if (sign == NULL || !tool_parse_real(sign + 1, &weight) || !(weight >= 0) || weight > 1e6) {
        return tool_fail_usage(run,
                               "--class-weights takes balanced, effective, a file, or weights from 0 to 1e+06 such as "
                               "cat=2,dog=0.5, not \"%s\"",
                               text);
    }
    *sign = '\0';
    size_t label = 0, classes = cnn_dataset_class_count(train->data);
    while (label < classes && strcmp(cnn_dataset_class_name(train->data, label), text) != 0) {
        label++;
    }
    if (label == classes) {
        const char *nearest = tool_nearest(text, class_name, train->data);
        return tool_fail_usage(run, "--class-weights: there is no class \"%s\"%s%s%s", text,
                               nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                               nearest != NULL ? "?" : "");
    }
    if (given[label]) {
        return tool_fail_usage(run, "--class-weights: class \"%s\" is there twice", text);
    }
    given[label] = true;
    train->class_weights[label] = (float)weight;
    return TOOL_DONE;
}

static int set_list(train_run *train)
{
    size_t classes = cnn_dataset_class_count(train->data);
    tool_list list = {0};
    bool *given = calloc(classes + 1, sizeof(*given));
    int result = given != NULL && tool_list_split(&list, train->settings->class_weights) ? TOOL_DONE
                                                                                         : tool_fail_memory(train->run);
    for (size_t i = 0; i < list.count && result == TOOL_DONE; i++) {
        result = set_one(train, list.items[i], given);
    }
    tool_list_free(&list);
    free(given);
    return result;
}

/* Removes quotes around a name, and those that stand for one. */
static void unquote(char *name)
{
    size_t size = strlen(name), to = 0;
    if (size < 2 || name[0] != '"' || name[size - 1] != '"') {
        return;
    }
    for (size_t i = 1; i + 1 < size; i++) {
        name[to++] = name[i];
        i += name[i] == '"' && name[i + 1] == '"';
    }
    name[to] = '\0';
}

/* A file of lines "class,weight"; the first may be these words. */
static int set_file(train_run *train, FILE *file)
{
    const char *path = train->settings->class_weights;
    bool *given = calloc(cnn_dataset_class_count(train->data) + 1, sizeof(*given));
    char *line = NULL;
    size_t room = 0;
    int result = given != NULL ? TOOL_DONE : tool_fail_memory(train->run);
    for (size_t number = 1; result == TOOL_DONE && getline(&line, &room, file) >= 0; number++) {
        line[strcspn(line, "\r\n")] = '\0';
        char *comma = strrchr(line, ',');
        if (*line == '\0' || (number == 1 && strcmp(line, "class,weight") == 0)) {
            continue;
        }
        if (comma == NULL) {
            result = tool_fail(train->run, "%s: line %zu: expected class,weight", path, number);
            break;
        }
        *comma = '\0';
        unquote(line);
        char *text = tool_format("%s=%s", line, comma + 1);
        result = text != NULL ? set_one(train, text, given) : tool_fail_memory(train->run);
        free(text);
    }
    if (result == TOOL_DONE && ferror(file)) {
        result = tool_fail(train->run, "%s: %s", path, strerror(errno));
    }
    free(line);
    free(given);
    return result;
}

/* "effective", or "effective:beta=0.999". */
static int set_effective(train_run *train, const char *options)
{
    double beta = 0.999;
    const bool given = *options != '\0';
    if (given &&
        (strncmp(options, ":beta=", 6) != 0 || !tool_parse_real(options + 6, &beta) || !(beta >= 0) || beta >= 1)) {
        return tool_fail_usage(train->run,
                               "--class-weights: expected effective:beta=0.999, beta from 0 to less than 1");
    }
    cnn_status status = cnn_dataset_effective_weights(train->data, beta, train->class_weights,
                                                      cnn_dataset_class_count(train->data));
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(train->run, status);
}

static void tell(const train_run *train)
{
    size_t classes = cnn_dataset_class_count(train->data);
    for (size_t i = 0; i < classes && classes <= MOST_LISTED; i++) {
        char *name = tool_label_text(cnn_dataset_class_name(train->data, i), i);
        tool_note(train->run, "weight      %s %.4g", name, (double)train->class_weights[i]);
        free(name);
    }
}

int tool_train_set_class_weights(train_run *train)
{
    const char *text = train->settings->class_weights;
    size_t classes = cnn_dataset_class_count(train->data);
    if (text == NULL) {
        return TOOL_DONE;
    }
    train->class_weights = calloc(classes + 1, sizeof(*train->class_weights));
    if (train->class_weights == NULL) {
        return tool_fail_memory(train->run);
    }
    int result = TOOL_DONE;
    if (strcmp(text, "balanced") == 0) {
        cnn_status status = cnn_dataset_balanced_weights(train->data, train->class_weights, classes);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(train->run, status);
    } else if (strncmp(text, "effective", 9) == 0 && (text[9] == '\0' || text[9] == ':')) {
        result = set_effective(train, text + 9);
    } else {
        for (size_t i = 0; i < classes; i++) {
            train->class_weights[i] = 1;
        }
        FILE *file = strchr(text, '=') == NULL ? fopen(text, "re") : NULL;
        result = file != NULL ? set_file(train, file) : set_list(train);
        if (file != NULL) {
            fclose(file);
        }
    }
    if (result == TOOL_DONE) {
        tell(train);
    }
    return result;
}
