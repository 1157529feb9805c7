/* SPDX-License-Identifier: MIT */
/* What the samples of a table are: one class, several labels, or numbers. Decided by all rows, so that every part of
 * a table has the same classes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/number.h"
#include "dataset/listing.h"
#include "dataset/manifest.h"

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

static bool read_number(const cnn__item *item, double *value)
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

/* ---- what is being read ---- */

typedef struct labeller {
    cnn__manifest *manifest;
    const cnn__sheet *sheet;
    const cnn__manifest_columns *columns;
    const cnn_files_options *options;
    const cnn__manifest_rows *rows;
    /* Of all cells of the targets: */
    bool lists;     /* some hold several items, or may */
    bool numbers;   /* all items are numbers */
    bool fractions; /* some have a sign, a point or an exponent */
    bool bits;      /* all cells are 0 or 1 */
    bool one_hot;   /* and one cell of each row is 1 */
    size_t filled;  /* cells that are not empty */
    size_t most;    /* items in a cell */
    size_t bad;     /* the first row whose cells are not all numbers */
    size_t bad_column;
} labeller;

static void look_at_cell(labeller *self, size_t row, size_t column, size_t *ones)
{
    const char *text = cnn__sheet_text(self->sheet, row, column), *place = text;
    cnn__item item;
    size_t items = 0;
    bool number = true;
    double value = NAN;
    const bool list = is_list(self->sheet, text);
    while (cnn__manifest_item(self->sheet, &place, true, &item)) {
        items++;
        number = number && read_number(&item, &value);
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

static void look(labeller *self)
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
static cnn_status choose_of_columns(labeller *self, cnn_task *task)
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

static cnn_status choose_task(labeller *self, cnn_task *task)
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
static cnn_status list_names(const labeller *self, bool split, cnn__string *text, bool *whole)
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
static cnn_status name_columns(const labeller *self)
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

static cnn_status name_classes(const labeller *self, cnn_task task)
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

/* ---- labels ---- */

/* The item as messages have it. */
static const char *printable_item(const cnn__item *item, char *text, size_t size)
{
    char bytes[128];
    snprintf(bytes, sizeof(bytes), "%.*s", (int)(item->size < sizeof(bytes) ? item->size : sizeof(bytes) - 1),
             item->text);
    return cnn__printable(bytes, text, size);
}

static cnn_status fail_class(const labeller *self, size_t row, size_t column, const cnn__item *item)
{
    char text[160];
    return cnn__sheet_fail(self->sheet, CNN_ERROR_MISMATCH, row, column, "\"%s\" is none of the %zu classes asked for",
                           printable_item(item, text, sizeof(text)), self->manifest->base.classes.count);
}

static cnn_status find_class(const labeller *self, size_t row, size_t column, const cnn__item *item, int32_t *label)
{
    CNN__RETURN_IF_ERROR(cnn__classes_find(&self->manifest->base.classes, item->text, item->size, label));
    return *label >= 0 ? CNN_OK : fail_class(self, row, column, item);
}

/* The label of a column, where each is a class. */
static cnn_status column_class(const labeller *self, size_t row, size_t column, int32_t *label)
{
    const char *name = cnn__sheet_column(self->sheet, column);
    return find_class(self, row, column, &(cnn__item){name, strlen(name)}, label);
}

/* Whether the cell of a column of marks is 1. */
static bool is_marked(const labeller *self, size_t row, size_t column)
{
    double value = 0;
    const char *text = cnn__sheet_text(self->sheet, row, column);
    cnn__item item;
    return cnn__manifest_item(self->sheet, &text, true, &item) && read_number(&item, &value) && value == 1;
}

static cnn_status read_class(const labeller *self, size_t row, int32_t *label)
{
    const cnn__manifest_columns *columns = self->columns;
    cnn__item item;
    for (size_t i = 0; columns->target_count > 1 && i < columns->target_count; i++) {
        if (is_marked(self, row, columns->targets[i])) {
            return column_class(self, row, columns->targets[i], label);
        }
    }
    const char *place = cnn__sheet_text(self->sheet, row, columns->targets[0]);
    if (!cnn__manifest_item(self->sheet, &place, false, &item)) {
        return cnn__sheet_fail(self->sheet, CNN_ERROR_FORMAT, row, columns->targets[0], "the row has no class");
    }
    CNN__RETURN_IF_ERROR(find_class(self, row, columns->targets[0], &item, label));
    return cnn__manifest_item(self->sheet, &place, false, &item)
               ? cnn__sheet_fail(self->sheet, CNN_ERROR_FORMAT, row, columns->targets[0],
                                 "several classes, expected one")
               : CNN_OK;
}

static cnn_status read_classes(const labeller *self)
{
    cnn__manifest *manifest = self->manifest;
    manifest->labels = cnn__alloc_array(self->sheet->context, self->rows->count, sizeof(*manifest->labels));
    if (manifest->labels == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < self->rows->count; i++) {
        CNN__RETURN_IF_ERROR(read_class(self, self->rows->rows[i], &manifest->labels[i]));
    }
    return CNN_OK;
}

static cnn_status add_label(const labeller *self, size_t *used, size_t *capacity, int32_t label)
{
    cnn__manifest *manifest = self->manifest;
    if (*used == *capacity) {
        *capacity = *capacity < 64 ? 64 : 2 * *capacity;
        uint32_t *grown = cnn__realloc(self->sheet->context, manifest->ids, *capacity * sizeof(*grown));
        if (grown == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        manifest->ids = grown;
    }
    manifest->ids[(*used)++] = (uint32_t)label;
    return CNN_OK;
}

static cnn_status read_row_labels(const labeller *self, size_t row, size_t *used, size_t *capacity)
{
    const cnn__manifest_columns *columns = self->columns;
    int32_t label;
    for (size_t i = 0; columns->target_count > 1 && i < columns->target_count; i++) {
        if (is_marked(self, row, columns->targets[i])) {
            CNN__RETURN_IF_ERROR(column_class(self, row, columns->targets[i], &label));
            CNN__RETURN_IF_ERROR(add_label(self, used, capacity, label));
        }
    }
    const char *place = cnn__sheet_text(self->sheet, row, columns->targets[0]);
    cnn__item item;
    while (columns->target_count == 1 && cnn__manifest_item(self->sheet, &place, true, &item)) {
        CNN__RETURN_IF_ERROR(find_class(self, row, columns->targets[0], &item, &label));
        CNN__RETURN_IF_ERROR(add_label(self, used, capacity, label));
    }
    return CNN_OK;
}

static cnn_status read_labels(const labeller *self)
{
    cnn__manifest *manifest = self->manifest;
    size_t used = 0, capacity = 0;
    manifest->base.target_count = manifest->base.classes.count;
    manifest->first = cnn__alloc_array(self->sheet->context, self->rows->count + 1, sizeof(*manifest->first));
    if (manifest->first == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < self->rows->count; i++) {
        manifest->first[i] = used;
        CNN__RETURN_IF_ERROR(read_row_labels(self, self->rows->rows[i], &used, &capacity));
    }
    manifest->first[self->rows->count] = used;
    return CNN_OK;
}

/* ---- numbers ---- */

/* Which number of a row each output is: the columns by the names of the outputs, or as they come. */
static cnn_status order_values(const labeller *self, size_t *order)
{
    const cnn__classes *classes = &self->manifest->base.classes;
    const size_t count = self->columns->target_count > 1 ? self->columns->target_count : self->most;
    if (classes->count != count) {
        return cnn__fail(self->sheet->context, CNN_ERROR_MISMATCH, "%s: has %zu values a row, %zu are asked for",
                         self->sheet->name, count, classes->count);
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = 0; i < count && count > 1 && self->columns->target_count == count; i++) {
        int32_t label;
        const char *name = cnn__sheet_column(self->sheet, self->columns->targets[i]);
        CNN__RETURN_IF_ERROR(cnn__classes_find(classes, name, strlen(name), &label));
        if (label < 0) {
            char text[128];
            return cnn__fail(self->sheet->context, CNN_ERROR_MISMATCH,
                             "%s: column \"%s\" is none of the %zu values asked for", self->sheet->name,
                             cnn__printable(name, text, sizeof(text)), classes->count);
        }
        order[i] = (size_t)label;
    }
    return CNN_OK;
}

static cnn_status read_row_values(const labeller *self, size_t row, const size_t *order, float *values)
{
    const size_t count = self->manifest->base.target_count;
    size_t found = 0;
    for (size_t i = 0; i < self->columns->target_count; i++) {
        const size_t column = self->columns->targets[i];
        const char *place = cnn__sheet_text(self->sheet, row, column);
        cnn__item item;
        while (cnn__manifest_item(self->sheet, &place, true, &item)) {
            double value;
            if (!read_number(&item, &value) || fabs(value) > 3.4e38) {
                char text[64];
                return cnn__sheet_fail(self->sheet, CNN_ERROR_FORMAT, row, column, "\"%s\" is no number that fits",
                                       printable_item(&item, text, sizeof(text)));
            }
            if (found < count) {
                values[order[found]] = (float)value;
            }
            found++;
        }
    }
    return found == count ? CNN_OK
                          : cnn__sheet_fail(self->sheet, CNN_ERROR_FORMAT, row, self->columns->targets[0],
                                            "found %zu numbers, expected %zu", found, count);
}

static cnn_status read_values(const labeller *self)
{
    cnn__manifest *manifest = self->manifest;
    cnn_context *context = self->sheet->context;
    const size_t count = manifest->base.classes.count;
    size_t all;
    manifest->base.target_count = count;
    if (!cnn__mul_size(self->rows->count, count, &all)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: too many values", self->sheet->name);
    }
    size_t *order = cnn__alloc_array(context, count > self->most ? count : self->most, sizeof(*order));
    manifest->values = cnn__alloc_array(context, all, sizeof(*manifest->values));
    cnn_status status = order != NULL && manifest->values != NULL ? order_values(self, order) : CNN_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < self->rows->count && status == CNN_OK; i++) {
        status = read_row_values(self, self->rows->rows[i], order, manifest->values + i * count);
    }
    cnn__free(context, order);
    return status;
}

cnn_status cnn__manifest_label(cnn__manifest *manifest, const cnn__sheet *sheet, const cnn__manifest_columns *columns,
                               const cnn_files_options *options, const cnn__manifest_rows *rows)
{
    labeller self = {.manifest = manifest, .sheet = sheet, .columns = columns, .options = options, .rows = rows};
    cnn_task task = CNN_TASK_CLASSES;
    look(&self);
    if (columns->target_count == 0 || self.filled == 0) { /* nothing is said of the samples */
        manifest->base.task = CNN_TASK_CLASSES;
        return cnn__classes_init(sheet->context, options->classes, options->class_count, &manifest->base.classes);
    }
    CNN__RETURN_IF_ERROR(choose_task(&self, &task));
    manifest->base.task = task;
    self.most = self.most > 0 ? self.most : 1;
    CNN__RETURN_IF_ERROR(name_classes(&self, task));
    return task == CNN_TASK_VALUES   ? read_values(&self)
           : task == CNN_TASK_LABELS ? read_labels(&self)
                                     : read_classes(&self);
}
