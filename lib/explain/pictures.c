/* SPDX-License-Identifier: MIT */
/* Maps, activations and patterns as images. */
#include <math.h>
#include <string.h>

#include "core/options.h"
#include "explain/explain.h"
#include "image/image.h"

static bool is_map(const cnn_tensor *map)
{
    return map != NULL && map->data != NULL && map->shape.rank == 2 && map->shape.dims[0] > 0 && map->shape.dims[1] > 0;
}

static cnn_status refuse(cnn_context *context, const char *what)
{
    return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s", what);
}

/* ---- maps ---- */

cnn_status cnn_map_resize(const cnn_tensor *map, uint32_t height, uint32_t width, float *resized)
{
    if (!is_map(map) || resized == NULL || height == 0 || width == 0) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn__explain_resize(map->data, 1, map->shape.dims[0], map->shape.dims[1], height, width, resized);
    return CNN_OK;
}

/* The map at a size, to be freed; NULL without memory. */
static float *resized(cnn_context *context, const cnn_tensor *map, uint32_t height, uint32_t width)
{
    float *values = cnn__alloc_array(context, (size_t)height * width, sizeof(float));
    if (values != NULL) {
        cnn__explain_resize(map->data, 1, map->shape.dims[0], map->shape.dims[1], height, width, values);
    }
    return values;
}

cnn_status cnn_map_image(cnn_context *context, const cnn_tensor *map, cnn_colormap colors, uint32_t height,
                         uint32_t width, cnn_image **image)
{
    if (image != NULL) {
        *image = NULL;
    }
    if (context == NULL || image == NULL || !is_map(map)) {
        return refuse(context, "cnn_map_image: needs a map H, W and room for an image");
    }
    CNN__RETURN_IF_ERROR(cnn_image_create(context, width, height, 3, image));
    float *values = resized(context, map, height, width);
    if (values == NULL) {
        cnn_image_free(*image);
        *image = NULL;
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < (size_t)height * width; i++) {
        cnn_colormap_color(colors, values[i], (*image)->pixels + 3 * i);
    }
    cnn__free(context, values);
    return CNN_OK;
}

cnn_status cnn_map_overlay(const cnn_image *photo, const cnn_tensor *map, const cnn_map_overlay_options *options,
                           cnn_image **overlay)
{
    cnn_context *context = photo != NULL ? photo->context : NULL;
    if (overlay != NULL) {
        *overlay = NULL;
    }
    if (photo == NULL || overlay == NULL || !is_map(map) || !cnn__channels_are_colour(photo->channels) ||
        photo->pixels == NULL) {
        return refuse(context, "cnn_map_overlay: needs a grey or RGB photo, a map H, W and room for an image");
    }
    cnn_map_overlay_options o;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_map_overlay_options", options, &o, sizeof(o)));
    if (o.colors < 0 || o.colors > CNN_GREY + 1 || !(fabsf(o.strength) <= 1000)) {
        return refuse(context, "cnn_map_overlay: there is no such colour map or strength");
    }
    const float strength = cnn__number_or(o.strength, 0.4f);
    CNN__RETURN_IF_ERROR(
        cnn_map_image(context, map, o.colors == 0 ? CNN_JET : o.colors - 1, photo->height, photo->width, overlay));
    for (size_t i = 0; i < (size_t)photo->height * photo->width; i++) {
        uint8_t *pixel = (*overlay)->pixels + 3 * i;
        for (size_t k = 0; k < 3; k++) {
            const uint8_t under = photo->pixels[i * photo->channels + (photo->channels == 3 ? k : 0)];
            const float sum = (float)under + strength * (float)pixel[k];
            pixel[k] = (uint8_t)(sum > 255 ? 255 : sum < 0 ? 0 : sum + 0.5f); /* imwrite() rounds and saturates */
        }
    }
    return CNN_OK;
}

/* ---- activations ---- */

/* A view of one sample: values of a channel lie `channels` apart. */
typedef struct planes {
    const float *data;
    int64_t h, w, channels;
} planes;

static bool view(const cnn_tensor *activation, planes *p)
{
    const cnn_shape *s = &activation->shape;
    const bool image = s->rank == 3 || s->rank == 4, vector = s->rank == 1 || s->rank == 2;
    if (activation->data == NULL || (!image && !vector)) {
        return false;
    }
    const int64_t *dims = s->dims + (s->rank == 4 || s->rank == 2);
    *p = image ? (planes){activation->data, dims[0], dims[1], dims[2]} : (planes){activation->data, 1, 1, dims[0]};
    return p->h > 0 && p->w > 0 && p->channels > 0;
}

/* How a value becomes a level: (value - shift) * factor + offset, cut to [0, 255]. */
typedef struct levels {
    double shift, factor, offset;
    bool dead;
} levels;

