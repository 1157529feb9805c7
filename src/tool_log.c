/* SPDX-License-Identifier: MIT */
#include "tool_log.h"

#include "tool_json.h"
#include "tool_keep.h"
#include "tool_path.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps wait so long for those that come after them. */
#define WAIT_SECONDS 1.0

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

int tool_log_open(tool *run, tool_log *log, const char *path, bool resumed)
{
    *log = (tool_log){.path = path, .resumed = resumed};
    if (path == NULL) {
        return TOOL_DONE;
    }
    log->json = ends_with(path, ".json") || ends_with(path, ".jsonl");
    if (!log->json && !tool_path_is_special(path)) {
        log->steps_path = tool_name_with(path, "steps");
        if (log->steps_path == NULL) {
            return tool_fail_memory(run);
        }
    }
    log->steps = open_memstream(&log->text, &log->size);
    return log->steps != NULL ? TOOL_DONE : tool_fail_memory(run);
}

void tool_log_close(tool_log *log)
{
    if (log->steps != NULL) {
        fclose(log->steps);
    }
    free(log->text);
    free(log->steps_path);
    *log = (tool_log){0};
}

/* ---- rows ---- */

/* The numbers of a row by their names. */
typedef struct row {
    FILE *file;
    bool json;
    json_t *object; /* of JSON; NULL: without memory */
} row;

/* Rows are told by these words when they are read again. */
static row begin_row(const tool_log *log, FILE *file, const char *event, uint64_t epoch)
{
    row r = {file, log->json, log->json ? json_object() : NULL};
    if (r.json) {
        tool_json_text(r.object, "event", event);
        tool_json_count(r.object, "epoch", epoch);
    } else {
        fprintf(file, "%" PRIu64, epoch);
    }
    return r;
}

static void put_count(const row *r, const char *name, uint64_t value)
{
    if (r->json) {
        tool_json_count(r->object, name, value);
    } else {
        fprintf(r->file, ",%" PRIu64, value);
    }
}

static void put_real(const row *r, const char *name, double value)
{
    if (r->json) {
        tool_json_exact(r->object, name, value);
    } else {
        fprintf(r->file, isfinite(value) ? ",%.17g" : ",", value);
    }
}

static void end_row(row *r)
{
    char *text = r->json ? json_text(r->object) : NULL;
    if (text != NULL) {
        fputs(text, r->file);
    }
    fputc('\n', r->file);
    json_decref(r->object);
    free(text);
}

static void write_epoch(const tool_log *log, FILE *file, const cnn_history *history, size_t epoch)
{
    row r = begin_row(log, file, "epoch", epoch + 1);
    for (size_t i = 0; i < cnn_history_columns(history); i++) {
        const char *column = cnn_history_column(history, i);
        put_real(&r, column, cnn_history_value(history, column, epoch));
    }
    end_row(&r);
}

static void write_epoch_names(FILE *file, const cnn_history *history)
{
    fputs("epoch", file);
    for (size_t i = 0; i < cnn_history_columns(history); i++) {
        fprintf(file, ",%s", cnn_history_column(history, i));
    }
    fputc('\n', file);
}

static bool is_scored(const cnn_progress *progress) { return strcmp(progress->score_name, "loss") != 0; }

/* Leaves the columns of an evaluation empty, if there was none after the last step. */
static void end_open_row(tool_log *log)
{
    if (log->open > 0) {
        fputs(log->open > 1 ? ",,\n" : ",\n", log->steps);
        log->open = 0;
    }
}

static void write_step(tool_log *log, FILE *file, const cnn_progress *progress)
{
    const bool scored = is_scored(progress);
    row r = begin_row(log, file, "step", progress->epoch + 1);
    put_count(&r, "step", progress->total_steps);
    put_real(&r, "step_loss", progress->step_loss);
    put_real(&r, "loss", progress->loss);
    if (scored) {
        put_real(&r, progress->score_name, progress->score);
    }
    put_real(&r, "learning_rate", progress->learning_rate);
    put_real(&r, "images_per_second", progress->images_per_second);
    put_real(&r, "seconds", progress->seconds);
    if (log->decays) {
        put_real(&r, "decay_penalty", progress->decay_penalty);
    }
    if (log->json || log->every == 0) {
        end_row(&r);
        return;
    }
    log->open = scored ? 2 : 1;
    if (progress->total_steps % log->every != 0) {
        end_open_row(log);
    }
}

