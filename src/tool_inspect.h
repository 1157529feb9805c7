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
    TOOL_ODDITIES
} tool_oddity;

typedef struct tool_finding {
    char *error;       /* why it could not be decoded, malloc'ed; NULL: it could */
    uint32_t oddities; /* a bit for each */
    cnn_image_info info;
    uint64_t hash, size; /* of the file's bytes */
} tool_finding;

/* "is grey"; for a kind that half of the images may have in good order, "are grey". */
const char *tool_oddity_text(tool_oddity oddity);
/* The text for one image, with its numbers. */
void tool_oddity_describe(const tool_finding *finding, tool_oddity oddity, char *text, size_t size);
/* Whether it is a matter of taste: not odd where most images have it. */
bool tool_oddity_may_be_usual(tool_oddity oddity);

/* Reads, decodes and judges one file. Any thread. */
void tool_inspect(cnn_context *context, const char *path, tool_finding *finding);
bool tool_same_bytes(const char *a, const char *b);

/* What lies below a path, in byte order of the paths; names that begin with a dot are passed over. */
typedef struct tool_tree {
    tool_list images; /* by the ending of their names: .jpg, .jpeg, .png in any case */
    tool_list hidden; /* JPEG or PNG by their bytes, but not by their names */
    tool_list empty;  /* folders without an image in or below them */
    uint64_t others;  /* files of any other kind */
} tool_tree;

/* 0, or an errno with the path it belongs to in `failed` (malloc'ed). */
int tool_tree_read(const char *path, tool_tree *tree, char **failed);
void tool_tree_free(tool_tree *tree);

#endif
