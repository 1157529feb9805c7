/* SPDX-License-Identifier: MIT */
/* A window of text on stderr that shows how a training goes; Ctrl-C cancels it, and the same command goes on later:
 *     progress_window DATA CHECKPOINT [EPOCHS] */
#include <cnn/cnn.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BAR 40

static volatile sig_atomic_t cancelled;

static void cancel(int signal_number)
{
    (void)signal_number;
    cancelled = 1;
}

/* Draws the five lines of the window over the last ones. */
static void draw(const cnn_progress *p)
{
    int filled = p->steps > 0 ? (int)(BAR * p->step / p->steps) : 0;
    double left = p->images_per_second > 0 && p->step > 0 ? p->seconds / (double)p->step * (double)(p->steps - p->step)
                                                           : 0;
    fprintf(stderr, "\r\033[K+- epoch %d of %d\n", (int)p->epoch + 1, (int)p->epochs);
    fprintf(stderr, "\033[K| [%.*s%*s] %d/%d, %.0f s left\n", filled, "########################################",
            BAR - filled, "", (int)p->step, (int)p->steps, left);
    fprintf(stderr, "\033[K| loss %.4f   %s %.4f   best %.4f\n", p->loss, p->score_name, p->score, p->best_score);
    fprintf(stderr, "\033[K| %.0f images/s, learning rate %g\n", p->images_per_second, p->learning_rate);
    fprintf(stderr, "\033[K+- Ctrl-C cancels\033[4A\r");
}

static bool on_step(void *user, const cnn_progress *progress)
{
    (void)user;
    if (progress->step % 10 == 0 || progress->step == progress->steps) {
        draw(progress);
    }
    return cancelled;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: progress_window DATA CHECKPOINT [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *train = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *adam = NULL;
    cnn_status status = CNN_OK;
    const char *resume = access(argv[2], F_OK) == 0 ? argv[2] : NULL;

    signal(SIGINT, cancel);
    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &data) == CNN_OK &&
              cnn_loader_create(context, data, CNN_LOADER(.batch = 50, .shuffle = 1), &train) == CNN_OK &&
              cnn_zoo_create(context, "fashion-dnn",
                             CNN_ZOO(.shape = cnn_loader_sample_shape(train),
                                     .classes = (uint32_t)cnn_dataset_class_count(data)),
                             &model) == CNN_OK &&
              cnn_adam_create(context, NULL, &adam) == CNN_OK;
    if (ok) {
        status = cnn_fit(model, CNN_FIT(.train = train, .optimizer = adam, .on_step = on_step, .last_path = argv[2],
                                        .resume_path = resume, .epochs = argc > 3 ? (uint32_t)atoi(argv[3]) : 5), NULL);
        ok = status == CNN_OK || status == CNN_ERROR_CANCELLED;
        fprintf(stderr, "\033[5B\r%s\n", status == CNN_ERROR_CANCELLED ? "cancelled; the checkpoint is saved" : "done");
    }
    if (!ok) {
        fprintf(stderr, "progress_window: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(adam);
    cnn_model_free(model);
    cnn_loader_free(train);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
