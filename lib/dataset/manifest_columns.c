/* SPDX-License-Identifier: MIT */
/* Which column of a table says what. */
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "dataset/listing.h"
#include "dataset/manifest.h"

typedef enum role { ROLE_PATH, ROLE_LABEL, ROLE_LIST, ROLE_VALUES, ROLE_SPLIT, ROLE_WEIGHT, ROLE_GROUP } role;

/* What columns are called, in any case of letters; of several for one thing that which is first here is taken. */
static const struct {
    const char *name;
    role role;
} names[] = {
    {"path", ROLE_PATH},     {"file", ROLE_PATH},      {"filename", ROLE_PATH},   {"file_name", ROLE_PATH},
    {"filepath", ROLE_PATH}, {"image", ROLE_PATH},     {"image_path", ROLE_PATH}, {"image_name", ROLE_PATH},
    {"img", ROLE_PATH},      {"id", ROLE_PATH},        {"image_id", ROLE_PATH},   {"label", ROLE_LABEL},
    {"labels", ROLE_LIST},   {"class", ROLE_LABEL},    {"category", ROLE_LABEL},  {"tags", ROLE_LIST},
    {"value", ROLE_VALUES},  {"values", ROLE_VALUES},  {"target", ROLE_LABEL},    {"split", ROLE_SPLIT},
    {"set", ROLE_SPLIT},     {"part", ROLE_SPLIT},     {"weight", ROLE_WEIGHT},   {"sample_weight", ROLE_WEIGHT},
    {"group", ROLE_GROUP},   {"group_id", ROLE_GROUP},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static size_t find_column(const cnn__sheet *sheet, const char *name, size_t length, bool exact)
{
    for (size_t i = 0; i < sheet->column_count; i++) {
        const char *own = cnn__sheet_column(sheet, i);
        if (strlen(own) == length && (exact ? memcmp(own, name, length) == 0 : cnn__same_but_case(own, name))) {
            return i;
        }
    }
    return CNN__NO_COLUMN;
}

/* The first column for one of these roles, whose name in the table above goes to *which. */
static size_t find_role(const cnn__sheet *sheet, role from, role to, size_t *which)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (names[i].role >= from && names[i].role <= to) {
            const size_t column = find_column(sheet, names[i].name, strlen(names[i].name), false);
            if (column != CNN__NO_COLUMN) {
                *which = i;
                return column;
            }
        }
    }
    return CNN__NO_COLUMN;
}

static cnn_status fail_column(const cnn__sheet *sheet, const char *name, size_t length)
{
    char list[320] = "", text[64], wanted[64];
    size_t used = 0;
    for (size_t i = 0; i < sheet->column_count && used < sizeof(list) - 80; i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                                 cnn__printable(cnn__sheet_column(sheet, i), text, sizeof(text)));
    }
    snprintf(text, sizeof(text), "%.*s", (int)(length < sizeof(text) ? length : sizeof(text) - 1), name);
    return cnn__fail(sheet->context, CNN_ERROR_NOT_FOUND, "%s: there is no column \"%s\" among %s", sheet->name,
                     cnn__printable(text, wanted, sizeof(wanted)), list);
}

/* Two columns of one name would be told apart by nothing. */
static cnn_status check_names(const cnn__sheet *sheet)
{
    for (size_t i = 1; i < sheet->column_count; i++) {
        const char *name = cnn__sheet_column(sheet, i);
        if (name[0] != '\0' && find_column(sheet, name, strlen(name), true) < i) {
            char text[64];
            return cnn__fail(sheet->context, CNN_ERROR_FORMAT,
                             "%s: line %u, column %zu: the name \"%s\" is there twice", sheet->name,
                             sheet->columns[i].line, i + 1, cnn__printable(name, text, sizeof(text)));
        }
    }
    return CNN_OK;
}

/* The columns that the caller lists. */
static cnn_status take_listed(const cnn__sheet *sheet, const char *list, cnn__manifest_columns *columns)
{
    for (const char *name = list; *name != '\0';) {
        const size_t length = strcspn(name, ",");
        const size_t column = find_column(sheet, name, length, true);
        if (column == CNN__NO_COLUMN || columns->target_count == sheet->column_count) {
            return fail_column(sheet, name, length);
        }
        columns->targets[columns->target_count++] = column;
        name += length;
        name += *name == ',';
    }
    return CNN_OK;
}

static bool is_used(const cnn__manifest_columns *columns, size_t column)
{
    return column == columns->path || column == columns->split || column == columns->weight || column == columns->group;
}

