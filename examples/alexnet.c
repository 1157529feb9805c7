/* SPDX-License-Identifier: MIT */
/* AlexNet on cats and dogs as a TensorFlow article trains it: 80 % of a flat folder of label.N.jpg for training, random
 * crops and mirror images, the training images' mean subtracted, ten crops for validation and test, momentum, decay of
 * all weights, and a rate that falls when the score stays where it is:
 *     alexnet TRAIN TEST MODEL [EPOCHS [BATCH]] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

static bool print_epoch(void *user, const cnn_progress *progress)
{
    (void)user;
    printf("[epoch %d]\tloss: %.6f |Train score: %.6f |Eval score: %.6f |lr: %.6f\n", (int)progress->epoch + 1,
           progress->loss, progress->score, progress->validation_score, progress->learning_rate);
    fflush(stdout);
    return false;
}

/* Steps for training and for evaluation, with the mean of the training images. */
static cnn_status make_pipelines(cnn_context *context, const cnn_dataset *photos, cnn_pipeline *pipelines[3])
{
    static const char *const steps[] = {"random_crop=227x227,flip", "ten_crop=227x227"};
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    cnn_status status = cnn_pipeline_create(context, "resize=256x256", &pipelines[2]);
    if (status == CNN_OK) {
        status = cnn_dataset_statistics(context, photos, CNN_LOADER(.pipeline = pipelines[2]), &found);
    }
    for (int i = 0; i < 2 && status == CNN_OK; i++) {
        char text[200];
        snprintf(text, sizeof(text), "resize=256x256,%s,subtract=%.6f/%.6f/%.6f", steps[i], found.mean[0],
                 found.mean[1], found.mean[2]);
        status = cnn_pipeline_create(context, text, &pipelines[i]);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: alexnet TRAIN TEST MODEL [EPOCHS [BATCH]]\n");
        return 2;
    }
    const uint32_t epochs = argc > 4 ? (uint32_t)atoi(argv[4]) : 300, batch = argc > 5 ? (uint32_t)atoi(argv[5]) : 256;
    cnn_context *context = NULL;
    cnn_dataset *all = NULL, *photos = NULL, *held_out = NULL, *test = NULL;
    cnn_pipeline *pipelines[3] = {NULL, NULL, NULL};
    cnn_loader *loaders[3] = {NULL, NULL, NULL};
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_schedule *schedule = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open_flat(context, argv[1], NULL, &all) == CNN_OK &&
              cnn_dataset_open_flat(context, argv[2], NULL, &test) == CNN_OK &&
              cnn_dataset_split(all, CNN_SPLIT(.fraction = 0.2f), &photos, &held_out) == CNN_OK &&
              make_pipelines(context, photos, pipelines) == CNN_OK;
    const cnn_dataset *sets[] = {photos, held_out, test};
    for (int i = 0; i < 3 && ok; i++) { /* the article's batch may span two epochs; ten crops of 16 are 160 images */
        ok = cnn_loader_create(context, sets[i],
                               CNN_LOADER(.pipeline = pipelines[i > 0], .batch = i > 0 ? 16 : batch, .shuffle = i == 0,
                                          .mode = i == 0 ? CNN_BATCH_WRAP : CNN_BATCH_EPOCH),
                               &loaders[i]) == CNN_OK;
    }
    ok = ok && cnn_zoo_create(context, "alexnet", NULL, &model) == CNN_OK &&
         cnn_sgd_create(context, CNN_SGD(.learning_rate = 0.01f, .momentum = 0.9f, .convention = CNN_TENSORFLOW1,
                                         .weight_decay = 0.0005f), &optimizer) == CNN_OK &&
         cnn_schedule_create(context, "plateau:simple,patience=30,factor=0.1,eps=1e-8", &schedule) == CNN_OK &&
         cnn_fit(model, CNN_FIT(.train = loaders[0], .validation = loaders[1], .optimizer = optimizer,
                                .schedule = schedule, .epochs = epochs, .on_epoch = print_epoch,
                                .best_path = argv[3]), NULL) == CNN_OK &&
         cnn_evaluate(model, CNN_EVALUATE(.loader = loaders[2]), &result) == CNN_OK; /* the best epoch's model */
    if (ok) {
        printf("Test accuracy: %.4f of %d photos\n", result.accuracy, (int)result.count);
    } else {
        fprintf(stderr, "alexnet: %s\n", cnn_last_error(context));
    }
    cnn_schedule_free(schedule);
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    for (int i = 0; i < 3; i++) {
        cnn_loader_free(loaders[i]);
        cnn_pipeline_free(pipelines[i]);
    }
    cnn_dataset_free(test);
    cnn_dataset_free(held_out);
    cnn_dataset_free(photos);
    cnn_dataset_free(all);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
