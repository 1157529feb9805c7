/* SPDX-License-Identifier: MIT */
/* An arena allocator: everything the library keeps lies in one block of the program's, which is let go at once:
 *     arena MODEL PHOTO */
#include <cnn/cnn.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES ((size_t)256 << 20)

typedef struct arena {
    unsigned char *memory;
    atomic_size_t used; /* atomic, as several threads may allocate */
} arena;

static void *allocate(void *user, size_t size, size_t alignment)
{
    arena *a = user;
    size_t used = atomic_load(&a->used), start;
    do {
        start = (used + alignment - 1) & ~(alignment - 1);
        if (start > ARENA_BYTES || size > ARENA_BYTES - start) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&a->used, &used, start + size));
    return a->memory + start;
}

static void release(void *user, void *memory, size_t size)
{
    (void)user, (void)memory, (void)size; /* all at once, at the end */
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: arena MODEL PHOTO\n");
        return 2;
    }
    arena a = {aligned_alloc(4096, ARENA_BYTES), 0};
    if (a.memory == NULL) {
        fprintf(stderr, "arena: out of memory\n");
        return EXIT_FAILURE;
    }
    cnn_allocator allocator = {sizeof(allocator), &a, allocate, release};
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_prediction best;
    size_t count = 1;

    bool ok = cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &context) == CNN_OK &&
              cnn_model_load(context, argv[1], &model) == CNN_OK &&
              cnn_session_create(model, NULL, &session) == CNN_OK &&
              cnn_session_predict_file(session, argv[2], &best, &count) == CNN_OK;
    if (ok) {
        printf("%s %.4f in %.1f MB\n", best.name != NULL ? best.name : "(unnamed)", (double)best.probability,
               (double)atomic_load(&a.used) / 1e6);
    } else {
        fprintf(stderr, "arena: %s\n", cnn_last_error(context));
    }
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context); /* also ends its threads, which no arena can */
    free(a.memory);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
