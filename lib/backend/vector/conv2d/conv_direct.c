/* SPDX-License-Identifier: MIT */
/* Direct convolution, forward and to the input. A gradient of a strided convolution is one convolution for each phase:
 * pixels of dx that are a stride apart meet the same values of the kernel, those of other phases meet others. */
#include "backend/vector/conv2d/conv_direct.h"
#include "backend/vector/conv2d/conv2d_kernels.h"

#define DIRECT_BANDS 64            /* tasks wanted */
#define DIRECT_MIN_PIXELS 48       /* of a task: fewer reread the filters more often than they are worth */
#define DIRECT_MIN_TASKS 16        /* below this, tasks are divided by output channels too */
#define DIRECT_SMALL_FILTERS 16384 /* bytes */
#define DIRECT_AHEAD 8             /* pixels of outputs that are asked for before they are written */
#define DIRECT_PACK_ROWS 64        /* rows of the filter matrix that one task packs */

/* The values of a kernel along one axis that the targets first, first + step, ... meet: from `tap` on, `step` apart. */
typedef struct direct_phase {
    int64_t first, step, targets;
    int64_t tap, taps;
    int64_t pad; /* before the source's first row or column, for the first target */
} direct_phase;

typedef struct direct_pass {
    direct_source source;
    conv_output out;
    const float *filters;
    int turned;                       /* 1: filters are rotated by 180 degrees and their channels exchanged */
    direct_phase y, x;                /* of turned filters */
    int64_t n, rows, columns;         /* windows that are computed */
    size_t origin, image, row, pixel; /* of outputs, in values: before the first, from one to the next */
    int64_t unit;                     /* rows computed together: 2 with pooling */
    int64_t kernel_w;                 /* of turned filters, all phases together */
    int64_t channels, depth;          /* of the product: output channels, kernel rows * row_length */
    size_t blocks, bands, splits;     /* of CONV_COLUMNS channels; of units in an image; of blocks */
    int64_t touched;                  /* most rows that a band touches */
    size_t sums_size;                 /* values */
    float *packed;                    /* [block][depth][CONV_COLUMNS]; only read once it is filled */
    size_t packed_size;               /* bytes */
    char *scratch;                    /* of each worker: rows, sums, row pointers */
    size_t scratch_size, workspace;
} direct_pass;

static void plan_memory(direct_pass *p, uint32_t threads, void *workspace)
{
    const int64_t units = cnn__max_i64(1, p->rows / p->unit);
    const int64_t least = cnn__max_i64(1, DIRECT_MIN_PIXELS / cnn__max_i64(1, p->columns * p->unit));
    p->depth = p->source.kernel_h * p->source.row_length;
    p->blocks = cnn__div_up((size_t)p->channels, CONV_COLUMNS);
    p->bands = cnn__div_up(DIRECT_BANDS, (size_t)p->n);
    p->bands = cnn__max_size(1, cnn__min_size(p->bands, (size_t)(units / least)));
    p->splits = cnn__min_size(p->blocks, cnn__div_up(DIRECT_MIN_TASKS, p->bands * (size_t)p->n));
    p->touched = direct_rows_touched(&p->source, p->unit * (int64_t)cnn__div_up((size_t)units, p->bands));
    const size_t rows = p->source.copies ? (size_t)p->touched * direct_row_size(&p->source) : 0;
    const size_t pointers = cnn__div_up((size_t)p->touched * sizeof(float *), 64) * 64;
    p->sums_size = (size_t)(p->unit * p->columns) * CONV_COLUMNS;
    p->scratch_size = pointers + (rows + p->sums_size) * sizeof(float);
    p->packed_size = p->blocks * (size_t)p->depth * CONV_COLUMNS * sizeof(float);
    p->workspace = p->packed_size + threads * p->scratch_size;
    p->packed = workspace;
    p->scratch = workspace == NULL ? NULL : (char *)workspace + p->packed_size;
}

