/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the command line. The input is the arguments, a NUL between two. The commands that read, write or
 * build networks get an option behind all others that does not exist: their arguments are parsed, and nothing is done.
 * What is printed goes nowhere. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_ARGUMENTS 40
#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int cnn_main(int count, char **arguments); /* main() of the command */

/* Reports of libFuzzer and of the sanitizers go to descriptor 2, which stays: only what the command prints to is
 * another. */
static void keep_quiet(void)
{
    static int done;
    if (!done) {
        stderr = fopen("/dev/null", "w");
        stdout = fopen("/dev/null", "w");
        done = chdir("/proc/self") == 0 ? 1 : 2; /* no file can be made here */
    }
    if (stderr == NULL || stdout == NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const commands[] = {"help",  "version", "summary", "predict", "eval",  "train",  "split",
                                           "check", "convert", "show",    "explain", "embed", "report", "bench"};
    static char program[] = "cnn", last[] = "--none-such";
    const unsigned harmless = 2, chosen = data != NULL && size > 0 ? data[0] % COUNT(commands) : 0;
    char *arguments[MOST_ARGUMENTS + 3] = {program};
    int count = 2;
    if (size < 2 || size > 4096) {
        return 0;
    }
    char *text = malloc(size);
    if (text == NULL) {
        return 0;
    }
    keep_quiet();
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    arguments[1] = strdup(commands[chosen]);
    for (char *at = text; at < text + size && count < MOST_ARGUMENTS; at += strlen(at) + 1) {
        if (chosen < harmless || strcmp(at, "--") != 0) { /* behind which all are operands */
            arguments[count++] = at;
        }
    }
    if (chosen >= harmless) { /* twice, as an option may take the first for its value */
        arguments[count++] = last;
        arguments[count++] = last;
    }
    arguments[count] = NULL;
    const int status = cnn_main(count, arguments);
    if (status < 0 || status > 2) {
        abort();
    }
    free(arguments[1]);
    free(text);
    return 0;
}
