/* SPDX-License-Identifier: MIT */
/* Files that the command writes itself: tables, histories, pictures. A file is replaced by way of another beside it,
 * so that it is always whole; devices and pipes are opened once and written to as they are. */
#include "tool.h"
#include "tool_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How long a pipe may take to find its reader, which a shell may start a little later. */
#define PIPE_ATTEMPTS 100
#define PIPE_WAIT_NANOSECONDS 50000000

static int file_failure(tool *run, const char *path, int error)
{
    char *printable = tool_printable(path);
    int result = tool_fail(run, "%s: %s", printable != NULL ? printable : "", strerror(error));
    free(printable);
    return result;
}

int tool_open(const char *path, int flags, mode_t mode)
{
    int file = -1;
    do {
        file = open(path, flags | O_CLOEXEC, mode);
    } while (file < 0 && errno == EINTR && tool_signal() == 0);
    return file;
}

int tool_close(int file)
{
    /* After EINTR the descriptor is closed all the same, on Linux at least; all that mattered was synced before. */
    return close(file) == 0 || errno == EINTR ? 0 : errno;
}

int tool_write_all(int file, const void *data, size_t size)
{
    const char *bytes = data;
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written == 0) {
            return EIO; /* nothing says that another attempt would do more */
        }
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* ---- devices and pipes ---- */

static int *find_special(tool *run, const char *path)
{
    for (size_t i = 0; i < run->special_count; i++) {
        if (strcmp(run->specials[i].path, path) == 0) {
            return &run->specials[i].file;
        }
    }
    return NULL;
}

/* A pipe is opened without waiting for ever for its reader. */
static int open_special(const char *path)
{
    int number = tool_path_descriptor(path);
    if (number >= 0) {
        return fcntl(number, F_DUPFD_CLOEXEC, 0);
    }
    for (int attempt = 0;; attempt++) {
        int file = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (file >= 0) {
            int flags = fcntl(file, F_GETFL);
            (void)fcntl(file, F_SETFL, flags & ~O_NONBLOCK);
            return file;
        }
        if ((errno != ENXIO && errno != EINTR) || attempt == PIPE_ATTEMPTS || tool_signal() != 0) {
            return -1;
        }
        nanosleep(&(struct timespec){0, PIPE_WAIT_NANOSECONDS}, NULL);
    }
}

/* Its descriptor, which stays open until the end of the run: a pipe's reader would take the first end for the last.
 * -1 with errno set. */
static int special_file(tool *run, const char *path)
{
    int *known = find_special(run, path);
    if (known != NULL) {
        return *known;
    }
    char *copy = strdup(path);
    if (copy == NULL || run->special_count == TOOL_MOST_SPECIALS) {
        free(copy);
        errno = ENOMEM;
        return -1;
    }
    int file = open_special(path);
    if (file < 0) {
        int error = errno;
        free(copy);
        errno = error;
        return -1;
    }
    run->specials[run->special_count].path = copy;
    run->specials[run->special_count++].file = file;
    return file;
}

static int write_special(tool *run, const char *path, const void *data, size_t size)
{
    int file = special_file(run, path);
    return file < 0 ? errno : tool_write_all(file, data, size);
}

void tool_close_specials(tool *run)
{
    for (size_t i = 0; i < run->special_count; i++) {
        close(run->specials[i].file);
        free(run->specials[i].path);
    }
    run->special_count = 0;
}

/* ---- files ---- */

/* Opens a new file beside `path`, and gives its name; -1 with errno set. */
static int open_temporary(const char *path, char **temporary)
{
    const char *base = tool_base_name(path);
    int file = -1, error = 0;
    do {
        /* A name as long as names may be leaves no room for more letters. */
        *temporary = tool_format("%.*s%.*s.XXXXXX", (int)(base - path), path, (int)strnlen(base, 200), base);
        file = *temporary != NULL ? mkostemp(*temporary, O_CLOEXEC) : -1;
        error = *temporary != NULL ? errno : ENOMEM;
        if (file < 0) {
            free(*temporary);
            *temporary = NULL;
        }
    } while (file < 0 && error == EINTR && tool_signal() == 0);
    errno = error;
    return file;
}

/* What any new file would have, or what the one had that is replaced: mkostemp() makes a file the owner's alone. 0 or
 * an errno; only a regular file is replaced. */
