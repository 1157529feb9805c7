/* SPDX-License-Identifier: MIT */
/* The preprocessing of images as nodes before the model: what cnn_session_predict_image() does.
 *
 * Images come in as bytes, and stay so until values change, since that is how they are resized here: as Pillow does,
 * with a filter against aliasing, which the set of operators 18 has. Changes of scale are gathered into one product and
 * one sum. What files are like, which way up they are and what lies under transparent pixels, is whoever decodes
 * them to see to. */
#include <string.h>

#include "onnx/out_preprocess.h"
#include "pipeline/pipeline.h"

/* Images on their way: N, C, H, W. */
typedef struct images {
    cnn__out *out;
    const char *name;
    bool bytes;
    int64_t channels;
    int64_t height, width; /* 0: not known before the image is */
    int64_t least;         /* no side is shorter */
    bool mapped;           /* values are still to be changed: value * gain + bias */
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
    int step; /* for names */
} images;

/* "resize1:sizes": names of what a step is made of. */
static const char *suffix_of(images *m, const char *part)
{
    const char *name = cnn__arena_printf(&m->out->arena, "step%d_%s", m->step, part);
    m->out->status = name == NULL ? CNN_ERROR_OUT_OF_MEMORY : m->out->status;
    return name != NULL ? name : part;
}

static const char *emit(images *m, const char *op, const char *part, const char *const *inputs)
{
    return cnn__out_emit(m->out, op, suffix_of(m, part), inputs);
}

static const char *cast(images *m, const char *part, const char *x, cnn__onnx_type type)
{
    const char *value = emit(m, "Cast", part, CNN__OUT_INPUTS(x));
    cnn__out_whole(m->out, "to", (int64_t)type);
    return value;
}

static const char *indices(images *m, const char *part, const int64_t *values, size_t count)
{
    return cnn__out_indices(m->out, suffix_of(m, part), values, count);
}

static const char *binary(images *m, const char *op, const char *part, const char *a, const char *b)
{
    return emit(m, op, part, CNN__OUT_INPUTS(a, b));
}

/* ---- values ---- */

static void clear_map(images *m)
{
    for (size_t c = 0; c < CNN_MAX_CHANNELS; c++) {
        m->gain[c] = 1;
        m->bias[c] = 0;
    }
    m->mapped = false;
}

static void map(images *m, const double *gain, const double *bias)
{
    for (int64_t c = 0; c < m->channels; c++) {
        m->gain[c] *= gain[c];
        m->bias[c] = m->bias[c] * gain[c] + bias[c];
    }
    m->mapped = true;
}

static bool is_one(const float *values, int64_t count, float number)
{
    bool one = true;
    for (int64_t c = 0; c < count; c++) {
        one = one && values[c] == number;
    }
    return one;
}

/* Floats with all changes of their scale; bytes become [0, 1] first. */
static void make_floats(images *m)
{
    float gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
    const cnn_shape shape = {.rank = 3, .dims = {m->channels, 1, 1}};
    for (int64_t c = 0; c < m->channels; c++) {
        gain[c] = (float)(m->bytes ? m->gain[c] / 255 : m->gain[c]);
        bias[c] = (float)m->bias[c];
    }
    if (m->bytes) {
        m->name = cast(m, "floats", m->name, CNN__ONNX_FLOAT);
    }
    if (!is_one(gain, m->channels, 1)) {
        const char *factors = cnn__out_floats(m->out, suffix_of(m, "gain"), gain, &shape);
        m->name = binary(m, "Mul", "scaled", m->name, factors);
    }
    if (!is_one(bias, m->channels, 0)) {
        const char *sums = cnn__out_floats(m->out, suffix_of(m, "bias"), bias, &shape);
        m->name = binary(m, "Add", "moved", m->name, sums);
    }
    m->bytes = false;
    clear_map(m);
}

/* Before a step that looks at values. */
static void settle(images *m)
{
    if (m->mapped) {
        make_floats(m);
    }
}

static double of_channel(const cnn__argument *argument, int64_t channel)
{
    return argument->values[argument->count == 1 ? 0 : channel];
}

static void scale(images *m, const cnn__step *step)
{
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS] = {0};
    for (int64_t c = 0; c < m->channels; c++) {
        gain[c] = cnn__step_value(step, 0);
    }
    map(m, gain, bias);
}

static void subtract(images *m, const cnn__step *step)
{
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
    for (int64_t c = 0; c < m->channels; c++) {
        gain[c] = 1;
        bias[c] = -of_channel(&step->arguments[0], c);
    }
    map(m, gain, bias);
}

