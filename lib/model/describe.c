/* SPDX-License-Identifier: MIT */
/* What a model carries beside its graph: class names and preprocessing. */
#include "model/model.h"
#include "pipeline/pipeline.h"

void cnn__model_free_classes(cnn_model *model)
{
    for (size_t i = 0; i < model->class_count; i++) {
        cnn__free(model->context, model->classes[i]);
    }
    cnn__free(model->context, model->classes);
    model->classes = NULL;
    model->class_count = 0;
}

cnn_status cnn_model_set_classes(cnn_model *model, const char *const *classes, size_t count)
{
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_context *context = model->context;
    cnn_shape output = cnn_model_output_shape(model);
    size_t outputs = 0;
    for (size_t i = 0; i < count; i++) {
        if (classes == NULL || classes[i] == NULL) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: the name of class %zu is NULL", model->name, i);
        }
    }
    if (model->built && cnn__shape_values(&output, &outputs) && outputs != count &&
        !(outputs == 1 && count == 2 && model->task <= CNN_TASK_CLASSES)) {
        return cnn__fail(context, CNN_ERROR_MISMATCH, "%s: %zu class names for %zu outputs", model->name, count,
                         outputs);
    }
    char **copies = cnn__alloc_array(context, count, sizeof(*copies));
    size_t done = 0;
    while (copies != NULL && done < count && (copies[done] = cnn__name_text(context, classes[done])) != NULL) {
        done++;
    }
    if (copies == NULL || done < count) {
        while (copies != NULL && done > 0) {
            cnn__free(context, copies[--done]);
        }
        cnn__free(context, copies);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__model_free_classes(model);
    model->classes = copies;
    model->class_count = count;
    return CNN_OK;
}

/* Whether an input that is a vector can take such images value by value; `shape` is of one channel. */
static bool gives_vector(const cnn_shape *shape, const cnn_shape *input)
{
    size_t values = 0;
    return input->rank == 1 && cnn__shape_values(shape, &values) &&
           ((uint64_t)input->dims[0] == values || (uint64_t)input->dims[0] == 3 * (uint64_t)values);
}

cnn_status cnn_model_set_pipeline(cnn_model *model, const cnn_pipeline *pipeline)
{
    cnn_pipeline *copy = NULL;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (pipeline != NULL) {
        cnn_shape shape = cnn_pipeline_output_shape(
            pipeline, cnn__model_input(model)->rank == 3 ? (uint32_t)cnn__model_input(model)->dims[2] : 1);
        if (cnn__pipeline_views(pipeline) > 1 && shape.rank > 0) {
            shape = cnn__without_batch(&shape); /* of one view */
        }
        if (shape.rank != 0 && !cnn__shape_equal(&shape, cnn__model_input(model)) &&
            !gives_vector(&shape, cnn__model_input(model))) {
            char given[64], wanted[64];
            cnn__shape_text(&shape, NULL, given, sizeof(given));
            cnn__shape_text(cnn__model_input(model), NULL, wanted, sizeof(wanted));
            return cnn__fail(model->context, CNN_ERROR_SHAPE, "%s: the pipeline gives %s, the input is %s", model->name,
                             given, wanted);
        }
        CNN__RETURN_IF_ERROR(cnn_pipeline_create(model->context, cnn_pipeline_text(pipeline), &copy));
    }
    cnn_pipeline_free(model->pipeline);
    model->pipeline = copy;
    return CNN_OK;
}
