/* SPDX-License-Identifier: MIT */
/* Poolings. Rounding output sizes up is written as padding at the end, as runtimes differ in what they make of it. */
#include <stdio.h>

#include "onnx/out.h"

/* Windows over 1 to 3 axes. */
typedef struct pool {
    uint32_t sides;
    const int32_t *size, *stride, *dilation, *pads;
    int32_t padding, ceil, count_include_pad;
} pool;

/* The options of any of the poolings in windows, by their number of axes. */
static pool pool_of(const cnn__node *node, uint32_t sides)
{
    const cnn_pool1d_options *one = node->layer->user;
    const cnn_pool2d_options *two = node->layer->user;
    const cnn_pool3d_options *three = node->layer->user;
    switch (sides) {
    case 1:
        return (pool){1,         &one->size,   &one->stride, &one->dilation,
                      one->pads, one->padding, one->ceil,    one->count_include_pad};
    case 2:
        return (pool){2,         two->size,    two->stride, two->dilation,
                      two->pads, two->padding, two->ceil,   two->count_include_pad};
    default:
        return (pool){3,           three->size,    three->stride, three->dilation,
                      three->pads, three->padding, three->ceil,   three->count_include_pad};
    }
}

/* What a pooling becomes: pads are [before of all sides, after of all sides]. */
typedef struct windows {
    uint32_t sides;
    int64_t size[3], stride[3], dilation[3], pads[6];
    bool dilated;
} windows;

/* With the padding that makes the output as large as it is; `over` is what of it no padding asked for. */
static windows find_windows(const pool *p, const cnn_shape *input, const cnn_shape *output, int64_t over[3])
{
    windows w = {.sides = p->sides};
    for (uint32_t d = 0; d < p->sides; d++) {
        const int32_t dilation = cnn__dilation(p->dilation[d]);
        const int64_t extent = (int64_t)(p->size[d] - 1) * dilation + 1;
        cnn__window window = {p->size[d],     p->stride[d],       dilation, p->padding,
                              p->pads[2 * d], p->pads[2 * d + 1], p->ceil};
        (void)cnn__window_output(&window, input->dims[d]);
        const int64_t end = (output->dims[d] - 1) * p->stride[d] + extent - input->dims[d] - window.pad_before;
        w.dilation[d] = dilation;
        w.dilated = w.dilated || dilation > 1;
        w.size[d] = p->size[d];
        w.stride[d] = p->stride[d];
        w.pads[d] = window.pad_before;
        w.pads[p->sides + d] = end > window.pad_after ? end : window.pad_after;
        over[d] = w.pads[p->sides + d] - window.pad_after;
    }
    return w;
}

static const char *emit_windows(cnn__out *out, const char *op, const char *suffix, const char *input, const windows *w,
                                bool count_pads)
{
    const char *value = cnn__out_emit(out, op, suffix, CNN__OUT_INPUTS(input));
    if (count_pads) {
        cnn__out_whole(out, "count_include_pad", 1);
    }
    if (w->dilated) {
        cnn__out_wholes(out, "dilations", w->dilation, w->sides);
    }
    cnn__out_wholes(out, "kernel_shape", w->size, w->sides);
    cnn__out_wholes(out, "pads", w->pads, 2 * (size_t)w->sides);
    cnn__out_wholes(out, "strides", w->stride, w->sides);
    return value;
}

void cnn__out_max_pool(cnn__out *out, const cnn__node *node)
{
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const pool p = pool_of(node, input->shape.rank - 1);
    int64_t over[3] = {0};
    const windows w = find_windows(&p, &input->shape, &node->output, over);
    cnn__out_set(out, node, emit_windows(out, "MaxPool", NULL, cnn__out_first(out, input), &w, false), CNN__OUT_FIRST);
}

/* How many cells the divisor of output i along a side counts. */
static int64_t counted_cells(const pool *p, const windows *w, const int64_t *over, uint32_t side, int64_t size,
                             int64_t i)
{
    const bool pads = p->padding == CNN_PADDING_EXPLICIT && p->count_include_pad != 0;
    const int64_t before = w->pads[side], after = w->pads[w->sides + side] - over[side];
    int64_t cells = 0;
    for (int64_t k = 0; k < w->size[side]; k++) {
        const int64_t at = i * w->stride[side] - before + k * w->dilation[side];
        cells += pads ? at < size + after : at >= 0 && at < size;
    }
    return cells;
}

