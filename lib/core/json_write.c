/* SPDX-License-Identifier: MIT */
/* Writing JSON without spaces. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/json.h"
#include "core/number.h"
#include "core/text.h"

static void append(cnn__json_writer *writer, const char *text)
{
    cnn__string_append(&writer->text, text, strlen(text));
}

/* The characters that JSON lets nobody write as they are; what is no UTF-8 becomes "\xNN". */
static void append_escaped(cnn__json_writer *writer, const char *text)
{
    static const char letters[] = "\"\\\b\f\n\r\t", written[] = "\"\\bfnrt";
    const char *plain = text; /* what has not been written yet begins here */
    while (*text != '\0') {
        const unsigned char c = (unsigned char)*text;
        const size_t length = c < 0x80 ? 1 : cnn__utf8_length(text, NULL);
        if (length > 0 && c >= 0x20 && c != '"' && c != '\\') {
            text += length;
            continue;
        }
        const char *letter = strchr(letters, *text);
        cnn__string_append(&writer->text, plain, (size_t)(text - plain));
        if (letter != NULL) {
            cnn__string_printf(&writer->text, "\\%c", written[letter - letters]);
        } else {
            cnn__string_printf(&writer->text, length > 0 ? "\\u%04X" : "\\\\x%02x", c);
        }
        plain = ++text;
    }
    cnn__string_append(&writer->text, plain, (size_t)(text - plain));
}

static void append_quoted(cnn__json_writer *writer, const char *text)
{
    append(writer, "\"");
    append_escaped(writer, text);
    append(writer, "\"");
}

/* What comes before a value: a comma unless it is the first, and its key. Text within quotes never ends a value. */
static void begin(cnn__json_writer *writer, const char *key)
{
    const char last = writer->text.size > 0 ? writer->text.data[writer->text.size - 1] : '[';
    if (last != '[' && last != '{' && last != ':') {
        append(writer, ",");
    }
    if (key != NULL) {
        append_quoted(writer, key);
        append(writer, ":");
    }
}

void cnn__json_open(cnn__json_writer *writer, const char *key, char bracket)
{
    begin(writer, key);
    cnn__string_append(&writer->text, &bracket, 1);
}

void cnn__json_close(cnn__json_writer *writer, char bracket) { cnn__string_append(&writer->text, &bracket, 1); }

void cnn__json_put_string(cnn__json_writer *writer, const char *key, const char *text)
{
    begin(writer, key);
    append_quoted(writer, text);
}

void cnn__json_put_bool(cnn__json_writer *writer, const char *key, bool value)
{
    begin(writer, key);
    append(writer, value ? "true" : "false");
}

void cnn__json_put_int(cnn__json_writer *writer, const char *key, int64_t value)
{
    begin(writer, key);
    cnn__string_printf(&writer->text, "%" PRId64, value);
}

void cnn__json_put_real(cnn__json_writer *writer, const char *key, double value)
{
    char text[32];
    begin(writer, key);
    if (!isfinite(value)) {
        append(writer, "null");
        return;
    }
    cnn__format_full(value, text);
    /* Exponents without plus and zeros in front, and a point in what would look like a whole number: files have always
     * had numbers so. */
    char *exponent = strchr(text, 'e');
    if (exponent != NULL) {
        char *digits = exponent + 1, *to = exponent + 1 + (*digits == '-');
        digits += 1 + strspn(digits + 1, "0");
        memmove(to, digits, strlen(digits) + 1);
    }
    append(writer, text);
    if (strpbrk(text, ".e") == NULL) {
        append(writer, ".0");
    }
}

void cnn__json_put_u64(cnn__json_writer *writer, const char *key, uint64_t value)
{
    begin(writer, key);
    cnn__string_printf(&writer->text, "\"%" PRIu64 "\"", value);
}
