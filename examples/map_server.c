/* SPDX-License-Identifier: MIT */
/* A server that answers a photo with the photo under its class activation map:
 *     map_server MODEL PORT
 * A client on this machine sends one JPEG or PNG, closes its sending side and reads a JPEG. Threads share the model,
 * each with an explainer of its own. */
#include <cnn/cnn.h>

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 4
#define MOST_BYTES (8u << 20)

static int listener = -1;
static cnn_context *context; /* both are read only once the threads run */
static cnn_model *model;

static void stop(int signal_number)
{
    (void)signal_number;
    shutdown(listener, SHUT_RDWR); /* ends every accept() */
}

static cnn_status send_bytes(void *user, const void *data, size_t size)
{
    const int client = *(const int *)user;
    for (ssize_t sent = 1; size > 0 && sent > 0; data = (const char *)data + sent, size -= (size_t)sent) {
        sent = write(client, data, size);
        if (sent <= 0) {
            return CNN_ERROR_IO;
        }
    }
    return CNN_OK;
}

static void answer(cnn_explainer *explainer, int client, unsigned char *data, float *input, size_t values)
{
    cnn_session *session = cnn_explainer_session(explainer);
    cnn_image *photo = NULL, *overlay = NULL;
    cnn_explanation found = CNN_EXPLANATION_INIT;
    size_t size = 0;
    for (ssize_t got = 1; got > 0 && size<MOST_BYTES; size += got> 0 ? (size_t)got : 0) {
        got = read(client, data + size, MOST_BYTES - size);
    }
    const bool ok = cnn_image_decode(context, data, size, NULL, &photo) == CNN_OK &&
                    cnn_session_prepare_memory(session, data, size, input, values) == CNN_OK &&
                    cnn_explainer_run(explainer, input, -1, &found) == CNN_OK &&
                    cnn_map_overlay(photo, &found.map, NULL, &overlay) == CNN_OK &&
                    cnn_image_encode(overlay, CNN_ENCODE(.format = CNN_IMAGE_JPEG), send_bytes, &client) == CNN_OK;
    if (!ok) {
        dprintf(client, "error: %s\n", cnn_last_error(context)); /* this thread's own */
    }
    cnn_image_free(overlay);
    cnn_image_free(photo);
}

static void *serve(void *argument)
{
    (void)argument;
    const cnn_shape shape = cnn_model_input_shape(model);
    const size_t values = (size_t)(shape.dims[0] * shape.dims[1] * shape.dims[2]);
    cnn_explainer *explainer = NULL;
    unsigned char *data = malloc(MOST_BYTES);
    float *input = malloc(values * sizeof(*input));
    if (data != NULL && input != NULL &&
        cnn_explainer_create(model, CNN_EXPLAINER(.threads = 1), &explainer) == CNN_OK) {
        for (int client; (client = accept(listener, NULL, NULL)) >= 0; close(client)) {
            answer(explainer, client, data, input, values);
        }
    }
    cnn_explainer_free(explainer);
    free(input);
    free(data);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: map_server MODEL PORT\n");
        return 2;
    }
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_t threads[THREADS];
    int started = 0;

    signal(SIGPIPE, SIG_IGN);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 128) != 0) {
        perror("map_server");
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
        fprintf(stderr, "map_server: %s\n", cnn_last_error(context));
    }
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    cnn_model_free(model);
    cnn_context_free(context);
    close(listener);
    return started == THREADS ? EXIT_SUCCESS : EXIT_FAILURE;
}
