/* SPDX-License-Identifier: MIT */
/* dlopen LIBRARY TIMES: loads the library, trains a step with two threads, unloads it, and so on: as plugins do.
 * Afterwards there are as many threads as before, and no more memory than after the first tenth. BLIS has tables
 * that it never frees, so that its backend is not the one. */
#include <cnn/cnn.h>

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What may be kept over all times, in pages. */
#define MOST_PAGES 512

static void fail(const char *what)
{
    fprintf(stderr, "dlopen: %s\n", what);
    exit(1);
}

static long resident(void)
{
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2) {
        fail("no /proc/self/statm");
    }
    fclose(file);
    return pages;
}

static int entries(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

#define FUNCTION(name)                             \
    union {                                        \
        void *object;                              \
        __typeof__(name) *call;                    \
    } name##_ = {.object = dlsym(library, #name)}; \
    if (name##_.object == NULL) {                  \
        fail(#name);                               \
    }

static void once(const char *path)
{
    static const int32_t labels[2] = {0, 1};
    static float input[2 * 8 * 8];
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_loss *loss = NULL;
    cnn_optimizer *optimizer = NULL;
    double value;
    if (library == NULL) {
        fail(dlerror());
    }
    FUNCTION(cnn_context_create)
    FUNCTION(cnn_context_free)
    FUNCTION(cnn_zoo_create)
    FUNCTION(cnn_model_free)
    FUNCTION(cnn_session_create)
    FUNCTION(cnn_session_free)
    FUNCTION(cnn_session_forward)
    FUNCTION(cnn_session_loss)
    FUNCTION(cnn_session_backward)
    FUNCTION(cnn_loss_create)
    FUNCTION(cnn_loss_free)
    FUNCTION(cnn_optimizer_create)
    FUNCTION(cnn_optimizer_step)
    FUNCTION(cnn_optimizer_free)
    if (cnn_context_create_.call(CNN_CONTEXT(.threads = 2, .backend = "vector"), &context) != CNN_OK ||
        cnn_zoo_create_.call(context, "fashion-dnn", CNN_ZOO(.input = {8, 8, 1}, .classes = 2), &model) != CNN_OK ||
        cnn_session_create_.call(model, CNN_SESSION(.batch = 2, .training = 1), &session) != CNN_OK ||
        cnn_loss_create_.call(context, "categorical_crossentropy", &loss) != CNN_OK ||
        cnn_optimizer_create_.call(context, "adam", &optimizer) != CNN_OK ||
        cnn_session_forward_.call(session, input, 2) != CNN_OK ||
        cnn_session_loss_.call(session, loss, CNN_TARGET(.labels = labels), &value) != CNN_OK ||
        cnn_session_backward_.call(session, NULL) != CNN_OK || cnn_optimizer_step_.call(optimizer, session) != CNN_OK) {
        fail("a step");
    }
    cnn_optimizer_free_.call(optimizer);
    cnn_loss_free_.call(loss);
    cnn_session_free_.call(session);
    cnn_model_free_.call(model);
    cnn_context_free_.call(context);
    if (dlclose(library) != 0) {
        fail("dlclose()");
    }
}

int main(int count, char **arguments)
{
    if (count != 3) {
        return 2;
    }
    const long times = strtol(arguments[2], NULL, 10);
    once(arguments[1]);
    const int threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");
    long begin = 0;
    for (long i = 1; i <= times; i++) {
        once(arguments[1]);
        begin = i == times / 10 ? resident() : begin;
    }
    const long more = resident() - begin;
    printf("%ld times: %ld pages more than after a tenth of them\n", times, more);
    if (dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD) != NULL) {
        fail("the library stays loaded");
    }
    if (entries("/proc/self/task") != threads || entries("/proc/self/fd") != descriptors) {
        fail("threads or descriptors stay");
    }
    if (more > MOST_PAGES) {
        fail("memory grows");
    }
    return 0;
}
