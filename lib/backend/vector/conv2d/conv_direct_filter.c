/* SPDX-License-Identifier: MIT */
/* The direct filter gradient: for each kernel row, windows of x times rows of dy, summed over pixels. */
#include "backend/vector/conv2d/conv_direct_filter.h"
#include "backend/vector/conv2d/conv2d_kernels.h"

#define GRADIENT_TASKS 16                    /* parts times splits, if the shape allows it */
#define GRADIENT_SUMS ((size_t)8 << 20)      /* bytes of sums that more parts may take */
#define GRADIENT_MIN_COLUMNS 64              /* channels of a split */
#define GRADIENT_BAND_VALUES ((size_t)32768) /* of x and dy handled together: stays in the second-level cache */

static void plan_memory(direct_gradient *p, uint32_t threads, void *workspace)
{
    p->blocks = cnn__div_up((size_t)p->channels, CONV_COLUMNS);
    p->width = p->blocks * CONV_COLUMNS;
    p->sum_part = (size_t)p->depth * p->width;
    p->units = (size_t)(p->n * (p->sparse ? p->rows / 2 : p->rows));
    const size_t by_memory = cnn__max_size(1, GRADIENT_SUMS / (p->sum_part * sizeof(float)));
    p->parts = cnn__max_size(1, cnn__min_size(p->units, cnn__min_size(GRADIENT_TASKS, by_memory)));
    const size_t most = cnn__max_size(1, p->width / GRADIENT_MIN_COLUMNS);
    p->splits = cnn__min_size(most, GRADIENT_TASKS / p->parts);
    p->split_width = cnn__div_up(p->blocks, p->splits) * CONV_COLUMNS;
    /* By the width of all splits: fewer samples may have more splits, and must not ask for more memory. */
    const size_t row = (size_t)(p->x.width * p->x.c) + (size_t)p->columns * p->width;
    p->band = cnn__min_size(DIRECT_BAND_ROWS, cnn__max_size(1, GRADIENT_BAND_VALUES / row));
    const size_t touched = (size_t)direct_rows_touched(&p->x, (int64_t)p->band);
    const size_t pointers = cnn__div_up(touched * sizeof(float *), 64) * 64;
    const size_t dense = touched * direct_row_size(&p->x) + p->band * (size_t)p->columns * p->split_width;
    const size_t values = p->sparse ? CNN__VECTOR(cnn__direct_sparse_scratch)(p) : dense;
    p->scratch_size = cnn__div_up(pointers + values * sizeof(float), 64) * 64;
    const size_t sums = p->parts * (p->sum_part + p->width) * sizeof(float);
    p->workspace = sums + threads * p->scratch_size;
    p->sums = workspace;
    p->bias_sums = workspace == NULL ? NULL : p->sums + p->parts * p->sum_part;
    p->scratch = workspace == NULL ? NULL : (char *)workspace + sums;
}

static direct_gradient plan_gradient(const cnn_conv2d_shape *shape, uint32_t threads, void *workspace)
{
    const int64_t cell = shape->epilogue.pool != 0 ? 2 : 1;
    direct_gradient p = {.n = shape->n, .channels = shape->out_c, .pooled = shape->epilogue.pool != 0};
    p.rows = shape->out_h / cell * cell;
    p.columns = shape->out_w / cell * cell;
    p.sparse = CNN__VECTOR(cnn__direct_sparse_supports)(shape);
    p.x = (direct_source){.h = shape->in_h,
                          .w = shape->in_w,
                          .c = shape->in_c,
                          .pad_y = shape->pad_top,
                          .pad_x = shape->pad_left,
                          .stride_y = shape->stride_h,
                          .stride_x = shape->stride_w,
                          .dilation_y = shape->dilation_h,
                          .kernel_h = shape->kernel_h};
    direct_source_finish(&p.x, p.columns, shape->kernel_w, 0);
    p.dy = (direct_source){.h = shape->out_h,
                           .w = shape->out_w,
                           .c = shape->out_c,
                           .stride_y = 1,
                           .stride_x = 1,
                           .dilation_y = 1,
                           .kernel_h = 1};
    direct_source_finish(&p.dy, p.columns, 1, p.pooled);
    p.depth = p.x.kernel_h * p.x.row_length;
    plan_memory(&p, threads, workspace);
    return p;
}

