/* SPDX-License-Identifier: MIT */
/* PNG by libpng: 8-bit grey or RGB, its default compression. */
#include <setjmp.h>
#include <string.h>

#include <png.h>

#include "image/codec.h"

typedef struct encoder {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    const cnn_image *image;
    cnn__sink *sink;
    cnn_status status;
} encoder;

static void on_error(png_structp png, png_const_charp text)
{
    encoder *e = png_get_error_ptr(png);
    cnn_status status = strstr(text, "memory") != NULL ? CNN_ERROR_OUT_OF_MEMORY : CNN_ERROR_INTERNAL;
    e->status = cnn__fail(e->image->context, status, "PNG encoder: %s", text);
    longjmp(e->escape, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep data, size_t size)
{
    encoder *e = png_get_io_ptr(png);
    e->sink->status = e->sink->write(e->sink->user, data, size);
    if (e->sink->status != CNN_OK) {
        e->status = e->sink->status;
        longjmp(e->escape, 1);
    }
}

static void flush_nothing(png_structp png) { (void)png; }

static cnn_status encode_image(encoder *e)
{
    const cnn_image *image = e->image;
    const size_t stride = (size_t)image->width * image->channels;
    e->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, on_error, on_warning);
    e->info = e->png != NULL ? png_create_info_struct(e->png) : NULL;
    if (e->info == NULL) {
        return cnn__fail(image->context, CNN_ERROR_OUT_OF_MEMORY, "PNG encoder: out of memory");
    }
    png_set_write_fn(e->png, e, write_bytes, flush_nothing);
    png_set_IHDR(e->png, e->info, image->width, image->height, 8,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(e->png, e->info);
    for (uint32_t y = 0; y < image->height; y++) {
        png_write_row(e->png, image->pixels + y * stride);
    }
    png_write_end(e->png, NULL);
    return CNN_OK;
}

/* Has no variables of its own, which a longjmp would leave indeterminate. */
static void run(encoder *e)
{
    if (setjmp(e->escape) == 0) {
        e->status = encode_image(e);
    }
}

cnn_status cnn__png_encode(const cnn_image *image, cnn__sink *sink)
{
    encoder e;
    memset(&e, 0, sizeof(e));
    e.image = image;
    e.sink = sink;
    run(&e);
    png_destroy_write_struct(&e.png, &e.info);
    return e.status;
}
