/* SPDX-License-Identifier: MIT */
/* --class-weights of `cnn train`. */
#include "tool_train.h"

#include <math.h>
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
                               "--class-weights takes balanced or weights from 0 to 1e+06 such as cat=2,dog=0.5, "
                               "not \"%s\"",
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
    } else {
        for (size_t i = 0; i < classes; i++) {
            train->class_weights[i] = 1;
        }
        result = set_list(train);
    }
    if (result == TOOL_DONE) {
        tell(train);
    }
    return result;
}
