/* SPDX-License-Identifier: MIT */
/* What a training finds under the names of its files, and does not lose. */
#ifndef CNN_TOOL_KEEP_H
#define CNN_TOOL_KEEP_H

#include "tool.h"

#include <sys/types.h>

/* A file that the training will replace, under another name beside it. Zero-initialised: there is none. */
typedef struct tool_kept {
    char *path, *previous; /* NULL: there was nothing to keep */
    dev_t device;
    ino_t inode; /* of the file as it was found */
} tool_kept;

/* photos.cnn -> photos.last.cnn; malloc'ed. */
/* "photos.WORD.cnn" for "photos.cnn"; malloc'ed. */
char *tool_name_with(const char *out, const char *word);
char *tool_name_checkpoint(const char *out);
/* A name beside `out` under which neither a model nor its checkpoint lies: photos.previous.cnn, photos.previous2.cnn
 * and so on; malloc'ed. */
char *tool_name_previous(const char *out);
/* Gives the file at `path`, if there is one, the second name `previous`. The first stays, so that there is no moment
 * without it. TOOL_DONE, or TOOL_FAILED with the message printed. */
int tool_keep(tool *run, const char *path, const char *previous, tool_kept *kept);
/* Whether another file lies at the path by now. */
bool tool_keep_replaced(const tool_kept *kept);
/* Puts the file back under its first name. TOOL_DONE, or TOOL_FAILED with the message printed. */
int tool_keep_restore(tool *run, tool_kept *kept);
/* Takes the second name away: what lies at the first is known to be better. */
void tool_keep_drop(tool_kept *kept);
/* Takes the second name away if the first was never replaced, and frees what is held. */
void tool_keep_close(tool_kept *kept);

#endif
