/* SPDX-License-Identifier: MIT */
/* Copying option structs of other versions, and the names of their values. */
#include "core/options.h"

#include <string.h>

#include "core/error.h"

const char *const cnn__activation_names[] = {
    "linear", "relu",      "leaky_relu", "sigmoid", "tanh",         "softmax",    "log_softmax", "relu6",        "silu",
    "gelu",   "gelu_tanh", "elu",        "selu",    "hard_sigmoid", "hard_swish", "softplus",    "clipped_relu", NULL};
const char *const cnn__padding_names[] = {"default", "valid", "same", "same_lower", "explicit", NULL};
const char *const cnn__initializer_names[] = {"default", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
                                              "normal",  "constant",       "pytorch",       "uniform",    "dirac",
                                              NULL};
const char *const cnn__constraint_names[] = {"none", "max_norm", "non_negative", "unit_norm", "min_max_norm", NULL};
const char *const cnn__convention_names[] = {"keras", "pytorch", "tensorflow1", NULL};

cnn_status cnn__options_copy(const cnn_context *context, const char *what, const void *options, void *copy, size_t size)
{
    size_t given;
    memset(copy, 0, size);
    memcpy(copy, &size, sizeof(size));
    if (options == NULL) {
        return CNN_OK;
    }
    memcpy(&given, options, sizeof(given));
    if (given < sizeof(size_t)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: struct_size is %zu; write the struct by its macro",
                         what, given);
    }
    for (size_t i = size; i < given; i++) {
        if (((const char *)options)[i] != 0) {
            return cnn__fail(context, CNN_ERROR_VERSION,
                             "%s: byte %zu is set, but this version of the library knows %zu bytes", what, i, size);
        }
    }
    const size_t header = sizeof(size_t);
    memcpy((char *)copy + header, (const char *)options + header, (given < size ? given : size) - header);
    return CNN_OK;
}

int cnn__name_index(const char *const *names, const char *text)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            return i;
        }
    }
    return -1;
}
