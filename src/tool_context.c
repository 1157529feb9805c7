/* SPDX-License-Identifier: MIT */
/* The context of a run, and what the library logs under it. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After so many warnings the rest is left to `cnn check`. */
#define MOST_WARNINGS 20

/* Each message is shown once, however often epochs and images repeat it. `more` is set when the first one is left
 * out. Messages come from any thread. */
static bool is_news(tool *run, const char *message, bool *more)
{
    pthread_mutex_lock(&run->lock);
    bool known = false;
    for (size_t i = 0; i < run->told.count && !known; i++) {
        known = strcmp(run->told.items[i], message) == 0;
    }
    bool room = run->told.count < MOST_WARNINGS;
    bool news = !known && room && tool_list_add(&run->told, strdup(message));
    *more = !known && !room && !run->more_untold;
    run->more_untold = run->more_untold || *more;
    pthread_mutex_unlock(&run->lock);
    return news;
}

static void log_message(void *user, cnn_log_level level, const char *message)
{
    tool *run = user;
    if (run->log_is_told && level != CNN_LOG_ERROR) {
        return;
    }
    if (level == CNN_LOG_ERROR) {
        /* The caller prints what fails, by cnn_last_error(); without a context this is the only copy. */
        if (run->context == NULL) {
            free(run->creation_error);
            run->creation_error = strdup(message);
        }
        return;
    }
    const char *kind = level == CNN_LOG_WARNING ? "warning" : "note";
    bool more = false;
    if (is_news(run, message, &more)) {
        tool_note(run, "%s: %s", kind, message);
    } else if (more) {
        tool_note(run, "warning: further warnings are not shown; `cnn check` lists odd images");
    }
}

static const char *backend_name(const void *unused, size_t index)
{
    (void)unused;
    return cnn_backend_name(index);
}

static int unknown_backend(tool *run)
{
    char list[256] = "";
    for (size_t i = 0; cnn_backend_name(i) != NULL; i++) {
        strncat(list, i > 0 ? ", " : "", sizeof(list) - strlen(list) - 1);
        strncat(list, cnn_backend_name(i), sizeof(list) - strlen(list) - 1);
    }
    const char *nearest = tool_nearest(run->common->backend, backend_name, NULL);
    return tool_fail_usage(run, "--backend takes one of %s, not \"%s\"%s%s%s", list, run->common->backend,
                           nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                           nearest != NULL ? "?" : "");
}

/* One NAME=N of --allow, which ends at `end`. */
static int allow_one(tool *run, const char *text, const char *end)
{
    char name[64], number[32];
    uint64_t value;
    const char *equals = memchr(text, '=', (size_t)(end - text));
    if (equals == NULL || (size_t)(equals - text) >= sizeof(name) || (size_t)(end - equals) > sizeof(number)) {
        return tool_fail_usage(run, "--allow takes NAME=N or several with commas, not \"%s\"", run->common->limits);
    }
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    snprintf(number, sizeof(number), "%.*s", (int)(end - equals - 1), equals + 1);
    if (!tool_parse_scaled(number, &value)) {
        return tool_fail_usage(run, "--allow %s takes a whole number, not \"%s\"", name, number);
    }
    return cnn_context_set_limit(run->context, name, value) == CNN_OK
               ? TOOL_DONE
               : tool_fail_usage(run, "--allow: %s", cnn_last_error(run->context));
}

static int allow(tool *run)
{
    const char *text = run->common->limits;
    int result = TOOL_DONE;
    while (text != NULL && result == TOOL_DONE) {
        const char *end = strchr(text, ',');
        result = allow_one(run, text, end != NULL ? end : text + strlen(text));
        text = end != NULL ? end + 1 : NULL;
    }
    return result;
}

int tool_open_context(tool *run)
{
    if (run->context != NULL) {
        return TOOL_DONE;
    }
    const uint32_t given = (uint32_t)run->common->threads;
    const uint32_t threads = given > 0 ? given : tool_ranks_threads(&run->ranks);
    cnn_status status = cnn_context_create(CNN_CONTEXT(.threads = threads,
                                                       .seed = run->common->seed, .max_pixels = run->common->max_pixels,
                                                       .backend = run->common->backend, .log = log_message,
                                                       .log_user = run),
                                           &run->context);
    if (status == CNN_OK) {
        return allow(run);
    }
    run->context = NULL;
    if (status == CNN_ERROR_NOT_FOUND && run->common->backend != NULL) {
        return unknown_backend(run);
    }
    return tool_fail(run, "%s", run->creation_error != NULL ? run->creation_error : cnn_status_string(status));
}

void tool_close_context(tool *run)
{
    cnn_context_free(run->context);
    run->context = NULL;
    free(run->creation_error);
    run->creation_error = NULL;
    tool_list_free(&run->told);
}
