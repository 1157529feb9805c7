/* SPDX-License-Identifier: MIT */
/* Results on stdout, where every byte that is lost is noticed; messages on stderr. */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tool_print(tool *run, const char *format, ...)
{
    if (run->output_error != 0 || !tool_ranks_first(&run->ranks)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    if (vfprintf(stdout, format, arguments) < 0) {
        run->output_error = errno != 0 ? errno : EIO;
    }
    va_end(arguments);
}

void tool_flush(tool *run)
{
    if (run->output_error == 0 && fflush(stdout) != 0) {
        run->output_error = errno != 0 ? errno : EIO;
    }
}

int tool_finish(tool *run, int result)
{
    tool_flush(run);
    if (run->output_error == 0) {
        return result;
    }
    if (run->output_error != EPIPE) { /* a reader that has seen enough needs no message */
        tool_complain(run, "standard output: %s", strerror(run->output_error));
    }
    return result == TOOL_DONE ? TOOL_FAILED : result;
}

/* Prints text that is nobody's to trust as one line. */
static void print_line(const char *text)
{
    char *printable = tool_printable(text);
    fprintf(stderr, "%s\n", printable != NULL ? printable : "");
    free(printable);
}

/* Writes "cnn train: message" with whatever bytes are in it made harmless. Newlines stay where the format has some,
 * and its arguments are then printable already: the name of a file must not begin a line of its own. */
static void message(tool *run, bool prefix, const char *format, va_list arguments)
{
    char *text = NULL;
    const bool lines = strchr(format, '\n') != NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    if (text != NULL && tool_ranks_take(run, prefix, text)) {
        free(text);
        return;
    }
    pthread_mutex_lock(&run->lock);
    tool_progress_clear(run);
    if (!tool_ranks_first(&run->ranks)) {
        fprintf(stderr, "rank %u: ", (unsigned)run->ranks.rank);
    }
    if (prefix) {
        fprintf(stderr, run->command != NULL ? "cnn %s: " : "cnn%s: ", run->command != NULL ? run->command->name : "");
    }
    char *line = text;
    for (char *end = NULL; lines && line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        print_line(line);
    }
    print_line(line != NULL ? line : strerror(ENOMEM));
    pthread_mutex_unlock(&run->lock);
    free(text);
}

void tool_note(tool *run, const char *format, ...)
{
    if (run->common == NULL || !run->common->quiet) {
        va_list arguments;
        va_start(arguments, format);
        message(run, false, format, arguments);
        va_end(arguments);
    }
}

void tool_complain(tool *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message(run, true, format, arguments);
    va_end(arguments);
}

int tool_fail(tool *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message(run, true, format, arguments);
    va_end(arguments);
    return TOOL_FAILED;
}

int tool_fail_memory(tool *run) { return tool_fail(run, "%s", cnn_status_string(CNN_ERROR_OUT_OF_MEMORY)); }

int tool_fail_library(tool *run, cnn_status status)
{
    const char *detail = run->context != NULL ? cnn_last_error(run->context) : "";
    return tool_fail(run, "%s", *detail != '\0' ? detail : cnn_status_string(status));
}

int tool_fail_usage(tool *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message(run, true, format, arguments);
    va_end(arguments);
    if (run->ranks.communicator != NULL || !tool_ranks_first(&run->ranks)) {
        return TOOL_USAGE; /* the message itself waits for all ranks to meet */
    }
    if (run->command != NULL) {
        fprintf(stderr, "`cnn help %s` says more.\n", run->command->name);
    } else {
        fprintf(stderr, "`cnn help` lists the commands.\n");
    }
    return TOOL_USAGE;
}