static void normalize(images *m, const cnn__step *step)
{
    double gain[CNN_MAX_CHANNELS], bias[CNN_MAX_CHANNELS];
    for (int64_t c = 0; c < m->channels; c++) {
        gain[c] = 1 / of_channel(&step->arguments[1], c);
        bias[c] = -of_channel(&step->arguments[0], c) * gain[c];
    }
    map(m, gain, bias);
}

/* ---- colour ---- */

static void bgr(images *m, const cnn__step *step)
{
    static const int64_t order[] = {2, 1, 0};
    (void)step;
    if (m->channels != 3) {
        return;
    }
    settle(m);
    m->name = binary(m, "Gather", "bgr", m->name, indices(m, "order", order, 3));
    cnn__out_whole(m->out, "axis", 1);
}

/* Sums of the channels by ITU-R 601: of bytes in 16-bit fixed point, as Pillow and the step itself do it. */
static void make_grey(images *m)
{
    static const float weights[] = {0.299f, 0.587f, 0.114f};
    static const int64_t channel[] = {1}, half[] = {32768}, whole[] = {65536};
    static const int64_t fixed[] = {19595, 38470, 7471}, column[] = {3, 1, 1};
    const cnn_shape shape = {.rank = 3, .dims = {3, 1, 1}};
    const char *axes = indices(m, "axes", channel, 1);
    if (!m->bytes) {
        const char *factors = cnn__out_floats(m->out, suffix_of(m, "weights"), weights, &shape);
        m->name = binary(m, "Mul", "weighted", m->name, factors);
        m->name = binary(m, "ReduceSum", "grey", m->name, axes);
        return;
    }
    const char *list = indices(m, "weights", fixed, 3), *sides = indices(m, "column", column, 3);
    const char *factors = binary(m, "Reshape", "weights_column", list, sides);
    const char *wide = cast(m, "wide", m->name, CNN__ONNX_INT64);
    const char *weighted = binary(m, "Mul", "weighted", wide, factors);
    const char *sum = binary(m, "ReduceSum", "sum", weighted, axes);
    const char *rounded = binary(m, "Add", "rounded", sum, indices(m, "half", half, 1));
    const char *value = binary(m, "Div", "divided", rounded, indices(m, "whole", whole, 1));
    m->name = cast(m, "grey", value, CNN__ONNX_UINT8);
}

static void grey(images *m, const cnn__step *step)
{
    const int64_t channels = (int64_t)cnn__step_value(step, 0);
    settle(m);
    if (m->channels == 3) {
        make_grey(m);
    }
    if (channels == 3) {
        m->name = emit(m, "Concat", "channels", CNN__OUT_INPUTS(m->name, m->name, m->name));
        cnn__out_whole(m->out, "axis", 1);
    }
    m->channels = channels;
}

/* ---- size ---- */

/* Two of the sizes of the images as a tensor: from 0 on number and channels, from 2 on height and width. */
static const char *sides_of(images *m, const char *part, int64_t from)
{
    const int64_t to = from + 2;
    const char *names[] = {"shape", "from", "to"};
    for (size_t i = 0; i < 3; i++) {
        const char *name = cnn__arena_printf(&m->out->arena, "%s_%s", part, names[i]);
        m->out->status = name == NULL ? CNN_ERROR_OUT_OF_MEMORY : m->out->status;
        names[i] = name != NULL ? name : names[i];
    }
    const char *shape = emit(m, "Shape", names[0], CNN__OUT_INPUTS(m->name));
    const char *begin = indices(m, names[1], &from, 1), *end = indices(m, names[2], &to, 1);
    return emit(m, "Slice", part, CNN__OUT_INPUTS(shape, begin, end));
}

/* All four sizes are given: with the attribute for two of them ONNX Runtime 1.30 fails where it moves a Transpose
 * behind the Resize. */
