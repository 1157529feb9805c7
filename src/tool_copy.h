/* SPDX-License-Identifier: MIT */
/* Files and folders that `cnn split` makes. All functions return 0 or an errno. */
#ifndef CNN_TOOL_COPY_H
#define CNN_TOOL_COPY_H

/* EEXIST unless nothing is there, or an empty folder. */
int tool_check_absent(const char *path);
/* Makes a folder; one that is there already is fine. */
int tool_make_folder(const char *path);
/* Makes a new folder, by a path that ends in XXXXXX. */
int tool_make_temporary_folder(char *path);
/* Neither overwrites: EEXIST. A copy that fails is removed. */
int tool_copy_file(const char *from, const char *to);
int tool_link_file(const char *from, const char *to);
void tool_remove_tree(const char *path);

#endif
