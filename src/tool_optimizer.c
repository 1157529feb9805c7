/* SPDX-License-Identifier: MIT */
/* --optimizer and its companions. */
#include "tool_recipe.h"

#include <math.h>
#include <string.h>

const char *const tool_optimizer_names[] = {"sgd", "momentum", "nesterov", "rmsprop", "adam", NULL};
const char *const tool_convention_names[] = {"keras", "pytorch", "tensorflow1", NULL}; /* by cnn_convention */

tool_rule tool_complete_rule(const tool_rule *given, const tool_recipe *recipe)
{
    tool_rule rule = *given;
    bool own = rule.optimizer == NULL || strcmp(rule.optimizer, recipe->optimizer) == 0;
    rule.optimizer = own ? recipe->optimizer : rule.optimizer;
    rule.convention = rule.convention != NULL ? rule.convention : recipe->convention;
    if (isnan(rule.learning_rate)) {
        rule.learning_rate = own ? recipe->learning_rate : 0; /* 0: the library's for this optimizer */
    }
    if (isnan(rule.momentum)) {
        bool wants = strcmp(rule.optimizer, "momentum") == 0 || strcmp(rule.optimizer, "nesterov") == 0;
        rule.momentum = wants ? 0.9 : 0;
    }
    if (isnan(rule.weight_decay)) {
        rule.weight_decay = own ? recipe->weight_decay : 0;
    }
    rule.clip_norm = isnan(rule.clip_norm) ? 0 : rule.clip_norm;
    return rule;
}

cnn_status tool_create_optimizer(cnn_context *context, const tool_rule *rule, cnn_optimizer **optimizer)
{
    int32_t convention = CNN_KERAS;
    while (strcmp(tool_convention_names[convention], rule->convention) != 0) {
        convention++;
    }
    float rate = (float)rule->learning_rate, momentum = (float)rule->momentum;
    float decay = (float)rule->weight_decay, clip = (float)rule->clip_norm;
    if (strcmp(rule->optimizer, "rmsprop") == 0) {
        return cnn_rmsprop_create(context,
                                  CNN_RMSPROP(.learning_rate = rate, .convention = convention, .momentum = momentum,
                                              .weight_decay = decay, .clip_norm = clip),
                                  optimizer);
    }
    if (strcmp(rule->optimizer, "adam") == 0) {
        return cnn_adam_create(
            context,
            CNN_ADAM(.learning_rate = rate, .convention = convention, .weight_decay = decay, .clip_norm = clip),
            optimizer);
    }
    return cnn_sgd_create(context,
                          CNN_SGD(.learning_rate = rate, .convention = convention, .momentum = momentum,
                                  .nesterov = strcmp(rule->optimizer, "nesterov") == 0, .weight_decay = decay,
                                  .clip_norm = clip),
                          optimizer);
}
