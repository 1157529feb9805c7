/* SPDX-License-Identifier: MIT */
/* Meetings of ranks, and batches put together from their shares. */
#include "train/ranks.h"

#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "loader/loader.h"
#include "loader/sampler.h"

/* ---- life ---- */

static cnn_status check_loader(const cnn__ranks *ranks, const cnn_loader *loader, const char *what)
{
    const cnn_communicator *c = &ranks->communicator;
    const cnn_loader_options *options = loader != NULL ? cnn__loader_options(loader) : NULL;
    if (options == NULL || (options->shard == c->rank && options->shards == c->size &&
                            (options->blocks == ranks->blocks || !ranks->fixed || cnn__is_alone(ranks)))) {
        return CNN_OK;
    }
    return cnn__fail(
        ranks->context, CNN_ERROR_INVALID_ARGUMENT,
        "the %s loader reads shard %u of %u, of %u blocks; the communicator is rank %u of %u, of %u blocks", what,
        (unsigned)options->shard, (unsigned)options->shards, (unsigned)options->blocks, (unsigned)c->rank,
        (unsigned)c->size, (unsigned)ranks->blocks);
}

/* Bytes of a sample in what is gathered. */
static size_t sample_size(const cnn__ranks *ranks, size_t targets)
{
    return (2 * ranks->outputs + targets + 1) * sizeof(float) + sizeof(int32_t);
}

/* Adds room for a batch of the loader. */
static bool make_room(cnn__ranks *ranks, const cnn_loader *loader)
{
    size_t bytes;
    if (loader == NULL) {
        return true;
    }
    const size_t each = sample_size(ranks, cnn_dataset_target_count(cnn_loader_dataset(loader)));
    if (!cnn__mul_size(each, cnn_loader_batch_size(loader), &bytes) ||
        !cnn__add_size(bytes, ranks->blocks * sizeof(*ranks->sums), &bytes)) {
        return false;
    }
    ranks->capacity = bytes > ranks->capacity ? bytes : ranks->capacity;
    const size_t batch = cnn_loader_batch_size(loader);
    ranks->room = batch > ranks->room ? batch : ranks->room;
    return true;
}

cnn_status cnn__ranks_create(cnn__ranks *ranks, cnn_context *context, const cnn_communicator *communicator,
                             uint32_t blocks, const cnn_loader *train, const cnn_loader *evaluation, size_t outputs)
{
    *ranks = (cnn__ranks){.context = context, .outputs = outputs, .fixed = blocks > 0};
    CNN__RETURN_IF_ERROR(cnn__communicator_copy(context, communicator, &ranks->communicator));
    const cnn_communicator *c = &ranks->communicator;
    ranks->blocks = blocks > 0 ? blocks : c->size;
    if (ranks->blocks < c->size) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "%u blocks are too few for %u ranks: each has one or more", (unsigned)blocks,
                         (unsigned)c->size);
    }
    ranks->first = cnn__first_block(ranks->blocks, c->rank, c->size);
    ranks->end = cnn__first_block(ranks->blocks, c->rank + 1, c->size);
    CNN__RETURN_IF_ERROR(check_loader(ranks, train, "training"));
    CNN__RETURN_IF_ERROR(check_loader(ranks, evaluation, "validation"));
    if (cnn__is_alone(ranks)) {
        return CNN_OK;
    }
    if (!make_room(ranks, train) || !make_room(ranks, evaluation)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "the outputs of a batch fit in no memory");
    }
    ranks->reports = cnn__alloc_array(context, c->size, sizeof(*ranks->reports));
    ranks->counts = cnn__alloc_array(context, c->size, sizeof(*ranks->counts));
    ranks->sizes = cnn__alloc_array(context, c->size, sizeof(*ranks->sizes));
    ranks->sums = cnn__alloc_array(context, ranks->blocks, sizeof(*ranks->sums));
    ranks->own_sums = cnn__alloc_array(context, ranks->blocks, sizeof(*ranks->own_sums));
    ranks->own = cnn__alloc(context, ranks->capacity);
    ranks->all = cnn__alloc(context, ranks->capacity);
    ranks->pieces = cnn__alloc(context, ranks->capacity);
    if (ranks->fixed) {
        ranks->block_outputs = cnn__alloc_array(context, ranks->room * 2 * outputs, sizeof(float));
    }
    return (ranks->block_outputs != NULL || !ranks->fixed) && ranks->reports != NULL && ranks->counts != NULL &&
                   ranks->sizes != NULL && ranks->sums != NULL && ranks->own_sums != NULL && ranks->own != NULL &&
                   ranks->all != NULL && ranks->pieces != NULL
               ? CNN_OK
               : CNN_ERROR_OUT_OF_MEMORY;
}

