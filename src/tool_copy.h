/* SPDX-License-Identifier: MIT */
/* Files and folders that `cnn split` makes. All functions return 0, an errno or TOOL_COPY_CHANGED. */
#ifndef CNN_TOOL_COPY_H
#define CNN_TOOL_COPY_H

#include <stdbool.h>
#include <sys/types.h>

/* The file had another size when it had been copied than when it was opened. */
#define TOOL_COPY_CHANGED (-1)

/* What an error of these functions is called. */
const char *tool_copy_error(int error);
/* EEXIST unless nothing is there, or an empty folder. */
int tool_check_absent(const char *path);
/* Makes a folder; one that is there already is fine. */
int tool_make_folder(const char *path);
/* Makes a new folder, by a path that ends in XXXXXX; nothing stays of one that fails. */
int tool_make_temporary_folder(char *path);
/* Neither overwrites: EEXIST. A copy that fails is removed; a durable one is on the disk. */
int tool_copy_file(const char *from, const char *to, mode_t mode, bool durable);
int tool_link_file(const char *from, const char *to);
void tool_remove_tree(const char *path);

#endif
