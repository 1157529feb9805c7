/* SPDX-License-Identifier: MIT */
/* The backends that there are, and the choice among them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/config.h"
#include "backend/reference/reference.h"
#include "backend/vector/vector.h"
#include "core/cpu.h"
#include "core/options.h"
#if CNN_HAVE_BLIS
#include "backend/blis/blis.h"
#endif

/* A caller's struct must reach as far as its first function. */
#define LEAST_SIZE (offsetof(cnn_backend, gemm) + sizeof(((cnn_backend *)NULL)->gemm))

typedef struct builtin {
    const char *name;
    void (*fill)(cnn__cpu_level level, bool strict, cnn_backend *backend);
} builtin;

/* Its sums are plain ones in any case. */
static void fill_reference(cnn__cpu_level level, bool strict, cnn_backend *backend)
{
    (void)level;
    (void)strict;
    *backend = cnn__backend_reference;
}

/* Best first. */
static const builtin builtins[] = {
#if CNN_HAVE_BLIS
    {"blis", cnn__blis_fill},
#endif
    {"vector", cnn__vector_fill},
    {"reference", fill_reference},
};

#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

const char *cnn_backend_name(size_t index) { return index < BUILTINS ? builtins[index].name : NULL; }

/* The caller's array has the stride of the caller's struct, which another version of the header may have made. */
static const cnn_backend *custom_at(const cnn_backend *custom, size_t index)
{
    return (const cnn_backend *)((const char *)custom + index * custom->struct_size);
}

/* What no table goes without. A backend with memory of its own multiplies in it, or nowhere. */
static void complete(cnn_backend *backend)
{
    if (backend->gemm == NULL && !cnn__backend_owns_memory(backend)) {
        backend->gemm = cnn__reference_gemm;
    }
}

static const char *missing_memory(const cnn_backend *backend)
{
    const bool any = backend->allocate != NULL || backend->release != NULL || backend->copy_in != NULL ||
                     backend->copy_out != NULL;
    const bool all = backend->allocate != NULL && backend->release != NULL && backend->copy_in != NULL &&
                     backend->copy_out != NULL;
    return any && !all ? "allocate, release, copy_in and copy_out come together" : NULL;
}

/* Checks one of the caller's structs and copies what this library knows of it. */
static cnn_status read_custom(const cnn_context *context, const cnn_backend *custom, size_t index, cnn_backend *copy)
{
    const cnn_backend *given = custom_at(custom, index);
    if (given->struct_size < LEAST_SIZE || given->struct_size != custom->struct_size) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "backends[%zu]: struct_size is %zu, expected sizeof(cnn_backend), the same in each", index,
                         given->struct_size);
    }
    if (given->abi != CNN_BACKEND_ABI) {
        return cnn__fail(context, CNN_ERROR_VERSION, "backends[%zu]: made for backend ABI %u, this library has %d",
                         index, given->abi, CNN_BACKEND_ABI);
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_backend", given, copy, sizeof(*copy)));
    if (copy->name == NULL || copy->name[0] == '\0') {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "backends[%zu]: it has no name", index);
    }
    const char *missing = missing_memory(copy);
    if (missing != NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "backend \"%s\": %s", copy->name, missing);
    }
    copy->struct_size = sizeof(*copy);
    return CNN_OK;
}

/* All of the caller's structs are checked, also those not chosen; true in *found if `name` is among them. */
static cnn_status select_custom(const cnn_context *context, const char *name, const cnn_backend *custom, size_t count,
                                cnn_backend *backend, bool *found)
{
    *found = false;
    if (count > 0 && custom == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "backends is NULL, but backend_count is %zu", count);
    }
    for (size_t i = 0; i < count; i++) {
        cnn_backend copy;
        CNN__RETURN_IF_ERROR(read_custom(context, custom, i, &copy));
        for (size_t j = 0; j < i; j++) {
            if (strcmp(custom_at(custom, j)->name, copy.name) == 0) {
                return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "backends[%zu] and [%zu] are both named \"%s\"",
                                 j, i, copy.name);
            }
        }
        if (name != NULL && strcmp(copy.name, name) == 0) {
            *backend = copy;
            *found = true;
        }
    }
    return CNN_OK;
}

static cnn_status fail_unknown(const cnn_context *context, const char *name, const cnn_backend *custom, size_t count)
{
    char names[CNN__MESSAGE_SIZE] = "", text[256];
    size_t used = 0;
    for (size_t i = 0; i < count + BUILTINS && used < sizeof(names); i++) {
        const char *each = i < count ? custom_at(custom, i)->name : builtins[i - count].name;
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "", each);
    }
    return cnn__fail(context, CNN_ERROR_NOT_FOUND, "backend \"%s\": there is none of that name; there are %s",
                     cnn__printable(name, text, sizeof(text)), names);
}

cnn_status cnn__backend_select(const cnn_context *context, const char *name, const cnn_backend *custom,
                               size_t custom_count, cnn_backend *backend)
{
    cnn__cpu_level level;
    bool found;
    if (!cnn__cpu_detect(&level)) {
        char text[64];
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "the variable CNN_CPU is \"%s\", expected baseline, avx2 or avx512",
                         cnn__printable(getenv("CNN_CPU"), text, sizeof(text)));
    }
    if (name == NULL) {
        name = getenv("CNN_BACKEND");
        name = name != NULL && name[0] != '\0' ? name : builtins[0].name;
    }
    CNN__RETURN_IF_ERROR(select_custom(context, name, custom, custom_count, backend, &found));
    for (size_t i = 0; i < BUILTINS && !found; i++) {
        if (strcmp(builtins[i].name, name) == 0) {
            builtins[i].fill(level, context->math == CNN_MATH_STRICT, backend);
            found = true;
        }
    }
    if (!found) {
        return fail_unknown(context, name, custom, custom_count);
    }
    complete(backend);
    cnn__log(context, CNN_LOG_INFO, "backend %s, instruction set %s, math %s", backend->name,
             cnn__cpu_level_names[level], cnn_context_math(context));
    return CNN_OK;
}

static void run_parallel(const cnn_backend_call *call, size_t tasks,
                         void (*task)(void *argument, size_t index, uint32_t worker), void *argument)
{
    cnn__parallel(call->runner, call->threads, tasks, task, argument);
}

void cnn__backend_call_init(cnn_backend_call *call, const cnn_context *context, uint32_t threads, void *workspace,
                            size_t workspace_size)
{
    uint32_t all = cnn__pool_threads(context->pool);
    *call = (cnn_backend_call){
        .struct_size = sizeof(*call),
        .backend = &context->backend,
        .user = context->backend.user,
        .threads = threads != 0 && threads < all ? threads : all,
        .workspace = workspace,
        .workspace_size = workspace_size,
        .runner = context->pool,
        .parallel = run_parallel,
    };
}
