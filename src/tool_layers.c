/* SPDX-License-Identifier: MIT */
/* The time of each layer over several steps, and its table. */
#include "tool_layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_json.h"

/* One operation of a step, in the order of the first step. Its texts live as long as the model. */
typedef struct layer_row {
    const char *layer, *type, *algorithm, *reason;
    int32_t pass;
    double flop;
    double *times; /* milliseconds, one for each step */
    size_t count;
} layer_row;

struct tool_layers {
    uint64_t steps;
    layer_row *rows;
    size_t row_count;
    bool no_memory;
};

static const char *const pass_names[] = {"forward", "backward to the input", "backward to the filters",
                                         "backward", "prepare", "update"};
static const char *const pass_columns[] = {"forward", "to input", "to filters", "backward", "prepare", "update"};

tool_layers *tool_layers_new(uint64_t steps)
{
    tool_layers *layers = calloc(1, sizeof(*layers));
    if (layers != NULL) {
        layers->steps = steps;
    }
    return layers;
}

void tool_layers_free(tool_layers *layers)
{
    for (size_t i = 0; layers != NULL && i < layers->row_count; i++) {
        free(layers->rows[i].times);
    }
    if (layers != NULL) {
        free(layers->rows);
    }
    free(layers);
}

static bool is_of(const layer_row *row, const cnn_trace_record *record)
{
    const bool same = row->layer == NULL || record->layer == NULL ? row->layer == record->layer
                                                                  : strcmp(row->layer, record->layer) == 0;
    return same && row->pass == record->pass && strcmp(row->type, record->type) == 0;
}

static layer_row *find_row(tool_layers *layers, const cnn_trace_record *record)
{
    for (size_t i = 0; i < layers->row_count; i++) {
        if (is_of(&layers->rows[i], record)) {
            return &layers->rows[i];
        }
    }
    layer_row *grown = realloc(layers->rows, (layers->row_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return NULL;
    }
    layers->rows = grown;
    layer_row *row = &grown[layers->row_count];
    *row = (layer_row){.layer = record->layer, .type = record->type, .algorithm = record->algorithm,
                       .reason = record->reason, .pass = record->pass, .flop = record->flop,
                       .times = calloc(layers->steps, sizeof(double))};
    if (row->times == NULL) {
        return NULL;
    }
    layers->row_count++;
    return row;
}

void tool_layers_add(void *user, const cnn_trace_record *record)
{
    tool_layers *layers = user;
    layer_row *row = find_row(layers, record);
    if (row == NULL) {
        layers->no_memory = true;
    } else if (row->count < layers->steps) {
        row->times[row->count++] = record->seconds * 1e3;
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tool_median(double *times, size_t count)
{
    qsort(times, count, sizeof(double), compare_doubles);
    return (times[(count - 1) / 2] + times[count / 2]) / 2;
}

/* A number, or a dash where there is none. */
static const char *number_text(double value, bool exists, const char *unit, char text[32])
{
    if (!exists) {
        return "-";
    }
    snprintf(text, 32, "%.*f%s", value < 10 && unit[0] == '\0' ? 2 : 0, value, unit);
    return text;
}

static void print_row(tool *run, const char *layer, const char *type, const char *pass, const char *algorithm,
                      double milliseconds, double flop, double peak, const char *reason)
{
    const double speed = milliseconds > 0 ? flop / milliseconds * 1e-6 : 0;
    char gflops[32], share[32];
    tool_print(run, "  %-24s %-20s %-10s %-17s %9.3f %9s %8s  %s\n", layer, type, pass, algorithm, milliseconds,
               number_text(speed, flop > 0, "", gflops),
               number_text(peak > 0 ? 100 * speed / peak : 0, flop > 0 && peak > 0, "%", share), reason);
}

int tool_layers_print(tool *run, tool_layers *layers, double peak)
{
    if (layers->no_memory) {
        return tool_fail_memory(run);
    }
    double milliseconds = 0, flop = 0;
    char text[32];
    tool_print(run, "  %-24s %-20s %-10s %-17s %9s %9s %8s  %s\n", "layer", "type", "pass", "algorithm", "ms",
               "GFLOP/s", "of peak", "why");
    for (size_t i = 0; i < layers->row_count; i++) {
        layer_row *row = &layers->rows[i];
        const double median = tool_median(row->times, row->count);
        print_row(run, row->layer != NULL ? row->layer : "-", row->type, pass_columns[row->pass],
                  row->algorithm != NULL ? row->algorithm : "-", median, row->flop, peak,
                  row->reason != NULL ? row->reason : "");
        milliseconds += median;
        flop += row->flop;
    }
    print_row(run, "all", "-", "-", "-", milliseconds, flop, peak, "");
    tool_print(run, "  peak %s GFLOP/s; FLOP by the plain formula, whatever the algorithm needs\n",
               number_text(peak, peak > 0, "", text));
    tool_flush(run);
    return TOOL_DONE;
}

json_t *tool_layers_json(tool_layers *layers, double peak)
{
    json_t *list = json_array();
    for (size_t i = 0; i < layers->row_count && !layers->no_memory; i++) {
        layer_row *row = &layers->rows[i];
        json_t *object = json_object();
        const double median = tool_median(row->times, row->count);
        const double speed = row->flop > 0 && median > 0 ? row->flop / median * 1e-6 : NAN;
        tool_json_text(object, "layer", row->layer);
        tool_json_text(object, "type", row->type);
        tool_json_text(object, "pass", pass_names[row->pass]);
        tool_json_text(object, "algorithm", row->algorithm);
        tool_json_text(object, "reason", row->reason);
        tool_json_real(object, "ms", median);
        tool_json_real(object, "ms_min", row->times[0]);
        tool_json_real(object, "ms_max", row->times[row->count - 1]);
        tool_json_real(object, "gflop", row->flop > 0 ? row->flop * 1e-9 : NAN);
        tool_json_real(object, "gflops", speed);
        tool_json_real(object, "share_of_peak", peak > 0 ? speed / peak : NAN);
        json_array_append_new(list, object);
    }
    if (layers->no_memory) {
        json_decref(list);
        return NULL;
    }
    return list;
}
