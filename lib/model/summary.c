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

/* A row of the table: a layer, or all those of a model used as a layer, of which the name before the '/' tells. */
typedef struct row {
    uint32_t begin, end; /* nodes */
    size_t name_size;    /* of the first node's name, what the row is named by */
    bool inner;
} row;

static row next_row(const cnn_model *model, uint32_t begin)
{
    const char *name = model->nodes[begin].name, *slash = strchr(name, '/');
    row r = {begin, begin + 1, slash != NULL ? (size_t)(slash - name) : strlen(name), slash != NULL};
    while (r.inner && r.end < model->node_count && strncmp(model->nodes[r.end].name, name, r.name_size + 1) == 0) {
        r.end++;
    }
    return r;
}

/* Whether a node is outside the row, so that what it makes is an input of the row. */
static bool is_outside(const row *r, uint32_t reference)
{
    return (reference & CNN__INPUT) != 0 || reference < r->begin || reference >= r->end;
}

/* Whether each row reads the one before it and nothing else. */
static bool is_chain(const cnn_model *model)
{
    uint32_t before = CNN__INPUT;
    bool chain = model->input_count == 1;
    for (uint32_t i = 0; i < model->node_count && chain;) {
        const row r = next_row(model, i);
        for (; i < r.end && chain; i++) {
            const cnn__node *node = &model->nodes[i];
            for (uint32_t k = 0; k < node->input_count && chain; k++) {
                chain = !is_outside(&r, node->inputs[k]) || (node->inputs[k] == before && node->input_count == 1);
            }
        }
        before = r.end - 1;
    }
    return chain;
}

/* As Keras writes it: a layer used once has one output, number 0. */
static const char *input_text(const cnn_model *model, uint32_t reference, char *text, size_t size)
{
    snprintf(text, size, "%s[0][0]", cnn__value_name(model, reference));
    return text;
}

static void print_input(cnn__string *out, const columns *table, const char *fields[3], const char *input)
{
    print_row(out, table, (const char *const[]){fields[0], fields[1], fields[2], input});
    fields[0] = fields[1] = fields[2] = ""; /* a further row for each further input */
}

/* What a node that applies the layer of another shows: the parameters are counted there. */
static void values_text(const cnn_model *model, const row *r, char *text, size_t size)
{
    uint64_t values = 0;
    for (uint32_t i = r->begin; i < r->end; i++) {
        values += node_values(model, &model->nodes[i]);
    }
    const bool shared = model->nodes[r->begin].owner != r->begin &&
                        model->nodes[model->nodes[r->begin].owner].parameter_count > 0;
    snprintf(text, size, shared ? "%" PRIu64 " (shared)" : "%" PRIu64, values);
}

/* "(None, 512)", or where a sample has nine rows "(9 None, 512)". */
static void output_text(const cnn__node *node, char *text, size_t size)
{
    char batch[40] = "None";
    cnn_shape shape = node->output;
    if (node->rows > 1) {
        snprintf(batch, sizeof(batch), "%lld None", (long long)node->rows);
        shape = cnn__without_batch(&node->output);
    }
    cnn__shape_text(&shape, batch, text, size);
}

static void print_layer(cnn__string *out, const columns *table, const cnn_model *model, const row *r)
{
    char name[128], shape[128], values[48], input[128];
    const cnn__node *first = &model->nodes[r->begin], *last = &model->nodes[r->end - 1];
    snprintf(name, sizeof(name), "%.*s (%s)", (int)r->name_size, first->name,
             r->inner ? "Model" : first->layer->kind.type);
    output_text(last, shape, sizeof(shape));
    values_text(model, r, values, sizeof(values));
    const char *fields[3] = {name, shape, values};
    for (uint32_t i = r->begin; i < r->end; i++) {
        for (uint32_t k = 0; k < model->nodes[i].input_count; k++) {
            if (is_outside(r, model->nodes[i].inputs[k])) {
                print_input(out, table, fields, input_text(model, model->nodes[i].inputs[k], input, sizeof(input)));
            }
        }
    }
}

/* Keras lists inputs as layers unless a model is a sequence. */
static void print_inputs(cnn__string *out, const columns *table, const cnn_model *model)
{
    const bool named = strcmp(model->inputs[0].name, CNN__INPUT_NAME) != 0;
    for (uint32_t i = 0; i < model->input_count && (table == &graph_table || named); i++) {
        char name[128], shape[128];
        snprintf(name, sizeof(name), "%s (InputLayer)", model->inputs[i].name);
        cnn__shape_text(&model->inputs[i].shape, "None", shape, sizeof(shape));
        print_row(out, table, (const char *const[]){name, shape, "0", ""});
        print_rule(out, table, '_');
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
    print_inputs(&out, table, model);
    for (uint32_t i = 0; i < model->node_count;) {
        const row r = next_row(model, i);
        print_layer(&out, table, model, &r);
        i = r.end;
        print_rule(&out, table, i < model->node_count ? '_' : '=');
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
