/* SPDX-License-Identifier: MIT */
/* The directory of a zip archive, and what stands before its members. */
#include "exchange/zip.h"

#include <string.h>

#include "core/limits.h"

/* Sizes of the parts without what varies, and their first bytes. */
enum { END = 22, END64 = 56, LOCATOR = 20, ENTRY = 46, HEADER = 30, COMMENT = 65535 };
#define END_MARK 0x06054b50u
#define END64_MARK 0x06064b50u
#define LOCATOR_MARK 0x07064b50u
#define ENTRY_MARK 0x02014b50u
#define HEADER_MARK 0x04034b50u

/* Deflate's best: 258 bytes for every 2 bits. */
#define EXPANSION 1032
#define LONGEST_NAME 1024

cnn_status cnn__zip_refuse(const cnn__zip *zip, cnn_status status, const char *name, const char *what)
{
    char text[200];
    return cnn__fail(zip->bytes.context, status, "%s: zip archive: %s%s%s%s", zip->bytes.name,
                     name != NULL ? "member \"" : "", name != NULL ? cnn__printable(name, text, sizeof(text)) : "",
                     name != NULL ? "\" " : "", what);
}

/* Where the directory lies. */
typedef struct directory {
    uint64_t offset, size, count;
} directory;

/* The end of an archive with 64-bit sizes, to which a locator right before the end points. */
static cnn_status read_end64(const cnn__zip *zip, uint64_t end, directory *d, uint64_t *begin)
{
    uint8_t b[END64];
    if (end < LOCATOR + END64) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "no end with 64-bit sizes");
    }
    CNN__RETURN_IF_ERROR(cnn__bytes_read(&zip->bytes, end - LOCATOR, b, LOCATOR));
    const uint64_t place = cnn__little64(b + 8);
    if (cnn__little32(b) != LOCATOR_MARK || place > end - LOCATOR - END64) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "no end with 64-bit sizes");
    }
    CNN__RETURN_IF_ERROR(cnn__bytes_read(&zip->bytes, place, b, END64));
    if (cnn__little32(b) != END64_MARK || cnn__little64(b + 24) != cnn__little64(b + 32)) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "a damaged end, or several parts");
    }
    *d = (directory){cnn__little64(b + 48), cnn__little64(b + 40), cnn__little64(b + 32)};
    *begin = place;
    return CNN_OK;
}

/* Finds the end of the archive, which is the end of the file but for a comment, and what it says of the directory
 * before it, which ends at *begin. */
static cnn_status find_end(const cnn__zip *zip, directory *d, uint64_t *begin)
{
    uint8_t *tail = NULL;
    const uint64_t size = zip->bytes.size;
    const size_t length = size < END + COMMENT ? (size_t)size : END + COMMENT;
    if (size < END) {
        return cnn__zip_refuse(zip, CNN_ERROR_TRUNCATED, NULL, "too short");
    }
    tail = cnn__alloc(zip->bytes.context, length);
    cnn_status status = tail != NULL ? cnn__bytes_read(&zip->bytes, size - length, tail, length)
                                     : CNN_ERROR_OUT_OF_MEMORY;
    size_t at = length - END + 1;
    bool found = false;
    while (status == CNN_OK && !found && at-- > 0) {
        found = cnn__little32(tail + at) == END_MARK && cnn__little16(tail + at + 20) == length - at - END;
    }
    *begin = size - length + at;
    if (status == CNN_OK && !found) {
        status = cnn__zip_refuse(zip, CNN_ERROR_TRUNCATED, NULL, "no end: it is cut, or something follows it");
    }
    if (status == CNN_OK) {
        const uint8_t *b = tail + at;
        *d = (directory){cnn__little32(b + 16), cnn__little32(b + 12), cnn__little16(b + 10)};
        const bool wide = d->offset == UINT32_MAX || d->size == UINT32_MAX || d->count == UINT16_MAX;
        status = wide                               ? read_end64(zip, *begin, d, begin)
                 : cnn__little16(b + 8) != d->count ? cnn__zip_refuse(zip, CNN_ERROR_UNSUPPORTED, NULL, "several parts")
                                                    : CNN_OK;
    }
    cnn__free(zip->bytes.context, tail);
    return status;
}

