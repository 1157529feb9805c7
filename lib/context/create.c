/* SPDX-License-Identifier: MIT */
/* Creating and freeing a context: where core and backend meet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "core/options.h"

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

const char *cnn_context_backend(const cnn_context *context) { return context != NULL ? context->backend.name : NULL; }

const char *cnn_context_math(const cnn_context *context)
{
    return context == NULL ? NULL : context->math == CNN_MATH_STRICT ? "strict" : "fast";
}
