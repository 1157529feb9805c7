/* SPDX-License-Identifier: MIT */
/* Joining the other ranks, and speaking with one voice. libcnn_mpi is loaded only where a launcher has started several
 * processes: without one no MPI is there, and nothing of it is called. */
#include "tool.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn_mpi.h>

/* Most bytes of a rank's messages that are told. */
#define MOST_TEXT 4096

/* What launchers tell their processes. */
typedef struct launcher {
    const char *rank, *size, *local; /* local may be NULL */
} launcher;

static const launcher launchers[] = {
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"}, /* Open MPI */
    {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE"},    /* MVAPICH */
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},                                    /* MPICH, Intel MPI, Slurm */
    {"PMIX_RANK", "SLURM_STEP_NUM_TASKS", NULL},                                    /* Slurm by PMIx */
};

static bool read_number(const char *name, uint32_t *number)
{
    uint64_t value = 0;
    const char *text = name != NULL ? getenv(name) : NULL;
    if (text == NULL || !tool_parse_count(text, &value) || value > UINT32_MAX) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

void tool_ranks_find(tool_ranks *ranks)
{
    ranks->rank = 0;
    ranks->size = ranks->local = 1;
    for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++) {
        uint32_t rank = 0, size = 0;
        if (read_number(launchers[i].rank, &rank) && read_number(launchers[i].size, &size) && size > 1 && rank < size) {
            ranks->rank = rank;
            ranks->size = size;
            (void)read_number(launchers[i].local, &ranks->local);
            return;
        }
    }
}

uint32_t tool_ranks_threads(const tool_ranks *ranks)
{
    cpu_set_t set;
    if (ranks->size == 1 || ranks->local <= 1 || sched_getaffinity(0, sizeof(set), &set) != 0) {
        return 0;
    }
    /* A launcher that binds its processes has divided the processors already. */
    const uint32_t count = (uint32_t)CPU_COUNT(&set), all = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    const uint32_t own = count < all ? count : all / ranks->local;
    return own > 0 ? own : 1;
}

/* ---- the library ---- */

typedef cnn_status (*create_function)(const cnn_context *context, const cnn_mpi_options *options, cnn_mpi **mpi);
typedef const cnn_communicator *(*communicator_function)(const cnn_mpi *mpi);
typedef void (*free_function)(cnn_mpi *mpi);

/* Data and functions are told apart by the standard of C, but not by dlsym(). */
static void find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof(symbol));
}

