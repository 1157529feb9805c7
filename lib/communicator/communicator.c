/* SPDX-License-Identifier: MIT */
/* Collective calls, by the communicator's own functions or by messages in a binary tree of ranks. */
#include "communicator/communicator.h"

#include <string.h>

#include "core/error.h"
#include "core/options.h"

/* Values that are added at a time, on the stack. */
enum { DOUBLES = 1024, FLOATS = 4096 };

/* Ranks whose reports fit on the stack: one that is out of memory can still say so. */
enum { FEW = 64 };

#define DEFAULT_BLOCK ((size_t)1 << 20)

cnn_status cnn__communicator_copy(const cnn_context *context, const cnn_communicator *given, cnn_communicator *copy)
{
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_communicator", given, copy, sizeof(*copy)));
    copy->size = given == NULL ? 1 : copy->size;
    if (copy->size == 0 || copy->rank >= copy->size) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "communicator: rank %u of %u", (unsigned)copy->rank,
                         (unsigned)copy->size);
    }
    if (copy->size > 1 && (copy->send == NULL || copy->receive == NULL)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "communicator: needs the functions send and receive");
    }
    copy->block = copy->block == 0 ? DEFAULT_BLOCK : copy->block;
    return CNN_OK;
}

/* A failure of the transport, as a message of this context. */
static cnn_status failed(const cnn_context *context, const cnn_communicator *c, const char *what, cnn_status status)
{
    return status == CNN_OK ? CNN_OK
                            : cnn__fail(context, status, "communicator: rank %u of %u: %s: %s", (unsigned)c->rank,
                                        (unsigned)c->size, what, cnn_status_string(status));
}

/* ---- by messages ---- */

/* The ranks counted from `root` on: it is the tree's own. */
static uint32_t real_rank(const cnn_communicator *c, uint32_t root, uint32_t counted)
{
    return (uint32_t)(((uint64_t)counted + root) % c->size);
}

/* From the root down: each rank receives once, then hands on to ranks that are further and further away. */
static cnn_status broadcast(const cnn_communicator *c, uint32_t root, void *bytes, size_t size)
{
    const uint32_t counted = (uint32_t)(((uint64_t)c->rank + c->size - root) % c->size);
    uint64_t bit = 1;
    while (bit < c->size && (counted & bit) == 0) {
        bit <<= 1;
    }
    if (counted != 0) {
        CNN__RETURN_IF_ERROR(c->receive(c->user, real_rank(c, root, (uint32_t)(counted - bit)), bytes, size));
    }
    for (bit >>= 1; bit > 0; bit >>= 1) {
        if (counted + bit < c->size) {
            CNN__RETURN_IF_ERROR(c->send(c->user, real_rank(c, root, (uint32_t)(counted + bit)), bytes, size));
        }
    }
    return CNN_OK;
}

typedef void (*add_function)(void *sum, const void *term, size_t count);

static void add_doubles(void *sum, const void *term, size_t count)
{
    double *to = sum;
    const double *from = term;
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
    }
}

static void add_floats(void *sum, const void *term, size_t count)
{
    float *to = sum;
    const float *from = term;
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
    }
}

/* Up to rank 0, neighbours first, then down again. */
static cnn_status sum_piece(const cnn_communicator *c, void *values, void *room, size_t count, size_t size,
                            add_function add)
{
    for (uint64_t bit = 1; bit < c->size; bit <<= 1) {
        if ((c->rank & bit) != 0) {
            CNN__RETURN_IF_ERROR(c->send(c->user, (uint32_t)(c->rank - bit), values, count * size));
            break;
        }
        if (c->rank + bit < c->size) {
            CNN__RETURN_IF_ERROR(c->receive(c->user, (uint32_t)(c->rank + bit), room, count * size));
            add(values, room, count);
        }
    }
    return broadcast(c, 0, values, count * size);
}

static cnn_status sum_doubles(const cnn_communicator *c, double *values, size_t count)
{
    double room[DOUBLES];
    for (size_t at = 0; at < count; at += DOUBLES) {
        const size_t piece = count - at < DOUBLES ? count - at : DOUBLES;
        CNN__RETURN_IF_ERROR(sum_piece(c, values + at, room, piece, sizeof(double), add_doubles));
    }
    return CNN_OK;
}

static cnn_status sum_floats(const cnn_communicator *c, float *values, size_t count)
{
    float room[FLOATS];
    for (size_t at = 0; at < count; at += FLOATS) {
        const size_t piece = count - at < FLOATS ? count - at : FLOATS;
        CNN__RETURN_IF_ERROR(sum_piece(c, values + at, room, piece, sizeof(float), add_floats));
    }
    return CNN_OK;
}

static cnn_status gather(const cnn_communicator *c, const void *own, char *all, const size_t *sizes)
{
    size_t at = 0;
    for (uint32_t rank = 0; rank < c->size; at += sizes[rank], rank++) {
        if (rank == c->rank && sizes[rank] > 0) {
            memcpy(all + at, own, sizes[rank]);
        }
        if (rank != 0 && c->rank == 0 && sizes[rank] > 0) {
            CNN__RETURN_IF_ERROR(c->receive(c->user, rank, all + at, sizes[rank]));
        } else if (rank != 0 && c->rank == rank && sizes[rank] > 0) {
            CNN__RETURN_IF_ERROR(c->send(c->user, 0, own, sizes[rank]));
        }
    }
    return broadcast(c, 0, all, at);
}

