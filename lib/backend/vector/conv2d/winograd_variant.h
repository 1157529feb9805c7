/* SPDX-License-Identifier: MIT */
/* The tile functions of one F(m x m, r x r): included once for each, with WINO_OUT, WINO_TAPS and WINO_ID set. */

#define WINO_SIDE (WINO_OUT + WINO_TAPS - 1)
#define WINO_JOIN_(name, id) name##_##id
#define WINO_JOIN(name, id) WINO_JOIN_(name, id)
#define WINO_FN(name) WINO_JOIN(name, WINO_ID)

static void WINO_FN(input)(const wino_image *image, int64_t n, int64_t y, int64_t x, int64_t ahead,
                           const wino_tile *tile)
{
    vec_f window[WINO_WINDOW(WINO_SIDE) * WINO_WINDOW(WINO_SIDE)];
    vec_f half[WINO_SIDE][WINO_SIDE];
    wino_spot spot;
    wino_find(&spot, WINO_SIDE, image, n, y, x);
    for (int64_t c = 0; c < tile->padded; c += VEC_WIDTH) {
        wino_prefetch(WINO_SIDE, image, &spot, ahead, tile->first + c);
        const wino_view view = wino_read(window, WINO_SIDE, image, &spot, tile->first + c);
        CONV_ROLLED
        for (size_t j = 0; j < WINO_SIDE; j++) {
            vec_f d[WINO_SIDE];
            for (size_t i = 0; i < WINO_SIDE; i++) {
                d[i] = vec_load(view.data + i * view.row + j * view.pixel);
            }
            wino_spread(half[j], d, WINO_SIDE);
        }
        float *to = tile->data + (size_t)(c / CONV_COLUMNS) * tile->block + (size_t)(c % CONV_COLUMNS);
        CONV_ROLLED
        for (size_t i = 0; i < WINO_SIDE; i++) {
            vec_f d[WINO_SIDE], v[WINO_SIDE];
            for (size_t j = 0; j < WINO_SIDE; j++) {
                d[j] = half[j][i];
            }
            wino_spread(v, d, WINO_SIDE);
            for (size_t j = 0; j < WINO_SIDE; j++, to += tile->plane) {
                vec_store(to, v[j]);
            }
        }
    }
}

static void WINO_FN(gradient)(const wino_image *image, int64_t n, int64_t y, int64_t x, int64_t ahead,
                              const wino_tile *tile, float *bias_sum)
{
    vec_f window[WINO_WINDOW(WINO_OUT) * WINO_WINDOW(WINO_OUT)];
    vec_f half[WINO_OUT][WINO_SIDE];
    wino_spot spot;
    wino_find(&spot, WINO_OUT, image, n, y, x);
    for (int64_t c = 0; c < tile->padded; c += VEC_WIDTH) {
        wino_prefetch(WINO_OUT, image, &spot, ahead, tile->first + c);
        const wino_view view = wino_read(window, WINO_OUT, image, &spot, tile->first + c);
        vec_f sum = vec_set1(0.0f);
        CONV_ROLLED
        for (size_t j = 0; j < WINO_OUT; j++) {
            vec_f d[WINO_OUT];
            for (size_t i = 0; i < WINO_OUT; i++) {
                d[i] = vec_load(view.data + i * view.row + j * view.pixel);
                sum += d[i];
            }
            wino_evaluate(half[j], d, WINO_SIDE, WINO_OUT, 0);
        }
        if (bias_sum != NULL) {
            vec_store(bias_sum + c, vec_load(bias_sum + c) + sum);
        }
        float *to = tile->data + (size_t)(c / CONV_COLUMNS) * tile->block + (size_t)(c % CONV_COLUMNS);
        CONV_ROLLED
        for (size_t i = 0; i < WINO_SIDE; i++) {
            vec_f d[WINO_OUT], v[WINO_SIDE];
            for (size_t j = 0; j < WINO_OUT; j++) {
                d[j] = half[j][i];
            }
            wino_evaluate(v, d, WINO_SIDE, WINO_OUT, 0);
            for (size_t j = 0; j < WINO_SIDE; j++, to += tile->plane) {
                vec_store(to, v[j]);
            }
        }
    }
}

