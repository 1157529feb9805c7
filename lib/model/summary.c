/* SPDX-License-Identifier: MIT */
/* The layer table, as Keras prints it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/model.h"

enum { MOST_COLUMNS = 4, LONGEST_LINE = 98 };

/* Where columns end. Layers that follow one another need no fourth column, which says where a layer's input is from. */
typedef struct columns {
    int count, ends[MOST_COLUMNS];
} columns;

static const columns chain_table = {3, {29, 55, 65}};
static const columns graph_table = {4, {32, 53, 65, LONGEST_LINE}};

/* 3453121 as "3,453,121". */
static const char *grouped(uint64_t number, char *text, size_t size)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);
    size_t used = 0;
    for (int i = 0; i < length && used + 2 < size; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static void print_rule(cnn__string *out, const columns *table, char character)
{
    char line[LONGEST_LINE + 1];
    size_t size = (size_t)table->ends[table->count - 1];
    memset(line, character, size);
    line[size] = '\n';
    cnn__string_append(out, line, size + 1);
}

/* Each column is cut where the next begins, as Keras does. */
static void print_row(cnn__string *out, const columns *table, const char *const *fields)
{
    int begin = 0;
    for (int i = 0; i < table->count; i++) {
        int room = table->ends[i] - begin, most = i + 1 < table->count ? room - 1 : room;
        cnn__string_printf(out, "%-*.*s", room, most, fields[i]);
        begin = table->ends[i];
    }
    cnn__string_append(out, "\n", 1);
}

static uint64_t node_values(const cnn_model *model, const cnn__node *node)
{
    uint64_t values = 0;
    for (uint32_t i = 0; i < node->parameter_count; i++) {
        values += model->parameters[node->first_parameter + i].values;
    }
    return values;
}

/* Whether each layer reads the one before it and nothing else. */
static bool is_chain(const cnn_model *model)
{
    bool chain = true;
    for (uint32_t i = 0; i < model->node_count && chain; i++) {
        chain = model->nodes[i].input_count == 1 && model->nodes[i].inputs[0] == i;
    }
    return chain;
}

/* As Keras writes it: a layer used once has one output, number 0. */
static const char *input_text(const cnn_model *model, const cnn__node *node, uint32_t input, char *text, size_t size)
{
    uint32_t value = node->inputs[input];
    snprintf(text, size, "%s[0][0]", value == 0 ? "input" : model->nodes[value - 1].name);
    return text;
}

/* A further row for each further input. */
static void print_node(cnn__string *out, const columns *table, const cnn_model *model, const cnn__node *node)
{
    char name[128], shape[128], values[32], input[128];
    snprintf(name, sizeof(name), "%s (%s)", node->name, node->layer->kind.type);
    cnn__shape_text(&node->output, "None", shape, sizeof(shape));
    snprintf(values, sizeof(values), "%" PRIu64, node_values(model, node));
    const char *first = input_text(model, node, 0, input, sizeof(input));
    print_row(out, table, (const char *const[]){name, shape, values, first});
    for (uint32_t i = 1; i < node->input_count; i++) {
        const char *next = input_text(model, node, i, input, sizeof(input));
        print_row(out, table, (const char *const[]){"", "", "", next});
    }
}

cnn_status cnn_model_summary(const cnn_model *model, cnn_write_function write, void *user)
{
    char number[32];
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn__string out = {.context = model->context};
    if (write == NULL) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: no function to write to", model->name);
    }
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    const columns *table = is_chain(model) ? &chain_table : &graph_table;
    cnn__string_printf(&out, "Model: \"%s\"\n", model->name);
    print_rule(&out, table, '_');
    print_row(&out, table, (const char *const[]){"Layer (type)", "Output Shape", "Param #", "Connected to"});
    print_rule(&out, table, '=');
    for (uint32_t i = 0; i < model->node_count; i++) {
        print_node(&out, table, model, &model->nodes[i]);
        print_rule(&out, table, i + 1 < model->node_count ? '_' : '=');
    }
    uint64_t all = cnn_model_values(model), trainable = cnn_model_trainable_values(model);
    cnn__string_printf(&out, "Total params: %s\n", grouped(all, number, sizeof(number)));
    cnn__string_printf(&out, "Trainable params: %s\n", grouped(trainable, number, sizeof(number)));
    cnn__string_printf(&out, "Non-trainable params: %s\n", grouped(all - trainable, number, sizeof(number)));
    print_rule(&out, table, '_');
    cnn_status status = out.status != CNN_OK ? out.status : write(user, out.data, out.size);
    cnn__string_free(&out);
    return status;
}
