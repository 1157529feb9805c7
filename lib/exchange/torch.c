/* SPDX-License-Identifier: MIT */
/* What torch.save() writes of dictionaries of tensors: a zip archive with the pickle NAME/data.pkl and a member
 * NAME/data/KEY for each storage; before PyTorch 1.6 a file of five pickles (a number that tells it, the version, sizes
 * of C's types, the object, the keys in order) and then the storages, each with its length before it. */
#include <stdio.h>
#include <string.h>

#include "exchange/pickle.h"
#include "exchange/torch.h"
#include "exchange/zip.h"
#include "format/tensors.h"

/* How deep dictionaries may lie in one another, and how many values are looked at for tensors. */
enum { MAX_DEPTH = 16 };
#define MAX_VISITS ((size_t)1 << 22)
#define MAX_NAME 1024

/* Values of a storage in the file. */
typedef struct stored {
    uint64_t offset; /* in the file, of the first value of the tensor's span */
    int64_t span;    /* values from the first to the last */
    cnn_shape shape;
    int64_t strides[CNN_MAX_RANK];
    cnn__tensor_type type;
    size_t bytes;  /* of a value */
    size_t member; /* of the archive, if the span is all of it; CNN__NONE: unchecked */
} stored;

typedef struct torch_file {
    cnn_context *context;
    cnn__zip zip; /* of an archive; of an old file its bytes alone */
    bool archive;
    cnn__pickle pickle;
    uint8_t *text;       /* the pickle */
    char root[MAX_NAME]; /* "archive/" */
    cnn__table keys;     /* old: key of a storage -> place in `offsets` */
    uint64_t *offsets;
    char **key_texts;
    size_t key_count;
    stored *tensors;
    size_t count, capacity, visits;
    cnn_weights *weights;
} torch_file;

static void close_torch(void *user)
{
    torch_file *t = user;
    cnn_context *context = t->context;
    for (size_t i = 0; i < t->key_count; i++) {
        cnn__free(context, t->key_texts[i]);
    }
    cnn__free(context, t->key_texts);
    cnn__free(context, t->offsets);
    cnn__table_free(&t->keys);
    cnn__free(context, t->tensors);
    cnn__pickle_free(&t->pickle);
    cnn__free(context, t->text);
    cnn__zip_close(&t->zip);
    cnn__free(context, t);
}

static cnn_status refuse(const torch_file *t, cnn_status status, const char *what)
{
    return cnn__fail(t->context, status, "%s: %s", t->zip.bytes.name, what);
}

/* ---- values ---- */

static cnn_status read_span(const torch_file *t, const stored *s, uint8_t *bytes)
{
    return s->member != CNN__NONE ? cnn__zip_unpack(&t->zip, &t->zip.members[s->member], bytes)
                                  : cnn__bytes_read(&t->zip.bytes, s->offset, bytes, (size_t)s->span * s->bytes);
}

/* Whether values lie in order and without gaps. */
static bool is_dense(const stored *s)
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
static void gather(const stored *s, const float *from, float *to)
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