static void WINO_FN(filter)(const float *g, float *u, size_t plane)
{
    vec_f half[WINO_TAPS][WINO_SIDE];
    for (size_t c = 0; c < CONV_COLUMNS; c += VEC_WIDTH) {
        CONV_ROLLED
        for (size_t j = 0; j < WINO_TAPS; j++) {
            vec_f d[WINO_TAPS];
            for (size_t i = 0; i < WINO_TAPS; i++) {
                d[i] = vec_load(g + (i * WINO_TAPS + j) * CONV_COLUMNS + c);
            }
            wino_evaluate(half[j], d, WINO_SIDE, WINO_TAPS, 1);
        }
        float *to = u + c;
        CONV_ROLLED
        for (size_t i = 0; i < WINO_SIDE; i++) {
            vec_f d[WINO_TAPS], v[WINO_SIDE];
            for (size_t j = 0; j < WINO_TAPS; j++) {
                d[j] = half[j][i];
            }
            wino_evaluate(v, d, WINO_SIDE, WINO_TAPS, 1);
            for (size_t j = 0; j < WINO_SIDE; j++, to += plane) {
                vec_store(to, v[j]);
            }
        }
    }
}

/* Products of one vector of channels to a tile of outputs, row by row. */
VEC_INLINE void WINO_FN(inverse)(const float *m, vec_f *tile)
{
    vec_f half[WINO_OUT][WINO_SIDE];
    CONV_ROLLED
    for (size_t i = 0; i < WINO_SIDE; i++) {
        vec_f v[WINO_SIDE], row[WINO_OUT];
        CONV_UNROLL
        for (size_t j = 0; j < WINO_SIDE; j++, m += CONV_COLUMNS) {
            v[j] = vec_load(m);
        }
        wino_interpolate(row, v, WINO_SIDE, WINO_OUT, 0);
        CONV_UNROLL
        for (size_t j = 0; j < WINO_OUT; j++) {
            half[j][i] = row[j];
        }
    }
    CONV_ROLLED
    for (size_t j = 0; j < WINO_OUT; j++) {
        vec_f column[WINO_OUT];
        wino_interpolate(column, half[j], WINO_SIDE, WINO_OUT, 0);
        CONV_UNROLL
        for (size_t i = 0; i < WINO_OUT; i++) {
            tile[i * WINO_OUT + j] = column[i];
        }
    }
}

/* Stores a tile of outputs, or with pooling a tile of cells, at pixel (y, x) of image n. */
VEC_INLINE void WINO_FN(store)(const vec_f *tile, const conv_output *out, int64_t n, int64_t y, int64_t x, int64_t c,
                               vec_f bias)
{
    const int64_t size = out->pool != 0 ? WINO_OUT / 2 : WINO_OUT;
    const int64_t rows = wino_min(size, out->h - y), columns = wino_min(size, out->w - x);
    const size_t lanes = (size_t)(out->c - c); /* a whole vector or what is left */
    for (int64_t i = 0; i < rows; i++) {
        size_t at = (size_t)(((n * out->h + y + i) * out->w + x) * out->c + c);
        for (int64_t j = 0; j < columns; j++, at += (size_t)out->c) {
            if (out->pool == 0) {
                conv_store(out, at, tile[i * WINO_OUT + j], lanes);
            } else {
                const vec_f *top = tile + 2 * i * WINO_OUT + 2 * j;
                const vec_f cell[4] = {top[0], top[1], top[WINO_OUT], top[WINO_OUT + 1]};
                conv_pool_store(out, at, cell, bias, lanes);
            }
        }
    }
}