static void write_step_names(const tool_log *log, FILE *file, const cnn_progress *progress)
{
    const bool scored = is_scored(progress);
    const char *name = scored ? progress->score_name : "";
    fprintf(file, "epoch,step,step_loss,loss%s%s,learning_rate,images_per_second,seconds%s", scored ? "," : "", name,
            log->decays ? ",decay_penalty" : "");
    if (log->every > 0) {
        fprintf(file, ",val_loss%s%s", scored ? ",val_" : "", name);
    }
    fputc('\n', file);
}

/* ---- what the files hold already ---- */

/* The text of a file, as far as there is one; malloc'ed. */
static char *read_text(const char *path)
{
    char piece[65536], *text = NULL;
    size_t size = 0, got = 0;
    FILE *from = tool_path_is_special(path) ? NULL : fopen(path, "rb"), *to = open_memstream(&text, &size);
    while (from != NULL && to != NULL && (got = fread(piece, 1, sizeof(piece), from)) > 0) {
        fwrite(piece, 1, got, to);
    }
    if (from != NULL) {
        fclose(from);
    }
    if (to != NULL) {
        fclose(to);
    }
    return text;
}

/* Whether a line is that of a step or of its evaluation, and of which one. A line without an end was not written to
 * it. */
static bool is_step(bool json, const char *line, uint64_t *epoch, uint64_t *step, bool *evaluation)
{
    static const char formats[][64] = {"%" SCNu64 ",%" SCNu64 ",",
                                       "{\"event\": \"step\", \"epoch\": %" SCNu64 ", \"step\": %" SCNu64 ",",
                                       "{\"event\": \"evaluation\", \"epoch\": %" SCNu64 ", \"step\": %" SCNu64 ","};
    char head[128]; /* sscanf() would measure all that follows */
    snprintf(head, sizeof(head), "%.*s", (int)strcspn(line, "\n"), line);
    *evaluation = json && strncmp(head, "{\"event\": \"evaluation", 21) == 0;
    return strchr(line, '\n') != NULL && sscanf(head, formats[json + *evaluation], epoch, step) == 2;
}

/* Copies the steps of an epoch before step `next` from the lines of `text`. They are in order, each once, whatever was
 * there. Returns where it ended. */
static const char *copy_steps(const tool_log *log, const char *text, uint64_t epoch, uint64_t next, FILE *to,
                              uint64_t *last)
{
    while (*text != '\0') {
        uint64_t of = 0, step = 0;
        bool evaluation = false;
        const char *end = strchr(text, '\n');
        end = end != NULL ? end + 1 : text + strlen(text);
        if (is_step(log->json, text, &of, &step, &evaluation)) {
            if (of > epoch) {
                break;
            }
            if (of == epoch && step < next && (evaluation ? step == *last : step > *last)) {
                fwrite(text, 1, (size_t)(end - text), to);
                *last = step;
            }
        }
        text = end;
    }
    return text;
}

/* The first file as it is before step `next`: the epochs so far, and of JSON the steps between them. */
static void write_past(const tool_log *log, const char *old, const cnn_history *history, uint64_t next, FILE *to)
{
    const size_t epochs = cnn_history_epochs(history);
    uint64_t last = 0;
    if (!log->json) {
        write_epoch_names(to, history);
    }
    for (size_t epoch = 0; epoch < epochs; epoch++) {
        old = log->json ? copy_steps(log, old, epoch + 1, next, to, &last) : old;
        write_epoch(log, to, history, epoch);
    }
    if (log->json) {
        copy_steps(log, old, epochs + 1, next, to, &last);
    }
}

static int save_stream(tool *run, const char *path, FILE *file, char **text, const size_t *size)
{
    const bool whole = fclose(file) == 0;
    const int result = whole ? tool_save_bytes(run, path, *text, *size) : tool_fail_memory(run);
    free(*text);
    return result;
}

/* The file of the steps. One with other columns than these is begun anew. */
static int begin_steps(tool *run, const tool_log *log, const cnn_progress *progress)
{
    char *text = NULL, *old = log->resumed ? read_text(log->steps_path) : NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL || (log->resumed && old == NULL)) {
        free(old);
        if (file != NULL) {
            fclose(file);
        }
        free(text);
        return tool_fail_memory(run);
    }
    write_step_names(log, file, progress);
    fflush(file);
    if (old != NULL && strncmp(old, text, size) == 0) {
        const char *at = old + size;
        uint64_t last = 0;
        for (uint64_t epoch = 1; epoch <= progress->epoch + 1; epoch++) {
            at = copy_steps(log, at, epoch, progress->total_steps, file, &last);
        }
    }
    free(old);
    return save_stream(run, log->steps_path, file, &text, &size);
}

