/* SPDX-License-Identifier: MIT */
/* cnn report compare: two reports on one page. Their data is taken from the pages, checked, and put into a third. */
#include "report.h"
#include "tool_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far more than a report has. */
#define MOST_BYTES ((off_t)256 << 20)
#define MOST_DEPTH 16

static const char opening[] = "<script type=\"application/json\" id=\"report-data\">";

typedef struct compare_settings {
    tool_common common;
    const char *out;
} compare_settings;

/* ---- whether a text is JSON ---- */

static const char *skip_space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* The end of a string whose first quote is at `at`; NULL if it has none. */
static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20 || (*at == '\\' && *++at == '\0')) {
            return NULL;
        }
    }
    return at + 1;
}

static const char *skip_value(const char *at, int depth);

/* The members of a list or an object up to its bracket. */
static const char *skip_members(const char *at, char end, int depth)
{
    at = skip_space(at + 1);
    if (*at == end) {
        return at + 1;
    }
    for (;;) {
        if (end == '}') {
            at = *at == '"' ? skip_string(at) : NULL;
            at = at != NULL ? skip_space(at) : NULL;
            if (at == NULL || *at != ':') {
                return NULL;
            }
            at++;
        }
        at = skip_value(skip_space(at), depth + 1);
        at = at != NULL ? skip_space(at) : NULL;
        if (at == NULL || (*at != ',' && *at != end)) {
            return NULL;
        }
        if (*at++ == end) {
            return at;
        }
        at = skip_space(at);
    }
}

/* The end of a value; NULL if there is none at `at`, or it is nested deeper than a report. */
static const char *skip_value(const char *at, int depth)
{
    static const char *const words[] = {"null", "true", "false"};
    if (depth > MOST_DEPTH) {
        return NULL;
    }
    if (*at == '{' || *at == '[') {
        return skip_members(at, *at == '{' ? '}' : ']', depth);
    }
    if (*at == '"') {
        return skip_string(at);
    }
    for (size_t i = 0; i < 3; i++) {
        if (strncmp(at, words[i], strlen(words[i])) == 0) {
            return at + strlen(words[i]);
        }
    }
    const size_t length = strspn(at, "+-.0123456789eE");
    return length > 0 ? at + length : NULL;
}

/* ---- reading a report ---- */

/* A folder stands for the report in it. malloc'ed. */
static char *file_of(const char *path)
{
    struct stat there;
    const bool folder = stat(path, &there) == 0 && S_ISDIR(there.st_mode);
    return folder ? report_path(path) : strdup(path);
}

/* The whole file with a zero at its end; NULL with errno set. */
static char *read_file(const char *path)
{
    struct stat there;
    const int file = tool_open(path, O_RDONLY, 0);
    if (file < 0) {
        return NULL;
    }
    size_t size = 0;
    char *text = NULL;
    if (fstat(file, &there) != 0 || !S_ISREG(there.st_mode) || there.st_size > MOST_BYTES) {
        errno = EINVAL;
    } else if ((text = malloc((size_t)there.st_size + 1)) != NULL) {
        ssize_t got = 1;
        while (size < (size_t)there.st_size && (got = read(file, text + size, (size_t)there.st_size - size)) > 0) {
            size += (size_t)got;
        }
        text[size] = '\0';
    }
    const int error = errno;
    (void)tool_close(file);
    errno = error;
    return text;
}

/* The data of a report, malloc'ed. */
static int read_report(tool *run, const char *path, char **data)
{
    char *printable = tool_printable(path), *text = read_file(path);
    int result = TOOL_DONE;
    if (text == NULL) {
        result = tool_fail(run, "%s: %s", printable, strerror(errno));
    } else {
        char *begin = strstr(text, opening), *end = NULL;
        begin = begin != NULL ? begin + strlen(opening) : NULL;
        end = begin != NULL ? strstr(begin, "</script>") : NULL;
        if (end != NULL) {
            *end = '\0';
        }
        const char *rest = end != NULL && strncmp(begin, "{\"cnn_report\": 1,", 17) == 0 ? skip_value(begin, 0) : NULL;
        if (rest == NULL || *rest != '\0') {
            result = tool_fail(run, "%s: is no report of cnn train or cnn eval", printable);
        } else if ((*data = strdup(begin)) == NULL) {
            result = tool_fail_memory(run);
        }
    }
    free(text);
    free(printable);
    return result;
}

static int save_comparison(tool *run, const char *out, char *const data[2])
{
    report_page page = {.kind = "compare", .state = "comparison"};
    char *title = tool_format("A: %s, B: %s", run->operands[0], run->operands[1]);
    char *joined = tool_format("{\"cnn_report\": 1, \"kind\": \"compare\", \"reports\": [%s, %s]}", data[0], data[1]);
    page.title = title;
    const int result = title != NULL && joined != NULL ? report_save_data(run, out, &page, joined)
                                                       : tool_fail_memory(run);
    free(joined);
    free(title);
    return result;
}

static int run_compare(tool *run, const void *given)
{
    const compare_settings *settings = given;
    const char *out = settings->out != NULL ? settings->out : "compare.html";
    char *paths[2] = {file_of(run->operands[0]), file_of(run->operands[1])}, *data[2] = {NULL, NULL};
    const tool_path all[] = {{"A", paths[0], false}, {"B", paths[1], false}, {"--out", out, true}};
    int result = paths[0] != NULL && paths[1] != NULL ? tool_path_check_distinct(run, all, 3) : tool_fail_memory(run);
    for (size_t i = 0; i < 2 && result == TOOL_DONE; i++) {
        result = read_report(run, paths[i], &data[i]);
    }
    result = result == TOOL_DONE ? save_comparison(run, out, data) : result;
    if (result == TOOL_DONE && run->common->json) {
        json_t *object = json_object();
        tool_json_text(object, "report", out);
        result = tool_json_print(run, object);
    } else if (result == TOOL_DONE) {
        char *printable = tool_printable(out);
        tool_print(run, "report      %s\n", printable);
        free(printable);
    }
    for (size_t i = 0; i < 2; i++) {
        free(data[i]);
        free(paths[i]);
    }
    return result;
}

static int run_report(tool *run, const void *given)
{
    (void)given;
    return tool_fail_usage(run, "expected cnn report compare A B");
}

static const tool_option compare_options[] = {
    {"out", "FILE", "the page; compare.html if not given", TOOL_TEXT, offsetof(compare_settings, out), 0, 0, NULL},
    {0},
};

static const tool_option no_options[] = {{0}};

static const tool_command compare_command = {
    .name = "report compare",
    .synopsis = "A B",
    .purpose = "Puts two reports on one page: their curves, and a table of what differs.",
    .details = "A and B are reports of cnn train --report or cnn eval --report, or their folders.",
    .options = compare_options,
    .settings_size = sizeof(compare_settings),
    .least_operands = 2,
    .most_operands = 2,
    .run = run_compare,
};

static const tool_command *const commands[] = {&compare_command, NULL};

static void list_commands(tool *run)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        tool_print(run, "  %-20s ", commands[i]->name);
        tool_print_wrapped(run, commands[i]->purpose, 23, 23);
    }
}

const tool_command tool_command_report = {
    .name = "report",
    .synopsis = "compare A B",
    .purpose = "Compares the reports that cnn train and cnn eval write with --report.",
    .more_help = list_commands,
    .options = no_options,
    .settings_size = sizeof(tool_common),
    .least_operands = 1,
    .most_operands = SIZE_MAX,
    .run = run_report,
    .commands = commands,
};
