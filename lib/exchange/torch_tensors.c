/* SPDX-License-Identifier: MIT */
/* The tensors in what a pickle of PyTorch has made: their names, their place in a storage, and their values. */
#include <stdio.h>
#include <string.h>

#include "exchange/torch_file.h"
#include "format/tensors.h"

/* How deep dictionaries may lie in one another, and how many values are looked at for tensors. */
enum { MAX_DEPTH = 16 };
#define MAX_VISITS ((size_t)1 << 22)

/* Values of a storage in the file. */
struct cnn__torch_tensor {
    uint64_t offset; /* in the file, of the first value of the tensor's span */
    int64_t span;    /* values from the first to the last */
    cnn_shape shape;
    int64_t strides[CNN_MAX_RANK];
    cnn__tensor_type type;
    size_t bytes;  /* of a value */
    size_t member; /* of the archive, if the span is all of it; CNN__NONE: unchecked */
};

/* ---- values ---- */

static cnn_status read_span(const cnn__torch_file *t, const cnn__torch_tensor *s, uint8_t *bytes)
{
    return s->member != CNN__NONE ? cnn__zip_unpack(&t->zip, &t->zip.members[s->member], bytes)
                                  : cnn__bytes_read(&t->zip.bytes, s->offset, bytes, (size_t)s->span * s->bytes);
}

/* Whether values lie in order and without gaps. */
static bool is_dense(const cnn__torch_tensor *s)
{
    int64_t distance = 1;
    for (uint32_t d = s->shape.rank; d-- > 0;) {
        if (s->shape.dims[d] != 1 && s->strides[d] != distance) {
            return false;
        }
        distance *= s->shape.dims[d];
    }
    return true;
}

/* Values in order of a tensor that is a view of its storage. */
static void gather(const cnn__torch_tensor *s, const float *from, float *to)
{
    int64_t at[CNN_MAX_RANK] = {0}, place = 0;
    size_t count = 0;
    (void)cnn__shape_values(&s->shape, &count);
    for (size_t i = 0; i < count; i++) {
        to[i] = from[place];
        for (uint32_t d = s->shape.rank; d-- > 0;) {
            place += s->strides[d];
            if (++at[d] < s->shape.dims[d]) {
                break;
            }
            place -= at[d] * s->strides[d];
            at[d] = 0;
        }
    }
}

cnn_status cnn__torch_read(void *user, uint64_t id, float *values)
{
    const cnn__torch_file *t = user;
    const cnn__torch_tensor *s = &t->tensors[id];
    const bool dense = is_dense(s), plain = s->type == CNN__TENSOR_F32;
    uint8_t *bytes = plain && dense ? (uint8_t *)values : cnn__alloc_array(t->context, (size_t)s->span, s->bytes);
    float *floats = dense   ? values
                    : plain ? (float *)(void *)bytes
                            : cnn__alloc_array(t->context, (size_t)s->span, sizeof(float));
    cnn_status status = bytes != NULL && floats != NULL ? read_span(t, s, bytes) : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK && !plain) {
        cnn__tensor_convert(s->type, bytes, (size_t)s->span, floats);
    }
    if (status == CNN_OK && !dense) {
        gather(s, floats, values);
    }
    if ((void *)bytes != (void *)values) {
        cnn__free(t->context, bytes);
    }
    if (floats != values && !plain) {
        cnn__free(t->context, floats);
    }
    return status;
}

/* ---- tensors ---- */

static bool read_sizes(const cnn__pickle *p, uint32_t tuple, int64_t sizes[CNN_MAX_RANK], uint32_t *rank)
{
    *rank = 0;
    for (uint32_t cell = p->nodes[tuple].first; cell != CNN__PICKLE_NIL; cell = p->nodes[cell].last) {
        const cnn__pickle_node *size = &p->nodes[p->nodes[cell].first];
        if (*rank == CNN_MAX_RANK || size->kind != CNN__PICKLE_INT || size->number < 0) {
            return false;
        }
        sizes[(*rank)++] = size->number;
    }
    return true;
}