/* Before the first row of this run: step number `next`, of all. */
static int begin(tool *run, tool_log *log, const cnn_history *history, uint64_t next)
{
    char *text = NULL, *old = log->json && log->resumed ? read_text(log->path) : strdup("");
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL || old == NULL) {
        free(old);
        if (file != NULL) {
            fclose(file);
        }
        free(text);
        return tool_fail_memory(run);
    }
    log->begun = true;
    write_past(log, old, history, next, file);
    free(old);
    return save_stream(run, log->path, file, &text, &size);
}

/* ---- what happens ---- */

/* Writes the rows that wait, and has a new stream for those to come. */
static int flush(tool *run, tool_log *log)
{
    const char *path = log->steps_path != NULL ? log->steps_path : log->path;
    const bool whole = log->steps != NULL && fclose(log->steps) == 0;
    int result = !whole ? tool_fail_memory(run) : log->size > 0 ? tool_append_text(run, path, log->text) : TOOL_DONE;
    free(log->text);
    log->text = NULL;
    log->steps = open_memstream(&log->text, &log->size);
    log->written = tool_seconds();
    return result != TOOL_DONE || log->steps != NULL ? result : tool_fail_memory(run);
}

int tool_log_step(tool *run, tool_log *log, const cnn_progress *progress)
{
    int result = log->begun ? TOOL_DONE : begin(run, log, progress->history, progress->total_steps);
    if (result == TOOL_DONE && log->steps_path != NULL && !log->steps_begun) {
        log->steps_begun = true;
        result = begin_steps(run, log, progress);
    }
    if (result != TOOL_DONE || (!log->json && log->steps_path == NULL)) {
        return result;
    }
    end_open_row(log);
    write_step(log, log->steps, progress);
    const bool waits = log->open > 0 ||
                       (progress->step < progress->steps && tool_seconds() - log->written < WAIT_SECONDS);
    return waits ? TOOL_DONE : flush(run, log);
}

int tool_log_evaluation(tool *run, tool_log *log, const cnn_progress *progress)
{
    if (!log->json) {
        if (log->open > 0) { /* else there is no file of steps, or this run did not do the step */
            const row r = {log->steps, false, NULL};
            put_real(&r, "", progress->validation_loss);
            if (is_scored(progress)) {
                put_real(&r, "", progress->validation_score);
            }
            fputc('\n', log->steps);
            log->open = 0;
        }
        return TOOL_DONE;
    }
    int result = log->begun ? TOOL_DONE : begin(run, log, progress->history, progress->total_steps + 1);
    if (result != TOOL_DONE) {
        return result;
    }
    row r = begin_row(log, log->steps, "evaluation", progress->epoch + 1);
    put_count(&r, "step", progress->total_steps);
    put_real(&r, "step_loss", progress->step_loss);
    put_real(&r, "loss", progress->loss);
    put_real(&r, "val_loss", progress->validation_loss);
    char *name = is_scored(progress) ? tool_format("val_%s", progress->score_name) : NULL;
    if (name != NULL) {
        put_real(&r, name, progress->validation_score);
    }
    end_row(&r);
    free(name);
    return TOOL_DONE;
}

int tool_log_epoch(tool *run, tool_log *log, const cnn_progress *progress)
{
    char *text = NULL;
    size_t size = 0;
    if (!log->begun) { /* only its validation was left to do */
        return begin(run, log, progress->history, progress->total_steps + 1);
    }
    end_open_row(log);
    int result = flush(run, log);
    FILE *file = result == TOOL_DONE ? open_memstream(&text, &size) : NULL;
    if (file == NULL) {
        return result == TOOL_DONE ? tool_fail_memory(run) : result;
    }
    write_epoch(log, file, progress->history, progress->epoch);
    result = fclose(file) == 0 ? tool_append_text(run, log->path, text) : tool_fail_memory(run);
    free(text);
    return result;
}

int tool_log_end(tool *run, tool_log *log, const cnn_history *history, const char *state)
{
    if (log->path == NULL || !log->begun) {
        return TOOL_DONE;
    }
    end_open_row(log);
    if (log->json && history != NULL) {
        const size_t best = cnn_history_best_epoch(history), epochs = cnn_history_epochs(history);
        row r = begin_row(log, log->steps, "end", epochs);
        tool_json_text(r.object, "state", state);
        json_object_set_new(r.object, "best_epoch", best < epochs ? json_integer((int64_t)best + 1) : json_null());
        put_real(&r, "best_score", cnn_history_best_score(history));
        end_row(&r);
    }
    return flush(run, log);
}
