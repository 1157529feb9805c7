/* SPDX-License-Identifier: MIT */
#include "image/notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "image/golden_image.h"

cnn_context *context;
char last_log[512];
int logged;

static void remember(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_WARNING) {
        snprintf(last_log, sizeof(last_log), "%s", message);
        logged++;
    }
}

void open_context(void)
{
    last_log[0] = '\0';
    logged = 0;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .log = remember), &context), CNN_OK);
}

void close_context(void) { cnn_context_free(context); }

bytes named(const char *name) { return golden_named(golden_files, COUNT(golden_files), name); }

cnn_image *decode(const bytes *file, const cnn_decode_options *options)
{
    return image_decoded(context, file, options);
}

void expect_size(const bytes *file, const cnn_decode_options *options, uint32_t width, uint32_t height)
{
    cnn_image *image = decode(file, options);
    ck_assert_uint_eq(cnn_image_width(image), width);
    ck_assert_uint_eq(cnn_image_height(image), height);
    cnn_image_free(image);
}

void expect_failure(const bytes *file, const cnn_decode_options *options, cnn_status status, const char *text)
{
    cnn_image *image = (cnn_image *)&context;
    check_failed(context, cnn_image_decode(context, file->data, file->size, options, &image), status, text);
    ck_assert_ptr_null(image);
}

void expect_note(bytes *file, const bytes *same, const char *note)
{
    logged = 0;
    cnn_image *expected = decode(same, NULL);
    ck_assert_str_eq(cnn_image_notes(expected), "");
    ck_assert_int_eq(logged, 0);
    cnn_image *image = decode(file, NULL);
    ck_assert_msg(strstr(cnn_image_notes(image), note) != NULL, "\"%s\" lacks \"%s\"", cnn_image_notes(image), note);
    ck_assert_ptr_null(strchr(cnn_image_notes(image), '\n'));
    ck_assert_int_eq(logged, 1);
    ck_assert_msg(strstr(last_log, "image in memory: ") == last_log && strstr(last_log, note) != NULL, "%s", last_log);
    size_t size = (size_t)cnn_image_width(image) * cnn_image_height(image) * 3;
    ck_assert_mem_eq(cnn_image_pixels(image), cnn_image_pixels(expected), size);
    cnn_image_free(image);
    cnn_image_free(expected);
    bytes_free(file);
}

bytes make_jpeg(uint32_t width, uint32_t height, unsigned restart, bool progressive)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long size = 0;
    uint8_t *row = malloc(width);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg.restart_interval = restart;
    if (progressive) {
        jpeg_simple_progression(&jpeg);
    }
    jpeg_start_compress(&jpeg, TRUE);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            row[x] = (uint8_t)(x * 5 + y * 3);
        }
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return (bytes){data, size};
}
