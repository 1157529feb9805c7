/* SPDX-License-Identifier: MIT */
/* A canvas with lines of any width, and a font whose letters are made of such lines. */
#include "tool_plot.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

static void blend(const plot_canvas *canvas, int x, int y, plot_color color, double share)
{
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height || !(share > 0)) {
        return;
    }
    uint8_t *pixel = canvas->pixels + ((size_t)y * (size_t)canvas->width + (size_t)x) * 3;
    const uint8_t paint[3] = {color.red, color.green, color.blue};
    share = share > 1 ? 1 : share;
    for (int c = 0; c < 3; c++) {
        pixel[c] = (uint8_t)lrint(pixel[c] + (paint[c] - pixel[c]) * share);
    }
}

void plot_clear(const plot_canvas *canvas, plot_color color)
{
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            blend(canvas, x, y, color, 1);
        }
    }
}

/* The distance from (x, y) to the stretch between the two points. */
static double distance(double x, double y, double x0, double y0, double x1, double y1)
{
    double dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy;
    double along = square > 0 ? ((x - x0) * dx + (y - y0) * dy) / square : 0;
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    return hypot(x - (x0 + along * dx), y - (y0 + along * dy));
}

void plot_line(const plot_canvas *canvas, double x0, double y0, double x1, double y1, double thickness,
               plot_color color)
{
    double reach = thickness / 2 + 1;
    int left = (int)floor(fmin(x0, x1) - reach), right = (int)ceil(fmax(x0, x1) + reach);
    int top = (int)floor(fmin(y0, y1) - reach), bottom = (int)ceil(fmax(y0, y1) + reach);
    left = left < 0 ? 0 : left;
    top = top < 0 ? 0 : top;
    right = right < canvas->width ? right : canvas->width - 1;
    bottom = bottom < canvas->height ? bottom : canvas->height - 1;
    for (int y = top; y <= bottom; y++) {
        for (int x = left; x <= right; x++) {
            double away = distance(x + 0.5, y + 0.5, x0, y0, x1, y1);
            blend(canvas, x, y, color, thickness / 2 + 0.5 - away);
        }
    }
}

void plot_circle(const plot_canvas *canvas, double x, double y, double radius, plot_color color, plot_color fill)
{
    plot_line(canvas, x, y, x, y, 2 * radius, color);
    plot_line(canvas, x, y, x, y, 2 * radius - 4, fill);
}

double plot_tick(double span, int count)
{
    double power = pow(10, floor(log10(span / count))), share = span / count / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

/* ---- the font ---- */

/* Strokes, separated by blanks; each is a chain of points, a digit for x and one for y. Letters stand on y = 6, small
 * ones reach up to 2, capitals and digits to 0, and what hangs down to 8. */
typedef struct glyph {
    char letter;
    const char *strokes;
} glyph;

static const glyph glyphs[] = {
    {'0', "103041453616050110"},
    {'1', "112026"},
    {'2', "01103041420646"},
    {'3', "01103041423313 334445361605"},
    {'4', "36300444"},
    {'5', "40000312324345361605"},
    {'6', "413010010516364544331304"},
    {'7', "004016"},
    {'8', "13020110304142331304051636454433"},
    {'9', "051636454130100102133342"},
    {'a', "0312324346 441405163645"},
    {'b', "0006 0312324345361605"},
    {'c', "4332120305163645"},
    {'d', "4046 4332120305163645"},
    {'e', "04444332120305163645"},
    {'f', "30201116 0232"},
    {'g', "4332120305163645 4247381807"},
    {'h', "0006 0312324346"},
    {'i', "0206 0000"},
    {'j', "121708 1010"},
    {'k', "0006 320436"},
    {'l', "0006"},
    {'m', "0206 0312223336 3342526366"},
    {'n', "0206 0312324346"},
    {'o', "123243453616050312"},
    {'p', "0208 0312324345361605"},
    {'q', "4248 4332120305163645"},
    {'r', "0206 03122232"},
    {'s', "43321203143445361605"},
    {'t', "10152636 0232"},
    {'u', "0205163645 4246"},
    {'v', "022642"},
    {'w', "0216325662"},
    {'x', "0246 4206"},
    {'y', "0226 4218"},
    {'z', "02420646"},
    {'_', "0747"},
    {'-', "0434"},
    {'+', "0444 2226"},
    {'.', "0606"},
    {':', "0303 0606"},
    {'/', "3007"},
    {'%', "4006 0000 4646"},
    {'(', "10010516"},
    {')', "00111506"},
};

#define BLANK_WIDTH 3
#define GAP 2.2 /* between two letters */

static const char *strokes_of(char letter)
{
    for (size_t i = 0; i < sizeof(glyphs) / sizeof(glyphs[0]); i++) {
        if (glyphs[i].letter == tolower((unsigned char)letter)) {
            return glyphs[i].strokes;
        }
    }
    return "";
}

static int glyph_width(const char *strokes)
{
    int width = *strokes != '\0' ? 0 : BLANK_WIDTH;
    for (const char *p = strokes; *p != '\0'; p += *p == ' ' ? 1 : 2) {
        width = *p != ' ' && *p - '0' > width ? *p - '0' : width;
    }
    return width;
}

double plot_text_width(double height, const char *text)
{
    double width = 0;
    for (const char *p = text; *p != '\0'; p++) {
        width += glyph_width(strokes_of(*p)) + (p[1] != '\0' ? GAP : 0);
    }
    return width * height / 6;
}

static void draw_glyph(const plot_canvas *canvas, double x, double y, double unit, plot_color color,
                       const char *strokes)
{
    double thickness = 0.4 + unit * 0.55;
    for (const char *p = strokes; *p != '\0'; p += *p == ' ' ? 1 : 2) {
        if (*p == ' ' || p[2] == '\0' || p[2] == ' ') {
            continue; /* the last point of a stroke */
        }
        plot_line(canvas, x + (p[0] - '0') * unit, y + (p[1] - '0') * unit, x + (p[2] - '0') * unit,
                  y + (p[3] - '0') * unit, thickness, color);
    }
}

void plot_text(const plot_canvas *canvas, double x, double y, double height, plot_align align, plot_color color,
               const char *text)
{
    double unit = height / 6, width = plot_text_width(height, text);
    x -= align == PLOT_LEFT ? 0 : align == PLOT_MIDDLE ? width / 2 : width;
    for (const char *p = text; *p != '\0'; p++) {
        const char *strokes = strokes_of(*p);
        draw_glyph(canvas, x, y, unit, color, strokes);
        x += (glyph_width(strokes) + GAP) * unit;
    }
}
