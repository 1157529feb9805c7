/* SPDX-License-Identifier: MIT */
/* Fields in both directions. Bytes of a tensor are not copied when they are decoded: where they lie is noted. */
#include <string.h>

#include "onnx/io.h"

/* ---- decoding ---- */

/* Advances in the bytes; nanopb has looked whether there are as many. */
static bool take(pb_istream_t *stream, pb_byte_t *to, size_t count)
{
    cnn__onnx_io *io = stream->state;
    if (to != NULL) {
        memcpy(to, io->at, count);
    }
    io->at += count;
    return true;
}

/* The rest of a field that has a length, where it lies. NULL: nanopb has read it already, for it is a single number. */
static const unsigned char *rest(pb_istream_t *stream, size_t *size)
{
    if (stream->callback != take) {
        return NULL;
    }
    cnn__onnx_io *io = stream->state;
    const unsigned char *at = io->at;
    *size = stream->bytes_left;
    io->at += stream->bytes_left;
    stream->bytes_left = 0;
    return at;
}

static bool fail(cnn__onnx_io *io, cnn_status status, const char *reason)
{
    io->status = cnn__fail(io->context, status, "%s: at byte %zu: %s", io->file, (size_t)(io->at - io->bytes), reason);
    return false;
}

/* The arena failed, which has said so. */
static bool without_memory(cnn__onnx_io *io)
{
    io->status = cnn__last_status(io->context);
    return false;
}

void *cnn__onnx_append(cnn__arena *arena, cnn__onnx_list *list, size_t item_size)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity > 0 ? list->capacity * 2 : 4;
        void *items = cnn__arena_array(arena, capacity, item_size);
        if (items == NULL) {
            return NULL;
        }
        if (list->count > 0) {
            memcpy(items, list->items, list->count * item_size);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + list->count++ * item_size;
}

/* As above, within bounds. */
static void *append(cnn__onnx_io *io, cnn__onnx_list *list, size_t item_size)
{
    if (list->count >= CNN__ONNX_MOST_ITEMS) {
        (void)fail(io, CNN_ERROR_LIMIT, "a list is longer than 65536");
        return NULL;
    }
    void *item = cnn__onnx_append(io->arena, list, item_size);
    if (item == NULL) {
        (void)without_memory(io);
    }
    return item;
}

static bool read_name(cnn__onnx_io *io, pb_istream_t *stream, const char **text)
{
    size_t size = 0;
    const unsigned char *at = rest(stream, &size);
    if (at == NULL || size > CNN__ONNX_MOST_TEXT || memchr(at, 0, size) != NULL) {
        return fail(io, at != NULL && size > CNN__ONNX_MOST_TEXT ? CNN_ERROR_LIMIT : CNN_ERROR_FORMAT,
                    "a text is longer than 1 MiB, or not a text");
    }
    *text = cnn__arena_text(io->arena, at, size);
    return *text != NULL || without_memory(io);
}

static bool decode_text(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    return read_name(slot->io, stream, slot->target);
}

static bool decode_texts(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    const char **text = append(slot->io, slot->target, sizeof(*text));
    return text != NULL && read_name(slot->io, stream, text);
}

/* One number, or all of a packed field. */
static bool decode_ints(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    while (stream->bytes_left > 0) {
        uint64_t number = 0;
        if (!pb_decode_varint(stream, &number)) {
            return false;
        }
        int64_t *item = cnn__onnx_append(slot->io->arena, slot->target, sizeof(*item));
        if (item == NULL) {
            return without_memory(slot->io);
        }
        *item = (int64_t)number;
    }
    return true;
}

/* Numbers of a fixed size: those of a packed field stay where they lie, unless there are several. */
static bool decode_fixed(pb_istream_t *stream, cnn__onnx_slot *slot, size_t item_size)
{
    cnn__onnx_list *list = slot->target;
    pb_byte_t single[8];
    size_t size = item_size;
    const unsigned char *at = rest(stream, &size);
    if (at == NULL) {
        at = single;
        if (!pb_read(stream, single, item_size)) {
            return false;
        }
    }
    if (size % item_size != 0) {
        return fail(slot->io, CNN_ERROR_FORMAT, "numbers end within one");
    }
    if (at != single && list->count == 0) {
        *list = (cnn__onnx_list){(void *)(uintptr_t)at, size / item_size, 0};
        return true;
    }
    for (size_t i = 0; i < size / item_size; i++) {
        if (list->capacity == 0 && list->count > 0) { /* into memory of its own */
            cnn__onnx_list own = {NULL, list->count, list->count};
            own.items = cnn__arena_array(slot->io->arena, own.count, item_size);
            if (own.items == NULL) {
                return without_memory(slot->io);
            }
            memcpy(own.items, list->items, own.count * item_size);
            *list = own;
        }
        void *item = cnn__onnx_append(slot->io->arena, list, item_size);
        if (item == NULL) {
            return without_memory(slot->io);
        }
        memcpy(item, at + i * item_size, item_size);
    }
    return true;
}

