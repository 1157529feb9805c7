/* SPDX-License-Identifier: MIT */
/* What the images go through: --preprocess for all of them, --augment for those of the training. */
#include "tool_train.h"

#include <stdlib.h>
#include <string.h>

size_t tool_train_sizing_length(const char *steps)
{
    static const char *const scaling[] = {"scale", "subtract", "normalize"};
    for (const char *step = steps; *step != '\0';) {
        size_t name = strcspn(step, "=,");
        for (size_t i = 0; i < sizeof(scaling) / sizeof(scaling[0]); i++) {
            if (strlen(scaling[i]) == name && strncmp(step, scaling[i], name) == 0) {
                return (size_t)(step - steps);
            }
        }
        step += strcspn(step, ",");
        step += *step == ',';
    }
    return strlen(steps);
}

size_t tool_train_decoding_length(const char *steps)
{
    static const char *const decoding[] = {"orient", "background"};
    const char *step = steps;
    for (bool found = true; found && *step != '\0';) {
        const size_t name = strcspn(step, "=,");
        found = false;
        for (size_t i = 0; i < sizeof(decoding) / sizeof(decoding[0]); i++) {
            found = found || (strlen(decoding[i]) == name && strncmp(step, decoding[i], name) == 0);
        }
        if (found) {
            step += strcspn(step, ",");
            step += *step == ',';
        }
    }
    return (size_t)(step - steps);
}

/* Whether the decoding part of `steps` has the step of that name. */
static bool decodes(const char *steps, const char *name)
{
    const char *end = steps + tool_train_decoding_length(steps), *found = strstr(steps, name);
    return found != NULL && found < end;
}

/* What is asked for, or else the preprocessing's or the augmentation's own, and then `rest`. */
static char *compose_decoding(const train_settings *settings, const char *text, const char *augment, const char *rest)
{
    const bool orient = settings->orient || decodes(text, "orient") || decodes(augment, "orient");
    const char *from = decodes(text, "background") ? text : decodes(augment, "background") ? augment : NULL;
    char *own = from != NULL ? strdup(strstr(from, "background")) : NULL;
    if (own != NULL) {
        own[strcspn(own, ",")] = '\0';
    }
    char *given = settings->background != NULL ? tool_format("background=%s", settings->background) : NULL;
    const char *background = given != NULL ? given : own != NULL ? own : "";
    char *steps = tool_format("%s%s%s%s%s", orient ? "orient" : "", orient && *background != '\0' ? "," : "",
                              background, *rest != '\0' ? "," : "", rest);
    free(given);
    free(own);
    return steps;
}

/* --orient and --background come before all other steps; a background of the preprocessing's own gives way. What an
 * augmentation begins with is for all images. */
static int add_decoding(train_run *train)
{
    const train_settings *settings = train->settings;
    const char *text = cnn_pipeline_text(train->preprocess), *rest = text + tool_train_decoding_length(text);
    const char *augment = train->augment != NULL ? train->augment : "";
    if (!settings->orient && settings->background == NULL && tool_train_decoding_length(augment) == 0) {
        return TOOL_DONE;
    }
    char *steps = compose_decoding(settings, text, augment, rest);
    cnn_pipeline *longer = NULL;
    cnn_status status = steps != NULL ? cnn_pipeline_create(train->run->context, steps, &longer)
                                      : CNN_ERROR_OUT_OF_MEMORY;
    free(steps);
    if (status != CNN_OK) {
        return settings->background != NULL && status == CNN_ERROR_INVALID_ARGUMENT
                   ? tool_fail_usage(train->run, "--background: %s", cnn_last_error(train->run->context))
                   : tool_fail_library(train->run, status);
    }
    cnn_pipeline_free(train->preprocess);
    train->preprocess = longer;
    return TOOL_DONE;
}

