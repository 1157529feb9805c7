/* SPDX-License-Identifier: MIT */
/* A server whose 16 threads share one model, each with a session of its own:
 *     server MODEL PORT
 * A client on this machine sends one JPEG or PNG, closes its sending side and reads the class and its probability. */
#include <cnn/cnn.h>

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 16
#define MOST_BYTES (8u << 20)

static int listener = -1;
static cnn_context *context; /* both are read only once the threads run */
static cnn_model *model;

static void stop(int signal_number)
{
    (void)signal_number;
    shutdown(listener, SHUT_RDWR); /* ends every accept() */
}

static void answer(cnn_session *session, int client, unsigned char *data)
{
    cnn_prediction best = {0, 0, NULL};
    size_t count = 1, size = 0;
    for (ssize_t got = 1; got > 0 && size < MOST_BYTES; size += got > 0 ? (size_t)got : 0) {
        got = read(client, data + size, MOST_BYTES - size);
    }
    if (cnn_session_predict_memory(session, data, size, &best, &count) == CNN_OK) {
        dprintf(client, "%s %.4f\n", best.name != NULL ? best.name : "(unnamed)", (double)best.probability);
    } else {
        dprintf(client, "error: %s\n", cnn_last_error(context)); /* this thread's own */
    }
}

static void *serve(void *argument)
{
    (void)argument;
    cnn_session *session = NULL;
    unsigned char *data = malloc(MOST_BYTES);
    if (data != NULL && cnn_session_create(model, CNN_SESSION(.threads = 1), &session) == CNN_OK) {
        for (int client; (client = accept(listener, NULL, NULL)) >= 0; close(client)) {
            answer(session, client, data);
        }
    }
    cnn_session_free(session);
    free(data);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: server MODEL PORT\n");
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_t threads[THREADS];
    int started = 0;

    signal(SIGPIPE, SIG_IGN);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 128) != 0) {
        perror("server");
        return EXIT_FAILURE;
    }
    if (cnn_context_create(CNN_CONTEXT(.threads = 1), &context) == CNN_OK &&
        cnn_model_load(context, argv[1], &model) == CNN_OK) {
        signal(SIGTERM, stop);
        signal(SIGINT, stop);
        while (started < THREADS && pthread_create(&threads[started], NULL, serve, NULL) == 0) {
            started++;
        }
    } else {
        fprintf(stderr, "server: %s\n", cnn_last_error(context));
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    cnn_model_free(model);
    cnn_context_free(context);
    close(listener);
    return started == THREADS ? EXIT_SUCCESS : EXIT_FAILURE;
}
