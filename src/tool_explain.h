/* SPDX-License-Identifier: MIT */
/* What the sub-commands of `cnn explain` share. */
#ifndef CNN_TOOL_EXPLAIN_H
#define CNN_TOOL_EXPLAIN_H

#include "tool_json.h"

/* The sub-commands, ending with NULL; `cnn explain NAME`. */
extern const tool_command *const tool_explain_commands[];
extern const tool_command tool_explain_activations, tool_explain_filters;
/* One for each method of cnn_explain_method_name(). */
extern const tool_command tool_explain_gradcam, tool_explain_gradcam_plus_plus, tool_explain_scorecam,
    tool_explain_guided, tool_explain_saliency, tool_explain_smoothgrad, tool_explain_integrated,
    tool_explain_occlusion;

/* Opens the context and the trained model, whose ten crops become the middle one, and makes the folder. TOOL_DONE, or
 * the exit status with the message printed. */
int tool_explain_open(tool *run, const char *out, cnn_model **model);
/* Whether --out names a picture, not a folder: by its ending, unless there is a folder of that name. */
bool tool_explain_is_file(const char *out);
/* The file for a picture: OUT/IMAGE-WHAT.png, or OUT/WHAT.png without an image; slashes and the like become "_".
 * malloc'ed; NULL without memory. */
char *tool_explain_path(const char *out, const char *image, const char *what);
/* Saves the picture, frees it and the path, and tells of it: on stdout, or in `list`, which may be NULL with --json. */
int tool_explain_save(tool *run, cnn_image *picture, char *path);
/* The photo as a map lies on it: the whole of it where the preprocessing only stretches it, else the part that the
 * network sees. */
int tool_explain_photo(tool *run, const cnn_model *model, const char *path, cnn_image **photo);
/* The same of a decoded photo, which is replaced. */
cnn_status tool_explain_cut(tool *run, const cnn_model *model, cnn_image **photo);
/* Splits "0-3,10" into channels. TOOL_DONE, or wrong usage with the message printed. */
int tool_explain_channels(tool *run, const char *text, uint32_t **channels, size_t *count);
/* A shape as a list of numbers, and a file's name, in a result. */
void tool_explain_set_shape(json_t *object, const cnn_shape *shape);

#endif
