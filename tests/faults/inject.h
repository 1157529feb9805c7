/* SPDX-License-Identifier: MIT */
/* System calls, thread creations and allocations of the C library that fail when they are told to.
 *
 * inject.c defines these functions in the program itself, and so in front of the C library's for all that the program
 * loads: libcnn, and the libraries below it. */
#ifndef CNN_TESTS_FAULTS_INJECT_H
#define CNN_TESTS_FAULTS_INJECT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_call {
    FAULT_OPEN,
    FAULT_READ, /* and pread */
    FAULT_WRITE,
    FAULT_FSYNC,
    FAULT_RENAME,
    FAULT_UNLINK,
    FAULT_CLOSE,
    FAULT_STAT,   /* stat, lstat, fstat, fstatat */
    FAULT_FOLDER, /* opendir and readdir */
    FAULT_MMAP,
    FAULT_THREAD, /* pthread_create */
    FAULT_LOCK,   /* pthread_mutex_init, pthread_cond_init, pthread_key_create */
    FAULT_MALLOC, /* malloc and its like, which the libraries below use */
    FAULT_FILE,   /* any of the calls on files: open to stat */
    FAULT_CALLS
} fault_call;

extern const char *const fault_names[FAULT_CALLS];

/* What happens at the point. */
#define FAULT_SHORT (-1) /* half of what was asked for is read or written */
#define FAULT_KILL (-2)  /* the process is killed before the call */

/* Begins counting; the `at`-th call (from 1; 0: none) fails with `error`, with `persistent` all later ones too. */
void fault_arm(fault_call call, int error, size_t at, bool persistent);
/* Ends it. */
void fault_disarm(void);
/* Calls since it was armed. */
size_t fault_count(fault_call call);
/* Blocks of malloc that are alive: a difference tells what was lost. 0 where a sanitizer counts. */
long fault_blocks(void);
/* Open descriptors, and threads of this process. */
int fault_descriptors(void);
int fault_threads(void);

#endif
