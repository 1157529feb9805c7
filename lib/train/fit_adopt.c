/* SPDX-License-Identifier: MIT */
/* What a model learns of the data beside its parameters: what its outputs tell, and what becomes of images. */
#include "loader/loader.h"
#include "train/fit.h"

/* What the outputs tell, by the training data unless the model knows it. A decision was about other parameters. */
static cnn_status adopt_task(cnn__fit *fit)
{
    const cnn_task task = cnn_dataset_task(cnn_loader_dataset(fit->options.train));
    if (fit->model->task == CNN_TASK_UNKNOWN && task != CNN_TASK_CLASSES) { /* classes need not be said */
        fit->model->task = task;
    }
    if (fit->model->decides) {
        cnn__log(fit->context, CNN_LOG_WARNING,
                 "%s: what was set of its decisions (calibration, thresholds) is dropped: its parameters change",
                 fit->model->name);
    }
    return cnn_model_set_decision(fit->model, NULL);
}

/* Class names from the training data, unless the model has some. */
static cnn_status adopt_classes(cnn__fit *fit)
{
    const cnn_dataset *dataset = cnn_loader_dataset(fit->options.train);
    size_t count = cnn_dataset_class_count(dataset);
    if (!cnn__adopts_classes(fit->model, dataset)) {
        return CNN_OK;
    }
    const char **names = cnn__alloc_array(fit->context, count, sizeof(*names));
    if (names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = cnn_dataset_class_name(dataset, i);
    }
    cnn_status status = cnn_model_set_classes(fit->model, names, count);
    cnn__free(fit->context, names);
    return status;
}

/* Preprocessing from the loaders, unless the model has some. Of that the model gets the turning of photos all the same:
 * a dataset may do that beside the pipeline, and what was learnt from turned photos cannot tell others. */
static cnn_status adopt_pipeline(cnn__fit *fit)
{
    const cnn_fit_options *options = &fit->options;
    const cnn_loader *source = options->validation != NULL ? options->validation : options->train;
    const bool orient = cnn__loader_orients(options->train) || cnn__loader_orients(source);
    cnn_pipeline *steady = NULL;
    if (options->from != NULL) {
        return CNN_OK; /* the loaders do not say what becomes of images */
    }
    cnn_status status = cnn__loader_preprocessing(source, fit->model->pipeline, orient, &steady);
    if (status == CNN_OK && steady != NULL) {
        status = cnn_model_set_pipeline(fit->model, steady);
    }
    cnn_pipeline_free(steady);
    return status;
}

cnn_status cnn__fit_adopt(cnn__fit *fit)
{
    CNN__RETURN_IF_ERROR(adopt_task(fit));
    CNN__RETURN_IF_ERROR(adopt_classes(fit));
    return adopt_pipeline(fit);
}
