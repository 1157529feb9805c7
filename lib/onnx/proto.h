/* SPDX-License-Identifier: MIT */
/* An ONNX file as it lies in memory: what onnx.proto lists, decoded from bytes and encoded to them by nanopb.
 *
 * Everything that is decoded lies in an arena, or in the bytes themselves: `raw` of a tensor, and its floats where the
 * file has them in one piece, point into what was decoded, are not aligned and are little-endian. Those who encode may
 * put a function in a tensor's `values` in place of `raw`: it is asked once for each tensor, in the order of the file,
 * so that nothing is held twice. Nothing that is not in the schema survives. */
#ifndef CNN_ONNX_PROTO_H
#define CNN_ONNX_PROTO_H

#include "core/arena.h"

/* Bounds of what is decoded. */
enum {
    CNN__ONNX_MOST_ITEMS = 65536, /* nodes, tensors, inputs and outputs of a graph; names that a node reads or writes */
    CNN__ONNX_MOST_TEXT = 1 << 20 /* bytes of a name or of another text */
};

/* Types of elements, by the format's numbers. */
typedef enum cnn__onnx_type {
    CNN__ONNX_FLOAT = 1,
    CNN__ONNX_UINT8 = 2,
    CNN__ONNX_INT8 = 3,
    CNN__ONNX_UINT16 = 4,
    CNN__ONNX_INT16 = 5,
    CNN__ONNX_INT32 = 6,
    CNN__ONNX_INT64 = 7,
    CNN__ONNX_STRING = 8,
    CNN__ONNX_BOOL = 9,
    CNN__ONNX_FLOAT16 = 10,
    CNN__ONNX_DOUBLE = 11,
    CNN__ONNX_UINT32 = 12,
    CNN__ONNX_UINT64 = 13,
    CNN__ONNX_BFLOAT16 = 16
} cnn__onnx_type;

/* Types of attributes, likewise. */
typedef enum cnn__onnx_attribute_type {
    CNN__ONNX_ATTRIBUTE_FLOAT = 1,
    CNN__ONNX_ATTRIBUTE_INT = 2,
    CNN__ONNX_ATTRIBUTE_STRING = 3,
    CNN__ONNX_ATTRIBUTE_TENSOR = 4,
    CNN__ONNX_ATTRIBUTE_GRAPH = 5,
    CNN__ONNX_ATTRIBUTE_FLOATS = 6,
    CNN__ONNX_ATTRIBUTE_INTS = 7,
    CNN__ONNX_ATTRIBUTE_STRINGS = 8
} cnn__onnx_attribute_type;

/* Items one after the other; whoever fills one by hand sets `items` and `count`. */
typedef struct cnn__onnx_list {
    void *items;
    size_t count, capacity; /* capacity 0: the items lie elsewhere */
} cnn__onnx_list;

typedef struct cnn__onnx_entry {
    const char *key, *value;
} cnn__onnx_entry;

typedef struct cnn__onnx_tensor {
    const char *name;        /* texts are "" where the file has none */
    int32_t type;            /* a cnn__onnx_type */
    cnn__onnx_list dims;     /* int64_t */
    cnn__onnx_list raw;      /* bytes */
    cnn__onnx_list floats;   /* float, perhaps not aligned */
    cnn__onnx_list ints;     /* int64_t: of int32_data, int64_data or uint64_data */
    cnn__onnx_list doubles;  /* double, perhaps not aligned */
    cnn__onnx_list external; /* cnn__onnx_entry: where the values lie in another file */
    int32_t location;        /* 1: there */
    /* Encoding: gives raw.count bytes that are valid until the next call, or NULL with the error set; raw.items is not
     * NULL then, and not read. NULL: raw.items */
    const void *(*values)(void *user, const struct cnn__onnx_tensor *tensor);
    void *user;
} cnn__onnx_tensor;

typedef struct cnn__onnx_attribute {
    const char *name;
    int32_t type; /* a cnn__onnx_attribute_type; 0 in files that leave it out */
    float f;
    int64_t i;
    const char *s;
    cnn__onnx_tensor *t;    /* NULL: none */
    cnn__onnx_list floats;  /* float, perhaps not aligned */
    cnn__onnx_list ints;    /* int64_t */
    cnn__onnx_list strings; /* const char * */
    const char *reference;  /* of a function's parameter */
} cnn__onnx_attribute;

typedef struct cnn__onnx_node {
    const char *name, *type, *domain;
    cnn__onnx_list inputs, outputs; /* const char *; "": not given */
    cnn__onnx_list attributes;      /* cnn__onnx_attribute */
} cnn__onnx_node;

typedef struct cnn__onnx_dim {
    bool known;
    int64_t size;
    const char *symbol;
} cnn__onnx_dim;

typedef struct cnn__onnx_value {
    const char *name;
    int32_t type;        /* a cnn__onnx_type; 0: not a tensor */
    bool shaped;         /* there is a shape */
    cnn__onnx_list dims; /* cnn__onnx_dim */
} cnn__onnx_value;

typedef struct cnn__onnx_opset {
    const char *domain;
    int64_t version;
} cnn__onnx_opset;

typedef struct cnn__onnx_graph {
    const char *name, *doc;
    cnn__onnx_list nodes;           /* cnn__onnx_node, each after those it reads */
    cnn__onnx_list initializers;    /* cnn__onnx_tensor */
    cnn__onnx_list inputs, outputs; /* cnn__onnx_value */
} cnn__onnx_graph;

typedef struct cnn__onnx_model {
    int64_t ir_version, model_version;
    const char *producer, *producer_version, *domain, *doc;
    cnn__onnx_graph *graph;  /* NULL: none */
    cnn__onnx_list opsets;   /* cnn__onnx_opset */
    cnn__onnx_list metadata; /* cnn__onnx_entry */
} cnn__onnx_model;

/* Decodes a file, or a tensor alone. `file` is its name for messages; `bytes` must outlive the arena's content. Returns
 * CNN_OK, CNN_ERROR_TRUNCATED, CNN_ERROR_FORMAT, CNN_ERROR_LIMIT, CNN_ERROR_OUT_OF_MEMORY. */
cnn_status cnn__onnx_decode(cnn__arena *arena, const char *file, const void *bytes, size_t size,
                            cnn__onnx_model *model);
cnn_status cnn__onnx_decode_tensor(cnn__arena *arena, const char *file, const void *bytes, size_t size,
                                   cnn__onnx_tensor *tensor);

/* Hands a file to `write`, piece by piece: the same bytes for the same model. Texts may be NULL, which are left out as
 * "" is. Returns CNN_OK, CNN_ERROR_LIMIT above the format's 2 GiB, what `write` or a tensor's `values` failed with. */
cnn_status cnn__onnx_encode(cnn_context *context, const cnn__onnx_model *model, cnn_write_function write, void *user);

/* Appends a zeroed item in the arena; NULL with the error set. */
void *cnn__onnx_append(cnn__arena *arena, cnn__onnx_list *list, size_t item_size);

#endif