/* Filters that were packed before take no workspace. */
static void use_prepared(direct_pass *p, const void *prepared, void *workspace)
{
    p->packed = (float *)prepared;
    p->scratch = workspace;
    p->workspace -= p->packed_size;
}

static direct_pass plan_forward(const cnn_conv2d_shape *shape, uint32_t threads, void *workspace)
{
    const int64_t cell = shape->epilogue.pool != 0 ? 2 : 1;
    direct_pass p = {.n = shape->n, .unit = cell, .channels = shape->out_c};
    p.rows = shape->out_h / cell * cell;
    p.columns = shape->out_w / cell * cell;
    p.source = (direct_source){.h = shape->in_h,
                               .w = shape->in_w,
                               .c = shape->in_c,
                               .pad_y = shape->pad_top,
                               .pad_x = shape->pad_left,
                               .stride_y = shape->stride_h,
                               .stride_x = shape->stride_w,
                               .dilation_y = shape->dilation_h,
                               .kernel_h = shape->kernel_h};
    direct_source_finish(&p.source, p.columns, shape->kernel_w, 0);
    p.pixel = (size_t)shape->out_c;
    p.row = (size_t)(shape->out_w / cell) * p.pixel;
    p.image = (size_t)(shape->out_h / cell) * p.row;
    p.out = (conv_output){.h = shape->out_h / cell,
                          .w = shape->out_w / cell,
                          .c = shape->out_c,
                          .activation = shape->epilogue.activation,
                          .alpha = shape->epilogue.alpha,
                          .pool = shape->epilogue.pool};
    plan_memory(&p, threads, workspace);
    return p;
}

static direct_phase phase_of(int64_t first, int64_t stride, int64_t dilation, int64_t pad, int64_t kernel, int64_t size)
{
    direct_phase phase = {.first = first, .step = stride, .tap = (first + pad) % stride};
    phase.targets = first < size ? cnn__ceil_div(size - first, stride) : 0;
    phase.taps = phase.tap < kernel ? (kernel - 1 - phase.tap) / stride + 1 : 0;
    phase.pad = (phase.taps - 1) * dilation - (first + pad - phase.tap) / stride;
    return phase;
}

/* The gradient of the input is the convolution of dy with turned filters; `index` is that of the phase. */
static direct_pass plan_backward(const cnn_conv2d_shape *shape, int64_t index, uint32_t threads, void *workspace)
{
    direct_pass p = {.n = shape->n, .unit = 1, .channels = shape->in_c, .turned = 1, .kernel_w = shape->kernel_w};
    p.y = phase_of(index / shape->stride_w, shape->stride_h, shape->dilation_h, shape->pad_top, shape->kernel_h,
                   shape->in_h);
    p.x = phase_of(index % shape->stride_w, shape->stride_w, 1, shape->pad_left, shape->kernel_w, shape->in_w);
    p.rows = p.y.targets;
    p.columns = p.x.targets;
    p.pixel = (size_t)(shape->stride_w * shape->in_c);
    p.row = (size_t)(shape->stride_h * shape->in_w * shape->in_c);
    p.image = (size_t)(shape->in_h * shape->in_w * shape->in_c);
    p.origin = (size_t)((p.y.first * shape->in_w + p.x.first) * shape->in_c);
    p.source = (direct_source){.h = shape->out_h,
                               .w = shape->out_w,
                               .c = shape->out_c,
                               .pad_y = p.y.pad,
                               .pad_x = p.x.pad,
                               .stride_y = 1,
                               .stride_x = 1,
                               .dilation_y = shape->dilation_h,
                               .kernel_h = p.y.taps};
    p.out = (conv_output){.h = p.rows, .w = p.columns, .c = shape->in_c, .activation = CNN_LINEAR};
    if (p.rows > 0 && p.columns > 0 && p.y.taps > 0 && p.x.taps > 0) {
        direct_source_finish(&p.source, p.columns, p.x.taps, shape->epilogue.pool != 0);
        plan_memory(&p, threads, workspace);
    }
    return p;
}