static void resize_to(images *m, const char *sides, cnn_resize_filter filter)
{
    const bool nearest = filter == CNN_RESIZE_NEAREST;
    if (filter == CNN_RESIZE_AREA) {
        cnn__out_fail(m->out, CNN_ERROR_UNSUPPORTED, "ONNX has no filter \"area\" to resize images with");
        return;
    }
    m->out->opset = CNN__OUT_OPSET_RESIZE;
    const char *others = sides_of(m, "others", 0);
    const char *sizes = emit(m, "Concat", "sizes", CNN__OUT_INPUTS(others, sides));
    cnn__out_whole(m->out, "axis", 0);
    m->name = emit(m, "Resize", "resized", CNN__OUT_INPUTS(m->name, "", "", sizes));
    if (!nearest) {
        cnn__out_whole(m->out, "antialias", 1);
    }
    cnn__out_text(m->out, "coordinate_transformation_mode", "half_pixel");
    if (filter == CNN_RESIZE_BICUBIC) {
        cnn__out_real(m->out, "cubic_coeff_a", -0.5f);
    }
    if (!nearest) {
        cnn__out_whole(m->out, "exclude_outside", 1); /* what lies beyond the border has no weight, as in Pillow */
    }
    cnn__out_text(m->out, "mode", nearest ? "nearest" : filter == CNN_RESIZE_BICUBIC ? "cubic" : "linear");
    if (nearest) {
        cnn__out_text(m->out, "nearest_mode", "round_prefer_ceil");
    }
}

static void resize(images *m, const cnn__step *step)
{
    const int64_t sizes[] = {(int64_t)step->arguments[0].values[0], (int64_t)step->arguments[0].values[1]};
    settle(m);
    resize_to(m, indices(m, "target", sizes, 2), cnn__step_filter(step, 1));
    m->height = sizes[0];
    m->width = sizes[1];
    m->least = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
}

/* Both sides times the new shorter one, divided by the shorter one and cut off. */
static void resize_short(images *m, const cnn__step *step)
{
    static const int64_t first[] = {0};
    const int64_t side[] = {(int64_t)cnn__step_value(step, 0)};
    settle(m);
    const char *sides = sides_of(m, "sides", 2);
    const char *shorter = binary(m, "ReduceMin", "shorter", sides, indices(m, "axes", first, 1));
    const char *product = binary(m, "Mul", "product", sides, indices(m, "side", side, 1));
    resize_to(m, binary(m, "Div", "target", product, shorter), cnn__step_filter(step, 1));
    m->height = m->width = 0;
    m->least = side[0];
}

/* Black around images that are smaller than the crop, the odd pixel at the end. */
static void pad_smaller(images *m, const char *kept)
{
    static const int64_t none[] = {0}, two[] = {2}, both[] = {0, 0};
    const char *sides = sides_of(m, "smaller", 2);
    const char *lacking = binary(m, "Sub", "lacking", kept, sides);
    const char *zero = indices(m, "zero", none, 1), *zeros = indices(m, "zeros", both, 2);
    const char *needed = binary(m, "Max", "needed", lacking, zero);
    const char *before = binary(m, "Div", "before", needed, indices(m, "divisor", two, 1));
    const char *after = binary(m, "Sub", "after", needed, before);
    const char *pads = emit(m, "Concat", "pads", CNN__OUT_INPUTS(zeros, before, zeros, after));
    cnn__out_whole(m->out, "axis", 0);
    m->name = binary(m, "Pad", "padded", m->name, pads);
}

static void center_crop(images *m, const cnn__step *step)
{
    static const int64_t axes[] = {2, 3};
    const int64_t sizes[] = {(int64_t)step->arguments[0].values[0], (int64_t)step->arguments[0].values[1]};
    const char *kept = indices(m, "kept", sizes, 2);
    settle(m);
    if (sizes[0] > m->least || sizes[1] > m->least) {
        pad_smaller(m, kept);
    }
    /* Half pixels go to the even one, as Round has it. */
    const char *spare = binary(m, "Sub", "spare", sides_of(m, "sides", 2), kept);
    const char *wide = cast(m, "spare_floats", spare, CNN__ONNX_FLOAT);
    const char *half = binary(m, "Mul", "half", wide, cnn__out_number(m->out, suffix_of(m, "factor"), 0.5f));
    const char *begin = cast(m, "begin", emit(m, "Round", "rounded", CNN__OUT_INPUTS(half)), CNN__ONNX_INT64);
    const char *end = binary(m, "Add", "end", begin, kept);
    const char *both = indices(m, "axes", axes, 2);
    m->name = emit(m, "Slice", "cropped", CNN__OUT_INPUTS(m->name, begin, end, both));
    m->height = sizes[0];
    m->width = sizes[1];
    m->least = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
}

static void nothing(images *m, const cnn__step *step)
{
    (void)m;
    (void)step;
}

/* ---- steps ---- */

