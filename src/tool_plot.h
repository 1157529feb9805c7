/* SPDX-License-Identifier: MIT */
/* Lines and text on an image, with soft edges. Coordinates are in pixels from the upper left corner. */
#ifndef CNN_TOOL_PLOT_H
#define CNN_TOOL_PLOT_H

#include <stdint.h>

typedef struct plot_canvas {
    uint8_t *pixels; /* height x width x 3 */
    int width, height;
} plot_canvas;

typedef struct plot_color {
    uint8_t red, green, blue;
} plot_color;

typedef enum plot_align { PLOT_LEFT, PLOT_MIDDLE, PLOT_RIGHT } plot_align;

void plot_clear(const plot_canvas *canvas, plot_color color);
void plot_line(const plot_canvas *canvas, double x0, double y0, double x1, double y1, double thickness,
               plot_color color);
/* The outline of a circle on `fill`. */
void plot_circle(const plot_canvas *canvas, double x, double y, double radius, plot_color color, plot_color fill);
/* Lower case, digits and a few signs; `height` is that of a digit, `y` its upper end. */
void plot_text(const plot_canvas *canvas, double x, double y, double height, plot_align align, plot_color color,
               const char *text);
double plot_text_width(double height, const char *text);

/* The distance of round tick marks, about `count` of them over `span`: 1, 2 or 5 times a power of ten. */
double plot_tick(double span, int count);

#endif
