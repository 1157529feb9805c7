/* SPDX-License-Identifier: MIT */
/* The backends that there are, the choice among them, and the life of a context, which begins with that choice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/config.h"
#include "core/cpu.h"
#include "backend/reference/reference.h"
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
    {"reference", fill_reference},
};

#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

const char *cnn_backend_name(size_t index) { return index < BUILTINS ? builtins[index].name : NULL; }

/* The caller's array has the stride of the caller's struct, which another version of the header may have made. */
static const cnn_backend *custom_at(const cnn_backend *custom, size_t index)
{
    return (const cnn_backend *)((const char *)custom + index * custom->struct_size);
}

static const char *unknown_algorithm(const cnn_backend *backend, const cnn_conv2d_shape *shape, cnn_pass pass,
                                     const char **reason)
{
    (void)backend;
    (void)shape;
    (void)pass;
    *reason = NULL;
    return NULL;
}

/* Takes missing entries from the reference table: all that follows the fixed fields is functions. */
static void complete(cnn_backend *backend)
{
    typedef void (*entry)(void);
    static const entry none = NULL;
    const bool convolves = backend->conv2d_forward != NULL || backend->conv2d_backward_data != NULL ||
                           backend->conv2d_backward_filter != NULL;
    if (convolves && backend->conv2d_algorithm == NULL) {
        backend->conv2d_algorithm = unknown_algorithm; /* not what the reference would say */
    }
    for (size_t at = offsetof(cnn_backend, gemm); at < sizeof(*backend); at += sizeof(entry)) {
        if (memcmp((char *)backend + at, &none, sizeof(entry)) == 0) {
            memcpy((char *)backend + at, (const char *)&cnn__backend_reference + at, sizeof(entry));
        }
    }
}

/* A workspace query knows only its own passes: a table that has one without the passes would leave the reference's
 * with too little. And one table's filters mean nothing to another's kernels. */
static const char *missing_with_query(const cnn_backend *backend)
{
    bool convolutions = backend->conv2d_forward != NULL && backend->conv2d_backward_data != NULL &&
                        backend->conv2d_backward_filter != NULL;
    bool dense = backend->dense_forward != NULL && backend->dense_backward_data != NULL &&
                 backend->dense_backward_filter != NULL;
    bool norms = backend->norm_forward != NULL && backend->norm_backward != NULL;
    if ((backend->conv2d_workspace != NULL || backend->conv2d_pools != NULL) && !convolutions) {
        return "conv2d_workspace or conv2d_pools without all three conv2d passes";
    }
    if (backend->dense_workspace != NULL && !dense) {
        return "dense_workspace without all three dense passes";
    }
    if (backend->lrn_workspace != NULL && backend->lrn_backward == NULL) {
        return "lrn_workspace without lrn_backward";
    }
    const bool any = backend->conv2d_prepared_size != NULL || backend->conv2d_prepare != NULL ||
                     backend->conv2d_forward_prepared != NULL;
    const bool all = backend->conv2d_prepared_size != NULL && backend->conv2d_prepare != NULL &&
                     backend->conv2d_forward_prepared != NULL && backend->conv2d_forward != NULL;
    if (any && !all) {
        return "conv2d_prepared_size, conv2d_prepare and conv2d_forward_prepared come together, with conv2d_forward";
    }
    if (backend->norm_workspace != NULL && !norms) {
        return "norm_workspace without norm_forward and norm_backward";
    }
    const bool any_pools = backend->norm_pools != NULL || backend->norm_pool_workspace != NULL ||
                           backend->norm_pool_forward != NULL || backend->norm_pool_backward != NULL;
    const bool all_pools = backend->norm_pools != NULL && backend->norm_pool_workspace != NULL &&
                           backend->norm_pool_forward != NULL && backend->norm_pool_backward != NULL;
    if (any_pools && !all_pools) {
        return "norm_pools, norm_pool_workspace, norm_pool_forward and norm_pool_backward come together";
    }
    return NULL;
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
    const char *missing = missing_with_query(copy);
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

/* The option goes before the variable. */
static cnn_status select_math(cnn_context *context, uint32_t option)
{
    const char *variable = getenv("CNN_MATH");
    char text[64];
    if (option > CNN_MATH_STRICT) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "math is %u, expected CNN_MATH_FAST or CNN_MATH_STRICT",
                         option);
    }
    context->math = option != CNN_MATH_DEFAULT ? (cnn_math)option : CNN_MATH_FAST;
    if (option != CNN_MATH_DEFAULT || variable == NULL || variable[0] == '\0' || strcmp(variable, "fast") == 0) {
        return CNN_OK;
    }
    if (strcmp(variable, "strict") != 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "the variable CNN_MATH is \"%s\", expected fast or strict",
                         cnn__printable(variable, text, sizeof(text)));
    }
    context->math = CNN_MATH_STRICT;
    return CNN_OK;
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

/* Tells the caller's log about a failure that no context could record. */
static cnn_status report(const cnn_context_options *options, cnn_status status, const char *message)
{
    if (options->log != NULL) {
        options->log(options->log_user, CNN_LOG_ERROR, message);
    }
    return status;
}

cnn_status cnn_context_create(const cnn_context_options *options, cnn_context **out)
{
    cnn_context_options checked;
    cnn_context *context;
    if (out == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    *out = NULL;
    cnn_status status = cnn__options_copy(NULL, "cnn_context_options", options, &checked, sizeof(checked));
    if (status != CNN_OK) {
        /* A struct of a newer header has `log` where this one has it. */
        return status == CNN_ERROR_VERSION
                   ? report(options, status, "cnn_context_options: a field is set that this version does not know")
                   : status;
    }
    status = cnn__context_init(&checked, &context);
    if (status != CNN_OK) {
        char message[128];
        snprintf(message, sizeof(message), "a context could not be created: %s", cnn_status_string(status));
        return report(&checked, status, message);
    }
    status = select_math(context, checked.math);
    if (status == CNN_OK) {
        status = cnn__backend_select(context, checked.backend, checked.backends, checked.backend_count,
                                     &context->backend);
    }
    if (status == CNN_OK) {
        /* The struct is copied, and so is its name: the caller's may go. */
        char *name = cnn__strdup(context, context->backend.name);
        context->backend.name = name;
        status = name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status != CNN_OK) {
        cnn__context_destroy(context);
        return status;
    }
    *out = context;
    return CNN_OK;
}

void cnn_context_free(cnn_context *context)
{
    if (context != NULL) {
        cnn__free(context, (char *)context->backend.name);
        cnn__context_destroy(context);
    }
}

const char *cnn_context_backend(const cnn_context *context)
{
    return context != NULL ? context->backend.name : NULL;
}

const char *cnn_context_math(const cnn_context *context)
{
    return context == NULL ? NULL : context->math == CNN_MATH_STRICT ? "strict" : "fast";
}