/* Where a storage begins and how many bytes it has. */
static cnn_status find_storage(const cnn__torch_file *t, uint32_t storage, size_t bytes, uint64_t *offset,
                               uint64_t *size, size_t *member)
{
    char name[2 * CNN__TORCH_NAME];
    const cnn__pickle_node *key = &t->pickle.nodes[cnn__pickle_item(&t->pickle, storage, 1)];
    const int length = (int)(key->number < CNN__TORCH_NAME ? key->number : CNN__TORCH_NAME);
    size_t index = 0;
    *member = CNN__NONE;
    if (!t->archive) {
        snprintf(name, sizeof(name), "%.*s", length, key->text);
        if (!cnn__table_find(&t->keys, name, &index) || t->offsets[index] == UINT64_MAX) {
            return cnn__torch_refuse(t, CNN_ERROR_FORMAT, "a tensor's storage is not there");
        }
        *offset = t->offsets[index];
        *size = (uint64_t)t->pickle.nodes[storage].number * bytes;
        return CNN_OK;
    }
    snprintf(name, sizeof(name), "%sdata/%.*s", t->root, length, key->text);
    const cnn__zip_member *found = cnn__zip_find(&t->zip, name);
    if (found == NULL || found->method != 0) {
        return cnn__torch_refuse(t, found == NULL ? CNN_ERROR_FORMAT : CNN_ERROR_UNSUPPORTED,
                                 found == NULL ? "a tensor's storage is not there" : "storages are packed, not stored");
    }
    *offset = found->data;
    *size = found->size;
    *member = (size_t)(found - t->zip.members);
    return CNN_OK;
}

/* The values from the first to the last of a tensor lie within its storage. */
static cnn_status place_tensor(const cnn__torch_file *t, uint32_t tensor, cnn__torch_tensor *s, const char **type_name)
{
    const cnn__pickle *p = &t->pickle;
    const uint32_t storage = cnn__pickle_item(p, tensor, 0);
    const int64_t first = p->nodes[tensor].number;
    uint32_t rank = 0;
    uint64_t offset = 0, size = 0;
    size_t values = 0;
    int64_t span = 1;
    *s = (cnn__torch_tensor){.member = CNN__NONE};
    if (!read_sizes(p, cnn__pickle_item(p, tensor, 1), s->shape.dims, &s->shape.rank) ||
        !read_sizes(p, cnn__pickle_item(p, tensor, 2), s->strides, &rank) || rank != s->shape.rank || first < 0 ||
        !cnn__shape_values(&s->shape, &values)) {
        return cnn__torch_refuse(t, CNN_ERROR_FORMAT, "a tensor's sizes are none");
    }
    *type_name = cnn__pickle_type(p, storage, &s->bytes);
    s->type = cnn__tensor_type_find(*type_name);
    CNN__RETURN_IF_ERROR(find_storage(t, storage, s->bytes, &offset, &size, &s->member));
    bool good = true;
    for (uint32_t d = 0; d < rank && good; d++) {
        int64_t reach = 0;
        good = !__builtin_mul_overflow(s->shape.dims[d] > 0 ? s->shape.dims[d] - 1 : 0, s->strides[d], &reach) &&
               !__builtin_add_overflow(span, reach, &span);
    }
    s->span = values > 0 ? span : 0;
    const uint64_t held = size / s->bytes;
    if (!good || (uint64_t)s->span > held || (uint64_t)first > held - (uint64_t)s->span || offset > t->zip.bytes.size ||
        size > t->zip.bytes.size - offset) {
        return cnn__torch_refuse(t, CNN_ERROR_TRUNCATED, "a tensor reaches beyond its storage");
    }
    s->offset = offset + (uint64_t)first * s->bytes;
    s->member = (uint64_t)s->span * s->bytes == size ? s->member : CNN__NONE;
    return CNN_OK;
}

