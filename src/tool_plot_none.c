/* SPDX-License-Identifier: MIT */
/* A build without cairo: there is never a page, so nothing is ever drawn on one. */
#include "tool_plot.h"

static const char reason[] = "this build of the command draws no pictures: it was made without cairo";

bool plot_works(void) { return false; }

int plot_check(tool *run, const char *option, const char *path)
{
    return tool_fail(run, "--%s %s: %s", option, path, reason);
}

plot_page *plot_create(tool *run, const char *path, int width, int height)
{
    (void)width;
    (void)height;
    tool_fail(run, "%s: %s", path, reason);
    return NULL;
}

void plot_free(plot_page *page) { (void)page; }

int plot_save(tool *run, plot_page *page, const char *path)
{
    (void)page;
    return tool_fail(run, "%s: %s", path, reason);
}

void plot_line(plot_page *page, double x0, double y0, double x1, double y1, double thickness, plot_color color)
{
    (void)page, (void)x0, (void)y0, (void)x1, (void)y1, (void)thickness, (void)color;
}

void plot_rectangle(plot_page *page, double x, double y, double width, double height, plot_color fill)
{
    (void)page, (void)x, (void)y, (void)width, (void)height, (void)fill;
}

void plot_circle(plot_page *page, double x, double y, double radius, plot_color color, plot_color fill)
{
    (void)page, (void)x, (void)y, (void)radius, (void)color, (void)fill;
}

void plot_text(plot_page *page, double x, double y, double height, plot_align align, plot_color color, const char *text)
{
    (void)page, (void)x, (void)y, (void)height, (void)align, (void)color, (void)text;
}

double plot_text_width(plot_page *page, double height, const char *text)
{
    (void)page, (void)height, (void)text;
    return 0;
}

void plot_text_within(plot_page *page, double x, double y, double height, double width, plot_color color,
                      const char *text)
{
    (void)page, (void)x, (void)y, (void)height, (void)width, (void)color, (void)text;
}

void plot_image(plot_page *page, double x, double y, double width, double height, const cnn_image *image)
{
    (void)page, (void)x, (void)y, (void)width, (void)height, (void)image;
}