static bool decode_floats(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    return decode_fixed(stream, *arg, sizeof(float));
}

static bool decode_doubles(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    (void)field;
    return decode_fixed(stream, *arg, sizeof(double));
}

static bool decode_raw(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    cnn__onnx_list *raw = slot->target;
    (void)field;
    raw->items = (void *)(uintptr_t)rest(stream, &raw->count);
    return raw->items != NULL || fail(slot->io, CNN_ERROR_FORMAT, "raw data are not bytes");
}

static bool decode_list(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    void *item = append(slot->io, slot->target, slot->item_size);
    return item != NULL && slot->message(slot->io, stream, NULL, item);
}

/* A part that comes twice adds to what there is, as the format says. */
static bool decode_part(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    (void)field;
    return slot->message(slot->io, stream, NULL, slot->target);
}

static bool decode_one(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    cnn__onnx_slot *slot = *arg;
    void *item = NULL;
    (void)field;
    memcpy(&item, slot->target, sizeof(item));
    if (item == NULL) {
        item = cnn__arena_alloc(slot->io->arena, slot->item_size);
        if (item == NULL) {
            return without_memory(slot->io);
        }
        memcpy(slot->target, &item, sizeof(item));
    }
    return slot->message(slot->io, stream, NULL, item);
}

/* ---- encoding ---- */

static bool put_text(pb_ostream_t *stream, const pb_field_t *field, const char *text)
{
    return pb_encode_tag_for_field(stream, field) && pb_encode_string(stream, (const pb_byte_t *)text, strlen(text));
}

static bool encode_text(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const char *const *text = ((const cnn__onnx_slot *)*arg)->target;
    return *text == NULL || **text == '\0' || put_text(stream, field, *text);
}

static bool encode_texts(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *texts = ((const cnn__onnx_slot *)*arg)->target;
    const char *const *items = texts->items;
    bool done = true;
    for (size_t i = 0; i < texts->count && done; i++) {
        done = put_text(stream, field, items[i] != NULL ? items[i] : "");
    }
    return done;
}

static bool encode_ints(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *ints = ((const cnn__onnx_slot *)*arg)->target;
    const int64_t *items = ints->items;
    pb_ostream_t sizing = PB_OSTREAM_SIZING;
    bool done = true;
    if (ints->count == 0) {
        return true;
    }
    for (size_t i = 0; i < ints->count; i++) {
        (void)pb_encode_varint(&sizing, (uint64_t)items[i]);
    }
    done = pb_encode_tag(stream, PB_WT_STRING, field->tag) && pb_encode_varint(stream, sizing.bytes_written);
    for (size_t i = 0; i < ints->count && done; i++) {
        done = pb_encode_varint(stream, (uint64_t)items[i]);
    }
    return done;
}

static bool put_bytes(pb_ostream_t *stream, const pb_field_t *field, const void *bytes, size_t size)
{
    return pb_encode_tag(stream, PB_WT_STRING, field->tag) && pb_encode_varint(stream, size) &&
           pb_write(stream, bytes, size);
}

static bool encode_floats(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *floats = ((const cnn__onnx_slot *)*arg)->target;
    return floats->count == 0 || put_bytes(stream, field, floats->items, floats->count * sizeof(float));
}

static bool encode_doubles(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_list *doubles = ((const cnn__onnx_slot *)*arg)->target;
    return doubles->count == 0 || put_bytes(stream, field, doubles->items, doubles->count * sizeof(double));
}

/* While a size is found (a stream without a callback) nobody is asked for values. */
static bool encode_raw(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    const cnn__onnx_list *raw = slot->target;
    const void *values = raw->items;
    if (raw->count == 0 && raw->items == NULL) {
        return true;
    }
    if (slot->owner->values != NULL && stream->callback != NULL) {
        values = slot->owner->values(slot->owner->user, slot->owner);
        if (values == NULL) {
            return without_memory(slot->io);
        }
    }
    return put_bytes(stream, field, values, raw->count);
}

/* A message with its length in front. */
static bool put_message(pb_ostream_t *stream, const pb_field_t *field, const cnn__onnx_slot *slot, void *item)
{
    pb_ostream_t sizing = PB_OSTREAM_SIZING;
    if (!slot->message(slot->io, NULL, &sizing, item) || !pb_encode_tag(stream, PB_WT_STRING, field->tag) ||
        !pb_encode_varint(stream, sizing.bytes_written)) {
        return false;
    }
    return stream->callback == NULL ? pb_write(stream, NULL, sizing.bytes_written)
                                    : slot->message(slot->io, NULL, stream, item);
}

static bool encode_list(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    const cnn__onnx_list *list = slot->target;
    bool done = true;
    for (size_t i = 0; i < list->count && done; i++) {
        done = put_message(stream, field, slot, (char *)list->items + i * slot->item_size);
    }
    return done;
}

static bool encode_part(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    return put_message(stream, field, slot, slot->target);
}

static bool encode_one(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const cnn__onnx_slot *slot = *arg;
    void *item = NULL;
    memcpy(&item, slot->target, sizeof(item));
    return item == NULL || put_message(stream, field, slot, item);
}