/* Of `count` values that lie `step` apart. */
static levels measure(const float *values, size_t count, size_t step, bool spread)
{
    double sum = 0, squares = 0, low = (double)values[0], high = low;
    for (size_t i = 0; i < count; i++) {
        const double value = (double)values[i * step];
        sum += value;
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    const double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        const double off = (double)values[i * step] - mean;
        squares += off * off;
    }
    if (!(high > low)) {
        return (levels){.dead = true};
    }
    return spread ? (levels){low, 255 / (high - low), 0, false}
                  : (levels){mean, 64 / sqrt(squares / (double)count), 128, false};
}

static float level(const levels *l, float value)
{
    const double at = ((double)value - l->shift) * l->factor + l->offset;
    return !l->dead && at > 0 ? (at < 255 ? (float)floor(at) / 255.0f + 1e-6f : 1.0f) : 0.0f;
}

static void draw_channel(const planes *p, uint32_t channel, const levels *l, const cnn_activation_image_options *o,
                         cnn_image *image, size_t top, size_t left)
{
    for (size_t y = 0; y < (size_t)p->h * o->scale; y++) {
        for (size_t x = 0; x < (size_t)p->w * o->scale; x++) {
            const size_t at = (y / o->scale) * (size_t)p->w + x / o->scale;
            const float value = p->data[at * (size_t)p->channels + channel];
            cnn_colormap_color(o->colors, level(l, value), image->pixels + ((top + y) * image->width + left + x) * 3);
        }
    }
}

static cnn_status check_activation(cnn_context *context, const planes *p, cnn_activation_image_options *o)
{
    if ((o->count > 0) != (o->channels != NULL) || o->colors < 0 || o->colors > CNN_GREY) {
        return refuse(context, "cnn_activation_image: channels without a count, or an unknown colour map");
    }
    for (size_t i = 0; i < o->count; i++) {
        if (o->channels[i] >= p->channels) {
            return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                             "cnn_activation_image: channels are 0 to %lld, not %u", (long long)p->channels - 1,
                             o->channels[i]);
        }
    }
    o->columns = o->columns != 0 ? o->columns : 16;
    o->scale = o->scale != 0 ? o->scale : 1;
    o->count = o->channels != NULL ? o->count : (size_t)p->channels;
    o->columns = o->columns < o->count ? o->columns : (uint32_t)o->count;
    return CNN_OK;
}

/* The size of `rows` x `columns` cells. */
static cnn_status grid_size(cnn_context *context, size_t rows, size_t columns, double height, double width,
                            uint32_t margin, uint32_t size[2])
{
    const double all[2] = {(double)rows * (height + margin) - margin, (double)columns * (width + margin) - margin};
    if (all[0] > CNN__IMAGE_MAX_SIDE || all[1] > CNN__IMAGE_MAX_SIDE ||
        all[0] * all[1] > (double)cnn__context_max_pixels(context)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "a picture of %.0f x %.0f pixels is too large", all[1], all[0]);
    }
    size[0] = (uint32_t)all[0];
    size[1] = (uint32_t)all[1];
    return CNN_OK;
}

