/* SPDX-License-Identifier: MIT */
/* The bar: redrawn at most ten times a second, only on a terminal, always on stderr. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.1

void tool_progress_init(tool *run)
{
    const char *terminal = getenv("TERM");
    run->progress.bar = !run->common->quiet && tool_ranks_first(&run->ranks) && isatty(STDERR_FILENO) == 1 &&
                        (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

bool tool_progress_due(tool *run)
{
    return run->progress.bar && tool_seconds() - run->progress.last_drawn >= REDRAW_SECONDS;
}

void tool_progress_clear(tool *run)
{
    if (run->progress.drawn) {
        fputs("\r\033[K", stderr);
        run->progress.drawn = false;
    }
}

void tool_progress_end(tool *run)
{
    pthread_mutex_lock(&run->lock);
    tool_progress_clear(run);
    pthread_mutex_unlock(&run->lock);
}

size_t tool_progress_width(void)
{
    struct winsize size = {0};
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

/* Cuts a text off behind so many columns. */
static void cut(char *text, size_t columns)
{
    for (; *text != '\0'; text++) {
        const bool begins = ((unsigned char)*text & 0xc0) != 0x80;
        if (begins && columns-- == 0) {
            *text = '\0';
            return;
        }
    }
}

void tool_progress_draw(tool *run, const char *head, uint64_t done, uint64_t total, const char *tail)
{
    char line[512], cells[41];
    size_t width = tool_progress_width();
    size_t text = tool_columns(head) + tool_columns(tail) + 5;
    size_t room = width > text + 10 ? width - text : 0;
    room = room > sizeof(cells) - 1 ? sizeof(cells) - 1 : room;
    if (room >= 8) {
        size_t filled = total > 0 ? (size_t)((double)room * (double)(done < total ? done : total) / (double)total) : 0;
        memset(cells, '.', room);
        memset(cells, '=', filled);
        if (filled < room) {
            cells[filled] = '>';
        }
        cells[room] = '\0';
        snprintf(line, sizeof(line), "%s [%s] %s", head, cells, tail);
    } else {
        snprintf(line, sizeof(line), "%s %s", head, tail);
    }
    cut(line, width > 1 ? width - 1 : 1); /* a line that wraps could not be redrawn in place */
    pthread_mutex_lock(&run->lock);
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    run->progress.drawn = true;
    run->progress.last_drawn = tool_seconds();
    pthread_mutex_unlock(&run->lock);
}

void tool_progress_count(tool *run, const char *head, uint64_t done, uint64_t total, double begin, const char *unit)
{
    if (!tool_progress_due(run)) {
        return;
    }
    double seconds = tool_seconds() - begin;
    double speed = seconds > 0 ? (double)done / seconds : 0;
    char tail[128], left[24];
    snprintf(tail, sizeof(tail), "%llu/%llu %s  %.0f/s  %s left", (unsigned long long)done, (unsigned long long)total,
             unit, speed, tool_duration(speed > 0 ? (double)(total - done) / speed : 0, left));
    tool_progress_draw(run, head, done, total, tail);
}
