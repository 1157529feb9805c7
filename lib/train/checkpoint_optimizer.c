/* SPDX-License-Identifier: MIT */
/* What a checkpoint keeps of an optimizer's options, and how they are compared with those of the one to go on with. */
#include <math.h>
#include <string.h>

#include "core/text.h"
#include "train/checkpoint.h"

static void put_groups(cnn__json_writer *writer, const cnn_optimizer *optimizer)
{
    const cnn__optimizer_group *groups = NULL;
    const size_t count = cnn__optimizer_groups(optimizer, &groups);
    if (count == 0) {
        return;
    }
    cnn__json_open(writer, "groups", '[');
    for (size_t i = 0; i < count; i++) {
        cnn__json_open(writer, NULL, '{');
        cnn__json_put_string(writer, "pattern", groups[i].pattern);
        cnn__json_put_real(writer, "factor", (double)groups[i].factor); /* NaN is null */
        cnn__json_put_real(writer, "weight_decay", (double)groups[i].weight_decay);
        cnn__json_close(writer, '}');
    }
    cnn__json_close(writer, ']');
}

void cnn__checkpoint_put_optimizer(cnn__json_writer *writer, const cnn_optimizer *optimizer)
{
    cnn__optimizer_number numbers[CNN__OPTIMIZER_NUMBERS];
    cnn__optimizer_numbers(optimizer, numbers);
    cnn__json_open(writer, "options", '{');
    for (size_t i = 0; i < CNN__OPTIMIZER_NUMBERS; i++) {
        if (i < CNN__OPTIMIZER_COMMON_NUMBERS || numbers[i].value != 0) {
            cnn__json_put_real(writer, numbers[i].name, numbers[i].value);
        }
    }
    cnn__json_close(writer, '}');
    put_groups(writer, optimizer);
}

/* The options other than the learning rate must be those that the training began with. */
static cnn_status check_numbers(const cnn__json_place *place, const cnn__json *object, const cnn_optimizer *optimizer)
{
    cnn__optimizer_number numbers[CNN__OPTIMIZER_NUMBERS];
    const cnn__json *options = NULL;
    if (cnn__json_get(object, "options") == NULL) {
        return CNN_OK; /* checkpoints did not always hold them */
    }
    CNN__RETURN_IF_ERROR(cnn__json_object(place, object, "options", &options));
    cnn__optimizer_numbers(optimizer, numbers);
    for (size_t i = 0; i < CNN__OPTIMIZER_NUMBERS; i++) {
        double value = 0; /* what an option that is not there was then */
        if (cnn__json_get(options, numbers[i].name) != NULL) {
            CNN__RETURN_IF_ERROR(cnn__json_real(place, options, numbers[i].name, &value));
        }
        if (value != numbers[i].value) {
            return cnn__fail(place->context, CNN_ERROR_MISMATCH, "%s: was trained with the %s %g of %s, not %g",
                             place->name, numbers[i].name, value, cnn_optimizer_name(optimizer), numbers[i].value);
        }
    }
    return CNN_OK;
}

static bool same_number(const cnn__json *json, float number)
{
    double value = NAN;
    return cnn__json_to_real(json, &value) ? value == (double)number : isnan(number);
}

/* The groups of parameters must be the same, in the same order. */
static cnn_status check_groups(const cnn__json_place *place, const cnn__json *object, const cnn_optimizer *optimizer)
{
    const cnn__optimizer_group *groups = NULL;
    const size_t count = cnn__optimizer_groups(optimizer, &groups);
    const cnn__json *list = NULL;
    if (cnn__json_get(object, "groups") != NULL) {
        CNN__RETURN_IF_ERROR(cnn__json_array(place, object, "groups", &list));
    }
    const size_t theirs = list != NULL ? cnn__json_count(list) : 0;
    if (theirs != count) {
        return cnn__fail(place->context, CNN_ERROR_MISMATCH, "%s: was trained with %zu groups of parameters, not %zu",
                         place->name, theirs, count);
    }
    const cnn__json *item = list != NULL ? cnn__json_first(list) : NULL;
    for (size_t i = 0; i < count; i++, item = cnn__json_next(list, item)) {
        const char *pattern = cnn__json_text(cnn__json_get(item, "pattern"));
        if (pattern == NULL || strcmp(pattern, groups[i].pattern) != 0 ||
            !same_number(cnn__json_get(item, "factor"), groups[i].factor) ||
            !same_number(cnn__json_get(item, "weight_decay"), groups[i].weight_decay)) {
            char text[200];
            return cnn__fail(place->context, CNN_ERROR_MISMATCH,
                             "%s: group %zu of parameters (\"%s\") is another than it was trained with", place->name,
                             i + 1, cnn__printable(groups[i].pattern, text, sizeof(text)));
        }
    }
    return CNN_OK;
}

cnn_status cnn__checkpoint_compare_optimizer(const cnn__json_place *place, const cnn__json *object,
                                             const cnn_optimizer *optimizer)
{
    CNN__RETURN_IF_ERROR(check_numbers(place, object, optimizer));
    return check_groups(place, object, optimizer);
}
