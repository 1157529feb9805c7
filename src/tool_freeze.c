/* SPDX-License-Identifier: MIT */
/* --freeze: what is not trained, and what normalisations do with their statistics; and saying so. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

/* With more names only the first are listed. */
#define MOST_LISTED 12

static const char *const statistics_names[] = {"keras", "move", "keep", NULL}; /* by cnn_statistics */

static const char *after(const char *text, const char *start)
{
    const size_t length = strlen(start);
    return strncmp(text, start, length) == 0 ? text + length : NULL;
}

static int set_statistics(tool *run, cnn_model *model, const char *name)
{
    for (int i = 0; statistics_names[i] != NULL; i++) {
        if (strcmp(statistics_names[i], name) == 0) {
            const cnn_status status = cnn_model_set_statistics(model, "*", (cnn_statistics)i);
            return status == CNN_OK || status == CNN_ERROR_NOT_FOUND ? TOOL_DONE : tool_fail_library(run, status);
        }
    }
    return tool_fail_usage(run, "--freeze: statistics=%s: must be keras, move or keep", name);
}

/* A layer may be called "base", too: then it is that one. */
static cnn_status freeze_base(cnn_model *model)
{
    const cnn_status status = cnn_model_set_trainable(model, "base", false);
    return status == CNN_ERROR_NOT_FOUND ? cnn_model_train_head(model) : status;
}

static int freeze_item(tool *run, cnn_model *model, const char *item)
{
    const char *statistics = after(item, "statistics="), *layer = after(item, "before="), *kept = after(item, "!");
    if (statistics != NULL) {
        return set_statistics(run, model, statistics);
    }
    const cnn_status status = strcmp(item, "base") == 0 ? freeze_base(model)
                              : layer != NULL           ? cnn_model_train_from(model, layer)
                              : kept != NULL            ? cnn_model_set_trainable(model, kept, true)
                                                        : cnn_model_set_trainable(model, item, false);
    if (status != CNN_ERROR_NOT_FOUND) {
        return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    char *printable = tool_printable(layer != NULL ? layer : kept != NULL ? kept : item);
    const int result = tool_fail(run, "--freeze: %s matches \"%s\"; `cnn summary` lists the layers",
                                 layer != NULL ? "no layer" : "no parameter", printable != NULL ? printable : "");
    free(printable);
    return result;
}

int tool_freeze(tool *run, cnn_model *model, const char *text)
{
    tool_list items = {0};
    int result = TOOL_DONE;
    if (text != NULL && !tool_list_split(&items, text)) {
        result = tool_fail_memory(run);
    }
    for (size_t i = 0; i < items.count && result == TOOL_DONE; i++) {
        result = freeze_item(run, model, items.items[i]);
    }
    tool_list_free(&items);
    return result;
}

char *tool_trained_names(cnn_model *model)
{
    char *text = strdup("");
    size_t listed = 0, all = cnn_model_trainable_count(model);
    for (size_t i = 0; i < cnn_model_parameter_count(model) && text != NULL && listed < MOST_LISTED; i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        if (cnn_model_parameter(model, i, &parameter) == CNN_OK && parameter.trainable) {
            char *name = tool_printable(parameter.name);
            char *longer = tool_format("%s%s%s", text, listed++ > 0 ? ", " : "", name != NULL ? name : "");
            free(name);
            free(text);
            text = longer;
        }
    }
    if (text != NULL && listed < all) {
        char *longer = tool_format("%s and %zu more", text, all - listed);
        free(text);
        text = longer;
    }
    return text;
}
