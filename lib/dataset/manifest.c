/* SPDX-License-Identifier: MIT */
/* Datasets that a table lists: which rows become samples, and reading them. */
#include "dataset/manifest.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "core/number.h"
#include "core/table.h"
#include "dataset/form.h"
#include "dataset/listing.h"

/* ---- the source ---- */

static cnn_status read_sample(const cnn__source *source, size_t index, const cnn_decode_options *decode,
                              cnn__sample *sample)
{
    const cnn__manifest *self = (const cnn__manifest *)source;
    cnn_decode_options options = *decode;
    float *marks = NULL;
    options.channels = self->options.channels;
    options.apply_orientation |= source->orients;
    if (self->first != NULL) {
        marks = cnn__alloc_array(source->context, source->target_count, sizeof(*marks));
        if (marks == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        (void)source->kind->targets(source, index, marks);
    }
    cnn_status status = cnn__sample_load(source, self->paths.data + self->path[index], &options, sample);
    if (status != CNN_OK) {
        cnn__free(source->context, marks);
        return status;
    }
    sample->label = source->kind->label(source, index);
    sample->weight = self->weights != NULL ? self->weights[index] : 1;
    sample->targets = marks != NULL ? marks : self->values != NULL ? self->values + index * source->target_count : NULL;
    return CNN_OK;
}

static void release_sample(const cnn__source *source, cnn__sample *sample)
{
    const cnn__manifest *self = (const cnn__manifest *)source;
    if (self->first != NULL) {
        cnn__free(source->context, (float *)sample->targets);
    }
}

static int32_t label_of(const cnn__source *source, size_t index)
{
    const cnn__manifest *self = (const cnn__manifest *)source;
    return self->labels != NULL ? self->labels[index] : -1;
}

static int64_t group_of(const cnn__source *source, size_t index)
{
    const cnn__manifest *self = (const cnn__manifest *)source;
    return self->groups != NULL ? self->groups[index] : -1;
}

static const char *path_of(const cnn__source *source, size_t index)
{
    const cnn__manifest *self = (const cnn__manifest *)source;
    return self->paths.data + self->path[index];
}

static float weight_of(const cnn__source *source, size_t index)
{
    const cnn__manifest *self = (const cnn__manifest *)source;
    return self->weights != NULL ? self->weights[index] : 1;
}

static bool targets_of(const cnn__source *source, size_t index, float *targets)
{
    const cnn__manifest *self = (const cnn__manifest *)source;
    const size_t count = source->target_count;
    if (self->values != NULL) {
        memcpy(targets, self->values + index * count, count * sizeof(*targets));
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        targets[i] = 0;
    }
    for (size_t i = self->first[index]; i < self->first[index + 1]; i++) {
        targets[self->ids[i]] = 1;
    }
    return true;
}

static void destroy_manifest(cnn__source *source)
{
    cnn__manifest *self = (cnn__manifest *)source;
    cnn__string_free(&self->paths);
    cnn__free(source->context, self->path);
    cnn__free(source->context, self->labels);
    cnn__free(source->context, self->first);
    cnn__free(source->context, self->ids);
    cnn__free(source->context, self->values);
    cnn__free(source->context, self->weights);
    cnn__free(source->context, self->groups);
}

static const cnn__source_kind manifest_kind = {
    .name = "table",
    .read = read_sample,
    .release = release_sample,
    .label = label_of,
    .group = group_of,
    .path = path_of,
    .weight = weight_of,
    .targets = targets_of,
    .destroy = destroy_manifest,
};

/* ---- opening ---- */

typedef struct opener {
    cnn_context *context;
    const char *path;
    cnn_files_options options;
    cnn__sheet sheet;
    cnn__manifest_columns columns;
    cnn__manifest_rows rows;
    cnn__manifest *manifest;
    cnn__passed left_out;
} opener;

static unsigned wanted_parts(const char *part)
{
    return strcmp(part, "all") == 0 ? CNN__PART_TRAIN | CNN__PART_VALIDATION | CNN__PART_TEST : cnn__part_of_word(part);
}

/* The rows of the part that is asked for. */
static cnn_status choose_rows(opener *self)
{
    const cnn__sheet *sheet = &self->sheet;
    const unsigned wanted = wanted_parts(self->options.part);
    const size_t column = self->columns.split;
    self->rows.rows = cnn__alloc_array(self->context, sheet->rows, sizeof(*self->rows.rows));
    if (self->rows.rows == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t row = 0; row < sheet->rows; row++) {
        unsigned part = wanted;
        if (column != CNN__NO_COLUMN) {
            const char *word = cnn__sheet_text(sheet, row, column);
            part = cnn__part_of_word(word);
            if (part == 0) {
                char text[64];
                return cnn__sheet_fail(sheet, CNN_ERROR_FORMAT, row, column,
                                       "\"%s\" is no part: expected train, validation or test",
                                       cnn__printable(word, text, sizeof(text)));
            }
            self->manifest->base.parts |= part;
        }
        if ((part & wanted) != 0) {
            self->rows.rows[self->rows.count++] = row;
        }
    }
    return self->rows.count > 0 ? CNN_OK
                                : cnn__fail(self->context, CNN_ERROR_NOT_FOUND, "%s: no row is of the part \"%s\"",
                                            sheet->name, self->options.part);
}

/* Finds the files, and drops the rows whose file is not there where that is allowed. */
static cnn_status find_files(opener *self)
{
    const cnn__sheet *sheet = &self->sheet;
    cnn__manifest *manifest = self->manifest;
    cnn__manifest_finder find;
    size_t kept = 0;
    manifest->path = cnn__alloc_array(self->context, self->rows.count, sizeof(*manifest->path));
    cnn_status status = cnn__manifest_open_finder(self->context, self->path, &find);
    status = manifest->path != NULL ? status : CNN_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < self->rows.count && status == CNN_OK; i++) {
        const size_t row = self->rows.rows[i];
        const char *name = cnn__sheet_text(sheet, row, self->columns.path);
        int error = ENOENT;
        char text[256], reason[64];
        if (name[0] != '\0' && cnn__manifest_find_file(&find, name, &error)) {
            self->rows.rows[kept] = row;
            manifest->path[kept++] = manifest->paths.size;
            cnn__string_append(&manifest->paths, find.path.data, find.path.size + 1);
            status = manifest->paths.status;
            continue;
        }
        status = find.path.status != CNN_OK ? find.path.status
                 : name[0] == '\0'
                     ? cnn__sheet_fail(sheet, CNN_ERROR_FORMAT, row, self->columns.path, "no file is named")
                     : cnn__sheet_fail(sheet, error == ENOENT ? CNN_ERROR_NOT_FOUND : CNN_ERROR_IO, row,
                                       self->columns.path, "\"%s\": %s", cnn__printable(name, text, sizeof(text)),
                                       strerror_r(error, reason, sizeof(reason)));
        if (self->options.on_error == CNN_ON_ERROR_SKIP && status != CNN_ERROR_OUT_OF_MEMORY) {
            cnn__passed one = {.count = 1};
            snprintf(one.first, sizeof(one.first), "%s", cnn_last_error(self->context));
            cnn__passed_add(&self->left_out, &one);
            status = CNN_OK;
        }
    }
    cnn__manifest_close_finder(&find);
    self->rows.count = kept;
    return status != CNN_OK || kept > 0
               ? status
               : cnn__fail(self->context, CNN_ERROR_FORMAT, "%s: none of its files can be found, the first: %s",
                           sheet->name, self->left_out.first);
}

