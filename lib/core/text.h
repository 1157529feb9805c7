/* SPDX-License-Identifier: MIT */
/* Names that come from outside: bytes of file names, of files and of programs, made into text that can be written into
 * any file and shown on any terminal. */
#ifndef CNN_CORE_TEXT_H
#define CNN_CORE_TEXT_H

#include <cnn/context.h>

/* Bytes of the UTF-8 character that `text` begins with (its end is a NUL): 0 if these bytes are none, as for overlong
 * forms, surrogates and what lies above U+10FFFF. `code` may be NULL. */
size_t cnn__utf8_length(const char *text, uint32_t *code);

/* Whether the bytes are UTF-8 and hold no control characters (U+0000 to U+001F, U+007F to U+009F). */
bool cnn__is_plain_text(const char *bytes);

/* The name that stands for these bytes everywhere: characters of UTF-8 as they are, each other byte and each byte of a
 * control character as "\xNN". A name made so is left as it is, so that names may pass here more than once: that of a
 * folder, of the model trained on it, and of the model's file are the same. Two names of bytes can become one; whoever
 * needs them to differ compares after this. The result belongs to the caller (cnn__free); NULL without memory. */
char *cnn__name_text(cnn_context *context, const char *bytes);

/* For messages: the same text, cut between characters to fit; returns `text`. */
const char *cnn__printable(const char *bytes, char *text, size_t size);

/* For messages that two names differ: nothing if the difference can be seen, else where and by which characters, as
 * " (at character 4: U+0065 U+0301, not U+00E9)": the second name has the last. Returns `text`. */
const char *cnn__name_difference(const char *a, const char *b, char *text, size_t size);

#endif
