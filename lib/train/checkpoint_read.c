/* SPDX-License-Identifier: MIT */
/* Reading training checkpoints: all of the file is in memory, and fits, before anything is changed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/model_file.h"
#include "session/session.h"
#include "train/checkpoint.h"
#include "train/train.h"

/* What a checkpoint holds, complete in memory before anything is changed. */
typedef struct contents {
    float *values;                          /* the parameters */
    float *slots[CNN__OPTIMIZER_MAX_SLOTS]; /* NULL: no step was taken, or the rule has none */
    size_t slot_count;
    int64_t slot_arrays;     /* parameters that have slots; -1: all, of files that do not say */
    cnn__update_item *items; /* these, and where each is in `slots` */
    size_t item_count;
    double learning_rate;
    uint64_t steps, passes, position, seed;
    cnn_history *history;
    bool moved; /* the place in the data is the start of another epoch than the one that was under way */
} contents;

/* The tensor of a parameter behind a prefix: its shape is checked, or with `to` its values are read. */
static cnn_status read_one(const cnn__tensors *file, const cnn__parameter *parameter, const char *prefix, float *to)
{
    char *name = cnn__prefixed(file->context, prefix, parameter->name);
    cnn_status status = name == NULL ? CNN_ERROR_OUT_OF_MEMORY
                        : to == NULL ? cnn__tensors_check(file, name, &parameter->shape)
                                     : cnn__tensors_read(file, name, to);
    cnn__free(file->context, name);
    return status;
}

cnn_status cnn__checkpoint_read_values(const cnn__tensors *file, const cnn_model *model, const char *prefix,
                                       float **values)
{
    cnn_context *context = model->context;
    cnn_status status = CNN_OK;
    *values = NULL;
    for (int pass = 0; pass < 2 && status == CNN_OK; pass++) {
        /* First all shapes, then memory, then the data. */
        if (pass == 1) {
            *values = cnn__alloc_zero(context, model->value_count * sizeof(float));
            status = *values != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
        }
        for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
            const cnn__parameter *parameter = &model->parameters[i];
            status = read_one(file, parameter, prefix, pass == 0 ? NULL : *values + parameter->offset);
        }
    }
    return status;
}

cnn_status cnn__checkpoint_read_count(const cnn__json_place *place, const cnn__json *object, const char *key,
                                      uint64_t *value)
{
    CNN__RETURN_IF_ERROR(cnn__json_u64(place, object, key, value));
    return *value <= CNN__CHECKPOINT_MAX_STEPS ? CNN_OK : cnn__json_bad(place, key, "a number that can be reached");
}

/* The parameters that have a first slot in the file. */
static cnn_status list_slots(const cnn__tensors *file, const cnn_model *model, contents *c, size_t *values)
{
    *values = 0;
    c->items = cnn__alloc_array(file->context, (size_t)model->parameter_count + 1, sizeof(*c->items));
    if (c->items == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[i];
        char *name = cnn__prefixed(file->context, "@slot0/", parameter->name);
        if (name == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        if (c->slot_arrays < 0 || cnn__tensors_find(file, name) != NULL) {
            c->items[c->item_count++] = (cnn__update_item){.n = parameter->values, .offset = *values, .parameter = i};
            *values += parameter->values; /* as many as the model has, at most */
        }
        cnn__free(file->context, name);
    }
    return c->slot_arrays < 0 || (uint64_t)c->slot_arrays == c->item_count
               ? CNN_OK
               : cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: has slots of %zu parameters, and says %lld",
                           file->name, c->item_count, (long long)c->slot_arrays);
}

static cnn_status read_slots(const cnn__tensors *file, const cnn_model *model, contents *c)
{
    size_t values = 0;
    CNN__RETURN_IF_ERROR(c->slot_count > 0 ? list_slots(file, model, c, &values) : CNN_OK);
    for (int pass = 0; pass < 2; pass++) { /* first all shapes, then memory and data */
        for (size_t s = 0; s < c->slot_count; s++) {
            char prefix[32];
            snprintf(prefix, sizeof(prefix), "@slot%zu/", s);
            if (pass == 1 && (c->slots[s] = cnn__alloc_array(file->context, values + 1, sizeof(float))) == NULL) {
                return CNN_ERROR_OUT_OF_MEMORY;
            }
            for (size_t i = 0; i < c->item_count; i++) {
                CNN__RETURN_IF_ERROR(read_one(file, &model->parameters[c->items[i].parameter], prefix,
                                              pass == 0 ? NULL : c->slots[s] + c->items[i].offset));
            }
        }
    }
    return CNN_OK;
}

