/* SPDX-License-Identifier: MIT */
/* Opening safetensors files: nothing in their header is believed before it is checked. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/limits.h"
#include "core/text.h"
#include "format/tensors.h"

static cnn_status parse_shape(const cnn__json_place *place, const cnn__json *list, cnn__tensor_entry *entry)
{
    const size_t rank = cnn__json_count(list);
    entry->readable = rank <= CNN_MAX_RANK && entry->type != CNN__TENSOR_OTHER;
    entry->shape.rank = rank <= CNN_MAX_RANK ? (uint32_t)rank : 0;
    size_t i = 0;
    for (const cnn__json *dim = cnn__json_first(list); dim != NULL; dim = cnn__json_next(list, dim), i++) {
        int64_t size = 0;
        if (!cnn__json_to_int(dim, &size) || size < 0) {
            return cnn__json_bad(place, "shape", "a list of sizes");
        }
        if (i < entry->shape.rank) {
            entry->shape.dims[i] = size;
        }
    }
    return CNN_OK;
}

static cnn_status parse_offsets(const cnn__json_place *place, const cnn__json *list, cnn__tensor_entry *entry)
{
    int64_t begin = 0, end = 0;
    const cnn__json *first = cnn__json_first(list);
    if (cnn__json_count(list) != 2 || !cnn__json_to_int(first, &begin) ||
        !cnn__json_to_int(cnn__json_next(list, first), &end) || begin < 0 || end < begin) {
        return cnn__json_bad(place, "data_offsets", "two offsets in order");
    }
    entry->begin = (uint64_t)begin;
    entry->end = (uint64_t)end;
    return CNN_OK;
}

/* Parses one entry of the header. What has a type or a rank that is not known may lie in the file all the same. */
static cnn_status parse_entry(const cnn__tensors *file, const char *name, const cnn__json *json,
                              cnn__tensor_entry *entry)
{
    char text[80];
    const cnn__json_place place = {file->context, file->name, cnn__printable(name, text, sizeof(text))};
    const cnn__json *shape = NULL, *offsets = NULL;
    size_t values;
    *entry = (cnn__tensor_entry){.name = name};
    CNN__RETURN_IF_ERROR(cnn__limit_tensor_name(file->context, file->name, name));
    CNN__RETURN_IF_ERROR(cnn__json_string(&place, json, "dtype", &entry->type_name));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, json, "shape", &shape));
    CNN__RETURN_IF_ERROR(cnn__json_array(&place, json, "data_offsets", &offsets));
    entry->type = cnn__tensor_type_find(entry->type_name);
    CNN__RETURN_IF_ERROR(parse_shape(&place, shape, entry));
    CNN__RETURN_IF_ERROR(parse_offsets(&place, offsets, entry));
    if (!entry->readable) {
        return CNN_OK;
    }
    /* 8 is the largest size of a value: what fits so fits in all types. */
    if (!cnn__shape_values(&entry->shape, &values) || values > INT64_MAX / 8) {
        return cnn__fail(file->context, CNN_ERROR_LIMIT, "%s: the shape of tensor \"%s\" overflows", file->name,
                         place.part);
    }
    const uint64_t needed = (uint64_t)values * cnn__tensor_type_size(entry->type);
    if (entry->end - entry->begin != needed) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT,
                         "%s: tensor \"%s\" has %" PRIu64 " bytes of data, its shape needs %" PRIu64, file->name,
                         place.part, entry->end - entry->begin, needed);
    }
    return CNN_OK;
}

static bool comes_before(const cnn__tensor_entry *left, const cnn__tensor_entry *right)
{
    return left->begin != right->begin ? left->begin < right->begin : left->end < right->end;
}

/* Lets entry `at` of a heap, the last of which comes first, sink to its place. */
static void sink(cnn__tensor_entry *entries, size_t at, size_t count)
{
    const cnn__tensor_entry entry = entries[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && comes_before(&entries[child], &entries[child + 1]);
        if (!comes_before(&entry, &entries[child])) {
            break;
        }
        entries[at] = entries[child];
        at = child;
    }
    entries[at] = entry;
}

/* By their place in the data. Heapsort: qsort() may take memory of its own, and time with the square. Most files have
 * them in order already. */
