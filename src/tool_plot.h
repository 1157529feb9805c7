/* SPDX-License-Identifier: MIT */
/* A page with lines, text and pictures on it, saved as PNG, JPEG or SVG from one description. Coordinates are in pixels
 * from the upper left corner. Drawn by cairo: a build without it has no pages, and plot_create() says so. */
#ifndef CNN_TOOL_PLOT_H
#define CNN_TOOL_PLOT_H

#include "tool.h"

typedef struct plot_page plot_page;

typedef struct plot_color {
    uint8_t red, green, blue;
} plot_color;

typedef enum plot_align { PLOT_LEFT, PLOT_MIDDLE, PLOT_RIGHT } plot_align;

typedef enum plot_format { PLOT_PNG, PLOT_JPEG, PLOT_SVG, PLOT_UNKNOWN } plot_format;

/* By the ending of a name; PLOT_PNG for one without. */
plot_format plot_format_of(const char *path);

/* The most that a page has along a side. */
#define PLOT_MOST 16384

/* Whether this build draws pages. */
bool plot_works(void);

/* Wrong usage, with the message printed, if nothing could be drawn to a file of that name: its ending is none of .png,
 * .jpg, .jpeg and .svg (a device or a pipe gets PNG), or the build has no cairo. */
int plot_check(tool *run, const char *option, const char *path);

/* A white page for a file of that name. NULL with the message printed. To be freed. */
plot_page *plot_create(tool *run, const char *path, int width, int height);
void plot_free(plot_page *page);
/* Replaces the file. TOOL_DONE, or TOOL_FAILED with the message printed. */
int plot_save(tool *run, plot_page *page, const char *path);

void plot_line(plot_page *page, double x0, double y0, double x1, double y1, double thickness, plot_color color);
void plot_rectangle(plot_page *page, double x, double y, double width, double height, plot_color fill);
/* The outline of a circle on `fill`. */
void plot_circle(plot_page *page, double x, double y, double radius, plot_color color, plot_color fill);
/* UTF-8; `height` is that of a digit, `y` its upper end. What is no UTF-8, and control characters, become "?". */
void plot_text(plot_page *page, double x, double y, double height, plot_align align, plot_color color,
               const char *text);
double plot_text_width(plot_page *page, double height, const char *text);
/* The same, cut off with "..." where it is wider than `width`. */
void plot_text_within(plot_page *page, double x, double y, double height, double width, plot_color color,
                      const char *text);
/* An image of 1 or 3 channels, stretched into a rectangle. */
void plot_image(plot_page *page, double x, double y, double width, double height, const cnn_image *image);

/* The distance of round tick marks, about `count` of them over `span`: 1, 2 or 5 times a power of ten. */
double plot_tick(double span, int count);

#endif
