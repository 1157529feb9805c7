/* SPDX-License-Identifier: MIT */
/* --optimizer and its companions: one text for cnn_optimizer_create(). */
#include "tool_recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tool_convention_names[] = {"keras", "pytorch", "tensorflow1", NULL}; /* by cnn_convention */

/* Length of the rule with its options: a '+' that no number has begins what is put around it. */
static size_t rule_length(const char *text)
{
    const char *around = strstr(text, "+lookahead");
    return around != NULL ? (size_t)(around - text) : strlen(text);
}

/* Whether the text gives this option itself. */
static bool says(const char *text, const char *option)
{
    const size_t length = strlen(option);
    const char *at = strchr(text, ':');
    while (at != NULL) {
        at++;
        if (strncmp(at, option, length) == 0 && at[length] == '=') {
            return true;
        }
        at = strchr(at, ',');
    }
    return false;
}

tool_rule tool_complete_rule(const tool_rule *given, const tool_recipe *recipe)
{
    tool_rule rule = *given;
    if (rule.optimizer == NULL) {
        rule.optimizer = recipe->optimizer;
    }
    /* The recipe's numbers go with its optimizer. */
    const size_t length = strcspn(rule.optimizer, ":+");
    const bool own = strcspn(recipe->optimizer, ":+") == length &&
                     strncmp(rule.optimizer, recipe->optimizer, length) == 0;
    if (rule.convention == NULL && !says(rule.optimizer, "convention")) {
        rule.convention = recipe->convention;
    }
    if (own && isnan(rule.learning_rate) && !says(rule.optimizer, "learning_rate")) {
        rule.learning_rate = recipe->learning_rate;
    }
    if (own && isnan(rule.weight_decay) && !says(rule.optimizer, "weight_decay") && recipe->weight_decay > 0) {
        rule.weight_decay = recipe->weight_decay;
    }
    return rule;
}

void tool_rule_numbers(const tool_rule *rule, char *text, size_t size)
{
    static const char *const with_momentum[] = {"momentum", "nesterov"}; /* 0.9 if nobody says it */
    const size_t length = strcspn(rule->optimizer, ":+");
    double momentum = rule->momentum, decay = rule->weight_decay;
    for (size_t i = 0; i < sizeof(with_momentum) / sizeof(with_momentum[0]); i++) {
        const bool same = strlen(with_momentum[i]) == length && strncmp(rule->optimizer, with_momentum[i], length) == 0;
        momentum = same && isnan(momentum) ? 0.9 : momentum;
    }
    momentum = says(rule->optimizer, "momentum") || isnan(momentum) ? 0 : momentum;
    decay = says(rule->optimizer, "weight_decay") || isnan(decay) ? 0 : decay;
    int used = momentum != 0 ? snprintf(text, size, ", momentum %g", momentum) : snprintf(text, size, "%s", "");
    if (decay != 0) {
        snprintf(text + used, size - (size_t)used, ", weight decay %g", decay);
    }
}

/* ",name=value", or with ":" if it is the first, among the options of the rule: before what follows a '+'. */
static bool append(char **text, const char *name, const char *value)
{
    const size_t rule = rule_length(*text);
    const char *separator = memchr(*text, ':', rule) == NULL ? ":" : ",";
    char *more = tool_format("%.*s%s%s=%s%s", (int)rule, *text, separator, name, value, *text + rule);
    free(*text);
    *text = more;
    return more != NULL;
}

static bool append_number(char **text, const char *name, double value)
{
    char number[32];
    snprintf(number, sizeof(number), "%.17g", value);
    return isnan(value) || append(text, name, number);
}

cnn_status tool_create_optimizer(cnn_context *context, const tool_rule *rule, cnn_optimizer **optimizer)
{
    char *text = tool_format("%s", rule->optimizer);
    const bool whole = text != NULL && (rule->convention == NULL || append(&text, "convention", rule->convention)) &&
                       append_number(&text, "learning_rate", rule->learning_rate) &&
                       append_number(&text, "momentum", rule->momentum) &&
                       append_number(&text, "weight_decay", rule->weight_decay) &&
                       append_number(&text, "clip_norm", rule->clip_norm);
    cnn_status status = whole ? cnn_optimizer_create(context, text, optimizer) : CNN_ERROR_OUT_OF_MEMORY;
    free(text);
    return status;
}

/* With a space after each comma, so that lines can be broken there. */
static void print_usage(tool *run, const char *usage)
{
    char text[512];
    size_t size = 0;
    for (; *usage != '\0' && size + 3 < sizeof(text); usage++) {
        text[size++] = *usage;
        if (*usage == ',') {
            text[size++] = ' ';
        }
    }
    text[size] = '\0';
    tool_print(run, "  ");
    tool_print_wrapped(run, text, 6, 2);
}

void tool_print_optimizers(tool *run)
{
    tool_print(run, "\nOptimizers and losses, as --optimizer and --loss take them:\n");
    for (size_t i = 0; cnn_optimizer_usage(i) != NULL; i++) {
        print_usage(run, cnn_optimizer_usage(i));
    }
    print_usage(run, "any of these+lookahead:every=N,alpha=X");
    for (size_t i = 0; cnn_loss_usage(i) != NULL; i++) {
        print_usage(run, cnn_loss_usage(i));
    }
}
