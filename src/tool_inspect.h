/* SPDX-License-Identifier: MIT */
/* What `cnn check` sees in a folder and in one image file. */
#ifndef CNN_TOOL_INSPECT_H
#define CNN_TOOL_INSPECT_H

#include "tool.h"

/* What can be odd about an image that decodes. */
typedef enum tool_oddity {
    TOOL_ODD_GREY,
    TOOL_ODD_CMYK,
    TOOL_ODD_DEEP,
    TOOL_ODD_ALPHA,
    TOOL_ODD_TURNED,
    TOOL_ODD_TINY,
    TOOL_ODD_LONG,
    TOOL_ODD_ENDING,
    TOOL_ODD_NOTED,
    TOOL_ODDITIES
} tool_oddity;

typedef struct tool_finding {
    char *error;       /* why it could not be decoded, malloc'ed; NULL: it could */
    uint32_t oddities; /* a bit for each */
    char *notes;       /* what the decoder found odd, a line each; NULL: nothing */
    cnn_image_info info;
    uint64_t hash, size; /* of the file's bytes */
} tool_finding;

/* "is grey"; for a kind that half of the images may have in good order, "are grey". */
const char *tool_oddity_text(tool_oddity oddity);
/* The text for one image, with its numbers. Not of TOOL_ODD_NOTED, whose lines are in `notes`. */
void tool_oddity_describe(const tool_finding *finding, tool_oddity oddity, char *text, size_t size);
/* Whether it is a matter of taste: not odd where most images have it. */
bool tool_oddity_may_be_usual(tool_oddity oddity);

/* Reads, decodes and judges one file. Any thread. */
void tool_inspect(cnn_context *context, const char *path, tool_finding *finding);
bool tool_same_bytes(const char *a, const char *b);

/* What lies below a path, in byte order of the paths; names that begin with a dot are passed over. */
typedef struct tool_tree {
    tool_list images;  /* by the ending of their names, as cnn_image_name_format() knows them; or the path itself */
    tool_list hidden;  /* images by their bytes, but not by their names */
    tool_list sealed;  /* files whose names are those of no image, and whose bytes cannot be read */
    tool_list empty;   /* folders without an image in or below them */
    tool_list failed;  /* entries and folders that cannot be examined: what is there is not known */
    tool_list reasons; /* of `failed` */
    uint64_t others;   /* files of any other kind */
    uint64_t folders;
} tool_tree;

/* Lists what is there; what cannot be examined is listed too, and the rest goes on. False without memory. */
bool tool_tree_read(const char *path, tool_tree *tree);
void tool_tree_free(tool_tree *tree);

#endif