static void sort_entries(cnn__tensor_entry *entries, size_t count)
{
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++) {
        sorted = !comes_before(&entries[i], &entries[i - 1]);
    }
    for (size_t i = sorted ? 0 : count / 2; i > 0; i--) {
        sink(entries, i - 1, count);
    }
    for (size_t last = sorted ? 0 : count; last > 1; last--) {
        const cnn__tensor_entry first = entries[0];
        entries[0] = entries[last - 1];
        entries[last - 1] = first;
        sink(entries, 0, last - 1);
    }
}

/* Each tensor begins where the one before it ended, and the last ends with the file. */
static cnn_status check_layout(const cnn__tensors *file)
{
    uint64_t place = 0;
    for (size_t i = 0; i < file->count; i++) {
        const cnn__tensor_entry *entry = &file->entries[i];
        if (entry->begin != place) {
            char text[80];
            return cnn__fail(file->context, CNN_ERROR_FORMAT,
                             "%s: tensor \"%s\" begins at %" PRIu64 ", expected %" PRIu64 ": %s", file->name,
                             cnn__printable(entry->name, text, sizeof(text)), entry->begin, place,
                             entry->begin < place ? "tensors overlap" : "there is a hole");
        }
        place = entry->end;
    }
    uint64_t data = file->size - file->data;
    if (place != data) {
        return cnn__fail(file->context, place > data ? CNN_ERROR_TRUNCATED : CNN_ERROR_FORMAT,
                         "%s: %" PRIu64 " bytes of data, the header describes %" PRIu64, file->name, data, place);
    }
    return CNN_OK;
}

static cnn_status parse_entries(cnn__tensors *file)
{
    const cnn__json *root = file->header.root;
    CNN__RETURN_IF_ERROR(cnn__limit_tensors(file->context, file->name,
                                            cnn__json_count(root) - (cnn__json_get(root, "__metadata__") != NULL)));
    file->entries = cnn__alloc_array(file->context, cnn__json_count(root) + 1, sizeof(*file->entries));
    if (file->entries == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (const cnn__json *key = cnn__json_first(root); key != NULL; key = cnn__json_next(root, key)) {
        if (strcmp(key->text, "__metadata__") == 0) {
            file->metadata = cnn__json_is(key + 1, CNN__JSON_OBJECT) ? key + 1 : NULL;
            continue;
        }
        CNN__RETURN_IF_ERROR(parse_entry(file, key->text, key + 1, &file->entries[file->count]));
        file->count++;
    }
    sort_entries(file->entries, file->count);
    for (size_t i = 0; i < file->count; i++) {
        CNN__RETURN_IF_ERROR(cnn__table_add(&file->names, file->entries[i].name, i));
    }
    return check_layout(file);
}

static cnn_status parse_header(cnn__tensors *file)
{
    unsigned char bytes[8];
    uint64_t length = 0;
    if (file->size < sizeof(bytes)) {
        return cnn__fail(file->context, CNN_ERROR_TRUNCATED, "%s: %" PRIu64 " bytes, a header has at least 8",
                         file->name, file->size);
    }
    CNN__RETURN_IF_ERROR(cnn__tensors_read_at(file, 0, bytes, sizeof(bytes)));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        length |= (uint64_t)bytes[i] << (8 * i);
    }
    const uint64_t most = cnn__limit(file->context, CNN__LIMIT_HEADER_BYTES);
    if (length > most) {
        return cnn__fail(file->context, CNN_ERROR_LIMIT,
                         "%s: a header of %" PRIu64 " bytes, at most %" PRIu64
                         ": not a model file? Else " CNN__LIMIT_TEXT("header_bytes"),
                         file->name, length, most);
    }
    if (length > file->size - sizeof(bytes)) {
        return cnn__fail(file->context, CNN_ERROR_TRUNCATED, "%s: ends at byte %" PRIu64 " within its header",
                         file->name, file->size);
    }
    char *text = cnn__alloc(file->context, (size_t)length + 1);
    if (text == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = cnn__tensors_read_at(file, sizeof(bytes), text, (size_t)length);
    if (status == CNN_OK) {
        status = cnn__json_parse_own(file->context, file->name, "header", text, (size_t)length, &file->header);
    } else {
        cnn__free(file->context, text);
    }
    file->data = sizeof(bytes) + length;
    return status;
}

bool cnn__tensors_ours(const cnn__tensors *file)
{
    const char *format = cnn__json_text(cnn__json_get(file->metadata, "format"));
    return format != NULL && strncmp(format, CNN__TENSORS_FORMAT " ", strlen(CNN__TENSORS_FORMAT " ")) == 0;
}

/* Of this library's own files; what others keep under that name is theirs. */
static cnn_status parse_checksums(cnn__tensors *file)
{
    const cnn__json *text = cnn__json_get(file->metadata, "checksums");
    if (text == NULL || !cnn__tensors_ours(file)) {
        return CNN_OK;
    }
    if (!cnn__json_is(text, CNN__JSON_STRING)) {
        return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: the checksums are not text", file->name);
    }
    CNN__RETURN_IF_ERROR(
        cnn__json_parse(file->context, file->name, "checksums", text->text, text->size, &file->checksums));
    const cnn__json *root = file->checksums.root;
    for (const cnn__json *key = cnn__json_first(root); key != NULL; key = cnn__json_next(root, key)) {
        if (!cnn__json_is(key + 1, CNN__JSON_STRING)) {
            char name[80];
            return cnn__fail(file->context, CNN_ERROR_FORMAT, "%s: the checksum of tensor \"%s\" is not text",
                             file->name, cnn__printable(key->text, name, sizeof(name)));
        }
        CNN__RETURN_IF_ERROR(cnn__table_add(&file->sums, key->text, (size_t)(key + 1 - root)));
    }
    return CNN_OK;
}

static cnn_status open_common(cnn__tensors *file, const char *name)
{
    file->name = cnn__name_text(file->context, name);
    cnn__table_init(&file->names, file->context);
    cnn__table_init(&file->sums, file->context);
    cnn_status status = file->name != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = parse_header(file);
    }
    if (status == CNN_OK) {
        status = parse_entries(file);
    }
    if (status == CNN_OK) {
        status = parse_checksums(file);
    }
    if (status != CNN_OK) {
        cnn__tensors_close(file);
    }
    return status;
}

