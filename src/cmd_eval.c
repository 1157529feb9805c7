/* SPDX-License-Identifier: MIT */
/* cnn eval: how well a model does on a dataset. */
#include "report.h"
#include "tool_eval.h"
#include "tool_path.h"
#include "tool_table.h"

#include <math.h>
#include <stdlib.h>

static bool on_step(void *user, const cnn_progress *progress)
{
    (void)progress;
    eval_run *eval = user;
    uint64_t images = ++eval->batches * cnn_loader_batch_size(eval->loader), all = cnn_dataset_count(eval->data);
    tool_progress_count(eval->run, "eval", images < all ? images : all, all, eval->begin, "images");
    return false;
}

/* Opens what the evaluation needs beside model and dataset. */
static cnn_status prepare(eval_run *eval)
{
    const eval_settings *settings = eval->settings;
    cnn_context *context = eval->run->context;
    size_t labels = tool_model_labels(eval->model);
    const cnn_pipeline *own = cnn_model_pipeline(eval->model), *steps = eval->ten_crop != NULL ? eval->ten_crop : own;
    uint32_t standard = tool_has_views(steps) ? 8 : 32; /* samples, each of ten images */
    cnn_status status = cnn_loader_create(
        context, eval->data,
        CNN_LOADER(.pipeline = steps, .batch = settings->batch > 0 ? (uint32_t)settings->batch : standard,
                   .on_error = tool_on_error(settings->on_error), .shard = eval->run->ranks.rank,
                   .shards = eval->run->ranks.size),
        &eval->loader);
    if (tool_eval_tells_others(eval)) {
        status = status == CNN_OK ? tool_scores_create(context, &eval->scores) : status;
        return status;
    }
    status = status == CNN_OK ? tool_decisions_create(context, eval->model, &eval->decisions) : status;
    if (status == CNN_OK) {
        status = cnn_confusion_create(context, (uint32_t)labels, &eval->evaluators[0]);
    }
    uint64_t topk = settings->topk > 0 ? settings->topk : 5;
    if (status == CNN_OK && topk > 1 && topk < labels) { /* with fewer classes it would always be 1 */
        status = cnn_top_k_create(context, (uint32_t)topk, &eval->evaluators[1]);
    } else if (status == CNN_OK && labels == 2) {
        status = cnn_auc_create(context, &eval->evaluators[1]);
    }
    if (status == CNN_OK && settings->report != NULL) {
        eval->predictions.keeps_values = true;
        status = tool_predictions_create(context, &eval->predictions, &eval->evaluators[2]);
    }
    return status;
}

static int evaluate(eval_run *eval)
{
    tool *run = eval->run;
    cnn_status status = prepare(eval);
    cnn_evaluator *used[5] = {0};
    size_t count = 0;
    if (eval->scores.evaluator != NULL) {
        used[count++] = eval->scores.evaluator;
    }
    if (eval->decisions.evaluator != NULL) {
        used[count++] = eval->decisions.evaluator;
    }
    for (size_t i = 0; i < 3; i++) {
        if (eval->evaluators[i] != NULL) {
            used[count++] = eval->evaluators[i];
        }
    }
    if (status == CNN_OK) {
        eval->begin = tool_seconds();
        status = cnn_evaluate(eval->model,
                              CNN_EVALUATE(.loader = eval->loader, .evaluators = used, .evaluator_count = count,
                                           .on_step = on_step, .user = eval, .communicator = run->ranks.communicator,
                                           .penalties = eval->settings->no_penalties ? CNN_NO : CNN_BY_DEFAULT,
                                           .training_behavior = eval->settings->training_mode ? CNN_YES : CNN_NO),
                              &eval->result);
    }
    int result = status == CNN_OK ? TOOL_DONE : status == CNN_ERROR_PEER ? TOOL_FAILED : tool_fail_library(run, status);
    result = tool_ranks_agree(run, result);
    if (result != TOOL_DONE || !tool_ranks_first(&run->ranks)) {
        return result;
    }
    tool_progress_end(run);
    if (!isfinite(eval->result.loss)) {
        char *file = tool_printable(eval->path);
        tool_note(run, "warning: %s: the loss is not finite: a parameter, or a value of an image, is none or too large",
                  file);
        free(file);
    }
    result = run->operand_count == 1 ? tool_eval_save_report(eval) : TOOL_DONE;
    return run->operand_count == 1 && result == TOOL_DONE ? tool_eval_print(eval) : result;
}