static int wanted_mode(const char *path, mode_t *mode)
{
    struct stat there;
    mode_t mask = umask(0);
    umask(mask);
    *mode = 0666 & ~mask;
    if (stat(path, &there) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    *mode = there.st_mode & 0777;
    return S_ISREG(there.st_mode) ? 0 : S_ISDIR(there.st_mode) ? EISDIR : EINVAL;
}

/* Writes all to the new file; 0 or an errno. */
static int fill_file(int file, mode_t mode, const void *data, size_t size)
{
    int error = tool_write_all(file, data, size);
    if (error == 0 && (fchmod(file, mode) != 0 || fsync(file) != 0)) {
        error = errno;
    }
    int closed = tool_close(file);
    return error != 0 ? error : closed;
}

/* Writes all to a file beside `path` and gives it that name; 0 or an errno. */
static int replace_file(const char *path, const void *data, size_t size)
{
    char *temporary = NULL;
    mode_t mode = 0;
    int error = wanted_mode(path, &mode);
    int file = error == 0 ? open_temporary(path, &temporary) : -1;
    if (file < 0) {
        return error != 0 ? error : errno;
    }
    error = fill_file(file, mode, data, size);
    if (error == 0 && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(temporary);
    }
    free(temporary);
    return error;
}

int tool_save_bytes(tool *run, const char *path, const void *data, size_t size)
{
    if (data == NULL) {
        return tool_fail_memory(run);
    }
    int error = 0;
    if (tool_path_is_special(path)) {
        error = write_special(run, path, data, size);
    } else {
        /* What a link leads to is replaced, not the link. */
        char *target = tool_path_target(path);
        error = target != NULL ? replace_file(target, data, size) : errno;
        free(target);
    }
    return error == 0 ? TOOL_DONE : file_failure(run, path, error);
}

/* All of the text or nothing of it; 0 or an errno. */
static int append(int file, const char *text)
{
    struct stat before;
    if (fstat(file, &before) != 0) {
        return errno;
    }
    int error = tool_write_all(file, text, strlen(text));
    if (error != 0) {
        (void)!ftruncate(file, before.st_size); /* the first failure is the one to tell */
    }
    return error;
}

int tool_append_text(tool *run, const char *path, const char *text)
{
    if (tool_path_is_special(path)) {
        int error = write_special(run, path, text, strlen(text));
        return error == 0 ? TOOL_DONE : file_failure(run, path, error);
    }
    int file = tool_open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    int error = file < 0 ? errno : append(file, text);
    if (file >= 0) {
        int closed = tool_close(file);
        error = error != 0 ? error : closed;
    }
    return error == 0 ? TOOL_DONE : file_failure(run, path, error);
}

/* ---- what can be known before the work ---- */

/* Makes a file beside `path` and removes it: only the attempt says whether there is room and permission. */
static int try_beside(const char *path)
{
    char *target = tool_path_target(path), *temporary = NULL;
    if (target == NULL) {
        return errno;
    }
    const char *base = tool_base_name(target);
    int error = *base == '\0' ? EISDIR : 0;
    if (error == 0) {
        int file = open_temporary(target, &temporary);
        error = file < 0 ? errno : tool_close(file);
        if (file >= 0) {
            unlink(temporary);
        }
    }
    struct stat there;
    if (error == 0 && lstat(target, &there) != 0 && errno != ENOENT) {
        error = errno; /* such as a name that is too long */
    }
    free(temporary);
    free(target);
    return error;
}

int tool_check_writable(tool *run, const char *path)
{
    struct stat there;
    int error = 0;
    if (tool_path_is_special(path)) {
        error = special_file(run, path) < 0 ? errno : 0;
    } else {
        error = stat(path, &there) == 0 && S_ISDIR(there.st_mode) ? EISDIR : try_beside(path);
    }
    return error == 0 ? TOOL_DONE : file_failure(run, path, error);
}

/* Files of other programs by their endings, and how a model comes into one; none: it does not. */
static const struct {
    const char *ending, *program, *ending_of_convert;
} foreign[] = {
    {".h5", "Keras", ".h5"},
    {".hdf5", "Keras", ".hdf5"},
    {".keras", "Keras", ".h5"},
    {".pth", "PyTorch", ".safetensors"},
    {".pt", "PyTorch", ".safetensors"},
    {".onnx", "ONNX", ".onnx"},
    {".pb", "TensorFlow", ".onnx"},
    {".tflite", "TensorFlow", ".onnx"},
    {".npz", "NumPy", NULL},
    {".npy", "NumPy", NULL},
    {".h", "C", NULL},
    {".c", "C", NULL},
};

int tool_check_model_name(tool *run, const char *option, const char *path)
{
    const size_t size = strlen(path);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const size_t length = strlen(foreign[i].ending), stem = size - length;
        if (size <= length || strcasecmp(path + stem, foreign[i].ending) != 0) {
            continue;
        }
        const char *to = foreign[i].ending_of_convert;
        char *how = to != NULL
                        ? tool_format(", then `cnn convert %.*s.cnn %.*s%s`", (int)stem, path, (int)stem, path, to)
                        : NULL;
        const int result = tool_fail_usage(
            run, "%s %s: a model file of libcnn is written, not one of %s: name it %.*s.cnn%s", option, path,
            foreign[i].program, (int)stem, path, how != NULL ? how : "");
        free(how);
        return result;
    }
    return TOOL_DONE;
}

int tool_check_model_writable(tool *run, const char *path)
{
    if (tool_path_is_special(path)) {
        return tool_fail(run, "%s: is no regular file, and a model can only be kept in one", path);
    }
    return tool_check_writable(run, path);
}
