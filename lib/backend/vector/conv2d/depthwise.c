/* SPDX-License-Identifier: MIT */
/* Depthwise convolution forward and to the input. Both are sums over taps: values of the source that lie at a fixed
 * distance from the target's pixel, times the filter's value. To the input, the targets of one phase of the stride
 * have the same taps. */
#include "backend/vector/conv2d/depthwise.h"

#include "backend/vector/conv2d/conv2d_kernels.h"
#include "backend/vector/conv2d/conv_output.h"

#define DEPTHWISE_TASKS 64     /* wanted */
#define DEPTHWISE_LEAST_ROWS 4 /* of a task: its first rows of the source are read by the task before, too */
#define DEPTHWISE_PIXELS 8     /* targets whose sums are in registers */

typedef struct depthwise_pass {
    const cnn_conv2d_shape *shape;
    conv_output out;
    const float *from, *filters;
    bool to_input;
    size_t channels, multiplier;         /* of dy and y; outputs for each input channel */
    int64_t from_h, from_w, to_h, to_w;  /* of an image */
    size_t taps, blocks, bands, touched; /* touched: most rows of the source that a band needs */
    float *packed;                       /* [block][tap][VEC_WIDTH] */
    size_t packed_size, workspace;       /* bytes */
    bool streams;                        /* the result is larger than caches, and vectors of it are whole lines */
    char *scratch;                       /* of each worker: expanded rows, or a row to be added up */
    size_t scratch_size;
} depthwise_pass;

static depthwise_pass plan(const cnn_conv2d_shape *s, bool to_input, uint32_t threads, void *workspace)
{
    depthwise_pass p = {.shape = s, .to_input = to_input, .channels = (size_t)s->out_c};
    p.multiplier = (size_t)(s->out_c / s->in_c);
    p.from_h = to_input ? s->out_h : s->in_h;
    p.from_w = to_input ? s->out_w : s->in_w;
    p.to_h = to_input ? s->in_h : s->out_h;
    p.to_w = to_input ? s->in_w : s->out_w;
    p.taps = (size_t)s->kernel_h * (size_t)s->kernel_w;
    p.blocks = depthwise_blocks(p.channels);
    const size_t most = cnn__max_size(1, (size_t)p.to_h / DEPTHWISE_LEAST_ROWS);
    p.bands = cnn__min_size(most, cnn__div_up(DEPTHWISE_TASKS, (size_t)s->n));
    const int64_t rows = (int64_t)cnn__div_up((size_t)p.to_h,
                                              p.bands); /* fewer images have more bands: no more memory */
    const int64_t reach = (int64_t)(s->kernel_h - 1) * s->dilation_h + 1;
    p.touched = (size_t)cnn__min_i64((rows - 1) * s->stride_h + reach, s->in_h);
    const size_t values = p.multiplier == 1 ? 0
                          : to_input        ? (size_t)p.to_w * p.channels
                                            : p.touched * (size_t)p.from_w * p.channels;
    p.scratch_size = cnn__div_up(values, 16) * 16 * sizeof(float);
    p.packed_size = p.blocks * p.taps * VEC_WIDTH * sizeof(float);
    p.packed_size = cnn__div_up(p.packed_size, 64) * 64;
    p.workspace = p.packed_size + threads * p.scratch_size;
    p.packed = workspace;
    p.scratch = workspace == NULL ? NULL : (char *)workspace + p.packed_size;
    p.out = (conv_output){.activation = CNN_LINEAR};
    if (!to_input) {
        p.out.activation = s->epilogue.activation;
        p.out.alpha = s->epilogue.alpha;
    }
    return p;
}

static void pack_blocks(const void *argument, size_t begin, size_t end)
{
    const depthwise_pass *p = argument;
    for (size_t block = begin; block < end; block++) {
        for (size_t tap = 0; tap < p->taps; tap++) {
            const float *from = p->filters + tap * p->channels + depthwise_first(block, p->channels);
            vec_store(p->packed + (block * p->taps + tap) * VEC_WIDTH, vec_load_n(from, p->channels));
        }
    }
}

/* One value of the kernel and what it is multiplied with. */
typedef struct depthwise_tap {
    const float *x; /* the first target's */
    size_t w;       /* of a packed block, in values */
} depthwise_tap;

/* Targets in a row that have the same taps. */
typedef struct depthwise_span {
    const depthwise_pass *pass;
    depthwise_tap taps[CNN__CONV2D_MAX_TAPS];
    size_t count;   /* of taps */
    size_t targets; /* pixels */
    size_t from_step, to_step;
    float *to; /* the first target */
} depthwise_span;