/* Without targets or without values of the kernel there is nothing to be summed. */
static bool is_empty(const direct_pass *p) { return p->bands == 0; }

static int64_t phases_of(const cnn_conv2d_shape *shape) { return (int64_t)shape->stride_h * shape->stride_w; }

/* Row `row` of the filter matrix, channels [first, first + CONV_COLUMNS); zeros past the end. */
static void pack_row(const direct_pass *p, int64_t row, int64_t first, float *to)
{
    const int64_t count = cnn__min_i64(CONV_COLUMNS, p->channels - first);
    if (!p->turned) {
        memcpy(to, p->filters + row * p->channels + first, (size_t)count * sizeof(float));
    } else {
        const int64_t place = row / p->source.c, y = p->y.taps - 1 - place / p->x.taps;
        const int64_t x = p->x.taps - 1 - place % p->x.taps;
        const int64_t tap = (p->y.tap + y * p->y.step) * p->kernel_w + p->x.tap + x * p->x.step;
        const float *from = p->filters + (tap * p->channels + first) * p->source.c + row % p->source.c;
        for (int64_t j = 0; j < count; j++) {
            to[j] = from[j * p->source.c];
        }
    }
    memset(to + count, 0, (size_t)(CONV_COLUMNS - count) * sizeof(float));
}

static void pack_task(void *argument, size_t index, uint32_t worker)
{
    const direct_pass *p = argument;
    (void)worker;
    const size_t parts = cnn__div_up((size_t)p->depth, DIRECT_PACK_ROWS);
    const size_t block = index / parts;
    const cnn__range rows = cnn__grain_range((size_t)p->depth, DIRECT_PACK_ROWS, index % parts);
    for (size_t row = rows.begin; row < rows.end; row++) {
        pack_row(p, (int64_t)row, (int64_t)(block * CONV_COLUMNS),
                 p->packed + (block * (size_t)p->depth + row) * CONV_COLUMNS);
    }
}

/* The sums of one output row and one block of channels, [columns][CONV_COLUMNS]. `rows` are the kernel's. */
static void multiply_row(const direct_pass *p, const float *const *rows, size_t block, float *sums)
{
    const float *a[CNN__CONV2D_MAX_KERNEL], *b[CNN__CONV2D_MAX_KERNEL];
    const float *packed = p->packed + block * (size_t)p->depth * CONV_COLUMNS;
    conv_product product = {.a = a, .b = b, .length = (size_t)p->source.row_length};
    product.a_row = (size_t)(p->source.stride_x * p->source.c);
    product.b_step = CONV_COLUMNS;
    product.c_row = CONV_COLUMNS;
    for (int64_t i = 0; i < p->source.kernel_h; i++) {
        if (rows[i * p->source.dilation_y] != NULL) {
            a[product.pieces] = rows[i * p->source.dilation_y];
            b[product.pieces++] = packed + i * p->source.row_length * CONV_COLUMNS;
        }
    }
    product.c = sums;
    product.sums = CONV_SUMS_REPLACE;
    CNN__VECTOR(cnn__conv_tile_add_rows)(&product, (size_t)p->columns);
}

/* Bias, activation and pooling of one vector of channels of a pixel, or cell, from its sums. */
VEC_INLINE void finish_pixel(const conv_output *out, const float *sums, int64_t row, size_t at, vec_f bias,
                             size_t lanes)
{
    if (out->pool == 0) {
        vec_f value = vec_load(sums);
        conv_activate(&value, 1, bias, out);
        conv_store(out, at, value, lanes);
        return;
    }
    const vec_f cell[4] = {vec_load(sums), vec_load(sums + CONV_COLUMNS), vec_load(sums + row),
                           vec_load(sums + row + CONV_COLUMNS)};
    conv_pool_store(out, at, cell, bias, lanes);
}

