/* SPDX-License-Identifier: MIT */
/* What lies in a folder, and the order of file names. */
#include "dataset/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cnn/image.h>

#include "core/error.h"
#include "core/text.h"

cnn_status cnn__fail_errno(const cnn_context *context, const char *path, const char *what, int error)
{
    char reason[128], name[512];
    cnn_status status = CNN_ERROR_IO;
    if (error == ENOENT || error == ENOTDIR || error == ENOMEM) {
        status = error == ENOENT ? CNN_ERROR_NOT_FOUND : error == ENOTDIR ? CNN_ERROR_FORMAT : CNN_ERROR_OUT_OF_MEMORY;
    }
    return cnn__fail(context, status, "%s: %s: %s", cnn__printable(path, name, sizeof(name)), what,
                     strerror_r(error, reason, sizeof(reason)));
}

char *cnn__path_join(cnn_context *context, const char *folder, const char *name)
{
    size_t folder_size = strlen(folder), name_size = strlen(name);
    char *path = cnn__alloc(context, folder_size + name_size + 2);
    if (path != NULL) {
        memcpy(path, folder, folder_size);
        if (folder_size > 0 && folder[folder_size - 1] != '/') {
            path[folder_size++] = '/';
        }
        memcpy(path + folder_size, name, name_size + 1);
    }
    return path;
}

/* Not tolower(): that depends on the locale. */
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

bool cnn__same_but_case(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

void cnn__passed_add(cnn__passed *passed, const cnn__passed *more)
{
    if (passed->count == 0) {
        memcpy(passed->first, more->first, sizeof(passed->first));
    }
    passed->count += more->count;
}

bool cnn__is_image_name(const char *name) { return cnn_image_name_format(name) != CNN_IMAGE_UNKNOWN; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Compares the numbers at *a and *b by value and moves both after them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t size_a = 0, size_b = 0;
    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    while (is_digit((*a)[size_a])) {
        size_a++;
    }
    while (is_digit((*b)[size_b])) {
        size_b++;
    }
    int order = size_a != size_b ? (size_a < size_b ? -1 : 1) : memcmp(*a, *b, size_a);
    *a += size_a;
    *b += size_b;
    return order;
}

int cnn__natural_compare(const char *a, const char *b)
{
    const char *left = a, *right = b;
    while (*left != '\0' && *right != '\0') {
        int order;
        if (is_digit(*left) && is_digit(*right)) {
            order = compare_numbers(&left, &right);
        } else {
            order = (int)(unsigned char)*left++ - (int)(unsigned char)*right++;
        }
        if (order != 0) {
            return order;
        }
    }
    if (*left != *right) {
        return *left == '\0' ? -1 : 1;
    }
    /* Equal but for leading zeros. */
    return strcmp(a, b);
}

const char *cnn__listing_name(const cnn__listing *listing, size_t index)
{
    return listing->names.data + listing->entries[index].name;
}

void cnn__listing_free(cnn__listing *listing)
{
    if (listing->context != NULL) {
        cnn__string_free(&listing->names);
        cnn__free(listing->context, listing->entries);
    }
    *listing = (cnn__listing){.context = NULL};
}

static int compare_entries(const void *a, const void *b, void *user)
{
    const char *names = user;
    return strcmp(names + ((const cnn__entry *)a)->name, names + ((const cnn__entry *)b)->name);
}

static cnn__entry_type type_of_mode(mode_t mode)
{
    return S_ISDIR(mode) ? CNN__ENTRY_FOLDER : S_ISREG(mode) ? CNN__ENTRY_FILE : CNN__ENTRY_OTHER;
}

/* An entry that cannot be examined: left out, or the end of the listing. */
static cnn_status fail_entry(cnn__listing *listing, const char *path, const char *entry, int error, bool skip)
{
    char name[256], folder[512], reason[64];
    const char *text = strerror_r(error, reason, sizeof(reason));
    if (!skip || error == ENOMEM) {
        return cnn__fail(listing->context, error == ENOMEM ? CNN_ERROR_OUT_OF_MEMORY : CNN_ERROR_IO,
                         "%s: entry \"%s\" cannot be examined: %s", cnn__printable(path, folder, sizeof(folder)),
                         cnn__printable(entry, name, sizeof(name)), text);
    }
    if (listing->left_out.count++ == 0) {
        snprintf(listing->left_out.first, sizeof(listing->left_out.first), "\"%s\" in %s: %s",
                 cnn__printable(entry, name, 96), cnn__printable(path, folder, 96), text);
    }
    return CNN_OK;
}

/* Most file systems say what an entry is; links and the rest are asked about. */
static cnn_status find_type(cnn__listing *listing, const char *path, DIR *folder, const struct dirent *entry, bool skip,
                            cnn__entry_type *type)
{
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
        *type = type_of_mode(DTTOIF(entry->d_type));
        return CNN_OK;
    }
    struct stat info;
    if (fstatat(dirfd(folder), entry->d_name, &info, 0) != 0) {
        return fail_entry(listing, path, entry->d_name, errno, skip);
    }
    *type = type_of_mode(info.st_mode);
    return CNN_OK;
}

static cnn_status reserve_entry(cnn__listing *listing)
{
    if (listing->count < listing->capacity) {
        return CNN_OK;
    }
    size_t capacity = listing->capacity < 64 ? 64 : listing->capacity * 2;
    cnn__entry *entries = cnn__realloc(listing->context, listing->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    listing->entries = entries;
    listing->capacity = capacity;
    return CNN_OK;
}

static cnn_status add_entry(cnn__listing *listing, const char *path, DIR *folder, const struct dirent *entry, bool skip)
{
    size_t name = listing->names.size;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
        return CNN_OK;
    }
    cnn__string_append(&listing->names, entry->d_name, strlen(entry->d_name) + 1);
    CNN__RETURN_IF_ERROR(listing->names.status);
    if (entry->d_name[0] == '.') {
        const char *first = listing->names.data + listing->first_hidden;
        if (listing->hidden++ == 0 || strcmp(entry->d_name, first) < 0) {
            listing->first_hidden = name;
        }
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(reserve_entry(listing));
    listing->entries[listing->count].name = name;
    const size_t before = listing->left_out.count;
    CNN__RETURN_IF_ERROR(find_type(listing, path, folder, entry, skip, &listing->entries[listing->count].type));
    listing->count += listing->left_out.count == before;
    return CNN_OK;
}

static cnn_status read_entries(cnn__listing *listing, const char *path, DIR *folder, bool skip)
{
    struct stat info;
    if (fstat(dirfd(folder), &info) != 0) {
        return cnn__fail_errno(listing->context, path, "cannot be examined", errno);
    }
    listing->device = info.st_dev;
    listing->node = info.st_ino;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            return errno == 0 ? CNN_OK : cnn__fail_errno(listing->context, path, "cannot be listed", errno);
        }
        CNN__RETURN_IF_ERROR(add_entry(listing, path, folder, entry, skip));
    }
}

cnn_status cnn__listing_read(cnn_context *context, const char *path, bool skip, cnn__listing *listing)
{
    *listing = (cnn__listing){.context = context, .names = {.context = context}};
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return cnn__fail_errno(context, path, "cannot be opened as a folder", errno);
    }
    cnn_status status = read_entries(listing, path, folder, skip);
    closedir(folder);
    if (status != CNN_OK) {
        cnn__listing_free(listing);
    } else if (listing->count > 0) {
        qsort_r(listing->entries, listing->count, sizeof(*listing->entries), compare_entries, listing->names.data);
    }
    return status;
}