/* --augment; or what the recipe says of a model whose images are prepared in no other way. */
static int choose_augment(train_run *train)
{
    const char *given = train->settings->augment;
    const tool_recipe *recipe = train->recipe;
    if (given != NULL) {
        train->augment = strdup(given);
    } else if (recipe->margin > 0 && train->settings->preprocess == NULL && cnn_model_pipeline(train->model) == NULL) {
        cnn_shape input = cnn_model_input_shape(train->model);
        const long long rows = input.dims[0], cols = input.dims[1];
        train->augment = recipe->parts
                             ? tool_format("random_resized_crop=%lldx%lld:%s,flip", rows, cols, recipe->filter)
                             : tool_format("resize=%.0fx%.0f:%s,random_crop=%lldx%lld,flip",
                                           (double)rows * (double)recipe->margin, (double)cols * (double)recipe->margin,
                                           recipe->filter, rows, cols);
    } else if (recipe->pad > 0 && train->settings->preprocess == NULL && cnn_model_pipeline(train->model) == NULL) {
        cnn_shape input = cnn_model_input_shape(train->model);
        train->augment = tool_format("resize=%lldx%lld:%s,alternating_flip,random_crop=%lldx%lld:pad=%u:reflect",
                                     (long long)input.dims[0], (long long)input.dims[1], recipe->filter,
                                     (long long)input.dims[0], (long long)input.dims[1], (unsigned)recipe->pad);
    } else {
        return TOOL_DONE;
    }
    if (train->augment != NULL && (*train->augment == '\0' || strcmp(train->augment, "none") == 0)) {
        /* not that of the recipe either */
        free(train->augment);
        train->augment = NULL;
        return TOOL_DONE;
    }
    return train->augment != NULL ? TOOL_DONE : tool_fail_memory(train->run);
}

/* Makes the random steps; `whole` says whether they give the input's size by themselves. */
static int open_augment(train_run *train, cnn_pipeline **augment, bool *whole)
{
    tool *run = train->run;
    *whole = false;
    int result = choose_augment(train);
    if (result != TOOL_DONE || train->augment == NULL) {
        return result;
    }
    if (cnn_pipeline_create(run->context, train->augment, augment) != CNN_OK) {
        return tool_fail_usage(run, "--augment: %s", cnn_last_error(run->context));
    }
    cnn_shape input = cnn_model_input_shape(train->model);
    cnn_shape made = cnn_pipeline_output_shape(*augment, (uint32_t)input.dims[2]);
    *whole = made.rank == input.rank && memcmp(made.dims, input.dims, made.rank * sizeof(made.dims[0])) == 0;
    return TOOL_DONE;
}

/* A whole augmentation without what is random in it: for the recipe's parts, the middle of a larger resize. */
static cnn_status evaluation_steps(const train_run *train, const cnn_pipeline *augment, char **steps)
{
    const tool_recipe *recipe = train->recipe;
    if (recipe->parts && train->settings->augment == NULL) {
        cnn_shape input = cnn_model_input_shape(train->model);
        const long long rows = input.dims[0], cols = input.dims[1];
        *steps = tool_format("resize_short=%.0f:%s,center_crop=%lldx%lld",
                             (double)(rows > cols ? rows : cols) * (double)recipe->margin, recipe->filter, rows, cols);
        return CNN_OK;
    }
    cnn_pipeline *evaluation = NULL;
    cnn_status status = cnn_pipeline_for_evaluation(augment, &evaluation);
    *steps = status == CNN_OK ? strdup(cnn_pipeline_text(evaluation)) : NULL;
    cnn_pipeline_free(evaluation);
    return status;
}

#define TEN_CROP "ten-crop" /* of a recipe's views */

/* Whether an option says how many views an image has in validation. */
static bool asks_for_views(const train_run *train) { return train->settings->ten_crop || train->settings->tta != NULL; }

/* Replaces *steps, which may be NULL, by it with one more step. */
static void append_step(char **steps, const char *name, const char *rest)
{
    char *longer = *steps != NULL ? tool_format("%s%s%s%s", *steps, **steps != '\0' ? "," : "", name, rest) : NULL;
    free(*steps);
    *steps = longer;
}

/* The preprocessing that nobody gave: the model file's own; that of a whole augmentation; else a resize to the input.
 * The recipe's views and normalisation follow, unless values are changed already or an option is to do that. */
static cnn_status default_preprocess(train_run *train, const cnn_pipeline *augment)
{
    cnn_context *context = train->run->context;
    const cnn_pipeline *own = cnn_model_pipeline(train->model);
    if (own != NULL) {
        return cnn_pipeline_create(context, cnn_pipeline_text(own), &train->preprocess);
    }
    char *steps = NULL;
    cnn_status status = CNN_OK;
    cnn_shape input = cnn_model_input_shape(train->model);
    if (augment != NULL) {
        status = evaluation_steps(train, augment, &steps);
    } else {
        steps = tool_format("resize=%lldx%lld:%s", (long long)input.dims[0], (long long)input.dims[1],
                            train->recipe->filter);
    }
    if (steps != NULL && tool_train_sizing_length(steps) == strlen(steps)) {
        const tool_recipe *recipe = train->recipe;
        if (recipe->views != NULL && strcmp(recipe->views, TEN_CROP) != 0 && !asks_for_views(train)) {
            append_step(&steps, "views=", recipe->views);
        }
        if (recipe->normalize != NULL && train->settings->mean == NULL && input.dims[2] == 3) {
            append_step(&steps, recipe->normalize, "");
        }
    }
    if (status == CNN_OK) {
        status = steps != NULL ? cnn_pipeline_create(context, steps, &train->preprocess) : CNN_ERROR_OUT_OF_MEMORY;
    }
    free(steps);
    return status;
}