/* Stores a tile of a mosaic: what lies between images is dropped. */
VEC_INLINE void WINO_FN(store_mosaic)(const vec_f *tile, const conv_output *out, const int64_t *rows,
                                      const int64_t *columns, int64_t c)
{
    const size_t lanes = (size_t)(out->c - c);
    for (int i = 0; i < WINO_OUT; i++) {
        for (int j = 0; j < WINO_OUT && rows[i] >= 0; j++) {
            if (columns[j] >= 0) {
                vec_store_n(out->y + rows[i] + columns[j] + c, tile[i * WINO_OUT + j], lanes);
            }
        }
    }
}

static void WINO_FN(output)(const float *m, const conv_output *shared, int64_t n, int64_t ty, int64_t tx, int64_t c,
                            int64_t count)
{
    const conv_output local = *shared; /* stores of bytes may alias what is not local */
    const conv_output *out = &local;
    const conv_mosaic *mosaic = &local.mosaic;
    const int64_t size = out->pool != 0 ? WINO_OUT / 2 : WINO_OUT; /* of a tile, as stored */
    int64_t row_at[WINO_OUT], column_at[WINO_OUT];
    if (mosaic->period_y != 0) {
        const int64_t one = out->h * out->w * out->c;
        conv_mosaic_offsets(ty * WINO_OUT, WINO_OUT, mosaic->period_y, mosaic->rows, out->h, mosaic->columns * one,
                            out->w * out->c, row_at);
        conv_mosaic_offsets(tx * WINO_OUT, WINO_OUT, mosaic->period_x, mosaic->columns, out->w, one, out->c, column_at);
    }
    for (int64_t i = 0; i < count; i += VEC_WIDTH, c += VEC_WIDTH) {
        const int64_t block = i / CONV_COLUMNS * (WINO_SIDE * WINO_SIDE * CONV_COLUMNS);
        vec_f tile[WINO_OUT * WINO_OUT];
        WINO_FN(inverse)(m + block + i % CONV_COLUMNS, tile);
        const vec_f bias = out->bias != NULL ? vec_load_n(out->bias + c, (size_t)(out->c - c)) : vec_set1(0.0f);
        if (out->pool == 0) {
            conv_activate(tile, WINO_OUT * WINO_OUT, bias, out);
        }
        if (mosaic->period_y != 0) {
            WINO_FN(store_mosaic)(tile, out, row_at, column_at, c);
        } else {
            WINO_FN(store)(tile, out, n, ty * size, tx * size, c, bias);
        }
    }
}

static void WINO_FN(filter_gradient)(const float *p, size_t plane, size_t part, size_t parts, float *g)
{
    for (size_t c = 0; c < CONV_COLUMNS; c += VEC_WIDTH) {
        vec_f half[WINO_SIDE][WINO_TAPS];
        const float *from = p + c;
        CONV_ROLLED
        for (size_t i = 0; i < WINO_SIDE; i++) {
            vec_f v[WINO_SIDE];
            for (size_t j = 0; j < WINO_SIDE; j++, from += plane) {
                v[j] = vec_load(from);
                for (size_t s = 1; s < parts; s++) {
                    v[j] += vec_load(from + s * part);
                }
            }
            wino_interpolate(half[i], v, WINO_SIDE, WINO_TAPS, 1);
        }
        CONV_ROLLED
        for (size_t j = 0; j < WINO_TAPS; j++) {
            vec_f v[WINO_SIDE], column[WINO_TAPS];
            for (size_t i = 0; i < WINO_SIDE; i++) {
                v[i] = half[i][j];
            }
            wino_interpolate(column, v, WINO_SIDE, WINO_TAPS, 1);
            for (size_t i = 0; i < WINO_TAPS; i++) {
                vec_store(g + (i * WINO_TAPS + j) * CONV_COLUMNS + c, column[i]);
            }
        }
    }
}

#undef WINO_FN
#undef WINO_JOIN
#undef WINO_JOIN_
#undef WINO_SIDE
#undef WINO_OUT
#undef WINO_TAPS
#undef WINO_ID
