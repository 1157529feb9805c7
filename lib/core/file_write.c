/* SPDX-License-Identifier: MIT */
/* Whole files out: under another name, synced, renamed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

/* Temporary names that are tried in a folder; each that is taken belongs to a writer at work, or to nobody known. */
#define NAME_ATTEMPTS 10000

/* Symbolic links that are followed, as the kernel does. */
#define LINKS 40

/* Longest name of a temporary file, ".cnn-9999.tmp", with its NUL. */
#define TEMPORARY_SIZE 16

static cnn_status fail_plain(const cnn__writer *writer, const char *reason)
{
    char name[512];
    return cnn__fail(writer->context, CNN_ERROR_IO, "%s: %s", cnn__printable(writer->path, name, sizeof(name)), reason);
}

/* Length of the folder's part of a path, its last slash included; 0 if it has none. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* `name` as seen from the folder of `path`. */
static char *beside(cnn_context *context, const char *path, const char *name)
{
    const size_t folder = name[0] == '/' ? 0 : folder_length(path), length = strlen(name);
    char *result = cnn__alloc(context, folder + length + 1);
    if (result != NULL) {
        memcpy(result, path, folder);
        memcpy(result + folder, name, length + 1);
    }
    return result;
}

/* Follows links at the end of the path, also to what is not there yet, so that what they lead to is replaced and not
 * they. `info` tells what is there: st_mode 0 for nothing. */
