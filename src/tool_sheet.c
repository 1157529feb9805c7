/* SPDX-License-Identifier: MIT */
/* Cells of one size on a page. */
#include "tool_sheet.h"

#include <math.h>

enum { PICTURE = 128, GAP = 12, LINE = 17, TEXT = 9 };

static const plot_color empty = {240, 240, 240};

/* Wider than tall, as screens are. */
static size_t columns_for(size_t count)
{
    size_t columns = (size_t)ceil(sqrt((double)count * 1.4));
    return columns < 1 ? 1 : columns;
}

int tool_sheet_open(tool_sheet *sheet, tool *run, const char *path, size_t count, int lines)
{
    *sheet = (tool_sheet){.run = run, .path = path, .count = count, .columns = columns_for(count), .lines = lines};
    const size_t rows = (count + sheet->columns - 1) / sheet->columns;
    const int width = (int)sheet->columns * (PICTURE + GAP) + GAP;
    const int height = (int)rows * (PICTURE + lines * LINE + GAP) + GAP;
    sheet->page = plot_create(run, path, width, height);
    return sheet->page != NULL ? TOOL_DONE : TOOL_FAILED;
}

/* The size along one side, at least a pixel. */
static uint32_t fit(uint32_t side, uint32_t longest)
{
    const uint32_t size = (uint32_t)(((uint64_t)side * PICTURE + longest / 2) / longest);
    return size < 1 ? 1 : size;
}

cnn_status tool_sheet_add(tool_sheet *sheet, const cnn_image *image, const tool_caption captions[SHEET_LINES])
{
    const double x = GAP + (double)(sheet->next % sheet->columns) * (PICTURE + GAP);
    const double y = GAP + (double)(sheet->next / sheet->columns) * (PICTURE + sheet->lines * LINE + GAP);
    const uint32_t height = cnn_image_height(image), width = cnn_image_width(image);
    const uint32_t longest = height > width ? height : width;
    cnn_image *small = NULL;
    /* Small images are enlarged pixel by pixel, so that one sees what is there. */
    const cnn_resize_filter filter = longest < PICTURE ? CNN_RESIZE_NEAREST : CNN_RESIZE_BILINEAR;
    const uint32_t columns = fit(width, longest), rows = fit(height, longest);
    const cnn_status status = cnn_image_resize(image, columns, rows, filter, &small);
    if (status != CNN_OK) {
        return status;
    }
    sheet->next++;
    plot_rectangle(sheet->page, x, y, PICTURE, PICTURE, empty);
    plot_image(sheet->page, x + (double)((PICTURE - columns) / 2), y + (double)((PICTURE - rows) / 2), columns, rows,
               small);
    for (int i = 0; i < sheet->lines; i++) {
        if (captions[i].text != NULL) {
            plot_text_within(sheet->page, x, y + PICTURE + 6 + i * LINE, TEXT, PICTURE, captions[i].color,
                             captions[i].text);
        }
    }
    cnn_image_free(small);
    return CNN_OK;
}

int tool_sheet_save(tool_sheet *sheet) { return plot_save(sheet->run, sheet->page, sheet->path); }

void tool_sheet_close(tool_sheet *sheet) { plot_free(sheet->page); }