/* --csv must be a file that can be written, and no other one. */
static int check_files(tool *run, const eval_settings *settings)
{
    const char *csv = settings->csv;
    if ((csv != NULL || settings->report != NULL) && run->operand_count > 1) {
        return tool_fail_usage(run, "--%s takes the table of one model, not of %zu", csv != NULL ? "csv" : "report",
                               run->operand_count);
    }
    char *report = settings->report != NULL ? report_path(settings->report) : NULL;
    const tool_path paths[] = {{"FILE", run->operands[0], false}, {"--csv", csv, true}, {"--report", report, true}};
    int result = settings->report == NULL || report != NULL ? TOOL_DONE : tool_fail_memory(run);
    result = result == TOOL_DONE ? tool_path_check_distinct(run, paths, 3) : result;
    result = result == TOOL_DONE && csv != NULL ? tool_check_writable(run, csv) : result;
    result = result == TOOL_DONE && report != NULL ? report_open(run, settings->report, report) : result;
    free(report);
    return result;
}

static int check_data_files(const eval_run *eval)
{
    const tool_path paths[] = {{"--csv", eval->settings->csv, true}, {"--report", eval->report_path, true}};
    return tool_path_check_data(eval->run, paths, 2, eval->data, eval->settings->data);
}

void tool_eval_close(eval_run *eval)
{
    free(eval->report_path);
    cnn_evaluator_free(eval->evaluators[2]);
    tool_predictions_free(&eval->predictions);
    tool_scores_free(&eval->scores);
    tool_decisions_free(&eval->decisions);
    cnn_evaluator_free(eval->evaluators[1]);
    cnn_evaluator_free(eval->evaluators[0]);
    cnn_loader_free(eval->loader);
    cnn_pipeline_free(eval->ten_crop);
    cnn_dataset_free(eval->data);
    cnn_model_free(eval->model);
}

int tool_eval_run(eval_run *eval)
{
    tool *run = eval->run;
    const eval_settings *settings = eval->settings;
    int result = tool_open_trained(run, eval->path, &eval->model);
    if (result == TOOL_DONE && settings->report != NULL) {
        eval->report_path = report_path(settings->report);
        result = eval->report_path != NULL ? TOOL_DONE : tool_fail_memory(run);
    }
    if (result == TOOL_DONE && settings->tta != NULL) {
        result = settings->ten_crop
                     ? tool_fail_usage(run, "--tta and --ten-crop exclude each other")
                     : tool_choose_views(run, cnn_model_pipeline(eval->model), settings->tta, &eval->ten_crop);
    }
    if (result == TOOL_DONE && settings->ten_crop) {
        result = tool_set_crop(run, cnn_model_pipeline(eval->model), true, &eval->ten_crop);
    }
    if (result == TOOL_DONE) {
        const tool_data_options options = {.part = settings->part != NULL ? settings->part : "test",
                                           .prefix = settings->prefix,
                                           .on_error = tool_on_error(settings->on_error),
                                           .label_columns = settings->label_columns};
        result = tool_open_data_of_model(run, settings->data, &options, eval->model, &eval->data);
        result = result == TOOL_DONE ? tool_check_labelled(run, settings->data, eval->data) : result;
    }
    if (result == TOOL_DONE && eval->ten_crop == NULL) {
        result = tool_check_prepared(run, eval->path, eval->model, eval->data);
    }
    result = result == TOOL_DONE ? check_data_files(eval) : result;
    result = result == TOOL_DONE ? tool_limit_data(run, settings->limit, &eval->data) : result;
    result = tool_ranks_agree(run, result);
    return result == TOOL_DONE ? evaluate(eval) : result;
}

static int run_eval(tool *run, const void *given)
{
    const eval_settings *settings = given;
    if (settings->data == NULL) {
        return tool_fail_usage(run, "--data PATH is missing");
    }
    int result = tool_ranks_first(&run->ranks) ? check_files(run, settings) : TOOL_DONE;
    result = result == TOOL_DONE ? tool_ranks_join(run) : result;
    result = tool_ranks_agree(run, result);
    if (result != TOOL_DONE || run->operand_count > 1) {
        return result == TOOL_DONE ? tool_eval_compare(run, settings) : result;
    }
    eval_run eval = {.run = run, .settings = settings, .path = run->operands[0], .result = CNN_EVALUATE_RESULT_INIT};
    result = tool_eval_run(&eval);
    tool_eval_close(&eval);
    return result;
}

