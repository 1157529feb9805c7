/* SPDX-License-Identifier: MIT */
#include "exchange/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

cnn_status cnn__bytes_open(cnn_context *context, const char *path, cnn__bytes *bytes)
{
    struct stat info;
    *bytes = (cnn__bytes){.context = context, .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (bytes->descriptor < 0) {
        return cnn__file_fail(context, path, "cannot be opened", errno);
    }
    bytes->name = cnn__name_text(context, path);
    cnn_status status = bytes->name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK && (fstat(bytes->descriptor, &info) != 0 || !S_ISREG(info.st_mode))) {
        status = cnn__fail(context, CNN_ERROR_IO, "%s: is not a regular file", bytes->name);
    }
    const uint64_t most = cnn__limit(context, CNN__LIMIT_MODEL_BYTES);
    if (status == CNN_OK && (uint64_t)info.st_size > most) {
        status = cnn__fail(context, CNN_ERROR_LIMIT,
                           "%s: has %" PRIu64 " bytes, at most %" PRIu64 " are read, " CNN__LIMIT_TEXT("model_bytes"),
                           bytes->name, (uint64_t)info.st_size, most);
    }
    if (status != CNN_OK) {
        cnn__bytes_close(bytes);
        return status;
    }
    bytes->size = (uint64_t)info.st_size;
    return CNN_OK;
}

cnn_status cnn__bytes_open_memory(cnn_context *context, const char *name, const void *memory, size_t size,
                                  cnn__bytes *bytes)
{
    *bytes = (cnn__bytes){
        .context = context, .name = cnn__name_text(context, name), .descriptor = -1, .memory = memory, .size = size};
    return bytes->name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

void cnn__bytes_close(cnn__bytes *bytes)
{
    if (bytes->descriptor >= 0) {
        close(bytes->descriptor);
    }
    cnn__free(bytes->context, bytes->name);
    *bytes = (cnn__bytes){.context = bytes->context, .descriptor = -1};
}

static cnn_status ended(const cnn__bytes *bytes, uint64_t offset, size_t size)
{
    return cnn__fail(bytes->context, CNN_ERROR_TRUNCATED,
                     "%s: ends at byte %" PRIu64 ", %zu bytes at %" PRIu64 " were to be read", bytes->name, bytes->size,
                     size, offset);
}

cnn_status cnn__bytes_read(const cnn__bytes *bytes, uint64_t offset, void *data, size_t size)
{
    if (offset > bytes->size || size > bytes->size - offset) {
        return ended(bytes, offset, size);
    }
    if (bytes->descriptor < 0) {
        memcpy(data, bytes->memory + offset, size);
        return CNN_OK;
    }
    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(bytes->descriptor, (char *)data + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno != EINTR) {
            return cnn__fail(bytes->context, CNN_ERROR_IO, "%s: cannot be read at byte %" PRIu64, bytes->name,
                             offset + done);
        }
        if (got == 0) {
            return ended(bytes, offset, size); /* it was cut after it had been opened */
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return CNN_OK;
}
