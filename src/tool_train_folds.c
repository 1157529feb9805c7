/* SPDX-License-Identifier: MIT */
/* Cross-validation of `cnn train`. */
#include "tool_train_folds.h"

#include "tool_json.h"
#include "tool_path.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tool_fold_take(const train_run *train, fold_result *result)
{
    const size_t epoch = cnn_history_best_epoch(train->history);
    result->count = 0;
    for (size_t i = 0; i <= train->evaluator_count && result->count < FOLD_SCORES; i++) {
        const char *name = i == 0 ? "loss" : cnn_evaluator_name(train->evaluators[i - 1]);
        char column[48];
        snprintf(column, sizeof(column), "val_%s", name);
        const double value = cnn_history_value(train->history, column, epoch);
        if (i > 0 && strcmp(name, "loss") == 0) {
            continue;
        }
        snprintf(result->names[result->count], sizeof(result->names[0]), "%s", name);
        result->values[result->count++] = value;
    }
}

/* What goes with folds, and what does not. */
static int check_options(tool *run, const train_settings *settings)
{
    const struct {
        const char *name;
        bool given;
    } others[] = {{"val", settings->val != NULL},
                  {"val-split", !isnan(settings->val_split)},
                  {"resume", settings->resume != NULL},
                  {"report", settings->report != NULL},
                  {"tensorboard", settings->tensorboard != NULL}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i].given) {
            return tool_fail_usage(run, "--folds and --%s exclude each other", others[i].name);
        }
    }
    if (run->ranks.size > 1) { /* each fold has a context of its own, and ranks share one */
        return tool_fail_usage(run,
                               "--folds is for one process: start a training for each fold of `cnn split --folds`");
    }
    return settings->out == NULL ? tool_fail_usage(run, "--out FILE is missing") : TOOL_DONE;
}

/* The files of one fold: photos.fold1.cnn. */
typedef struct fold_files {
    char *out, *log, *curve, *cache;
} fold_files;

static bool is_file(const char *where) { return strcmp(where, "memory") != 0 && strcmp(where, "none") != 0; }

static bool name_files(const train_settings *settings, uint64_t fold, fold_files *files, train_settings *own)
{
    char word[32];
    snprintf(word, sizeof(word), "fold%llu", (unsigned long long)fold + 1);
    *own = *settings;
    const struct {
        const char *given, **place;
        char **made;
    } names[] = {
        {settings->out, &own->out, &files->out},
        {settings->log, &own->log, &files->log},
        {settings->curve, &own->curve, &files->curve},
        {settings->cache_features != NULL && is_file(settings->cache_features) ? settings->cache_features : NULL,
         &own->cache_features, &files->cache}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].given != NULL) {
            *names[i].made = tool_name_with(names[i].given, word);
            *names[i].place = *names[i].made;
            if (*names[i].made == NULL) {
                return false;
            }
        }
    }
    own->fold = fold;
    return true;
}

static void free_files(fold_files *files)
{
    free(files->out);
    free(files->log);
    free(files->curve);
    free(files->cache);
}

/* Mean, and the deviation of the folds about it: that of a sample, divided by one less than their number. */
static void summarize(const fold_result *results, uint64_t folds, size_t score, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (uint64_t f = 0; f < folds; f++) {
        sum += results[f].values[score];
    }
    *mean = sum / (double)folds;
    for (uint64_t f = 0; f < folds; f++) {
        const double d = results[f].values[score] - *mean;
        squares += d * d;
    }
    *deviation = sqrt(squares / (double)(folds - 1));
}

static int print_json(tool *run, const fold_result *results, uint64_t folds)
{
    json_t *object = json_object(), *list = json_array(), *means = json_object(), *deviations = json_object();
    for (uint64_t f = 0; f < folds; f++) {
        json_t *row = json_object();
        for (size_t s = 0; s < results[f].count; s++) {
            tool_json_real(row, results[f].names[s], results[f].values[s]);
        }
        json_array_append_new(list, row);
    }
    for (size_t s = 0; s < results[0].count; s++) {
        double mean, deviation;
        summarize(results, folds, s, &mean, &deviation);
        tool_json_real(means, results[0].names[s], mean);
        tool_json_real(deviations, results[0].names[s], deviation);
    }
    json_object_set_new(object, "folds", list);
    json_object_set_new(object, "mean", means);
    json_object_set_new(object, "deviation", deviations);
    return tool_json_print(run, object);
}

static int print_table(tool *run, const fold_result *results, uint64_t folds)
{
    if (run->common->json) {
        return print_json(run, results, folds);
    }
    tool_print(run, "\nfold     ");
    for (size_t s = 0; s < results[0].count; s++) {
        tool_print(run, " %17s", results[0].names[s]);
    }
    for (uint64_t f = 0; f < folds; f++) {
        tool_print(run, "\n%-9llu", (unsigned long long)f + 1);
        for (size_t s = 0; s < results[0].count; s++) {
            tool_print(run, " %17.4f", results[f].values[s]);
        }
    }
    for (int row = 0; row < 2; row++) {
        tool_print(run, "\n%-9s", row == 0 ? "mean" : "deviation");
        for (size_t s = 0; s < results[0].count; s++) {
            double figures[2];
            summarize(results, folds, s, &figures[0], &figures[1]);
            tool_print(run, " %17.4f", figures[row]);
        }
    }
    tool_print(run, "\n");
    return TOOL_DONE;
}

int tool_train_folds(tool *run, const train_settings *settings,
                     int (*one)(tool *run, const train_settings *settings, fold_result *result))
{
    const uint64_t folds = settings->folds;
    int result = check_options(run, settings);
    fold_result *results = calloc(folds, sizeof(*results));
    result = result == TOOL_DONE && results == NULL ? tool_fail_memory(run) : result;
    for (uint64_t f = 0; f < folds && result == TOOL_DONE; f++) {
        fold_files files = {0};
        train_settings own;
        tool_note(run, "%sfold %llu of %llu", f > 0 ? "\n" : "", (unsigned long long)f + 1, (unsigned long long)folds);
        result = name_files(settings, f, &files, &own) ? one(run, &own, &results[f]) : tool_fail_memory(run);
        free_files(&files);
        if (f + 1 < folds && result == TOOL_DONE) { /* the next fold begins as the first did */
            tool_close_context(run);
        }
    }
    result = result == TOOL_DONE ? print_table(run, results, folds) : result;
    free(results);
    return result;
}
