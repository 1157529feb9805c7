/* SPDX-License-Identifier: MIT */
/* JPEG by libjpeg-turbo: baseline, its standard tables, chroma at half resolution. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image/codec.h"

/* Bytes that are handed on at a time. */
#define BUFFER_SIZE 16384

typedef struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf escape;
    const cnn_image *image;
    cnn__sink *sink;
    cnn_status status;
    uint8_t buffer[BUFFER_SIZE];
} encoder;

static void leave(encoder *e, cnn_status status)
{
    e->status = status;
    longjmp(e->escape, 1);
}

static void on_error(j_common_ptr jpeg)
{
    encoder *e = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    cnn_status status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? CNN_ERROR_OUT_OF_MEMORY : CNN_ERROR_INTERNAL;
    leave(e, cnn__fail(e->image->context, status, "JPEG encoder: %s", text));
}

/* Warnings and traces: an encoder has nothing to warn of. */
static void ignore_message(j_common_ptr jpeg, int level)
{
    (void)jpeg;
    (void)level;
}

static void output_nothing(j_common_ptr jpeg) { (void)jpeg; }

static void reset_buffer(encoder *e)
{
    e->destination.next_output_byte = e->buffer;
    e->destination.free_in_buffer = BUFFER_SIZE;
}

static void write_buffer(encoder *e, size_t size)
{
    e->sink->status = e->sink->write(e->sink->user, e->buffer, size);
    if (e->sink->status != CNN_OK) {
        leave(e, e->sink->status);
    }
}

static void start_output(j_compress_ptr jpeg) { reset_buffer(jpeg->client_data); }

static boolean buffer_is_full(j_compress_ptr jpeg)
{
    encoder *e = jpeg->client_data;
    write_buffer(e, BUFFER_SIZE);
    reset_buffer(e);
    return TRUE;
}

static void finish_output(j_compress_ptr jpeg)
{
    encoder *e = jpeg->client_data;
    write_buffer(e, BUFFER_SIZE - e->destination.free_in_buffer);
}

static void encode_image(encoder *e, uint32_t quality)
{
    const cnn_image *image = e->image;
    const size_t stride = (size_t)image->width * image->channels;
    jpeg_create_compress(&e->jpeg);
    e->jpeg.dest = &e->destination;
    e->jpeg.image_width = image->width;
    e->jpeg.image_height = image->height;
    e->jpeg.input_components = (int)image->channels;
    e->jpeg.in_color_space = image->channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&e->jpeg);
    jpeg_set_quality(&e->jpeg, (int)quality, TRUE);
    jpeg_start_compress(&e->jpeg, TRUE);
    while (e->jpeg.next_scanline < e->jpeg.image_height) {
        JSAMPROW row = image->pixels + e->jpeg.next_scanline * stride;
        jpeg_write_scanlines(&e->jpeg, &row, 1);
    }
    jpeg_finish_compress(&e->jpeg);
}

/* Has no variables of its own, which a longjmp would leave indeterminate. */
static void run(encoder *e, uint32_t quality)
{
    if (setjmp(e->escape) == 0) {
        encode_image(e, quality);
    }
}

cnn_status cnn__jpeg_encode(const cnn_image *image, uint32_t quality, cnn__sink *sink)
{
    encoder *e = cnn__alloc_zero(image->context, sizeof(*e));
    if (e == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    e->image = image;
    e->sink = sink;
    e->jpeg.err = jpeg_std_error(&e->errors);
    e->jpeg.client_data = e;
    e->errors.error_exit = on_error;
    e->errors.emit_message = ignore_message;
    e->errors.output_message = output_nothing;
    e->destination.init_destination = start_output;
    e->destination.empty_output_buffer = buffer_is_full;
    e->destination.term_destination = finish_output;
    run(e, quality);
    jpeg_destroy_compress(&e->jpeg);
    cnn_status status = e->status;
    cnn__free(image->context, e);
    return status;
}
