/* SPDX-License-Identifier: MIT */
/* Ctrl-C and kill: the first asks for an orderly end, the second gets it at once. */
#include "tool.h"

#include <signal.h>

static volatile sig_atomic_t noted;

static void note_signal(int number) { noted = number; }

void tool_catch_signals(void)
{
    /* SA_RESETHAND brings the default back for the second signal; SA_RESTART keeps reads and writes whole. */
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    const int numbers[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction before;
        /* What the parent chose to ignore stays ignored, as in a background job of a script. */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

int tool_signal(void) { return noted; }