void cnn__ranks_free(cnn__ranks *ranks)
{
    if (ranks->context != NULL) {
        cnn__tree_free(&ranks->tree);
        cnn__free(ranks->context, ranks->reports);
        cnn__free(ranks->context, ranks->counts);
        cnn__free(ranks->context, ranks->sizes);
        cnn__free(ranks->context, ranks->sums);
        cnn__free(ranks->context, ranks->own_sums);
        cnn__free(ranks->context, ranks->own);
        cnn__free(ranks->context, ranks->all);
        cnn__free(ranks->context, ranks->pieces);
        cnn__free(ranks->context, ranks->block_outputs);
    }
}

/* ---- meetings ---- */

static cnn_status meet(cnn__ranks *ranks, const cnn__report *own)
{
    if (!cnn__has_peers(&ranks->communicator)) {
        if (ranks->reports != NULL) {
            ranks->reports[0] = *own;
        }
        return (cnn_status)own->status;
    }
    if (ranks->over) {
        return own->status != CNN_OK ? (cnn_status)own->status : CNN_ERROR_PEER;
    }
    bool told = own->status != CNN_OK;
    memset(ranks->reports, 0, ranks->communicator.size * sizeof(*ranks->reports));
    const cnn_status status = cnn__communicator_meet(ranks->context, &ranks->communicator, own, ranks->reports);
    for (uint32_t rank = 0; rank < ranks->communicator.size; rank++) {
        told = told || ranks->reports[rank].status != CNN_OK;
    }
    ranks->over = status != CNN_OK;
    ranks->lost = status != CNN_OK && !told;
    return status;
}

static bool any_stops(const cnn__ranks *ranks, bool own)
{
    for (uint32_t rank = 0; rank < ranks->communicator.size && ranks->reports != NULL; rank++) {
        own = own || ranks->reports[rank].stop;
    }
    return own;
}

cnn_status cnn__ranks_lose(cnn__ranks *ranks, cnn_status status)
{
    if (status == CNN_ERROR_PEER && !ranks->over) {
        ranks->over = ranks->lost = true;
    }
    return status;
}

cnn_status cnn__ranks_meet(cnn__ranks *ranks, cnn_status status)
{
    return meet(ranks, &(cnn__report){.status = (int32_t)status});
}

cnn_status cnn__ranks_agree(cnn__ranks *ranks, cnn_status status, bool *stop)
{
    CNN__RETURN_IF_ERROR(meet(ranks, &(cnn__report){.status = (int32_t)status, .stop = *stop}));
    *stop = any_stops(ranks, *stop);
    return CNN_OK;
}