/* `pixels` targets of one vector of channels; `pixels`, `activation`, `whole` and `streams` are constants. */
VEC_INLINE void sum_pixels(const depthwise_span *s, int pixels, int32_t activation, bool whole, bool streams, size_t at,
                           size_t first, const float *w, vec_f bias)
{
    vec_f sum[DEPTHWISE_PIXELS];
    const size_t step = s->from_step, offset = at * step + first, lanes = s->pass->channels;
    CONV_UNROLL
    for (int i = 0; i < pixels; i++) {
        sum[i] = bias;
    }
    CONV_ROLLED
    for (size_t t = 0; t < s->count; t++) {
        const vec_f weight = vec_load(w + s->taps[t].w);
        const float *x = s->taps[t].x + offset;
        CONV_UNROLL
        for (int i = 0; i < pixels; i++) {
            sum[i] += depthwise_load(x + (size_t)i * step, whole, lanes) * weight;
        }
    }
    float *to = s->to + at * s->to_step + first;
    CONV_UNROLL
    for (int i = 0; i < pixels; i++) {
        const vec_f value = vec_activate((cnn_activation)activation, 0, sum[i]);
        if (streams) {
            vec_stream(to + (size_t)i * s->to_step, value);
        } else {
            depthwise_store(to + (size_t)i * s->to_step, value, whole, lanes);
        }
    }
}

/* All targets and channels of a span. */
VEC_INLINE void sum_blocks(const depthwise_span *s, int32_t activation, bool whole, bool streams)
{
    const depthwise_pass *p = s->pass;
    for (size_t block = 0; block < p->blocks; block++) {
        const size_t first = depthwise_first(block, p->channels);
        const float *w = p->packed + block * p->taps * VEC_WIDTH;
        const vec_f bias = p->out.bias != NULL ? depthwise_load(p->out.bias + first, whole, p->channels)
                                               : vec_set1(0.0f);
        size_t at = 0;
        for (; at + DEPTHWISE_PIXELS <= s->targets; at += DEPTHWISE_PIXELS) {
            sum_pixels(s, DEPTHWISE_PIXELS, activation, whole, streams, at, first, w, bias);
        }
        for (; at + 3 <= s->targets; at += 3) {
            sum_pixels(s, 3, activation, whole, streams, at, first, w, bias);
        }
        for (; at < s->targets; at++) {
            sum_pixels(s, 1, activation, whole, streams, at, first, w, bias);
        }
    }
}

/* Other activations, once the sums are stored. */
static __attribute__((noinline)) void activate_span(const depthwise_span *s)
{
    const depthwise_pass *p = s->pass;
    for (size_t i = 0; i < s->targets; i++) {
        float *to = s->to + i * s->to_step;
        for (size_t c = 0; c < p->channels; c += VEC_WIDTH) {
            const size_t lanes = p->channels - c;
            const vec_f value = vec_load_n(to + c, lanes);
            vec_store_n(to + c, vec_activate_one(p->out.activation, p->out.alpha, value), lanes);
        }
    }
}

static void run_span(const depthwise_span *s)
{
    const int32_t activation = s->pass->out.activation;
    if (s->pass->streams) {
        sum_blocks(s, CNN_LINEAR, true, true);
    } else if (!depthwise_is_whole(s->pass->channels)) {
        sum_blocks(s, CNN_LINEAR, false, false);
    } else if (activation == CNN_RELU) {
        sum_blocks(s, CNN_RELU, true, false);
        return;
    } else if (activation == CNN_RELU6) {
        sum_blocks(s, CNN_RELU6, true, false);
        return;
    } else {
        sum_blocks(s, CNN_LINEAR, true, false);
    }
    if (activation != CNN_LINEAR) {
        activate_span(s);
    }
}

/* Where along an axis the source of target t for kernel position k lies; -1 if nowhere. */
static int64_t source_of(bool to_input, int64_t t, int64_t k, int64_t stride, int64_t dilation, int64_t pad,
                         int64_t size)
{
    const int64_t at = to_input ? t + pad - k * dilation : t * stride - pad + k * dilation;
    const int64_t source = to_input ? cnn__floor_div(at, stride) : at;
    return source < 0 || source >= size || (to_input && source * stride != at) ? -1 : source;
}

/* Rows of the source that one target row needs, and which rows of the kernel they meet. */
typedef struct depthwise_rows {
    const float *from[CNN__CONV2D_MAX_TAPS];
    int64_t kernel[CNN__CONV2D_MAX_TAPS];
    size_t count;
} depthwise_rows;

/* Targets from `at` on, `count` of them, `step` pixels apart; all have all taps of their phase that lie inside for the
 * first one. */
