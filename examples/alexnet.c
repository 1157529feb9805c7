/* SPDX-License-Identifier: MIT */
/* AlexNet on cats and dogs as a TensorFlow article trains it: 80 % of a flat folder of label.N.jpg for training, random
 * crops and mirror images, the training images' mean subtracted, ten crops for validation and test, momentum, decay of
 * all weights, and a rate that falls when the score stays where it is:
 *     alexnet TRAIN TEST MODEL [EPOCHS [BATCH [DETAILS]]]
 * The line of an epoch has the article's numbers: loss and train score are those of the last batch alone, and the loss
 * holds the decay's share, 0.0005 times half the squared norm of all variables. DETAILS receives the article's
 * train_results: the loss of each step, and the train and evaluation score of each epoch. */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DECAY 0.0005f

typedef struct results {
    double penalty; /* the decay's share of the loss with the parameters as they are now */
    double *step_losses, *step_scores, *eval_scores;
    size_t steps, epochs, room; /* `room` steps fit */
} results;

/* DECAY * tf.nn.l2_loss() of all trainable variables. */
static double find_penalty(cnn_model *model)
{
    double sum = 0;
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    for (size_t i = 0; cnn_model_parameter(model, i, &parameter) == CNN_OK; i++) {
        size_t count = parameter.trainable ? 1 : 0;
        for (uint32_t d = 0; d < parameter.value.shape.rank; d++) {
            count *= (size_t)parameter.value.shape.dims[d];
        }
        double part = 0;
        for (size_t k = 0; k < count; k++) {
            part += (double)parameter.value.data[k] * parameter.value.data[k];
        }
        sum += part;
    }
    return DECAY * sum / 2;
}

/* A step's loss is that of the parameters before it, which the step before left. */
static bool note_step(void *user, const cnn_progress *progress)
{
    results *r = user;
    if (progress->step > 0 && r->steps < r->room) {
        r->step_losses[r->steps++] = progress->step_loss + r->penalty;
        r->penalty = find_penalty(cnn_session_model(progress->session));
    }
    return false;
}

static bool print_epoch(void *user, const cnn_progress *progress)
{
    results *r = user;
    r->step_scores[r->epochs] = progress->step_score;
    r->eval_scores[r->epochs++] = progress->validation_score;
    printf("[epoch %d]\tloss: %.6f |Train score: %.6f |Eval score: %.6f |lr: %.6f\n", (int)progress->epoch + 1,
           r->step_losses[r->steps - 1], progress->step_score, progress->validation_score, progress->learning_rate);
    fflush(stdout);
    return false;
}

static bool write_details(const char *path, const results *r, double seconds)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(file, "train_seconds,%.3f\nstep,step_loss\n", seconds);
    for (size_t i = 0; i < r->steps; i++) {
        fprintf(file, "%zu,%.9g\n", i + 1, r->step_losses[i]);
    }
    fprintf(file, "epoch,step_score,eval_score\n");
    for (size_t i = 0; i < r->epochs; i++) {
        fprintf(file, "%zu,%.9g,%.9g\n", i + 1, r->step_scores[i], r->eval_scores[i]);
    }
    bool whole = !ferror(file);
    return fclose(file) == 0 && whole;
}

static bool make_room(results *r, size_t steps, size_t epochs)
{
    r->room = steps;
    r->step_losses = calloc(steps + 1, sizeof(double));
    r->step_scores = calloc(epochs + 1, sizeof(double));
    r->eval_scores = calloc(epochs + 1, sizeof(double));
    return r->step_losses != NULL && r->step_scores != NULL && r->eval_scores != NULL;
}

static double now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool tell_reading(void *user, uint64_t done, uint64_t total)
{
    uint64_t *told = user; /* thousands of photos */
    if (done / 1000 > *told) {
        *told = done / 1000;
        printf("Reading subset data: %llu/%llu...\n", (unsigned long long)done, (unsigned long long)total);
    }
    return false;
}

/* Steps for training and for evaluation, with the mean of the training images. */
static cnn_status make_pipelines(cnn_context *context, const cnn_dataset *photos, cnn_pipeline *pipelines[3])
{
    static const char *const steps[] = {"random_crop=227x227,flip", "ten_crop=227x227"};
    cnn_channel_statistics found = CNN_CHANNEL_STATISTICS_INIT;
    cnn_status status = cnn_pipeline_create(context, "resize=256x256:antialias=0", &pipelines[2]);
    uint64_t told = 0;
    if (status == CNN_OK) {
        status = cnn_dataset_statistics(
            context, photos, CNN_LOADER(.pipeline = pipelines[2], .on_read = tell_reading, .user = &told), &found);
    }
    for (int i = 0; i < 2 && status == CNN_OK; i++) {
        char text[200];
        snprintf(text, sizeof(text), "resize=256x256:antialias=0,%s,subtract=%.6f/%.6f/%.6f", steps[i], found.mean[0],
                 found.mean[1], found.mean[2]);
        status = cnn_pipeline_create(context, text, &pipelines[i]);
    }
    return status;
}

