/* SPDX-License-Identifier: MIT */
/* What torch.save() writes of dictionaries of tensors: a zip archive with the pickle NAME/data.pkl and a member
 * NAME/data/KEY for each storage. What it wrote before PyTorch 1.6 is in torch_old.c. */
#include <stdio.h>
#include <string.h>

#include "exchange/torch.h"
#include "exchange/torch_file.h"

static void close_torch(void *user)
{
    cnn__torch_file *t = user;
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

cnn_status cnn__torch_refuse(const cnn__torch_file *t, cnn_status status, const char *what)
{
    return cnn__fail(t->context, status, "%s: %s", t->zip.bytes.name, what);
}

/* ---- archives ---- */

/* The member with the pickle; the folder that it lies in is `root`. */
static const cnn__zip_member *find_pickle(cnn__torch_file *t)
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

static cnn_status check_order(const cnn__torch_file *t)
{
    char name[CNN__TORCH_NAME + 16];
    uint8_t order[16];
    snprintf(name, sizeof(name), "%sbyteorder", t->root);
    const cnn__zip_member *member = cnn__zip_find(&t->zip, name);
    if (member == NULL) {
        return CNN_OK;
    }
    if (member->size != strlen("little")) {
        return cnn__torch_refuse(t, CNN_ERROR_UNSUPPORTED, "its numbers are not little-endian");
    }
    CNN__RETURN_IF_ERROR(cnn__zip_unpack(&t->zip, member, order));
    return memcmp(order, "little", strlen("little")) == 0
               ? CNN_OK
               : cnn__torch_refuse(t, CNN_ERROR_UNSUPPORTED, "its numbers are not little-endian");
}

static cnn_status open_archive(cnn__torch_file *t, cnn__bytes *bytes)
{
    uint32_t root;
    t->archive = true;
    CNN__RETURN_IF_ERROR(cnn__zip_open(bytes, &t->zip));
    const cnn__zip_member *member = find_pickle(t);
    if (member == NULL) {
        return cnn__torch_refuse(t, CNN_ERROR_UNSUPPORTED, "is a zip archive, but not one that torch.save() writes");
    }
    if (member->size > CNN__PICKLE_BYTES) {
        return cnn__fail(t->context, CNN_ERROR_LIMIT,
                         "%s: its pickle has %llu bytes, and %llu at most are read: tensors lie beside it, and what "
                         "else there is, such as arrays of NumPy, is not read; save the model's state_dict()",
                         t->zip.bytes.name, (unsigned long long)member->size, (unsigned long long)CNN__PICKLE_BYTES);
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
    return cnn__torch_list(t, root);
}

/* ---- either ---- */

/* The first pickle of a file before PyTorch 1.6: a number of ten bytes. */
static const uint8_t old_magic[] = {0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

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
    cnn__torch_file *t = cnn__alloc_zero(context, sizeof(*t));
    cnn_status status = t != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        *t = (cnn__torch_file){.context = context, .pickle.context = context};
        t->zip.bytes = (cnn__bytes){.context = context, .descriptor = -1};
        cnn__table_init(&t->keys, context);
        cnn__table_init(&t->zip.names, context);
        status = cnn_weights_create(
            context,
            CNN_WEIGHTS(.name = bytes->name, .layout = CNN_WEIGHTS_PYTORCH, .read = cnn__torch_read, .user = t),
            &weights);
    }
    if (status != CNN_OK) {
        cnn__free(context, t);
        cnn__bytes_close(bytes);
        return status;
    }
    weights->close = close_torch;
    t->weights = weights;
    status = archive ? open_archive(t, bytes) : cnn__torch_open_old(t, bytes);
    if (status != CNN_OK) {
        cnn_weights_free(weights);
        return status;
    }
    *out = weights;
    return CNN_OK;
}
