/* SPDX-License-Identifier: MIT */
/* What features are of: layers with their parameters, images, preparation. */
#include <string.h>
#include <sys/stat.h>

#include "features/features.h"

#define DIGEST_INIT                                                    \
    {                                                                  \
        {                                                              \
            UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344) \
        }                                                              \
    } /* digits of pi */

static void mix(cnn__digest *digest, uint64_t word)
{
    digest->lanes[0] = (digest->lanes[0] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    digest->lanes[0] ^= digest->lanes[0] >> 29;
    digest->lanes[1] = (digest->lanes[1] + word) * UINT64_C(0xbf58476d1ce4e5b9);
    digest->lanes[1] ^= digest->lanes[1] >> 32;
}

static void mix_bytes(cnn__digest *digest, const void *data, size_t size)
{
    const char *bytes = data;
    mix(digest, size);
    for (; size > 0; size -= size < sizeof(uint64_t) ? size : sizeof(uint64_t), bytes += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, bytes, size < sizeof(word) ? size : sizeof(word));
        mix(digest, word);
    }
}

static void mix_text(cnn__digest *digest, const char *text)
{
    mix_bytes(digest, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

static void mix_shape(cnn__digest *digest, const cnn_shape *shape)
{
    mix_bytes(digest, shape->dims, shape->rank * sizeof(shape->dims[0]));
}

/* ---- the layers ---- */

/* The options by the table that model files are written by. How parameters began does not matter. */
static void mix_options(cnn__digest *digest, const cnn_layer *layer)
{
    for (const cnn__field *field = layer->type->fields; field != NULL && field->name != NULL; field++) {
        if (field->type != CNN__FIELD_INITIALIZER) {
            const bool ints = field->type == CNN__FIELD_INT || field->type == CNN__FIELD_MORE_INTS;
            const size_t count = ints ? field->count : 1;
            mix_bytes(digest, (const char *)layer->user + field->offset, count * sizeof(int32_t));
        }
    }
}

static cnn_status mix_node(const cnn_model *model, uint32_t index, cnn__digest *digest)
{
    const cnn__node *node = &model->nodes[index], *owner = &model->nodes[node->owner];
    if (node->layer->type == NULL) {
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                         "%s: layer \"%s\" is a custom one: whether features in a file are of it cannot be told",
                         model->name, node->name);
    }
    mix_text(digest, node->layer->type->kind.type);
    mix_options(digest, node->layer);
    mix_shape(digest, &node->output);
    mix_bytes(digest, node->inputs, node->input_count * sizeof(node->inputs[0]));
    mix(digest, index);
    for (uint32_t i = 0; i < owner->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[owner->first_parameter + i];
        mix_bytes(digest, parameter->data, parameter->values * sizeof(float));
    }
    return CNN_OK;
}

static cnn_status mix_layers(const cnn_model *model, uint32_t layer, cnn__digest *digest)
{
    bool *needed = cnn__alloc_zero(model->context, ((size_t)layer + 1) * sizeof(bool));
    if (needed == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = CNN_OK;
    needed[layer] = true;
    for (uint32_t i = layer + 1; i-- > 0 && status == CNN_OK;) {
        for (uint32_t k = 0; k < model->nodes[i].input_count && needed[i]; k++) {
            if ((model->nodes[i].inputs[k] & CNN__INPUT) == 0) {
                needed[model->nodes[i].inputs[k]] = true;
            }
        }
        status = needed[i] ? mix_node(model, i, digest) : CNN_OK;
    }
    cnn__free(model->context, needed);
    mix_shape(digest, cnn__model_input(model));
    return status;
}

/* ---- the images ---- */

/* A file by its path, size and time: what is in it is not read. */
static bool mix_file(const char *path, cnn__digest *digest)
{
    struct stat info;
    if (path == NULL || stat(path, &info) != 0) {
        return false;
    }
    mix_text(digest, path);
    mix(digest, (uint64_t)info.st_size);
    mix(digest, (uint64_t)info.st_mtim.tv_sec);
    mix(digest, (uint64_t)info.st_mtim.tv_nsec);
    return true;
}

/* A sample that lies in memory, by its values. One that cannot be read is left to the loader. */
static cnn_status mix_sample(const cnn_dataset *dataset, size_t index, cnn__digest *digest)
{
    cnn__sample sample;
    const cnn_status status = cnn__dataset_read(dataset, index, NULL, &sample);
    if (status != CNN_OK) {
        mix(digest, UINT64_MAX);
        return status == CNN_ERROR_OUT_OF_MEMORY ? status : CNN_OK;
    }
    const size_t values = (size_t)sample.height * sample.width * sample.channels;
    mix(digest, sample.height);
    mix(digest, sample.channels);
    if (sample.image != NULL) {
        mix_bytes(digest, sample.image->pixels, values);
    } else {
        mix_bytes(digest, sample.floats, values * sizeof(float));
    }
    mix_bytes(digest, &sample.weight, sizeof(sample.weight));
    mix_bytes(digest, sample.targets, cnn_dataset_target_count(dataset) * sizeof(float));
    cnn__sample_free(&sample);
    return CNN_OK;
}

/* What a table says of a file beside its class. */
static cnn_status mix_attached(const cnn_dataset *dataset, size_t index, float *targets, cnn__digest *digest)
{
    const size_t count = cnn_dataset_target_count(dataset);
    if (cnn_dataset_weighted(dataset)) {
        const float weight = cnn_dataset_weight(dataset, index);
        mix_bytes(digest, &weight, sizeof(weight));
    }
    if (count > 0) {
        const cnn_status status = cnn_dataset_targets(dataset, index, targets, count);
        if (status == CNN_ERROR_UNSUPPORTED) { /* of a program's own dataset they are not known before reading */
            return mix_sample(dataset, index, digest);
        }
        CNN__RETURN_IF_ERROR(status);
        mix_bytes(digest, targets, count * sizeof(*targets));
    }
    return CNN_OK;
}

static cnn_status mix_data(const cnn_dataset *dataset, cnn__digest *digest)
{
    cnn_status status = CNN_OK;
    const size_t count = cnn_dataset_target_count(dataset);
    float *targets = cnn__alloc_array(cnn__dataset_context(dataset), count, sizeof(*targets));
    if (targets == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    mix(digest, cnn_dataset_count(dataset));
    mix(digest, cnn__dataset_orients(dataset));
    for (size_t i = 0; i < cnn_dataset_count(dataset) && status == CNN_OK; i++) {
        mix(digest, (uint64_t)cnn_dataset_label(dataset, i));
        mix(digest, (uint64_t)cnn_dataset_group(dataset, i));
        if (!mix_file(cnn_dataset_path(dataset, i), digest)) {
            status = mix_sample(dataset, i, digest);
        } else {
            status = mix_attached(dataset, i, targets, digest);
        }
    }
    cnn__free(cnn__dataset_context(dataset), targets);
    return status;
}

/* Whether the seed decides anything: what remains of a pipeline without its random steps is another text then. */
static cnn_status draws(const cnn_pipeline *pipeline, bool *random)
{
    cnn_pipeline *steady = NULL;
    *random = false;
    if (pipeline != NULL) {
        CNN__RETURN_IF_ERROR(cnn_pipeline_for_evaluation(pipeline, &steady));
        *random = strcmp(cnn_pipeline_text(pipeline), cnn_pipeline_text(steady)) != 0;
        cnn_pipeline_free(steady);
    }
    return CNN_OK;
}

cnn_status cnn__features_digest(const cnn_model *model, uint32_t layer, const cnn_loader *loader, uint32_t views,
                                cnn__digest *digest)
{
    *digest = (cnn__digest)DIGEST_INIT;
    CNN__RETURN_IF_ERROR(mix_layers(model, layer, digest));
    CNN__RETURN_IF_ERROR(mix_data(cnn_loader_dataset(loader), digest));
    const cnn_shape shape = cnn_loader_sample_shape(loader);
    const cnn_loader_options *options = cnn__loader_options(loader);
    mix_shape(digest, &shape);
    mix_text(digest, cnn_pipeline_text(cnn_loader_pipeline(loader)));
    bool random;
    CNN__RETURN_IF_ERROR(draws(cnn_loader_pipeline(loader), &random));
    mix(digest, random ? options->seed : 0);
    mix(digest, (uint64_t)options->on_error);
    mix(digest, views);
    return CNN_OK;
}