static cnn_status read_weights(opener *self)
{
    const cnn__sheet *sheet = &self->sheet;
    const size_t column = self->columns.weight;
    if (column == CNN__NO_COLUMN) {
        return CNN_OK;
    }
    float *weights = cnn__alloc_array(self->context, self->rows.count, sizeof(*weights));
    self->manifest->weights = weights;
    if (weights == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < self->rows.count; i++) {
        const char *text = cnn__sheet_text(sheet, self->rows.rows[i], column), *end = text + strlen(text), *rest = end;
        double value = 1;
        if (text < end && (!cnn__parse_double(text, end, &value, &rest) || rest != end || value < 0 || value > 1e30)) {
            char printable[64];
            return cnn__sheet_fail(sheet, CNN_ERROR_FORMAT, self->rows.rows[i], column,
                                   "\"%s\" is no weight: expected a number of 0 or more",
                                   cnn__printable(text, printable, sizeof(printable)));
        }
        weights[i] = (float)value;
    }
    self->manifest->base.weighted = true;
    return CNN_OK;
}

/* Groups are numbered as they are met; an empty cell is none. */
static cnn_status read_groups(opener *self)
{
    const size_t column = self->columns.group;
    if (column == CNN__NO_COLUMN) {
        return CNN_OK;
    }
    int64_t *groups = cnn__alloc_array(self->context, self->rows.count, sizeof(*groups));
    self->manifest->groups = groups;
    cnn__table table;
    cnn_status status = groups != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    cnn__table_init(&table, self->context);
    for (size_t i = 0; i < self->rows.count && status == CNN_OK; i++) {
        const char *text = cnn__sheet_text(&self->sheet, self->rows.rows[i], column);
        size_t number = table.count;
        if (text[0] == '\0') {
            groups[i] = -1;
            continue;
        }
        if (!cnn__table_find(&table, text, &number)) {
            number = table.count;
            status = cnn__table_add(&table, text, number);
        }
        groups[i] = (int64_t)number;
    }
    cnn__table_free(&table);
    return status;
}