/* Without slots in the file, neither it nor the optimizer may have taken steps that filled some. */
static cnn_status check_slots(const cnn__json_place *place, const cnn_optimizer *optimizer, const cnn_model *model,
                              const contents *c)
{
    const uint32_t slots = cnn__optimizer_slots(optimizer);
    if (c->slot_count != 0 && c->slot_count != slots) {
        return cnn__fail(place->context, CNN_ERROR_MISMATCH, "%s: has %zu slots, the optimizer has %u", place->name,
                         c->slot_count, slots);
    }
    if (c->slot_count != 0 || slots == 0 || model->value_count == 0) {
        return CNN_OK;
    }
    if (c->steps > 0) {
        return cnn__fail(place->context, CNN_ERROR_MISMATCH, "%s: has no slots after %llu steps, the optimizer has %u",
                         place->name, (unsigned long long)c->steps, slots);
    }
    if (cnn_optimizer_steps(optimizer) > 0) {
        return cnn__fail(place->context, CNN_ERROR_STATE,
                         "%s: no step was taken before it, and the optimizer has taken %llu: load it with a new one",
                         place->name, (unsigned long long)cnn_optimizer_steps(optimizer));
    }
    return CNN_OK;
}

/* The optimizer and the numbers of steps; the optimizer must be of the same kind. */
static cnn_status training_numbers(const cnn__json_place *place, const cnn__json *object,
                                   const cnn_optimizer *optimizer, const cnn_model *model, contents *c)
{
    const char *name = NULL;
    int64_t slots = 0;
    CNN__RETURN_IF_ERROR(cnn__json_string(place, object, "optimizer", &name));
    CNN__RETURN_IF_ERROR(cnn__json_int(place, object, "slots", 0, CNN__OPTIMIZER_MAX_SLOTS, &slots));
    if (strcmp(name, cnn_optimizer_name(optimizer)) != 0) {
        char text[80];
        return cnn__fail(place->context, CNN_ERROR_MISMATCH, "%s: was trained with the optimizer \"%s\", not \"%s\"",
                         place->name, cnn__printable(name, text, sizeof(text)), cnn_optimizer_name(optimizer));
    }
    CNN__RETURN_IF_ERROR(cnn__checkpoint_compare_optimizer(place, object, optimizer));
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_count(place, object, "steps", &c->steps));
    c->slot_count = (size_t)slots;
    c->slot_arrays = -1;
    if (cnn__json_get(object, "slot_arrays") != NULL) { /* files did not always say: then all have some */
        CNN__RETURN_IF_ERROR(
            cnn__json_int(place, object, "slot_arrays", 0, (int64_t)model->parameter_count, &c->slot_arrays));
    }
    CNN__RETURN_IF_ERROR(check_slots(place, optimizer, model, c));
    CNN__RETURN_IF_ERROR(cnn__json_real(place, object, "learning_rate", &c->learning_rate));
    const float rate = (float)c->learning_rate;
    if (!isfinite(rate) || rate < 0) {
        return cnn__json_bad(place, "learning_rate", "a finite number from 0 on");
    }
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_count(place, object, "passes", &c->passes));
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_count(place, object, "position", &c->position));
    return cnn__json_u64(place, object, "seed", &c->seed);
}

/* The data, where checkpoint and loader say what they are. */
static cnn_status training_data(const cnn__json_place *place, const cnn__json *object, const cnn_loader *loader,
                                contents *c)
{
    const cnn__json *data = cnn__json_get(object, "data");
    if (data == NULL || loader == NULL) {
        return CNN_OK; /* checkpoints did not always hold them */
    }
    return cnn__checkpoint_compare_data(place, data, loader, &c->position, &c->moved);
}

static cnn_status read_training(const cnn__tensors *file, const cnn_optimizer *optimizer, const cnn_session *session,
                                const cnn_loader *loader, contents *c)
{
    const cnn__json_place place = {file->context, file->name, "training"};
    cnn__json_document document;
    CNN__RETURN_IF_ERROR(cnn__metadata_get(file, "training", &document));
    if (document.root == NULL) {
        return cnn__fail(file->context, CNN_ERROR_MISMATCH, "%s: is a model file, not a training checkpoint",
                         file->name);
    }
    cnn_status status = training_numbers(&place, document.root, optimizer, session->model, c);
    if (status == CNN_OK && c->seed != session->context->seed) {
        status = cnn__fail(file->context, CNN_ERROR_MISMATCH,
                           "%s: was trained with the seed %llu, this context has %llu", file->name,
                           (unsigned long long)c->seed, (unsigned long long)session->context->seed);
    }
    if (status == CNN_OK) {
        status = training_data(&place, document.root, loader, c);
    }
    cnn__json_free(&document);
    return status;
}