cnn_status cnn__ranks_load(cnn__ranks *ranks, cnn_status status, const cnn_batch *batch, cnn_loader *loader, bool *stop)
{
    uint64_t left_out = 0;
    if (!cnn__has_peers(&ranks->communicator)) {
        ranks->whole = status == CNN_OK ? batch->whole : 0;
        ranks->samples = status == CNN_OK ? batch->count : 0;
        ranks->before = 0;
        if (ranks->counts != NULL) {
            ranks->counts[0] = ranks->samples;
        }
        return status;
    }
    cnn__report own = {.status = (int32_t)status, .stop = *stop, .left = cnn__loader_skipped_here(loader)};
    if (status == CNN_OK) {
        own.count = batch->count;
        own.whole = batch->whole;
    }
    CNN__RETURN_IF_ERROR(meet(ranks, &own));
    *stop = any_stops(ranks, *stop);
    ranks->whole = batch->whole;
    ranks->samples = ranks->before = 0;
    for (uint32_t rank = 0; rank < ranks->communicator.size; rank++) {
        const cnn__report *report = &ranks->reports[rank];
        if (report->whole != batch->whole || report->count > batch->whole) {
            return cnn__fail(ranks->context, CNN_ERROR_MISMATCH,
                             "rank %u reads a batch of %llu samples, rank %u one of %llu: their data differ",
                             (unsigned)ranks->communicator.rank, (unsigned long long)batch->whole, (unsigned)rank,
                             (unsigned long long)report->whole);
        }
        ranks->before += rank < ranks->communicator.rank ? report->count : 0;
        ranks->samples += report->count;
        ranks->counts[rank] = report->count;
        left_out += rank != ranks->communicator.rank ? report->left : 0;
    }
    cnn__loader_note_skipped(loader, left_out);
    return CNN_OK;
}

/* ---- batches ---- */

typedef struct array {
    const void **place; /* in a cnn__samples */
    size_t size;        /* of one sample */
} array;

enum { ARRAYS = 5 };

/* The arrays of `samples`, those that are there. */
static uint32_t list_arrays(const cnn__ranks *ranks, cnn__samples *samples, array arrays[ARRAYS])
{
    const size_t outputs = ranks->outputs * sizeof(float);
    uint32_t count = 0;
    arrays[count++] = (array){(const void **)&samples->outputs, outputs};
    if (samples->apart) {
        arrays[count++] = (array){(const void **)&samples->logits, outputs};
    }
    if (samples->labels != NULL) {
        arrays[count++] = (array){(const void **)&samples->labels, sizeof(*samples->labels)};
    }
    if (samples->targets != NULL) {
        arrays[count++] = (array){(const void **)&samples->targets, samples->target_count * sizeof(float)};
    }
    if (samples->weights != NULL) {
        arrays[count++] = (array){(const void **)&samples->weights, sizeof(*samples->weights)};
    }
    return count;
}

static size_t put(char *to, size_t at, const void *from, size_t size)
{
    if (size > 0) {
        memcpy(to + at, from, size);
    }
    return at + size;
}

/* Puts one array together from the ranks' pieces, which begin at starts[rank] and move behind them. */
static void join_array(const cnn__ranks *ranks, size_t size, size_t *starts, char *to)
{
    size_t at = 0;
    for (uint32_t rank = 0; rank < ranks->communicator.size; rank++) {
        const size_t bytes = ranks->counts[rank] * size;
        at = put(to, at, ranks->all + starts[rank], bytes);
        starts[rank] += bytes;
    }
}

/* From what was gathered to whole arrays; `sizes` become places in it. */
static void join_pieces(cnn__ranks *ranks, const array *arrays, uint32_t count)
{
    const cnn_communicator *c = &ranks->communicator;
    size_t at = 0;
    for (uint32_t rank = 0; rank < c->size; rank++) {
        const uint32_t first = cnn__first_block(ranks->blocks, rank, c->size);
        const size_t sums = (cnn__first_block(ranks->blocks, rank + 1, c->size) - first) * sizeof(*ranks->sums);
        const size_t size = ranks->sizes[rank];
        memcpy(&ranks->sums[first], ranks->all + at, sums);
        ranks->sizes[rank] = at + sums;
        at += size;
    }
    char *to = ranks->pieces;
    for (uint32_t i = 0; i < count; i++) {
        join_array(ranks, arrays[i].size, ranks->sizes, to);
        *arrays[i].place = to;
        to += ranks->samples * arrays[i].size;
    }
}

