/* SPDX-License-Identifier: MIT */
/* The list of tensors of a file. */
#include "exchange/weights.h"

#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "core/options.h"

cnn_status cnn_weights_create(cnn_context *context, const cnn_weights_options *given, cnn_weights **out)
{
    cnn_weights_options options;
    if (context == NULL || out == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_weights_create: no place for the weights");
    }
    *out = NULL;
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_weights_create", given, &options, sizeof(options)));
    if (options.read == NULL || options.layout < CNN_WEIGHTS_OWN || options.layout > CNN_WEIGHTS_PYTORCH) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_weights_create: %s",
                         options.read == NULL ? "no function that reads" : "the layout is none of the three");
    }
    cnn_weights *weights = cnn__alloc_zero(context, sizeof(*weights));
    if (weights == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    *weights = (cnn_weights){.context = context,
                             .name = cnn__name_text(context, options.name != NULL ? options.name : "weights"),
                             .layout = options.layout,
                             .read = options.read,
                             .user = options.user};
    if (weights->name == NULL) {
        cnn__free(context, weights);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    *out = weights;
    return CNN_OK;
}

void cnn_weights_free(cnn_weights *weights)
{
    if (weights == NULL) {
        return;
    }
    if (weights->close != NULL) {
        weights->close(weights->user);
    }
    for (size_t i = 0; i < weights->count; i++) {
        cnn__free(weights->context, weights->entries[i].name);
        cnn__free(weights->context, weights->entries[i].group);
        cnn__free(weights->context, weights->entries[i].module);
    }
    cnn__free(weights->context, weights->entries);
    cnn__free(weights->context, weights->name);
    cnn__free(weights->context, weights);
}

static cnn_status grow(cnn_weights *weights)
{
    if (weights->count < weights->capacity) {
        return CNN_OK;
    }
    const size_t capacity = weights->capacity > 0 ? weights->capacity * 2 : 64;
    cnn__weight *entries = cnn__realloc(weights->context, weights->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    weights->entries = entries;
    weights->capacity = capacity;
    return CNN_OK;
}

cnn_status cnn__weights_add(cnn_weights *weights, const cnn_weight *weight, uint64_t id, bool readable)
{
    cnn_context *context = weights->context;
    char text[200];
    size_t values = 0;
    cnn__printable(weight->name, text, sizeof(text));
    CNN__RETURN_IF_ERROR(cnn__limit_tensors(context, weights->name, weights->count + 1));
    CNN__RETURN_IF_ERROR(cnn__limit_tensor_name(context, weights->name, weight->name));
    if (readable && (weight->shape.rank > CNN_MAX_RANK || !cnn__shape_values(&weight->shape, &values))) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "%s: the shape of tensor \"%s\" overflows", weights->name, text);
    }
    CNN__RETURN_IF_ERROR(grow(weights));
    cnn__weight *entry = &weights->entries[weights->count];
    *entry = (cnn__weight){.name = cnn__name_text(context, weight->name),
                           .group = weight->group != NULL ? cnn__name_text(context, weight->group) : NULL,
                           .shape = weight->shape,
                           .id = id,
                           .readable = readable,
                           .number = -1,
                           .next = CNN__NONE};
    snprintf(entry->type, sizeof(entry->type), "%s", weight->type != NULL ? weight->type : "");
    if (entry->name == NULL || (entry->group == NULL && weight->group != NULL)) {
        cnn__free(context, entry->name);
        cnn__free(context, entry->group);
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    weights->count++;
    return CNN_OK;
}

cnn_status cnn_weights_add(cnn_weights *weights, const cnn_weight *weight, uint64_t id)
{
    cnn_weight known;
    if (weights == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(weights->context, "cnn_weight", weight, &known, sizeof(known)));
    if (known.name == NULL || weights->close != NULL) {
        return cnn__fail(weights->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_weights_add: a tensor without a name, or a list that is a file's");
    }
    return cnn__weights_add(weights, &known, id, true);
}

size_t cnn_weights_count(const cnn_weights *weights) { return weights != NULL ? weights->count : 0; }

int32_t cnn_weights_layout_of(const cnn_weights *weights) { return weights != NULL ? weights->layout : 0; }

cnn_status cnn_weights_get(const cnn_weights *weights, size_t index, cnn_weight *weight)
{
    if (weights == NULL || weight == NULL || index >= weights->count || weight->struct_size < sizeof(size_t)) {
        return weights == NULL ? CNN_ERROR_INVALID_ARGUMENT
                               : cnn__fail(weights->context, CNN_ERROR_INVALID_ARGUMENT,
                                           "cnn_weights_get: %s: there is no tensor %zu", weights->name, index);
    }
    const cnn__weight *entry = &weights->entries[index];
    const size_t size = weight->struct_size;
    const cnn_weight found = {size, entry->name, entry->group, entry->type, entry->shape};
    memcpy(weight, &found, size < sizeof(found) ? size : sizeof(found));
    return CNN_OK;
}
