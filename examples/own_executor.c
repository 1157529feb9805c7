/* SPDX-License-Identifier: MIT */
/* A custom executor: the library's tasks run on threads of the program, here on new ones for each call:
 *     own_executor MODEL PHOTO */
#include <cnn/cnn.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define HELPERS 3

typedef struct job {
    void (*task)(void *argument, size_t index);
    void *argument;
    size_t count;
    atomic_size_t next; /* the first index that nobody has taken */
} job;

static void *work(void *argument)
{
    job *j = argument;
    for (size_t i = atomic_fetch_add(&j->next, 1); i < j->count; i = atomic_fetch_add(&j->next, 1)) {
        j->task(j->argument, i);
    }
    return NULL;
}

/* The caller works too, so that all tasks are done even if no thread can be created. */
static void run(void *user, void (*task)(void *argument, size_t index), void *argument, size_t count)
{
    job j = {task, argument, count, 0};
    pthread_t helpers[HELPERS];
    int started = 0;
    while (started < HELPERS && (size_t)started + 1 < count &&
           pthread_create(&helpers[started], NULL, work, &j) == 0) {
        started++;
    }
    work(&j);
    for (int i = 0; i < started; i++) {
        pthread_join(helpers[i], NULL);
    }
    (*(unsigned *)user)++;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: own_executor MODEL PHOTO\n");
        return 2;
    }
    unsigned runs = 0;
    cnn_executor executor = {.struct_size = sizeof(executor), .user = &runs, .threads = HELPERS + 1, .run = run};
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_prediction best;
    size_t count = 1;

    bool ok = cnn_context_create(CNN_CONTEXT(.executor = &executor), &context) == CNN_OK &&
              cnn_model_load(context, argv[1], &model) == CNN_OK &&
              cnn_session_create(model, NULL, &session) == CNN_OK &&
              cnn_session_predict_file(session, argv[2], &best, &count) == CNN_OK;
    if (ok) {
        printf("%s %.4f; the program's threads were asked %u times\n", best.name != NULL ? best.name : "(unnamed)",
               (double)best.probability, runs);
    } else {
        fprintf(stderr, "own_executor: %s\n", cnn_last_error(context));
    }
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
