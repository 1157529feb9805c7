/* SPDX-License-Identifier: MIT */
/* Several views of an image in place of one, and back. */
#include "tool_train.h"

#include <stdlib.h>
#include <string.h>

static const char *const crops[] = {"center_crop=", "ten_crop="};

/* The first step of that name, with its "="; NULL if there is none. */
static const char *find_step(const char *steps, const char *name)
{
    while (*steps != '\0') {
        if (strncmp(steps, name, strlen(name)) == 0) {
            return steps;
        }
        steps += strcspn(steps, ",");
        steps += *steps == ',';
    }
    return NULL;
}

bool tool_has_ten_crop(const cnn_pipeline *pipeline)
{
    return find_step(cnn_pipeline_text(pipeline), crops[1]) != NULL;
}

bool tool_can_ten_crop(const cnn_pipeline *pipeline)
{
    return find_step(cnn_pipeline_text(pipeline), crops[0]) != NULL;
}

bool tool_has_views(const cnn_pipeline *pipeline)
{
    const char *text = cnn_pipeline_text(pipeline);
    return find_step(text, crops[1]) != NULL || find_step(text, "views") != NULL;
}

int tool_one_view(tool *run, const cnn_pipeline *pipeline, cnn_pipeline **changed)
{
    const char *text = cnn_pipeline_text(pipeline), *step = find_step(text, "views");
    if (step == NULL) {
        return tool_set_crop(run, pipeline, false, changed);
    }
    const char *rest = step + strcspn(step, ",");
    size_t kept = (size_t)(step - text);
    kept -= kept > 0 && *rest == '\0'; /* the comma before it; else that after it goes */
    rest += kept == (size_t)(step - text) && *rest == ',';
    char *steps = tool_format("%.*s%s", (int)kept, text, rest);
    if (steps == NULL) {
        return tool_fail_memory(run);
    }
    cnn_status status = cnn_pipeline_create(run->context, steps, changed);
    free(steps);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

int tool_set_one_view(tool *run, cnn_model *model)
{
    const cnn_pipeline *own = cnn_model_pipeline(model);
    cnn_pipeline *changed = NULL;
    if (own == NULL || !tool_has_views(own)) {
        return TOOL_DONE;
    }
    int result = tool_one_view(run, own, &changed);
    if (result == TOOL_DONE) {
        const cnn_status status = cnn_model_set_pipeline(model, changed);
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    cnn_pipeline_free(changed);
    return result;
}

int tool_add_views(tool *run, const cnn_pipeline *pipeline, const char *views, cnn_pipeline **changed)
{
    const char *text = cnn_pipeline_text(pipeline);
    size_t kept = tool_train_sizing_length(text);
    kept -= kept > 0 && text[kept - 1] == ',';
    const char *rest = text[kept] == ',' ? text + kept + 1 : text + kept;
    char *steps = tool_format("%.*s%sviews%s%s%s%s", (int)kept, text, kept > 0 ? "," : "", *views != '\0' ? "=" : "",
                              views, *rest != '\0' ? "," : "", rest);
    if (steps == NULL) {
        return tool_fail_memory(run);
    }
    cnn_status status = cnn_pipeline_create(run->context, steps, changed);
    free(steps);
    return status == CNN_OK ? TOOL_DONE : tool_fail_usage(run, "--tta: %s", cnn_last_error(run->context));
}

int tool_choose_views(tool *run, const cnn_pipeline *pipeline, const char *views, cnn_pipeline **changed)
{
    cnn_pipeline *one = NULL;
    int result = tool_has_views(pipeline) ? tool_one_view(run, pipeline, &one) : TOOL_DONE;
    if (result != TOOL_DONE || strcmp(views, "none") == 0) {
        *changed = one;
        return result;
    }
    result = tool_add_views(run, one != NULL ? one : pipeline, views, changed);
    cnn_pipeline_free(one);
    return result;
}

int tool_set_crop(tool *run, const cnn_pipeline *pipeline, bool ten, cnn_pipeline **changed)
{
    const char *text = cnn_pipeline_text(pipeline), *from = crops[!ten], *to = crops[ten];
    const char *step = find_step(text, from);
    if (step == NULL && find_step(text, to) == NULL) {
        return tool_fail(run, "--ten-crop stands in for a center_crop, and the preprocessing has none: %s", text);
    }
    char *steps = step != NULL ? tool_format("%.*s%s%s", (int)(step - text), text, to, step + strlen(from))
                               : strdup(text);
    if (steps == NULL) {
        return tool_fail_memory(run);
    }
    cnn_status status = cnn_pipeline_create(run->context, steps, changed);
    free(steps);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}
