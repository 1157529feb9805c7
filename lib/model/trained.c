/* SPDX-License-Identifier: MIT */
/* What is trained: parameters by patterns of names, from a layer on, or the head alone; and what normalisations do with
 * their statistics. */
#include <string.h>

#include "model/model.h"

/* Whether `text` matches a pattern in which "*" stands for any text. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

/* The name of a layer, or of a model used as one, stands for all of its parameters: whatever comes before a '/'. */
static bool matches_part(const char *pattern, const char *text)
{
    char name[CNN__MAX_NAME];
    bool meant = matches(pattern, text);
    const char *slash = text;
    while (!meant && (slash = strchr(slash, '/')) != NULL) {
        const size_t size = (size_t)(slash++ - text);
        if (size >= sizeof(name)) {
            break;
        }
        memcpy(name, text, size);
        name[size] = '\0';
        meant = matches(pattern, name);
    }
    return meant;
}

/* Names of layers inside other models may be given without those models' names. */
bool cnn__parameter_matches(const cnn__parameter *parameter, const char *pattern)
{
    const char *text = parameter->name, *own = strrchr(text, '/');
    bool meant = false;
    while (!meant && text != NULL && own != NULL && text <= own) {
        meant = matches_part(pattern, text);
        const char *slash = strchr(text, '/');
        text = slash != NULL ? slash + 1 : NULL;
    }
    return meant;
}

cnn_status cnn__no_match(const cnn_model *model, const char *pattern)
{
    char text[200];
    return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: no parameter matches \"%s\"", model->name,
                     cnn__printable(pattern, text, sizeof(text)));
}

cnn_status cnn__check_pattern(const cnn_model *model, const char *pattern)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    return pattern != NULL ? CNN_OK
                           : cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no pattern", model->name);
}

cnn_status cnn_model_set_trainable(cnn_model *model, const char *pattern, bool trainable)
{
    bool any = false;
    CNN__RETURN_IF_ERROR(cnn__check_pattern(model, pattern));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__parameter *parameter = &model->parameters[i];
        if (cnn__parameter_matches(parameter, pattern)) {
            parameter->frozen = !trainable;
            any = true;
        }
    }
    return any ? CNN_OK : cnn__no_match(model, pattern);
}

cnn_status cnn_model_set_statistics(cnn_model *model, const char *pattern, cnn_statistics statistics)
{
    bool any = false;
    CNN__RETURN_IF_ERROR(cnn__check_pattern(model, pattern));
    if (statistics < CNN_STATISTICS_BY_TRAINABLE || statistics > CNN_STATISTICS_KEEP) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: %d is not a cnn_statistics", model->name,
                         (int)statistics);
    }
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        if (!parameter->trainable && cnn__parameter_matches(parameter, pattern)) {
            model->nodes[parameter->node].statistics = statistics;
            any = true;
        }
    }
    return any ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: no layer with statistics matches \"%s\"",
                           model->name, pattern);
}

/* ---- from a layer on ---- */

/* Whether this is the layer's name, or that of a model around it, with or without the names of models around those. */
static bool is_named(const char *node, const char *name)
{
    const size_t size = strlen(name);
    for (const char *part = node; part != NULL; part = strchr(part, '/') != NULL ? strchr(part, '/') + 1 : NULL) {
        if (strncmp(part, name, size) == 0 && (part[size] == '\0' || part[size] == '/')) {
            return true;
        }
    }
    return false;
}

/* The first node of that name; of several the one whose whole name it is, or begins with it. */
static cnn_status find_first(const cnn_model *model, const char *name, uint32_t *first)
{
    const size_t size = strlen(name);
    uint32_t inner = CNN__NO_NODE;
    for (uint32_t i = 0; i < model->node_count; i++) {
        const char *node = model->nodes[i].name;
        if (strncmp(node, name, size) == 0 && (node[size] == '\0' || node[size] == '/')) {
            *first = i;
            return CNN_OK;
        }
        inner = inner == CNN__NO_NODE && is_named(node, name) ? i : inner;
    }
    *first = inner;
    char text[200];
    return inner != CNN__NO_NODE ? CNN_OK
                                 : cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\"",
                                             model->name, cnn__printable(name, text, sizeof(text)));
}

cnn_status cnn_model_train_from(cnn_model *model, const char *layer)
{
    uint32_t first = 0;
    CNN__RETURN_IF_ERROR(cnn__check_pattern(model, layer));
    CNN__RETURN_IF_ERROR(find_first(model, layer, &first));
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        model->parameters[i].frozen = model->parameters[i].node < first;
    }
    return CNN_OK;
}

/* ---- the head ---- */

/* Marks the nodes that outputs depend on by way of vectors alone: dense layers and what is between them. */
static void mark_vectors(const cnn_model *model, bool *marked)
{
    for (uint32_t i = 0; i < cnn__model_outputs(model); i++) {
        const uint32_t output = cnn__model_output(model, i);
        if ((output & CNN__INPUT) == 0) {
            marked[output] = true;
        }
    }
    for (uint32_t i = model->node_count; i-- > 0;) {
        const cnn__node *node = &model->nodes[i];
        for (uint32_t k = 0; k < node->input_count && marked[i]; k++) {
            marked[i] = cnn__value_shape(model, node->inputs[k])->rank == 1;
        }
        for (uint32_t k = 0; k < node->input_count && marked[i]; k++) {
            if ((node->inputs[k] & CNN__INPUT) == 0) {
                marked[node->inputs[k]] = true;
            }
        }
    }
}

/* The node with the last parameter that can be trained. */
static uint32_t last_trainable(const cnn_model *model)
{
    for (uint32_t i = model->parameter_count; i-- > 0;) {
        if (model->parameters[i].trainable) {
            return model->parameters[i].node;
        }
    }
    return CNN__NO_NODE;
}

cnn_status cnn_model_train_head(cnn_model *model)
{
    CNN__RETURN_IF_ERROR(cnn__check_pattern(model, ""));
    const uint32_t last = last_trainable(model);
    if (last == CNN__NO_NODE) {
        return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: nothing can be trained", model->name);
    }
    bool *marked = cnn__alloc_zero(model->context, model->node_count * sizeof(*marked));
    if (marked == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    bool any = false, all = true;
    mark_vectors(model, marked);
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        any = any || (parameter->trainable && marked[parameter->node]);
        all = all && (!parameter->trainable || marked[parameter->node]);
    }
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        cnn__parameter *parameter = &model->parameters[i];
        parameter->frozen = any && !all ? !marked[parameter->node] : parameter->node != last;
    }
    cnn__free(model->context, marked);
    return CNN_OK;
}

size_t cnn_model_trainable_count(const cnn_model *model)
{
    size_t count = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        count += model->parameters[i].trainable && !model->parameters[i].frozen;
    }
    return count;
}
