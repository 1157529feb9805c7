/* SPDX-License-Identifier: MIT */
/* `cnn train` by what the images are: which head, loss and scores suit one class, several labels, or values. */
#include "tool_table.h"
#include "tool_train.h"

#include <math.h>
#include <string.h>

/* By cnn_task: the loss, and the scores, of which the first decides. */
static const char *const losses[] = {NULL, NULL, "binary_crossentropy", "mse"};
static const char *const scores[][4] = {
    {"loss", NULL}, {"accuracy", NULL}, {"map", "exact_match", "f1", NULL}, {"mae", "rmse", "r2", NULL}};

cnn_task tool_train_task(const train_run *train) { return cnn_dataset_task(train->data); }

int tool_train_check_task(train_run *train)
{
    tool *run = train->run;
    const train_settings *settings = train->settings;
    const cnn_task task = tool_train_task(train), own = cnn_model_task(train->model);
    const size_t classes = cnn_dataset_class_count(train->data);
    int result = tool_check_labelled(run, settings->data, train->data);
    if (result != TOOL_DONE) {
        return result;
    }
    if (task == CNN_TASK_CLASSES && classes < 2) {
        return tool_fail(run, "%s: there is one class only; training needs two or more", settings->data);
    }
    if (task > CNN_TASK_CLASSES && (settings->class_weights != NULL || settings->balanced)) {
        return tool_fail_usage(run, "--%s is for images of one class each%s",
                               settings->balanced ? "balanced" : "class-weights",
                               task == CNN_TASK_LABELS ? "; rare labels gain by --loss binary_focal" : "");
    }
    if (task > CNN_TASK_CLASSES && !isnan(settings->val_split) && cnn_dataset_count(train->data) < 2) {
        return tool_fail(run, "%s: one image is too few for --val-split", settings->data);
    }
    const bool other = own != CNN_TASK_UNKNOWN && own != task && settings->head == NULL;
    return other ? tool_fail(run,
                             "%s: its images have %s, the model was trained for %s; --head output puts a new head "
                             "on it",
                             settings->data, tool_task_text(task), tool_task_text(own))
                 : TOOL_DONE;
}

cnn_status tool_train_default_loss(train_run *train)
{
    const cnn_task task = tool_train_task(train);
    const bool binary = cnn_model_output_shape(train->model).dims[0] == 1;
    const char *name = losses[task] != NULL ? losses[task]
                       : binary             ? "binary_crossentropy"
                                            : "categorical_crossentropy";
    return train->loss != NULL ? CNN_OK : cnn_loss_create(train->run->context, name, &train->loss);
}

cnn_status tool_train_default_scores(train_run *train)
{
    const char *const *names = scores[tool_train_task(train)];
    cnn_status status = CNN_OK;
    for (size_t i = 0; names[i] != NULL && status == CNN_OK; i++) {
        cnn_evaluator *evaluator = NULL;
        status = cnn_evaluator_create(train->run->context, names[i], &evaluator);
        if (status == CNN_OK) {
            tool_train_add_evaluator(train, evaluator);
        }
    }
    return status;
}
