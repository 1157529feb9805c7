/* SPDX-License-Identifier: MIT */
/* Parameters from tensors: reported, compared, then read. */
#include <stdio.h>
#include <string.h>

#include "core/options.h"
#include "exchange/weights.h"
#include "model/model.h"

static cnn_match_kind kind_of(const cnn__source *source)
{
    return source->weight == CNN__NONE ? CNN_MISSING : source->fits ? CNN_MATCHED : CNN_WRONG_SHAPE;
}

static void tell(const cnn_import_options *options, const cnn_match *match)
{
    if (options->match != NULL) {
        options->match(options->user, match);
    }
}

/* Tensors that count steps and seeds are no weights. */
static bool is_counter(const cnn__weight *entry)
{
    return entry->role != NULL &&
           (strcmp(entry->role, "num_batches_tracked") == 0 || strstr(entry->name, "seed_generator") != NULL);
}

void cnn__report(const cnn_model *model, const cnn_weights *weights, const cnn__matching *matching,
                 const cnn_import_options *options, cnn_weights_report *report)
{
    cnn_weights_report counts = CNN_WEIGHTS_REPORT_INIT;
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__source *source = &matching->sources[i];
        const cnn__weight *entry = source->weight != CNN__NONE ? &weights->entries[source->weight] : NULL;
        const cnn_match_kind kind = kind_of(source);
        if (kind == CNN_MISSING && source->optional) {
            continue;
        }
        counts.loaded += kind == CNN_MATCHED;
        counts.missing += kind != CNN_MATCHED;
        counts.unused += kind == CNN_WRONG_SHAPE;
        cnn_match match = {.struct_size = sizeof(match),
                           .kind = kind,
                           .by_order = matching->by_order,
                           .parameter = model->parameters[i].name,
                           .shape = model->parameters[i].shape,
                           .axes = source->axes[0] != '\0' ? source->axes : NULL};
        if (entry != NULL) {
            match.weight = entry->name;
            match.group = entry->group;
            match.found = entry->shape;
        }
        tell(options, &match);
    }
    for (size_t i = 0; i < weights->count; i++) {
        const cnn__weight *entry = &weights->entries[i];
        if (!entry->used && !is_counter(entry)) {
            counts.unused++;
            tell(options, &(cnn_match){.struct_size = sizeof(cnn_match),
                                       .kind = CNN_UNUSED,
                                       .by_order = matching->by_order,
                                       .weight = entry->name,
                                       .group = entry->group,
                                       .found = entry->shape});
        }
    }
    if (report != NULL) {
        const size_t size = report->struct_size < sizeof(counts) ? report->struct_size : sizeof(counts);
        if (size >= sizeof(size_t)) {
            memcpy((char *)report + sizeof(size_t), (char *)&counts + sizeof(size_t), size - sizeof(size_t));
        }
    }
}

/* A tensor that was found and cannot be taken. */
static cnn_status fail_misfit(const cnn_model *model, const cnn_weights *weights, const cnn__source *source,
                              const cnn__parameter *parameter)
{
    const cnn__weight *entry = &weights->entries[source->weight];
    const bool turned = !cnn__shape_equal(&source->wanted, &parameter->shape);
    char text[200], own[160], found[160], wanted[160];
    cnn__printable(entry->name, text, sizeof(text));
    cnn__shape_text(&parameter->shape, NULL, own, sizeof(own));
    cnn__shape_text(&entry->shape, NULL, found, sizeof(found));
    cnn__shape_text(&source->wanted, NULL, wanted, sizeof(wanted));
    if (!entry->readable) {
        return cnn__fail(model->context, CNN_ERROR_UNSUPPORTED,
                         "%s: tensor \"%s\" is of type %s; F32, F16, BF16 and F64 are read", weights->name, text,
                         entry->type);
    }
    return cnn__fail(model->context, CNN_ERROR_MISMATCH, "%s: tensor \"%s\" is %s and does not fit \"%s\" %s%s%s%s",
                     weights->name, text, found, parameter->name, own, turned ? ": " : "", turned ? wanted : "",
                     turned ? " would" : "");
}

cnn_status cnn__check_sources(const cnn_model *model, const cnn_weights *weights, const cnn__matching *matching,
                              bool partial)
{
    for (uint32_t i = 0; i < model->parameter_count && !partial; i++) {
        const cnn__source *source = &matching->sources[i];
        const cnn__parameter *parameter = &model->parameters[i];
        if (source->weight == CNN__NONE && !source->optional) {
            char wanted[160];
            cnn__shape_text(&parameter->shape, NULL, wanted, sizeof(wanted));
            return cnn__fail(model->context, CNN_ERROR_MISMATCH, "%s: has nothing for the parameter \"%s\" %s",
                             weights->name, parameter->name, wanted);
        }
        if (source->weight != CNN__NONE && !source->fits) {
            return fail_misfit(model, weights, source, parameter);
        }
    }
    return CNN_OK;
}

static bool is_read(const cnn__source *source) { return source->weight != CNN__NONE && source->fits; }

cnn_status cnn__read_sources(const cnn_model *model, const cnn_weights *weights, const cnn__matching *matching,
                             float *values)
{
    size_t most = 1;
    for (uint32_t i = 0; i < model->parameter_count; i++) {
        const cnn__source *source = &matching->sources[i];
        if (is_read(source) && !cnn__order_is_plain(&source->order)) {
            most = model->parameters[i].values > most ? model->parameters[i].values : most;
        }
    }
    float *scratch = cnn__alloc_array(model->context, most, sizeof(float));
    cnn_status status = scratch != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < model->parameter_count && status == CNN_OK; i++) {
        const cnn__source *source = &matching->sources[i];
        const cnn__parameter *parameter = &model->parameters[i];
        float *to = values != NULL ? values + parameter->offset : parameter->data;
        if (!is_read(source)) {
            continue;
        }
        const bool plain = cnn__order_is_plain(&source->order);
        status = weights->read(weights->user, weights->entries[source->weight].id, plain ? to : scratch);
        if (status == CNN_OK && !plain) {
            cnn__reorder(&source->order, scratch, to);
        }
    }
    cnn__free(model->context, scratch);
    return status;
}

cnn_status cnn_model_import(cnn_model *model, cnn_weights *weights, const cnn_import_options *given,
                            cnn_weights_report *report)
{
    cnn_import_options options;
    cnn__matching matching;
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_context *context = model->context;
    if (weights == NULL || weights->context != context) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "%s: no weights to import, or those of another context",
                         model->name);
    }
    if (!model->built) {
        return cnn__fail(context, CNN_ERROR_STATE, "%s: is not built yet", model->name);
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_model_import", given, &options, sizeof(options)));
    cnn_status status = cnn__match(model, weights, weights->layout == CNN_WEIGHTS_PYTORCH, &matching);
    if (status == CNN_OK) {
        cnn__report(model, weights, &matching, &options, report);
        status = cnn__check_sources(model, weights, &matching, options.partial != 0);
    }
    float *values = status == CNN_OK ? cnn__alloc_array(context, model->value_count, sizeof(float)) : NULL;
    if (status == CNN_OK) {
        status = values != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
    }
    if (status == CNN_OK) {
        cnn__model_get_values(model, values);
        status = cnn__read_sources(model, weights, &matching, values);
    }
    if (status == CNN_OK) {
        cnn__model_set_values(model, values);
        cnn_model_touch(model);
    }
    cnn__free(context, values);
    cnn__free(context, matching.sources);
    return status;
}
