/* SPDX-License-Identifier: MIT */
/* The functions that fail. Each counts, and either fails or calls what comes next by that name. */
#include "faults/inject.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const fault_names[FAULT_CALLS] = {"open",    "read",          "write",          "fsync",
                                              "rename",  "unlink",        "close",          "stat",
                                              "readdir", "mmap",          "pthread_create", "pthread_mutex_init",
                                              "malloc",  "call on a file"};

static struct {
    atomic_bool armed, persistent;
    atomic_int call, error;
    atomic_size_t at, counts[FAULT_CALLS];
    atomic_long blocks;
} state;

void fault_arm(fault_call call, int error, size_t at, bool persistent)
{
    for (size_t i = 0; i < FAULT_CALLS; i++) {
        atomic_store(&state.counts[i], 0);
    }
    atomic_store(&state.call, (int)call);
    atomic_store(&state.error, error);
    atomic_store(&state.at, at);
    atomic_store(&state.persistent, persistent);
    atomic_store(&state.armed, true);
}

void fault_disarm(void) { atomic_store(&state.armed, false); }

size_t fault_count(fault_call call) { return atomic_load(&state.counts[call]); }

long fault_blocks(void) { return atomic_load(&state.blocks); }

static int reached(fault_call call)
{
    const size_t number = atomic_fetch_add(&state.counts[call], 1) + 1, at = atomic_load(&state.at);
    if (at == 0 || atomic_load(&state.call) != (int)call || number < at ||
        (number > at && !atomic_load(&state.persistent))) {
        return 0;
    }
    return atomic_load(&state.error);
}

/* 0: the call goes on; else what it fails with. */
static int due(fault_call call)
{
    if (!atomic_load(&state.armed)) {
        return 0;
    }
    const int file = call <= FAULT_STAT ? reached(FAULT_FILE) : 0, error = file != 0 ? file : reached(call);
    if (error == FAULT_KILL) {
        (void)kill(getpid(), SIGKILL);
    }
    return error;
}

/* What comes next by that name, as a function of the type of `self`; found once for each. */
#define NEXT(self, name)                               \
    static _Atomic(void *) found_;                     \
    if (atomic_load(&found_) == NULL) {                \
        atomic_store(&found_, dlsym(RTLD_NEXT, name)); \
    }                                                  \
    union {                                            \
        void *object;                                  \
        __typeof__(self) *function;                    \
    } next_ = {.object = atomic_load(&found_)}

#define FAIL_IF_DUE(call, result)   \
    do {                            \
        const int due_ = due(call); \
        if (due_ > 0) {             \
            errno = due_;           \
            return result;          \
        }                           \
    } while (0)

/* Seen by the libraries that the program loads. */
#pragma GCC visibility push(default)

/* Programs with 64-bit offsets call these; declared here, since the headers give the plain names to them. */
int fault_open64(const char *path, int flags, ...) __asm__("open64");
ssize_t fault_pread64(int descriptor, void *data, size_t size, off_t offset) __asm__("pread64");
int fault_stat64(const char *path, struct stat *info) __asm__("stat64");
int fault_lstat64(const char *path, struct stat *info) __asm__("lstat64");
int fault_fstat64(int descriptor, struct stat *info) __asm__("fstat64");
int fault_fstatat64(int folder, const char *path, struct stat *info, int flags) __asm__("fstatat64");
struct dirent *fault_readdir64(DIR *folder) __asm__("readdir64");
void *fault_mmap64(void *address, size_t size, int protection, int flags, int descriptor,
                   off_t offset) __asm__("mmap64");

int fault_open64(const char *path, int flags, ...)
{
    NEXT(fault_open64, "open64");
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    FAIL_IF_DUE(FAULT_OPEN, -1);
    return next_.function(path, flags, mode);
}

ssize_t read(int descriptor, void *data, size_t size)
{
    NEXT(read, "read");
    const int error = due(FAULT_READ);
    if (error > 0) {
        errno = error;
        return -1;
    }
    return next_.function(descriptor, data, error == FAULT_SHORT && size > 1 ? size / 2 : size);
}

ssize_t fault_pread64(int descriptor, void *data, size_t size, off_t offset)
{
    NEXT(fault_pread64, "pread64");
    const int error = due(FAULT_READ);
    if (error > 0) {
        errno = error;
        return -1;
    }
    return next_.function(descriptor, data, error == FAULT_SHORT && size > 1 ? size / 2 : size, offset);
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    NEXT(write, "write");
    const int error = due(FAULT_WRITE);
    if (error > 0) {
        errno = error;
        return -1;
    }
    return next_.function(descriptor, data, error == FAULT_SHORT && size > 1 ? size / 2 : size);
}

