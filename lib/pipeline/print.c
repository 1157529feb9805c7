/* SPDX-License-Identifier: MIT */
/* Steps to canonical text, which parses to the same steps. */
#include <string.h>

#include "pipeline/pipeline.h"
#include "core/number.h"

static bool has_default(const cnn__param *param, const cnn__argument *argument)
{
    return argument->count == param->default_count &&
           memcmp(argument->values, param->defaults, argument->count * sizeof(double)) == 0;
}

static void print_argument(cnn__string *string, const cnn__param *param, const cnn__argument *argument)
{
    char number[32];
    if (param->type == CNN__PARAM_WORD) {
        cnn__string_printf(string, "%s", param->words[(size_t)argument->values[0]]);
        return;
    }
    for (uint32_t i = 0; i < argument->count; i++) {
        const char *between = i == 0 ? "" : param->type == CNN__PARAM_SIZE ? "x" : "/";
        cnn__string_printf(string, "%s%s", between, cnn__format_double(argument->values[i], number, sizeof(number)));
    }
}

/* The first parameter and words stand without their name; what has its default is left out when it is `quiet`. */
static void print_step(cnn__string *string, const cnn__step *step)
{
    const cnn__param *params = step->kind->params;
    bool bare = params[0].name != NULL && params[1].name != NULL && params[1].required; /* mean=..:std=.. */
    const char *between = "=";
    cnn__string_printf(string, "%s", step->kind->name);
    for (size_t i = 0; params[i].name != NULL; i++) {
        if (params[i].quiet && has_default(&params[i], &step->arguments[i])) {
            continue;
        }
        cnn__string_printf(string, "%s", between);
        between = ":";
        if ((i > 0 && params[i].type != CNN__PARAM_WORD) || bare) {
            cnn__string_printf(string, "%s=", params[i].name);
        }
        print_argument(string, &params[i], &step->arguments[i]);
    }
}

cnn_status cnn__pipeline_print(cnn_context *context, const cnn__step *steps, size_t count, char **text)
{
    cnn__string string = {.context = context};
    cnn__string_append(&string, "", 0);
    for (size_t i = 0; i < count; i++) {
        cnn__string_printf(&string, "%s", i > 0 ? "," : "");
        print_step(&string, &steps[i]);
    }
    *text = string.data;
    if (string.status != CNN_OK || string.data == NULL) {
        cnn_status status = string.status != CNN_OK ? string.status : CNN_ERROR_OUT_OF_MEMORY;
        cnn__string_free(&string);
        *text = NULL;
        return status;
    }
    return CNN_OK;
}
