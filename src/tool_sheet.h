/* SPDX-License-Identifier: MIT */
/* A page of pictures in rows, each with lines of text below it. */
#ifndef CNN_TOOL_SHEET_H
#define CNN_TOOL_SHEET_H

#include "tool_plot.h"

enum { SHEET_LINES = 2 };

typedef struct tool_sheet {
    tool *run;
    const char *path;
    plot_page *page;
    size_t count, columns; /* cells */
    int lines;             /* of text in a cell */
    size_t next;           /* cell */
} tool_sheet;

typedef struct tool_caption {
    const char *text; /* NULL: an empty line */
    plot_color color;
} tool_caption;

/* The most cells of a sheet. */
#define SHEET_MOST 1000

/* Opens a sheet of `count` cells for the file. TOOL_DONE, or the exit status with the message printed. */
int tool_sheet_open(tool_sheet *sheet, tool *run, const char *path, size_t count, int lines);
/* Draws into the next cell: the image as large as fits, its proportions kept, and the lines below it. */
cnn_status tool_sheet_add(tool_sheet *sheet, const cnn_image *image, const tool_caption captions[SHEET_LINES]);
int tool_sheet_save(tool_sheet *sheet);
void tool_sheet_close(tool_sheet *sheet);

#endif
