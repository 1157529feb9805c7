/* SPDX-License-Identifier: MIT */
/* Event files: records of length, checksum, payload and checksum; each payload is a protocol buffer "Event". Of these
 * messages only the few fields that scalars need are written. */
#include "tool_tensorboard.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_SECONDS 2.0
#define MOST_BYTES 8192 /* of an event; what does not fit is left out */
#define MOST_TAG 160

/* Fields of the messages, as tensorboard/compat/proto has them. */
enum { EVENT_TIME = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2, SESSION_STATUS = 1, SESSION_START = 1 };
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct message {
    size_t size;
    unsigned char bytes[MOST_BYTES];
} message;

static void put_little(message *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes && to->size < MOST_BYTES; i++) {
        to->bytes[to->size++] = (unsigned char)(value >> (8 * i));
    }
}

static void put_varint(message *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        put_little(to, (value & 0x7f) | 0x80, 1);
    }
    put_little(to, value, 1);
}

static void put_key(message *to, unsigned field, unsigned wire) { put_varint(to, field << 3 | wire); }

static void put_bytes(message *to, unsigned field, const void *bytes, size_t size)
{
    put_key(to, field, WIRE_BYTES);
    put_varint(to, size);
    if (size <= MOST_BYTES - to->size) {
        memcpy(to->bytes + to->size, bytes, size);
        to->size += size;
    }
}

/* A value that does not exist is no point of the curve. */
static void put_scalar(message *summary, const char *tag, double value)
{
    const size_t length = strlen(tag);
    if (!isfinite(value) || length > MOST_TAG || MOST_BYTES - summary->size < MOST_TAG + 32) {
        return;
    }
    const float single = (float)value;
    uint32_t bits = 0;
    message inner = {.size = 0};
    memcpy(&bits, &single, sizeof(bits));
    put_bytes(&inner, VALUE_TAG, tag, length);
    put_key(&inner, VALUE_SIMPLE, WIRE_32);
    put_little(&inner, bits, 4);
    put_bytes(summary, SUMMARY_VALUE, inner.bytes, inner.size);
}

static void make_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
        table[i] = crc;
    }
}

/* CRC-32C, rotated and moved so that a checksum of bytes that hold checksums is no trivial one. */
static uint32_t masked_crc(const tool_events *events, const unsigned char *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc = events->table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void begin_event(message *event, uint64_t step)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const double time = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    uint64_t bits = 0;
    memcpy(&bits, &time, sizeof(bits));
    put_key(event, EVENT_TIME, WIRE_64);
    put_little(event, bits, 8);
    put_key(event, EVENT_STEP, WIRE_VARINT);
    put_varint(event, step);
}

static void write_record(tool_events *events, const message *event)
{
    message head = {.size = 0}, tail = {.size = 0};
    put_little(&head, event->size, 8);
    put_little(&head, masked_crc(events, head.bytes, 8), 4);
    put_little(&tail, masked_crc(events, event->bytes, event->size), 4);
    fwrite(head.bytes, 1, head.size, events->file);
    fwrite(event->bytes, 1, event->size, events->file);
    fwrite(tail.bytes, 1, tail.size, events->file);
}

static int event_failure(tool *run, const char *path, int error)
{
    char *name = tool_printable(path);
    int result = tool_fail(run, "--tensorboard: %s: %s", name, strerror(error));
    free(name);
    return result;
}

int tool_events_check(tool *run, const char *folder)
{
    struct stat there;
    if (stat(folder, &there) == 0) {
        int error = !S_ISDIR(there.st_mode) ? ENOTDIR : access(folder, W_OK | X_OK) != 0 ? errno : 0;
        return error == 0 ? TOOL_DONE : event_failure(run, folder, error);
    }
    char *parent = tool_format("%s/..", folder), *slash = NULL;
    if (parent == NULL) {
        return tool_fail_memory(run);
    }
    parent[strlen(folder)] = '\0';
    for (size_t size = strlen(parent); size > 1 && parent[size - 1] == '/'; size--) {
        parent[size - 1] = '\0';
    }
    slash = strrchr(parent, '/');
    if (slash != NULL) {
        slash[slash == parent ? 1 : 0] = '\0';
    }
    int error = access(slash != NULL ? parent : ".", W_OK | X_OK) != 0 ? errno : 0;
    free(parent);
    return error == 0 ? TOOL_DONE : event_failure(run, folder, error);
}

