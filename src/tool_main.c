/* SPDX-License-Identifier: MIT */
/* cnn: the table of commands, and the way from the command line to one of them. */
#include "tool.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

const tool_command *const tool_commands[] = {
    &tool_command_summary,
    &tool_command_train,
    &tool_command_eval,
    &tool_command_predict,
    &tool_command_calibrate,
    &tool_command_learn,
    &tool_command_embed,
    &tool_command_explain,
    &tool_command_split,
    &tool_command_convert,
    &tool_command_check,
    &tool_command_show,
    &tool_command_report,
    &tool_command_bench,
    &tool_command_version,
    &tool_command_help,
    NULL,
};

static const char *command_name(const void *list, size_t index)
{
    const tool_command *const *commands = list;
    return commands[index] != NULL ? commands[index]->name : NULL;
}

const tool_command *tool_find_command(const char *name)
{
    for (size_t i = 0; tool_commands[i] != NULL; i++) {
        if (strcmp(tool_commands[i]->name, name) == 0) {
            return tool_commands[i];
        }
    }
    return NULL;
}

const tool_command *tool_find_second(const tool_command *command, const char *name)
{
    const size_t length = strlen(command->name);
    for (size_t i = 0; command->commands != NULL && command->commands[i] != NULL; i++) {
        if (strcmp(command->commands[i]->name + length + 1, name) == 0) {
            return command->commands[i];
        }
    }
    return NULL;
}

/* The command that the first word means; `cnn --help` and `cnn --version` are words too. */
static const tool_command *command_of_word(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return &tool_command_help;
    }
    return strcmp(word, "--version") == 0 ? &tool_command_version : tool_find_command(word);
}

static int unknown_command(tool *run, const char *word)
{
    const char *nearest = tool_nearest(word, command_name, tool_commands);
    return nearest != NULL ? tool_fail_usage(run, "unknown command \"%s\"; did you mean %s?", word, nearest)
                           : tool_fail_usage(run, "unknown command \"%s\"", word);
}

/* The words as they were given: parsing sorts them. */
static bool keep_arguments(tool *run, int count, char **arguments)
{
    run->arguments = reallocarray(NULL, (size_t)count, sizeof(*run->arguments));
    for (int i = 1; run->arguments != NULL && i < count; i++) {
        run->arguments[run->argument_count++] = arguments[i];
    }
    return run->arguments != NULL;
}

static int run_command(tool *run, int count, char **arguments)
{
    if (run->command->divided) {
        tool_ranks_find(&run->ranks);
    }
    void *settings = malloc(run->command->settings_size);
    if (settings == NULL) {
        return tool_fail_memory(run);
    }
    int result = tool_parse(run, count, arguments, settings);
    if (result == TOOL_DONE) {
        tool_progress_init(run);
        if (run->common->help) {
            tool_command_help_text(run, run->command);
        } else {
            result = run->command->run(run, settings);
        }
    }
    tool_progress_end(run);
    tool_ranks_leave(run);
    tool_close_context(run);
    tool_close_specials(run);
    result = tool_finish(run, result);
    run->common = NULL;
    free(settings);
    return result;
}

int main(int count, char **arguments)
{
    tool run = {.lock = PTHREAD_MUTEX_INITIALIZER};
    run.ranks = (tool_ranks){.size = 1, .local = 1};
    /* A closed pipe is a failed write like any other: a training must not die of `| head`. So is a file that would be
     * larger than a limit of the process allows: it is told, and nothing half-written stays. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (count < 2) {
        return tool_fail_usage(&run, "a command is missing; usage: cnn COMMAND [ARGUMENT...] [OPTION...]");
    }
    if (!keep_arguments(&run, count, arguments)) {
        return tool_fail_memory(&run);
    }
    run.command = command_of_word(arguments[1]);
    const tool_command *second = run.command != NULL && count > 2 ? tool_find_second(run.command, arguments[2]) : NULL;
    const int words = second != NULL ? 3 : 2;
    run.command = second != NULL ? second : run.command;
    const int result = run.command != NULL ? run_command(&run, count - words, arguments + words)
                                           : unknown_command(&run, arguments[1]);
    free(run.arguments);
    return result;
}
