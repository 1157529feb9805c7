/* SPDX-License-Identifier: MIT */
/* What a pickle may name, and what that makes when it is called: all that is known of Python and of PyTorch. */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "exchange/pickle_machine.h"

/* What may be named, and what it makes when it is called. */
typedef enum known_name { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, TORCH_SIZE, STORAGE_TYPE } known_name;

static const struct {
    const char *module, *name;
    known_name what;
    const char *type; /* of a storage's values, as safetensors names them */
    size_t bytes;
} names[] = {
    {"collections", "OrderedDict", ORDERED_DICT, NULL, 0},
    {"torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR, NULL, 0},
    {"torch._utils", "_rebuild_parameter", REBUILD_PARAMETER, NULL, 0},
    {"torch", "Size", TORCH_SIZE, NULL, 0},
    {"torch", "FloatStorage", STORAGE_TYPE, "F32", 4},
    {"torch", "DoubleStorage", STORAGE_TYPE, "F64", 8},
    {"torch", "HalfStorage", STORAGE_TYPE, "F16", 2},
    {"torch", "BFloat16Storage", STORAGE_TYPE, "BF16", 2},
    {"torch", "LongStorage", STORAGE_TYPE, "I64", 8},
    {"torch", "IntStorage", STORAGE_TYPE, "I32", 4},
    {"torch", "ShortStorage", STORAGE_TYPE, "I16", 2},
    {"torch", "CharStorage", STORAGE_TYPE, "I8", 1},
    {"torch", "ByteStorage", STORAGE_TYPE, "U8", 1},
    {"torch", "BoolStorage", STORAGE_TYPE, "BOOL", 1},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

cnn_status cnn__pickle_push_global(cnn__pickle *p, const char *module, size_t module_size, const char *name,
                                   size_t name_size)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (cnn__pickle_same(module, module_size, names[i].module) &&
            cnn__pickle_same(name, name_size, names[i].name)) {
            return cnn__pickle_push_new(p, CNN__PICKLE_GLOBAL, (int64_t)i);
        }
    }
    char text[200], printable[240];
    snprintf(text, sizeof(text), "%.*s.%.*s", (int)(module_size < 90 ? module_size : 90), module,
             (int)(name_size < 90 ? name_size : 90), name);
    return cnn__fail(p->context, CNN_ERROR_DENIED,
                     "%s: asks for \"%s\" of Python: only tensors are read, and nothing in a file is run; save the "
                     "model's state_dict()",
                     p->file, cnn__printable(text, printable, sizeof(printable)));
}

cnn_status cnn__pickle_push_named(cnn__pickle *p)
{
    uint32_t name = CNN__PICKLE_NIL, module = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(cnn__pickle_pop(p, &name));
    CNN__RETURN_IF_ERROR(cnn__pickle_pop(p, &module));
    if (!cnn__pickle_is_kind(p, name, CNN__PICKLE_TEXT) || !cnn__pickle_is_kind(p, module, CNN__PICKLE_TEXT)) {
        return cnn__pickle_damaged(p, "names something by what is no text");
    }
    return cnn__pickle_push_global(p, p->nodes[module].text, (size_t)p->nodes[module].number, p->nodes[name].text,
                                   (size_t)p->nodes[name].number);
}

/* ("storage", type, key, place, number of values[, view]). */
cnn_status cnn__pickle_push_storage(cnn__pickle *p)
{
    uint32_t tuple = CNN__PICKLE_NIL, storage = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(cnn__pickle_pop(p, &tuple));
    if (!cnn__pickle_is_kind(p, tuple, CNN__PICKLE_TUPLE)) {
        return cnn__pickle_damaged(p, "refers to what is no storage");
    }
    const uint32_t type = cnn__pickle_item(p, tuple, 1), key = cnn__pickle_item(p, tuple, 2),
                   count = cnn__pickle_item(p, tuple, 4), view = cnn__pickle_item(p, tuple, 5);
    if (!cnn__pickle_is(p, cnn__pickle_item(p, tuple, 0), "storage") ||
        !cnn__pickle_is_kind(p, type, CNN__PICKLE_GLOBAL) || names[p->nodes[type].number].what != STORAGE_TYPE ||
        !cnn__pickle_is_kind(p, key, CNN__PICKLE_TEXT) || !cnn__pickle_is_kind(p, count, CNN__PICKLE_INT) ||
        p->nodes[count].number < 0 || (view != CNN__PICKLE_NIL && !cnn__pickle_is_kind(p, view, CNN__PICKLE_NONE))) {
        return cnn__pickle_damaged(p, "refers to what is no storage");
    }
    CNN__RETURN_IF_ERROR(cnn__pickle_make(p, CNN__PICKLE_STORAGE, p->nodes[count].number, &storage));
    CNN__RETURN_IF_ERROR(cnn__pickle_append(p, storage, type));
    CNN__RETURN_IF_ERROR(cnn__pickle_append(p, storage, key));
    return cnn__pickle_push(p, storage);
}

