/* SPDX-License-Identifier: MIT */
/* Groups of parameters: by patterns of names, other learning rates and another weight decay. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/options.h"
#include "optimizer/optimizer.h"

/* Most groups of an optimizer: what a file may say of them has an end. */
#define MOST_GROUPS 1024

static float option_value(float option) { return option == CNN_ZERO ? 0 : option; }

static cnn_status check_group(const cnn_optimizer *optimizer, const cnn_group_options *group)
{
    const char *name = cnn_optimizer_name(optimizer);
    const cnn__number_check checks[] = {{"factor of a group", cnn__number_or(group->factor, 1), 0},
                                        {"weight_decay of a group", cnn__number_or(group->weight_decay, 0), 0}};
    if (group->pattern == NULL || group->pattern[0] == '\0') {
        return cnn__fail(optimizer->context, CNN_ERROR_INVALID_ARGUMENT, "%s: a group has no pattern", name);
    }
    CNN__RETURN_IF_ERROR(cnn__optimizer_check(optimizer->context, name, checks, 2));
    if (optimizer->kind->name == NULL && checks[1].value > 0) {
        return cnn__fail(optimizer->context, CNN_ERROR_UNSUPPORTED,
                         "%s: a group has a weight decay, which is a custom optimizer's own to apply", name);
    }
    return optimizer->group_count < MOST_GROUPS
               ? CNN_OK
               : cnn__fail(optimizer->context, CNN_ERROR_LIMIT, "%s: more than %d groups", name, MOST_GROUPS);
}

cnn_status cnn_optimizer_add_group(cnn_optimizer *optimizer, const cnn_group_options *given)
{
    cnn_group_options group;
    if (optimizer == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_context *context = optimizer->context;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_optimizer_add_group", given, &group, sizeof(group)));
    CNN__RETURN_IF_ERROR(check_group(optimizer, &group));
    cnn__optimizer_group *grown = cnn__realloc(context, optimizer->groups,
                                               (optimizer->group_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    optimizer->groups = grown;
    char *pattern = cnn__strdup(context, group.pattern);
    if (pattern == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    grown[optimizer->group_count++] = (cnn__optimizer_group){
        .pattern = pattern,
        .factor = group.factor != 0 ? option_value(group.factor) : NAN,
        .weight_decay = group.weight_decay != 0 ? option_value(group.weight_decay) : NAN,
    };
    return CNN_OK;
}

/* Frees the groups from number `count` on. */
static void drop_groups(cnn_optimizer *optimizer, size_t count)
{
    while (optimizer->group_count > count) {
        cnn__free(optimizer->context, optimizer->groups[--optimizer->group_count].pattern);
    }
}

void cnn__optimizer_free_groups(cnn_optimizer *optimizer)
{
    drop_groups(optimizer, 0);
    cnn__free(optimizer->context, optimizer->groups);
    optimizer->groups = NULL;
}

/* A 0 that is written is meant. */
static float given_number(double value) { return isnan(value) ? 0 : (float)value == 0 ? CNN_ZERO : (float)value; }

static cnn_status read_group(cnn_optimizer *optimizer, cnn__param_reader *reader)
{
    static const cnn__param params[] = {
        {.name = "factor", .low = 0, .high = FLT_MAX, .unset = NAN},
        {.name = "weight_decay", .low = 0, .high = FLT_MAX, .unset = NAN},
        {.name = NULL},
    };
    char pattern[1025];
    double values[CNN__PARAMS];
    const size_t length = cnn__params_name_length(reader);
    if (length == 0) {
        return cnn__params_refuse(reader, "expected a pattern of names");
    }
    memcpy(pattern, reader->at, length); /* the whole text is no longer than that */
    pattern[length] = '\0';
    reader->at += length;
    CNN__RETURN_IF_ERROR(cnn__params_read(reader, "a group", params, values));
    if (isnan(values[0]) && isnan(values[1])) {
        return cnn__params_refuse(reader, "expected \":factor=X\" or \":weight_decay=X\"");
    }
    for (size_t i = 0; i < 2; i++) {
        if (!isnan(values[i])) {
            CNN__RETURN_IF_ERROR(cnn__param_check(optimizer->context, "groups:", pattern, &params[i], values[i]));
        }
    }
    const cnn_group_options group = {.struct_size = sizeof(group),
                                     .pattern = pattern,
                                     .factor = given_number(values[0]),
                                     .weight_decay = given_number(values[1])};
    return cnn_optimizer_add_group(optimizer, &group);
}

cnn_status cnn_optimizer_add_groups(cnn_optimizer *optimizer, const char *text)
{
    cnn__param_reader reader;
    if (optimizer == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    const size_t before = optimizer->group_count;
    CNN__RETURN_IF_ERROR(cnn__params_begin(optimizer->context, "groups", text, &reader));
    cnn_status status = read_group(optimizer, &reader);
    while (status == CNN_OK && *reader.at == '+') {
        reader.at++;
        status = read_group(optimizer, &reader);
    }
    status = status == CNN_OK ? cnn__params_end(&reader) : status;
    if (status != CNN_OK) {
        drop_groups(optimizer, before);
    }
    return status;
}

size_t cnn__optimizer_groups(const cnn_optimizer *optimizer, const cnn__optimizer_group **groups)
{
    *groups = optimizer->groups;
    return optimizer->group_count;
}
