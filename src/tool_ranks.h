/* SPDX-License-Identifier: MIT */
/* The command as one of several processes that a launcher of MPI has started: mpirun -n 4 cnn train ... */
#ifndef CNN_TOOL_RANKS_H
#define CNN_TOOL_RANKS_H

#include <cnn/cnn.h>

struct tool;

/* Alone this is rank 0 of 1, without a communicator. */
typedef struct tool_ranks {
    uint32_t rank, size;
    uint32_t local; /* ranks on this machine */
    bool compressed;
    const cnn_communicator *communicator; /* NULL: not joined */
    struct cnn_mpi *mpi;
    void *library;
    char *held;    /* messages for the terminal, until all ranks meet; NULL: none */
    bool lost;     /* some rank is gone without a word */
    bool training; /* warnings are now this rank's own, not those that all have */
} tool_ranks;

/* Finds out from the launcher's environment whether there are others; nothing of MPI is called. */
void tool_ranks_find(tool_ranks *ranks);
/* Opens the context and joins the others, if there are any. */
int tool_ranks_join(struct tool *run);
/* Leaves them, and tells what nobody has told. */
void tool_ranks_leave(struct tool *run);

/* Where ranks may differ: all of them come here, with the result of what they did. Messages of failures are told by
 * rank 0, those that all have once. Returns the worst result of all. */
int tool_ranks_agree(struct tool *run, int result);
/* Hands bytes of rank 0 to all. */
int tool_ranks_share(struct tool *run, void *bytes, size_t size);

/* Keeps a message for the next meeting, or leaves out what rank 0 says for all; false: it is to be printed now, by this
 * rank. */
bool tool_ranks_take(struct tool *run, bool complaint, const char *text);
/* Threads of a rank where nobody has said how many; 0: as without others. */
uint32_t tool_ranks_threads(const tool_ranks *ranks);
/* Whether this process is the one that writes and prints. */
static inline bool tool_ranks_first(const tool_ranks *ranks) { return ranks->rank == 0; }

#endif
