/* SPDX-License-Identifier: MIT */
#include "exchange/pickle.h"

#include <stdio.h>
#include <string.h>

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
/* Most entries of the memo: torch numbers them one by one. */
#define MEMO ((size_t)1 << 22)

static cnn_status damaged(const cnn__pickle *p, const char *what)
{
    return cnn__fail(p->context, CNN_ERROR_FORMAT, "%s: pickle at byte %zu: %s", p->file, p->at, what);
}

/* ---- nodes and the stack ---- */

static cnn_status make(cnn__pickle *p, cnn__pickle_kind kind, int64_t number, uint32_t *node)
{
    if (p->count == p->capacity) {
        const size_t capacity = p->capacity > 0 ? 2 * p->capacity : 1024;
        if (capacity > CNN__PICKLE_NODES) {
            return cnn__fail(p->context, CNN_ERROR_LIMIT, "%s: a pickle of more than %zu values", p->file,
                             CNN__PICKLE_NODES);
        }
        cnn__pickle_node *nodes = cnn__realloc(p->context, p->nodes, capacity * sizeof(*nodes));
        if (nodes == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        p->nodes = nodes;
        p->capacity = capacity;
    }
    *node = (uint32_t)p->count++;
    p->nodes[*node] = (cnn__pickle_node){(int32_t)kind, CNN__PICKLE_NIL, CNN__PICKLE_NIL, number, NULL};
    return CNN_OK;
}

static cnn_status push(cnn__pickle *p, uint32_t node)
{
    if (p->depth == p->stack_capacity) {
        const size_t capacity = p->stack_capacity > 0 ? 2 * p->stack_capacity : 256;
        uint32_t *stack = capacity <= CNN__PICKLE_NODES ? cnn__realloc(p->context, p->stack, capacity * sizeof(*stack))
                                                        : NULL;
        if (stack == NULL) {
            return capacity <= CNN__PICKLE_NODES
                       ? CNN_ERROR_OUT_OF_MEMORY
                       : cnn__fail(p->context, CNN_ERROR_LIMIT, "%s: a pickle whose stack is too deep", p->file);
        }
        p->stack = stack;
        p->stack_capacity = capacity;
    }
    p->stack[p->depth++] = node;
    return CNN_OK;
}

static cnn_status push_new(cnn__pickle *p, cnn__pickle_kind kind, int64_t number)
{
    uint32_t node = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(make(p, kind, number, &node));
    return push(p, node);
}

static cnn_status pop(cnn__pickle *p, uint32_t *node)
{
    if (p->depth == 0) {
        return damaged(p, "takes from an empty stack");
    }
    *node = p->stack[--p->depth];
    return CNN_OK;
}

static cnn__pickle_node *node_of(const cnn__pickle *p, uint32_t node) { return &p->nodes[node]; }

static bool is_kind(const cnn__pickle *p, uint32_t node, cnn__pickle_kind kind)
{
    return node != CNN__PICKLE_NIL && p->nodes[node].kind == (int32_t)kind;
}

static cnn_status append(cnn__pickle *p, uint32_t container, uint32_t value)
{
    uint32_t cell = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(make(p, CNN__PICKLE_CELL, 0, &cell));
    node_of(p, cell)->first = value;
    cnn__pickle_node *to = node_of(p, container);
    if (to->first == CNN__PICKLE_NIL) {
        to->first = cell;
    } else {
        node_of(p, to->last)->last = cell;
    }
    to->last = cell;
    return CNN_OK;
}

/* The last mark of the stack: its place. */
static cnn_status find_mark(const cnn__pickle *p, size_t *place)
{
    for (size_t i = p->depth; i > 0; i--) {
        if (is_kind(p, p->stack[i - 1], CNN__PICKLE_MARK)) {
            *place = i - 1;
            return CNN_OK;
        }
    }
    return damaged(p, "has no mark");
}

/* Moves what lies above `place` into a container. */
static cnn_status collect(cnn__pickle *p, uint32_t container, size_t place)
{
    for (size_t i = place; i < p->depth; i++) {
        CNN__RETURN_IF_ERROR(append(p, container, p->stack[i]));
    }
    p->depth = place;
    return CNN_OK;
}

/* A new container of the last `count` values of the stack, or, with SIZE_MAX, of those above the last mark. */
static cnn_status push_collected(cnn__pickle *p, cnn__pickle_kind kind, size_t count)
{
    uint32_t container = CNN__PICKLE_NIL;
    size_t place = p->depth - count;
    CNN__RETURN_IF_ERROR(make(p, kind, 0, &container));
    if (count == SIZE_MAX) {
        CNN__RETURN_IF_ERROR(find_mark(p, &place));
        CNN__RETURN_IF_ERROR(collect(p, container, place + 1));
        p->depth--; /* the mark */
    } else if (count > p->depth) {
        return damaged(p, "takes from an empty stack");
    } else {
        CNN__RETURN_IF_ERROR(collect(p, container, place));
    }
    return push(p, container);
}

/* Adds what lies above `place` to the container below it. */
static cnn_status add_collected(cnn__pickle *p, cnn__pickle_kind kind, size_t place, size_t below)
{
    if (below == 0 || !is_kind(p, p->stack[below - 1], kind)) {
        return damaged(p, "adds to what is no list or dictionary");
    }
    CNN__RETURN_IF_ERROR(collect(p, p->stack[below - 1], place));
    p->depth = below;
    return CNN_OK;
}

static cnn_status add_above_mark(cnn__pickle *p, cnn__pickle_kind kind)
{
    size_t mark = 0;
    CNN__RETURN_IF_ERROR(find_mark(p, &mark));
    if (kind == CNN__PICKLE_DICT && (p->depth - mark - 1) % 2 != 0) {
        return damaged(p, "has a key without a value");
    }
    return add_collected(p, kind, mark + 1, mark);
}

/* ---- reading ---- */

static cnn_status take(cnn__pickle *p, size_t size, const uint8_t **bytes)
{
    if (size > p->size - p->at) {
        return cnn__fail(p->context, CNN_ERROR_TRUNCATED, "%s: pickle ends at byte %zu", p->file, p->size);
    }
    *bytes = p->data + p->at;
    p->at += size;
    return CNN_OK;
}

static cnn_status take_number(cnn__pickle *p, size_t size, uint64_t *number)
{
    const uint8_t *bytes = NULL;
    CNN__RETURN_IF_ERROR(take(p, size, &bytes));
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        *number |= (uint64_t)bytes[i] << (8 * i);
    }
    return CNN_OK;
}

