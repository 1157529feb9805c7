/* SPDX-License-Identifier: MIT */
/* Names that come from outside as text. */
#include "core/text.h"

#include <stdio.h>
#include <string.h>

#include "core/memory.h"

/* Code points that are shown of each name. */
#define SHOWN 3

size_t cnn__utf8_length(const char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    const size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (length == 0) {
        return 0;
    }
    uint32_t value = length == 1 ? p[0] : p[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80) { /* the NUL at the end too */
            return 0;
        }
        value = value << 6 | (p[i] & 0x3fU);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    if (code != NULL) {
        *code = value;
    }
    return length;
}

/* Bytes of the character that `text` begins with if it can stand as it is, else 0. */
static size_t plain_length(const char *text)
{
    uint32_t code = 0;
    const size_t length = cnn__utf8_length(text, &code);
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ? 0 : length;
}

bool cnn__is_plain_text(const char *bytes)
{
    while (*bytes != '\0') {
        const size_t length = plain_length(bytes);
        if (length == 0) {
            return false;
        }
        bytes += length;
    }
    return true;
}

/* Writes what stands for the first character or byte, at most 4 bytes; returns how many bytes of the name it is. */
static size_t put_character(const char *bytes, char out[5], size_t *put)
{
    const size_t length = plain_length(bytes);
    if (length == 0) {
        *put = (size_t)snprintf(out, 5, "\\x%02x", (unsigned)(unsigned char)*bytes);
        return 1;
    }
    memcpy(out, bytes, length);
    *put = length;
    return length;
}

char *cnn__name_text(cnn_context *context, const char *bytes)
{
    const size_t size = strlen(bytes);
    size_t room = 0, used = 0;
    if (!cnn__mul_size(size, 4, &room)) {
        room = SIZE_MAX; /* more than any memory holds: the allocation says so */
    }
    char *text = cnn__alloc(context, cnn__is_plain_text(bytes) ? size + 1 : room + 1);
    while (text != NULL && *bytes != '\0') {
        char character[5];
        size_t put;
        bytes += put_character(bytes, character, &put);
        memcpy(text + used, character, put);
        used += put;
    }
    if (text != NULL) {
        text[used] = '\0';
    }
    return text;
}

const char *cnn__printable(const char *bytes, char *text, size_t size)
{
    size_t used = 0;
    while (*bytes != '\0') {
        char character[5];
        size_t put;
        bytes += put_character(bytes, character, &put);
        if (used + put + 1 > size) {
            break;
        }
        memcpy(text + used, character, put);
        used += put;
    }
    text[used] = '\0';
    return text;
}

/* Appends up to SHOWN code points; characters that are no UTF-8 are shown by their byte. */
static void append_codes(const char *name, char *text, size_t size)
{
    for (int i = 0; i < SHOWN && *name != '\0'; i++) {
        uint32_t code = 0;
        const size_t length = cnn__utf8_length(name, &code), used = strlen(text);
        snprintf(text + used, size - used, length > 0 ? " U+%04X" : " byte 0x%02x",
                 length > 0 ? code : (unsigned)(unsigned char)*name);
        name += length > 0 ? length : 1;
    }
    if (strlen(text) + 4 < size && *name != '\0') {
        strcat(text, "...");
    }
}

const char *cnn__name_difference(const char *a, const char *b, char *text, size_t size)
{
    size_t character = 1;
    bool ascii = true;
    text[0] = '\0';
    for (const char *p = a; ascii && *p != '\0'; p++) {
        ascii = *p > ' ' && *p <= '~';
    }
    for (const char *p = b; ascii && *p != '\0'; p++) {
        ascii = *p > ' ' && *p <= '~';
    }
    if (ascii || size < 2 || strcmp(a, b) == 0) {
        return text;
    }
    while (*a == *b) {
        /* Names that differ end the loop before both end; within a character it goes on to the first that differs. */
        const size_t length = cnn__utf8_length(a, NULL), step = length > 0 ? length : 1;
        if (strncmp(a, b, step) != 0) {
            break;
        }
        a += step;
        b += step;
        character++;
    }
    snprintf(text, size, " (at character %zu:", character);
    append_codes(a, text, size);
    strncat(text, *a == '\0' ? " the end, not" : ", not", size - strlen(text) - 1);
    append_codes(b, text, size);
    strncat(text, *b == '\0' ? " the end)" : ")", size - strlen(text) - 1);
    return text;
}