/* Row y of dy, channels of a split: in place where whole blocks can be read there. */
static const float *gradient_row(const direct_gradient *p, int64_t n, int64_t y, cnn__range blocks, float *scratch)
{
    const size_t first = blocks.begin * CONV_COLUMNS, width = (blocks.end - blocks.begin) * CONV_COLUMNS;
    const direct_source *dy = &p->dy;
    if (!p->pooled && (size_t)p->channels == p->width) {
        return dy->data + (size_t)((n * dy->h + y) * dy->w * dy->c) + first;
    }
    for (int64_t x = 0; x < p->columns; x++) {
        const int64_t stored = p->pooled ? (n * dy->stored_h + y / 2) * dy->stored_w + x / 2
                                         : (n * dy->h + y) * dy->w + x;
        const int32_t place = (int32_t)(y % 2 * 2 + x % 2);
        const size_t at = (size_t)(stored * dy->c) + first;
        float *to = scratch + (size_t)x * width;
        for (size_t c = 0; c < width; c += VEC_WIDTH) {
            const size_t lanes = first + c < (size_t)dy->c ? (size_t)dy->c - first - c : 0;
            vec_f value = lanes > 0 ? vec_load_n(dy->data + at + c, lanes) : vec_set1(0.0f);
            if (p->pooled && lanes > 0) {
                value = vec_keep(conv_load_bytes(dy->argmax + at + c, lanes) == place, value);
            }
            vec_store(to + c, value);
        }
    }
    return scratch;
}

static void add_bias(const direct_gradient *p, const float *row, size_t step, size_t width, float *bias_sums)
{
    for (size_t c = 0; c < width; c += VEC_WIDTH) {
        vec_f sum = vec_load(bias_sums + c);
        for (int64_t x = 0; x < p->columns; x++) {
            sum += vec_load(row + (size_t)x * step + c);
        }
        vec_store(bias_sums + c, sum);
    }
}

/* Adds what `count` rows of dy from row y of image n on give to the sums. */
static void add_band(const direct_gradient *p, int64_t n, int64_t y, size_t count, cnn__range blocks, float *sums,
                     float *bias_sums, char *scratch)
{
    const direct_source *x = &p->x;
    const int64_t touched = direct_rows_touched(x, (int64_t)count);
    const size_t width = (blocks.end - blocks.begin) * CONV_COLUMNS;
    const float **rows = (const float **)scratch;
    float *copies = (float *)(scratch + cnn__div_up((size_t)touched * sizeof(float *), 64) * 64);
    float *dy_copies = copies + (size_t)touched * direct_row_size(x);
    const float *dy_rows[DIRECT_BAND_ROWS], *a[DIRECT_BAND_ROWS], *b[DIRECT_BAND_ROWS];
    conv_product product = {.a = a, .b = b, .length = (size_t)p->columns};
    product.a_step = (size_t)(x->stride_x * x->c);
    product.c_row = p->width;
    product.b_step = p->pooled || (size_t)p->channels != p->width ? width : (size_t)p->channels;
    for (int64_t i = 0; i < touched; i++) {
        rows[i] = direct_row(x, n, y * x->stride_y - x->pad_y + i, copies + (size_t)i * direct_row_size(x));
    }
    for (size_t i = 0; i < count; i++) {
        dy_rows[i] = gradient_row(p, n, y + (int64_t)i, blocks, dy_copies + i * (size_t)p->columns * width);
        add_bias(p, dy_rows[i], product.b_step, width, bias_sums);
    }
    const size_t length = (size_t)x->row_length;
    for (int64_t k = 0; k < x->kernel_h; k++) {
        product.pieces = 0;
        for (size_t i = 0; i < count; i++) {
            a[product.pieces] = rows[(int64_t)i * x->stride_y + k * x->dilation_y];
            b[product.pieces] = dy_rows[i];
            product.pieces += a[product.pieces] != NULL;
        }
        for (size_t block = 0; block < blocks.end - blocks.begin; block++) {
            product.b_offset = block * CONV_COLUMNS;
            product.c = sums + (size_t)k * length * p->width + block * CONV_COLUMNS;
            CNN__VECTOR(cnn__conv_tile_add)(&product, length);
        }
    }
}

