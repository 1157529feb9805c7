/* SPDX-License-Identifier: MIT */
/* Where the frozen base of a model ends. */
#include "model/model.h"

/* By cnn_model_set_trainable() alone: when all that could be trained was frozen, or everything of a layer that has
 * statistics only, such as a normalisation without scale and shift. Unless it is said what becomes of its statistics,
 * they stay when it is frozen. */
bool cnn__node_is_frozen(const cnn_model *model, uint32_t index, bool *trained)
{
    const cnn__node *node = &model->nodes[index];
    bool trainable = false, all_frozen = true;
    *trained = false;
    for (uint32_t i = 0; i < node->parameter_count; i++) {
        const cnn__parameter *parameter = &model->parameters[node->first_parameter + i];
        trainable = trainable || parameter->trainable;
        all_frozen = all_frozen && parameter->frozen;
        *trained = *trained || (parameter->trainable && !parameter->frozen);
    }
    const bool frozen = node->parameter_count > 0 && !*trained && (trainable || all_frozen);
    return node->statistics == CNN_STATISTICS_BY_TRAINABLE ? frozen : node->statistics == CNN_STATISTICS_KEEP;
}

/* Whether a node makes the same of the same input whatever is trained: nothing of it is, it behaves in training as in
 * inference, and the loss has no part of it. */
static bool is_steady(const cnn_model *model, const cnn__node *node)
{
    const cnn__layer_type *type = node->layer->type;
    bool trained = false;
    const bool frozen = cnn__node_is_frozen(model, node->owner, &trained);
    return type != NULL && !trained && !cnn__is_penalty(&node->activity) &&
           (type->in_training == CNN__ALIKE || (type->in_training == CNN__OTHER_UNLESS_FROZEN && frozen));
}

/* node -> whether an output depends on it. */
static void find_needed(const cnn_model *model, bool *needed)
{
    for (uint32_t i = 0; i < cnn__model_outputs(model); i++) {
        const uint32_t output = cnn__model_output(model, i);
        if ((output & CNN__INPUT) == 0) {
            needed[output] = true;
        }
    }
    for (uint32_t i = model->node_count; i-- > 0;) {
        for (uint32_t k = 0; needed[i] && k < model->nodes[i].input_count; k++) {
            if ((model->nodes[i].inputs[k] & CNN__INPUT) == 0) {
                needed[model->nodes[i].inputs[k]] = true;
            }
        }
    }
}

/* Notes that something that is not steady, or the world outside, reads a value; false if it is not the only one of
 * those that are steady. */
static bool read_at_border(const bool *steady, uint32_t reference, uint32_t *border)
{
    const bool input = (reference & CNN__INPUT) != 0;
    if (!input && !steady[reference]) {
        return true;
    }
    const bool other = input || (*border != CNN__NO_NODE && *border != reference);
    *border = reference;
    return !other;
}

/* The one steady value that all the rest begins with; CNN__NO_NODE if there are several, or none. */
static uint32_t find_border(const cnn_model *model, bool *steady, const bool *needed)
{
    uint32_t border = CNN__NO_NODE;
    bool parameters = false, one = true;
    for (uint32_t i = 0; i < model->node_count && one; i++) {
        const cnn__node *node = &model->nodes[i];
        steady[i] = is_steady(model, node);
        for (uint32_t k = 0; k < node->input_count; k++) {
            steady[i] = steady[i] && ((node->inputs[k] & CNN__INPUT) != 0 || steady[node->inputs[k]]);
        }
        parameters = parameters || (steady[i] && model->nodes[node->owner].parameter_count > 0);
        for (uint32_t k = 0; k < node->input_count && needed[i] && !steady[i]; k++) {
            one = one && read_at_border(steady, node->inputs[k], &border);
        }
    }
    for (uint32_t i = 0; i < cnn__model_outputs(model) && one; i++) {
        one = read_at_border(steady, cnn__model_output(model, i), &border);
    }
    return one && parameters ? border : CNN__NO_NODE;
}

cnn_status cnn__model_frozen_node(const cnn_model *model, uint32_t *node)
{
    bool *marks = cnn__alloc_zero(model->context, 2 * (size_t)model->node_count * sizeof(bool));
    *node = CNN__NO_NODE;
    if (marks == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    find_needed(model, marks + model->node_count);
    *node = find_border(model, marks, marks + model->node_count);
    cnn__free(model->context, marks);
    return CNN_OK;
}

const char *cnn_model_frozen_layer(const cnn_model *model)
{
    uint32_t node = CNN__NO_NODE;
    if (model == NULL || !model->built || cnn__model_frozen_node(model, &node) != CNN_OK) {
        return NULL;
    }
    return node != CNN__NO_NODE ? model->nodes[node].name : NULL;
}
