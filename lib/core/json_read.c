/* SPDX-License-Identifier: MIT */
/* Reading JSON: one pass counts, so that memory is asked for once and is bounded; one pass parses in place. */
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/limits.h"
#include "core/table.h"
#include "core/text.h"

/* Objects of no more members are searched for duplicate keys pair by pair. */
#define FEW_MEMBERS 8

typedef struct parser {
    cnn_context *context;
    const char *name, *part;
    char *text, *at, *end; /* *end is a NUL */
    cnn__json *values;
    size_t count, capacity;
} parser;

static cnn_status refuse(const parser *p, const char *reason)
{
    return cnn__fail(p->context, CNN_ERROR_FORMAT, "%s: %s at byte %zu: %s", p->name, p->part,
                     (size_t)(p->at - p->text), reason);
}

/* The values of a text of this form, or more if it is none, and its deepest nesting: each value but the outermost comes
 * after a bracket, comma or colon. */
static size_t count_values(const char *text, size_t size, size_t *depth)
{
    size_t values = 1, now = 0;
    bool inside = false;
    char opened = '\0'; /* the bracket that nothing came after yet */
    *depth = 0;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (inside) {
            i += c == '\\';
            inside = c != '"';
        } else if (c == '{' || c == '[') {
            values++;
            now++;
            *depth = now > *depth ? now : *depth;
            opened = c;
        } else if (c == '}' || c == ']') {
            now -= now > 0;
            values -= opened == (c == '}' ? '{' : '[');
            opened = '\0';
        } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            inside = c == '"';
            values += c == ',' || c == ':';
            opened = '\0';
        }
    }
    return values;
}

static void skip_spaces(parser *p)
{
    while (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t') {
        p->at++;
    }
}

/* Four hexadecimal digits; UINT32_MAX if they are none. The NUL at the end is no digit. */
static uint32_t hex4(const char *digits)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const char c = digits[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) {
            return UINT32_MAX;
        }
        value = value << 4 | (uint32_t)digit;
    }
    return value;
}

static char *put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *out++ = (char)((0xff00U >> (more + 1) & 0xff) | code >> (6 * more));
    for (int i = more - 1; i >= 0; i--) {
        *out++ = (char)(0x80 | (code >> (6 * i) & 0x3f));
    }
    return out;
}

/* The escape after a backslash at p->at; what it stands for, at most as long, goes to *out. */
static cnn_status parse_escape(parser *p, char **out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char letter = p->at[1], *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found != NULL) {
        *(*out)++ = meant[found - letters];
        p->at += 2;
        return CNN_OK;
    }
    uint32_t code = letter == 'u' ? hex4(p->at + 2) : UINT32_MAX;
    if (code == UINT32_MAX) {
        return refuse(p, "not an escape");
    }
    size_t used = 6;
    if (code >= 0xd800 && code < 0xdc00) {
        const uint32_t low = p->at[6] == '\\' && p->at[7] == 'u' ? hex4(p->at + 8) : UINT32_MAX;
        if (low < 0xdc00 || low > 0xdfff) {
            return refuse(p, "half of a surrogate pair");
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        used = 12;
    } else if (code >= 0xdc00 && code < 0xe000) {
        return refuse(p, "half of a surrogate pair");
    }
    if (code == 0) {
        return refuse(p, "a NUL within text");
    }
    *out = put_utf8(*out, code);
    p->at += used;
    return CNN_OK;
}

/* Text from the quote at p->at on, made plain in its place. */
static cnn_status parse_string(parser *p, cnn__json *value)
{
    char *out = ++p->at;
    value->kind = CNN__JSON_STRING;
    value->text = out;
    while (*p->at != '"') {
        const unsigned char c = (unsigned char)*p->at;
        if (c < 0x20) {
            return refuse(p, p->at == p->end ? "ends within text" : "a control character within text");
        }
        if (c == '\\') {
            CNN__RETURN_IF_ERROR(parse_escape(p, &out));
        } else if (c < 0x80) {
            *out++ = *p->at++;
        } else {
            const size_t length = cnn__utf8_length(p->at, NULL);
            if (length == 0) {
                return refuse(p, "not UTF-8");
            }
            memmove(out, p->at, length);
            out += length;
            p->at += length;
        }
    }
    p->at++;
    value->size = (uint32_t)(out - value->text) & CNN__JSON_MAX_SIZE;
    *out = '\0';
    return CNN_OK;
}

