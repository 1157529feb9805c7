/* SPDX-License-Identifier: MIT */
/* What the samples of a table are, one class, several labels, or numbers, and what these are called. Decided by all
 * rows, so that every part of a table has the same classes. */
#include "dataset/manifest_labels.h"

#include <math.h>
#include <string.h>

#include "core/number.h"
#include "dataset/listing.h"

/* ---- items ---- */

static bool is_separator(const cnn__sheet *sheet, char c, bool list)
{
    return list ? c == CNN__SHEET_ITEM : !sheet->lines && (c == '|' || c == ';');
}

bool cnn__manifest_item(const cnn__sheet *sheet, const char **place, bool split, cnn__item *item)
{
    const char *at = *place;
    /* Within a list the place is behind the mark of an item that was handed out, or on the next one. */
    const bool list = *at == CNN__SHEET_ITEM;
    while (*at != '\0') {
        at += *at == CNN__SHEET_ITEM;
        const char *end = at;
        while (*end != '\0' && *end != CNN__SHEET_ITEM && !(split && !list && is_separator(sheet, *end, false))) {
            end++;
        }
        const char *next = *end != '\0' && *end != CNN__SHEET_ITEM ? end + 1 : end;
        while (at < end && *at == ' ') {
            at++;
        }
        while (end > at && end[-1] == ' ') {
            end--;
        }
        *place = next;
        if (end > at) {
            *item = (cnn__item){at, (size_t)(end - at)};
            return true;
        }
        at = next;
    }
    *place = at;
    return false;
}

static bool is_list(const cnn__sheet *sheet, const char *text)
{
    if (*text == CNN__SHEET_ITEM) {
        return true;
    }
    for (; *text != '\0'; text++) {
        if (is_separator(sheet, *text, false)) {
            return true;
        }
    }
    return false;
}

bool cnn__item_number(const cnn__item *item, double *value)
{
    const char *rest;
    return cnn__parse_double(item->text, item->text + item->size, value, &rest) && rest == item->text + item->size;
}

static bool is_whole(const cnn__item *item)
{
    for (size_t i = 0; i < item->size; i++) {
        if (item->text[i] < '0' || item->text[i] > '9') {
            return false;
        }
    }
    return item->size > 0;
}

/* ---- which of the three ---- */

static void look_at_cell(cnn__labeller *self, size_t row, size_t column, size_t *ones)
{
    const char *text = cnn__sheet_text(self->sheet, row, column), *place = text;
    cnn__item item;
    size_t items = 0;
    bool number = true;
    double value = NAN;
    const bool list = is_list(self->sheet, text);
    while (cnn__manifest_item(self->sheet, &place, true, &item)) {
        items++;
        number = number && cnn__item_number(&item, &value);
        self->fractions = self->fractions || (number && !is_whole(&item));
    }
    self->lists = self->lists || list;
    self->filled += items > 0 || list;
    self->most = items > self->most ? items : self->most;
    if (!number || items == 0) {
        self->bad_column = self->numbers ? column : self->bad_column;
        self->bad = self->numbers ? row : self->bad;
        self->numbers = false;
    }
    self->bits = self->bits && items == 1 && number && (value == 0 || value == 1);
    *ones += items == 1 && number && value == 1;
}

void cnn__labeller_look(cnn__labeller *self)
{
    self->numbers = self->bits = self->one_hot = true;
    for (size_t row = 0; row < self->sheet->rows; row++) {
        size_t ones = 0;
        for (size_t i = 0; i < self->columns->target_count; i++) {
            look_at_cell(self, row, self->columns->targets[i], &ones);
        }
        self->one_hot = self->one_hot && ones == 1;
    }
}