static cnn_status find_directory(const cnn__zip *zip, directory *d)
{
    uint64_t begin = 0;
    CNN__RETURN_IF_ERROR(find_end(zip, d, &begin));
    /* Between the directory and its end may lie what says where an end with 64-bit sizes is, though none is needed. */
    if (d->offset > begin || d->size > begin - d->offset ||
        (begin - d->offset - d->size != 0 && begin - d->offset - d->size != END64 + LOCATOR)) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "its directory is not where its end says");
    }
    return d->count > CNN__ZIP_MEMBERS || d->size > CNN__ZIP_DIRECTORY
               ? cnn__zip_refuse(zip, CNN_ERROR_LIMIT, NULL, "too many members")
               : CNN_OK;
}

/* Sizes that do not fit into 32 bits stand in an extra field, those alone and in this order. */
static bool read_wide(const uint8_t *extra, size_t size, cnn__zip_member *member)
{
    uint64_t *const values[] = {&member->size, &member->packed, &member->header};
    for (size_t at = 0; at + 4 <= size;) {
        const size_t length = cnn__little16(extra + at + 2);
        const uint8_t *field = extra + at + 4, *end = field + length;
        if (length > size - at - 4) {
            return false;
        }
        for (size_t i = 0; i < 3 && cnn__little16(extra + at) == 1; i++) {
            if (*values[i] == UINT32_MAX) {
                if (end - field < 8) {
                    return false;
                }
                *values[i] = cnn__little64(field);
                field += 8;
            }
        }
        at += 4 + length;
    }
    return true;
}

static cnn_status check_member(const cnn__zip *zip, const cnn__zip_member *m)
{
    if ((m->flags & 0x2041) != 0) {
        return cnn__zip_refuse(zip, CNN_ERROR_UNSUPPORTED, m->name, "is encrypted");
    }
    if (m->method != 0 && m->method != 8) {
        return cnn__zip_refuse(zip, CNN_ERROR_UNSUPPORTED, m->name, "is packed in a way that is not deflate");
    }
    if (m->method == 0 && m->packed != m->size) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, m->name, "is stored in another size than its own");
    }
    if (m->size / EXPANSION > m->packed) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, m->name, "expands further than deflate can");
    }
    return m->method == 8 && m->size > cnn__limit(zip->bytes.context, CNN__LIMIT_EXPANDED_BYTES)
               ? cnn__zip_refuse(zip, CNN_ERROR_LIMIT, m->name, "is too large, " CNN__LIMIT_TEXT("expanded_bytes"))
               : CNN_OK;
}

/* Reads one entry of the directory at *at; the name gets its NUL later. */
static cnn_status read_entry(cnn__zip *zip, const directory *d, size_t *at, size_t *name_size)
{
    const uint8_t *b = (const uint8_t *)zip->directory + *at;
    const size_t rest = (size_t)d->size - *at;
    if (rest < ENTRY || cnn__little32(b) != ENTRY_MARK) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "its directory is damaged");
    }
    const size_t name = cnn__little16(b + 28), extra = cnn__little16(b + 30), comment = cnn__little16(b + 32);
    if (name + extra + comment > rest - ENTRY || name == 0 || name > LONGEST_NAME ||
        memchr(b + ENTRY, '\0', name) != NULL) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "its directory is damaged, or has a name that is none");
    }
    cnn__zip_member *m = &zip->members[zip->count];
    *m = (cnn__zip_member){.name = (const char *)b + ENTRY,
                           .header = cnn__little32(b + 42),
                           .packed = cnn__little32(b + 20),
                           .size = cnn__little32(b + 24),
                           .crc = cnn__little32(b + 16),
                           .method = cnn__little16(b + 10),
                           .flags = cnn__little16(b + 8)};
    if (!read_wide(b + ENTRY + name, extra, m)) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "its directory is damaged");
    }
    *name_size = name;
    *at += ENTRY + name + extra + comment;
    return CNN_OK;
}

/* What stands before the content has to be what the directory says. */
static cnn_status check_header(const cnn__zip *zip, cnn__zip_member *m, const directory *d)
{
    uint8_t b[HEADER], name[LONGEST_NAME];
    const size_t size = strlen(m->name);
    if (m->header > d->offset || d->offset - m->header < HEADER) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, m->name, "lies outside");
    }
    CNN__RETURN_IF_ERROR(cnn__bytes_read(&zip->bytes, m->header, b, sizeof(b)));
    if (cnn__little32(b) != HEADER_MARK || cnn__little16(b + 26) != size || cnn__little16(b + 8) != m->method) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, m->name, "is another where it lies than in the directory");
    }
    m->data = m->header + HEADER + size + cnn__little16(b + 28);
    if (m->data > d->offset || m->packed > d->offset - m->data) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, m->name, "lies outside");
    }
    CNN__RETURN_IF_ERROR(cnn__bytes_read(&zip->bytes, m->header + HEADER, name, size));
    return memcmp(name, m->name, size) == 0
               ? CNN_OK
               : cnn__zip_refuse(zip, CNN_ERROR_FORMAT, m->name, "is another where it lies than in the directory");
}

