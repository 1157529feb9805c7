/* SPDX-License-Identifier: MIT */
/* What single options of `cnn train` cannot know of each other. */
#include "tool_train.h"

#include <math.h>
#include <string.h>

static int check_list(tool *run, const char *option, const char *text)
{
    tool_list list = {0};
    if (text == NULL) {
        return TOOL_DONE;
    }
    bool whole = tool_list_split(&list, text);
    const char *fault = whole ? tool_list_fault(&list) : NULL;
    int result = !whole          ? tool_fail_memory(run)
                 : fault != NULL ? tool_fail_usage(run, "--%s has %s: %s", option, fault, text)
                                 : TOOL_DONE;
    tool_list_free(&list);
    return result;
}

/* What is missing, and options that exclude each other or go with another one. */
static int check_pairs(tool *run, const train_settings *settings)
{
    if (settings->data == NULL || (settings->out == NULL && settings->find_lr == NULL)) {
        return tool_fail_usage(run, "--%s is missing", settings->data == NULL ? "data PATH" : "out FILE");
    }
    if (settings->val != NULL && !isnan(settings->val_split)) {
        return tool_fail_usage(run, "--val and --val-split exclude each other");
    }
    if (settings->resume != NULL && settings->init_from != NULL) {
        return tool_fail_usage(run, "--resume and --init-from exclude each other: a checkpoint holds all weights");
    }
    if (settings->teacher == NULL && (!isnan(settings->teacher_weight) || !isnan(settings->temperature))) {
        return tool_fail_usage(run, "--%s goes with --teacher",
                               isnan(settings->temperature) ? "teacher-weight" : "temperature");
    }
    if ((settings->validation_steps > 0 || settings->eval_every > 0) && settings->val == NULL &&
        isnan(settings->val_split)) {
        return tool_fail_usage(run, "--%s goes with --val or --val-split",
                               settings->eval_every > 0 ? "eval-every" : "validation-steps");
    }
    return TOOL_DONE;
}

/* Options that stand for nothing without another, and lists. */
static int check_companions(tool *run, const train_settings *settings)
{
    if (settings->memory_limit > 0 && !settings->in_memory) {
        return tool_fail_usage(run, "--memory-limit goes with --in-memory: streamed images take next to nothing");
    }
    if (settings->model.input[2] == 2 || settings->model.input[2] > 3) {
        return tool_fail_usage(run, "--size: images have 1 or 3 channels, not %d", (int)settings->model.input[2]);
    }
    if (settings->curve_style != NULL && settings->curve == NULL) {
        return tool_fail_usage(run, "--curve-style goes with --curve, which draws it");
    }
    if (settings->cut != NULL && settings->head == NULL) {
        return tool_fail_usage(run, "--cut goes with --head, which begins there");
    }
    int result = check_list(run, "classes", settings->classes);
    return result == TOOL_DONE ? check_list(run, "freeze", settings->freeze) : result;
}

int tool_train_check_settings(tool *run, const train_settings *settings)
{
    int result = check_pairs(run, settings);
    return result == TOOL_DONE ? check_companions(run, settings) : result;
}

int tool_train_check_ranks(tool *run, const train_settings *settings)
{
    const uint32_t ranks = run->ranks.size;
    if (settings->blocks > 0 && settings->blocks < ranks) {
        return tool_fail_usage(run, "--blocks %llu is too few for %u processes: each has one or more",
                               (unsigned long long)settings->blocks, (unsigned)ranks);
    }
    if (settings->blocks > 0 && (settings->sync_bn || settings->compress != NULL)) {
        return tool_fail_usage(run, "--blocks and --%s exclude each other", settings->sync_bn ? "sync-bn" : "compress");
    }
    const char *cache = settings->cache_features;
    if (ranks > 1 && ((cache != NULL && strcmp(cache, "none") != 0) || settings->views > 0)) {
        return tool_fail_usage(run, "--%s: several processes read their own images; features are computed by one",
                               settings->views > 0 ? "views" : "cache-features");
    }
    if (ranks > 1 && settings->find_lr != NULL) {
        return tool_fail_usage(run, "--find-lr is for one process: each would search among its own images");
    }
    return TOOL_DONE;
}
