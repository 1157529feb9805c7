/* SPDX-License-Identifier: MIT */
/* What tests of odd images share: a context whose warnings are kept, images that have to be refused or noted, and JPEGs
 * of any size. */
#ifndef CNN_TESTS_IMAGE_NOTES_H
#define CNN_TESTS_IMAGE_NOTES_H

#include "image/support.h"

extern cnn_context *context;
/* How many warnings there were since the context was opened, and the last one. */
extern int logged;
extern char last_log[512];
void open_context(void);
void close_context(void);

/* A file of golden_image.h. */
bytes named(const char *name);
/* Decodes what has to be good. */
cnn_image *decode(const bytes *file, const cnn_decode_options *options);
void expect_size(const bytes *file, const cnn_decode_options *options, uint32_t width, uint32_t height);
void expect_failure(const bytes *file, const cnn_decode_options *options, cnn_status status, const char *text);
/* The pixels are those of `same`, the one note is as given, and it is logged with the file's name. Frees `file`. */
void expect_note(bytes *file, const bytes *same, const char *note);

/* A grey JPEG; restart markers after every `restart` blocks unless 0. */
bytes make_jpeg(uint32_t width, uint32_t height, unsigned restart, bool progressive);

#endif
