/* SPDX-License-Identifier: MIT */
/* A custom schedule of the learning rate: the one-cycle policy (Smith and Topin 2018), training a small network:
 *     own_schedule DATA [EPOCHS] */
#include <cnn/cnn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* From a tenth of the base rate up to it in the first 30 % of all steps, then down to a thousandth by a cosine. */
static double one_cycle(void *user, const cnn_schedule_moment *moment)
{
    (void)user;
    double all = (double)(moment->epochs * moment->steps_per_epoch), peak = 0.3 * all;
    double done = (double)(moment->epoch * moment->steps_per_epoch + moment->step);
    if (done < peak) {
        return moment->base * (0.1 + 0.9 * done / peak);
    }
    return moment->base * (0.001 + 0.999 * 0.5 * (1 + cos(3.14159265358979 * (done - peak) / (all - peak))));
}

static bool print_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("epoch %d: rate %.5f, loss %.4f, accuracy %.4f\n", (int)progress->epoch + 1, progress->learning_rate,
           progress->loss, progress->score);
    return false;
}

int main(int argc, char **argv)
{
    static const cnn_schedule_kind kind = {.struct_size = sizeof(kind), .name = "one-cycle 0.3", .rate = one_cycle};
    if (argc < 2) {
        fprintf(stderr, "usage: own_schedule DATA [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *train = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_schedule *schedule = NULL;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &data) == CNN_OK &&
              cnn_loader_create(context, data, CNN_LOADER(.batch = 50, .shuffle = 1), &train) == CNN_OK &&
              cnn_zoo_create(context, "fashion-dnn",
                             CNN_ZOO(.shape = cnn_loader_sample_shape(train),
                                     .classes = (uint32_t)cnn_dataset_class_count(data)),
                             &model) == CNN_OK &&
              cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.1f, .momentum = 0.9f), &optimizer) == CNN_OK &&
              cnn_schedule_create_custom(context, &kind, NULL, &schedule) == CNN_OK &&
              cnn_fit(model, CNN_FIT(.train = train, .optimizer = optimizer, .schedule = schedule,
                                     .on_epoch = print_epoch, .epochs = argc > 2 ? (uint32_t)atoi(argv[2]) : 3),
                      NULL) == CNN_OK;
    if (!ok) {
        fprintf(stderr, "own_schedule: %s\n", cnn_last_error(context));
    }
    cnn_schedule_free(schedule);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(train);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
