/* SPDX-License-Identifier: MIT */
/* The layer table, as Keras prints it: columns end at 29, 55 and 65 characters. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/model.h"

enum { NAME_END = 29, SHAPE_END = 55, LINE_END = 65 };

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

static void print_rule(cnn__string *out, char character)
{
    char line[LINE_END + 1];
    memset(line, character, LINE_END);
    line[LINE_END] = '\n';
    cnn__string_append(out, line, sizeof(line));
}

/* Each column is cut where the next begins, as Keras does. */
static void print_row(cnn__string *out, const char *name, const char *shape, const char *values)
{
    char line[LINE_END + 1];
    snprintf(line, sizeof(line), "%-*.*s%-*.*s%-*.*s", NAME_END, NAME_END - 1, name, SHAPE_END - NAME_END,
             SHAPE_END - NAME_END - 1, shape, LINE_END - SHAPE_END, LINE_END - SHAPE_END, values);
    cnn__string_printf(out, "%s\n", line);
}

static uint64_t node_values(const cnn_model *model, const cnn__node *node)
{
    uint64_t values = 0;
    for (uint32_t i = 0; i < node->parameter_count; i++) {
        values += model->parameters[node->first_parameter + i].values;
    }
    return values;
}

static void print_node(cnn__string *out, const cnn_model *model, const cnn__node *node)
{
    char name[128], shape[128], values[32];
    snprintf(name, sizeof(name), "%s (%s)", node->name, node->layer->kind.type);
    cnn__shape_text(&node->output, "None", shape, sizeof(shape));
    snprintf(values, sizeof(values), "%" PRIu64, node_values(model, node));
    print_row(out, name, shape, values);
}

cnn_status cnn_model_summary(const cnn_model *model, cnn_write_function write, void *user)
{
    char number[32];
    cnn__string out = {.context = model->context};
    if (!model->built) {
        return cnn__fail(model->context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    cnn__string_printf(&out, "Model: \"%s\"\n", model->name);
    print_rule(&out, '_');
    print_row(&out, "Layer (type)", "Output Shape", "Param #");
    print_rule(&out, '=');
    for (uint32_t i = 0; i < model->node_count; i++) {
        print_node(&out, model, &model->nodes[i]);
        print_rule(&out, i + 1 < model->node_count ? '_' : '=');
    }
    uint64_t all = cnn_model_values(model), trainable = cnn_model_trainable_values(model);
    cnn__string_printf(&out, "Total params: %s\n", grouped(all, number, sizeof(number)));
    cnn__string_printf(&out, "Trainable params: %s\n", grouped(trainable, number, sizeof(number)));
    cnn__string_printf(&out, "Non-trainable params: %s\n", grouped(all - trainable, number, sizeof(number)));
    print_rule(&out, '_');
    cnn_status status = out.status != CNN_OK ? out.status : write(user, out.data, out.size);
    cnn__string_free(&out);
    return status;
}