/* Without a column named for it, what no other column is for says what samples are; names are needed for that. */
static void take_others(const cnn__sheet *sheet, cnn__manifest_columns *columns)
{
    for (size_t i = 0; i < sheet->column_count; i++) {
        if (!is_used(columns, i) && cnn__sheet_column(sheet, i)[0] != '\0') {
            columns->targets[columns->target_count++] = i;
        }
    }
}

/* A table without names: path, label, split, weight, group. */
static void take_in_order(const cnn__sheet *sheet, cnn__manifest_columns *columns)
{
    size_t *const places[] = {&columns->split, &columns->weight, &columns->group};
    columns->path = 0;
    if (sheet->column_count > 1) {
        columns->targets[columns->target_count++] = 1;
    }
    for (size_t i = 0; i < 3 && i + 2 < sheet->column_count; i++) {
        *places[i] = i + 2;
    }
}

static bool has_names(const cnn__sheet *sheet)
{
    for (size_t i = 0; i < sheet->column_count; i++) {
        if (cnn__sheet_column(sheet, i)[0] != '\0') {
            return true;
        }
    }
    return false;
}

static cnn_status find_targets(const cnn__sheet *sheet, const cnn_files_options *options,
                               cnn__manifest_columns *columns)
{
    size_t which = 0;
    if (options->label_columns != NULL) {
        return take_listed(sheet, options->label_columns, columns);
    }
    const size_t label = find_role(sheet, ROLE_LABEL, ROLE_VALUES, &which);
    if (label != CNN__NO_COLUMN) {
        columns->targets[columns->target_count++] = label;
        columns->values = names[which].role == ROLE_VALUES;
        columns->list = names[which].role == ROLE_LIST;
    } else {
        take_others(sheet, columns);
    }
    return CNN_OK;
}

static cnn_status find_all(const cnn__sheet *sheet, const cnn_files_options *options, cnn__manifest_columns *columns)
{
    size_t which;
    CNN__RETURN_IF_ERROR(check_names(sheet));
    if (!has_names(sheet)) {
        take_in_order(sheet, columns);
        return CNN_OK;
    }
    columns->path = find_role(sheet, ROLE_PATH, ROLE_PATH, &which);
    columns->split = find_role(sheet, ROLE_SPLIT, ROLE_SPLIT, &which);
    columns->weight = find_role(sheet, ROLE_WEIGHT, ROLE_WEIGHT, &which);
    columns->group = find_role(sheet, ROLE_GROUP, ROLE_GROUP, &which);
    if (columns->path == CNN__NO_COLUMN) {
        return cnn__fail(sheet->context, CNN_ERROR_FORMAT,
                         "%s: line %u: no column says which file a row is: expected one of the name path, file, "
                         "filename, image or id",
                         sheet->name, sheet->columns[0].line);
    }
    if (options->group_column != NULL) {
        columns->group = find_column(sheet, options->group_column, strlen(options->group_column), true);
        if (columns->group == CNN__NO_COLUMN) {
            return fail_column(sheet, options->group_column, strlen(options->group_column));
        }
    }
    return find_targets(sheet, options, columns);
}

cnn_status cnn__manifest_find_columns(const cnn__sheet *sheet, const cnn_files_options *options,
                                      cnn__manifest_columns *columns)
{
    *columns = (cnn__manifest_columns){CNN__NO_COLUMN, CNN__NO_COLUMN, CNN__NO_COLUMN, CNN__NO_COLUMN, NULL, 0,
                                       false,          false};
    columns->targets = cnn__alloc_array(sheet->context, sheet->column_count, sizeof(*columns->targets));
    cnn_status status = columns->targets != NULL ? find_all(sheet, options, columns) : CNN_ERROR_OUT_OF_MEMORY;
    if (status != CNN_OK) {
        cnn__free(sheet->context, columns->targets);
        columns->targets = NULL;
    }
    return status;
}

unsigned cnn__part_of_word(const char *word)
{
    static const struct {
        const char *word;
        unsigned part;
    } words[] = {
        {"train", CNN__PART_TRAIN},      {"training", CNN__PART_TRAIN}, {"val", CNN__PART_VALIDATION},
        {"valid", CNN__PART_VALIDATION}, {"dev", CNN__PART_VALIDATION}, {"validation", CNN__PART_VALIDATION},
        {"test", CNN__PART_TEST},        {"testing", CNN__PART_TEST},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (cnn__same_but_case(word, words[i].word)) {
            return words[i].part;
        }
    }
    return 0;
}
