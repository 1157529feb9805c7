/* SPDX-License-Identifier: MIT */
/* Whole files in, whole files out. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/memory.h"

/* Attempts to find a temporary name that is not taken. */
#define NAME_ATTEMPTS 100

static cnn_status fail_errno(const cnn_context *context, const char *path, const char *what, int error)
{
    char reason[128], name[512];
    cnn_status status = error == ENOENT   ? CNN_ERROR_NOT_FOUND
                        : error == ENOMEM ? CNN_ERROR_OUT_OF_MEMORY
                                          : CNN_ERROR_IO;
    return cnn__fail(context, status, "%s: %s: %s", cnn__printable(path, name, sizeof(name)), what,
                     strerror_r(error, reason, sizeof(reason)));
}

/* Reads to the end of the file, `size` of which is known to be there. */
static cnn_status read_all(cnn_context *context, const char *path, int descriptor, char *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(descriptor, data + done, size - done);
        if (got < 0 && errno != EINTR) {
            return fail_errno(context, path, "cannot be read", errno);
        }
        if (got == 0) {
            return cnn__fail(context, CNN_ERROR_TRUNCATED, "%s: ends at byte %zu of %zu while being read", path, done,
                             size);
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return CNN_OK;
}

static cnn_status check_file(cnn_context *context, const char *path, int descriptor, size_t limit, size_t *size)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) {
        return fail_errno(context, path, "cannot be read", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return cnn__fail(context, CNN_ERROR_IO, "%s: is not a regular file", path);
    }
    if ((uint64_t)info.st_size > limit) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: has %lld bytes, at most %zu are read", path,
                         (long long)info.st_size, limit);
    }
    *size = (size_t)info.st_size;
    return CNN_OK;
}

cnn_status cnn__file_read(cnn_context *context, const char *path, size_t limit, void **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return fail_errno(context, path, "cannot be opened", errno);
    }
    cnn_status status = check_file(context, path, descriptor, limit, size);
    if (status == CNN_OK) {
        *data = cnn__alloc(context, *size + 1);
        status = *data != NULL ? read_all(context, path, descriptor, *data, *size) : CNN_ERROR_OUT_OF_MEMORY;
    }
    close(descriptor);
    if (status != CNN_OK) {
        cnn__free(context, *data);
        *data = NULL;
    }
    return status;
}

/* Creates a file beside `path` that nobody else has: its name, a dot, the process and a number. */
static cnn_status open_temporary(cnn__writer *writer)
{
    size_t size = strlen(writer->path) + 48;
    writer->temporary = cnn__alloc(writer->context, size);
    if (writer->temporary == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (int i = 0; i < NAME_ATTEMPTS; i++) {
        snprintf(writer->temporary, size, "%s.%ld.%d.tmp", writer->path, (long)getpid(), i);
        writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->descriptor >= 0) {
            return CNN_OK;
        }
        if (errno != EEXIST && errno != EINTR) {
            break;
        }
    }
    int error = errno;
    /* Whatever lies under that name is not ours to remove. */
    cnn__free(writer->context, writer->temporary);
    writer->temporary = NULL;
    return fail_errno(writer->context, writer->path, "cannot be created", error);
}

cnn_status cnn__writer_open(cnn_context *context, const char *path, cnn__writer *writer)
{
    *writer = (cnn__writer){.context = context, .descriptor = -1};
    writer->path = cnn__strdup(context, path);
    writer->status = writer->path != NULL ? open_temporary(writer) : CNN_ERROR_OUT_OF_MEMORY;
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
        if (put < 0 && errno != EINTR) {
            writer->status = fail_errno(writer->context, writer->path, "cannot be written", errno);
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return writer->status;
}

/* Makes the new name itself durable. Cuts the path at its last slash for as long as it takes. */
static cnn_status sync_folder(cnn__writer *writer)
{
    char *slash = strrchr(writer->path, '/');
    const char *folder = slash == NULL ? "." : slash == writer->path ? "/" : writer->path;
    if (slash != NULL) {
        *slash = '\0';
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems cannot sync a folder (EINVAL): then the rename is as durable as it gets. */
    int error = descriptor < 0 ? errno : fsync(descriptor) != 0 && errno != EINVAL ? errno : 0;
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (slash != NULL) {
        *slash = '/';
    }
    return error == 0 ? CNN_OK : fail_errno(writer->context, writer->path, "its folder cannot be synced", error);
}

static void writer_close(cnn__writer *writer)
{
    cnn__free(writer->context, writer->path);
    cnn__free(writer->context, writer->temporary);
    writer->path = writer->temporary = NULL;
}

cnn_status cnn__writer_commit(cnn__writer *writer)
{
    /* A failed fsync is not tried again: the kernel may have dropped the data and report success next time. */
    if (writer->status == CNN_OK && fsync(writer->descriptor) != 0) {
        writer->status = fail_errno(writer->context, writer->path, "cannot be synced", errno);
    }
    if (writer->status == CNN_OK) {
        int closed = close(writer->descriptor);
        writer->descriptor = -1;
        if (closed != 0 && errno != EINTR) {
            writer->status = fail_errno(writer->context, writer->path, "cannot be closed", errno);
        }
    }
    if (writer->status == CNN_OK && rename(writer->temporary, writer->path) != 0) {
        writer->status = fail_errno(writer->context, writer->path, "cannot be replaced", errno);
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
    if (writer->path == NULL && writer->temporary == NULL) {
        return;
    }
    if (writer->descriptor >= 0) {
        close(writer->descriptor);
        writer->descriptor = -1;
    }
    if (writer->temporary != NULL) {
        unlink(writer->temporary);
    }
    writer_close(writer);
}