int fsync(int descriptor)
{
    NEXT(fsync, "fsync");
    FAIL_IF_DUE(FAULT_FSYNC, -1);
    (void)next_;
    (void)descriptor; /* the disk is not what is tested, and would be waited for */
    return 0;
}

int rename(const char *from, const char *to)
{
    NEXT(rename, "rename");
    FAIL_IF_DUE(FAULT_RENAME, -1);
    return next_.function(from, to);
}

int unlink(const char *path)
{
    NEXT(unlink, "unlink");
    FAIL_IF_DUE(FAULT_UNLINK, -1);
    return next_.function(path);
}

int close(int descriptor)
{
    NEXT(close, "close");
    const int error = due(FAULT_CLOSE), result = next_.function(descriptor); /* as Linux, which closes all the same */
    if (error > 0) {
        errno = error;
        return -1;
    }
    return result;
}

int fault_stat64(const char *path, struct stat *info)
{
    NEXT(fault_stat64, "stat64");
    FAIL_IF_DUE(FAULT_STAT, -1);
    return next_.function(path, info);
}

int fault_lstat64(const char *path, struct stat *info)
{
    NEXT(fault_lstat64, "lstat64");
    FAIL_IF_DUE(FAULT_STAT, -1);
    return next_.function(path, info);
}

int fault_fstat64(int descriptor, struct stat *info)
{
    NEXT(fault_fstat64, "fstat64");
    FAIL_IF_DUE(FAULT_STAT, -1);
    return next_.function(descriptor, info);
}

int fault_fstatat64(int folder, const char *path, struct stat *info, int flags)
{
    NEXT(fault_fstatat64, "fstatat64");
    FAIL_IF_DUE(FAULT_STAT, -1);
    return next_.function(folder, path, info, flags);
}

DIR *opendir(const char *path)
{
    NEXT(opendir, "opendir");
    FAIL_IF_DUE(FAULT_FOLDER, NULL);
    return next_.function(path);
}

struct dirent *fault_readdir64(DIR *folder)
{
    NEXT(fault_readdir64, "readdir64");
    FAIL_IF_DUE(FAULT_FOLDER, NULL);
    return next_.function(folder);
}

void *fault_mmap64(void *address, size_t size, int protection, int flags, int descriptor, off_t offset)
{
    FAIL_IF_DUE(FAULT_MMAP, MAP_FAILED);
    return (void *)syscall(SYS_mmap, address, size, protection, flags, descriptor, offset); /* before dlsym() works */
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    NEXT(pthread_create, "pthread_create");
    const int error = due(FAULT_THREAD);
    return error > 0 ? error : next_.function(thread, attributes, start, argument);
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    NEXT(pthread_mutex_init, "pthread_mutex_init");
    const int error = due(FAULT_LOCK);
    return error > 0 ? error : next_.function(mutex, attributes);
}

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    NEXT(pthread_cond_init, "pthread_cond_init");
    const int error = due(FAULT_LOCK);
    return error > 0 ? error : next_.function(condition, attributes);
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    NEXT(pthread_key_create, "pthread_key_create");
    const int error = due(FAULT_LOCK);
    return error > 0 ? error : next_.function(key, destructor);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
/* A sanitizer has an allocator of its own, and counts what is lost. */
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static void *counted(void *block)
{
    atomic_fetch_add(&state.blocks, block != NULL ? 1 : 0);
    return block;
}

void *malloc(size_t size)
{
    FAIL_IF_DUE(FAULT_MALLOC, NULL);
    return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    FAIL_IF_DUE(FAULT_MALLOC, NULL);
    return counted(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
    FAIL_IF_DUE(FAULT_MALLOC, NULL);
    void *moved = __libc_realloc(block, size);
    atomic_fetch_add(&state.blocks, (block == NULL && moved != NULL) - (block != NULL && moved == NULL && size == 0));
    return moved;
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    const int error = due(FAULT_MALLOC);
    void *made = error > 0 ? NULL : counted(__libc_memalign(alignment, size));
    *block = made != NULL ? made : *block;
    return made != NULL ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    FAIL_IF_DUE(FAULT_MALLOC, NULL);
    return counted(__libc_memalign(alignment, size));
}

void free(void *block)
{
    atomic_fetch_sub(&state.blocks, block != NULL ? 1 : 0);
    __libc_free(block);
}
#endif

#pragma GCC visibility pop

int fault_descriptors(void)
{
    int count = 0;
    for (int i = 0; i < 256; i++) {
        count += fcntl(i, F_GETFD) >= 0;
    }
    return count;
}

int fault_threads(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    while (folder != NULL && fault_readdir64(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count - 2;
}
