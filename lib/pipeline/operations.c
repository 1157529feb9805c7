/* SPDX-License-Identifier: MIT */
#include "pipeline/operations.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846

const char *const cnn__operation_names[CNN__OPERATIONS + 1] = {
    "identity",  "shear_x",   "shear_y",  "translate_x",  "translate_y", "rotate", "brightness", "color", "contrast",
    "sharpness", "posterize", "solarize", "autocontrast", "equalize",    "invert", "hue",        NULL};

/* Rows x cols pixels, and where the new ones go. */
typedef struct picture {
    uint32_t rows, cols, channels;
    size_t values;
    const uint8_t *in;
    uint8_t *out;
} picture;

static uint8_t clip8(float value) { return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value; }

cnn_status cnn__frame_to_bytes(cnn__frame *frame)
{
    size_t values;
    int block;
    if (cnn__frame_is_bytes(frame)) {
        return cnn__frame_bytes(frame);
    }
    CNN__RETURN_IF_ERROR(cnn__frame_floats(frame));
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, values, &block));
    uint8_t *out = frame->scratch->blocks[block];
    for (size_t i = 0; i < values; i++) {
        out[i] = clip8(frame->floats[i] * 255 + 0.5f);
    }
    cnn__frame_put_bytes(frame, block, frame->channels);
    return CNN_OK;
}

/* ---- where a pixel is taken from: an affine map in fixed point, nearest, black outside ---- */

static int fixed(double value) { return (int)floor(value * 65536.0 + 0.5); }

/* m: x = m[0] X + m[1] Y + m[2], y = m[3] X + m[4] Y + m[5], of pixels' corners. */
static void warp(const picture *p, const double m[6])
{
    const int a0 = fixed(m[0]), a1 = fixed(m[1]), a3 = fixed(m[3]), a4 = fixed(m[4]);
    int64_t x0 = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), y0 = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    uint8_t *out = p->out;
    memset(out, 0, p->values);
    for (uint32_t row = 0; row < p->rows; row++, x0 += a1, y0 += a4) {
        int64_t x = x0, y = y0;
        for (uint32_t col = 0; col < p->cols; col++, x += a0, y += a3, out += p->channels) {
            const int64_t from_x = x >> 16, from_y = y >> 16;
            if (from_x >= 0 && from_x < (int64_t)p->cols && from_y >= 0 && from_y < (int64_t)p->rows) {
                memcpy(out, p->in + ((size_t)from_y * p->cols + (size_t)from_x) * p->channels, p->channels);
            }
        }
    }
}

/* Rounded to 15 digits, as Pillow does before it uses sines. */
static double rounded(double value) { return rint(value * 1e15) / 1e15; }

static void turn_half(const picture *p)
{
    const size_t pixels = (size_t)p->rows * p->cols;
    for (size_t i = 0; i < pixels; i++) {
        memcpy(p->out + i * p->channels, p->in + (pixels - 1 - i) * p->channels, p->channels);
    }
}

static void rotate(const picture *p, double degrees)
{
    degrees = degrees - 360 * floor(degrees / 360);
    if (degrees == 0) {
        memcpy(p->out, p->in, p->values);
        return;
    }
    if (degrees == 180) {
        turn_half(p);
        return;
    }
    const double angle = -degrees * PI / 180, x = p->cols / 2.0, y = p->rows / 2.0;
    double m[6] = {rounded(cos(angle)), rounded(sin(angle)), 0, rounded(-sin(angle)), rounded(cos(angle)), 0};
    m[2] = m[0] * -x + m[1] * -y + x;
    m[5] = m[3] * -x + m[4] * -y + y;
    warp(p, m);
}

/* ---- mixtures of the image with a duller one ---- */

static uint8_t grey_of(const uint8_t *pixel)
{
    return (uint8_t)((19595u * pixel[0] + 38470u * pixel[1] + 7471u * pixel[2] + 32768u) >> 16);
}

/* Pillow's Image.blend() of two levels. */
static uint8_t blend(uint8_t dull, uint8_t value, float factor)
{
    return clip8((float)dull + factor * (float)((int)value - (int)dull));
}

static void brighten(const picture *p, float factor)
{
    for (size_t i = 0; i < p->values; i++) {
        p->out[i] = blend(0, p->in[i], factor);
    }
}