static const tool_option eval_options[] = {
    {"data", "PATH",
     "the dataset: a folder with one folder for each class, a flat folder of label.N.jpg, a folder of "
     "IDX files or of CIFAR binaries, or a table (CSV or JSON lines, see `cnn help train`); required",
     TOOL_TEXT, offsetof(eval_settings, data), 0, 0, NULL},
    {"part", "NAME",
     "of IDX and CIFAR folders, and of tables with a column of splits: test, which it is if not given, train, "
     "validation, or all of a table",
     TOOL_CHOICE, offsetof(eval_settings, part), 0, 0, tool_part_names},
    {"label-columns", "A,B,...", "of a table: the columns that say what an image is, if not by their names", TOOL_TEXT,
     offsetof(eval_settings, label_columns), 0, 0, NULL},
    {"prefix", "TEXT",
     "of a folder with several sets of IDX files: what the names of the chosen one begin with, such as emnist-letters; "
     "of CIFAR-100: fine or coarse labels, fine if not given",
     TOOL_TEXT, offsetof(eval_settings, prefix), 0, 0, NULL},
    {"limit", "N", "only a random sample of N images", TOOL_COUNT, offsetof(eval_settings, limit), 1, 1e15, NULL},
    {"topk", "K",
     "the share of images whose class is among the K most probable; 5 if not given, left out when there "
     "are not more classes",
     TOOL_COUNT, offsetof(eval_settings, topk), 1, 1000000, NULL},
    {"tta", "VIEWS",
     "evaluates by the mean over several views of each image, as the pipeline step views has them: shift=0/0/1/1/-1/-1 "
     "moves by pixels down/right, and flip=0 leaves the mirror images out; or none: by one view, also of a model that "
     "has several",
     TOOL_TEXT, offsetof(eval_settings, tta), 0, 0, NULL},
    {"ten-crop", NULL,
     "takes ten crops of each image, corners, middle and their mirror images, instead of the middle alone, and "
     "averages their probabilities",
     TOOL_FLAG, offsetof(eval_settings, ten_crop), 0, 0, NULL},
    {"training-mode", NULL,
     "evaluates as a PyTorch loop does that never calls eval(): dropout is on, and normalisations go by each batch; "
     "the file stays as it is",
     TOOL_FLAG, offsetof(eval_settings, training_mode), 0, 0, NULL},
    {"no-penalties", NULL, "leaves the penalties of the model's regularizers out of the loss", TOOL_FLAG,
     offsetof(eval_settings, no_penalties), 0, 0, NULL},
    {"csv", "FILE", "writes the table and the confusion matrix to FILE", TOOL_TEXT, offsetof(eval_settings, csv), 0, 0,
     NULL},
    {"report", "DIR",
     "writes a page for the browser, DIR/report.html: confusion matrix, figures and curves of each class, calibration, "
     "the most confident mistakes, the model with times",
     TOOL_TEXT, offsetof(eval_settings, report), 0, 0, NULL},
    {"batch", "N", "images at a time; 32 if not given, 8 with ten crops of each", TOOL_COUNT,
     offsetof(eval_settings, batch), 1, 100000, NULL},
    {"on-error", "WHAT",
     "of an image that cannot be read, or a link to nowhere: fail, which it is if not given, or skip", TOOL_CHOICE,
     offsetof(eval_settings, on_error), 0, 0, tool_on_error_names},
    {0},
};

const tool_command tool_command_eval = {
    .name = "eval",
    .synopsis = "FILE... --data PATH",
    .purpose = "Evaluates a model on a dataset: accuracy, loss, area under the ROC curve of two classes, a table of "
               "classes and the confusion matrix.",
    .details = "FILE is a model that `cnn train` wrote; its own preprocessing is used. The classes of the dataset are "
               "found by their names among the model's; some of these may have no images. Of several files, such as "
               "those of each epoch, one line each is told, and which is the best by accuracy, then by loss.",
    .options = eval_options,
    .settings_size = sizeof(eval_settings),
    .least_operands = 1,
    .most_operands = SIZE_MAX,
    .run = run_eval,
    .divided = true,
};