static cnn_status push_text(cnn__pickle *p, size_t length_size)
{
    uint64_t length = 0;
    const uint8_t *bytes = NULL;
    CNN__RETURN_IF_ERROR(take_number(p, length_size, &length));
    CNN__RETURN_IF_ERROR(take(p, (size_t)length, &bytes));
    CNN__RETURN_IF_ERROR(push_new(p, CNN__PICKLE_TEXT, (int64_t)length));
    node_of(p, p->stack[p->depth - 1])->text = (const char *)bytes;
    return CNN_OK;
}

/* A number of any length, of which those up to 64 bits are told apart. */
static cnn_status push_long(cnn__pickle *p, size_t length_size)
{
    uint64_t length = 0;
    int64_t number = 0;
    const uint8_t *bytes = NULL;
    CNN__RETURN_IF_ERROR(take_number(p, length_size, &length));
    CNN__RETURN_IF_ERROR(take(p, (size_t)length, &bytes));
    if (length > 0 && length <= 8) {
        uint64_t bits = bytes[length - 1] >= 0x80 ? UINT64_MAX : 0;
        for (size_t i = (size_t)length; i > 0; i--) {
            bits = bits << 8 | bytes[i - 1];
        }
        number = (int64_t)bits;
    } else if (length > 8) {
        number = INT64_MAX;
    }
    return push_new(p, CNN__PICKLE_INT, number);
}

static cnn_status take_line(cnn__pickle *p, const char **text, size_t *size)
{
    const uint8_t *end = memchr(p->data + p->at, '\n', p->size - p->at);
    if (end == NULL) {
        return cnn__fail(p->context, CNN_ERROR_TRUNCATED, "%s: pickle ends within a line", p->file);
    }
    *text = (const char *)p->data + p->at;
    *size = (size_t)(end - p->data) - p->at;
    p->at += *size + 1;
    return CNN_OK;
}

/* ---- names and calls ---- */

static bool same(const char *text, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(text, name, size) == 0;
}

