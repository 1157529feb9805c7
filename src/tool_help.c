/* SPDX-License-Identifier: MIT */
/* Help, written from the command and option tables. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#define HELP_WIDTH 80
#define OPTION_COLUMN 24

void tool_print_wrapped(tool *run, const char *text, int indent, int column)
{
    while (*text != '\0') {
        int size = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + size > HELP_WIDTH) {
            tool_print(run, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            tool_print(run, " ");
            column++;
        }
        tool_print(run, "%.*s", size, text);
        column += size;
        text += size;
        if (*text == '\n') {
            tool_print(run, "\n%*s", text[1] == '\n' ? 0 : indent, "");
            column = indent;
        }
        text += *text != '\0';
    }
    tool_print(run, "\n");
}

static void print_options(tool *run, const tool_option *options)
{
    for (const tool_option *option = options; option->name != NULL; option++) {
        char head[64];
        int size = snprintf(head, sizeof(head), "  --%s%s%s", option->name, option->argument != NULL ? " " : "",
                            option->argument != NULL ? option->argument : "");
        tool_print(run, "%s", head);
        if (size > OPTION_COLUMN - 2) {
            tool_print(run, "\n%*s", OPTION_COLUMN, "");
        } else {
            tool_print(run, "%*s", OPTION_COLUMN - size, "");
        }
        tool_print_wrapped(run, option->help, OPTION_COLUMN, OPTION_COLUMN);
    }
}

void tool_command_help_text(tool *run, const tool_command *command)
{
    tool_print(run, "Usage: cnn %s %s%s[OPTION...]\n\n", command->name, command->synopsis,
               *command->synopsis != '\0' ? " " : "");
    tool_print_wrapped(run, command->purpose, 0, 0);
    if (command->details != NULL) {
        tool_print(run, "\n");
        tool_print_wrapped(run, command->details, 0, 0);
    }
    if (command->more_help != NULL) {
        tool_print(run, "\n");
        command->more_help(run);
    }
    if (command->options[0].name != NULL) {
        tool_print(run, "\nOptions:\n");
        print_options(run, command->options);
    }
    tool_print(run, "\nOptions of every command:\n");
    print_options(run, tool_common_options);
    tool_print(run, "\nExit status: 0 done, 1 failed, 2 wrong usage.\n");
}

void tool_general_help_text(tool *run)
{
    tool_print(run, "Usage: cnn COMMAND [ARGUMENT...] [OPTION...]\n\n"
                    "Trains, evaluates and runs convolutional networks on ordinary processors.\n\nCommands:\n");
    for (size_t i = 0; tool_commands[i] != NULL; i++) {
        tool_print(run, "  %-10s ", tool_commands[i]->name);
        tool_print_wrapped(run, tool_commands[i]->purpose, 13, 13);
    }
    tool_print(run, "\nModels by name:\n");
    for (size_t i = 0; cnn_zoo_name(i) != NULL; i++) {
        tool_print(run, "  %-18s ", cnn_zoo_name(i));
        tool_print_wrapped(run, cnn_zoo_description(i), 21, 21);
    }
    tool_print(run, "\n`cnn help COMMAND` says more about one of them.\n");
}

typedef struct help_settings {
    tool_common common;
} help_settings;

static int run_help(tool *run, const void *settings)
{
    (void)settings;
    if (run->operand_count == 0) {
        tool_general_help_text(run);
        return TOOL_DONE;
    }
    const tool_command *command = tool_find_command(run->operands[0]);
    if (command == NULL) {
        run->command = NULL;
        return tool_fail_usage(run, "unknown command \"%s\"", run->operands[0]);
    }
    const tool_command *second = run->operand_count > 1 ? tool_find_second(command, run->operands[1]) : NULL;
    if (run->operand_count > 1 && second == NULL) {
        return tool_fail_usage(run, "%s has no \"%s\"", command->name, run->operands[1]);
    }
    tool_command_help_text(run, second != NULL ? second : command);
    return TOOL_DONE;
}

static const tool_option help_options[] = {{0}};

const tool_command tool_command_help = {
    .name = "help",
    .synopsis = "[COMMAND [NAME]]",
    .purpose = "Says what the commands do.",
    .options = help_options,
    .settings_size = sizeof(help_settings),
    .most_operands = 2,
    .run = run_help,
};