static cnn_status add_tensor(cnn__torch_file *t, uint32_t tensor, const char *name)
{
    const char *type = NULL;
    if (t->count == t->capacity) {
        const size_t capacity = t->capacity > 0 ? 2 * t->capacity : 64;
        cnn__torch_tensor *tensors = cnn__realloc(t->context, t->tensors, capacity * sizeof(*tensors));
        if (tensors == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        t->tensors = tensors;
        t->capacity = capacity;
    }
    cnn__torch_tensor *s = &t->tensors[t->count];
    CNN__RETURN_IF_ERROR(place_tensor(t, tensor, s, &type));
    const bool readable = s->type != CNN__TENSOR_OTHER && s->type != CNN__TENSOR_U8;
    const cnn_weight weight = {sizeof(weight), name, NULL, type, s->shape};
    return cnn__weights_add(t->weights, &weight, t->count++, readable);
}

/* Appends a key: text, or a number; false for a key that is neither. A size beyond the room is a name too long. */
static bool append_key(const cnn__pickle *p, uint32_t key, size_t number, char name[CNN__TORCH_NAME], size_t *size)
{
    const cnn__pickle_node *node = key != CNN__PICKLE_NIL ? &p->nodes[key] : NULL;
    const size_t room = CNN__TORCH_NAME - *size;
    int length = -1;
    if (node == NULL || node->kind == CNN__PICKLE_INT) {
        length = snprintf(name + *size, room, "%s%lld", *size > 0 ? "." : "",
                          (long long)(node != NULL ? node->number : (int64_t)number));
    } else if (node->kind == CNN__PICKLE_TEXT) {
        const int shown = (int)(node->number < CNN__TORCH_NAME ? node->number : CNN__TORCH_NAME);
        length = snprintf(name + *size, room, "%s%.*s", *size > 0 ? "." : "", shown, node->text);
    }
    *size += length >= 0 ? (size_t)length : 0;
    return length >= 0;
}

/* Whether a value is a tensor, or may hold some. */
static bool may_hold_tensors(const cnn__pickle *p, uint32_t value)
{
    const cnn__pickle_kind kind = p->nodes[value].kind;
    return kind == CNN__PICKLE_TENSOR || kind == CNN__PICKLE_DICT || kind == CNN__PICKLE_LIST ||
           kind == CNN__PICKLE_TUPLE;
}

/* All tensors of a value, with the keys that lead to them as names. */
static cnn_status add_tensors(cnn__torch_file *t, uint32_t value, char name[CNN__TORCH_NAME], size_t size, int depth)
{
    const cnn__pickle *p = &t->pickle;
    if (++t->visits > MAX_VISITS) {
        return cnn__torch_refuse(t, CNN_ERROR_LIMIT, "has too many values");
    }
    if (p->nodes[value].kind == CNN__PICKLE_TENSOR) {
        return add_tensor(t, value, name);
    }
    if (!may_hold_tensors(p, value) || depth == MAX_DEPTH) {
        return CNN_OK;
    }
    const bool dict = p->nodes[value].kind == CNN__PICKLE_DICT;
    uint32_t cell = p->nodes[value].first;
    for (size_t number = 0; cell != CNN__PICKLE_NIL; number++) {
        const uint32_t key = dict ? p->nodes[cell].first : CNN__PICKLE_NIL;
        cell = dict ? p->nodes[cell].last : cell; /* keys and values come in pairs */
        size_t longer = size;
        if (cell == CNN__PICKLE_NIL) {
            break;
        }
        if (may_hold_tensors(p, p->nodes[cell].first) && append_key(p, key, number, name, &longer)) {
            if (longer >= CNN__TORCH_NAME) {
                return cnn__torch_refuse(t, CNN_ERROR_LIMIT, "has a tensor with a name of more than 1,023 bytes");
            }
            CNN__RETURN_IF_ERROR(add_tensors(t, p->nodes[cell].first, name, longer, depth + 1));
        }
        name[size] = '\0';
        cell = p->nodes[cell].last;
    }
    return CNN_OK;
}

/* A checkpoint keeps the model's tensors under one of these keys. */
static uint32_t find_state(const cnn__pickle *p, uint32_t root)
{
    static const char *const keys[] = {"state_dict", "model_state_dict", "model", "net"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && p->nodes[root].kind == CNN__PICKLE_DICT; i++) {
        uint32_t cell = p->nodes[root].first;
        while (cell != CNN__PICKLE_NIL && p->nodes[cell].last != CNN__PICKLE_NIL) {
            const uint32_t next = p->nodes[cell].last, value = p->nodes[next].first;
            if (cnn__pickle_is(p, p->nodes[cell].first, keys[i]) && p->nodes[value].kind == CNN__PICKLE_DICT) {
                return value;
            }
            cell = p->nodes[next].last;
        }
    }
    return root;
}

cnn_status cnn__torch_list(cnn__torch_file *t, uint32_t root)
{
    char name[CNN__TORCH_NAME] = "";
    CNN__RETURN_IF_ERROR(add_tensors(t, find_state(&t->pickle, root), name, 0, 0));
    return t->count > 0 ? CNN_OK : cnn__torch_refuse(t, CNN_ERROR_FORMAT, "holds no tensors");
}