static void add_span(const depthwise_pass *p, const depthwise_rows *rows, int64_t at, int64_t step, size_t count,
                     float *to, depthwise_span *span)
{
    const cnn_conv2d_shape *s = p->shape;
    span->count = 0;
    for (size_t r = 0; r < rows->count; r++) {
        for (int64_t k = 0; k < s->kernel_w; k++) {
            const int64_t source = source_of(p->to_input, at, k, s->stride_w, s->dilation_w, s->pad_left, p->from_w);
            if (source >= 0) {
                span->taps[span->count++] = (depthwise_tap){rows->from[r] + (size_t)source * p->channels,
                                                            (size_t)(rows->kernel[r] * s->kernel_w + k) * VEC_WIDTH};
            }
        }
    }
    span->targets = count;
    span->from_step = (p->to_input ? 1 : (size_t)s->stride_w) * p->channels;
    span->to_step = (size_t)step * p->channels;
    span->to = to + (size_t)at * p->channels;
    run_span(span);
}

/* Targets of a phase for which all of its kernel positions lie inside the source. */
static cnn__range inner_targets(const depthwise_pass *p, int64_t phase, int64_t step, int64_t count)
{
    const cnn_conv2d_shape *s = p->shape;
    cnn__range inner = {0, (size_t)count};
    for (int64_t k = 0; k < s->kernel_w; k++) {
        const int64_t at = p->to_input ? phase + s->pad_left - k * s->dilation_w : k * s->dilation_w - s->pad_left;
        if (p->to_input && cnn__floor_div(at, step) * step != at) {
            continue;
        }
        const cnn__range one = p->to_input ? depthwise_inner(cnn__floor_div(at, step), 1, p->from_w, count)
                                           : depthwise_inner(at, s->stride_w, p->from_w, count);
        inner.begin = cnn__max_size(inner.begin, one.begin);
        inner.end = cnn__min_size(inner.end, one.end);
    }
    inner.end = cnn__max_size(inner.begin, inner.end);
    return inner;
}

static void sum_row(const depthwise_pass *p, const depthwise_rows *rows, float *to, depthwise_span *span)
{
    const int64_t step = p->to_input ? p->shape->stride_w : 1;
    for (int64_t phase = 0; phase < cnn__min_i64(step, p->to_w); phase++) {
        const int64_t count = cnn__ceil_div(p->to_w - phase, step);
        const cnn__range inner = inner_targets(p, phase, step, count);
        for (int64_t i = 0; i < count; i++) {
            if (i == (int64_t)inner.begin && inner.end > inner.begin) {
                add_span(p, rows, phase + i * step, step, inner.end - inner.begin, to, span);
                i = (int64_t)inner.end - 1;
            } else {
                add_span(p, rows, phase + i * step, step, 1, to, span);
            }
        }
    }
}

/* The sums of each input channel's outputs. */
static void add_up(const float *from, size_t values, size_t multiplier, float *to)
{
    for (size_t i = 0; i < values; i++) {
        float sum = 0;
        for (size_t m = 0; m < multiplier; m++) {
            sum += *from++;
        }
        to[i] = sum;
    }
}

/* Row y of the source; `first` is the first one that was expanded. */
static const float *source_row(const depthwise_pass *p, int64_t image, int64_t y, int64_t first, const float *expanded)
{
    const size_t row = (size_t)p->from_w * p->channels;
    return !p->to_input && p->multiplier > 1 ? expanded + (size_t)(y - first) * row
                                             : p->from + (size_t)(image * p->from_h + y) * row;
}

/* The first row of the source that target rows from `begin` on may need. */
static int64_t first_row(const depthwise_pass *p, size_t begin)
{
    return cnn__max_i64((int64_t)begin * p->shape->stride_h - p->shape->pad_top, 0);
}

static void expand_rows(const depthwise_pass *p, int64_t image, cnn__range band, float *to)
{
    const cnn_conv2d_shape *s = p->shape;
    const int64_t first = first_row(p, band.begin), reach = (int64_t)(s->kernel_h - 1) * s->dilation_h + 1;
    const int64_t end = cnn__min_i64((int64_t)(band.end - 1) * s->stride_h - s->pad_top + reach, s->in_h);
    const size_t row = (size_t)(s->in_w * s->in_c);
    for (int64_t y = first; y < end; y++, to += row * p->multiplier) {
        depthwise_expand(p->from + (size_t)(image * s->in_h + y) * row, (size_t)s->in_w, (size_t)s->in_c, p->multiplier,
                         to);
    }
}

