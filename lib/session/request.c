/* SPDX-License-Identifier: MIT */
/* Names of values, and what a session is asked for. */
#include "session/request.h"

#include <string.h>

static cnn_status not_found(const cnn_model *model, const char *name)
{
    return cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\"", model->name,
                     name != NULL ? name : "");
}

/* An activation that is a layer of its own has another's output before it. */
static cnn__wanted before_activation(const cnn_model *model, uint32_t reference)
{
    if ((reference & CNN__INPUT) == 0 && model->nodes[reference].layer->type == &cnn__activate_type) {
        return (cnn__wanted){model->nodes[reference].inputs[0], false};
    }
    return (cnn__wanted){reference, (reference & CNN__INPUT) == 0};
}

/* Of one input "input" is right too, whatever its name: networks of the zoo have that of their articles. */
static bool is_only_input(const cnn_model *model, const char *name)
{
    return model->input_count == 1 && strcmp(name, "input") == 0;
}

cnn_status cnn__request_find(const cnn_model *model, const char *name, cnn__wanted *wanted)
{
    static const char linear[] = ":linear";
    char layer[CNN__MAX_NAME];
    *wanted = (cnn__wanted){0};
    if (name == NULL) {
        return not_found(model, name);
    }
    if (cnn__model_find(model, name, &wanted->reference)) {
        return CNN_OK;
    }
    if (is_only_input(model, name)) {
        wanted->reference = CNN__INPUT;
        return CNN_OK;
    }
    const char *colon = strrchr(name, ':');
    const size_t size = colon != NULL ? (size_t)(colon - name) : 0;
    if (colon == NULL || strcmp(colon, linear) != 0 || size >= sizeof(layer)) {
        return not_found(model, name);
    }
    memcpy(layer, name, size);
    layer[size] = '\0';
    if (!cnn__model_find(model, layer, &wanted->reference)) {
        return not_found(model, name);
    }
    *wanted = before_activation(model, wanted->reference);
    return CNN_OK;
}

/* What is asked for by name, or if it is not, the model's outputs. */
static cnn_status find_all(const cnn_model *model, const char *const *names, size_t count, cnn__wanted *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (names != NULL) {
            CNN__RETURN_IF_ERROR(cnn__request_find(model, names[i], &wanted[i]));
        } else {
            wanted[i] = (cnn__wanted){cnn__model_output(model, (uint32_t)i), false};
        }
    }
    return CNN_OK;
}

static bool chosen(int32_t choice, bool by_default)
{
    return choice == CNN_BY_DEFAULT ? by_default : choice == CNN_YES;
}

static bool is_choice(int32_t option) { return option >= CNN_BY_DEFAULT && option <= CNN_NO; }

static cnn_status check(const cnn_model *model, const cnn_session_options *o)
{
    const bool missing = (o->output_count > 0 && o->outputs == NULL) || (o->keep_count > 0 && o->keep == NULL) ||
                         (o->gradient_count > 0 && o->gradients == NULL);
    if (missing) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: names of a session's values are missing",
                         model->name);
    }
    if (!is_choice(o->training_behavior) || !is_choice(o->parameter_gradients) || !is_choice(o->penalties)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: an option is not a cnn_choice", model->name);
    }
    if (o->input_shape_count > model->input_count || (o->input_shape_count > 0 && o->input_shapes == NULL)) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: %zu shapes are given for %u inputs",
                         model->name, o->input_shapes == NULL ? 0 : o->input_shape_count, model->input_count);
    }
    if (o->output_count > UINT32_MAX / 4 || o->keep_count > UINT32_MAX / 4 || o->gradient_count > UINT32_MAX / 4) {
        return cnn__fail(model->context, CNN_ERROR_LIMIT, "%s: too many values are asked for", model->name);
    }
    return CNN_OK;
}

/* The layer whose output is given; an input is given anyway. */
static cnn_status find_given(const cnn_model *model, const char *name, uint32_t *given)
{
    uint32_t reference = 0;
    *given = CNN__NO_NODE;
    if (name == NULL) {
        return CNN_OK;
    }
    if (!cnn__model_find(model, name, &reference)) {
        return not_found(model, name);
    }
    if ((reference & CNN__INPUT) != 0) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: \"%s\" is an input: a session begins %s",
                         model->name, name, reference == CNN__INPUT ? "there by itself" : "with all of them");
    }
    *given = reference;
    return CNN_OK;
}

cnn_status cnn__request_open(const cnn_model *model, const cnn_session_options *o, cnn__request *request)
{
    *request = (cnn__request){.batch = o->batch, .given = CNN__NO_NODE};
    CNN__RETURN_IF_ERROR(check(model, o));
    const bool by_name = o->outputs != NULL && o->output_count > 0;
    const size_t outputs = by_name ? o->output_count : cnn__model_outputs(model);
    cnn__wanted *all = cnn__alloc_array(model->context, outputs + o->keep_count + o->gradient_count, sizeof(*all));
    if (all == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    *request = (cnn__request){
        .batch = o->batch,
        .training = chosen(o->training_behavior, o->training != 0),
        .parameter_gradients = chosen(o->parameter_gradients, o->training != 0),
        .keep_all = o->keep_activations != 0,
        .outputs = all,
        .keep = all + outputs,
        .asked = all + outputs + o->keep_count,
        .output_count = outputs,
        .keep_count = o->keep_count,
        .gradient_count = o->gradient_count,
        .input_shapes = o->input_shapes,
        .input_shape_count = o->input_shape_count,
    };
    request->penalties = chosen(o->penalties, request->parameter_gradients) && cnn__model_has_penalties(model);
    cnn_status status = find_given(model, o->from, &request->given);
    if (status == CNN_OK) {
        status = find_all(model, by_name ? o->outputs : NULL, outputs, all);
    }
    if (status == CNN_OK) {
        status = find_all(model, o->keep, o->keep_count, all + outputs);
    }
    if (status == CNN_OK) {
        status = find_all(model, o->gradients, o->gradient_count, all + outputs + o->keep_count);
    }
    if (status != CNN_OK) {
        cnn__request_close(model, request);
    }
    return status;
}

void cnn__request_close(const cnn_model *model, cnn__request *request)
{
    cnn__free(model->context, (void *)request->outputs);
    *request = (cnn__request){0};
}
