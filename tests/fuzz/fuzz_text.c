/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the small languages of options. The first byte says which: pipelines, schedules, optimizers and
 * their groups, evaluators, losses, heads, names of networks. What is taken can be said again: the text of a
 * pipeline or schedule makes the same one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cnn/cnn.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Networks of any size can be named; what is larger is out of memory, before time goes into random weights. */
#define MOST_BYTES ((size_t)64 << 10)

static void *allocate(void *user, size_t size, size_t alignment)
{
    void *memory = NULL;
    (void)user;
    return size <= MOST_BYTES &&
                   posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) == 0
               ? memory
               : NULL;
}

static void release(void *user, void *memory, size_t size)
{
    (void)user;
    (void)size;
    free(memory);
}

static void try_pipeline(cnn_context *context, const char *text)
{
    cnn_pipeline *first = NULL, *second = NULL;
    if (cnn_pipeline_create(context, text, &first) == CNN_OK &&
        (cnn_pipeline_create(context, cnn_pipeline_text(first), &second) != CNN_OK ||
         strcmp(cnn_pipeline_text(first), cnn_pipeline_text(second)) != 0)) {
        abort();
    }
    cnn_pipeline_free(second);
    cnn_pipeline_free(first);
}

static void try_schedule(cnn_context *context, const char *text)
{
    cnn_schedule *first = NULL, *second = NULL;
    if (cnn_schedule_create(context, text, &first) == CNN_OK) {
        if (cnn_schedule_create(context, cnn_schedule_text(first), &second) != CNN_OK ||
            strcmp(cnn_schedule_text(first), cnn_schedule_text(second)) != 0) {
            abort();
        }
        if (cnn_schedule_begin(first, 0.1, 10, 5) == CNN_OK) {
            for (uint64_t epoch = 0; epoch < 5; epoch++) {
                const double rate = cnn_schedule_rate(first, epoch, epoch);
                if (!(rate >= 0)) {
                    abort();
                }
            }
        }
    }
    cnn_schedule_free(second);
    cnn_schedule_free(first);
}

static void try_optimizer(cnn_context *context, const char *text)
{
    cnn_optimizer *optimizer = NULL;
    if (cnn_optimizer_create(context, text, &optimizer) == CNN_OK) {
        (void)cnn_optimizer_add_groups(optimizer, text);
    }
    cnn_optimizer_free(optimizer);
    if (cnn_optimizer_create(context, "sgd", &optimizer) == CNN_OK) {
        (void)cnn_optimizer_add_groups(optimizer, text);
        cnn_optimizer_free(optimizer);
    }
}

static void try_names(cnn_context *context, const char *text)
{
    cnn_evaluator *evaluator = NULL;
    cnn_loss *loss = NULL;
    (void)cnn_evaluator_create(context, text, &evaluator);
    (void)cnn_loss_create(context, text, &loss);
    cnn_loss_free(loss);
    cnn_evaluator_free(evaluator);
}

static void try_network(cnn_context *context, const char *text)
{
    cnn_model *model = NULL;
    (void)cnn_zoo_create(context, text, CNN_ZOO(.input = {32, 32, 3}, .classes = 2), &model);
    cnn_model_free(model);
}

/* On a network that has little to initialise. */
static void try_head(cnn_context *context, const char *text)
{
    cnn_model *model = NULL, *made = NULL;
    if (cnn_model_create(context, CNN_MODEL(.name = "base", .input = {6, 6, 1}), &model) == CNN_OK &&
        cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = "conv", .filters = 2, .kernel = {3}))) == CNN_OK &&
        cnn_model_add(model, cnn_flatten(context, NULL)) == CNN_OK &&
        cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = "output", .units = 2))) == CNN_OK &&
        cnn_model_build(model) == CNN_OK) {
        (void)cnn_model_replace_head(model, CNN_HEAD(.layers = text, .classes = 3), &made);
        (void)cnn_model_set_trainable(model, text, false);
    }
    cnn_model_free(made);
    cnn_model_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(cnn_context *, const char *) = {try_pipeline, try_schedule, try_optimizer,
                                                                 try_names,    try_network,  try_head};
    const cnn_allocator allocator = {.struct_size = sizeof(allocator), .allocate = allocate, .release = release};
    cnn_context *context = NULL;
    if (size == 0 || cnn_context_create(CNN_CONTEXT(.threads = 1, .backend = "reference", .allocator = &allocator),
                                        &context) != CNN_OK) {
        return 0;
    }
    char *text = malloc(size);
    if (text != NULL) {
        memcpy(text, data + 1, size - 1);
        text[size - 1] = '\0';
        tries[data[0] % (sizeof(tries) / sizeof(tries[0]))](context, text);
    }
    free(text);
    cnn_context_free(context);
    return 0;
}