/* Lets member `at` of a heap, the last of which comes first, sink to its place. */
static void sink(cnn__zip_member *members, size_t at, size_t count)
{
    const cnn__zip_member member = members[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && members[child].header < members[child + 1].header;
        if (member.header >= members[child].header) {
            break;
        }
        members[at] = members[child];
        at = child;
    }
    members[at] = member;
}

static cnn_status check_places(cnn__zip *zip)
{
    cnn__zip_member *members = zip->members;
    for (size_t i = zip->count / 2; i > 0; i--) {
        sink(members, i - 1, zip->count);
    }
    for (size_t last = zip->count; last > 1; last--) {
        const cnn__zip_member first = members[0];
        members[0] = members[last - 1];
        members[last - 1] = first;
        sink(members, 0, last - 1);
    }
    for (size_t i = 0; i < zip->count; i++) {
        if (i > 0 && members[i].header < members[i - 1].data + members[i - 1].packed) {
            return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, members[i].name, "overlaps another");
        }
        const cnn_status status = cnn__table_add(&zip->names, members[i].name, i);
        if (status != CNN_OK) {
            return status == CNN_ERROR_OUT_OF_MEMORY
                       ? status
                       : cnn__zip_refuse(zip, CNN_ERROR_FORMAT, members[i].name, "is there twice");
        }
    }
    return CNN_OK;
}

static cnn_status read_directory(cnn__zip *zip)
{
    directory d;
    size_t at = 0, name_size = 0;
    CNN__RETURN_IF_ERROR(find_directory(zip, &d));
    zip->directory = cnn__alloc(zip->bytes.context, (size_t)d.size + 1);
    zip->members = cnn__alloc_array(zip->bytes.context, (size_t)d.count + 1, sizeof(*zip->members));
    if (zip->directory == NULL || zip->members == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(cnn__bytes_read(&zip->bytes, d.offset, zip->directory, (size_t)d.size));
    char *last = NULL; /* where the NUL of the name before belongs: in what has been read */
    for (uint64_t i = 0; i < d.count; i++) {
        CNN__RETURN_IF_ERROR(read_entry(zip, &d, &at, &name_size));
        const char *name = zip->members[zip->count].name;
        if (last != NULL) {
            *last = '\0';
        }
        last = zip->directory + (name - zip->directory) + name_size;
        zip->count++;
    }
    if (last != NULL) {
        *last = '\0';
    }
    if (at != d.size) {
        return cnn__zip_refuse(zip, CNN_ERROR_FORMAT, NULL, "its directory has more than its members");
    }
    for (size_t i = 0; i < zip->count; i++) {
        CNN__RETURN_IF_ERROR(check_member(zip, &zip->members[i]));
        CNN__RETURN_IF_ERROR(check_header(zip, &zip->members[i], &d));
    }
    return check_places(zip);
}

cnn_status cnn__zip_open(cnn__bytes *bytes, cnn__zip *zip)
{
    *zip = (cnn__zip){.bytes = *bytes};
    cnn__table_init(&zip->names, bytes->context);
    *bytes = (cnn__bytes){.context = bytes->context, .descriptor = -1};
    const cnn_status status = read_directory(zip);
    if (status != CNN_OK) {
        cnn__zip_close(zip);
    }
    return status;
}

void cnn__zip_close(cnn__zip *zip)
{
    cnn__table_free(&zip->names);
    cnn__free(zip->bytes.context, zip->members);
    cnn__free(zip->bytes.context, zip->directory);
    cnn__bytes_close(&zip->bytes);
    zip->members = NULL;
    zip->directory = NULL;
    zip->count = 0;
}

const cnn__zip_member *cnn__zip_find(const cnn__zip *zip, const char *name)
{
    size_t index;
    return cnn__table_find(&zip->names, name, &index) ? &zip->members[index] : NULL;
}
