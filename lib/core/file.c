/* SPDX-License-Identifier: MIT */
/* Whole files in; file_write.c has those out. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/limits.h"
#include "core/memory.h"

cnn_status cnn__file_fail(const cnn_context *context, const char *path, const char *what, int error)
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
            return cnn__file_fail(context, path, "cannot be read", errno);
        }
        if (got == 0) {
            char name[512];
            return cnn__fail(context, CNN_ERROR_TRUNCATED, "%s: ends at byte %zu of %zu while being read",
                             cnn__printable(path, name, sizeof(name)), done, size);
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return CNN_OK;
}

static cnn_status check_file(cnn_context *context, const char *path, int descriptor, cnn__file_limit limit,
                             size_t *size)
{
    const uint64_t most = cnn__limit(context, limit.name);
    struct stat info;
    if (fstat(descriptor, &info) != 0) {
        return cnn__file_fail(context, path, "cannot be read", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        char name[512];
        return cnn__fail(context, CNN_ERROR_IO, "%s: is not a regular file", cnn__printable(path, name, sizeof(name)));
    }
    if ((uint64_t)info.st_size > most) {
        char name[512];
        const char *known = cnn__limit_word(limit.name);
        return cnn__fail(context, CNN_ERROR_LIMIT,
                         "%s: has %lld bytes, at most %llu are read, the limit %s (--allow %s=N raises it)",
                         cnn__printable(path, name, sizeof(name)), (long long)info.st_size, (unsigned long long)most,
                         known, known);
    }
    *size = (size_t)info.st_size;
    return CNN_OK;
}

cnn_status cnn__file_read(cnn_context *context, const char *path, cnn__file_limit limit, void **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return cnn__file_fail(context, path, "cannot be opened", errno);
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
