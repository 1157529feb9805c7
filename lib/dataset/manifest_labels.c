/* SPDX-License-Identifier: MIT */
/* The labels or numbers of a table's samples. */
#include "dataset/manifest_labels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/text.h"

/* ---- labels ---- */

/* The item as messages have it. */
static const char *printable_item(const cnn__item *item, char *text, size_t size)
{
    char bytes[128];
    snprintf(bytes, sizeof(bytes), "%.*s", (int)(item->size < sizeof(bytes) ? item->size : sizeof(bytes) - 1),
             item->text);
    return cnn__printable(bytes, text, size);
}

static cnn_status fail_class(const cnn__labeller *self, size_t row, size_t column, const cnn__item *item)
{
    char text[160];
    return cnn__sheet_fail(self->sheet, CNN_ERROR_MISMATCH, row, column, "\"%s\" is none of the %zu classes asked for",
                           printable_item(item, text, sizeof(text)), self->manifest->base.classes.count);
}

static cnn_status find_class(const cnn__labeller *self, size_t row, size_t column, const cnn__item *item,
                             int32_t *label)
{
    CNN__RETURN_IF_ERROR(cnn__classes_find(&self->manifest->base.classes, item->text, item->size, label));
    return *label >= 0 ? CNN_OK : fail_class(self, row, column, item);
}

/* The label of a column, where each is a class. */
static cnn_status column_class(const cnn__labeller *self, size_t row, size_t column, int32_t *label)
{
    const char *name = cnn__sheet_column(self->sheet, column);
    return find_class(self, row, column, &(cnn__item){name, strlen(name)}, label);
}

/* Whether the cell of a column of marks is 1. */
static bool is_marked(const cnn__labeller *self, size_t row, size_t column)
{
    double value = 0;
    const char *text = cnn__sheet_text(self->sheet, row, column);
    cnn__item item;
    return cnn__manifest_item(self->sheet, &text, true, &item) && cnn__item_number(&item, &value) && value == 1;
}

static cnn_status read_class(const cnn__labeller *self, size_t row, int32_t *label)
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

static cnn_status read_classes(const cnn__labeller *self)
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

static cnn_status add_label(const cnn__labeller *self, size_t *used, size_t *capacity, int32_t label)
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

static cnn_status read_row_labels(const cnn__labeller *self, size_t row, size_t *used, size_t *capacity)
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

static cnn_status read_labels(const cnn__labeller *self)
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
static cnn_status order_values(const cnn__labeller *self, size_t *order)
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

static cnn_status read_row_values(const cnn__labeller *self, size_t row, const size_t *order, float *values)
{
    const size_t count = self->manifest->base.target_count;
    size_t found = 0;
    for (size_t i = 0; i < self->columns->target_count; i++) {
        const size_t column = self->columns->targets[i];
        const char *place = cnn__sheet_text(self->sheet, row, column);
        cnn__item item;
        while (cnn__manifest_item(self->sheet, &place, true, &item)) {
            double value;
            if (!cnn__item_number(&item, &value) || fabs(value) > 3.4e38) {
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

static cnn_status read_values(const cnn__labeller *self)
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
    cnn__labeller self = {.manifest = manifest, .sheet = sheet, .columns = columns, .options = options, .rows = rows};
    cnn_task task = CNN_TASK_CLASSES;
    cnn__labeller_look(&self);
    if (columns->target_count == 0 || self.filled == 0) { /* nothing is said of the samples */
        manifest->base.task = CNN_TASK_CLASSES;
        return cnn__classes_init(sheet->context, options->classes, options->class_count, &manifest->base.classes);
    }
    CNN__RETURN_IF_ERROR(cnn__labeller_choose_task(&self, &task));
    manifest->base.task = task;
    self.most = self.most > 0 ? self.most : 1;
    CNN__RETURN_IF_ERROR(cnn__labeller_name_classes(&self, task));
    return task == CNN_TASK_VALUES   ? read_values(&self)
           : task == CNN_TASK_LABELS ? read_labels(&self)
                                     : read_classes(&self);
}
