/* SPDX-License-Identifier: MIT */
/* Rows of features in a file.
 *
 *   header     what the features are of, and how many values a row has
 *   rows       as they were computed
 *   labels, groups, weights, sums and targets of all rows, one array after another
 *   footer     how many rows there are, and CRC-32 sums
 *
 * All of it in the byte order of the machine: a cache is computed anew elsewhere. Rows are checked when they are read,
 * everything else when the file is opened. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "features/features.h"

#define VERSION 1
#define BYTE_ORDER_MARK 0x01020304u

static const char magic[8] = {'c', 'n', 'n', 'f', 'e', 'a', 't', '\n'};

typedef struct file_header {
    char magic[8];
    uint32_t order, version;
    cnn__digest digest;
    uint64_t values, target_count;
    uint32_t reserved[2];
    uint32_t reserved_too, sum; /* of all before it */
} file_header;

typedef struct file_footer {
    uint64_t count;
    uint32_t arrays_sum, sum; /* sum: of all before it */
} file_footer;

_Static_assert(sizeof(file_header) == 64 && sizeof(file_footer) == 16, "no gaps, which would be written");

static uint32_t sum_of(uint32_t sum, const void *data, size_t size)
{
    return size > 0 ? (uint32_t)crc32_z(sum, (const Bytef *)data, size) : sum; /* of no data zlib begins anew */
}

/* The arrays after the rows, with the bytes of each. */
typedef struct part {
    void *data;
    size_t size;
} part;

enum { PARTS = 5 };

static void list_parts(const cnn__rows *rows, size_t count, part parts[PARTS])
{
    parts[0] = (part){rows->groups, count * sizeof(*rows->groups)};
    parts[1] = (part){rows->labels, count * sizeof(*rows->labels)};
    parts[2] = (part){rows->weights, count * sizeof(*rows->weights)};
    parts[3] = (part){rows->sums, count * sizeof(*rows->sums)};
    parts[4] = (part){rows->targets, count * rows->target_count * sizeof(*rows->targets)};
}

cnn_status cnn__rows_begin_file(const cnn__rows *rows, const cnn__digest *digest, cnn__writer *writer)
{
    file_header header = {.order = BYTE_ORDER_MARK,
                          .version = VERSION,
                          .digest = *digest,
                          .values = rows->values,
                          .target_count = rows->target_count};
    memcpy(header.magic, magic, sizeof(magic));
    header.sum = sum_of(0, &header, offsetof(file_header, sum));
    return cnn__writer_write(writer, &header, sizeof(header));
}

cnn_status cnn__rows_end_file(const cnn__rows *rows, cnn__writer *writer)
{
    part parts[PARTS];
    file_footer footer = {.count = rows->count};
    list_parts(rows, rows->count, parts);
    for (int i = 0; i < PARTS; i++) {
        footer.arrays_sum = sum_of(footer.arrays_sum, parts[i].data, parts[i].size);
        CNN__RETURN_IF_ERROR(cnn__writer_write(writer, parts[i].data, parts[i].size));
    }
    footer.sum = sum_of(0, &footer, offsetof(file_footer, sum));
    return cnn__writer_write(writer, &footer, sizeof(footer));
}

