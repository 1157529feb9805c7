/* SPDX-License-Identifier: MIT */
/* The files of `cnn train`: checked before the first step, and what lies there already is not lost. */
#include "tool_path.h"
#include "tool_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUT, LAST, LOG, STEPS, CURVE, CACHE, REPORT, OUTPUTS, MODEL = OUTPUTS, INIT_FROM, RESUME, PATHS };

static void list_paths(const train_run *train, tool_path paths[PATHS])
{
    const train_settings *settings = train->settings;
    const char *model = train->run->operands[0];
    paths[OUT] = (tool_path){"--out", settings->out, true};
    paths[LAST] = (tool_path){"the checkpoint of --out", train->last_path, true};
    paths[LOG] = (tool_path){"--log", settings->log, true};
    paths[STEPS] = (tool_path){"the steps of --log", train->log.steps_path, true};
    paths[CURVE] = (tool_path){"--curve", settings->curve, true};
    const char *cache = settings->cache_features;
    const bool file = cache != NULL && strcmp(cache, "memory") != 0 && strcmp(cache, "none") != 0;
    paths[CACHE] = (tool_path){"--cache-features", file ? cache : NULL, true};
    paths[REPORT] = (tool_path){"--report", train->report.path, true};
    paths[MODEL] = (tool_path){"MODEL", tool_is_zoo(model) ? NULL : model, false};
    paths[INIT_FROM] = (tool_path){"--init-from", settings->init_from, false};
    paths[RESUME] = (tool_path){"--resume", settings->resume, false};
}

/* Outputs are no inputs, but for a model that is trained further and a checkpoint that goes on. */
static int check_distinct(train_run *train, const tool_path paths[PATHS])
{
    tool *run = train->run;
    int result = tool_path_check_distinct(run, paths, OUTPUTS);
    for (int i = 0; i < OUTPUTS && result == TOOL_DONE; i++) {
        for (int j = MODEL; j < PATHS && result == TOOL_DONE; j++) {
            bool fine = (i == OUT && j != RESUME) || i == LAST;
            const tool_path pair[2] = {paths[i], paths[j]};
            result = fine ? TOOL_DONE : tool_path_check_distinct(run, pair, 2);
        }
    }
    return result;
}

int tool_train_check_files(train_run *train)
{
    tool *run = train->run;
    tool_path paths[PATHS];
    if (tool_check_model_name(run, "--out", train->settings->out) != TOOL_DONE) {
        return TOOL_USAGE;
    }
    train->last_path = tool_name_checkpoint(train->settings->out);
    if (train->last_path == NULL) {
        return tool_fail_memory(run);
    }
    int result = tool_train_report_name(train);
    if (!tool_ranks_first(&run->ranks)) {
        return result; /* writes nothing */
    }
    result = result == TOOL_DONE
                 ? tool_log_open(run, &train->log, train->settings->log, train->settings->resume != NULL)
                 : result;
    train->log.every = train->settings->eval_every;
    train->log.decays = tool_train_wants_penalty(train);
    list_paths(train, paths);
    result = result == TOOL_DONE ? check_distinct(train, paths) : result;
    result = result == TOOL_DONE ? tool_train_report_check(train) : result;
    for (int i = 0; i < OUTPUTS && result == TOOL_DONE; i++) {
        if (paths[i].path != NULL && i != REPORT) {
            result = (i <= LAST ? tool_check_model_writable : tool_check_writable)(run, paths[i].path);
        }
    }
    return result;
}

int tool_train_check_data_files(train_run *train)
{
    tool_path paths[PATHS];
    const char *folder = train->settings->data, *val = train->settings->val;
    list_paths(train, paths);
    int result = tool_path_check_data(train->run, paths, OUTPUTS, train->data, folder);
    return result != TOOL_DONE
               ? result
               : tool_path_check_data(train->run, paths, OUTPUTS, train->validation_data, val != NULL ? val : folder);
}

static bool on_start_step(void *user, const cnn_progress *progress)
{
    train_run *train = user;
    if (tool_progress_due(train->run)) {
        tool_progress_draw(train->run, "as it is", progress->step, progress->steps, "validation");
    }
    return tool_signal() != 0;
}