/* All outputs of one unit and block: each cache line of them is written once. */
static void finish_unit(const direct_pass *p, int64_t n, int64_t unit, size_t block, const float *sums)
{
    const conv_output local = p->out; /* stores of bytes may alias what is not local */
    const conv_output *out = &local;
    const int64_t first = (int64_t)(block * CONV_COLUMNS), row = p->columns * CONV_COLUMNS;
    const int64_t step = out->pool == 0 ? CONV_COLUMNS : 2 * CONV_COLUMNS;
    const size_t lanes = (size_t)(out->c - first), more = lanes > VEC_WIDTH ? lanes - VEC_WIDTH : 0;
    vec_f bias[2] = {{0}};
    if (out->bias != NULL) {
        bias[0] = vec_load_n(out->bias + first, lanes);
        bias[1] = more > 0 ? vec_load_n(out->bias + first + VEC_WIDTH, more) : vec_set1(0.0f);
    }
    const size_t pixel = p->pixel;
    size_t at = (size_t)n * p->image + (size_t)unit * p->row + p->origin + (size_t)first;
    for (int64_t x = 0; x < out->w; x++, at += pixel, sums += step) {
        if (!out->streams) {
            __builtin_prefetch(out->y + at + DIRECT_AHEAD * pixel, 1);
        }
        finish_pixel(out, sums, row, at, bias[0], lanes);
        if (more > 0) {
            finish_pixel(out, sums + VEC_WIDTH, row, at + VEC_WIDTH, bias[1], more);
        }
    }
}

static void band_task(void *argument, size_t index, uint32_t worker)
{
    const direct_pass *p = argument;
    const direct_source *source = &p->source;
    const size_t band = index / p->splits % p->bands;
    const int64_t n = (int64_t)(index / p->splits / p->bands);
    const cnn__range units = cnn__part_range((size_t)(p->rows / p->unit), p->bands, band);
    const cnn__range blocks = cnn__part_range(p->blocks, p->splits, index % p->splits);
    float *sums = (float *)(p->scratch + worker * p->scratch_size), *copies = sums + p->sums_size;
    const float **rows = (const float **)(copies + (source->copies ? (size_t)p->touched * direct_row_size(source) : 0));
    const int64_t first = (int64_t)units.begin * p->unit * source->stride_y - source->pad_y;
    const int64_t touched = direct_rows_touched(source, (int64_t)(units.end - units.begin) * p->unit);
    for (int64_t y = 0; y < touched; y++) {
        rows[y] = direct_row(source, n, first + y, copies + (size_t)y * direct_row_size(source));
    }
    /* Filters that fit into the first-level cache are gone through for each unit, so that outputs are written once;
     * otherwise each block of them is kept for the whole band. */
    const size_t bytes = (blocks.end - blocks.begin) * (size_t)p->depth * CONV_COLUMNS * sizeof(float);
    const size_t step = bytes <= DIRECT_SMALL_FILTERS ? 1 : units.end - units.begin;
    for (size_t begin = units.begin; begin < units.end; begin += step) {
        for (size_t block = blocks.begin; block < blocks.end; block++) {
            for (size_t unit = begin; unit < begin + step; unit++) {
                const int64_t row = (int64_t)(unit - units.begin) * p->unit;
                for (int64_t i = 0; i < p->unit; i++) {
                    multiply_row(p, rows + (row + i) * source->stride_y, block, sums + i * p->columns * CONV_COLUMNS);
                }
                finish_unit(p, n, (int64_t)unit, block, sums);
            }
        }
    }
    if (p->out.streams) {
        vec_stream_end();
    }
}

static void pack_filters(const cnn_backend_call *call, direct_pass *p)
{
    call->parallel(call, p->blocks * cnn__div_up((size_t)p->depth, DIRECT_PACK_ROWS), pack_task, p);
}

static cnn_status run(const cnn_backend_call *call, direct_pass *p, int is_prepared)
{
    if (!cnn__has_workspace(call, p->workspace)) {
        return CNN_ERROR_BACKEND;
    }
    if (!is_prepared) {
        pack_filters(call, p);
    }
    p->out.streams = conv_streams(&p->out, p->n, false);
    call->parallel(call, (size_t)p->n * p->bands * p->splits, band_task, p);
    return CNN_OK;
}