static cnn_status find_target(cnn__writer *writer, struct stat *info)
{
    for (int i = 0; i < LINKS; i++) {
        char link[PATH_MAX];
        if (lstat(writer->target, info) != 0) {
            memset(info, 0, sizeof(*info));
            return errno == ENOENT ? CNN_OK : cnn__file_fail(writer->context, writer->path, "cannot be written", errno);
        }
        if (!S_ISLNK(info->st_mode)) {
            return CNN_OK;
        }
        const ssize_t length = readlink(writer->target, link, sizeof(link) - 1);
        if (length < 0) {
            return cnn__file_fail(writer->context, writer->path, "its link cannot be read", errno);
        }
        link[length] = '\0';
        char *target = beside(writer->context, writer->target, link);
        if (target == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        cnn__free(writer->context, writer->target);
        writer->target = target;
    }
    return cnn__file_fail(writer->context, writer->path, "cannot be written", ELOOP);
}

/* Whether the name still stands for the open file: 0, EEXIST if it does not, or why that cannot be told. */
static int same_file(const char *path, int descriptor)
{
    struct stat named, opened;
    if (fstat(descriptor, &opened) != 0) {
        return errno;
    }
    if (lstat(path, &named) != 0) {
        return errno == ENOENT ? EEXIST : errno;
    }
    return named.st_dev == opened.st_dev && named.st_ino == opened.st_ino ? 0 : EEXIST;
}

/* Removes a temporary file that a process left behind which is no more: nobody holds its lock. Nothing else is touched:
 * no link, no file of another user. */
static bool remove_stale(const char *path)
{
    struct stat info;
    const int descriptor = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    const bool stale = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
                       flock(descriptor, LOCK_EX | LOCK_NB) == 0 && same_file(path, descriptor) == 0 &&
                       unlink(path) == 0;
    close(descriptor);
    return stale;
}

/* Creates the file and locks it; false with errno: EEXIST if the name is taken. */
static bool create_locked(cnn__writer *writer, mode_t mode)
{
    writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (writer->descriptor < 0) {
        return false;
    }
    /* Where files cannot be locked nobody can take this one for a stale one either. If another process has got the lock
     * in between it removes the file. */
    const bool taken = flock(writer->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    const int error = taken ? EEXIST : same_file(writer->temporary, writer->descriptor);
    if (error != 0) {
        if (error != EEXIST) { /* nothing can be told of files here: no other name is tried */
            unlink(writer->temporary);
        }
        close(writer->descriptor);
        writer->descriptor = -1;
        errno = error;
        return false;
    }
    return true;
}

/* Creates a file beside the target that nobody else has. Its name is short, since the target's may be as long as a name
 * can be, and of few, so that what is left behind is found again. */
static cnn_status open_temporary(cnn__writer *writer, mode_t mode)
{
    const size_t folder = folder_length(writer->target);
    writer->temporary = cnn__alloc(writer->context, folder + TEMPORARY_SIZE);
    if (writer->temporary == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(writer->temporary, writer->target, folder);
    int error = EEXIST;
    for (int i = 0; i < NAME_ATTEMPTS && (error == EEXIST || error == EINTR); i++) {
        snprintf(writer->temporary + folder, TEMPORARY_SIZE, ".cnn-%d.tmp", i);
        bool made = create_locked(writer, mode);
        error = errno;
        if (!made && error == EEXIST && remove_stale(writer->temporary)) {
            made = create_locked(writer, mode);
            error = errno;
        }
        if (made) {
            return CNN_OK;
        }
    }
    /* Whatever lies under that name is not ours to remove. */
    cnn__free(writer->context, writer->temporary);
    writer->temporary = NULL;
    return cnn__file_fail(writer->context, writer->path, "cannot be created", error);
}

/* Gives the new file owner, group and mode of the one that it replaces. Where the group cannot be kept, another one
 * must not read what the old one could. */
static cnn_status keep_mode(cnn__writer *writer, const struct stat *old)
{
    struct stat now;
    mode_t mode = old->st_mode & 0777;
    if (fstat(writer->descriptor, &now) != 0) {
        return cnn__file_fail(writer->context, writer->path, "cannot be created", errno);
    }
    if ((now.st_uid != old->st_uid || now.st_gid != old->st_gid) &&
        fchown(writer->descriptor, old->st_uid, old->st_gid) != 0 && now.st_gid != old->st_gid &&
        fchown(writer->descriptor, (uid_t)-1, old->st_gid) != 0) {
        mode &= (mode_t) ~(S_IRWXG & ~((mode & S_IRWXO) << 3));
    }
    return fchmod(writer->descriptor, mode) == 0
               ? CNN_OK
               : cnn__file_fail(writer->context, writer->path, "its mode cannot be kept", errno);
}

static cnn_status begin(cnn__writer *writer)
{
    struct stat info;
    CNN__RETURN_IF_ERROR(find_target(writer, &info));
    if (info.st_mode != 0 && !S_ISREG(info.st_mode)) {
        return fail_plain(writer, S_ISDIR(info.st_mode) ? "is a folder: nothing is written"
                                                        : "is not a regular file: it is not replaced");
    }
    CNN__RETURN_IF_ERROR(open_temporary(writer, info.st_mode != 0 ? 0600 : 0666));
    return info.st_mode != 0 ? keep_mode(writer, &info) : CNN_OK;
}

cnn_status cnn__writer_open(cnn_context *context, const char *path, cnn__writer *writer)
{
    *writer = (cnn__writer){.context = context, .descriptor = -1};
    writer->path = cnn__strdup(context, path);
    writer->target = cnn__strdup(context, path);
    writer->status = writer->path != NULL && writer->target != NULL ? begin(writer) : CNN_ERROR_OUT_OF_MEMORY;
    if (writer->status != CNN_OK) {
        cnn_status status = writer->status;
        cnn__writer_abandon(writer);
        writer->status = status;
    }
    return writer->status;
}

cnn_status cnn__writer_write(void *user, const void *data, size_t size)
{
    cnn__writer *writer = user;
    for (size_t done = 0; done < size && writer->status == CNN_OK;) {
        ssize_t put = write(writer->descriptor, (const char *)data + done, size - done);
        if (put == 0 || (put < 0 && errno != EINTR)) {
            writer->status = cnn__file_fail(writer->context, writer->path, "cannot be written",
                                            put == 0 ? ENOSPC : errno);
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return writer->status;
}

/* Makes the new name itself durable. */
static cnn_status sync_folder(cnn__writer *writer)
{
    const size_t length = folder_length(writer->target);
    if (length > 0) {
        writer->target[length] = '\0';
    }
    int descriptor = open(length > 0 ? writer->target : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        char name[512], reason[128];
        const int error = errno;
        cnn__log(writer->context, CNN_LOG_WARNING, "%s: is in place, but its folder cannot be opened to be synced: %s",
                 cnn__printable(writer->path, name, sizeof(name)), strerror_r(error, reason, sizeof(reason)));
        return CNN_OK;
    }
    /* Some file systems cannot sync a folder (EINVAL): then the rename is as durable as it gets. */
    const int error = fsync(descriptor) != 0 && errno != EINVAL ? errno : 0;
    close(descriptor);
    return error == 0 ? CNN_OK
                      : cnn__file_fail(writer->context, writer->path,
                                       "the new file is in place, but its folder cannot be synced", error);
}

/* Ends everything; a temporary file that is still there stays. */
static void writer_close(cnn__writer *writer)
{
    if (writer->descriptor >= 0) {
        /* Only now, since the lock goes with it. All data have been synced, or are not wanted: no failure matters. */
        close(writer->descriptor);
    }
    writer->descriptor = -1;
    cnn__free(writer->context, writer->path);
    cnn__free(writer->context, writer->target);
    cnn__free(writer->context, writer->temporary);
    writer->path = writer->target = writer->temporary = NULL;
}

cnn_status cnn__writer_commit(cnn__writer *writer)
{
    /* A failed fsync is not tried again: the kernel may have dropped the data and report success next time. */
    if (writer->status == CNN_OK && fsync(writer->descriptor) != 0) {
        writer->status = cnn__file_fail(writer->context, writer->path, "cannot be synced", errno);
    }
    if (writer->status == CNN_OK && rename(writer->temporary, writer->target) != 0) {
        writer->status = cnn__file_fail(writer->context, writer->path, "cannot be replaced", errno);
    }
    cnn_status status = writer->status;
    if (status != CNN_OK) {
        cnn__writer_abandon(writer);
        return status;
    }
    status = sync_folder(writer);
    writer_close(writer);
    return status;
}

void cnn__writer_abandon(cnn__writer *writer)
{
    if (writer->temporary != NULL && writer->descriptor >= 0) {
        unlink(writer->temporary);
    }
    writer_close(writer);
}

cnn_status cnn__writer_probe(cnn_context *context, const char *path)
{
    cnn__writer writer;
    CNN__RETURN_IF_ERROR(cnn__writer_open(context, path, &writer));
    cnn__writer_abandon(&writer);
    return CNN_OK;
}