cnn_status cnn__tensors_open(cnn_context *context, const char *path, cnn__tensors *file)
{
    struct stat info;
    char name[512];
    *file = (cnn__tensors){.context = context, .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file->descriptor < 0) {
        return cnn__file_fail(context, path, "cannot be opened", errno);
    }
    cnn__printable(path, name, sizeof(name));
    if (fstat(file->descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        cnn__tensors_close(file);
        return cnn__fail(context, CNN_ERROR_IO, "%s: is not a regular file", name);
    }
    file->size = (uint64_t)info.st_size;
    if (file->size > cnn__limit(context, CNN__LIMIT_MODEL_BYTES)) {
        cnn__tensors_close(file);
        return cnn__fail(context, CNN_ERROR_LIMIT,
                         "%s: has %" PRIu64 " bytes, at most %" PRIu64 " are read, " CNN__LIMIT_TEXT("model_bytes"),
                         name, (uint64_t)info.st_size, cnn__limit(context, CNN__LIMIT_MODEL_BYTES));
    }
    return open_common(file, path);
}

cnn_status cnn__tensors_open_memory(cnn_context *context, const void *memory, size_t size, cnn__tensors *file)
{
    *file = (cnn__tensors){.context = context, .descriptor = -1, .memory = memory, .size = size};
    return open_common(file, "model in memory");
}

void cnn__tensors_close(cnn__tensors *file)
{
    if (file->descriptor >= 0) {
        close(file->descriptor);
    }
    cnn__json_free(&file->header);
    cnn__json_free(&file->checksums);
    cnn__table_free(&file->names);
    cnn__table_free(&file->sums);
    cnn__free(file->context, file->entries);
    cnn__free(file->context, file->name);
    *file = (cnn__tensors){.context = file->context, .descriptor = -1};
}

const cnn__tensor_entry *cnn__tensors_find(const cnn__tensors *file, const char *name)
{
    size_t index;
    return cnn__table_find(&file->names, name, &index) ? &file->entries[index] : NULL;
}