static cnn_status read_values(void *user, uint64_t id, float *values)
{
    const torch_file *t = user;
    const stored *s = &t->tensors[id];
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
static cnn_status find_storage(const torch_file *t, uint32_t storage, size_t bytes, uint64_t *offset, uint64_t *size,
                               size_t *member)
{
    char name[2 * MAX_NAME];
    const cnn__pickle_node *key = &t->pickle.nodes[cnn__pickle_item(&t->pickle, storage, 1)];
    const int length = (int)(key->number < MAX_NAME ? key->number : MAX_NAME);
    size_t index = 0;
    *member = CNN__NONE;
    if (!t->archive) {
        snprintf(name, sizeof(name), "%.*s", length, key->text);
        if (!cnn__table_find(&t->keys, name, &index) || t->offsets[index] == UINT64_MAX) {
            return refuse(t, CNN_ERROR_FORMAT, "a tensor's storage is not there");
        }
        *offset = t->offsets[index];
        *size = (uint64_t)t->pickle.nodes[storage].number * bytes;
        return CNN_OK;
    }
    snprintf(name, sizeof(name), "%sdata/%.*s", t->root, length, key->text);
    const cnn__zip_member *found = cnn__zip_find(&t->zip, name);
    if (found == NULL || found->method != 0) {
        return refuse(t, found == NULL ? CNN_ERROR_FORMAT : CNN_ERROR_UNSUPPORTED,
                      found == NULL ? "a tensor's storage is not there" : "storages are packed, not stored");
    }
    *offset = found->data;
    *size = found->size;
    *member = (size_t)(found - t->zip.members);
    return CNN_OK;
}

/* The values from the first to the last of a tensor lie within its storage. */
static cnn_status place_tensor(const torch_file *t, uint32_t tensor, stored *s, const char **type_name)
{
    const cnn__pickle *p = &t->pickle;
    const uint32_t storage = cnn__pickle_item(p, tensor, 0);
    const int64_t first = p->nodes[tensor].number;
    uint32_t rank = 0;
    uint64_t offset = 0, size = 0;
    size_t values = 0;
    int64_t span = 1;
    *s = (stored){.member = CNN__NONE};
    if (!read_sizes(p, cnn__pickle_item(p, tensor, 1), s->shape.dims, &s->shape.rank) ||
        !read_sizes(p, cnn__pickle_item(p, tensor, 2), s->strides, &rank) || rank != s->shape.rank || first < 0 ||
        !cnn__shape_values(&s->shape, &values)) {
        return refuse(t, CNN_ERROR_FORMAT, "a tensor's sizes are none");
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
        return refuse(t, CNN_ERROR_TRUNCATED, "a tensor reaches beyond its storage");
    }
    s->offset = offset + (uint64_t)first * s->bytes;
    s->member = (uint64_t)s->span * s->bytes == size ? s->member : CNN__NONE;
    return CNN_OK;
}

static cnn_status add_tensor(torch_file *t, uint32_t tensor, const char *name)
{
    const char *type = NULL;
    if (t->count == t->capacity) {
        const size_t capacity = t->capacity > 0 ? 2 * t->capacity : 64;
        stored *tensors = cnn__realloc(t->context, t->tensors, capacity * sizeof(*tensors));
        if (tensors == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        t->tensors = tensors;
        t->capacity = capacity;
    }
    stored *s = &t->tensors[t->count];
    CNN__RETURN_IF_ERROR(place_tensor(t, tensor, s, &type));
    const bool readable = s->type != CNN__TENSOR_OTHER && s->type != CNN__TENSOR_U8;
    const cnn_weight weight = {sizeof(weight), name, NULL, type, s->shape};
    return cnn__weights_add(t->weights, &weight, t->count++, readable);
}

/* Appends a key: text, or a number. */
static bool append_key(const cnn__pickle *p, uint32_t key, size_t number, char name[MAX_NAME], size_t *size)
{
    const cnn__pickle_node *node = key != CNN__PICKLE_NIL ? &p->nodes[key] : NULL;
    const size_t room = MAX_NAME - *size;
    int length = -1;
    if (node == NULL || node->kind == CNN__PICKLE_INT) {
        length = snprintf(name + *size, room, "%s%lld", *size > 0 ? "." : "",
                          (long long)(node != NULL ? node->number : (int64_t)number));
    } else if (node->kind == CNN__PICKLE_TEXT && node->number < (int64_t)room) {
        length = snprintf(name + *size, room, "%s%.*s", *size > 0 ? "." : "", (int)node->number, node->text);
    }
    *size += length >= 0 ? (size_t)length : 0;
    return length >= 0 && (size_t)length < room;
}

/* All tensors of a value, with the keys that lead to them as names. */
static cnn_status add_tensors(torch_file *t, uint32_t value, char name[MAX_NAME], size_t size, int depth)
{
    const cnn__pickle *p = &t->pickle;
    const int32_t kind = p->nodes[value].kind;
    if (++t->visits > MAX_VISITS) {
        return refuse(t, CNN_ERROR_LIMIT, "has too many values");
    }
    if (kind == CNN__PICKLE_TENSOR) {
        return add_tensor(t, value, name);
    }
    const bool dict = kind == CNN__PICKLE_DICT, items = kind == CNN__PICKLE_LIST || kind == CNN__PICKLE_TUPLE;
    if ((!dict && !items) || depth == MAX_DEPTH) {
        return CNN_OK;
    }
    uint32_t cell = p->nodes[value].first;
    for (size_t number = 0; cell != CNN__PICKLE_NIL; number++) {
        const uint32_t key = dict ? p->nodes[cell].first : CNN__PICKLE_NIL;
        cell = dict ? p->nodes[cell].last : cell; /* keys and values come in pairs */
        size_t longer = size;
        if (cell == CNN__PICKLE_NIL) {
            break;
        }
        if (append_key(p, key, number, name, &longer)) {
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

static cnn_status list_tensors(torch_file *t, uint32_t root)
{
    char name[MAX_NAME] = "";
    CNN__RETURN_IF_ERROR(add_tensors(t, find_state(&t->pickle, root), name, 0, 0));
    return t->count > 0 ? CNN_OK : refuse(t, CNN_ERROR_FORMAT, "holds no tensors");
}

/* ---- archives ---- */

/* The member with the pickle; the folder that it lies in is `root`. */
static const cnn__zip_member *find_pickle(torch_file *t)
{
    static const char file[] = "data.pkl";
    for (size_t i = 0; i < t->zip.count; i++) {
        const char *name = t->zip.members[i].name;
        const size_t size = strlen(name), tail = strlen(file);
        const size_t before = size >= tail ? size - tail : 0;
        if (size >= tail && strcmp(name + before, file) == 0 && before < sizeof(t->root) &&
            memchr(name, '/', before) == (before > 0 ? name + before - 1 : NULL)) {
            snprintf(t->root, sizeof(t->root), "%.*s", (int)before, name);
            return &t->zip.members[i];
        }
    }
    return NULL;
}

static cnn_status check_order(const torch_file *t)
{
    char name[MAX_NAME + 16];
    uint8_t order[16];
    snprintf(name, sizeof(name), "%sbyteorder", t->root);
    const cnn__zip_member *member = cnn__zip_find(&t->zip, name);
    if (member == NULL) {
        return CNN_OK;
    }
    if (member->size != strlen("little")) {
        return refuse(t, CNN_ERROR_UNSUPPORTED, "its numbers are not little-endian");
    }
    CNN__RETURN_IF_ERROR(cnn__zip_unpack(&t->zip, member, order));
    return memcmp(order, "little", strlen("little")) == 0
               ? CNN_OK
               : refuse(t, CNN_ERROR_UNSUPPORTED, "its numbers are not little-endian");
}

static cnn_status open_archive(torch_file *t, cnn__bytes *bytes)
{
    uint32_t root;
    t->archive = true;
    CNN__RETURN_IF_ERROR(cnn__zip_open(bytes, &t->zip));
    const cnn__zip_member *member = find_pickle(t);
    if (member == NULL) {
        return refuse(t, CNN_ERROR_UNSUPPORTED, "is a zip archive, but not one that torch.save() writes");
    }
    if (member->size > CNN__PICKLE_BYTES) {
        return refuse(t, CNN_ERROR_LIMIT, "its pickle is too large");
    }
    CNN__RETURN_IF_ERROR(check_order(t));
    t->text = cnn__alloc(t->context, (size_t)member->size);
    if (t->text == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(cnn__zip_unpack(&t->zip, member, t->text));
    t->pickle.file = t->zip.bytes.name;
    t->pickle.data = t->text;
    t->pickle.size = (size_t)member->size;
    CNN__RETURN_IF_ERROR(cnn__pickle_run(&t->pickle, &root));
    return list_tensors(t, root);
}

/* ---- before 1.6 ---- */

/* The first pickle: a number of ten bytes. */
static const uint8_t old_magic[] = {0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

/* The size of a value of the storage with that key; 0: no tensor has it. The nodes are searched once. */
static cnn_status note_storages(torch_file *t, uint8_t *sizes, int64_t *counts)
{
    for (size_t i = 0; i < t->pickle.count; i++) {
        char key[MAX_NAME + 1];
        size_t index = 0, bytes = 0;
        if (t->pickle.nodes[i].kind != CNN__PICKLE_STORAGE) {
            continue;
        }
        const cnn__pickle_node *text = &t->pickle.nodes[cnn__pickle_item(&t->pickle, (uint32_t)i, 1)];
        snprintf(key, sizeof(key), "%.*s", (int)(text->number < MAX_NAME ? text->number : MAX_NAME), text->text);
        cnn__pickle_type(&t->pickle, (uint32_t)i, &bytes);
        if (!cnn__table_find(&t->keys, key, &index) || (sizes[index] != 0 && sizes[index] != bytes) ||
            (sizes[index] != 0 && counts[index] != t->pickle.nodes[i].number)) {
            return refuse(t, CNN_ERROR_FORMAT, "a tensor's storage is not there, or is of two kinds");
        }
        sizes[index] = (uint8_t)bytes;
        counts[index] = t->pickle.nodes[i].number;
    }
    return CNN_OK;
}

/* Storages follow the pickles in the order of their keys. */
static cnn_status place_storages(torch_file *t, uint64_t at, const uint8_t *sizes, const int64_t *counts)
{
    for (size_t i = 0; i < t->key_count; i++) {
        uint8_t length[8];
        uint64_t bytes = 0;
        CNN__RETURN_IF_ERROR(cnn__bytes_read(&t->zip.bytes, at, length, sizeof(length)));
        if (sizes[i] == 0 || cnn__little64(length) != (uint64_t)counts[i] ||
            __builtin_mul_overflow((uint64_t)counts[i], (uint64_t)sizes[i], &bytes) ||
            bytes > t->zip.bytes.size - at - sizeof(length)) {
            return refuse(t, CNN_ERROR_FORMAT, "a storage has another length than its tensors say");
        }
        t->offsets[i] = at + sizeof(length);
        at += sizeof(length) + bytes;
    }
    return CNN_OK;
}

static cnn_status list_keys(torch_file *t, uint32_t list)
{
    const cnn__pickle *p = &t->pickle;
    size_t count = 0;
    for (uint32_t cell = p->nodes[list].first; cell != CNN__PICKLE_NIL; cell = p->nodes[cell].last) {
        count++;
    }
    t->offsets = cnn__alloc_array(t->context, count + 1, sizeof(*t->offsets));
    t->key_texts = cnn__alloc_array(t->context, count + 1, sizeof(*t->key_texts));
    if (t->offsets == NULL || t->key_texts == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (uint32_t cell = p->nodes[list].first; cell != CNN__PICKLE_NIL; cell = p->nodes[cell].last) {
        const cnn__pickle_node *text = &p->nodes[p->nodes[cell].first];
        char key[MAX_NAME + 1];
        if (text->kind != CNN__PICKLE_TEXT || text->number > MAX_NAME) {
            return refuse(t, CNN_ERROR_FORMAT, "a storage's key is no text");
        }
        snprintf(key, sizeof(key), "%.*s", (int)text->number, text->text);
        char *copy = cnn__strdup(t->context, key);
        if (copy == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        t->offsets[t->key_count] = UINT64_MAX;
        t->key_texts[t->key_count++] = copy;
        const cnn_status status = cnn__table_add(&t->keys, copy, t->key_count - 1);
        if (status != CNN_OK) {
            return status == CNN_ERROR_OUT_OF_MEMORY ? status : refuse(t, CNN_ERROR_FORMAT, "a storage is there twice");
        }
    }
    return CNN_OK;
}

static cnn_status open_old(torch_file *t, cnn__bytes *bytes)
{
    uint32_t results[5];
    t->zip.bytes = *bytes;
    *bytes = (cnn__bytes){.context = t->context, .descriptor = -1};
    const uint64_t size = t->zip.bytes.size < CNN__PICKLE_BYTES ? t->zip.bytes.size : CNN__PICKLE_BYTES;
    t->text = cnn__alloc(t->context, (size_t)size);
    if (t->text == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(cnn__bytes_read(&t->zip.bytes, 0, t->text, (size_t)size));
    t->pickle.file = t->zip.bytes.name;
    t->pickle.data = t->text;
    t->pickle.size = (size_t)size;
    for (int i = 0; i < 5; i++) {
        CNN__RETURN_IF_ERROR(cnn__pickle_run(&t->pickle, &results[i]));
    }
    CNN__RETURN_IF_ERROR(list_keys(t, results[4]));
    uint8_t *sizes = cnn__alloc_zero(t->context, t->key_count + 1);
    int64_t *counts = cnn__alloc_zero(t->context, (t->key_count + 1) * sizeof(*counts));
    cnn_status status = sizes != NULL && counts != NULL ? note_storages(t, sizes, counts) : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = place_storages(t, t->pickle.at, sizes, counts);
    }
    cnn__free(t->context, sizes);
    cnn__free(t->context, counts);
    CNN__RETURN_IF_ERROR(status);
    return list_tensors(t, results[3]);
}

/* ---- either ---- */

cnn__torch_form cnn__torch_recognize(const cnn__bytes *bytes)
{
    uint8_t first[sizeof(old_magic)];
    if (bytes->size < sizeof(first) || cnn__bytes_read(bytes, 0, first, sizeof(first)) != CNN_OK) {
        return CNN__TORCH_NONE;
    }
    return memcmp(first, "PK\x03\x04", 4) == 0                ? CNN__TORCH_ARCHIVE
           : memcmp(first, old_magic, sizeof(old_magic)) == 0 ? CNN__TORCH_OLD
                                                              : CNN__TORCH_NONE;
}

cnn_status cnn__weights_open_torch(cnn__bytes *bytes, cnn_weights **out)
{
    cnn_context *context = bytes->context;
    const bool archive = cnn__torch_recognize(bytes) == CNN__TORCH_ARCHIVE;
    cnn_weights *weights = NULL;
    torch_file *t = cnn__alloc_zero(context, sizeof(*t));
    cnn_status status = t != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        *t = (torch_file){.context = context, .pickle.context = context};
        t->zip.bytes = (cnn__bytes){.context = context, .descriptor = -1};
        cnn__table_init(&t->keys, context);
        cnn__table_init(&t->zip.names, context);
        status = cnn_weights_create(
            context, CNN_WEIGHTS(.name = bytes->name, .layout = CNN_WEIGHTS_PYTORCH, .read = read_values, .user = t),
            &weights);
    }
    if (status != CNN_OK) {
        cnn__free(context, t);
        cnn__bytes_close(bytes);
        return status;
    }
    weights->close = close_torch;
    t->weights = weights;
    status = archive ? open_archive(t, bytes) : open_old(t, bytes);
    if (status != CNN_OK) {
        cnn_weights_free(weights);
        return status;
    }
    *out = weights;
    return CNN_OK;
}