static bool skip_digits(parser *p)
{
    const char *begin = p->at;
    while (*p->at >= '0' && *p->at <= '9') {
        p->at++;
    }
    return p->at > begin;
}

/* A number is kept as it is written: what reads it knows whether it wants a whole one. */
static cnn_status parse_number(parser *p, cnn__json *value)
{
    value->kind = CNN__JSON_NUMBER;
    value->text = p->at;
    p->at += *p->at == '-';
    const bool zero = *p->at == '0';
    const char *whole = p->at;
    bool good = skip_digits(p) && (!zero || p->at == whole + 1);
    if (good && *p->at == '.') {
        p->at++;
        good = skip_digits(p);
    }
    if (good && (*p->at == 'e' || *p->at == 'E')) {
        p->at++;
        p->at += *p->at == '+' || *p->at == '-';
        good = skip_digits(p);
    }
    value->size = (uint32_t)(p->at - value->text) & CNN__JSON_MAX_SIZE;
    return good ? CNN_OK : refuse(p, "not a number");
}

static bool take_word(parser *p, const char *word)
{
    const size_t length = strlen(word);
    const bool same = strncmp(p->at, word, length) == 0;
    p->at += same ? length : 0;
    return same;
}

static cnn_status check_pairs(const parser *p, const cnn__json *object)
{
    for (const cnn__json *key = cnn__json_first(object); key != NULL; key = cnn__json_next(object, key)) {
        for (const cnn__json *other = cnn__json_first(object); other != key; other = cnn__json_next(object, other)) {
            if (other->size == key->size && memcmp(other->text, key->text, key->size) == 0) {
                return refuse(p, "a duplicate key in the object that ends here");
            }
        }
    }
    return CNN_OK;
}

/* No key may be there twice: of two readers each could take another one. */
static cnn_status check_keys(const parser *p, const cnn__json *object)
{
    if (object->size <= FEW_MEMBERS) {
        return check_pairs(p, object);
    }
    cnn__table table;
    cnn_status status = CNN_OK;
    cnn__table_init(&table, p->context);
    for (const cnn__json *key = cnn__json_first(object); key != NULL && status == CNN_OK;
         key = cnn__json_next(object, key)) {
        status = cnn__table_add(&table, key->text, 0);
    }
    cnn__table_free(&table);
    return status == CNN_ERROR_INVALID_ARGUMENT ? refuse(p, "a duplicate key in the object that ends here") : status;
}

static cnn_status parse_value(parser *p);

/* A key and the colon after it. */
static cnn_status parse_key(parser *p)
{
    if (*p->at != '"') {
        return refuse(p, "expected a key in quotes");
    }
    if (p->count == p->capacity) {
        return refuse(p, "more than was counted");
    }
    cnn__json *key = &p->values[p->count++];
    key->span = 1;
    CNN__RETURN_IF_ERROR(parse_string(p, key));
    skip_spaces(p);
    if (*p->at != ':') {
        return refuse(p, "expected ':'");
    }
    p->at++;
    return CNN_OK;
}

