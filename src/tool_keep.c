/* SPDX-License-Identifier: MIT */
/* Keeping what a training finds under the names of its files: whether its own model will be better is not known
 * before its end. */
#include "tool_keep.h"

#include "tool_copy.h"
#include "tool_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_NAMES 100000

/* The name with `word` before its ending: photos.cnn -> photos.WORD.cnn. */
char *tool_name_with(const char *out, const char *word)
{
    const char *base = tool_base_name(out);
    const char *dot = strrchr(base, '.');
    if (dot == NULL || dot == base) {
        return tool_format("%s.%s", out, word);
    }
    return tool_format("%.*s.%s%s", (int)(dot - out), out, word, dot);
}

char *tool_name_checkpoint(const char *out) { return tool_name_with(out, "last"); }

static bool is_free(const char *path)
{
    struct stat there;
    return lstat(path, &there) != 0 && errno == ENOENT;
}

char *tool_name_previous(const char *out)
{
    for (int i = 1; i < MOST_NAMES; i++) {
        char word[32];
        snprintf(word, sizeof(word), i == 1 ? "previous" : "previous%d", i);
        char *name = tool_name_with(out, word);
        char *checkpoint = name != NULL ? tool_name_checkpoint(name) : NULL;
        bool found = checkpoint == NULL || (is_free(name) && is_free(checkpoint));
        free(checkpoint);
        if (found) {
            return name;
        }
        free(name);
    }
    return NULL;
}

int tool_keep(tool *run, const char *path, const char *previous, tool_kept *kept)
{
    struct stat there;
    if (stat(path, &there) != 0) {
        return errno == ENOENT ? TOOL_DONE : tool_fail(run, "%s: %s", path, strerror(errno));
    }
    /* Not every file system has hard links, and a link may lead to another one. */
    int error = tool_link_file(path, previous);
    if (error != 0 && error != EEXIST) {
        error = tool_copy_file(path, previous, there.st_mode & 0777, true);
    }
    if (error != 0) {
        return tool_fail(run, "%s: is there already, and cannot be kept as %s: %s", path, previous,
                         tool_copy_error(error));
    }
    *kept = (tool_kept){strdup(path), strdup(previous), there.st_dev, there.st_ino};
    if (kept->path == NULL || kept->previous == NULL) {
        unlink(previous);
        return tool_fail_memory(run);
    }
    return TOOL_DONE;
}

bool tool_keep_replaced(const tool_kept *kept)
{
    struct stat there;
    return kept->path != NULL &&
           (stat(kept->path, &there) != 0 || there.st_dev != kept->device || there.st_ino != kept->inode);
}

/* Where a link leads to another file system: a copy beside the file, which then takes its name. */
static int move_by_copy(const char *from, const char *to)
{
    struct stat there;
    char *beside = tool_format("%s.%ld.tmp", to, (long)getpid());
    int error = beside == NULL ? ENOMEM : stat(from, &there) != 0 ? errno : 0;
    if (error == 0) {
        error = tool_copy_file(from, beside, there.st_mode & 0777, true);
    }
    if (error == 0 && rename(beside, to) != 0) {
        error = errno;
        unlink(beside);
    }
    if (error == 0) {
        unlink(from);
    }
    free(beside);
    return error;
}

int tool_keep_restore(tool *run, tool_kept *kept)
{
    if (kept->previous == NULL || !tool_keep_replaced(kept)) {
        return TOOL_DONE;
    }
    char *target = tool_path_target(kept->path);
    int error = target == NULL ? errno : rename(kept->previous, target) != 0 ? errno : 0;
    error = error == EXDEV ? move_by_copy(kept->previous, target) : error;
    free(target);
    if (error != 0) {
        return tool_fail(run, "%s: cannot be put back as %s: %s", kept->previous, kept->path, tool_copy_error(error));
    }
    free(kept->previous);
    kept->previous = NULL;
    return TOOL_DONE;
}

void tool_keep_drop(tool_kept *kept)
{
    if (kept->previous != NULL) {
        unlink(kept->previous);
    }
    free(kept->previous);
    kept->previous = NULL;
}

void tool_keep_close(tool_kept *kept)
{
    if (!tool_keep_replaced(kept)) {
        tool_keep_drop(kept);
    }
    free(kept->path);
    free(kept->previous);
    *kept = (tool_kept){0};
}
