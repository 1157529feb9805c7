/* SPDX-License-Identifier: MIT */
/* Ctrl-C, kill, a terminal that goes away: the first is an orderly end, the second gets it at once. */
#include "tool.h"

#include <signal.h>

static volatile sig_atomic_t noted;

static void note_signal(int number)
{
    if (noted != 0) { /* of whatever kind the first one was */
        signal(number, SIG_DFL);
        raise(number);
    }
    noted = number;
}

void tool_catch_signals(bool ranks)
{
    /* SA_RESTART keeps reads and writes whole. */
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1}; /* launchers hand the last one on, and kill nobody */
    const size_t count = sizeof(numbers) / sizeof(numbers[0]) - (ranks ? 0 : 1);
    for (size_t i = 0; i < count; i++) {
        struct sigaction before;
        /* What the parent chose to ignore stays ignored, as in a background job of a script or under nohup. */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

int tool_signal(void) { return noted; }
