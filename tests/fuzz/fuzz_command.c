/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the command line. The input is the arguments, a NUL between two. Commands that would write
 * files are not run; what is printed goes nowhere. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_ARGUMENTS 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int cnn_main(int count, char **arguments); /* main() of the command */

static void keep_quiet(void)
{
    static int done;
    if (!done) {
        const int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 1);
        fclose(stderr); /* libFuzzer has a copy of its own */
        stderr = fdopen(nowhere, "w");
        done = chdir("/proc/self") == 0 ? 1 : 2; /* no file can be made here */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const commands[] = {"help", "summary", "predict", "eval", "train", "split", "check", "convert"};
    static char program[] = "cnn";
    char *arguments[MOST_ARGUMENTS + 1] = {program};
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
    arguments[1] = strdup(commands[data[0] % 8]);
    for (char *at = text; at < text + size && count < MOST_ARGUMENTS; at += strlen(at) + 1) {
        arguments[count++] = at;
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