/* ---- the public calls ---- */

/* Opens a call: *copy of size 1 means that there is nothing to do. */
static cnn_status begin(const cnn_context *context, const cnn_communicator *communicator, const char *call,
                        bool complete, cnn_communicator *copy)
{
    if (context == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    if (communicator == NULL || !complete) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: an argument is NULL", call);
    }
    return cnn__communicator_copy(context, communicator, copy);
}

cnn_status cnn_communicator_broadcast(const cnn_context *context, const cnn_communicator *communicator, uint32_t root,
                                      void *bytes, size_t size)
{
    cnn_communicator c;
    CNN__RETURN_IF_ERROR(begin(context, communicator, "cnn_communicator_broadcast", bytes != NULL || size == 0, &c));
    if (root >= c.size) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_communicator_broadcast: root %u of %u ranks",
                         (unsigned)root, (unsigned)c.size);
    }
    return cnn__has_peers(&c) && size > 0 ? failed(context, &c, "broadcast", broadcast(&c, root, bytes, size)) : CNN_OK;
}

cnn_status cnn_communicator_gather(const cnn_context *context, const cnn_communicator *communicator, const void *own,
                                   void *all, const size_t *sizes)
{
    cnn_communicator c;
    CNN__RETURN_IF_ERROR(begin(context, communicator, "cnn_communicator_gather", all != NULL && sizes != NULL, &c));
    if (own == NULL && sizes[c.rank] > 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_communicator_gather: an argument is NULL");
    }
    if (!cnn__has_peers(&c)) {
        if (sizes[0] > 0) {
            memcpy(all, own, sizes[0]);
        }
        return CNN_OK;
    }
    return failed(context, &c, "gather",
                  c.gather != NULL ? c.gather(c.user, own, all, sizes) : gather(&c, own, all, sizes));
}

cnn_status cnn_communicator_sum(const cnn_context *context, const cnn_communicator *communicator, double *values,
                                size_t count)
{
    cnn_communicator c;
    CNN__RETURN_IF_ERROR(begin(context, communicator, "cnn_communicator_sum", values != NULL || count == 0, &c));
    if (!cnn__has_peers(&c) || count == 0) {
        return CNN_OK;
    }
    return failed(context, &c, "sum", c.sum != NULL ? c.sum(c.user, values, count) : sum_doubles(&c, values, count));
}

cnn_status cnn_communicator_sum_floats(const cnn_context *context, const cnn_communicator *communicator, float *values,
                                       size_t count)
{
    cnn_communicator c;
    CNN__RETURN_IF_ERROR(begin(context, communicator, "cnn_communicator_sum_floats", values != NULL || count == 0, &c));
    if (!cnn__has_peers(&c) || count == 0) {
        return CNN_OK;
    }
    cnn_status status = cnn__communicator_begin_sum(&c, values, count);
    return failed(context, &c, "sum", status == CNN_OK ? cnn__communicator_end_sums(&c) : status);
}

cnn_status cnn__communicator_begin_sum(const cnn_communicator *c, float *values, size_t count)
{
    return c->on_gradients != NULL ? c->on_gradients(c->user, values, count) : sum_floats(c, values, count);
}

cnn_status cnn__communicator_end_sums(const cnn_communicator *c) { return c->wait != NULL ? c->wait(c->user) : CNN_OK; }

cnn_status cnn__communicator_meet(const cnn_context *context, const cnn_communicator *c, const cnn__report *own,
                                  cnn__report *all)
{
    size_t few[FEW] = {0}, *sizes = few;
    cnn_context *owner = (cnn_context *)context;
    if (c->size > FEW && (sizes = cnn__alloc_array(owner, c->size, sizeof(*sizes))) == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (uint32_t rank = 0; rank < c->size; rank++) {
        sizes[rank] = sizeof(*own);
    }
    cnn_status status = cnn_communicator_gather(context, c, own, all, sizes);
    if (sizes != few) {
        cnn__free(owner, sizes);
    }
    CNN__RETURN_IF_ERROR(status);
    for (uint32_t rank = 0; rank < c->size && own->status == CNN_OK; rank++) {
        if (all[rank].status != CNN_OK) {
            return cnn__fail(context, CNN_ERROR_PEER, "rank %u of %u failed: %s", (unsigned)rank, (unsigned)c->size,
                             cnn_status_string((cnn_status)all[rank].status));
        }
    }
    return (cnn_status)own->status;
}

cnn_status cnn_communicator_agree(const cnn_context *context, const cnn_communicator *communicator, cnn_status status)
{
    cnn_communicator c;
    CNN__RETURN_IF_ERROR(begin(context, communicator, "cnn_communicator_agree", true, &c));
    if (!cnn__has_peers(&c)) {
        return status;
    }
    cnn__report few[FEW], *all = few;
    if (c.size > FEW && (all = cnn__alloc_array((cnn_context *)context, c.size, sizeof(*all))) == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    const cnn__report own = {.status = (int32_t)status};
    const cnn_status result = cnn__communicator_meet(context, &c, &own, all);
    if (all != few) {
        cnn__free((cnn_context *)context, all);
    }
    return result;
}
