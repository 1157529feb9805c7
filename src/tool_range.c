/* SPDX-License-Identifier: MIT */
/* A hint for those who bring numbers from a library whose pixels go from 0 to 255: here they go from 0 to 1. */
#include "tool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The largest of numbers that '/' parts. */
static double largest(const char *numbers)
{
    double most = 0;
    char *end;
    for (double value = strtod(numbers, &end); end != numbers; value = strtod(numbers, &end)) {
        most = fmax(most, value);
        numbers = *end == '/' ? end + 1 : end;
    }
    return most;
}

/* What follows `start` in the step, NULL if it does not begin so. */
static const char *after(const char *step, const char *start)
{
    return strncmp(step, start, strlen(start)) == 0 ? step + strlen(start) : NULL;
}

void tool_check_range(tool *run, const cnn_pipeline *pipeline)
{
    double white = 1; /* what has become of it */
    for (const char *step = cnn_pipeline_text(pipeline); *step != '\0';) {
        const char *factor = after(step, "scale="), *mean = after(step, "subtract=");
        mean = mean != NULL ? mean : after(step, "normalize=mean=");
        if (factor != NULL) {
            white *= fabs(strtod(factor, NULL));
            if (white > 0 && white < 0.02) {
                tool_note(run,
                          "warning: after scale=%.*s values go up to %.3g: pixels are in [0, 1] before it, "
                          "not in [0, 255]",
                          (int)strcspn(factor, ","), factor, white);
            }
        } else if (mean != NULL) {
            if (largest(mean) > 2 * white) {
                tool_note(run,
                          "warning: a mean of %g is subtracted from values up to %.3g: pixels are in [0, 1], "
                          "not in [0, 255]",
                          largest(mean), white);
            }
            return; /* behind that there is no white any more */
        }
        step += strcspn(step, ",");
        step += *step == ',';
    }
}
