/* SPDX-License-Identifier: MIT */
/* Lists of paths, one a line. */
#ifndef CNN_TOOL_LINES_H
#define CNN_TOOL_LINES_H

#include "tool.h"

/* Calls `use` with each path of the list, when it has been read, until that returns false; "-" is standard input, and
 * empty lines are passed over. What cannot be read is told, and the rest goes on. Returns how many faults were told. */
size_t tool_each_line(tool *run, const char *list, bool (*use)(void *user, const char *path), void *user);

#endif