static void sum_task(void *argument, size_t index, uint32_t worker)
{
    const direct_gradient *p = argument;
    const size_t part = index / p->splits;
    const cnn__range units = cnn__part_range(p->units, p->parts, part);
    const cnn__range blocks = cnn__part_range(p->blocks, p->splits, index % p->splits);
    const size_t first = blocks.begin * CONV_COLUMNS, width = (blocks.end - blocks.begin) * CONV_COLUMNS;
    float *sums = p->sums + part * p->sum_part + first, *bias_sums = p->bias_sums + part * p->width + first;
    char *scratch = p->scratch + worker * p->scratch_size;
    for (size_t row = 0; row < (size_t)p->depth; row++) {
        memset(sums + row * p->width, 0, width * sizeof(float));
    }
    memset(bias_sums, 0, width * sizeof(float));
    if (p->sparse) {
        CNN__VECTOR(cnn__direct_sparse_sums)(p, units, blocks, sums, bias_sums, (float *)scratch);
        return;
    }
    for (size_t unit = units.begin; unit < units.end;) {
        const size_t y = unit % (size_t)p->rows;
        const size_t count = cnn__min_size(p->band, cnn__min_size(units.end - unit, (size_t)p->rows - y));
        add_band(p, (int64_t)(unit / (size_t)p->rows), (int64_t)y, count, blocks, sums, bias_sums, scratch);
        unit += count;
    }
}

/* Adds the parts of rows [begin, end) of the filter matrix, in order. */
static void join_rows(const void *argument, size_t begin, size_t end)
{
    const direct_gradient *p = argument;
    for (size_t row = begin; row < end; row++) {
        for (size_t c = 0; c < (size_t)p->channels; c += VEC_WIDTH) {
            vec_f sum = vec_load(p->sums + row * p->width + c);
            for (size_t part = 1; part < p->parts; part++) {
                sum += vec_load(p->sums + part * p->sum_part + row * p->width + c);
            }
            vec_store_n(p->d_filters + row * (size_t)p->channels + c, sum, (size_t)p->channels - c);
        }
    }
}

size_t CNN__VECTOR(cnn__direct_filter_workspace)(const cnn_conv2d_shape *shape, uint32_t threads)
{
    return plan_gradient(shape, threads, NULL).workspace;
}

cnn_status CNN__VECTOR(cnn__direct_backward_filter)(const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    direct_gradient p = plan_gradient(&args->shape, call->threads, call->workspace);
    if (!cnn__has_workspace(call, p.workspace)) {
        return CNN_ERROR_BACKEND;
    }
    p.x.data = args->x;
    p.dy.data = args->dy;
    p.dy.argmax = args->shape.epilogue.pool != 0 ? args->argmax : NULL;
    p.d_filters = args->d_filters;
    call->parallel(call, p.parts * p.splits, sum_task, &p);
    cnn__for_spans(call, (size_t)p.depth, 16, join_rows, &p);
    for (int64_t c = 0; args->d_bias != NULL && c < p.channels; c++) {
        float sum = p.bias_sums[c];
        for (size_t part = 1; part < p.parts; part++) {
            sum += p.bias_sums[part * p.width + (size_t)c];
        }
        args->d_bias[c] = sum;
    }
    return CNN_OK;
}
