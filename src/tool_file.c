/* SPDX-License-Identifier: MIT */
/* Small text files that the command writes: tables and histories. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_failure(tool *run, const char *path, int error)
{
    char *printable = tool_printable(path);
    int result = tool_fail(run, "%s: %s", printable != NULL ? printable : "", strerror(error));
    free(printable);
    return result;
}

/* 0, or an errno. */
static int write_all(int file, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, text, size);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* Writes to `temporary`, syncs it and renames it to `path`; 0 or an errno. */
static int replace_file(const char *path, const char *temporary, int file, const char *text, size_t size)
{
    int error = write_all(file, text, size);
    /* A file made by mkstemp() is the owner's alone; give it what any new file would have. */
    mode_t mask = umask(0);
    umask(mask);
    if (error == 0 && (fchmod(file, 0666 & ~mask) != 0 || fsync(file) != 0)) {
        error = errno;
    }
    if (close(file) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0 && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(temporary);
    }
    return error;
}

int tool_save_text(tool *run, const char *path, const char *text, size_t size)
{
    struct stat there;
    char *temporary = tool_format("%s.XXXXXX", path);
    if (temporary == NULL || text == NULL) {
        free(temporary);
        return tool_fail_memory(run);
    }
    /* Devices and pipes are written to as they are: renaming would replace them. */
    bool special = stat(path, &there) == 0 && !S_ISREG(there.st_mode);
    int file = special ? open(path, O_WRONLY | O_CLOEXEC) : mkstemp(temporary);
    int error = file < 0 ? errno : 0;
    if (error == 0 && special) {
        error = write_all(file, text, size);
        error = close(file) != 0 && error == 0 ? errno : error;
    } else if (error == 0) {
        error = replace_file(path, temporary, file, text, size);
    }
    free(temporary);
    return error == 0 ? TOOL_DONE : file_failure(run, path, error);
}

int tool_append_text(tool *run, const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    int error = file < 0 ? errno : write_all(file, text, strlen(text));
    if (file >= 0 && close(file) != 0 && error == 0) {
        error = errno;
    }
    return error == 0 ? TOOL_DONE : file_failure(run, path, error);
}

int tool_check_writable(tool *run, const char *path)
{
    struct stat there;
    bool exists = stat(path, &there) == 0;
    if (exists && S_ISDIR(there.st_mode)) {
        return file_failure(run, path, EISDIR);
    }
    char *folder = strdup(path);
    if (folder == NULL) {
        return tool_fail_memory(run);
    }
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    /* Files are replaced by renaming, for which the folder must be writable. */
    int denied = access(exists && !S_ISREG(there.st_mode) ? path : slash != NULL ? folder : ".", W_OK);
    int error = denied != 0 ? errno : 0;
    free(folder);
    return error == 0 ? TOOL_DONE : file_failure(run, path, error);
}