/* Adds the step to the preprocessing. */
static int append_mean(train_run *train, const char *numbers)
{
    cnn_pipeline *longer = NULL;
    const char *text = cnn_pipeline_text(train->preprocess);
    char *steps = tool_format("%s%ssubtract=%s", text, *text != '\0' ? "," : "", numbers);
    if (steps == NULL) {
        return tool_fail_memory(train->run);
    }
    cnn_status status = cnn_pipeline_create(train->run->context, steps, &longer);
    free(steps);
    if (status != CNN_OK) {
        return tool_fail_usage(train->run, "--mean: %s", cnn_last_error(train->run->context));
    }
    cnn_pipeline_free(train->preprocess);
    train->preprocess = longer;
    return TOOL_DONE;
}

/* --mean, or what the recipe says. A preprocessing that changes the scale of values has its mean already. */
static int subtract_mean(train_run *train)
{
    const char *given = train->settings->mean, *text = cnn_pipeline_text(train->preprocess);
    const char *mean = given != NULL ? given : train->recipe->mean ? "auto" : "none";
    bool scaled = tool_train_sizing_length(text) < strlen(text);
    if (strcmp(mean, "none") == 0 || (scaled && given == NULL)) {
        return TOOL_DONE;
    }
    if (scaled) {
        return tool_fail_usage(train->run, "--mean: the preprocessing changes the values already: %s", text);
    }
    if (strcmp(mean, "auto") != 0 && !tool_train_is_mean_file(mean)) {
        return append_mean(train, mean);
    }
    char *numbers = NULL;
    int result = tool_train_is_mean_file(mean) ? tool_train_mean_of_file(train, mean, &numbers)
                                               : tool_train_measure_mean(train, &numbers);
    if (result == TOOL_DONE) {
        result = append_mean(train, numbers);
    }
    free(numbers);
    return result;
}

/* The steps that `whole` was before it lost its views, with what was added to the preprocessing since then. */
static int restore_views(train_run *train, const char *whole, size_t length)
{
    const char *added = cnn_pipeline_text(train->preprocess) + length;
    char *steps = tool_format("%s%s%s", whole, *added != '\0' && *added != ',' ? "," : "", added);
    if (steps == NULL) {
        return tool_fail_memory(train->run);
    }
    const cnn_status status = cnn_pipeline_create(train->run->context, steps, &train->evaluation);
    free(steps);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(train->run, status);
}

/* Makes the preprocessing one of a single image of each; *whole is its text before, malloc'ed, NULL if it was that. */
static int take_views(train_run *train, char **whole)
{
    cnn_pipeline *one = NULL;
    if (!tool_has_views(train->preprocess)) {
        return TOOL_DONE;
    }
    if (train->settings->ten_crop && !tool_has_ten_crop(train->preprocess)) {
        return tool_fail_usage(train->run, "--ten-crop: the preprocessing makes several views already: %s",
                               cnn_pipeline_text(train->preprocess));
    }
    *whole = strdup(cnn_pipeline_text(train->preprocess));
    int result = *whole != NULL ? tool_one_view(train->run, train->preprocess, &one) : tool_fail_memory(train->run);
    if (result == TOOL_DONE) {
        cnn_pipeline_free(train->preprocess);
        train->preprocess = one;
    }
    return result;
}

/* The evaluation with the views that are asked for, or those that the preprocessing had: `whole` is its text before it
 * lost them, `length` that of what was left; or the recipe's. */
static int add_views(train_run *train, const char *whole, size_t length)
{
    const train_settings *settings = train->settings;
    const cnn_pipeline *one = train->preprocess;
    if (settings->tta != NULL) {
        return strcmp(settings->tta, "none") == 0 ? TOOL_DONE
                                                  : tool_add_views(train->run, one, settings->tta, &train->evaluation);
    }
    if (whole != NULL) {
        return restore_views(train, whole, length);
    }
    const bool fresh = settings->preprocess == NULL && cnn_model_pipeline(train->model) == NULL;
    const bool ten = fresh && train->recipe->views != NULL && strcmp(train->recipe->views, TEN_CROP) == 0 &&
                     tool_can_ten_crop(one);
    return settings->ten_crop || ten ? tool_set_crop(train->run, one, true, &train->evaluation) : TOOL_DONE;
}

