/* SPDX-License-Identifier: MIT */
/* What torch.save() wrote before PyTorch 1.6: a file of five pickles (a number that tells it, the version, sizes of C's
 * types, the object, the keys in order) and then the storages, each with its length before it. */
#include <stdio.h>
#include <string.h>

#include "exchange/torch_file.h"

/* The size of a value of the storage with that key; 0: no tensor has it. The nodes are searched once. */
static cnn_status note_storages(cnn__torch_file *t, uint8_t *sizes, int64_t *counts)
{
    for (size_t i = 0; i < t->pickle.count; i++) {
        char key[CNN__TORCH_NAME + 1];
        size_t index = 0, bytes = 0;
        if (t->pickle.nodes[i].kind != CNN__PICKLE_STORAGE) {
            continue;
        }
        const cnn__pickle_node *text = &t->pickle.nodes[cnn__pickle_item(&t->pickle, (uint32_t)i, 1)];
        snprintf(key, sizeof(key), "%.*s", (int)(text->number < CNN__TORCH_NAME ? text->number : CNN__TORCH_NAME),
                 text->text);
        cnn__pickle_type(&t->pickle, (uint32_t)i, &bytes);
        if (!cnn__table_find(&t->keys, key, &index) || (sizes[index] != 0 && sizes[index] != bytes) ||
            (sizes[index] != 0 && counts[index] != t->pickle.nodes[i].number)) {
            return cnn__torch_refuse(t, CNN_ERROR_FORMAT, "a tensor's storage is not there, or is of two kinds");
        }
        sizes[index] = (uint8_t)bytes;
        counts[index] = t->pickle.nodes[i].number;
    }
    return CNN_OK;
}

/* Storages follow the pickles in the order of their keys. */
static cnn_status place_storages(cnn__torch_file *t, uint64_t at, const uint8_t *sizes, const int64_t *counts)
{
    for (size_t i = 0; i < t->key_count; i++) {
        uint8_t length[8];
        uint64_t bytes = 0;
        CNN__RETURN_IF_ERROR(cnn__bytes_read(&t->zip.bytes, at, length, sizeof(length)));
        if (sizes[i] == 0 || cnn__little64(length) != (uint64_t)counts[i] ||
            __builtin_mul_overflow((uint64_t)counts[i], (uint64_t)sizes[i], &bytes) ||
            bytes > t->zip.bytes.size - at - sizeof(length)) {
            return cnn__torch_refuse(t, CNN_ERROR_FORMAT, "a storage has another length than its tensors say");
        }
        t->offsets[i] = at + sizeof(length);
        at += sizeof(length) + bytes;
    }
    return CNN_OK;
}

static cnn_status list_keys(cnn__torch_file *t, uint32_t list)
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
        char key[CNN__TORCH_NAME + 1];
        if (text->kind != CNN__PICKLE_TEXT || text->number > CNN__TORCH_NAME) {
            return cnn__torch_refuse(t, CNN_ERROR_FORMAT, "a storage's key is no text");
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
            return status == CNN_ERROR_OUT_OF_MEMORY
                       ? status
                       : cnn__torch_refuse(t, CNN_ERROR_FORMAT, "a storage is there twice");
        }
    }
    return CNN_OK;
}

cnn_status cnn__torch_open_old(cnn__torch_file *t, cnn__bytes *bytes)
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
    return cnn__torch_list(t, results[3]);
}
