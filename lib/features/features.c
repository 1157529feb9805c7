/* SPDX-License-Identifier: MIT */
/* From images to features: the base of a model runs once over a dataset. */
#include <cnn/features.h>

#include "core/options.h"
#include "features/features.h"
#include "session/session.h"

#define STANDARD_BATCH 32

typedef struct work {
    cnn_context *context;
    cnn_model *model;
    cnn_features_options options; /* complete */
    uint32_t layer;               /* node */
    size_t values;                /* of its output for one sample */
    size_t capacity;              /* rows, if no image is left out */
    cnn_loader *loader;
    cnn_session *session;
    cnn__rows rows;
} work;

static cnn_status find_layer(work *w)
{
    cnn_features_options *o = &w->options;
    const cnn_model *model = w->model;
    uint32_t reference = 0;
    if (o->layer == NULL) {
        CNN__RETURN_IF_ERROR(cnn__model_frozen_node(model, &reference));
        o->layer = reference != CNN__NO_NODE ? model->nodes[reference].name : NULL;
    }
    if (o->layer == NULL) {
        return cnn__fail(w->context, CNN_ERROR_NOT_FOUND,
                         "%s: no layer is given for the features, and no frozen part of the model ends in one value",
                         model->name);
    }
    if (!cnn__model_find(model, o->layer, &reference) || (reference & CNN__INPUT) != 0) {
        return cnn__fail(w->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\"", model->name, o->layer);
    }
    w->layer = reference;
    (void)cnn__shape_values(&model->nodes[reference].output, &w->values); /* checked when the model was built */
    return CNN_OK;
}

