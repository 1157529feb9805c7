/* SPDX-License-Identifier: MIT */
/* read_events FILE: checks lengths and checksums of an event file of TensorBoard, and prints a line for each thing:
 * "version TEXT", "start STEP", "scalar STEP TAG VALUE". Written from the format alone: it shares nothing with the
 * writer. Status 1 at the first byte that is wrong. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct span {
    const unsigned char *at, *end;
} span;

static void fail(const char *what)
{
    fprintf(stderr, "read_events: %s\n", what);
    exit(1);
}

/* Bit by bit. */
static uint32_t crc32c(const unsigned char *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < 8 * size; i++) {
        uint32_t bit = (bytes[i / 8] >> (i % 8) ^ crc) & 1;
        crc = (crc >> 1) ^ (bit ? UINT32_C(0x82f63b78) : 0);
    }
    return crc ^ UINT32_MAX;
}

static uint64_t little(span *s, size_t bytes)
{
    uint64_t value = 0;
    if ((size_t)(s->end - s->at) < bytes) {
        fail("the end comes too early");
    }
    for (size_t i = bytes; i-- > 0;) {
        value = value << 8 | s->at[i];
    }
    s->at += bytes;
    return value;
}

static uint64_t varint(span *s)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = little(s, 1);
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    fail("a number without end");
    return 0;
}

static span take(span *s, uint64_t size)
{
    if (size > (uint64_t)(s->end - s->at)) {
        fail("a length beyond the end");
    }
    span part = {s->at, s->at + size};
    s->at += size;
    return part;
}

/* The checksum stands behind what it is of, as the file's next four bytes. */
static void check(const unsigned char *bytes, size_t size, span *file)
{
    uint32_t crc = crc32c(bytes, size);
    if ((uint32_t)little(file, 4) != (uint32_t)((crc >> 15 | crc << 17) + UINT32_C(0xa282ead8))) {
        fail("a wrong checksum");
    }
}

static void print_value(span value, uint64_t step)
{
    if (varint(&value) != (1 << 3 | 2)) {
        fail("a value without a tag");
    }
    span tag = take(&value, varint(&value));
    if (varint(&value) != (2 << 3 | 5)) {
        fail("a value that is no scalar");
    }
    uint32_t bits = (uint32_t)little(&value, 4);
    float number = 0;
    memcpy(&number, &bits, sizeof(number));
    printf("scalar %llu %.*s %.9g\n", (unsigned long long)step, (int)(tag.end - tag.at), (const char *)tag.at,
           (double)number);
}

static void print_event(span event)
{
    uint64_t step = 0;
    bool timed = false;
    while (event.at < event.end) {
        uint64_t key = varint(&event);
        if (key == (1 << 3 | 1)) {
            uint64_t bits = little(&event, 8);
            double seconds = 0;
            memcpy(&seconds, &bits, sizeof(seconds));
            timed = seconds > 1.6e9 && seconds < 1e11;
        } else if (key == (2 << 3 | 0)) {
            step = varint(&event);
        } else if (key == (3 << 3 | 2)) {
            span text = take(&event, varint(&event));
            printf("version %.*s\n", (int)(text.end - text.at), (const char *)text.at);
        } else if (key == (5 << 3 | 2)) {
            for (span summary = take(&event, varint(&event)); summary.at < summary.end;) {
                if (varint(&summary) != (1 << 3 | 2)) {
                    fail("a summary with something else than values");
                }
                print_value(take(&summary, varint(&summary)), step);
            }
        } else if (key == (7 << 3 | 2)) {
            span session = take(&event, varint(&event));
            if (little(&session, 2) != (1 << 8 | 1 << 3)) {
                fail("a session that does not start");
            }
            printf("start %llu\n", (unsigned long long)step);
        } else {
            fail("a field that is unknown");
        }
    }
    if (!timed) {
        fail("an event without a time");
    }
}

int main(int count, char **arguments)
{
    static unsigned char bytes[1 << 20];
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    if (file == NULL) {
        fail("usage: read_events FILE");
        return 1;
    }
    span rest = {bytes, bytes + fread(bytes, 1, sizeof(bytes), file)};
    fclose(file);
    while (rest.at < rest.end) {
        const unsigned char *begin = rest.at;
        uint64_t size = little(&rest, 8);
        check(begin, 8, &rest);
        span event = take(&rest, size);
        check(event.at, (size_t)size, &rest);
        print_event(event);
    }
    return 0;
}
