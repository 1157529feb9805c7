/* SPDX-License-Identifier: MIT */
/* What tests of choosing a backend share: contexts made by name and by the caller's structs, and the last message. */
#ifndef CNN_TESTS_BACKEND_CHOICE_H
#define CNN_TESTS_BACKEND_CHOICE_H

#include <cnn/cnn.h>

/* The last error that was logged. */
extern char choice_logged[2048];
void choice_log(void *user, cnn_log_level level, const char *message);

/* Without variables and messages of a test before. */
void choice_setup(void);

cnn_status choice_create(const char *name, const cnn_backend *backends, size_t count, cnn_context **context);
/* Creates one and expects this status, and the text in the message; or this backend. */
void choice_fails(const char *name, const cnn_backend *backends, size_t count, cnn_status status, const char *text);
void choice_is(const char *name, const cnn_backend *backends, size_t count, const char *chosen);

#endif