static cnn_status check_options(work *w)
{
    cnn_features_options *o = &w->options;
    if (!w->model->built) {
        return cnn__fail(w->context, CNN_ERROR_STATE, "%s: is not built yet", w->model->name);
    }
    if (o->dataset == NULL) {
        return cnn__fail(w->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_features_create: there is no dataset");
    }
    o->views = o->views == 0 ? 1 : o->views;
    o->batch = o->batch == 0 ? STANDARD_BATCH : o->batch;
    o->pipeline = o->pipeline != NULL ? o->pipeline : w->model->pipeline;
    if (o->pipeline == NULL && cnn_dataset_shape(o->dataset).rank == 0) {
        return cnn__fail(w->context, CNN_ERROR_STATE, "%s: has no preprocessing, and no pipeline is given",
                         w->model->name);
    }
    if (!cnn__mul_size(cnn_dataset_count(o->dataset), o->views, &w->capacity)) {
        return cnn__fail(w->context, CNN_ERROR_LIMIT, "cnn_features_create: %u views are too many", o->views);
    }
    return find_layer(w);
}

static cnn_status open_loader(work *w)
{
    const cnn_features_options *o = &w->options;
    CNN__RETURN_IF_ERROR(cnn_loader_create(
        w->context, o->dataset,
        CNN_LOADER(.pipeline = o->pipeline, .batch = o->batch, .seed = o->seed, .on_error = o->on_error), &w->loader));
    if (cnn__loader_views(w->loader) > 1) {
        return cnn__fail(w->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_features_create: a pipeline with ten_crop is for evaluation; views are what is meant");
    }
    const cnn_shape sample = cnn_loader_sample_shape(w->loader), *input = cnn__model_input(w->model);
    size_t have = 0, want = 0;
    const bool fits = cnn__shape_equal(&sample, input) || (input->rank == 1 && cnn__shape_values(&sample, &have) &&
                                                           cnn__shape_values(input, &want) && have == want);
    if (fits) {
        return CNN_OK;
    }
    char given[64], wanted[64];
    cnn__shape_text(&sample, NULL, given, sizeof(given));
    cnn__shape_text(input, NULL, wanted, sizeof(wanted));
    return cnn__fail(w->context, CNN_ERROR_SHAPE, "%s: images become %s, the input is %s", w->model->name, given,
                     wanted);
}

/* All images once: an epoch of the loader, whose number tells the random steps apart. */
static cnn_status run_view(work *w, cnn__writer *writer, uint32_t view)
{
    cnn_batch batch = CNN_BATCH_INIT;
    const uint64_t each = cnn_dataset_count(w->options.dataset), all = each * w->options.views;
    for (uint64_t done = each * view;;) {
        CNN__RETURN_IF_ERROR(cnn__loader_next(w->context, w->loader, &batch));
        if (batch.count == 0) {
            return CNN_OK;
        }
        CNN__RETURN_IF_ERROR(cnn_session_forward(w->session, batch.images, batch.count));
        CNN__RETURN_IF_ERROR(cnn__rows_add(&w->rows, &batch, cnn_session_output(w->session), writer));
        done += batch.count;
        if (w->options.on_batch != NULL && w->options.on_batch(w->options.user, done, all)) {
            return cnn__fail(w->context, CNN_ERROR_CANCELLED, "%s: the features were stopped", w->model->name);
        }
    }
}

static cnn_status compute(work *w, cnn__writer *writer)
{
    const char *outputs[] = {w->options.layer};
    CNN__RETURN_IF_ERROR(cnn_session_create(
        w->model, CNN_SESSION(.batch = w->options.batch, .outputs = outputs, .output_count = 1), &w->session));
    for (uint32_t view = 0; view < w->options.views; view++) {
        CNN__RETURN_IF_ERROR(run_view(w, writer, view));
    }
    return w->rows.count > 0
               ? CNN_OK
               : cnn__fail(w->context, CNN_ERROR_FORMAT, "%s: no image could be read for the features", w->model->name);
}

static cnn_status write_file(work *w, const cnn__digest *digest)
{
    cnn__writer writer;
    CNN__RETURN_IF_ERROR(cnn__writer_open(w->context, w->options.path, &writer));
    cnn_status status = cnn__rows_begin_file(&w->rows, digest, &writer);
    status = status == CNN_OK ? compute(w, &writer) : status;
    status = status == CNN_OK ? cnn__rows_end_file(&w->rows, &writer) : status;
    if (status != CNN_OK) {
        cnn__writer_abandon(&writer);
        return status;
    }
    return cnn__writer_commit(&writer);
}

/* What was written is opened again as any file is. */
static cnn_status make_file(work *w)
{
    const cnn_features_options *o = &w->options;
    cnn__digest digest;
    bool fresh = false;
    CNN__RETURN_IF_ERROR(cnn__features_digest(w->model, w->layer, w->loader, o->views, &digest));
    for (int attempt = 0; attempt < 2 && !fresh; attempt++) {
        cnn__rows_close(&w->rows);
        CNN__RETURN_IF_ERROR(
            cnn__rows_open_file(w->context, o->path, &digest, w->capacity, w->values, o->dataset, &w->rows, &fresh));
        if (!fresh && attempt == 0) {
            CNN__RETURN_IF_ERROR(write_file(w, &digest));
        }
    }
    return fresh ? CNN_OK : cnn__fail(w->context, CNN_ERROR_IO, "%s: was written and cannot be read again", o->path);
}

static cnn_status make_in_memory(work *w)
{
    CNN__RETURN_IF_ERROR(cnn__rows_open(w->context, w->capacity, w->values, w->options.dataset, false, &w->rows));
    return compute(w, NULL);
}

cnn_status cnn_features_create(cnn_model *model, const cnn_features_options *options, cnn_dataset **dataset)
{
    if (dataset != NULL) {
        *dataset = NULL;
    }
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    work w = {.context = model->context, .model = model, .rows = {.descriptor = -1}};
    if (dataset == NULL) {
        return cnn__fail(w.context, CNN_ERROR_INVALID_ARGUMENT, "cnn_features_create: no place for the dataset");
    }
    cnn_status status = cnn__options_copy(w.context, "cnn_features_create", options, &w.options, sizeof(w.options));
    status = status == CNN_OK ? check_options(&w) : status;
    status = status == CNN_OK ? open_loader(&w) : status;
    if (status == CNN_OK) {
        status = w.options.path != NULL ? make_file(&w) : make_in_memory(&w);
    }
    if (status == CNN_OK) {
        status = cnn__rows_dataset(&w.rows, w.options.dataset, dataset);
    }
    cnn_session_free(w.session);
    cnn_loader_free(w.loader);
    cnn__rows_close(&w.rows);
    return status;
}
