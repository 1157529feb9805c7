/* SPDX-License-Identifier: MIT */
/* Copying files and making folders. */
#include "tool_copy.h"

#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tool_check_absent(const char *path)
{
    struct stat there;
    if (lstat(path, &there) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    /* An empty folder can be replaced by renaming another onto it; rmdir() fails on all else. */
    DIR *folder = S_ISDIR(there.st_mode) ? opendir(path) : NULL;
    if (folder == NULL) {
        return EEXIST;
    }
    int entries = 0;
    errno = 0;
    while (readdir(folder) != NULL) {
        entries++;
    }
    int error = errno;
    closedir(folder);
    return error != 0 ? error : entries <= 2 ? 0 : EEXIST; /* "." and ".." */
}

int tool_make_folder(const char *path) { return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : errno; }

int tool_make_temporary_folder(char *path)
{
    mode_t mask = umask(0);
    umask(mask);
    if (mkdtemp(path) == NULL) {
        return errno;
    }
    /* mkdtemp() makes it the owner's alone; it is to be a folder like any other. */
    int error = chmod(path, 0777 & ~mask) != 0 ? errno : 0;
    if (error != 0) {
        rmdir(path);
    }
    return error;
}

const char *tool_copy_error(int error)
{
    return error == TOOL_COPY_CHANGED ? "its size changed while it was copied" : strerror(error);
}

/* Copies to the end of the file, whose size was known before. */
static int copy_bytes(int from, int to, off_t expected)
{
    char block[65536];
    for (off_t done = 0;;) {
        ssize_t size = read(from, block, sizeof(block));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return size < 0 ? errno : done != expected ? TOOL_COPY_CHANGED : 0;
        }
        int error = tool_write_all(to, block, (size_t)size);
        if (error != 0) {
            return error;
        }
        done += size;
    }
}

int tool_copy_file(const char *from, const char *to, mode_t mode, bool durable)
{
    struct stat there;
    int source = tool_open(from, O_RDONLY, 0);
    if (source < 0) {
        return errno;
    }
    int target = fstat(source, &there) == 0 ? tool_open(to, O_WRONLY | O_CREAT | O_EXCL, mode) : -1;
    int error = target < 0 ? errno : copy_bytes(source, target, there.st_size);
    close(source);
    if (target >= 0) {
        if (error == 0 && durable && fsync(target) != 0) {
            error = errno;
        }
        int closed = tool_close(target);
        error = error != 0 ? error : closed;
        if (error != 0) {
            unlink(to);
        }
    }
    return error;
}

int tool_link_file(const char *from, const char *to)
{
    /* Links to links are resolved, so that a later move of SRC does not matter. */
    return linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

static int remove_entry(const char *path, const struct stat *there, int kind, struct FTW *place)
{
    (void)there;
    (void)kind;
    (void)place;
    remove(path);
    return 0;
}

void tool_remove_tree(const char *path) { nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS); }