static void saturate(const picture *p, float factor)
{
    for (size_t i = 0; i < p->values; i += 3) {
        const uint8_t grey = grey_of(p->in + i);
        for (size_t c = 0; c < 3; c++) {
            p->out[i + c] = blend(grey, p->in[i + c], factor);
        }
    }
}

static void contrast(const picture *p, float factor)
{
    const size_t pixels = (size_t)p->rows * p->cols;
    uint64_t sum = 0;
    for (size_t i = 0; i < pixels; i++) {
        sum += p->channels == 3 ? grey_of(p->in + 3 * i) : p->in[i * p->channels];
    }
    const uint8_t mean = (uint8_t)((double)sum / (double)pixels + 0.5);
    for (size_t i = 0; i < p->values; i++) {
        p->out[i] = blend(mean, p->in[i], factor);
    }
}

/* The mean with the neighbours, of which the pixel itself counts five times. The border stays. */
static void sharpen(const picture *p, float factor)
{
    const size_t line = (size_t)p->cols * p->channels, c = p->channels;
    const float outer = (float)(1.0 / 13), inner = (float)(5.0 / 13);
    memcpy(p->out, p->in, p->values);
    for (size_t row = 1; row + 1 < p->rows; row++) {
        for (size_t at = row * line + c; at < (row + 1) * line - c; at++) {
            const uint8_t *below = p->in + at + line, *own = p->in + at, *above = p->in + at - line;
            float sum = 0.5f;
            sum += (float)below[-(ptrdiff_t)c] * outer + (float)below[0] * outer + (float)below[c] * outer;
            sum += (float)own[-(ptrdiff_t)c] * outer + (float)own[0] * inner + (float)own[c] * outer;
            sum += (float)above[-(ptrdiff_t)c] * outer + (float)above[0] * outer + (float)above[c] * outer;
            p->out[at] = blend(clip8(sum), *own, factor);
        }
    }
}

/* ---- a new level for each level ---- */

static void histogram(const picture *p, uint32_t channel, uint64_t counts[256])
{
    memset(counts, 0, 256 * sizeof(*counts));
    for (size_t i = channel; i < p->values; i += p->channels) {
        counts[p->in[i]]++;
    }
}

static void look_up(const picture *p, uint32_t channel, const uint8_t table[256])
{
    for (size_t i = channel; i < p->values; i += p->channels) {
        p->out[i] = table[p->in[i]];
    }
}