cnn_status cnn_activation_image(cnn_context *context, const cnn_tensor *activation,
                                const cnn_activation_image_options *options, cnn_image **image, size_t *dead)
{
    planes p;
    cnn_activation_image_options o;
    if (image != NULL) {
        *image = NULL;
    }
    if (context == NULL || image == NULL || activation == NULL) {
        return refuse(context, "cnn_activation_image: needs an activation and room for an image");
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_activation_image_options", options, &o, sizeof(o)));
    if (!view(activation, &p)) {
        return cnn__fail(context, CNN_ERROR_SHAPE, "cnn_activation_image: draws H, W, C or C");
    }
    CNN__RETURN_IF_ERROR(check_activation(context, &p, &o));
    uint32_t size[2] = {0, 0};
    const size_t rows = (o.count + o.columns - 1) / o.columns, pixels = (size_t)(p.h * p.w);
    CNN__RETURN_IF_ERROR(
        grid_size(context, rows, o.columns, (double)p.h * o.scale, (double)p.w * o.scale, o.margin, size));
    CNN__RETURN_IF_ERROR(cnn_image_create(context, size[1], size[0], 3, image));
    for (size_t i = 0; i < (size_t)size[0] * size[1]; i++) {
        cnn_colormap_color(o.colors, 0, (*image)->pixels + 3 * i);
    }
    size_t count = 0;
    for (size_t i = 0; i < o.count; i++) {
        const uint32_t channel = o.channels != NULL ? o.channels[i] : (uint32_t)i;
        const bool alone = pixels == 1; /* a vector's values are compared with one another */
        const levels l = measure(p.data + (alone ? 0 : channel), alone ? (size_t)p.channels : pixels,
                                 alone ? 1 : (size_t)p.channels, o.spread != 0);
        count += l.dead && !alone;
        draw_channel(&p, channel, &l, &o, *image, (i / o.columns) * ((size_t)p.h * o.scale + o.margin),
                     (i % o.columns) * ((size_t)p.w * o.scale + o.margin));
    }
    if (dead != NULL) {
        *dead = count;
    }
    return CNN_OK;
}

/* ---- patterns ---- */

cnn_status cnn_pattern_image(cnn_context *context, const cnn_tensor *pattern, cnn_image **image)
{
    if (image != NULL) {
        *image = NULL;
    }
    if (context == NULL || pattern == NULL || pattern->data == NULL || image == NULL) {
        return refuse(context, "cnn_pattern_image: needs a pattern and room for an image");
    }
    const cnn_shape *s = &pattern->shape;
    size_t values = 0;
    if (s->rank != 3 || !cnn__channels_are_colour(s->dims[2]) || !cnn__shape_values(s, &values) || values == 0 ||
        s->dims[0] > CNN__IMAGE_MAX_SIDE || s->dims[1] > CNN__IMAGE_MAX_SIDE) {
        return cnn__fail(context, CNN_ERROR_SHAPE, "cnn_pattern_image: draws H, W, C of 1 or 3 channels");
    }
    double sum = 0, squares = 0;
    for (size_t i = 0; i < values; i++) {
        sum += (double)pattern->data[i];
    }
    const double mean = sum / (double)values;
    for (size_t i = 0; i < values; i++) {
        squares += ((double)pattern->data[i] - mean) * ((double)pattern->data[i] - mean);
    }
    const double scale = 0.1 / (sqrt(squares / (double)values) + 1e-5);
    CNN__RETURN_IF_ERROR(
        cnn_image_create(context, (uint32_t)s->dims[1], (uint32_t)s->dims[0], (uint32_t)s->dims[2], image));
    for (size_t i = 0; i < values; i++) {
        const double at = ((double)pattern->data[i] - mean) * scale + 0.5;
        (*image)->pixels[i] = (uint8_t)(!(at > 0) ? 0 : at < 1 ? at * 255 : 255);
    }
    return CNN_OK;
}

/* ---- images side by side ---- */

static void paste(const cnn_image *from, cnn_image *to, size_t top, size_t left)
{
    for (size_t y = 0; y < from->height; y++) {
        uint8_t *row = to->pixels + ((top + y) * to->width + left) * 3;
        const uint8_t *pixels = from->pixels + y * from->width * from->channels;
        for (size_t x = 0; x < from->width; x++) {
            for (size_t k = 0; k < 3; k++) {
                row[x * 3 + k] = pixels[x * from->channels + (from->channels == 3 ? k : 0)];
            }
        }
    }
}

static bool fits(const cnn_image *image, const cnn_image *first)
{
    return image->width == first->width && image->height == first->height && image->pixels != NULL &&
           cnn__channels_are_colour(image->channels);
}

cnn_status cnn_image_grid(const cnn_image *const *images, size_t count, const cnn_image_grid_options *options,
                          cnn_image **grid)
{
    const cnn_image *first = images != NULL && count > 0 ? images[0] : NULL;
    cnn_context *context = first != NULL ? first->context : NULL;
    if (grid != NULL) {
        *grid = NULL;
    }
    bool sound = first != NULL && grid != NULL;
    for (size_t i = 0; sound && i < count; i++) {
        sound = images[i] != NULL;
    }
    if (!sound) {
        return refuse(context, "cnn_image_grid: needs images and room for one");
    }
    for (size_t i = 0; i < count; i++) {
        if (!fits(images[i], first)) {
            return cnn__fail(context, CNN_ERROR_SHAPE, "cnn_image_grid: image %zu is not grey or RGB of %u x %u", i,
                             first->width, first->height);
        }
    }
    cnn_image_grid_options o;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_image_grid_options", options, &o, sizeof(o)));
    const size_t columns = o.columns == 0 ? (size_t)ceil(sqrt((double)count)) : o.columns < count ? o.columns : count;
    const size_t rows = (count + columns - 1) / columns;
    uint32_t size[2] = {0, 0};
    CNN__RETURN_IF_ERROR(grid_size(context, rows, columns, first->height, first->width, o.margin, size));
    CNN__RETURN_IF_ERROR(cnn_image_create(context, size[1], size[0], 3, grid));
    for (size_t i = 0; i < (size_t)size[0] * size[1] * 3; i++) {
        (*grid)->pixels[i] = (uint8_t)(o.background >> (16 - 8 * (i % 3)));
    }
    for (size_t i = 0; i < count; i++) {
        const size_t row = o.down != 0 ? i % rows : i / columns, column = o.down != 0 ? i / rows : i % columns;
        paste(images[i], *grid, row * (first->height + (size_t)o.margin), column * (first->width + (size_t)o.margin));
    }
    return CNN_OK;
}