static const struct {
    const cnn__step_kind *kind;
    void (*write)(images *images, const cnn__step *step);
} steps[] = {
    {&cnn__step_orient, nothing},
    {&cnn__step_background, nothing},
    {&cnn__step_resize, resize},
    {&cnn__step_resize_short, resize_short},
    {&cnn__step_center_crop, center_crop},
    {&cnn__step_grey, grey},
    {&cnn__step_bgr, bgr},
    {&cnn__step_scale, scale},
    {&cnn__step_subtract, subtract},
    {&cnn__step_normalize, normalize},
};

static void write_step(images *m, const cnn__step *step)
{
    m->step++;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].kind == step->kind) {
            steps[i].write(m, step);
            return;
        }
    }
    cnn__out_fail(m->out, CNN_ERROR_UNSUPPORTED, "ONNX has no counterpart of the step \"%s\"", step->kind->name);
}

/* Channels of the images that the pipeline prepares for this input, as for predictions. */
static int64_t image_channels(const cnn_pipeline *pipeline, const cnn_shape *input)
{
    int64_t dims[3] = {0, 0, 3};
    if (input->rank == 3) {
        return input->dims[2] == 1 ? 1 : 3;
    }
    cnn__pipeline_dims(pipeline, dims);
    return dims[0] * dims[1] * dims[2] == input->dims[0] ? 3 : 1;
}

/* Whether images may have any size. */
static bool any_size(const cnn_pipeline *pipeline)
{
    bool any = false;
    for (size_t i = 0; i < pipeline->count; i++) {
        any = any || pipeline->steps[i].kind->shape == cnn__step_shape_size ||
              pipeline->steps[i].kind == &cnn__step_resize_short;
    }
    return any;
}

/* The graph's input, bytes N, H, W, C, and these channels first. */
static void begin(images *m, const cnn_pipeline *pipeline, const cnn_shape *input)
{
    static const int64_t axes[] = {0, 3, 1, 2};
    cnn__out *out = m->out;
    const bool any = any_size(pipeline);
    const char *symbols[CNN_MAX_RANK] = {"N", any ? "height" : NULL, any ? "width" : NULL};
    uint32_t reference = 0;
    const char *name = "image";
    while (out->status == CNN_OK && cnn__model_find(out->model, name, &reference)) {
        name = cnn__arena_printf(&out->arena, "%s_", name);
        out->status = name == NULL ? CNN_ERROR_OUT_OF_MEMORY : out->status;
    }
    m->channels = image_channels(pipeline, input);
    m->bytes = true;
    m->least = 1;
    if (!any && input->rank != 3) {
        cnn__out_fail(out, CNN_ERROR_UNSUPPORTED, "nothing says how large the images are");
    }
    if (out->status != CNN_OK) {
        return;
    }
    clear_map(m);
    m->height = any ? 0 : input->dims[0];
    m->width = any ? 0 : input->dims[1];
    const cnn_shape shape = {.rank = 4, .dims = {0, m->height, m->width, m->channels}};
    cnn__out_port(out, &out->graph.inputs, name, CNN__ONNX_UINT8, &shape, symbols);
    cnn__out_begin(out, "preprocessing", true);
    m->name = emit(m, "Transpose", "first", CNN__OUT_INPUTS(name));
    cnn__out_wholes(out, "perm", axes, 4);
}

static void write_steps(cnn__out *out, const cnn_pipeline *pipeline)
{
    images m = {.out = out};
    cnn__out_value *input = &out->inputs[0];
    cnn__out_begin(out, "preprocessing", true);
    begin(&m, pipeline, &input->shape);
    for (size_t i = 0; i < pipeline->count && out->status == CNN_OK; i++) {
        write_step(&m, &pipeline->steps[i]);
    }
    if (out->status != CNN_OK) {
        return;
    }
    m.step++;
    make_floats(&m);
    if (input->shape.rank == 1) { /* a vector of the image's values */
        m.name = emit(&m, "Flatten", "vector", CNN__OUT_INPUTS(m.name));
        cnn__out_whole(out, "axis", 1);
        input->form = CNN__OUT_FLAT;
        input->image = (cnn_shape){.rank = 3, .dims = {m.height, m.width, m.channels}};
    }
    cnn__out_rename(out, m.name, input->name);
}

void cnn__out_preprocess(cnn__out *out)
{
    cnn_pipeline *evaluation = NULL;
    if (out->status == CNN_OK) {
        out->status = cnn_pipeline_for_evaluation(out->model->pipeline, &evaluation);
    }
    if (out->status == CNN_OK) {
        write_steps(out, evaluation);
    }
    cnn_pipeline_free(evaluation);
}