/* Means over cells that lie apart, for which AveragePool has no word before version 19: sums, by a convolution of each
 * channel with ones, times what each window's divisor makes of them. */
static const char *emit_dilated_means(cnn__out *out, const cnn__node *node, const pool *p, const windows *w,
                                      const int64_t *over, const char *x)
{
    const cnn_shape *input = &cnn__out_input(out, node, 0)->shape;
    const int64_t channels = input->dims[p->sides];
    cnn_shape ones = {.rank = p->sides + 2, .dims = {channels, 1}}, shares = {.rank = p->sides + 2, .dims = {1, 1}};
    size_t cells = (size_t)channels, outputs = 1;
    for (uint32_t d = 0; d < p->sides; d++) {
        ones.dims[d + 2] = w->size[d];
        shares.dims[d + 2] = node->output.dims[d];
        cells *= (size_t)w->size[d];
        outputs *= (size_t)node->output.dims[d];
    }
    float *kernel = cnn__out_keep(out, cells, sizeof(*kernel)), *share = cnn__out_keep(out, outputs, sizeof(*share));
    if (kernel == NULL || share == NULL) {
        return "";
    }
    for (size_t i = 0; i < cells; i++) {
        kernel[i] = 1;
    }
    for (size_t i = 0; i < outputs; i++) {
        size_t rest = i;
        int64_t counted = 1;
        for (uint32_t d = p->sides; d-- > 0;) {
            const size_t size = (size_t)node->output.dims[d];
            counted *= counted_cells(p, w, over, d, input->dims[d], (int64_t)(rest % size));
            rest /= size;
        }
        share[i] = (float)(1 / (double)counted);
    }
    const char *weights = cnn__out_floats(out, "ones", kernel, &ones);
    const char *sums = cnn__out_emit(out, "Conv", "sums", CNN__OUT_INPUTS(x, weights));
    cnn__out_wholes(out, "dilations", w->dilation, w->sides);
    cnn__out_whole(out, "group", channels);
    cnn__out_wholes(out, "kernel_shape", w->size, w->sides);
    cnn__out_wholes(out, "pads", w->pads, 2 * (size_t)w->sides);
    cnn__out_wholes(out, "strides", w->stride, w->sides);
    return cnn__out_emit(out, "Mul", NULL, CNN__OUT_INPUTS(sums, cnn__out_floats(out, "shares", share, &shares)));
}

/* Padding that counts in the divisor, beside an end that does not, is a layer of its own. */
void cnn__out_average_pool(cnn__out *out, const cnn__node *node)
{
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const pool p = pool_of(node, input->shape.rank - 1);
    const char *x = cnn__out_first(out, input);
    int64_t over[3] = {0}, pads[2 * CNN_MAX_RANK] = {0};
    windows w = find_windows(&p, &input->shape, &node->output, over);
    const bool counted = p.padding == CNN_PADDING_EXPLICIT && p.count_include_pad != 0;
    if (w.dilated) {
        cnn__out_set(out, node, emit_dilated_means(out, node, &p, &w, over, x), CNN__OUT_FIRST);
        return;
    }
    const bool apart = counted && (over[0] != 0 || over[1] != 0 || over[2] != 0);
    const uint32_t rank = p.sides + 2;
    for (uint32_t d = 0; apart && d < p.sides; d++) {
        pads[2 + d] = w.pads[d];
        pads[rank + 2 + d] = w.pads[p.sides + d] - over[d];
        w.pads[d] = 0;
        w.pads[p.sides + d] = over[d];
    }
    if (apart) {
        const char *indices = cnn__out_indices(out, "pads", pads, 2 * (size_t)rank);
        x = cnn__out_emit(out, "Pad", "padded", CNN__OUT_INPUTS(x, indices));
    }
    cnn__out_set(out, node, emit_windows(out, "AveragePool", NULL, x, &w, counted && !apart), CNN__OUT_FIRST);
}

/* ---- over all positions: N, C, 1, 1, then N, C ---- */

static void global_pool(cnn__out *out, const cnn__node *node, const char *op)
{
    const char *x = cnn__out_first(out, cnn__out_input(out, node, 0));
    const char *all = cnn__out_emit(out, op, "all", CNN__OUT_INPUTS(x));
    const char *value = cnn__out_emit(out, "Flatten", NULL, CNN__OUT_INPUTS(all));
    cnn__out_whole(out, "axis", 1);
    cnn__out_set(out, node, value, CNN__OUT_LAST);
}

