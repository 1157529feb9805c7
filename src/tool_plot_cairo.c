/* SPDX-License-Identifier: MIT */
/* Pages by cairo. What fails while a page is drawn is remembered by cairo and told when it is saved. */
#include "tool_plot.h"

#include <cairo/cairo-svg.h>
#include <cairo/cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The height of a digit, of one of a font's size. */
#define DIGIT 0.73

struct plot_page {
    cairo_surface_t *surface;
    cairo_t *cairo;
    FILE *file; /* SVG is written here while it is drawn */
    char *bytes;
    size_t size;
    plot_format format;
    int width, height;
};

bool plot_works(void) { return true; }

int plot_check(tool *run, const char *option, const char *path)
{
    return plot_format_of(path) != PLOT_UNKNOWN
               ? TOOL_DONE
               : tool_fail_usage(run, "--%s %s: pictures end in .png, .jpg or .svg", option, path);
}

static cairo_status_t write_bytes(void *file, const unsigned char *data, unsigned size)
{
    return fwrite(data, 1, size, file) == size ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static void set_color(plot_page *page, plot_color color)
{
    cairo_set_source_rgb(page->cairo, color.red / 255.0, color.green / 255.0, color.blue / 255.0);
}

plot_page *plot_create(tool *run, const char *path, int width, int height)
{
    plot_page *page = calloc(1, sizeof(*page));
    if (page == NULL || width > PLOT_MOST || height > PLOT_MOST) {
        page == NULL ? tool_fail_memory(run)
                     : tool_fail(run, "%s: a page of %d x %d is too large; most is %d", path, width, height, PLOT_MOST);
        free(page);
        return NULL;
    }
    page->format = plot_format_of(path);
    page->width = width;
    page->height = height;
    page->file = open_memstream(&page->bytes, &page->size);
    if (page->file != NULL) {
        page->surface = page->format == PLOT_SVG
                            ? cairo_svg_surface_create_for_stream(write_bytes, page->file, width, height)
                            : cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
        page->cairo = cairo_create(page->surface);
    }
    if (page->file == NULL || cairo_status(page->cairo) != CAIRO_STATUS_SUCCESS) {
        tool_fail_memory(run);
        plot_free(page);
        return NULL;
    }
    cairo_select_font_face(page->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_line_cap(page->cairo, CAIRO_LINE_CAP_ROUND);
    plot_rectangle(page, 0, 0, width, height, (plot_color){255, 255, 255});
    return page;
}

void plot_free(plot_page *page)
{
    if (page == NULL) {
        return;
    }
    if (page->cairo != NULL) {
        cairo_destroy(page->cairo);
    }
    if (page->surface != NULL) {
        cairo_surface_destroy(page->surface);
    }
    if (page->file != NULL) {
        fclose(page->file);
    }
    free(page->bytes);
    free(page);
}

static cnn_status add_bytes(void *file, const void *data, size_t size)
{
    return fwrite(data, 1, size, file) == size ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
}

/* cairo has no JPEG: the pixels become an image of the library's. */
static cnn_status encode_jpeg(tool *run, plot_page *page)
{
    cnn_image *image = NULL;
    cnn_status status = cnn_image_create(run->context, (uint32_t)page->width, (uint32_t)page->height, 3, &image);
    if (status != CNN_OK) {
        return status;
    }
    cairo_surface_flush(page->surface);
    const unsigned char *rows = cairo_image_surface_get_data(page->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(page->surface);
    uint8_t *pixel = cnn_image_pixels(image);
    for (size_t y = 0; y < (size_t)page->height; y++) {
        for (size_t x = 0; x < (size_t)page->width; x++, pixel += 3) {
            uint32_t word;
            memcpy(&word, rows + y * stride + 4 * x, sizeof(word));
            pixel[0] = (uint8_t)(word >> 16);
            pixel[1] = (uint8_t)(word >> 8);
            pixel[2] = (uint8_t)word;
        }
    }
    status = cnn_image_encode(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG), add_bytes, page->file);
    cnn_image_free(image);
    return status;
}

int plot_save(tool *run, plot_page *page, const char *path)
{
    cairo_status_t drawn = cairo_status(page->cairo);
    if (drawn == CAIRO_STATUS_SUCCESS && page->format == PLOT_JPEG) {
        const cnn_status status = encode_jpeg(run, page);
        if (status != CNN_OK) {
            return tool_fail_library(run, status);
        }
    } else if (drawn == CAIRO_STATUS_SUCCESS && page->format != PLOT_SVG) {
        drawn = cairo_surface_write_to_png_stream(page->surface, write_bytes, page->file);
    }
    cairo_surface_finish(page->surface); /* writes the end of an SVG */
    drawn = drawn == CAIRO_STATUS_SUCCESS ? cairo_surface_status(page->surface) : drawn;
    if (drawn != CAIRO_STATUS_SUCCESS) {
        return tool_fail(run, "%s: drawing failed: %s", path, cairo_status_to_string(drawn));
    }
    const bool whole = fclose(page->file) == 0;
    page->file = NULL;
    return tool_save_bytes(run, path, whole ? page->bytes : NULL, page->size);
}

void plot_line(plot_page *page, double x0, double y0, double x1, double y1, double thickness, plot_color color)
{
    set_color(page, color);
    cairo_set_line_width(page->cairo, thickness);
    cairo_move_to(page->cairo, x0, y0);
    cairo_line_to(page->cairo, x1, y1);
    cairo_stroke(page->cairo);
}

void plot_rectangle(plot_page *page, double x, double y, double width, double height, plot_color fill)
{
    set_color(page, fill);
    cairo_rectangle(page->cairo, x, y, width, height);
    cairo_fill(page->cairo);
}

void plot_circle(plot_page *page, double x, double y, double radius, plot_color color, plot_color fill)
{
    cairo_new_sub_path(page->cairo);
    cairo_arc(page->cairo, x, y, radius - 1, 0, 2 * acos(-1));
    set_color(page, fill);
    cairo_fill_preserve(page->cairo);
    set_color(page, color);
    cairo_set_line_width(page->cairo, 2);
    cairo_stroke(page->cairo);
}

/* cairo stops at text that is no UTF-8. malloc'ed; NULL without memory, and then the page lacks that text. */
static char *clean(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *to = copy;
    while (copy != NULL && *text != '\0') {
        uint32_t code;
        bool hidden;
        const size_t length = tool_read_character(text, &code, &hidden);
        if (length == 0 || hidden) {
            *to++ = '?';
            text += length == 0 ? 1 : length;
        } else {
            memcpy(to, text, length);
            to += length;
            text += length;
        }
    }
    if (copy != NULL) {
        *to = '\0';
    }
    return copy;
}

static double width_of(plot_page *page, double height, const char *text)
{
    cairo_text_extents_t extents;
    cairo_set_font_size(page->cairo, height / DIGIT);
    cairo_text_extents(page->cairo, text, &extents);
    return extents.x_advance;
}

double plot_text_width(plot_page *page, double height, const char *text)
{
    char *copy = clean(text);
    const double width = copy != NULL ? width_of(page, height, copy) : 0;
    free(copy);
    return width;
}

static void show(plot_page *page, double x, double y, double height, plot_align align, plot_color color,
                 const char *text)
{
    const double width = width_of(page, height, text);
    set_color(page, color);
    cairo_move_to(page->cairo, align == PLOT_LEFT ? x : align == PLOT_MIDDLE ? x - width / 2 : x - width, y + height);
    cairo_show_text(page->cairo, text);
}

void plot_text(plot_page *page, double x, double y, double height, plot_align align, plot_color color, const char *text)
{
    char *copy = clean(text);
    if (copy != NULL) {
        show(page, x, y, height, align, color, copy);
    }
    free(copy);
}

/* Cuts whole characters off the end until "..." fits behind. */
void plot_text_within(plot_page *page, double x, double y, double height, double width, plot_color color,
                      const char *text)
{
    char *copy = clean(text);
    if (copy == NULL) {
        return;
    }
    size_t length = strlen(copy);
    char *cut = malloc(length + 4);
    if (cut != NULL) {
        memcpy(cut, copy, length + 1);
        while (length > 0 && width_of(page, height, cut) > width) {
            do {
                length--;
            } while (length > 0 && ((unsigned char)copy[length] & 0xC0) == 0x80);
            memcpy(cut + length, "...", 4);
        }
        show(page, x, y, height, PLOT_LEFT, color, cut);
    }
    free(cut);
    free(copy);
}

void plot_image(plot_page *page, double x, double y, double width, double height, const cnn_image *image)
{
    const size_t columns = cnn_image_width(image), rows = cnn_image_height(image), channels = cnn_image_channels(image);
    cairo_surface_t *picture = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)columns, (int)rows);
    unsigned char *data = cairo_image_surface_get_data(picture);
    if (data != NULL) {
        const size_t stride = (size_t)cairo_image_surface_get_stride(picture);
        const uint8_t *pixel = cnn_image_pixels((cnn_image *)image);
        for (size_t i = 0; i < rows * columns; i++, pixel += channels) {
            const uint32_t word = (uint32_t)pixel[0] << 16 | (uint32_t)pixel[channels / 2] << 8 |
                                  (uint32_t)pixel[channels - 1];
            memcpy(data + i / columns * stride + i % columns * 4, &word, sizeof(word));
        }
        cairo_surface_mark_dirty(picture);
    }
    cairo_save(page->cairo);
    cairo_translate(page->cairo, x, y);
    cairo_scale(page->cairo, width / (double)columns, height / (double)rows);
    cairo_set_source_surface(page->cairo, picture, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(page->cairo), CAIRO_FILTER_NEAREST);
    cairo_paint(page->cairo);
    cairo_restore(page->cairo);
    cairo_surface_destroy(picture);
}
