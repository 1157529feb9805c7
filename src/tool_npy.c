/* SPDX-License-Identifier: MIT */
/* Arrays in NumPy's format 1.0: a dictionary in text, and the numbers. */
#include "tool_npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";

void tool_npy_header(FILE *file, const char *shape)
{
    char text[160];
    int size = snprintf(text, sizeof(text), "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
    const int whole = (10 + size + 1 + 63) / 64 * 64; /* the numbers begin at a multiple of 64 bytes */
    fwrite(magic, 1, 6, file);
    fwrite("\x01\x00", 1, 2, file);
    fputc((whole - 10) & 0xff, file);
    fputc((whole - 10) >> 8, file);
    fputs(text, file);
    for (; size < whole - 11; size++) {
        fputc(' ', file);
    }
    fputc('\n', file);
}

void tool_npy_values(FILE *file, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        const unsigned char bytes[] = {(unsigned char)bits, (unsigned char)(bits >> 8), (unsigned char)(bits >> 16),
                                       (unsigned char)(bits >> 24)};
        fwrite(bytes, 1, sizeof(bytes), file);
    }
}

/* What follows the key in the dictionary, without the blanks before it; NULL if it is not there. */
static const char *find_key(const char *text, const char *key)
{
    const char *found = strstr(text, key);
    if (found == NULL) {
        return NULL;
    }
    found += strlen(key);
    found += strspn(found, " ");
    if (*found != ':') {
        return NULL;
    }
    found++;
    return found + strspn(found, " ");
}

/* The numbers of a shape such as (3,) or (1, 1, 3), multiplied; 0 for what is none, or has more than `most`. */
static size_t read_shape(const char *text, size_t most)
{
    size_t count = 1;
    if (text == NULL || *text != '(') {
        return 0;
    }
    for (text++; *text != ')';) {
        char *end = NULL;
        const unsigned long side = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
        if (side == 0 || side > most || count * side > most) {
            return 0;
        }
        count *= side;
        text = end + strspn(end, ", ");
    }
    return count;
}

static double read_number(const unsigned char *bytes, size_t size)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) {
        bits |= (uint64_t)bytes[i] << 8 * i;
    }
    if (size == sizeof(double)) {
        double value;
        memcpy(&value, &bits, sizeof(value));
        return value;
    }
    const uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof(value));
    return (double)value;
}

/* The dictionary as text, with the file behind it. False if it is not one of NumPy's files. */
static bool read_dictionary(FILE *file, char *text, size_t room)
{
    unsigned char head[12];
    if (fread(head, 1, 10, file) != 10 || memcmp(head, magic, 6) != 0 || head[6] < 1 || head[6] > 3) {
        return false;
    }
    size_t size = (size_t)head[8] | (size_t)head[9] << 8;
    if (head[6] > 1) { /* four bytes of length since 2.0 */
        if (fread(head + 10, 1, 2, file) != 2) {
            return false;
        }
        size |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (size >= room || fread(text, 1, size, file) != size || memchr(text, '\0', size) != NULL) {
        return false;
    }
    text[size] = '\0';
    return true;
}

size_t tool_npy_read(FILE *file, double *values, size_t most)
{
    char text[1024];
    unsigned char bytes[sizeof(double)];
    if (!read_dictionary(file, text, sizeof(text))) {
        return 0;
    }
    const char *type = find_key(text, "'descr'");
    const size_t size = type == NULL                     ? 0
                        : strncmp(type, "'<f4'", 5) == 0 ? sizeof(float)
                        : strncmp(type, "'<f8'", 5) == 0 ? sizeof(double)
                                                         : 0;
    const size_t count = size > 0 ? read_shape(find_key(text, "'shape'"), most) : 0;
    for (size_t i = 0; i < count; i++) {
        if (fread(bytes, 1, size, file) != size) {
            return 0;
        }
        values[i] = read_number(bytes, size);
    }
    return count;
}
