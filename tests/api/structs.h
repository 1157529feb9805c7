/* SPDX-License-Identifier: MIT */
/* A table of public structs that a caller writes, each with the call that takes it; test_structs.c says what is tried.
 */
#ifndef CNN_TESTS_STRUCTS_H
#define CNN_TESTS_STRUCTS_H

#include "common/fixture.h"
#include "common/suite.h"

/* Bytes that a call may read from what it is given. */
#define ROOM 2048

/* What the calls need beside the struct. */
extern cnn_context *structs_context;
extern cnn_model *structs_model;
extern cnn_dataset *structs_data;
extern cnn_image *structs_image;
extern cnn_session *structs_session;
extern char structs_folder[512], structs_tensors[600], structs_photo[600], structs_onnx[600];

typedef struct row {
    const char *name;
    cnn_status (*call)(const void *given);
    const void *given;
    size_t size;
    size_t needed; /* bytes up to the last field that is required, or set in `given` */
} row;

#define UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
/* The struct of `function` with its fields; `last` is the last of those that are needed. */
#define ROW(function, type, last, ...)                                                                           \
    {                                                                                                            \
#type " of " #function, call_##function, CNN_OPTIONS(type, __VA_ARGS__), sizeof(type), UP_TO(type, last) \
    }

/* Objects made from a context and options. */
#define OBJECT(function, type, release)                                    \
    static cnn_status call_##function(const void *given)                   \
    {                                                                      \
        type *made = NULL;                                                 \
        cnn_status status = cnn_##function(structs_context, given, &made); \
        release(made);                                                     \
        return status;                                                     \
    }

/* Tries each row of a table. */
void structs_try(const row *rows, size_t count);
#define TRY(rows) structs_try(rows, sizeof(rows) / sizeof(*(rows)))

/* A copy of what a call was given, with room for fields that are set at run time; to be freed. */
void *structs_copy(const void *given);

/* Each adds the tests of its file. */
void structs_add_layers(TCase *tests);
void structs_add_data(TCase *tests);
void structs_add_models(TCase *tests);
void structs_add_training(TCase *tests);
void structs_add_filled(TCase *tests);

#endif