bool CNN__VECTOR(cnn__direct_supports)(const cnn_conv2d_shape *shape, cnn_pass pass)
{
    if (shape->groups != 1 || shape->kernel_h > CNN__CONV2D_MAX_KERNEL ||
        (shape->dilation_w != 1 && shape->kernel_w != 1)) {
        return false;
    }
    return pass != CNN_PASS_BACKWARD_DATA ||
           ((shape->stride_h == 1 || shape->dilation_h == 1) && phases_of(shape) <= CNN__CONV2D_MAX_PHASES);
}

size_t CNN__VECTOR(cnn__direct_data_workspace)(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads)
{
    size_t most = 0;
    for (int64_t i = 0; pass == CNN_PASS_BACKWARD_DATA && i < phases_of(shape); i++) {
        most = cnn__max_size(most, plan_backward(shape, i, threads, NULL).workspace);
    }
    if (pass == CNN_PASS_BACKWARD_DATA) {
        return most;
    }
    const direct_pass p = plan_forward(shape, threads, NULL);
    return pass == CNN_PASS_INFERENCE ? p.workspace - p.packed_size : p.workspace;
}

size_t CNN__VECTOR(cnn__direct_prepared_size)(const cnn_conv2d_shape *shape)
{
    return plan_forward(shape, 1, NULL).packed_size;
}

static cnn_status forward(const cnn_backend_call *call, const cnn_conv2d_args *args, bool prepared)
{
    direct_pass p = plan_forward(&args->shape, call->threads, prepared ? NULL : call->workspace);
    if (prepared) {
        use_prepared(&p, args->prepared, call->workspace);
    }
    p.source.data = args->x;
    p.filters = args->filters;
    p.out.bias = args->bias;
    p.out.y = args->y;
    p.out.argmax = args->argmax;
    return run(call, &p, prepared);
}

static void clear_values(const void *argument, size_t begin, size_t end)
{
    memset((float *)argument + begin, 0, (end - begin) * sizeof(float));
}

static cnn_status backward_data(const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    const cnn_conv2d_shape *shape = &args->shape;
    cnn_status status = CNN_OK;
    if (shape->kernel_h < shape->stride_h || shape->kernel_w < shape->stride_w) { /* some phases meet nothing */
        cnn__for_spans(call, (size_t)(shape->n * shape->in_h * shape->in_w * shape->in_c), CNN__SPAN, clear_values,
                       args->dx);
    }
    for (int64_t i = 0; status == CNN_OK && i < phases_of(shape); i++) {
        direct_pass p = plan_backward(shape, i, call->threads, call->workspace);
        p.source.data = args->dy;
        p.source.argmax = shape->epilogue.pool != 0 ? args->argmax : NULL;
        p.filters = args->filters;
        p.out.y = args->dx;
        status = is_empty(&p) ? CNN_OK : run(call, &p, 0);
    }
    return status;
}

static cnn_status prepare(const cnn_backend_call *call, const cnn_conv2d_args *args)
{
    direct_pass p = plan_forward(&args->shape, call->threads, args->prepared);
    p.filters = args->filters;
    pack_filters(call, &p);
    return CNN_OK;
}

cnn_status CNN__VECTOR(cnn__direct_conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args)
{
    switch (pass) {
    case CNN_PASS_FORWARD:
        return forward(call, args, false);
    case CNN_PASS_INFERENCE:
        return forward(call, args, true);
    case CNN_PASS_PREPARE:
        return prepare(call, args);
    case CNN_PASS_BACKWARD_DATA:
        return backward_data(call, args);
    case CNN_PASS_BACKWARD_FILTER:
        return CNN__VECTOR(cnn__direct_backward_filter)(call, args);
    default:
        return CNN_ERROR_UNSUPPORTED;
    }
}