/* The scores of the model before its first step, on the images by which epochs are compared. */
static int measure_start(train_run *train)
{
    tool *run = train->run;
    cnn_evaluate_result found = CNN_EVALUATE_RESULT_INIT;
    cnn_evaluator *decides = train->evaluators[0];
    cnn_status status = cnn_evaluate(
        train->model,
        CNN_EVALUATE(.loader = train->validation_loader, .loss = train->loss, .evaluators = train->evaluators,
                     .evaluator_count = train->evaluator_count, .on_step = on_start_step, .user = train,
                     .from = train->from, .communicator = run->ranks.communicator,
                     .penalties = train->settings->no_penalties ? CNN_NO : CNN_BY_DEFAULT),
        &found);
    tool_progress_end(run);
    if (status == CNN_ERROR_CANCELLED) {
        return tool_fail(run, "stopped by a signal before the first step; nothing was changed");
    }
    if (status != CNN_OK) {
        return status == CNN_ERROR_PEER ? TOOL_FAILED : tool_fail_library(run, status);
    }
    train->start_score = cnn_evaluator_score(decides);
    train->has_start = !isnan(train->start_score); /* any epoch is better than one whose scores do not exist */
    train->start_loss = found.loss;
    train->start_accuracy = found.accuracy;
    tool_note(run, "begins with val_loss %.4f, val_%s %.4f: %s stays as it is unless an epoch is better", found.loss,
              cnn_evaluator_name(decides), train->start_score, train->settings->out);
    return TOOL_DONE;
}

static int keep(train_run *train, bool model, bool checkpoint, bool tell)
{
    tool *run = train->run;
    const char *out = train->settings->out;
    char *previous = tool_name_previous(out);
    char *last = previous != NULL ? tool_name_checkpoint(previous) : NULL;
    int result = last != NULL ? TOOL_DONE : tool_fail_memory(run);
    if (result == TOOL_DONE && model) {
        result = tool_keep(run, out, previous, &train->kept_out);
    }
    if (result == TOOL_DONE && checkpoint) {
        result = tool_keep(run, train->last_path, last, &train->kept_last);
    }
    if (result == TOOL_DONE && tell && train->kept_out.path != NULL) {
        tool_note(run, "warning: %s was there already: what it holds is kept as %s", out, previous);
    }
    if (result == TOOL_DONE && train->kept_last.path != NULL) {
        tool_note(run, "warning: %s was there already, of another training: it is kept as %s", train->last_path, last);
    }
    free(previous);
    free(last);
    return result;
}

int tool_train_keep_files(train_run *train)
{
    const train_settings *settings = train->settings;
    const char *model = train->run->operands[0];
    /* A training that goes on in its own files replaces them; so does one that is told to. */
    bool goes_on = settings->resume != NULL && tool_path_same(settings->resume, train->last_path);
    bool others = !settings->replace && !goes_on;
    /* A model that is trained further into its own file is compared with the epochs, and the best of all stays. */
    bool compared = !tool_is_zoo(model) && settings->head == NULL && tool_path_same(model, settings->out) &&
                    train->validation_loader != NULL;
    int result = tool_ranks_first(&train->run->ranks) ? keep(train, compared || others, others, !compared) : TOOL_DONE;
    result = tool_ranks_agree(train->run, result);
    return result == TOOL_DONE && compared ? measure_start(train) : result;
}

bool tool_train_start_is_best(const train_run *train)
{
    return train->has_start && train->history != NULL &&
           !cnn_evaluator_is_better(train->evaluators[0], cnn_history_best_score(train->history), train->start_score);
}

int tool_train_settle_files(train_run *train)
{
    if (!train->has_start || train->history == NULL) {
        return TOOL_DONE;
    }
    if (tool_train_start_is_best(train)) {
        return tool_keep_restore(train->run, &train->kept_out);
    }
    tool_keep_drop(&train->kept_out);
    return TOOL_DONE;
}

bool tool_train_has_model(const train_run *train)
{
    const char *out = train->settings->out;
    if (access(out, F_OK) != 0) {
        return false;
    }
    bool found_there = train->kept_out.path != NULL && !tool_keep_replaced(&train->kept_out);
    return !found_there || tool_train_start_is_best(train);
}