/* false: an error, or the file is shorter. */
static bool read_at(int descriptor, void *data, size_t size, uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(descriptor, (char *)data + done, size - done, (off_t)(offset + done));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

cnn_status cnn__rows_read(const cnn__rows *rows, size_t index, float *values)
{
    const size_t each = rows->values * sizeof(float);
    const bool sound = read_at(rows->descriptor, values, each, sizeof(file_header) + (uint64_t)index * each) &&
                       sum_of(0, values, each) == rows->sums[index];
    char name[512];
    return sound ? CNN_OK
                 : cnn__fail(rows->context, CNN_ERROR_FORMAT, "%s: row %zu of the features is damaged",
                             cnn__printable(rows->path, name, sizeof(name)), index);
}

static cnn_status is_other(cnn_context *context, const char *path)
{
    char name[512];
    return cnn__fail(context, CNN_ERROR_FORMAT, "%s: is there and is no file of features; it is left alone",
                     cnn__printable(path, name, sizeof(name)));
}

/* NULL: the header is that of fresh features; else what is wrong with them. */
static const char *check_header(const file_header *header, const cnn__digest *digest, const cnn__rows *rows)
{
    if (header->order != BYTE_ORDER_MARK || header->version != VERSION) {
        return "are of another machine or version";
    }
    if (header->sum != sum_of(0, header, offsetof(file_header, sum))) {
        return "are damaged";
    }
    const bool same = memcmp(&header->digest, digest, sizeof(*digest)) == 0 && header->values == rows->values &&
                      header->target_count == rows->target_count;
    return same ? NULL : "are of another model, other images or another preparation";
}

/* Reads what follows the rows; false: damaged. */
static bool read_arrays(cnn__rows *rows, int descriptor, uint64_t size)
{
    file_footer footer;
    part parts[PARTS];
    uint32_t sum = 0;
    if (size < sizeof(file_header) + sizeof(footer) ||
        !read_at(descriptor, &footer, sizeof(footer), size - sizeof(footer)) ||
        footer.sum != sum_of(0, &footer, offsetof(file_footer, sum)) || footer.count == 0 ||
        footer.count > rows->capacity) {
        return false;
    }
    list_parts(rows, (size_t)footer.count, parts);
    uint64_t offset = sizeof(file_header) + footer.count * (rows->values * sizeof(float));
    uint64_t whole = offset + sizeof(footer);
    for (int i = 0; i < PARTS; i++) {
        whole += parts[i].size;
    }
    for (int i = 0; i < PARTS && whole == size; i++) {
        if (!read_at(descriptor, parts[i].data, parts[i].size, offset)) {
            return false;
        }
        sum = sum_of(sum, parts[i].data, parts[i].size);
        offset += parts[i].size;
    }
    rows->count = (size_t)footer.count;
    return whole == size && sum == footer.arrays_sum;
}

/* Labels come from a file, and are used as indices. */
static bool labels_fit(const cnn__rows *rows, const cnn_dataset *like)
{
    const size_t classes = cnn_dataset_class_count(like);
    bool fit = true;
    for (size_t i = 0; i < rows->count && fit; i++) {
        fit = rows->labels[i] >= -1 && (rows->labels[i] < 0 || (size_t)rows->labels[i] < classes);
    }
    return fit;
}

static cnn_status open_there(cnn_context *context, const char *path, int *descriptor, uint64_t *size)
{
    struct stat info;
    *size = 0;
    *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*descriptor < 0) {
        return errno == ENOENT ? CNN_OK : cnn__file_fail(context, path, "cannot be opened", errno);
    }
    if (fstat(*descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(*descriptor);
        *descriptor = -1;
        return is_other(context, path);
    }
    *size = (uint64_t)info.st_size;
    return CNN_OK;
}

cnn_status cnn__rows_open_file(cnn_context *context, const char *path, const cnn__digest *digest, size_t capacity,
                               size_t values, const cnn_dataset *like, cnn__rows *rows, bool *fresh)
{
    file_header header;
    uint64_t size;
    int descriptor;
    *fresh = false;
    CNN__RETURN_IF_ERROR(cnn__rows_open(context, capacity, values, like, true, rows));
    rows->path = cnn__strdup(context, path);
    if (rows->path == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(open_there(context, path, &descriptor, &size));
    if (descriptor < 0) {
        return CNN_OK;
    }
    if (!read_at(descriptor, &header, sizeof(header), 0) || memcmp(header.magic, magic, sizeof(magic)) != 0) {
        close(descriptor);
        return is_other(context, path);
    }
    const char *fault = check_header(&header, digest, rows);
    if (fault == NULL && (!read_arrays(rows, descriptor, size) || !labels_fit(rows, like))) {
        fault = "are damaged";
    }
    if (fault == NULL) {
        rows->descriptor = descriptor;
        *fresh = true;
        return CNN_OK;
    }
    char name[512];
    close(descriptor);
    rows->count = 0;
    cnn__log(context, CNN_LOG_WARNING, "%s: the features there %s: they are computed anew",
             cnn__printable(path, name, sizeof(name)), fault);
    return CNN_OK;
}
