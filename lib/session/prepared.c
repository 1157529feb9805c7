/* SPDX-License-Identifier: MIT */
/* Prepared parameters, shared by the sessions of a model. */
#include "session/prepared.h"

#include <string.h>

#include "backend/backend.h"

struct cnn__prepared {
    cnn__prepared *next;
    uint32_t node, references;
    void *state; /* the op's, with its fusions: what is prepared depends on it, on the node and on nothing else */
    size_t state_size;
    void *data; /* where the backend computes */
    size_t size;
    atomic_ulong version; /* of the op's parameters when data was made; 0: not yet */
};

static bool is_of(const cnn__prepared *prepared, uint32_t node, const cnn__op *op)
{
    return prepared->node == node && prepared->state_size == op->type->state_size &&
           memcmp(prepared->state, op->state, prepared->state_size) == 0;
}

static void free_entry(cnn_context *context, cnn__prepared *prepared)
{
    cnn__free(context, prepared->state);
    cnn__backend_free(context, prepared->data, prepared->size);
    cnn__free(context, prepared);
}

static cnn__prepared *new_entry(cnn_context *context, uint32_t node, const cnn__op *op)
{
    cnn__prepared *prepared = cnn__alloc_zero(context, sizeof(*prepared));
    if (prepared == NULL) {
        return NULL;
    }
    prepared->node = node;
    prepared->state_size = op->type->state_size;
    prepared->state = cnn__alloc(context, prepared->state_size);
    prepared->size = op->preparation.size;
    prepared->data = cnn__backend_alloc(context, prepared->size);
    atomic_init(&prepared->version, 0);
    if (prepared->state == NULL || prepared->data == NULL) {
        free_entry(context, prepared);
        return NULL;
    }
    memcpy(prepared->state, op->state, prepared->state_size);
    return prepared;
}

void cnn__prepared_free_scratch(cnn_model *model)
{
    cnn__backend_free(model->context, model->prepare_scratch, model->prepare_scratch_size);
}

/* Entries are made one at a time, under the lock: they share one scratch. */
static bool reserve_scratch(cnn_model *model, size_t size)
{
    if (size <= model->prepare_scratch_size) {
        return true;
    }
    void *larger = cnn__backend_alloc(model->context, size);
    if (larger == NULL) {
        return false;
    }
    cnn__prepared_free_scratch(model);
    model->prepare_scratch = larger;
    model->prepare_scratch_size = size;
    return true;
}

static cnn__prepared *find_or_add(cnn_model *model, const cnn__op *op)
{
    const uint32_t node = model->nodes[op->node].owner; /* nodes with the same parameters share what is made of them */
    cnn__prepared *prepared = model->prepared;
    while (prepared != NULL && !is_of(prepared, node, op)) {
        prepared = prepared->next;
    }
    if (prepared == NULL && reserve_scratch(model, op->preparation.scratch)) {
        prepared = new_entry(model->context, node, op);
        if (prepared != NULL) {
            prepared->next = model->prepared;
            model->prepared = prepared;
        }
    }
    return prepared;
}

cnn_status cnn__prepared_acquire(cnn_model *model, const cnn__op *op, cnn__prepared **out)
{
    pthread_mutex_lock(&model->prepare_lock);
    cnn__prepared *prepared = find_or_add(model, op);
    if (prepared != NULL) {
        prepared->references++;
    }
    pthread_mutex_unlock(&model->prepare_lock);
    *out = prepared;
    return prepared != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

void cnn__prepared_release(cnn_model *model, cnn__prepared *prepared)
{
    pthread_mutex_lock(&model->prepare_lock);
    if (--prepared->references == 0) {
        cnn__prepared **link = &model->prepared;
        while (*link != prepared) {
            link = &(*link)->next;
        }
        *link = prepared->next;
        free_entry(model->context, prepared);
    }
    pthread_mutex_unlock(&model->prepare_lock);
}

/* The caller's executor may run this on a thread whose fellows wait for the lock: such a call starts no region. */
static cnn_status make(const cnn_model *model, cnn__prepared *prepared, const cnn__op *op, const cnn_layer_call *given)
{
    cnn_backend_call backend = *given->backend;
    cnn_layer_call call = *given;
    backend.threads = cnn__pool_has_executor(model->context->pool) ? 1 : backend.threads;
    backend.workspace = NULL;
    backend.workspace_size = 0;
    call.backend = &backend;
    return op->type->prepare(op->user, &call, model->prepare_scratch, prepared->data);
}

static unsigned long version_of(const cnn_model *model, const cnn__op *op)
{
    return cnn__model_version_of(model, op->parameters, op->parameter_count);
}

bool cnn__prepared_is_current(const cnn_model *model, const cnn__prepared *prepared, const cnn__op *op)
{
    return atomic_load_explicit(&prepared->version, memory_order_acquire) == version_of(model, op);
}

cnn_status cnn__prepared_data(cnn_model *model, cnn__prepared *prepared, const cnn__op *op, const cnn_layer_call *call,
                              const void **data)
{
    const unsigned long version = version_of(model, op);
    cnn_status status = CNN_OK;
    if (atomic_load_explicit(&prepared->version, memory_order_acquire) != version) {
        pthread_mutex_lock(&model->prepare_lock);
        if (atomic_load_explicit(&prepared->version, memory_order_relaxed) != version) {
            status = make(model, prepared, op, call);
            if (status == CNN_OK) {
                atomic_store_explicit(&prepared->version, version, memory_order_release);
            }
        }
        pthread_mutex_unlock(&model->prepare_lock);
    }
    *data = prepared->data;
    return status;
}
