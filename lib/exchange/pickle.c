/* SPDX-License-Identifier: MIT */
/* The instructions of a pickle, and how they are read. */
#include <string.h>

#include "exchange/pickle_machine.h"

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
    CNN__RETURN_IF_ERROR(cnn__pickle_push_new(p, CNN__PICKLE_TEXT, (int64_t)length));
    p->nodes[p->stack[p->depth - 1]].text = (const char *)bytes;
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
    return cnn__pickle_push_new(p, CNN__PICKLE_INT, number);
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
        return cnn__pickle_push_new(p, CNN__PICKLE_MARK, 0);
    case 'N':
        return cnn__pickle_push_new(p, CNN__PICKLE_NONE, 0);
    case NEWTRUE:
    case NEWFALSE:
        return cnn__pickle_push_new(p, CNN__PICKLE_INT, code == NEWTRUE);
    case 'J':
        CNN__RETURN_IF_ERROR(take_number(p, 4, &number));
        return cnn__pickle_push_new(p, CNN__PICKLE_INT, (int32_t)(uint32_t)number);
    case 'K':
        CNN__RETURN_IF_ERROR(take_number(p, 1, &number));
        return cnn__pickle_push_new(p, CNN__PICKLE_INT, (int64_t)number);
    case 'M':
        CNN__RETURN_IF_ERROR(take_number(p, 2, &number));
        return cnn__pickle_push_new(p, CNN__PICKLE_INT, (int64_t)number);
    case 'G':
        CNN__RETURN_IF_ERROR(take_number(p, 8, &number));
        return cnn__pickle_push_new(p, CNN__PICKLE_REAL, 0);
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
        return cnn__pickle_push_new(p, CNN__PICKLE_LIST, 0);
    case '}':
        return cnn__pickle_push_new(p, CNN__PICKLE_DICT, 0);
    case ')':
        return cnn__pickle_push_new(p, CNN__PICKLE_TUPLE, 0);
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
        return cnn__pickle_push_collected(p, CNN__PICKLE_TUPLE, SIZE_MAX);
    case TUPLE1:
    case TUPLE2:
    case TUPLE3:
        return cnn__pickle_push_collected(p, CNN__PICKLE_TUPLE, (size_t)(code - TUPLE1 + 1));
    case 'l':
        return cnn__pickle_push_collected(p, CNN__PICKLE_LIST, SIZE_MAX);
    case 'a':
        return p->depth < 2 ? cnn__pickle_damaged(p, "takes from an empty stack")
                            : cnn__pickle_add_collected(p, CNN__PICKLE_LIST, p->depth - 1, p->depth - 1);
    case 's':
        return p->depth < 3 ? cnn__pickle_damaged(p, "takes from an empty stack")
                            : cnn__pickle_add_collected(p, CNN__PICKLE_DICT, p->depth - 2, p->depth - 2);
    case 'e':
        return cnn__pickle_add_above_mark(p, CNN__PICKLE_LIST);
    case 'u':
        return cnn__pickle_add_above_mark(p, CNN__PICKLE_DICT);
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
        return cnn__pickle_put(p, number);
    case 'h':
    case 'j':
        CNN__RETURN_IF_ERROR(take_number(p, code == 'h' ? 1 : 4, &number));
        return cnn__pickle_get(p, number);
    case '0':
        return cnn__pickle_pop(p, &dropped);
    case 'c':
        CNN__RETURN_IF_ERROR(take_line(p, &module, &module_size));
        CNN__RETURN_IF_ERROR(take_line(p, &name, &name_size));
        return cnn__pickle_push_global(p, module, module_size, name, name_size);
    case STACK_GLOBAL:
        return cnn__pickle_push_named(p);
    case 'Q':
        return cnn__pickle_push_storage(p);
    case 'R':
        return cnn__pickle_call(p);
    case 'b':
        return cnn__pickle_set_state(p);
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
            return cnn__pickle_pop(p, result);
        }
        if (*code == MEMOIZE) {
            CNN__RETURN_IF_ERROR(cnn__pickle_put(p, memoized++));
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
