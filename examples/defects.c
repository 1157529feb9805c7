/* SPDX-License-Identifier: MIT */
/* Several labels for each image, as a table lists them, and a threshold for each label that keeps its precision:
 *     defects TABLE PRECISION [EPOCHS]
 * TABLE is a .csv or .jsonl file with columns such as path, labels (scratch|dent) and split. */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

#define MOST_LABELS 64

static cnn_context *context;

static void check(cnn_status status)
{
    if (status != CNN_OK) {
        fprintf(stderr, "%s\n", cnn_last_error(context));
        exit(EXIT_FAILURE);
    }
}

static cnn_loader *open_loader(const cnn_dataset *dataset, const cnn_pipeline *pipeline, uint32_t shuffle)
{
    cnn_loader *loader = NULL;
    check(cnn_loader_create(context, dataset, CNN_LOADER(.pipeline = pipeline, .batch = 16, .shuffle = shuffle),
                            &loader));
    return loader;
}

/* A small network with an output and a sigmoid for each label. */
static cnn_model *make_model(uint32_t labels)
{
    cnn_model *plain = NULL, *model = NULL;
    check(cnn_zoo_create(context, "cifar-cnn", NULL, &plain));
    check(cnn_model_replace_head(plain, CNN_HEAD(.layers = "dense=64,relu", .classes = labels, .task = CNN_TASK_LABELS),
                                 &model));
    cnn_model_free(plain);
    return model;
}

/* The threshold of each label by the validation images; 0.5 where none gives the precision. */
static void choose_thresholds(cnn_model *model, const cnn_dataset *dataset, cnn_loader *loader, double precision)
{
    const size_t count = cnn_dataset_count(dataset), labels = cnn_dataset_class_count(dataset);
    float *outputs = calloc(count * labels, sizeof(float)), *scores = calloc(count, sizeof(float));
    uint8_t *marks = calloc(count, 1);
    float thresholds[MOST_LABELS], targets[MOST_LABELS];
    if (outputs == NULL || scores == NULL || marks == NULL) {
        exit(EXIT_FAILURE);
    }
    check(cnn_predict(model, loader, outputs, count * labels));
    for (size_t j = 0; j < labels; j++) {
        cnn_threshold found = CNN_THRESHOLD_INIT;
        for (size_t i = 0; i < count; i++) {
            check(cnn_dataset_targets(dataset, i, targets, MOST_LABELS));
            scores[i] = outputs[i * labels + j];
            marks[i] = targets[j] > 0.5f;
        }
        const bool there = cnn_choose_threshold(context, scores, marks, count, CNN_THRESHOLD_PRECISION, precision,
                                                &found) == CNN_OK;
        thresholds[j] = there ? found.value : 0.5f;
        printf("%s: from %.3f on, recall %.3f\n", cnn_dataset_class_name(dataset, j), (double)thresholds[j],
               there ? found.recall : 0.0);
    }
    check(cnn_model_set_decision(model, CNN_DECISION(.thresholds = thresholds, .threshold_count = labels)));
    free(outputs);
    free(scores);
    free(marks);
}

int main(int count, char **arguments)
{
    cnn_dataset *all = NULL, *training = NULL, *validation = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_history *history = NULL;
    if (count < 3) {
        fprintf(stderr, "usage: defects TABLE PRECISION [EPOCHS]\n");
        return 2;
    }
    check(cnn_context_create(NULL, &context));
    check(cnn_dataset_open_table(context, arguments[1], CNN_FILES(.part = "all", .task = CNN_TASK_LABELS), &all));
    if (cnn_dataset_class_count(all) > MOST_LABELS) {
        fprintf(stderr, "at most %d labels\n", MOST_LABELS);
        return 1;
    }
    check(cnn_dataset_split(all, CNN_SPLIT(.mode = CNN_SPLIT_STRATIFIED, .fraction = 0.25f), &training, &validation));
    check(cnn_pipeline_create(context, "resize=32x32", &pipeline));
    check(cnn_optimizer_create(context, "adam:learning_rate=0.001", &optimizer));
    cnn_model *model = make_model((uint32_t)cnn_dataset_class_count(all));
    cnn_loader *loader = open_loader(training, pipeline, 1), *test = open_loader(validation, pipeline, 0);
    /* Loss and scores follow from what the table holds: binary cross-entropy and mean average precision. */
    check(cnn_fit(model,
                  CNN_FIT(.train = loader, .validation = test, .optimizer = optimizer,
                          .epochs = count > 3 ? (uint32_t)atoi(arguments[3]) : 5),
                  &history));
    printf("mean average precision %.4f\n", cnn_history_best_score(history));
    choose_thresholds(model, validation, test, atof(arguments[2]));
    check(cnn_model_save(model, "defects.cnn"));
    cnn_history_free(history);
    cnn_model_free(model);
    cnn_loader_free(test);
    cnn_loader_free(loader);
    cnn_optimizer_free(optimizer);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(validation);
    cnn_dataset_free(training);
    cnn_dataset_free(all);
    cnn_context_free(context);
    return 0;
}
