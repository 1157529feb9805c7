/* SPDX-License-Identifier: MIT */
/* Files beside a model are opened folder by folder without following links, so that none lies anywhere else. */
#include "onnx/external.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/limits.h"
#include "core/text.h"

/* A whole number above or equal to 0, of digits alone. */
static bool read_number(const char *text, uint64_t *number)
{
    *number = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(*c - '0'), number)) {
            return false;
        }
    }
    return *text != '\0';
}

/* What the tensor's entries say; false: no place, or one that is none. */
static bool read_place(const cnn__onnx_tensor *tensor, const char **location, uint64_t *offset, uint64_t *length)
{
    const cnn__onnx_entry *entries = tensor->external.items;
    bool sound = true;
    *location = NULL;
    *offset = 0;
    *length = UINT64_MAX;
    for (size_t i = 0; i < tensor->external.count && sound; i++) {
        if (strcmp(entries[i].key, "location") == 0) {
            *location = entries[i].value;
        } else if (strcmp(entries[i].key, "offset") == 0) {
            sound = read_number(entries[i].value, offset);
        } else if (strcmp(entries[i].key, "length") == 0) {
            sound = read_number(entries[i].value, length);
        }
    }
    return sound && *location != NULL && **location != '\0';
}

/* Opens a relative path below a folder, part by part; -1 with errno, ELOOP or EACCES for what may not be. */
static int open_below(const char *folder, const char *path)
{
    char part[256];
    int at = open(*folder != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (at >= 0) {
        const size_t length = strcspn(path, "/");
        const bool last = path[length] == '\0';
        if (length == 0 || length >= sizeof(part) || (length == 2 && memcmp(path, "..", 2) == 0)) {
            close(at);
            errno = EACCES;
            return -1;
        }
        memcpy(part, path, length);
        part[length] = '\0';
        const int next = openat(at, part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY));
        const int error = errno;
        close(at);
        errno = error;
        if (last || next < 0) {
            return next;
        }
        at = next;
        path += length + 1;
    }
    return at;
}

/* Whether the file has the bytes, of which then as many more than the arena's own share may be read: they are there, as
 * those of the model are. Several tensors may lie in one place, so the limit of models holds for all together. */
static cnn_status check_file(cnn__arena *arena, const char *file, const char *name, int descriptor, uint64_t offset,
                             size_t size)
{
    const uint64_t limit = cnn__limit(arena->context, CNN__LIMIT_MODEL_BYTES);
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1) {
        return cnn__fail(arena->context, CNN_ERROR_DENIED,
                         "%s: tensor \"%s\": its values lie in something other than a file of one name", file, name);
    }
    if ((uint64_t)status.st_size < size || offset > (uint64_t)status.st_size - size) {
        return cnn__fail(arena->context, CNN_ERROR_TRUNCATED,
                         "%s: tensor \"%s\": its file has %lld bytes, not %zu from %llu on", file, name,
                         (long long)status.st_size, size, (unsigned long long)offset);
    }
    if (size > limit || arena->used > limit - size) {
        return cnn__fail(arena->context, CNN_ERROR_LIMIT,
                         "%s: tensor \"%s\": with its %zu bytes, values in other files are too many, " CNN__LIMIT_TEXT(
                             "model_bytes"),
                         file, name, size);
    }
    arena->most += arena->most > 0 ? size : 0;
    return CNN_OK;
}

static cnn_status read_all(const cnn__arena *arena, const char *file, int descriptor, uint64_t offset, size_t size,
                           unsigned char *bytes)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(descriptor, bytes + done, size - done, (off_t)(offset + done));
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return cnn__file_fail(arena->context, file, "values of a tensor", got == 0 ? EIO : errno);
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return CNN_OK;
}

cnn_status cnn__onnx_external_read(cnn__arena *arena, const char *file, const cnn__onnx_folder *folder,
                                   const cnn__onnx_tensor *tensor, const char *name, size_t size,
                                   const unsigned char **bytes)
{
    const char *location = NULL;
    uint64_t offset = 0, length = 0;
    char text[200];
    if (folder == NULL || !folder->allowed || folder->path == NULL) {
        return cnn__fail(arena->context, CNN_ERROR_DENIED,
                         "%s: tensor \"%s\" has its values in another file, which is read only where the options allow "
                         "it and the model itself is a file",
                         file, name);
    }
    if (!read_place(tensor, &location, &offset, &length) || (length != UINT64_MAX && length != size)) {
        return cnn__fail(arena->context, CNN_ERROR_FORMAT,
                         "%s: tensor \"%s\": the place of its values is none, or has not the %zu bytes of its shape",
                         file, name, size);
    }
    const int descriptor = open_below(folder->path, location);
    if (descriptor < 0) {
        const int error = errno;
        cnn__printable(location, text, sizeof(text));
        if (error == EACCES || error == ELOOP || error == ENOTDIR) {
            return cnn__fail(arena->context, CNN_ERROR_DENIED,
                             "%s: tensor \"%s\": \"%s\" is not a file below the model's folder", file, name, text);
        }
        return cnn__file_fail(arena->context, text, "values of a tensor", error);
    }
    cnn_status status = check_file(arena, file, name, descriptor, offset, size);
    unsigned char *read = status == CNN_OK ? cnn__arena_alloc(arena, size > 0 ? size : 1) : NULL;
    if (status == CNN_OK) {
        status = read != NULL ? read_all(arena, file, descriptor, offset, size, read)
                              : cnn__last_status(arena->context);
    }
    close(descriptor);
    *bytes = read;
    return status;
}