/* Several columns: marks of 0 and 1, or numbers. */
static cnn_status choose_of_columns(cnn__labeller *self, cnn_task *task)
{
    if (self->bits && *task == CNN_TASK_UNKNOWN) {
        *task = self->one_hot ? CNN_TASK_CLASSES : CNN_TASK_LABELS;
    } else if (*task == CNN_TASK_UNKNOWN) {
        *task = CNN_TASK_VALUES;
    }
    const bool fits = *task == CNN_TASK_VALUES   ? self->numbers && self->most == 1
                      : *task == CNN_TASK_LABELS ? self->bits
                                                 : self->bits && self->one_hot;
    if (fits) {
        return CNN_OK;
    }
    if (!self->numbers) {
        return cnn__sheet_fail(self->sheet, CNN_ERROR_FORMAT, self->bad, self->bad_column,
                               "no number: of %zu columns that could say what a sample is, none has the name label, "
                               "labels or values; choose one",
                               self->columns->target_count);
    }
    return cnn__fail(self->sheet->context, CNN_ERROR_FORMAT, "%s: its %zu columns of targets are not %s",
                     self->sheet->name, self->columns->target_count,
                     *task == CNN_TASK_VALUES   ? "single numbers"
                     : *task == CNN_TASK_LABELS ? "marks of 0 and 1"
                                                : "marks of 0 and 1, of which each row has a single 1");
}

cnn_status cnn__labeller_choose_task(cnn__labeller *self, cnn_task *task)
{
    *task = (cnn_task)self->options->task;
    if (self->columns->target_count > 1) {
        return choose_of_columns(self, task);
    }
    if (*task != CNN_TASK_UNKNOWN) {
        return CNN_OK;
    }
    const bool fractions = self->numbers && self->fractions;
    if (self->columns->values || fractions) {
        *task = CNN_TASK_VALUES;
    } else {
        *task = self->lists || self->columns->list ? CNN_TASK_LABELS : CNN_TASK_CLASSES;
    }
    return CNN_OK;
}

/* ---- the names of classes ---- */

/* All items of the one column of targets, each with its NUL. */
static cnn_status list_names(const cnn__labeller *self, bool split, cnn__string *text, bool *whole)
{
    *whole = true;
    for (size_t row = 0; row < self->sheet->rows; row++) {
        const char *place = cnn__sheet_text(self->sheet, row, self->columns->targets[0]);
        cnn__item item;
        while (cnn__manifest_item(self->sheet, &place, split, &item)) {
            cnn__string_append(text, item.text, item.size);
            cnn__string_append(text, "", 1);
            *whole = *whole && is_whole(&item);
        }
    }
    return text->status;
}

/* The names of the columns, or of the numbers in a cell. */
static cnn_status name_columns(const cnn__labeller *self)
{
    cnn_context *context = self->sheet->context;
    const size_t count = self->columns->target_count;
    if (count == 1 && self->most > 1) {
        return cnn__classes_init(context, NULL, self->most, &self->manifest->base.classes);
    }
    const char **names = cnn__alloc_array(context, count, sizeof(*names));
    if (names == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = cnn__sheet_column(self->sheet, self->columns->targets[i]);
        names[i] = names[i][0] != '\0' ? names[i] : "value";
    }
    cnn_status status = cnn__classes_init(context, names, count, &self->manifest->base.classes);
    cnn__free(context, names);
    return status;
}

cnn_status cnn__labeller_name_classes(const cnn__labeller *self, cnn_task task)
{
    cnn__classes *classes = &self->manifest->base.classes;
    const cnn_files_options *options = self->options;
    if (options->classes != NULL) {
        return cnn__classes_init(self->sheet->context, options->classes, options->class_count, classes);
    }
    if (task == CNN_TASK_VALUES || self->columns->target_count > 1) {
        return name_columns(self);
    }
    cnn__string text = {.context = self->sheet->context};
    bool whole = true;
    cnn_status status = list_names(self, task == CNN_TASK_LABELS, &text, &whole);
    if (status == CNN_OK) {
        status = cnn__classes_of_text(&text, whole, classes);
    }
    cnn__string_free(&text);
    return status;
}
