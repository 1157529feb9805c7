/* SPDX-License-Identifier: MIT */
/* Writing training checkpoints: the model file's content, and beside it optimizer, position and history. */
#include "train/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "format/model_file.h"
#include "session/session.h"
#include "train/train.h"

char *cnn__prefixed(cnn_context *context, const char *prefix, const char *name)
{
    size_t size = strlen(prefix) + strlen(name) + 1;
    char *text = cnn__alloc(context, size);
    if (text != NULL) {
        snprintf(text, size, "%s%s", prefix, name);
    }
    return text;
}

cnn_status cnn__checkpoint_owners(const char *what, const cnn_session *session, const cnn_optimizer *optimizer,
                                  const cnn_history *history)
{
    if (session == NULL || optimizer == NULL) {
        return session == NULL
                   ? CNN_ERROR_INVALID_ARGUMENT
                   : cnn__fail(session->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no optimizer given", what);
    }
    const cnn_model *model = session->model;
    const void *owner = cnn__optimizer_owner(optimizer);
    const size_t parameters = cnn__optimizer_parameters(optimizer);
    if ((owner != NULL && owner != model) || (parameters != 0 && parameters != model->parameter_count)) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: %s: the optimizer belongs to another model", what,
                         model->name);
    }
    if (history != NULL && history->best_values != NULL && history->best_count != model->value_count) {
        return cnn__fail(session->context, CNN_ERROR_STATE, "%s: %s: the history belongs to another model", what,
                         model->name);
    }
    return CNN_OK;
}

/* A copy of parameters under other names: an optimizer's slot, of those that have one, or the best epoch's values. */
typedef struct part {
    char prefix[32];
    float *values;                  /* laid out as cnn_model.values, or */
    const cnn_optimizer *optimizer; /* as its slots; NULL: not so */
} part;

#define MAX_PARTS (CNN__OPTIMIZER_MAX_SLOTS + 2 + CNN__AVERAGE_MOST)

static size_t list_parts(const cnn_optimizer *optimizer, const cnn_history *history, part parts[MAX_PARTS])
{
    size_t count = 0;
    for (uint32_t i = 0; i < cnn__optimizer_slots(optimizer) && cnn__optimizer_values(optimizer) > 0; i++) {
        parts[count] = (part){.values = cnn__optimizer_slot(optimizer, i), .optimizer = optimizer};
        snprintf(parts[count].prefix, sizeof(parts[count].prefix), "@slot%u/", i);
        count++;
    }
    if (history != NULL && history->best_values != NULL) {
        parts[count++] = (part){.prefix = "@best/", .values = history->best_values};
    }
    if (history != NULL && cnn__average_any(&history->average)) {
        parts[count++] = (part){.prefix = "@average/", .values = history->average.values};
        for (uint64_t i = 0; i < cnn__average_kept(&history->average); i++) {
            parts[count] = (part){.values = history->average.last[i]};
            snprintf(parts[count].prefix, sizeof(parts[count].prefix), "@last%llu/", (unsigned long long)i);
            count++;
        }
    }
    return count;
}

/* Parameters that have slots. */
static size_t count_placed(const cnn_optimizer *optimizer)
{
    size_t count = 0;
    for (size_t i = 0; i < cnn__optimizer_parameters(optimizer); i++) {
        count += cnn__optimizer_offset(optimizer, i) != CNN__NO_SLOT;
    }
    return count;
}

static void add_training(cnn__json_writer *metadata, const cnn_session *session, const cnn_optimizer *optimizer,
                         const cnn_loader *loader)
{
    cnn__json_writer object = {.text = {.context = session->context}};
    cnn__json_open(&object, NULL, '{');
    cnn__json_put_string(&object, "optimizer", cnn_optimizer_name(optimizer));
    cnn__json_put_real(&object, "learning_rate", (double)cnn_optimizer_learning_rate(optimizer));
    cnn__json_put_u64(&object, "steps", cnn_optimizer_steps(optimizer));
    cnn__json_put_u64(&object, "passes", session->passes);
    cnn__json_put_u64(&object, "position", loader != NULL ? cnn_loader_position(loader) : 0);
    cnn__json_put_u64(&object, "seed", session->context->seed);
    cnn__json_put_int(&object, "slots",
                      cnn__optimizer_values(optimizer) > 0 ? (int64_t)cnn__optimizer_slots(optimizer) : 0);
    if (cnn__optimizer_values(optimizer) > 0) {
        cnn__json_put_int(&object, "slot_arrays", (int64_t)count_placed(optimizer));
    }
    cnn__json_put_string(&object, "backend", session->context->backend.name);
    cnn__checkpoint_put_optimizer(&object, optimizer);
    if (loader != NULL) {
        cnn__checkpoint_put_data(&object, loader);
    }
    cnn__json_close(&object, '}');
    cnn__metadata_set(metadata, "training", &object);
}

/* Adds the tensors of a part, whose names are allocated. */
static cnn_status add_part(const cnn_model *model, const part *p, cnn__tensor_source *sources, size_t *count)
{
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        const size_t at = p->optimizer != NULL ? cnn__optimizer_offset(p->optimizer, i) : parameter->offset;
        if (at == CNN__NO_SLOT) {
            continue;
        }
        char *name = cnn__prefixed(model->context, p->prefix, parameter->name);
        if (name == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        sources[(*count)++] = (cnn__tensor_source){name, parameter->shape, p->values + at, CNN__TENSOR_F32};
    }
    return CNN_OK;
}

/* Writes the file from sources whose names after the model's own are allocated; frees those. */
static cnn_status write_parts(const char *path, const cnn_model *model, const part *parts, size_t part_count,
                              const cnn_history *history, cnn__json_writer *metadata)
{
    cnn_context *context = model->context;
    const size_t own = model->parameter_count;
    cnn__tensor_source *sources = cnn__alloc_array(context, own * (part_count + 1) + 2, sizeof(*sources));
    if (sources == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn__model_sources(model, NULL, sources);
    size_t named = own;
    cnn_status status = CNN_OK;
    for (size_t p = 0; p < part_count && status == CNN_OK; p++) {
        status = add_part(model, &parts[p], sources, &named);
    }
    if (status == CNN_OK) {
        const size_t large = cnn__checkpoint_history_tensors(history, sources + named);
        status = cnn__tensors_write(context, path, sources, named + large, metadata);
    }
    for (size_t i = own; i < named; i++) {
        cnn__free(context, (char *)sources[i].name);
    }
    cnn__free(context, sources);
    return status;
}

cnn_status cnn_checkpoint_save(const char *path, cnn_session *session, const cnn_optimizer *optimizer,
                               const cnn_loader *loader, const cnn_history *history)
{
    part parts[MAX_PARTS];
    cnn__json_writer metadata;
    CNN__RETURN_IF_ERROR(cnn__checkpoint_owners("cnn_checkpoint_save", session, optimizer, history));
    const cnn_model *model = session->model;
    if (path == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "cnn_checkpoint_save: no path given");
    }
    CNN__RETURN_IF_ERROR(cnn__optimizer_take_slots(optimizer));
    cnn_status status = cnn__model_metadata(model, &metadata);
    if (status == CNN_OK) {
        add_training(&metadata, session, optimizer, loader);
        if (history != NULL) {
            cnn__checkpoint_put_history(&metadata, history);
        }
        const size_t part_count = list_parts(optimizer, history, parts);
        status = write_parts(path, model, parts, part_count, history, &metadata);
    }
    cnn__string_free(&metadata.text);
    return status;
}