static cnn_status push_global(cnn__pickle *p, const char *module, size_t module_size, const char *name,
                              size_t name_size)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (same(module, module_size, names[i].module) && same(name, name_size, names[i].name)) {
            return push_new(p, CNN__PICKLE_GLOBAL, (int64_t)i);
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

static cnn_status name_on_stack(cnn__pickle *p)
{
    uint32_t name = CNN__PICKLE_NIL, module = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(pop(p, &name));
    CNN__RETURN_IF_ERROR(pop(p, &module));
    if (!is_kind(p, name, CNN__PICKLE_TEXT) || !is_kind(p, module, CNN__PICKLE_TEXT)) {
        return damaged(p, "names something by what is no text");
    }
    return push_global(p, node_of(p, module)->text, (size_t)node_of(p, module)->number, node_of(p, name)->text,
                       (size_t)node_of(p, name)->number);
}

uint32_t cnn__pickle_item(const cnn__pickle *p, uint32_t container, size_t index)
{
    uint32_t cell = container != CNN__PICKLE_NIL ? p->nodes[container].first : CNN__PICKLE_NIL;
    while (cell != CNN__PICKLE_NIL && index-- > 0) {
        cell = p->nodes[cell].last;
    }
    return cell != CNN__PICKLE_NIL ? p->nodes[cell].first : CNN__PICKLE_NIL;
}

/* ("storage", type, key, place, number of values[, view]). */
static cnn_status persistent(cnn__pickle *p)
{
    uint32_t tuple = CNN__PICKLE_NIL, storage = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(pop(p, &tuple));
    if (!is_kind(p, tuple, CNN__PICKLE_TUPLE)) {
        return damaged(p, "refers to what is no storage");
    }
    const uint32_t type = cnn__pickle_item(p, tuple, 1), key = cnn__pickle_item(p, tuple, 2),
                   count = cnn__pickle_item(p, tuple, 4), view = cnn__pickle_item(p, tuple, 5);
    if (!cnn__pickle_is(p, cnn__pickle_item(p, tuple, 0), "storage") || !is_kind(p, type, CNN__PICKLE_GLOBAL) ||
        names[node_of(p, type)->number].what != STORAGE_TYPE || !is_kind(p, key, CNN__PICKLE_TEXT) ||
        !is_kind(p, count, CNN__PICKLE_INT) || node_of(p, count)->number < 0 ||
        (view != CNN__PICKLE_NIL && !is_kind(p, view, CNN__PICKLE_NONE))) {
        return damaged(p, "refers to what is no storage");
    }
    CNN__RETURN_IF_ERROR(make(p, CNN__PICKLE_STORAGE, node_of(p, count)->number, &storage));
    CNN__RETURN_IF_ERROR(append(p, storage, type));
    CNN__RETURN_IF_ERROR(append(p, storage, key));
    return push(p, storage);
}

/* (storage, offset, sizes, strides, ...). */
static cnn_status rebuild_tensor(cnn__pickle *p, uint32_t arguments)
{
    uint32_t tensor, storage = cnn__pickle_item(p, arguments, 0);
    const uint32_t offset = cnn__pickle_item(p, arguments, 1), sizes = cnn__pickle_item(p, arguments, 2),
                   strides = cnn__pickle_item(p, arguments, 3);
    if (!is_kind(p, storage, CNN__PICKLE_STORAGE) || !is_kind(p, offset, CNN__PICKLE_INT) ||
        !is_kind(p, sizes, CNN__PICKLE_TUPLE) || !is_kind(p, strides, CNN__PICKLE_TUPLE)) {
        return damaged(p, "makes a tensor of what is none");
    }
    CNN__RETURN_IF_ERROR(make(p, CNN__PICKLE_TENSOR, node_of(p, offset)->number, &tensor));
    CNN__RETURN_IF_ERROR(append(p, tensor, storage));
    CNN__RETURN_IF_ERROR(append(p, tensor, sizes));
    CNN__RETURN_IF_ERROR(append(p, tensor, strides));
    return push(p, tensor);
}

/* A call: of what is known, with what it knows. */
static cnn_status reduce(cnn__pickle *p)
{
    uint32_t arguments = CNN__PICKLE_NIL, function = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(pop(p, &arguments));
    CNN__RETURN_IF_ERROR(pop(p, &function));
    if (!is_kind(p, function, CNN__PICKLE_GLOBAL) || !is_kind(p, arguments, CNN__PICKLE_TUPLE)) {
        return damaged(p, "calls what is no function");
    }
    const uint32_t first = cnn__pickle_item(p, arguments, 0);
    switch (names[node_of(p, function)->number].what) {
    case ORDERED_DICT:
        return first == CNN__PICKLE_NIL ? push_new(p, CNN__PICKLE_DICT, 0)
                                        : damaged(p, "makes a dictionary of something");
    case REBUILD_TENSOR:
        return rebuild_tensor(p, arguments);
    case REBUILD_PARAMETER:
        return is_kind(p, first, CNN__PICKLE_TENSOR) ? push(p, first) : damaged(p, "makes a parameter of what is none");
    case TORCH_SIZE:
        return is_kind(p, first, CNN__PICKLE_TUPLE) ? push(p, first) : damaged(p, "makes a size of what is none");
    default:
        return damaged(p, "calls a type of storage");
    }
}

/* Attributes of a dictionary, such as a state's versions, are passed over; nothing else has any. */
static cnn_status build(cnn__pickle *p)
{
    uint32_t state;
    CNN__RETURN_IF_ERROR(pop(p, &state));
    return p->depth > 0 && is_kind(p, p->stack[p->depth - 1], CNN__PICKLE_DICT) ? CNN_OK
                                                                                : damaged(p, "sets what has no state");
}

/* ---- the memo ---- */

static cnn_status put(cnn__pickle *p, uint64_t index)
{
    if (index >= MEMO || p->depth == 0) {
        return damaged(p, "remembers too much, or nothing");
    }
    if (index >= p->memo_count) {
        size_t count = p->memo_count > 0 ? p->memo_count : 256;
        while (count <= index) {
            count *= 2;
        }
        uint32_t *memo = cnn__realloc(p->context, p->memo, count * sizeof(*memo));
        if (memo == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        memset(memo + p->memo_count, 0xff, (count - p->memo_count) * sizeof(*memo));
        p->memo = memo;
        p->memo_count = count;
    }
    p->memo[index] = p->stack[p->depth - 1];
    return CNN_OK;
}

static cnn_status get(cnn__pickle *p, uint64_t index)
{
    return index < p->memo_count && p->memo[index] != CNN__PICKLE_NIL ? push(p, p->memo[index])
                                                                      : damaged(p, "recalls what was not remembered");
}

/* ---- instructions ---- */

enum {
    PROTO = 0x80,
    NEWOBJ = 0x81,
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    LONG1 = 0x8a,
    LONG4 = 0x8b,
    SHORT_UNICODE = 0x8c,
    UNICODE8 = 0x8d,
    STACK_GLOBAL = 0x93,
    MEMOIZE = 0x94,
    FRAME = 0x95
};

/* Instructions that make a value of what follows them. */
static cnn_status run_value(cnn__pickle *p, int code, bool *known)
{
    uint64_t number = 0;
    *known = true;
    switch (code) {
    case '(':
        return push_new(p, CNN__PICKLE_MARK, 0);
    case 'N':
        return push_new(p, CNN__PICKLE_NONE, 0);
    case NEWTRUE:
    case NEWFALSE:
        return push_new(p, CNN__PICKLE_INT, code == NEWTRUE);
    case 'J':
        CNN__RETURN_IF_ERROR(take_number(p, 4, &number));
        return push_new(p, CNN__PICKLE_INT, (int32_t)(uint32_t)number);
    case 'K':
        CNN__RETURN_IF_ERROR(take_number(p, 1, &number));
        return push_new(p, CNN__PICKLE_INT, (int64_t)number);
    case 'M':
        CNN__RETURN_IF_ERROR(take_number(p, 2, &number));
        return push_new(p, CNN__PICKLE_INT, (int64_t)number);
    case 'G':
        CNN__RETURN_IF_ERROR(take_number(p, 8, &number));
        return push_new(p, CNN__PICKLE_REAL, 0);
    case LONG1:
        return push_long(p, 1);
    case LONG4:
        return push_long(p, 4);
    case 'U':
    case SHORT_UNICODE:
        return push_text(p, 1);
    case 'T':
    case 'X':
        return push_text(p, 4);
    case UNICODE8:
        return push_text(p, 8);
    case ']':
        return push_new(p, CNN__PICKLE_LIST, 0);
    case '}':
        return push_new(p, CNN__PICKLE_DICT, 0);
    case ')':
        return push_new(p, CNN__PICKLE_TUPLE, 0);
    default:
        *known = false;
        return CNN_OK;
    }
}

/* Instructions that put values together. */
static cnn_status run_container(cnn__pickle *p, int code, bool *known)
{
    *known = true;
    switch (code) {
    case 't':
        return push_collected(p, CNN__PICKLE_TUPLE, SIZE_MAX);
    case TUPLE1:
    case TUPLE2:
    case TUPLE3:
        return push_collected(p, CNN__PICKLE_TUPLE, (size_t)(code - TUPLE1 + 1));
    case 'l':
        return push_collected(p, CNN__PICKLE_LIST, SIZE_MAX);
    case 'a':
        return p->depth < 2 ? damaged(p, "takes from an empty stack")
                            : add_collected(p, CNN__PICKLE_LIST, p->depth - 1, p->depth - 1);
    case 's':
        return p->depth < 3 ? damaged(p, "takes from an empty stack")
                            : add_collected(p, CNN__PICKLE_DICT, p->depth - 2, p->depth - 2);
    case 'e':
        return add_above_mark(p, CNN__PICKLE_LIST);
    case 'u':
        return add_above_mark(p, CNN__PICKLE_DICT);
    default:
        *known = false;
        return CNN_OK;
    }
}

/* The memo, names and calls. */
static cnn_status run_other(cnn__pickle *p, int code)
{
    uint64_t number = 0;
    const char *module = NULL, *name = NULL;
    size_t module_size = 0, name_size = 0;
    uint32_t dropped;
    switch (code) {
    case PROTO:
        return take_number(p, 1, &number);
    case FRAME:
        return take_number(p, 8, &number);
    case 'q':
    case 'r':
        CNN__RETURN_IF_ERROR(take_number(p, code == 'q' ? 1 : 4, &number));
        return put(p, number);
    case 'h':
    case 'j':
        CNN__RETURN_IF_ERROR(take_number(p, code == 'h' ? 1 : 4, &number));
        return get(p, number);
    case '0':
        return pop(p, &dropped);
    case 'c':
        CNN__RETURN_IF_ERROR(take_line(p, &module, &module_size));
        CNN__RETURN_IF_ERROR(take_line(p, &name, &name_size));
        return push_global(p, module, module_size, name, name_size);
    case STACK_GLOBAL:
        return name_on_stack(p);
    case 'Q':
        return persistent(p);
    case 'R':
        return reduce(p);
    case 'b':
        return build(p);
    default:
        return cnn__fail(p->context, CNN_ERROR_DENIED,
                         "%s: pickle at byte %zu: instruction 0x%02x makes more than tensors, and nothing in a file is "
                         "run",
                         p->file, p->at - 1, (unsigned)code);
    }
}

cnn_status cnn__pickle_run(cnn__pickle *p, uint32_t *result)
{
    uint64_t memoized = 0;
    p->depth = 0;
    if (p->memo_count > 0) {
        memset(p->memo, 0xff, p->memo_count * sizeof(*p->memo));
    }
    for (;;) {
        const uint8_t *code = NULL;
        bool known = false;
        CNN__RETURN_IF_ERROR(take(p, 1, &code));
        if (*code == '.') {
            return pop(p, result);
        }
        if (*code == MEMOIZE) {
            CNN__RETURN_IF_ERROR(put(p, memoized++));
            continue;
        }
        CNN__RETURN_IF_ERROR(run_value(p, *code, &known));
        if (!known) {
            CNN__RETURN_IF_ERROR(run_container(p, *code, &known));
        }
        if (!known) {
            CNN__RETURN_IF_ERROR(run_other(p, *code));
        }
    }
}

void cnn__pickle_free(cnn__pickle *p)
{
    cnn__free(p->context, p->nodes);
    cnn__free(p->context, p->stack);
    cnn__free(p->context, p->memo);
    p->nodes = NULL;
    p->stack = p->memo = NULL;
    p->count = p->capacity = p->depth = p->stack_capacity = p->memo_count = 0;
}

bool cnn__pickle_is(const cnn__pickle *p, uint32_t node, const char *text)
{
    return is_kind(p, node, CNN__PICKLE_TEXT) && same(node_of(p, node)->text, (size_t)node_of(p, node)->number, text);
}

const char *cnn__pickle_type(const cnn__pickle *p, uint32_t storage, size_t *bytes)
{
    const uint32_t type = cnn__pickle_item(p, storage, 0);
    *bytes = names[p->nodes[type].number].bytes;
    return names[p->nodes[type].number].type;
}
