/* SPDX-License-Identifier: MIT */
#include "backend/choice.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

char choice_logged[2048];

void choice_log(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_ERROR) {
        strncpy(choice_logged, message, sizeof(choice_logged) - 1);
    }
}

void choice_setup(void)
{
    unsetenv("CNN_BACKEND");
    unsetenv("CNN_CPU");
    unsetenv("CNN_MATH");
    choice_logged[0] = '\0';
}

cnn_status choice_create(const char *name, const cnn_backend *backends, size_t count, cnn_context **context)
{
    return cnn_context_create(
        CNN_CONTEXT(.threads = 1, .backend = name, .backends = backends, .backend_count = count, .log = choice_log),
        context);
}

void choice_fails(const char *name, const cnn_backend *backends, size_t count, cnn_status status, const char *text)
{
    cnn_context *context = (cnn_context *)1;
    ck_assert_int_eq(choice_create(name, backends, count, &context), status);
    ck_assert_ptr_null(context);
    ck_assert_msg(strstr(choice_logged, text) != NULL, "\"%s\" is not in \"%s\"", text, choice_logged);
}

void choice_is(const char *name, const cnn_backend *backends, size_t count, const char *chosen)
{
    cnn_context *context;
    ck_assert_int_eq(choice_create(name, backends, count, &context), CNN_OK);
    ck_assert_str_eq(cnn_context_backend(context), chosen);
    cnn_context_free(context);
}