/* (storage, offset, sizes, strides, ...). */
static cnn_status rebuild_tensor(cnn__pickle *p, uint32_t arguments)
{
    uint32_t tensor, storage = cnn__pickle_item(p, arguments, 0);
    const uint32_t offset = cnn__pickle_item(p, arguments, 1), sizes = cnn__pickle_item(p, arguments, 2),
                   strides = cnn__pickle_item(p, arguments, 3);
    if (!cnn__pickle_is_kind(p, storage, CNN__PICKLE_STORAGE) || !cnn__pickle_is_kind(p, offset, CNN__PICKLE_INT) ||
        !cnn__pickle_is_kind(p, sizes, CNN__PICKLE_TUPLE) || !cnn__pickle_is_kind(p, strides, CNN__PICKLE_TUPLE)) {
        return cnn__pickle_damaged(p, "makes a tensor of what is none");
    }
    CNN__RETURN_IF_ERROR(cnn__pickle_make(p, CNN__PICKLE_TENSOR, p->nodes[offset].number, &tensor));
    CNN__RETURN_IF_ERROR(cnn__pickle_append(p, tensor, storage));
    CNN__RETURN_IF_ERROR(cnn__pickle_append(p, tensor, sizes));
    CNN__RETURN_IF_ERROR(cnn__pickle_append(p, tensor, strides));
    return cnn__pickle_push(p, tensor);
}

/* A call: of what is known, with what it knows. */
cnn_status cnn__pickle_call(cnn__pickle *p)
{
    uint32_t arguments = CNN__PICKLE_NIL, function = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(cnn__pickle_pop(p, &arguments));
    CNN__RETURN_IF_ERROR(cnn__pickle_pop(p, &function));
    if (!cnn__pickle_is_kind(p, function, CNN__PICKLE_GLOBAL) ||
        !cnn__pickle_is_kind(p, arguments, CNN__PICKLE_TUPLE)) {
        return cnn__pickle_damaged(p, "calls what is no function");
    }
    const uint32_t first = cnn__pickle_item(p, arguments, 0);
    switch (names[p->nodes[function].number].what) {
    case ORDERED_DICT:
        return first == CNN__PICKLE_NIL ? cnn__pickle_push_new(p, CNN__PICKLE_DICT, 0)
                                        : cnn__pickle_damaged(p, "makes a dictionary of something");
    case REBUILD_TENSOR:
        return rebuild_tensor(p, arguments);
    case REBUILD_PARAMETER:
        return cnn__pickle_is_kind(p, first, CNN__PICKLE_TENSOR)
                   ? cnn__pickle_push(p, first)
                   : cnn__pickle_damaged(p, "makes a parameter of what is none");
    case TORCH_SIZE:
        return cnn__pickle_is_kind(p, first, CNN__PICKLE_TUPLE)
                   ? cnn__pickle_push(p, first)
                   : cnn__pickle_damaged(p, "makes a size of what is none");
    default:
        return cnn__pickle_damaged(p, "calls a type of storage");
    }
}

/* Attributes of a dictionary, such as a state's versions, are passed over; nothing else has any. */
cnn_status cnn__pickle_set_state(cnn__pickle *p)
{
    uint32_t state;
    CNN__RETURN_IF_ERROR(cnn__pickle_pop(p, &state));
    return p->depth > 0 && cnn__pickle_is_kind(p, p->stack[p->depth - 1], CNN__PICKLE_DICT)
               ? CNN_OK
               : cnn__pickle_damaged(p, "sets what has no state");
}

const char *cnn__pickle_type(const cnn__pickle *p, uint32_t storage, size_t *bytes)
{
    const uint32_t type = cnn__pickle_item(p, storage, 0);
    *bytes = names[p->nodes[type].number].bytes;
    return names[p->nodes[type].number].type;
}