typedef struct program {
    cnn_context *context;
    cnn_dataset *all, *sets[3]; /* training, validation, test */
    cnn_pipeline *pipelines[3]; /* of training, of evaluation, of the mean */
    cnn_loader *loaders[3];
    cnn_model *model;
    cnn_optimizer *optimizer;
    cnn_schedule *schedule;
    cnn_history *history;
    results results;
} program;

/* Opens all that training needs. The article's batch may span two epochs; ten crops of 16 photos are 160 images. */
static bool open_all(program *p, const char *train, const char *test, uint32_t epochs, uint32_t batch)
{
    bool ok = cnn_context_create(NULL, &p->context) == CNN_OK &&
              cnn_dataset_open_flat(p->context, train, NULL, &p->all) == CNN_OK &&
              cnn_dataset_open_flat(p->context, test, NULL, &p->sets[2]) == CNN_OK &&
              cnn_dataset_split(p->all, CNN_SPLIT(.fraction = 0.2f), &p->sets[0], &p->sets[1]) == CNN_OK &&
              make_pipelines(p->context, p->sets[0], p->pipelines) == CNN_OK;
    for (int i = 0; i < 3 && ok; i++) {
        ok = cnn_loader_create(p->context, p->sets[i],
                               CNN_LOADER(.pipeline = p->pipelines[i > 0], .batch = i > 0 ? 16 : batch,
                                          .shuffle = i == 0, .mode = i == 0 ? CNN_BATCH_WRAP : CNN_BATCH_EPOCH),
                               &p->loaders[i]) == CNN_OK;
    }
    ok = ok && cnn_zoo_create(p->context, "alexnet", NULL, &p->model) == CNN_OK &&
         cnn_sgd_create(p->context, CNN_SGD(.learning_rate = 0.01f, .momentum = 0.9f, .convention = CNN_TENSORFLOW1,
                                            .weight_decay = DECAY), &p->optimizer) == CNN_OK &&
         cnn_schedule_create(p->context, "plateau:simple,patience=30,factor=0.1,eps=1e-8", &p->schedule) == CNN_OK;
    if (ok && !make_room(&p->results, epochs * cnn_loader_batches(p->loaders[0]), epochs)) {
        fprintf(stderr, "alexnet: no memory for the results\n");
        return false;
    }
    return ok;
}

static bool train(program *p, uint32_t epochs, const char *model, const char *details)
{
    printf("Running training loop...\nNumber of training iterations: %zu\n", p->results.room);
    const double begin = now();
    p->results.penalty = find_penalty(p->model);
    if (cnn_fit(p->model, CNN_FIT(.train = p->loaders[0], .validation = p->loaders[1], .optimizer = p->optimizer,
                                  .schedule = p->schedule, .epochs = epochs, .on_step = note_step,
                                  .on_epoch = print_epoch, .user = &p->results, .best_path = model),
                &p->history) != CNN_OK) {
        return false;
    }
    const double seconds = now() - begin;
    printf("Total training time(sec): %.3f\nBest evaluation score: %.6f\nDone.\n", seconds,
           cnn_history_best_score(p->history));
    if (details != NULL && !write_details(details, &p->results, seconds)) {
        fprintf(stderr, "alexnet: %s cannot be written\n", details);
        return false;
    }
    return true;
}

static void close_all(program *p)
{
    free(p->results.step_losses);
    free(p->results.step_scores);
    free(p->results.eval_scores);
    cnn_history_free(p->history);
    cnn_schedule_free(p->schedule);
    cnn_optimizer_free(p->optimizer);
    cnn_model_free(p->model);
    for (int i = 0; i < 3; i++) {
        cnn_loader_free(p->loaders[i]);
        cnn_pipeline_free(p->pipelines[i]);
        cnn_dataset_free(p->sets[i]);
    }
    cnn_dataset_free(p->all);
    cnn_context_free(p->context);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: alexnet TRAIN TEST MODEL [EPOCHS [BATCH [DETAILS]]]\n");
        return 2;
    }
    const uint32_t epochs = argc > 4 ? (uint32_t)atoi(argv[4]) : 300, batch = argc > 5 ? (uint32_t)atoi(argv[5]) : 256;
    if (epochs == 0 || batch == 0) {
        fprintf(stderr, "alexnet: EPOCHS and BATCH are numbers above 0\n");
        return 2;
    }
    program p = {0};
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    bool ok = open_all(&p, argv[1], argv[2], epochs, batch) &&
              train(&p, epochs, argv[3], argc > 6 ? argv[6] : NULL) &&
              cnn_evaluate(p.model, CNN_EVALUATE(.loader = p.loaders[2]), &result) == CNN_OK; /* the best epoch's */
    if (ok) {
        printf("Test accuracy: %.4f of %d photos\n", result.accuracy, (int)result.count);
    } else if (cnn_last_error(p.context)[0] != '\0') {
        fprintf(stderr, "alexnet: %s\n", cnn_last_error(p.context));
    }
    close_all(&p);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