/* What is between the brackets, and the closing one. The depth is known to be bounded. */
static cnn_status parse_container(parser *p, size_t index, char close)
{
    size_t count = 0;
    p->at++;
    skip_spaces(p);
    while (*p->at != close || count > 0) {
        if (close == '}') {
            skip_spaces(p);
            CNN__RETURN_IF_ERROR(parse_key(p));
        }
        CNN__RETURN_IF_ERROR(parse_value(p));
        count++;
        skip_spaces(p);
        if (*p->at != ',') {
            break;
        }
        p->at++;
    }
    if (*p->at != close) {
        return refuse(p, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    p->at++;
    if (close == '}' && count > CNN__JSON_MAX_MEMBERS) {
        return cnn__fail(p->context, CNN_ERROR_LIMIT, "%s: %s: an object of %zu members, at most %zu", p->name, p->part,
                         count, CNN__JSON_MAX_MEMBERS);
    }
    p->values[index].size = (uint32_t)count & CNN__JSON_MAX_SIZE;
    p->values[index].span = (uint32_t)(p->count - index);
    return close == '}' ? check_keys(p, &p->values[index]) : CNN_OK;
}

static cnn_status parse_value(parser *p)
{
    skip_spaces(p);
    const size_t index = p->count;
    if (index == p->capacity) {
        return refuse(p, "more than was counted");
    }
    cnn__json *value = &p->values[p->count++];
    *value = (cnn__json){.kind = CNN__JSON_NULL, .span = 1};
    switch (*p->at) {
    case '{':
        value->kind = CNN__JSON_OBJECT;
        return parse_container(p, index, '}');
    case '[':
        value->kind = CNN__JSON_ARRAY;
        return parse_container(p, index, ']');
    case '"':
        return parse_string(p, value);
    case 'n':
        return take_word(p, "null") ? CNN_OK : refuse(p, "not a value");
    case 't':
        value->kind = CNN__JSON_TRUE;
        return take_word(p, "true") ? CNN_OK : refuse(p, "not a value");
    case 'f':
        value->kind = CNN__JSON_FALSE;
        return take_word(p, "false") ? CNN_OK : refuse(p, "not a value");
    default:
        return *p->at == '-' || (*p->at >= '0' && *p->at <= '9') ? parse_number(p, value) : refuse(p, "not a value");
    }
}

static cnn_status parse_document(parser *p)
{
    size_t depth = 0;
    const size_t size = (size_t)(p->end - p->text);
    const size_t most_bytes = (size_t)cnn__limit(p->context, CNN__LIMIT_HEADER_BYTES);
    if (size > most_bytes) {
        return cnn__fail(p->context, CNN_ERROR_LIMIT,
                         "%s: %s: %zu bytes, at most %zu, " CNN__LIMIT_TEXT("header_bytes"), p->name, p->part, size,
                         most_bytes);
    }
    p->capacity = count_values(p->text, size, &depth);
    const size_t deepest = (size_t)cnn__limit(p->context, CNN__LIMIT_JSON_DEPTH);
    const size_t most = (size_t)cnn__limit(p->context, CNN__LIMIT_JSON_VALUES);
    if (depth > deepest || p->capacity > most) {
        const bool deep = depth > deepest;
        return cnn__fail(p->context, CNN_ERROR_LIMIT,
                         "%s: %s: %s %zu, at most %zu, the limit %s (--allow %s=N raises it)", p->name, p->part,
                         deep ? "depth" : "number of values", deep ? depth : p->capacity, deep ? deepest : most,
                         deep ? "json_depth" : "json_values", deep ? "json_depth" : "json_values");
    }
    p->values = cnn__alloc_array(p->context, p->capacity, sizeof(*p->values));
    if (p->values == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    CNN__RETURN_IF_ERROR(parse_value(p));
    skip_spaces(p);
    if (p->at != p->end) {
        return refuse(p, "more after the end");
    }
    return p->values[0].kind == CNN__JSON_OBJECT
               ? CNN_OK
               : cnn__fail(p->context, CNN_ERROR_FORMAT, "%s: %s is not an object", p->name, p->part);
}

cnn_status cnn__json_parse_own(cnn_context *context, const char *name, const char *part, char *text, size_t size,
                               cnn__json_document *document)
{
    parser p = {.context = context, .name = name, .part = part, .text = text, .at = text, .end = text + size};
    text[size] = '\0';
    cnn_status status = parse_document(&p);
    *document = (cnn__json_document){context, text, p.values, p.values};
    if (status != CNN_OK) {
        cnn__json_free(document);
    }
    return status;
}

cnn_status cnn__json_parse(cnn_context *context, const char *name, const char *part, const char *text, size_t size,
                           cnn__json_document *document)
{
    *document = (cnn__json_document){.context = context};
    char *copy = cnn__alloc(context, size + 1);
    if (copy == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(copy, text, size);
    return cnn__json_parse_own(context, name, part, copy, size, document);
}

void cnn__json_free(cnn__json_document *document)
{
    if (document->text != NULL) {
        cnn__free(document->context, document->values);
        cnn__free(document->context, document->text);
    }
    *document = (cnn__json_document){.context = document->context};
}

const cnn__json *cnn__json_first(const cnn__json *container)
{
    return cnn__json_count(container) > 0 ? container + 1 : NULL;
}

const cnn__json *cnn__json_next(const cnn__json *container, const cnn__json *element)
{
    const cnn__json *value = container->kind == CNN__JSON_OBJECT ? element + 1 : element, *next = value + value->span;
    return next < container + container->span ? next : NULL;
}

const cnn__json *cnn__json_get(const cnn__json *object, const char *key)
{
    if (!cnn__json_is(object, CNN__JSON_OBJECT)) {
        return NULL;
    }
    for (const cnn__json *member = cnn__json_first(object); member != NULL; member = cnn__json_next(object, member)) {
        if (strcmp(member->text, key) == 0) {
            return member + 1;
        }
    }
    return NULL;
}