static void autocontrast_table(const uint64_t counts[256], uint8_t table[256])
{
    int low = 0, high = 255;
    while (low < 255 && counts[low] == 0) {
        low++;
    }
    while (high > 0 && counts[high] == 0) {
        high--;
    }
    const double scale = high > low ? 255.0 / (high - low) : 1, offset = high > low ? -low * scale : 0;
    for (int i = 0; i < 256; i++) {
        const double level = trunc(i * scale + offset);
        table[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
}

static void equalize_table(const uint64_t counts[256], uint8_t table[256])
{
    uint64_t sum = 0, last = 0;
    for (int i = 0; i < 256; i++) {
        sum += counts[i];
        last = counts[i] > 0 ? counts[i] : last;
    }
    const uint64_t step = (sum - last) / 255; /* 0 too where there is one level alone */
    uint64_t n = step / 2;
    for (int i = 0; i < 256; i++) {
        const uint64_t level = step > 0 ? n / step : (uint64_t)i;
        table[i] = (uint8_t)(level > 255 ? 255 : level);
        n += counts[i];
    }
}

static void map_levels(const picture *p, cnn__operation operation, double magnitude)
{
    uint64_t counts[256];
    uint8_t table[256];
    const int bits = magnitude < 0 ? 0 : magnitude > 8 ? 8 : (int)magnitude, mask = 0xff & ~(0xff >> bits);
    for (uint32_t c = 0; c < p->channels; c++) {
        for (int i = 0; i < 256; i++) {
            table[i] = (uint8_t)(operation == CNN__OPERATION_POSTERIZE                  ? i & mask
                                 : operation == CNN__OPERATION_INVERT || i >= magnitude ? 255 - i
                                                                                        : i);
        }
        if (operation == CNN__OPERATION_AUTOCONTRAST || operation == CNN__OPERATION_EQUALIZE) {
            histogram(p, c, counts);
            (operation == CNN__OPERATION_EQUALIZE ? equalize_table : autocontrast_table)(counts, table);
        }
        look_up(p, c, table);
    }
}

/* ---- hue, by way of Pillow's mode HSV ---- */

static void to_hsv(const uint8_t *rgb, uint8_t hsv[3])
{
    const uint8_t r = rgb[0], g = rgb[1], b = rgb[2];
    const uint8_t most = r > g ? (r > b ? r : b) : (g > b ? g : b), least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    hsv[0] = hsv[1] = 0;
    hsv[2] = most;
    if (most != least) {
        const float range = (float)(most - least), s = range / (float)most;
        const float rc = (float)(most - r) / range, gc = (float)(most - g) / range, bc = (float)(most - b) / range;
        float h = r == most ? bc - gc
                            : (float)(g == most ? 2.0 + (double)rc - (double)bc : 4.0 + (double)gc - (double)rc);
        h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
        hsv[0] = (uint8_t)(int)((double)h * 255.0);
        hsv[1] = (uint8_t)(int)((double)s * 255.0);
    }
}

static void to_rgb(const uint8_t hsv[3], uint8_t *rgb)
{
    const uint8_t v = hsv[2];
    if (hsv[1] == 0) {
        rgb[0] = rgb[1] = rgb[2] = v;
        return;
    }
    const double place = (double)hsv[0] * 6.0 / 255.0;
    const int i = (int)floor(place);
    const double f = (double)(float)(place - i), s = (double)(float)((double)hsv[1] / 255.0);
    const uint8_t p = clip8((float)round(v * (1.0 - s))), q = clip8((float)round(v * (1.0 - s * f)));
    const uint8_t t = clip8((float)round(v * (1.0 - s * (1.0 - f))));
    const uint8_t all[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    memcpy(rgb, all[i % 6], 3);
}

static void turn_hue(const picture *p, double turns)
{
    const uint8_t shift = (uint8_t)(int)(turns * 255);
    for (size_t i = 0; i < p->values; i += 3) {
        uint8_t hsv[3];
        to_hsv(p->in + i, hsv);
        hsv[0] = (uint8_t)(hsv[0] + shift);
        to_rgb(hsv, p->out + i);
    }
}

/* ---- */

static void run(const picture *p, cnn__operation operation, double magnitude)
{
    switch (operation) {
    case CNN__OPERATION_SHEAR_X:
        warp(p, (const double[6]){1, magnitude, 0, 0, 1, 0});
        break;
    case CNN__OPERATION_SHEAR_Y:
        warp(p, (const double[6]){1, 0, 0, magnitude, 1, 0});
        break;
    case CNN__OPERATION_TRANSLATE_X:
        warp(p, (const double[6]){1, 0, -trunc(magnitude), 0, 1, 0});
        break;
    case CNN__OPERATION_TRANSLATE_Y:
        warp(p, (const double[6]){1, 0, 0, 0, 1, -trunc(magnitude)});
        break;
    case CNN__OPERATION_ROTATE:
        rotate(p, magnitude);
        break;
    case CNN__OPERATION_BRIGHTNESS:
        brighten(p, (float)magnitude);
        break;
    case CNN__OPERATION_COLOR:
        saturate(p, (float)magnitude);
        break;
    case CNN__OPERATION_CONTRAST:
        contrast(p, (float)magnitude);
        break;
    case CNN__OPERATION_SHARPNESS:
        sharpen(p, (float)magnitude);
        break;
    case CNN__OPERATION_HUE:
        turn_hue(p, magnitude);
        break;
    default:
        map_levels(p, operation, magnitude);
        break;
    }
}

cnn_status cnn__operate(cnn__frame *frame, cnn__operation operation, double magnitude)
{
    int block;
    const bool of_colours = operation == CNN__OPERATION_COLOR || operation == CNN__OPERATION_HUE;
    picture p = {.channels = frame->channels};
    CNN__RETURN_IF_ERROR(cnn__frame_to_bytes(frame));
    if (operation == CNN__OPERATION_IDENTITY || (of_colours && frame->channels != 3)) {
        return CNN_OK;
    }
    p.rows = frame->rows;
    p.cols = frame->cols;
    CNN__RETURN_IF_ERROR(cnn__frame_values(frame, &p.values));
    CNN__RETURN_IF_ERROR(cnn__frame_block(frame, p.values, &block));
    p.in = frame->bytes;
    p.out = frame->scratch->blocks[block];
    run(&p, operation, magnitude);
    cnn__frame_put_bytes(frame, block, frame->channels);
    return CNN_OK;
}