void cnn__out_global_average(cnn__out *out, const cnn__node *node) { global_pool(out, node, "GlobalAveragePool"); }
void cnn__out_global_max(cnn__out *out, const cnn__node *node) { global_pool(out, node, "GlobalMaxPool"); }

/* ---- adaptive ---- */

/* Window i along a side: from floor(i in / out) to ceil((i + 1) in / out). */
static int64_t begin_of(int64_t i, int64_t in, int64_t out) { return i * in / out; }
static int64_t end_of(int64_t i, int64_t in, int64_t out) { return ((i + 1) * in + out - 1) / out; }

/* Whether the windows of a side are all of one size, at one distance. */
static bool is_regular(int64_t in, int64_t out, int64_t *size, int64_t *stride)
{
    *size = end_of(0, in, out);
    *stride = out > 1 ? begin_of(1, in, out) : 1;
    bool regular = *stride > 0;
    for (int64_t i = 0; i < out && regular; i++) {
        regular = begin_of(i, in, out) == i * *stride && end_of(i, in, out) == i * *stride + *size;
    }
    return regular;
}

/* One side, window by window, side by side again. */
static const char *pool_side(cnn__out *out, const char *x, int64_t axis, int64_t in, int64_t count, bool average,
                             const char *name)
{
    const char *whole = NULL;
    for (int64_t i = 0; i < count; i++) {
        char suffix[64];
        const int64_t begin = begin_of(i, in, count), end = end_of(i, in, count);
        snprintf(suffix, sizeof(suffix), "axis%lld_%lld_begin", (long long)axis, (long long)i);
        const char *from = cnn__out_indices(out, suffix, &begin, 1);
        snprintf(suffix, sizeof(suffix), "axis%lld_%lld_end", (long long)axis, (long long)i);
        const char *to = cnn__out_indices(out, suffix, &end, 1);
        snprintf(suffix, sizeof(suffix), "axis%lld_%lld_axis", (long long)axis, (long long)i);
        const char *axes = cnn__out_indices(out, suffix, &axis, 1);
        snprintf(suffix, sizeof(suffix), "axis%lld_%lld_part", (long long)axis, (long long)i);
        const char *part = cnn__out_emit(out, "Slice", suffix, CNN__OUT_INPUTS(x, from, to, axes));
        snprintf(suffix, sizeof(suffix), "axis%lld_%lld", (long long)axis, (long long)i);
        const char *op = average ? "ReduceMean" : "ReduceMax";
        if (out->opset < CNN__OUT_OPSET_RESIZE) {
            part = cnn__out_emit(out, op, suffix, CNN__OUT_INPUTS(part));
            cnn__out_wholes(out, "axes", &axis, 1);
        } else { /* from then on it is an input */
            part = cnn__out_emit(out, op, suffix, CNN__OUT_INPUTS(part, axes));
        }
        snprintf(suffix, sizeof(suffix), "axis%lld_to_%lld", (long long)axis, (long long)i);
        whole = i == 0 ? part
                       : cnn__out_emit(out, "Concat", i + 1 < count ? suffix : name, CNN__OUT_INPUTS(whole, part));
        if (i > 0) {
            cnn__out_whole(out, "axis", axis);
        }
    }
    return whole;
}

static void adaptive_pool(cnn__out *out, const cnn__node *node, bool average)
{
    cnn__out_value *input = cnn__out_input(out, node, 0);
    const char *x = cnn__out_first(out, input);
    const int64_t *in = input->shape.dims, *to = node->output.dims;
    windows w = {.sides = 2};
    bool regular = true;
    for (int d = 0; d < 2; d++) {
        regular = is_regular(in[d], to[d], &w.size[d], &w.stride[d]) && regular;
    }
    if (in[0] == to[0] && in[1] == to[1]) {
        cnn__out_set_same(out, node, 0);
        return;
    }
    if (regular) {
        x = emit_windows(out, average ? "AveragePool" : "MaxPool", NULL, x, &w, false);
    } else {
        x = pool_side(out, x, 2, in[0], to[0], average, "rows");
        x = pool_side(out, x, 3, in[1], to[1], average, NULL);
    }
    cnn__out_set(out, node, x, CNN__OUT_FIRST);
}

void cnn__out_adaptive_average(cnn__out *out, const cnn__node *node) { adaptive_pool(out, node, true); }
void cnn__out_adaptive_max(cnn__out *out, const cnn__node *node) { adaptive_pool(out, node, false); }
