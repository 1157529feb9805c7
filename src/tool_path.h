/* SPDX-License-Identifier: MIT */
/* Paths: where they lead, and whether two of them are one file. */
#ifndef CNN_TOOL_PATH_H
#define CNN_TOOL_PATH_H

#include "tool.h"

/* A file that a command reads or writes, and how it came to be named. */
typedef struct tool_path {
    const char *what; /* "--log" */
    const char *path; /* NULL: not given */
    bool output;
} tool_path;

/* What comes after the last slash. */
const char *tool_base_name(const char *path);
/* What a chain of symbolic links leads to, be it there or not; the path itself if it is no link. malloc'ed; NULL with
 * errno set. */
char *tool_path_target(const char *path);
/* Whether both are one file, by whatever names and links; also of files that are not there yet. */
bool tool_path_same(const char *a, const char *b);
/* The descriptor that names such as /dev/stdout and /dev/fd/3 mean, -1 for other paths. */
int tool_path_descriptor(const char *path);
/* Whether it is neither file nor folder: a device, a pipe, a socket, or one of the process's own descriptors. */
bool tool_path_is_special(const char *path);

/* Wrong usage if an output is also another output or an input. TOOL_DONE, or the exit status with the message
 * printed. */
int tool_path_check_distinct(tool *run, const tool_path *paths, size_t count);
/* The same for the files of a dataset, which was opened from `folder`; it may be NULL. */
int tool_path_check_data(tool *run, const tool_path *paths, size_t count, const cnn_dataset *dataset,
                         const char *folder);

#endif
