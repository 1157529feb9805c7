/* SPDX-License-Identifier: MIT */
/* Fuzz target: a training checkpoint is loaded into a small model, its optimizer and its loader, and saved again. The
 * input is the header's JSON; zeros follow it as data, as many as the checkpoint of that model has. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cnn/cnn.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    cnn_context *context;
    cnn_dataset *dataset;
    cnn_model *model;
    char path[64];
} world;

static bool make_world(void)
{
    static uint8_t pixels[6 * 4];
    static const int32_t labels[6] = {0, 1, 0, 1, 0, 1};
    /* In memory where there is such a folder: each input is a file that is written, saved and synchronised. */
    snprintf(world.path, sizeof(world.path), "%s/cnn-fuzz-checkpoint-%d",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    return cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference"), &world.context) == CNN_OK &&
           cnn_dataset_create(world.context,
                              CNN_ARRAYS(.bytes = pixels, .height = 2, .width = 2, .channels = 1, .count = 6,
                                         .labels = labels, .class_count = 2),
                              &world.dataset) == CNN_OK &&
           cnn_model_create(world.context, CNN_MODEL(.name = "m", .input = {2, 2, 1}), &world.model) == CNN_OK &&
           cnn_model_add(world.model, cnn_flatten(world.context, NULL)) == CNN_OK &&
           cnn_model_add(world.model, cnn_dense(world.context, CNN_DENSE(.name = "d", .units = 2))) == CNN_OK &&
           cnn_model_build(world.model) == CNN_OK;
}

static void put_file(const uint8_t *data, size_t size)
{
    static const char zeros[512];
    unsigned char length[8];
    for (size_t i = 0; i < 8; i++) {
        length[i] = (unsigned char)((uint64_t)size >> (8 * i));
    }
    FILE *file = fopen(world.path, "wb");
    if (file != NULL) {
        fwrite(length, 1, 8, file);
        fwrite(data, 1, size, file);
        fwrite(zeros, 1, 80, file); /* kernel, bias, and one slot of each */
        fclose(file);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cnn_session *session = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_loader *loader = NULL;
    cnn_history *history = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    if (world.model == NULL && !make_world()) {
        abort();
    }
    put_file(data, size);
    if (cnn_session_create(world.model, CNN_SESSION(.batch = 2, .training = 1), &session) != CNN_OK ||
        cnn_sgd_create(world.context, CNN_SGD(.momentum = 0.5f), &optimizer) != CNN_OK ||
        cnn_loader_create(world.context, world.dataset, CNN_LOADER(.batch = 2), &loader) != CNN_OK) {
        abort();
    }
    if (cnn_checkpoint_load(world.path, session, optimizer, loader, &history) == CNN_OK) {
        (void)cnn_loader_next(loader, &batch);
        if (cnn_checkpoint_save(world.path, session, optimizer, loader, history) != CNN_OK ||
            cnn_checkpoint_load(world.path, session, optimizer, loader, NULL) != CNN_OK) {
            abort(); /* what was read can be written, and read again */
        }
    }
    cnn_history_free(history);
    cnn_loader_free(loader);
    cnn_optimizer_free(optimizer);
    cnn_session_free(session);
    return 0;
}