/* ---- both ---- */

static void bind(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_slot value,
                 bool (*decode)(pb_istream_t *, const pb_field_t *, void **),
                 bool (*encode)(pb_ostream_t *, const pb_field_t *, void *const *))
{
    *slot = value;
    field->arg = slot;
    if (slot->io->arena != NULL) {
        field->funcs.decode = decode;
    } else {
        field->funcs.encode = encode;
    }
}

void cnn__onnx_bind_text(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, const char **text)
{
    if (io->arena != NULL) {
        *text = *text == NULL ? "" : *text;
    }
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = text}, decode_text, encode_text);
}

void cnn__onnx_bind_texts(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *texts)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = texts}, decode_texts, encode_texts);
}

void cnn__onnx_bind_ints(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *ints)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = ints}, decode_ints, encode_ints);
}

void cnn__onnx_bind_floats(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *floats)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = floats}, decode_floats, encode_floats);
}

void cnn__onnx_bind_doubles(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *doubles)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = doubles}, decode_doubles, encode_doubles);
}

void cnn__onnx_bind_raw(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_tensor *tensor)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = &tensor->raw, .owner = tensor}, decode_raw, encode_raw);
}

void cnn__onnx_bind_list(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, cnn__onnx_list *list,
                         cnn__onnx_message message, size_t item_size)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = list, .message = message, .item_size = item_size},
         decode_list, encode_list);
}

void cnn__onnx_bind_one(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, void *item,
                        cnn__onnx_message message, size_t item_size)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = item, .message = message, .item_size = item_size},
         decode_one, encode_one);
}

void cnn__onnx_bind_part(pb_callback_t *field, cnn__onnx_slot *slot, cnn__onnx_io *io, void *item,
                         cnn__onnx_message message)
{
    bind(field, slot, (cnn__onnx_slot){.io = io, .target = item, .message = message}, decode_part, encode_part);
}

bool cnn__onnx_pass(pb_istream_t *in, pb_ostream_t *out, const pb_msgdesc_t *fields, void *message)
{
    /* The message begins empty: numbers that are not in the file keep what was bound. */
    return in != NULL ? pb_decode_ex(in, fields, message, PB_DECODE_NOINIT) : pb_encode(out, fields, message);
}

/* ---- whole files ---- */

static cnn_status decode(cnn__arena *arena, const char *file, const void *bytes, size_t size, cnn__onnx_message message,
                         void *item)
{
    cnn__onnx_io io = {.context = arena->context, .file = file, .arena = arena, .bytes = bytes, .at = bytes};
    pb_istream_t stream = {.callback = take, .state = &io, .bytes_left = size};
    if (message(&io, &stream, NULL, item)) {
        return CNN_OK;
    }
    if (io.status != CNN_OK) {
        return io.status;
    }
    const char *reason = PB_GET_ERROR(&stream);
    const bool cut = strcmp(reason, "end-of-stream") == 0 || strcmp(reason, "parent stream too short") == 0;
    return cnn__fail(arena->context, cut ? CNN_ERROR_TRUNCATED : CNN_ERROR_FORMAT,
                     "%s: at byte %zu of %zu: not an ONNX file: %s", file, (size_t)(io.at - io.bytes), size, reason);
}

cnn_status cnn__onnx_decode(cnn__arena *arena, const char *file, const void *bytes, size_t size, cnn__onnx_model *model)
{
    *model = (cnn__onnx_model){0};
    return decode(arena, file, bytes, size, cnn__onnx_model_message, model);
}

cnn_status cnn__onnx_decode_tensor(cnn__arena *arena, const char *file, const void *bytes, size_t size,
                                   cnn__onnx_tensor *tensor)
{
    *tensor = (cnn__onnx_tensor){0};
    return decode(arena, file, bytes, size, cnn__onnx_tensor_message, tensor);
}

static bool hand_out(pb_ostream_t *stream, const pb_byte_t *bytes, size_t size)
{
    cnn__onnx_io *io = stream->state;
    io->status = io->write(io->user, bytes, size);
    return io->status == CNN_OK;
}

cnn_status cnn__onnx_encode(cnn_context *context, const cnn__onnx_model *model, cnn_write_function write, void *user)
{
    cnn__onnx_io io = {.context = context, .write = write, .user = user};
    cnn__onnx_model copy = *model;
    pb_ostream_t stream = {.callback = hand_out, .state = &io, .max_size = INT32_MAX};
    pb_ostream_t sizing = PB_OSTREAM_SIZING;
    if (!cnn__onnx_model_message(&io, NULL, &sizing, &copy) || sizing.bytes_written > INT32_MAX) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "the model does not fit into the 2 GiB of an ONNX file");
    }
    if (cnn__onnx_model_message(&io, NULL, &stream, &copy)) {
        return CNN_OK;
    }
    return io.status != CNN_OK
               ? io.status
               : cnn__fail(context, CNN_ERROR_LIMIT, "the model cannot be written as ONNX: %s", PB_GET_ERROR(&stream));
}
