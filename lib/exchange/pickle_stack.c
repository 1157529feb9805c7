/* SPDX-License-Identifier: MIT */
/* What the machine of pickles works on: values, its stack, and what it remembers. */
#include <string.h>

#include "exchange/pickle_machine.h"

/* Most entries of the memo: torch numbers them one by one. */
#define MEMO ((size_t)1 << 22)

cnn_status cnn__pickle_damaged(const cnn__pickle *p, const char *what)
{
    return cnn__fail(p->context, CNN_ERROR_FORMAT, "%s: pickle at byte %zu: %s", p->file, p->at, what);
}

cnn_status cnn__pickle_make(cnn__pickle *p, cnn__pickle_kind kind, int64_t number, uint32_t *node)
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

cnn_status cnn__pickle_push(cnn__pickle *p, uint32_t node)
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

cnn_status cnn__pickle_push_new(cnn__pickle *p, cnn__pickle_kind kind, int64_t number)
{
    uint32_t node = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(cnn__pickle_make(p, kind, number, &node));
    return cnn__pickle_push(p, node);
}

cnn_status cnn__pickle_pop(cnn__pickle *p, uint32_t *node)
{
    if (p->depth == 0) {
        return cnn__pickle_damaged(p, "takes from an empty stack");
    }
    *node = p->stack[--p->depth];
    return CNN_OK;
}

cnn_status cnn__pickle_append(cnn__pickle *p, uint32_t container, uint32_t value)
{
    uint32_t cell = CNN__PICKLE_NIL;
    CNN__RETURN_IF_ERROR(cnn__pickle_make(p, CNN__PICKLE_CELL, 0, &cell));
    p->nodes[cell].first = value;
    cnn__pickle_node *to = &p->nodes[container];
    if (to->first == CNN__PICKLE_NIL) {
        to->first = cell;
    } else {
        p->nodes[to->last].last = cell;
    }
    to->last = cell;
    return CNN_OK;
}

/* The last mark of the stack: its place. */
static cnn_status find_mark(const cnn__pickle *p, size_t *place)
{
    for (size_t i = p->depth; i > 0; i--) {
        if (cnn__pickle_is_kind(p, p->stack[i - 1], CNN__PICKLE_MARK)) {
            *place = i - 1;
            return CNN_OK;
        }
    }
    return cnn__pickle_damaged(p, "has no mark");
}

/* Moves what lies above `place` into a container. */
static cnn_status collect(cnn__pickle *p, uint32_t container, size_t place)
{
    for (size_t i = place; i < p->depth; i++) {
        CNN__RETURN_IF_ERROR(cnn__pickle_append(p, container, p->stack[i]));
    }
    p->depth = place;
    return CNN_OK;
}

cnn_status cnn__pickle_push_collected(cnn__pickle *p, cnn__pickle_kind kind, size_t count)
{
    uint32_t container = CNN__PICKLE_NIL;
    size_t place = p->depth - count;
    CNN__RETURN_IF_ERROR(cnn__pickle_make(p, kind, 0, &container));
    if (count == SIZE_MAX) {
        CNN__RETURN_IF_ERROR(find_mark(p, &place));
        CNN__RETURN_IF_ERROR(collect(p, container, place + 1));
        p->depth--; /* the mark */
    } else if (count > p->depth) {
        return cnn__pickle_damaged(p, "takes from an empty stack");
    } else {
        CNN__RETURN_IF_ERROR(collect(p, container, place));
    }
    return cnn__pickle_push(p, container);
}

cnn_status cnn__pickle_add_collected(cnn__pickle *p, cnn__pickle_kind kind, size_t place, size_t below)
{
    if (below == 0 || !cnn__pickle_is_kind(p, p->stack[below - 1], kind)) {
        return cnn__pickle_damaged(p, "adds to what is no list or dictionary");
    }
    CNN__RETURN_IF_ERROR(collect(p, p->stack[below - 1], place));
    p->depth = below;
    return CNN_OK;
}

cnn_status cnn__pickle_add_above_mark(cnn__pickle *p, cnn__pickle_kind kind)
{
    size_t mark = 0;
    CNN__RETURN_IF_ERROR(find_mark(p, &mark));
    if (kind == CNN__PICKLE_DICT && (p->depth - mark - 1) % 2 != 0) {
        return cnn__pickle_damaged(p, "has a key without a value");
    }
    return cnn__pickle_add_collected(p, kind, mark + 1, mark);
}

/* ---- the memo ---- */

cnn_status cnn__pickle_put(cnn__pickle *p, uint64_t index)
{
    if (index >= MEMO || p->depth == 0) {
        return cnn__pickle_damaged(p, "remembers too much, or nothing");
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

cnn_status cnn__pickle_get(cnn__pickle *p, uint64_t index)
{
    return index < p->memo_count && p->memo[index] != CNN__PICKLE_NIL
               ? cnn__pickle_push(p, p->memo[index])
               : cnn__pickle_damaged(p, "recalls what was not remembered");
}

/* ---- values that were made ---- */

uint32_t cnn__pickle_item(const cnn__pickle *p, uint32_t container, size_t index)
{
    uint32_t cell = container != CNN__PICKLE_NIL ? p->nodes[container].first : CNN__PICKLE_NIL;
    while (cell != CNN__PICKLE_NIL && index-- > 0) {
        cell = p->nodes[cell].last;
    }
    return cell != CNN__PICKLE_NIL ? p->nodes[cell].first : CNN__PICKLE_NIL;
}

bool cnn__pickle_is(const cnn__pickle *p, uint32_t node, const char *text)
{
    return cnn__pickle_is_kind(p, node, CNN__PICKLE_TEXT) &&
           cnn__pickle_same(p->nodes[node].text, (size_t)p->nodes[node].number, text);
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