static cnn_status read_sheet(opener *self, const char *name)
{
    void *data = NULL;
    size_t size = 0;
    CNN__RETURN_IF_ERROR(cnn__file_read(self->context, self->path, CNN__TABLE_FILE, &data, &size));
    char *text = cnn__realloc(self->context, data, size + 1);
    if (text == NULL) {
        cnn__free(self->context, data);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    text[size] = '\0';
    const char *dot = strrchr(self->path, '.');
    const bool lines = dot != NULL && (cnn__same_but_case(dot, ".jsonl") || cnn__same_but_case(dot, ".ndjson"));
    return lines ? cnn__sheet_parse_lines(self->context, name, text, size, &self->sheet)
                 : cnn__sheet_parse_values(self->context, name, text, size, &self->sheet);
}

static void tell(const opener *self)
{
    const cnn__source *source = &self->manifest->base;
    if (self->left_out.count > 0) {
        cnn__log(self->context, CNN_LOG_WARNING, "%s: left out %zu rows whose files cannot be found, the first: %s",
                 self->sheet.name, self->left_out.count, self->left_out.first);
    }
    cnn__log(self->context, CNN_LOG_INFO, "%s: %zu images of %zu %s", self->sheet.name, source->count,
             source->classes.count,
             source->task == CNN_TASK_VALUES   ? "values each"
             : source->task == CNN_TASK_LABELS ? "labels"
                                               : "classes");
}

static cnn_status fill(opener *self)
{
    CNN__RETURN_IF_ERROR(cnn__manifest_find_columns(&self->sheet, &self->options, &self->columns));
    CNN__RETURN_IF_ERROR(choose_rows(self));
    CNN__RETURN_IF_ERROR(find_files(self));
    CNN__RETURN_IF_ERROR(
        cnn__manifest_label(self->manifest, &self->sheet, &self->columns, &self->options, &self->rows));
    CNN__RETURN_IF_ERROR(read_weights(self));
    CNN__RETURN_IF_ERROR(read_groups(self));
    cnn__manifest *manifest = self->manifest;
    manifest->base.count = self->rows.count;
    manifest->base.left_out = self->left_out.count;
    manifest->base.orients = self->options.apply_orientation != 0;
    manifest->options = (cnn_files_options){.channels = self->options.channels};
    tell(self);
    return CNN_OK;
}

cnn_status cnn_dataset_open_table(cnn_context *context, const char *path, const cnn_files_options *options,
                                  cnn_dataset **dataset)
{
    char name[512];
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, path, "path", dataset));
    opener self = {.context = context, .path = path};
    CNN__RETURN_IF_ERROR(cnn__files_options_copy(context, options, &self.options));
    CNN__RETURN_IF_ERROR(read_sheet(&self, cnn__printable(path, name, sizeof(name))));
    self.manifest = cnn__source_create(context, &manifest_kind, sizeof(*self.manifest));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (self.manifest != NULL) {
        self.manifest->paths.context = context;
        status = fill(&self);
    }
    cnn__free(context, self.columns.targets);
    cnn__free(context, self.rows.rows);
    cnn__sheet_free(&self.sheet);
    if (status != CNN_OK) {
        cnn__source_release(self.manifest != NULL ? &self.manifest->base : NULL);
        return status;
    }
    return cnn__dataset_wrap(&self.manifest->base, dataset);
}

bool cnn__is_table_name(const char *path)
{
    static const char *const known[] = {".csv", ".tsv", ".jsonl", ".ndjson"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        if (cnn__same_but_case(dot, known[i])) {
            return true;
        }
    }
    return false;
}
