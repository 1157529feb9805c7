/* SPDX-License-Identifier: MIT */
/* Two processes train one model, joined by a pair of sockets: a communicator of two functions is enough.
 *     two_processes DATA [EPOCHS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* To the other process, whichever it is: `user` is the socket. */
static cnn_status send_bytes(void *user, uint32_t to, const void *bytes, size_t size)
{
    (void)to;
    for (size_t done = 0; done < size;) {
        ssize_t n = send(*(const int *)user, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (n <= 0) {
            return CNN_ERROR_PEER;
        }
        done += (size_t)n;
    }
    return CNN_OK;
}

static cnn_status receive_bytes(void *user, uint32_t from, void *bytes, size_t size)
{
    (void)from;
    for (size_t done = 0; done < size;) {
        ssize_t n = recv(*(const int *)user, (char *)bytes + done, size - done, 0);
        if (n <= 0) {
            return CNN_ERROR_PEER;
        }
        done += (size_t)n;
    }
    return CNN_OK;
}

static cnn_status build(cnn_context *context, cnn_shape input, int32_t classes, cnn_model **model)
{
    cnn_status status = cnn_model_create(context, CNN_MODEL(.shape = input), model);
    if (status != CNN_OK) {
        return status;
    }
    cnn_model_add(*model, cnn_conv2d(context, CNN_CONV2D(.filters = 8, .activation = CNN_RELU)));
    cnn_model_add(*model, cnn_max_pool2d(context, NULL));
    cnn_model_add(*model, cnn_flatten(context, NULL));
    cnn_model_add(*model, cnn_dropout(context, CNN_DROPOUT(.rate = 0.25f)));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = classes, .activation = CNN_SOFTMAX)));
    return cnn_model_build(*model);
}

/* The sum of all parameters: the same on both ranks, to the bit. */
static double sum_of(cnn_model *model)
{
    double sum = 0;
    for (size_t i = 0; i < cnn_model_parameter_count(model); i++) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        (void)cnn_model_parameter(model, i, &parameter);
        size_t values = 1;
        for (uint32_t d = 0; d < parameter.value.shape.rank; d++) {
            values *= (size_t)parameter.value.shape.dims[d];
        }
        for (size_t v = 0; v < values; v++) {
            sum += parameter.value.data[v];
        }
    }
    return sum;
}

/* What both ranks do. */
static int train(const char *data, uint32_t epochs, const cnn_communicator *ranks)
{
    cnn_context *context = NULL;
    cnn_dataset *dataset = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *adam = NULL;
    cnn_history *history = NULL;

    bool ok = cnn_context_create(CNN_CONTEXT(.threads = 1), &context) == CNN_OK &&
              cnn_dataset_open(context, data, NULL, &dataset) == CNN_OK &&
              cnn_loader_create(context, dataset,
                                CNN_LOADER(.batch = 32, .shuffle = 1, .shard = ranks->rank, .shards = ranks->size),
                                &loader) == CNN_OK &&
              build(context, cnn_loader_sample_shape(loader), (int32_t)cnn_dataset_class_count(dataset), &model) ==
                  CNN_OK &&
              cnn_optimizer_create(context, "adam", &adam) == CNN_OK &&
              cnn_fit(
                  model,
                  CNN_FIT(.train = loader, .optimizer = adam, .epochs = epochs, .keep_last = 1, .communicator = ranks),
                  &history) == CNN_OK;
    if (ok) {
        printf("rank %u: loss %.6f, accuracy %.4f, sum of parameters %.17g\n", (unsigned)ranks->rank,
               cnn_history_value(history, "loss", epochs - 1), cnn_history_value(history, "accuracy", epochs - 1),
               sum_of(model));
    } else {
        fprintf(stderr, "rank %u: %s\n", (unsigned)ranks->rank, cnn_last_error(context));
    }
    cnn_history_free(history);
    cnn_optimizer_free(adam);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(dataset);
    cnn_context_free(context);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    int ends[2], status = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: two_processes DATA [EPOCHS]\n");
        return 2;
    }
    uint32_t epochs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
    if (epochs == 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        perror("two_processes");
        return 1;
    }
    pid_t child = fork();
    if (child < 0) {
        perror("two_processes");
        return 1;
    }
    uint32_t rank = child == 0 ? 1 : 0;
    close(ends[1 - rank]);
    const cnn_communicator ranks = {.struct_size = sizeof(ranks),
                                    .rank = rank,
                                    .size = 2,
                                    .user = &ends[rank],
                                    .send = send_bytes,
                                    .receive = receive_bytes};
    int result = train(argv[1], epochs, &ranks);
    close(ends[rank]); /* whoever still waits for this process is told that it is gone */
    if (child > 0 && (waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        result = 1;
    }
    return result;
}
