/* SPDX-License-Identifier: MIT */
/* Reading lists of paths. */
#include "tool_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static size_t read_lines(tool *run, FILE *file, const char *name, bool (*use)(void *user, const char *path), void *user)
{
    char *line = NULL;
    size_t room = 0, faults = 0;
    ssize_t length = 0;
    bool goes_on = true;
    for (size_t number = 1; goes_on && (length = getline(&line, &room, file)) >= 0; number++) {
        length -= length > 0 && line[length - 1] == '\n';
        length -= length > 0 && line[length - 1] == '\r';
        if (memchr(line, '\0', (size_t)length) != NULL) {
            tool_fail(run, "%s: line %zu has a NUL byte; a list is text, one path a line", name, number);
            faults++;
        } else if (length > 0) {
            line[length] = '\0';
            goes_on = use(user, line);
        }
    }
    if (goes_on && (ferror(file) || !feof(file))) {
        tool_fail(run, "%s: %s", name, strerror(errno));
        faults++;
    }
    free(line);
    return faults;
}

size_t tool_each_line(tool *run, const char *list, bool (*use)(void *user, const char *path), void *user)
{
    FILE *file = strcmp(list, "-") == 0 ? stdin : fopen(list, "re");
    struct stat there;
    size_t faults = 1;
    if (file == NULL) {
        tool_fail(run, "%s: %s", list, strerror(errno));
        return faults;
    }
    if (fstat(fileno(file), &there) == 0 && S_ISDIR(there.st_mode)) {
        tool_fail(run, "%s: is a folder, not a list; without the @ its images are taken", list);
    } else {
        faults = read_lines(run, file, file == stdin ? "standard input" : list, use, user);
    }
    if (file != stdin) {
        fclose(file);
    }
    return faults;
}
