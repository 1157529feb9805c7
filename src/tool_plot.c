/* SPDX-License-Identifier: MIT */
/* What pages need with and without cairo. */
#include "tool_plot.h"

#include <math.h>
#include <string.h>
#include <strings.h>

double plot_tick(double span, int count)
{
    double power = pow(10, floor(log10(span / count))), share = span / count / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

plot_format plot_format_of(const char *path)
{
    static const struct {
        const char *ending;
        plot_format format;
    } endings[] = {{".png", PLOT_PNG}, {".jpg", PLOT_JPEG}, {".jpeg", PLOT_JPEG}, {".svg", PLOT_SVG}};
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash != NULL ? slash : path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strcasecmp(dot, endings[i].ending) == 0) {
            return endings[i].format;
        }
    }
    return dot == NULL ? PLOT_PNG : PLOT_UNKNOWN;
}
