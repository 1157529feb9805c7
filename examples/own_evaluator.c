/* SPDX-License-Identifier: MIT */
/* A custom evaluator: the recall of the class that a model recognises worst:
 *     own_evaluator MODEL DATA */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CLASSES 1000

typedef struct recall {
    unsigned samples[MOST_CLASSES], right[MOST_CLASSES];
} recall;

static void reset(void *user)
{
    memset(user, 0, sizeof(recall));
}

/* With one output, a sigmoid's, 0.5 divides class 0 from class 1. */
static size_t predicted_class(const float *outputs, size_t count)
{
    size_t best = count == 1 ? outputs[0] > 0.5f : 0;
    for (size_t i = 1; i < count; i++) {
        best = outputs[i] > outputs[best] ? i : best;
    }
    return best;
}

static cnn_status update(void *user, const cnn_evaluation *batch)
{
    recall *counts = user;
    for (size_t i = 0; i < batch->count; i++) {
        int32_t label = batch->labels[i];
        if (label >= 0 && label < MOST_CLASSES) {
            const float *outputs = batch->outputs_data + i * batch->outputs;
            counts->samples[label]++;
            counts->right[label] += predicted_class(outputs, batch->outputs) == (size_t)label;
        }
    }
    return CNN_OK;
}

static double score(void *user)
{
    const recall *counts = user;
    double worst = 1;
    for (size_t i = 0; i < MOST_CLASSES; i++) {
        double share = counts->samples[i] > 0 ? (double)counts->right[i] / counts->samples[i] : 1;
        worst = share < worst ? share : worst;
    }
    return worst;
}

int main(int argc, char **argv)
{
    static const cnn_evaluator_kind worst_recall = {.struct_size = sizeof(worst_recall), .name = "worst_recall",
                                                    .mode = CNN_SCORE_MAX, .worst_score = 0, .reset = reset,
                                                    .update = update, .score = score};
    static recall counts;
    if (argc != 3) {
        fprintf(stderr, "usage: own_evaluator MODEL DATA\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_evaluator *evaluator = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;

    bool ok = cnn_context_create(NULL, &context) == CNN_OK && cnn_model_load(context, argv[1], &model) == CNN_OK &&
              cnn_dataset_open(context, argv[2], CNN_FILES(.part = "test"), &data) == CNN_OK &&
              cnn_loader_create(context, data, CNN_LOADER(.pipeline = cnn_model_pipeline(model)), &loader) ==
                  CNN_OK &&
              cnn_evaluator_create_custom(context, &worst_recall, &counts, &evaluator) == CNN_OK &&
              cnn_evaluate(model, CNN_EVALUATE(.loader = loader, .evaluators = &evaluator, .evaluator_count = 1),
                           &result) == CNN_OK;
    if (ok) {
        printf("%s %.4f, accuracy %.4f\n", cnn_evaluator_name(evaluator), cnn_evaluator_score(evaluator),
               result.accuracy);
    } else {
        fprintf(stderr, "own_evaluator: %s\n", cnn_last_error(context));
    }
    cnn_evaluator_free(evaluator);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_model_free(model);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
