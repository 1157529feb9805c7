/* SPDX-License-Identifier: MIT */
/* Zip archives that are not trusted, stored or deflated, with 64-bit sizes. Opening checks the whole directory: that it
 * ends with the file and begins where the members end, that names are there once, that what it says of a member is what
 * stands before the member, that members neither overlap nor leave the file, and that none expands beyond what deflate
 * can. So two readers of an archive cannot see two different things in it. */
#ifndef CNN_EXCHANGE_ZIP_H
#define CNN_EXCHANGE_ZIP_H

#include "core/table.h"
#include "exchange/bytes.h"

/* Most members, and most bytes of the directory. */
#define CNN__ZIP_MEMBERS ((size_t)1 << 18)
#define CNN__ZIP_DIRECTORY ((uint64_t)1 << 28)

typedef struct cnn__zip_member {
    const char *name;
    uint64_t header, data;       /* places of its header and of its content */
    uint64_t packed, size;       /* bytes of the content in the file, and unpacked */
    uint32_t crc, method, flags; /* method: 0 stored, 8 deflated */
} cnn__zip_member;

typedef struct cnn__zip {
    cnn__bytes bytes;
    char *directory; /* with the names, each ended by a NUL */
    cnn__zip_member *members;
    size_t count;
    cnn__table names;
} cnn__zip;

/* Takes the bytes over, also on failure. */
cnn_status cnn__zip_open(cnn__bytes *bytes, cnn__zip *zip);
void cnn__zip_close(cnn__zip *zip);

/* NULL if there is none of that name. */
const cnn__zip_member *cnn__zip_find(const cnn__zip *zip, const char *name);

/* Hands out the whole content, with its checksum compared: what was handed out counts only if this succeeds. */
cnn_status cnn__zip_read(const cnn__zip *zip, const cnn__zip_member *member, cnn_write_function write, void *user);
/* The same into memory of member->size bytes. */
cnn_status cnn__zip_unpack(const cnn__zip *zip, const cnn__zip_member *member, void *data);

/* Fails with a message that names the archive and the member (NULL: none). */
cnn_status cnn__zip_refuse(const cnn__zip *zip, cnn_status status, const char *name, const char *what);

#endif
