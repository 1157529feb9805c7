/* SPDX-License-Identifier: MIT */
/* Values into another order of axes, in tiles, so that large matrices are read and written by the cache line. */
#include "exchange/weights.h"

/* Sides of a tile: 32 x 32 values of each side fit into the first cache. */
enum { TILE = 32 };

bool cnn__order_is_plain(const cnn__order *order)
{
    bool plain = true;
    for (uint32_t d = 0; d < order->from.rank; d++) {
        plain = plain && order->axes[d] == d;
    }
    return plain;
}

/* Two axes of the result are walked in tiles, `inner`, its last, and `other`, along which what is read lies without
 * gaps. They are one if the last axis stays the last. */
typedef struct walk {
    uint32_t rank, other;
    int64_t dims[CNN_MAX_RANK];    /* of the result */
    int64_t read[CNN_MAX_RANK];    /* distance in what is read for each axis of the result */
    int64_t written[CNN_MAX_RANK]; /* distance in the result */
} walk;

static void open_walk(const cnn__order *order, walk *w)
{
    int64_t distances[CNN_MAX_RANK], distance = 1;
    w->rank = order->from.rank;
    w->other = w->rank - 1;
    for (uint32_t d = w->rank; d-- > 0;) {
        distances[d] = distance;
        distance *= order->from.dims[d];
    }
    distance = 1;
    for (uint32_t d = w->rank; d-- > 0;) {
        w->dims[d] = order->from.dims[order->axes[d]];
        w->read[d] = distances[order->axes[d]];
        w->written[d] = distance;
        distance *= w->dims[d];
        w->other = order->axes[d] == w->rank - 1 ? d : w->other;
    }
}

static void copy_tile(const walk *w, const float *from, float *to, int64_t others, int64_t inners)
{
    const uint32_t inner = w->rank - 1;
    const int64_t read = w->read[inner], written = w->written[w->other], step = w->read[w->other];
    for (int64_t o = 0; o < others; o++) {
        for (int64_t i = 0; i < inners; i++) {
            to[o * written + i] = from[o * step + i * read];
        }
    }
}

/* All tiles of one plane of the two axes. */
static void copy_plane(const walk *w, const float *from, float *to)
{
    const uint32_t inner = w->rank - 1;
    const int64_t inners = w->dims[inner], others = w->other == inner ? 1 : w->dims[w->other];
    for (int64_t o = 0; o < others; o += TILE) {
        const int64_t rows = others - o < TILE ? others - o : TILE;
        for (int64_t i = 0; i < inners; i += TILE) {
            const int64_t columns = inners - i < TILE ? inners - i : TILE;
            copy_tile(w, from + o * w->read[w->other] + i * w->read[inner], to + o * w->written[w->other] + i, rows,
                      columns);
        }
    }
}

void cnn__reorder(const cnn__order *order, const float *from, float *to)
{
    walk w;
    int64_t at[CNN_MAX_RANK] = {0}, read = 0, written = 0;
    size_t values = 0;
    if (order->from.rank == 0 || !cnn__shape_values(&order->from, &values) || values == 0) {
        if (order->from.rank == 0) {
            to[0] = from[0];
        }
        return;
    }
    open_walk(order, &w);
    for (bool more = true; more;) {
        copy_plane(&w, from + read, to + written);
        more = false;
        for (uint32_t d = w.rank - 1; d-- > 0 && !more;) { /* the next plane: counts up all other axes */
            if (d == w.other) {
                continue;
            }
            more = ++at[d] < w.dims[d];
            read += more ? w.read[d] : -(at[d] - 1) * w.read[d];
            written += more ? w.written[d] : -(at[d] - 1) * w.written[d];
            at[d] = more ? at[d] : 0;
        }
    }
}