/* By its name, or beside libcnn, wherever that was found. */
static void *open_library(void)
{
#ifdef TOOL_MPI_LIBRARY
    void *library = dlopen(TOOL_MPI_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    Dl_info info;
    const char *(*const known)(void) = cnn_version_string;
    void *address = NULL;
    memcpy(&address, &known, sizeof(address));
    if (library == NULL && dladdr(address, &info) != 0 && strrchr(info.dli_fname, '/') != NULL) {
        char *path = tool_format("%.*s/%s", (int)(strrchr(info.dli_fname, '/') - info.dli_fname), info.dli_fname,
                                 TOOL_MPI_LIBRARY);
        library = path != NULL ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
        free(path);
    }
    return library;
#else
    return NULL;
#endif
}

/* Rank 0 gives the others up some time after a signal, to save what it has: whoever started them ends them soon. */
static bool give_up(void *user)
{
    (void)user;
    return tool_signal() != 0;
}

int tool_ranks_join(tool *run)
{
    tool_ranks *ranks = &run->ranks;
    create_function create = NULL;
    communicator_function communicator = NULL;
    int result = tool_open_context(run);
    if (result != TOOL_DONE || ranks->size == 1 || ranks->communicator != NULL) {
        return result;
    }
    ranks->library = open_library();
    if (ranks->library == NULL) {
        return tool_fail(run, "%u processes were started together, but this cnn cannot use MPI: %s",
                         (unsigned)ranks->size,
#ifdef TOOL_MPI_LIBRARY
                         dlerror()
#else
                         "it was built without"
#endif
        );
    }
    find(ranks->library, "cnn_mpi_create", &create);
    find(ranks->library, "cnn_mpi_communicator", &communicator);
    if (create == NULL || communicator == NULL) {
        return tool_fail(run, "libcnn_mpi is of another version");
    }
    const cnn_status status = create(run->context,
                                     CNN_MPI(.compression = ranks->compressed ? CNN_MPI_BF16 : CNN_MPI_EXACT,
                                             .give_up = ranks->rank == 0 ? give_up : NULL),
                                     &ranks->mpi);
    if (status != CNN_OK) {
        return tool_fail(run, "MPI: the ranks could not be joined: %s", cnn_status_string(status));
    }
    ranks->communicator = communicator(ranks->mpi);
    ranks->rank = ranks->communicator->rank;
    ranks->size = ranks->communicator->size;
    return TOOL_DONE;
}

/* ---- messages ---- */

/* Of all that is said the ranks after the first tell warnings alone, once each is about its own images, and what makes
 * them fail, at the next meeting. */
bool tool_ranks_take(tool *run, bool complaint, const char *text)
{
    tool_ranks *ranks = &run->ranks;
    if (ranks->size == 1 || (ranks->rank == 0 && (!complaint || ranks->communicator == NULL || ranks->lost))) {
        return false;
    }
    if (!complaint) {
        return !ranks->training || strncmp(text, "warning", strlen("warning")) != 0;
    }
    char *held = ranks->held != NULL ? tool_format("%s\n%s", ranks->held, text) : strdup(text);
    if (held == NULL) {
        return false;
    }
    free(ranks->held);
    ranks->held = held;
    return true;
}

/* Prints lines, each with the command's name, and the rank's if it is one. */
static void tell(tool *run, const char *text, bool of_rank, uint32_t rank)
{
    while (text[0] != '\0') {
        const size_t size = strcspn(text, "\n");
        char *line = tool_format("%.*s", (int)size, text), *printable = line != NULL ? tool_printable(line) : NULL;
        pthread_mutex_lock(&run->lock);
        tool_progress_clear(run);
        fprintf(stderr, "cnn%s%s: ", run->command != NULL ? " " : "", run->command != NULL ? run->command->name : "");
        if (of_rank) {
            fprintf(stderr, "rank %u: ", (unsigned)rank);
        }
        fprintf(stderr, "%s\n", printable != NULL ? printable : "");
        pthread_mutex_unlock(&run->lock);
        free(printable);
        free(line);
        text += size + (text[size] == '\n');
    }
}

void tool_ranks_leave(tool *run)
{
    tool_ranks *ranks = &run->ranks;
    free_function release = NULL;
    if (ranks->held != NULL) {
        tell(run, ranks->held, true, ranks->rank);
    }
    free(ranks->held);
    ranks->held = NULL;
    if (ranks->mpi != NULL) {
        find(ranks->library, "cnn_mpi_free", &release);
        release(ranks->mpi);
    }
    ranks->mpi = NULL;
    ranks->communicator = NULL;
}

/* ---- meetings ---- */

typedef struct said {
    int32_t result;
    uint32_t size; /* of the text */
} said;

/* Tells what the ranks have said: each text once, and of whom unless it is of all. */
static void tell_all(tool *run, const said *all, const char *const *texts)
{
    const uint32_t size = run->ranks.size;
    for (uint32_t rank = 0; rank < size; rank++) {
        bool before = false, everyone = true;
        for (uint32_t other = 0; other < size; other++) {
            const bool same = all[other].size == all[rank].size &&
                              memcmp(texts[other], texts[rank], all[rank].size) == 0;
            before = before || (other < rank && same);
            everyone = everyone && same;
        }
        if (all[rank].size > 0 && !before) {
            char *text = tool_format("%.*s", (int)all[rank].size, texts[rank]);
            tell(run, text != NULL ? text : "", !everyone, rank);
            free(text);
        }
    }
}

/* Hands the texts to all ranks, of which the first tells them. */
static cnn_status exchange_texts(tool *run, const said *all, const char *own)
{
    const uint32_t size = run->ranks.size;
    size_t *sizes = calloc(size, sizeof(*sizes)), total = 0;
    const char **texts = calloc(size, sizeof(*texts));
    for (uint32_t rank = 0; rank < size && sizes != NULL; rank++) {
        sizes[rank] = all[rank].size;
        total += all[rank].size;
    }
    char *gathered = malloc(total + 1);
    cnn_status status = sizes != NULL && texts != NULL && gathered != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK && total > 0) {
        status = cnn_communicator_gather(run->context, run->ranks.communicator, own, gathered, sizes);
    }
    if (status == CNN_OK && run->ranks.rank == 0) {
        size_t at = 0;
        for (uint32_t rank = 0; rank < size; at += sizes[rank], rank++) {
            texts[rank] = gathered + at;
        }
        tell_all(run, all, texts);
    }
    free(gathered);
    free(texts);
    free(sizes);
    return status;
}

int tool_ranks_agree(tool *run, int result)
{
    tool_ranks *ranks = &run->ranks;
    if (ranks->communicator == NULL || ranks->size == 1) {
        return result;
    }
    const char *text = ranks->held != NULL ? ranks->held : "";
    const size_t length = strlen(text);
    const said own = {result, (uint32_t)(length < MOST_TEXT ? length : MOST_TEXT)};
    said *all = calloc(ranks->size, sizeof(*all));
    size_t *sizes = calloc(ranks->size, sizeof(*sizes));
    cnn_status status = all != NULL && sizes != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    for (uint32_t rank = 0; rank < ranks->size && status == CNN_OK; rank++) {
        sizes[rank] = sizeof(own);
    }
    status = status == CNN_OK ? cnn_communicator_gather(run->context, ranks->communicator, &own, all, sizes) : status;
    status = status == CNN_OK ? exchange_texts(run, all, text) : status;
    if (status == CNN_OK) {
        free(ranks->held);
        ranks->held = NULL;
        for (uint32_t rank = 0; rank < ranks->size; rank++) {
            result = all[rank].result > result ? all[rank].result : result;
        }
    } else { /* leaving tells what is held */
        ranks->lost = true;
        result = result != TOOL_DONE ? result : TOOL_FAILED;
    }
    free(sizes);
    free(all);
    return result;
}

int tool_ranks_share(tool *run, void *bytes, size_t size)
{
    const cnn_communicator *c = run->ranks.communicator;
    const cnn_status status = c != NULL ? cnn_communicator_broadcast(run->context, c, 0, bytes, size) : CNN_OK;
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
}