/* A name that no other run has. */
static int open_file(tool *run, tool_events *events, const char *folder)
{
    char host[64] = "localhost";
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return event_failure(run, folder, errno);
    }
    if (gethostname(host, sizeof(host) - 1) != 0 || strchr(host, '/') != NULL) {
        snprintf(host, sizeof(host), "localhost");
    }
    for (int i = 0; i < 1000; i++) {
        free(events->path);
        events->path = tool_format("%s/events.out.tfevents.%010lld.%s.%ld.%d", folder, (long long)time(NULL), host,
                                   (long)getpid(), i);
        if (events->path == NULL) {
            return tool_fail_memory(run);
        }
        int file = tool_open(events->path, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (file >= 0) {
            events->file = fdopen(file, "wb");
            return events->file != NULL ? TOOL_DONE : (tool_close(file), tool_fail_memory(run));
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return event_failure(run, events->path, errno);
}

static int begin_file(tool *run, tool_events *events, const char *folder, uint64_t step)
{
    static const char version[] = "brain.Event:2";
    int result = open_file(run, events, folder);
    if (result != TOOL_DONE) {
        return result;
    }
    make_table(events->table);
    message first = {.size = 0}, start = {.size = 0};
    begin_event(&first, 0);
    put_bytes(&first, EVENT_VERSION, version, sizeof(version) - 1);
    write_record(events, &first);
    if (step > 1) {
        const unsigned char status[] = {SESSION_STATUS << 3 | WIRE_VARINT, SESSION_START};
        begin_event(&start, step);
        put_bytes(&start, EVENT_SESSION, status, sizeof(status));
        write_record(events, &start);
    }
    return TOOL_DONE;
}

static int write_scalars(tool *run, tool_events *events, uint64_t step, const message *summary, bool flush)
{
    message event = {.size = 0};
    if (summary->size == 0) {
        return TOOL_DONE;
    }
    begin_event(&event, step);
    put_bytes(&event, EVENT_SUMMARY, summary->bytes, summary->size);
    write_record(events, &event);
    if (flush || tool_seconds() - events->flushed >= FLUSH_SECONDS) {
        fflush(events->file);
        events->flushed = tool_seconds();
    }
    return ferror(events->file) == 0 ? TOOL_DONE : event_failure(run, events->path, errno);
}

int tool_events_step(tool *run, tool_events *events, const char *folder, const cnn_progress *progress)
{
    int result = events->file != NULL ? TOOL_DONE : begin_file(run, events, folder, progress->total_steps);
    if (result != TOOL_DONE) {
        return result;
    }
    message summary = {.size = 0};
    put_scalar(&summary, "step/loss", progress->step_loss);
    put_scalar(&summary, "step/score", progress->step_score);
    put_scalar(&summary, "step/learning_rate", progress->learning_rate);
    put_scalar(&summary, "step/images_per_second", progress->images_per_second);
    return write_scalars(run, events, progress->total_steps, &summary, false);
}

int tool_events_epoch(tool *run, tool_events *events, const char *folder, const cnn_progress *progress)
{
    int result = events->file != NULL ? TOOL_DONE : begin_file(run, events, folder, progress->total_steps);
    if (result != TOOL_DONE) {
        return result;
    }
    message summary = {.size = 0};
    for (size_t i = 0; i < cnn_history_columns(progress->history); i++) {
        char tag[MOST_TAG];
        const char *column = cnn_history_column(progress->history, i);
        snprintf(tag, sizeof(tag), "epoch/%s", column);
        put_scalar(&summary, tag, cnn_history_value(progress->history, column, progress->epoch));
    }
    return write_scalars(run, events, progress->total_steps, &summary, true);
}

int tool_events_close(tool *run, tool_events *events)
{
    int result = TOOL_DONE;
    if (events->file != NULL && fclose(events->file) != 0) {
        result = event_failure(run, events->path, errno);
    }
    events->file = NULL;
    free(events->path);
    events->path = NULL;
    return result;
}
