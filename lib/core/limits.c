/* SPDX-License-Identifier: MIT */
/* The table of limits. */
#include "core/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

typedef struct limit_line {
    const char *name;
    uint64_t standard, highest; /* highest: what types and algorithms bear */
    const char *usage;
} limit_line;

#define GIB ((uint64_t)1 << 30)

static const limit_line limits[CNN__LIMITS] = {
    [CNN__LIMIT_PIXELS] = {"pixels", CNN__DEFAULT_MAX_PIXELS, (uint64_t)1 << 40,
                           "pixels: of an image, as it is decoded and after each step of a pipeline; 64,000,000"},
    [CNN__LIMIT_IMAGE_SIDE] = {"image_side", 1048576, 1048576,
                               "image_side: pixels along a side of an image; 1,048,576"},
    [CNN__LIMIT_IMAGE_BYTES] = {"image_bytes", 2 * GIB, 1024 * GIB, "image_bytes: of an image file; 2 GiB"},
    [CNN__LIMIT_JPEG_SCANS] = {"jpeg_scans", 100, 1000000, "jpeg_scans: of a progressive JPEG; 100"},
    [CNN__LIMIT_PNG_CHUNKS] = {"png_chunks", 128, 1000000, "png_chunks: that are kept of a PNG; 128"},
    [CNN__LIMIT_DATA_BYTES] = {"data_bytes", UINT32_MAX, UINT32_MAX,
                               "data_bytes: of a file of IDX or CIFAR, compressed or not; 4 GiB"},
    [CNN__LIMIT_TABLE_BYTES] = {"table_bytes", GIB, GIB,
                                "table_bytes: of a table of images, or of a list of names; 1 GiB"},
    [CNN__LIMIT_MODEL_BYTES] =
        {"model_bytes", 1024 * GIB, 1024 * GIB,
         "model_bytes: of a model, a checkpoint, a file of weights, or weights beside an ONNX file; 1 TiB"},
    [CNN__LIMIT_ONNX_BYTES] =
        {"onnx_bytes", INT32_MAX, INT32_MAX,
         "onnx_bytes: of an ONNX file, without what lies beside it; 2 GiB, which is the format's"},
    [CNN__LIMIT_HEADER_BYTES] = {"header_bytes", CNN__JSON_MAX_SIZE, CNN__JSON_MAX_SIZE,
                                 "header_bytes: of JSON, such as a model file's header; 256 MiB"},
    [CNN__LIMIT_JSON_VALUES] = {"json_values", CNN__JSON_MAX_VALUES, CNN__JSON_MAX_VALUES,
                                "json_values: in JSON, keys included; 33,554,432"},
    [CNN__LIMIT_JSON_DEPTH] = {"json_depth", CNN__JSON_DEPTH, 512, "json_depth: of brackets in JSON; 64"},
    [CNN__LIMIT_TENSORS] = {"tensors", (uint64_t)1 << 20, CNN__JSON_MAX_MEMBERS - 1,
                            "tensors: of a model, a checkpoint, a file of weights or an ONNX file; 1,048,576"},
    [CNN__LIMIT_NAME_BYTES] = {"name_bytes", 4096, CNN__JSON_MAX_SIZE, "name_bytes: of a tensor's name; 4,096"},
    [CNN__LIMIT_EXPANDED_BYTES] = {"expanded_bytes", 64 * GIB, 1024 * GIB,
                                   "expanded_bytes: that a compressed part of an archive becomes; 64 GiB"},
    [CNN__LIMIT_SESSION_BYTES] = {"session_bytes", 0, UINT64_MAX,
                                  "session_bytes: of a session, as its model needs them; the machine's memory"},
};

/* What the machine has; where that is not known, no limit of its own. */
static uint64_t physical_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

void cnn__limits_init(cnn_context *context)
{
    for (int i = 0; i < CNN__LIMITS; i++) {
        context->limits[i] = limits[i].standard;
    }
    context->limits[CNN__LIMIT_SESSION_BYTES] = physical_memory();
}

const char *cnn__limit_word(cnn__limit_name limit) { return limits[limit].name; }

cnn_status cnn__limit_tensors(cnn_context *context, const char *file, size_t count)
{
    const uint64_t most = cnn__limit(context, CNN__LIMIT_TENSORS);
    return count <= most
               ? CNN_OK
               : cnn__fail(context, CNN_ERROR_LIMIT,
                           "%s: %zu tensors, at most %" PRIu64 ", " CNN__LIMIT_TEXT("tensors"), file, count, most);
}

cnn_status cnn__limit_tensor_name(cnn_context *context, const char *file, const char *name)
{
    char shown[64];
    const size_t size = strlen(name);
    const uint64_t most = cnn__limit(context, CNN__LIMIT_NAME_BYTES);
    return size <= most ? CNN_OK
                        : cnn__fail(context, CNN_ERROR_LIMIT,
                                    "%s: a tensor's name, \"%s\", has %zu bytes, at most %" PRIu64
                                    ", " CNN__LIMIT_TEXT("name_bytes"),
                                    file, cnn__printable(name, shown, sizeof(shown)), size, most);
}

const char *cnn_limit_usage(size_t index) { return index < CNN__LIMITS ? limits[index].usage : NULL; }

static int find(const char *name)
{
    for (int i = 0; i < CNN__LIMITS; i++) {
        if (strcmp(limits[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

uint64_t cnn_context_limit(const cnn_context *context, const char *name)
{
    const int index = context != NULL && name != NULL ? find(name) : -1;
    return index >= 0 ? context->limits[index] : 0;
}

cnn_status cnn_context_set_limit(cnn_context *context, const char *name, uint64_t value)
{
    char shown[128], list[512] = "";
    if (context == NULL || name == NULL) {
        return context == NULL ? CNN_ERROR_INVALID_ARGUMENT
                               : cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "a limit without a name");
    }
    const int index = find(name);
    if (index < 0) {
        for (int i = 0; i < CNN__LIMITS; i++) {
            snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i > 0 ? ", " : "", limits[i].name);
        }
        return cnn__fail(context, CNN_ERROR_NOT_FOUND, "there is no limit \"%s\", but %s",
                         cnn__printable(name, shown, sizeof(shown)), list);
    }
    if (value == 0 || value > limits[index].highest) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "the limit %s is 1 to %" PRIu64 ", not %" PRIu64,
                         limits[index].name, limits[index].highest, value);
    }
    context->limits[index] = value;
    return CNN_OK;
}