/* The epoch under way begins anew where its place in the data is no longer known; else it cannot be longer than one. */
static cnn_status check_running(const cnn__tensors *file, const cnn_loader *loader, contents *c)
{
    if (c->moved) {
        c->history->running = CNN__RUNNING_INIT;
        cnn__free(c->history->context, c->history->running_scores);
        c->history->running_scores = NULL;
    }
    /* An epoch of which all steps are done may have had more of them: with smaller batches. */
    const bool within = loader != NULL && c->position % cnn_loader_batches(loader) != 0;
    if (within && c->history->epoch_steps == 0 && c->history->running.steps > cnn_loader_batches(loader)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: %llu steps of an epoch are done, which has %zu",
                         file->name, (unsigned long long)c->history->running.steps, cnn_loader_batches(loader));
    }
    return CNN_OK;
}

static cnn_status read_contents(const cnn__tensors *file, const cnn_session *session, const cnn_optimizer *optimizer,
                                const cnn_loader *loader, contents *c)
{
    cnn_model *model = session->model;
    CNN__RETURN_IF_ERROR(cnn__check_format(file));
    CNN__RETURN_IF_ERROR(read_training(file, optimizer, session, loader, c));
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_values(file, model, "", &c->values));
    CNN__RETURN_IF_ERROR(read_slots(file, model, c));
    CNN__RETURN_IF_ERROR(cnn__checkpoint_read_history(file, model, &c->history));
    return check_running(file, loader, c);
}

/* Values of the slots to their places; what the file has none for begins anew. */
static void put_slots(cnn_optimizer *optimizer, const contents *c, const cnn__update_item *places)
{
    cnn__optimizer_restart_slots(optimizer);
    for (size_t s = 0; s < c->slot_count; s++) {
        for (size_t i = 0; i < c->item_count; i++) {
            memcpy(cnn__optimizer_slot(optimizer, (uint32_t)s) + places[i].offset, c->slots[s] + c->items[i].offset,
                   places[i].n * sizeof(float));
        }
    }
}

/* Puts the contents in place. What can fail comes first and changes nothing that shows: slots that were never used,
 * and at last the loader's position. */
static cnn_status apply(cnn_session *session, cnn_optimizer *optimizer, cnn_loader *loader, const contents *c)
{
    cnn_model *model = session->model;
    cnn__update_item *places = NULL;
    if (c->slot_count > 0) {
        places = cnn__alloc_array(model->context, c->item_count + 1, sizeof(*places));
        if (places == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        memcpy(places, c->items, c->item_count * sizeof(*places));
        cnn_status status = cnn__optimizer_place(optimizer, places, c->item_count, model->parameter_count);
        if (status != CNN_OK) {
            cnn__free(model->context, places);
            return status;
        }
    }
    cnn_status status = loader != NULL ? cnn_loader_seek(loader, c->position) : CNN_OK;
    if (status == CNN_OK && c->slot_count > 0) {
        put_slots(optimizer, c, places);
    }
    cnn__free(model->context, places);
    CNN__RETURN_IF_ERROR(status);
    (void)cnn_optimizer_set_learning_rate(optimizer, (float)c->learning_rate); /* checked when it was read */
    CNN__RETURN_IF_ERROR(cnn__optimizer_put_slots(optimizer));
    cnn__optimizer_set_steps(optimizer, c->steps);
    cnn__optimizer_set_owner(optimizer, model);
    cnn__model_set_values(model, c->values);
    cnn_model_touch(model);
    session->passes = c->passes;
    return CNN_OK;
}

cnn_status cnn__checkpoint_load(const char *path, cnn_session *session, cnn_optimizer *optimizer, cnn_loader *loader,
                                cnn__checkpoint_check check, void *user, cnn_history **history)
{
    cnn__tensors file;
    contents c = {0};
    CNN__RETURN_IF_ERROR(cnn__checkpoint_owners("cnn_checkpoint_load", session, optimizer, NULL));
    cnn_context *context = session->context;
    if (path == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_checkpoint_load: no path given");
    }
    CNN__RETURN_IF_ERROR(cnn__tensors_open(context, path, &file));
    cnn_status status = read_contents(&file, session, optimizer, loader, &c);
    cnn__tensors_close(&file);
    if (status == CNN_OK && check != NULL) {
        status = check(user, c.history);
    }
    if (status == CNN_OK) {
        status = apply(session, optimizer, loader, &c);
    }
    if (status == CNN_OK && history != NULL) {
        *history = c.history;
        c.history = NULL;
    }
    cnn_history_free(c.history);
    cnn__free(context, c.values);
    cnn__free(context, c.items);
    for (size_t i = 0; i < CNN__OPTIMIZER_MAX_SLOTS; i++) {
        cnn__free(context, c.slots[i]);
    }
    return status;
}

cnn_status cnn_checkpoint_load(const char *path, cnn_session *session, cnn_optimizer *optimizer, cnn_loader *loader,
                               cnn_history **history)
{
    return cnn__checkpoint_load(path, session, optimizer, loader, NULL, NULL, history);
}
