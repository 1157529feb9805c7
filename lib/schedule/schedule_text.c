/* SPDX-License-Identifier: MIT */
/* Text to schedules and back. The grammar:
 *
 *     schedule = [ "warmup" arguments "+" ] part        part = kind arguments
 *
 * with the arguments of core/params.h. */
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/number.h"
#include "schedule/schedule.h"

static const cnn__schedule_kind *const kinds[] = {
    &cnn__schedule_constant, &cnn__schedule_step,   &cnn__schedule_exponential,
    &cnn__schedule_cosine,   &cnn__schedule_linear, &cnn__schedule_triangular,
    &cnn__schedule_onecycle, &cnn__schedule_warmup, &cnn__schedule_plateau,
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static cnn_status read_part(cnn__param_reader *reader, cnn__schedule_part *part)
{
    char list[128] = "";
    const size_t length = cnn__params_name_length(reader);
    part->kind = NULL;
    for (size_t i = 0; i < KINDS; i++) {
        cnn__params_append(list, sizeof(list), kinds[i]->name);
        part->kind = cnn__params_same(reader, length, kinds[i]->name) ? kinds[i] : part->kind;
    }
    if (part->kind == NULL) {
        return cnn__params_fail_name(reader, length, list);
    }
    reader->at += length;
    CNN__RETURN_IF_ERROR(cnn__params_read(reader, part->kind->name, part->kind->params, part->values));
    return cnn__schedule_part_check(reader->context, part);
}

cnn_status cnn_schedule_create(cnn_context *context, const char *text, cnn_schedule **schedule)
{
    cnn__param_reader reader;
    cnn__schedule_part warmup = {NULL, {0}}, main = {&cnn__schedule_constant, {0}};
    CNN__RETURN_IF_ERROR(cnn__schedule_begin_create(context, schedule));
    CNN__RETURN_IF_ERROR(cnn__params_begin(context, "schedule", text, &reader));
    CNN__RETURN_IF_ERROR(read_part(&reader, &main));
    if (main.kind == &cnn__schedule_warmup) {
        warmup = main;
        main = (cnn__schedule_part){&cnn__schedule_constant, {0}};
        if (*reader.at == '+') {
            reader.at++;
            CNN__RETURN_IF_ERROR(read_part(&reader, &main));
        }
    }
    if (*reader.at == '+' || main.kind == &cnn__schedule_warmup) {
        return cnn__params_refuse(&reader, "only a warm-up, and only one, goes before another schedule");
    }
    return cnn__schedule_new(context, &warmup, &main, schedule);
}

/* ---- to text ---- */

static void format_part(cnn__string *text, const cnn__schedule_part *part)
{
    char number[32];
    const char *before = ":";
    cnn__string_printf(text, "%s", part->kind->name);
    for (size_t i = 0; part->kind->params[i].name != NULL; i++) {
        const cnn__param *param = &part->kind->params[i];
        if (part->values[i] != param->unset) {
            cnn__string_printf(text, "%s%s=%s", before, param->name,
                               param->words != NULL ? param->words[(size_t)part->values[i]]
                                                    : cnn__format_double(part->values[i], number, sizeof(number)));
            before = ",";
        }
    }
}

char *cnn__schedule_format(const cnn_schedule *schedule)
{
    cnn__string text = {.context = schedule->context};
    if (schedule->warmup.kind != NULL) {
        format_part(&text, &schedule->warmup);
    }
    if (schedule->warmup.kind == NULL || schedule->main.kind != &cnn__schedule_constant) {
        cnn__string_printf(&text, "%s", schedule->warmup.kind != NULL ? "+" : "");
        format_part(&text, &schedule->main);
    }
    if (text.status != CNN_OK) {
        cnn__string_free(&text);
        return NULL;
    }
    return text.data;
}

bool cnn__schedule_find(const char *text, const char *name, const char **value, const char **end)
{
    const size_t length = strlen(name);
    for (const char *at = text; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            *value = at + length + 1;
            *end = *value + strcspn(*value, ",");
            return true;
        }
    }
    return false;
}