static void band_task(void *argument, size_t index, uint32_t worker)
{
    const depthwise_pass *p = argument;
    const cnn_conv2d_shape *s = p->shape;
    const int64_t image = (int64_t)(index / p->bands);
    const cnn__range band = cnn__part_range((size_t)p->to_h, p->bands, index % p->bands);
    const size_t channels = p->to_input ? (size_t)s->in_c : p->channels, row = (size_t)p->to_w * channels;
    const bool adds_up = p->to_input && p->multiplier > 1;
    float *scratch = (float *)(p->scratch + worker * p->scratch_size);
    depthwise_span span;
    depthwise_rows rows;
    span.pass = p;
    if (!p->to_input && p->multiplier > 1) {
        expand_rows(p, image, band, scratch);
    }
    for (size_t y = band.begin; y < band.end; y++) {
        float *to = p->out.y + ((size_t)image * (size_t)p->to_h + y) * row;
        rows.count = 0;
        for (int64_t k = 0; k < s->kernel_h; k++) {
            const int64_t from = source_of(p->to_input, (int64_t)y, k, s->stride_h, s->dilation_h, s->pad_top,
                                           p->from_h);
            if (from >= 0) {
                rows.from[rows.count] = source_row(p, image, from, first_row(p, band.begin), scratch);
                rows.kernel[rows.count++] = k;
            }
        }
        sum_row(p, &rows, adds_up ? scratch : to, &span);
        if (adds_up) {
            add_up(scratch, row, p->multiplier, to);
        }
    }
    if (p->streams) {
        vec_stream_end();
    }
}

static cnn_status run(const cnn_backend_call *call, depthwise_pass *p, bool prepared)
{
    if (!cnn__has_workspace(call, p->workspace)) {
        return CNN_ERROR_BACKEND;
    }
    if (!prepared) {
        cnn__for_spans(call, p->blocks, 16, pack_blocks, p);
    }
    p->streams = cnn__streams((size_t)(p->shape->n * p->to_h * p->to_w) * p->channels) && p->multiplier == 1 &&
                 p->out.activation == CNN_LINEAR && VEC_WIDTH == VEC_LINE && p->channels % VEC_LINE == 0 &&
                 vec_begins_line(p->out.y);
    call->parallel(call, (size_t)p->shape->n * p->bands, band_task, p);
    return CNN_OK;
}

bool CNN__VECTOR(cnn__depthwise_supports)(const cnn_conv2d_shape *s)
{
    return s->groups > 1 && s->groups == s->in_c && s->epilogue.pool == 0 &&
           (int64_t)s->kernel_h * s->kernel_w <= CNN__CONV2D_MAX_TAPS;
}

size_t CNN__VECTOR(cnn__depthwise_data_workspace)(const cnn_conv2d_shape *shape, cnn_pass pass, uint32_t threads)
{
    const depthwise_pass p = plan(shape, pass == CNN_PASS_BACKWARD_DATA, threads, NULL);
    return pass == CNN_PASS_INFERENCE ? p.workspace - p.packed_size : p.workspace;
}

size_t CNN__VECTOR(cnn__depthwise_prepared_size)(const cnn_conv2d_shape *shape)
{
    return plan(shape, false, 1, NULL).packed_size;
}

static cnn_status forward(const cnn_backend_call *call, const cnn_conv2d_args *args, bool prepared)
{
    depthwise_pass p = plan(&args->shape, false, call->threads, prepared ? NULL : call->workspace);
    if (prepared) {
        p.packed = args->prepared;
        p.scratch = call->workspace;
        p.workspace -= p.packed_size;
    }
    p.from = args->x;
    p.filters = args->filters;
    p.out.bias = args->bias;
    p.out.y = args->y;
    return run(call, &p, prepared);
}

cnn_status CNN__VECTOR(cnn__depthwise_conv2d)(const cnn_backend_call *call, cnn_pass pass, const cnn_conv2d_args *args)
{
    depthwise_pass p;
    switch (pass) {
    case CNN_PASS_FORWARD:
    case CNN_PASS_INFERENCE:
        return forward(call, args, pass == CNN_PASS_INFERENCE);
    case CNN_PASS_PREPARE:
        p = plan(&args->shape, false, call->threads, args->prepared);
        p.filters = args->filters;
        cnn__for_spans(call, p.blocks, 16, pack_blocks, &p);
        return CNN_OK;
    case CNN_PASS_BACKWARD_DATA:
        p = plan(&args->shape, true, call->threads, call->workspace);
        p.from = args->dy;
        p.filters = args->filters;
        p.out.y = args->dx;
        return run(call, &p, false);
    case CNN_PASS_BACKWARD_FILTER:
        return CNN__VECTOR(cnn__depthwise_backward_filter)(call, args);
    default:
        return CNN_ERROR_UNSUPPORTED;
    }
}