cnn_status cnn__ranks_gather(cnn__ranks *ranks, const cnn__samples *own, const cnn__block_sums *sums,
                             cnn__samples *whole)
{
    array arrays[ARRAYS];
    const cnn_communicator *c = &ranks->communicator;
    *whole = *own;
    if (!cnn__has_peers(c)) {
        memcpy(ranks->sums, sums, ranks->blocks * sizeof(*sums));
        return CNN_OK;
    }
    const uint32_t count = list_arrays(ranks, whole, arrays);
    size_t each = 0, at = put(ranks->own, 0, sums, (ranks->end - ranks->first) * sizeof(*sums));
    for (uint32_t i = 0; i < count; i++) {
        at = put(ranks->own, at, *arrays[i].place, own->count * arrays[i].size);
        each += arrays[i].size;
    }
    for (uint32_t rank = 0; rank < c->size; rank++) {
        const uint32_t blocks = cnn__first_block(ranks->blocks, rank + 1, c->size) -
                                cnn__first_block(ranks->blocks, rank, c->size);
        ranks->sizes[rank] = blocks * sizeof(*sums) + ranks->counts[rank] * each;
    }
    CNN__RETURN_IF_ERROR(cnn_communicator_gather(ranks->context, c, ranks->own, ranks->all, ranks->sizes));
    join_pieces(ranks, arrays, count);
    whole->count = ranks->samples;
    whole->logits = whole->apart ? whole->logits : whole->outputs;
    return CNN_OK;
}

/* Every second rank of the circle sends first: of any two or more that have samples one receives, and so all go on. */
cnn_status cnn__ranks_pass_on(cnn__ranks *ranks, const void *own, void *before, size_t size)
{
    const cnn_communicator *c = &ranks->communicator;
    uint32_t next = c->rank, last = c->rank, place = 0;
    if (cnn__has_peers(c)) {
        do {
            next = (next + 1) % c->size;
        } while (ranks->counts[next] == 0);
        do {
            last = (last + c->size - 1) % c->size;
        } while (ranks->counts[last] == 0);
    }
    if (next == c->rank) {
        memcpy(before, own, size);
        return CNN_OK;
    }
    for (uint32_t rank = 0; rank < c->rank; rank++) {
        place += ranks->counts[rank] > 0;
    }
    cnn_status status = place % 2 == 0 ? c->send(c->user, next, own, size) : c->receive(c->user, last, before, size);
    if (status == CNN_OK) {
        status = place % 2 == 0 ? c->receive(c->user, last, before, size) : c->send(c->user, next, own, size);
    }
    return status == CNN_OK ? CNN_OK
                            : cnn__fail(ranks->context, status, "rank %u of %u: a sample could not be exchanged: %s",
                                        (unsigned)c->rank, (unsigned)c->size, cnn_status_string(status));
}

/* Places grow, also where samples were left out. */
void cnn__ranks_block(const cnn__ranks *ranks, const cnn_batch *batch, uint32_t block, size_t *begin, size_t *end)
{
    const size_t from = cnn__block_begin(ranks->whole, block, ranks->blocks);
    const size_t to = cnn__block_begin(ranks->whole, block + 1, ranks->blocks);
    *begin = *end = 0;
    for (size_t i = 0; i < batch->count; i++) {
        *begin += batch->places[i] < from;
        *end += batch->places[i] < to;
    }
}

cnn__block_sums cnn__ranks_sums(const cnn__ranks *ranks)
{
    cnn__block_sums sum = {0, 0};
    for (uint32_t block = 0; block < ranks->blocks; block++) {
        sum.loss += ranks->sums[block].loss;
        sum.penalty += ranks->sums[block].penalty;
    }
    return sum;
}