/* What the model is to have: the preprocessing, or the same with several views, which training images never get. */
static int set_evaluation(train_run *train)
{
    tool *run = train->run;
    char *whole = NULL;
    if (train->settings->ten_crop && train->settings->tta != NULL) {
        return tool_fail_usage(run, "--ten-crop and --tta both say which views an image has");
    }
    int result = take_views(train, &whole);
    const size_t length = strlen(cnn_pipeline_text(train->preprocess));
    result = result == TOOL_DONE ? subtract_mean(train) : result;
    train->training_steps = train->evaluation = train->preprocess;
    result = result == TOOL_DONE ? add_views(train, whole, length) : result;
    free(whole);
    if (result != TOOL_DONE) {
        return result;
    }
    cnn_status status = cnn_model_set_pipeline(train->model, train->evaluation);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}

static int open_preprocess(train_run *train, const cnn_pipeline *whole_augment)
{
    const char *given = train->settings->preprocess;
    cnn_status status = given != NULL ? cnn_pipeline_create(train->run->context, given, &train->preprocess)
                                      : default_preprocess(train, whole_augment);
    if (status != CNN_OK && given != NULL) {
        return tool_fail_usage(train->run, "--preprocess: %s", cnn_last_error(train->run->context));
    }
    if (status != CNN_OK) {
        return tool_fail_library(train->run, status);
    }
    int result = add_decoding(train);
    return result == TOOL_DONE ? set_evaluation(train) : result;
}

/* Augmentation goes between the steps that make the size and those that change the scale of values, which must see
 * the images of training and prediction alike; a whole one stands in for the former. */
static int open_training_steps(train_run *train, bool whole)
{
    const char *text = cnn_pipeline_text(train->preprocess);
    size_t sizing = tool_train_sizing_length(text);
    bool scaled = whole && tool_train_sizing_length(train->augment) < strlen(train->augment);
    const char *scaling = scaled ? "" : text + sizing;
    size_t kept = whole ? tool_train_decoding_length(text) : sizing; /* how files are decoded is the preprocessing's */
    kept -= kept > 0 && text[kept - 1] == ',';
    const char *augment = train->augment + tool_train_decoding_length(train->augment);
    char *steps = tool_format("%.*s%s%s%s%s", (int)kept, text, kept > 0 && *augment != '\0' ? "," : "", augment,
                              *scaling != '\0' ? "," : "", scaling);
    if (steps == NULL) {
        return tool_fail_memory(train->run);
    }
    cnn_status status = cnn_pipeline_create(train->run->context, steps, &train->training_steps);
    free(steps);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(train->run, status);
}

/* --pca: puts the step after those of the augmentation that leave values in [0, 1]. */
static int add_pca(train_run *train)
{
    char *step = NULL;
    const char *before = train->augment != NULL ? train->augment : "";
    if (strstr(before, "pca_color") != NULL) {
        return tool_fail_usage(train->run, "--pca: the augmentation has a pca_color already: %s", before);
    }
    int result = tool_train_measure_pca(train, &step);
    if (result != TOOL_DONE || step == NULL) {
        return result;
    }
    size_t sizing = tool_train_sizing_length(before);
    size_t kept = sizing > 0 && before[sizing - 1] == ',' ? sizing - 1 : sizing;
    char *longer = tool_format("%.*s%s%s%s%s", (int)kept, before, kept > 0 ? "," : "", step,
                               before[sizing] != '\0' ? "," : "", before + sizing);
    free(step);
    free(train->augment);
    train->augment = longer;
    return longer != NULL ? TOOL_DONE : tool_fail_memory(train->run);
}

int tool_train_set_steps(train_run *train)
{
    cnn_pipeline *augment = NULL;
    bool whole = false;
    int result = open_augment(train, &augment, &whole);
    if (result == TOOL_DONE) {
        result = open_preprocess(train, whole ? augment : NULL);
    }
    if (result == TOOL_DONE && train->settings->pca != NULL) {
        result = add_pca(train);
    }
    if (result == TOOL_DONE && train->augment != NULL) {
        result = open_training_steps(train, whole);
    }
    cnn_pipeline_free(augment);
    return result;
}
