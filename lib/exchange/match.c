/* SPDX-License-Identifier: MIT */
/* Which tensor each parameter gets: modules of the file meet layers of the model by name, or else in order, and within
 * both, roles meet parameters. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "exchange/natural.h"
#include "exchange/weights.h"
#include "format/inner.h"
#include "model/model.h"

typedef struct module {
    const char *name; /* that of its tensors */
    char *key;        /* the name with all that is no letter or digit as '_' */
    size_t first, last;
    uint32_t node; /* CNN__NO_NODE: not found */
    int kind;      /* see weight_kind() */
} module;

typedef struct finder {
    cnn_context *context;
    const cnn_model *model;
    cnn_weights *weights;
    module *modules;
    size_t count;
    cnn__table names; /* of modules as they are */
    cnn__table keys;
    size_t *of_node; /* node -> module */
} finder;

static void make_key(const char *name, char *key)
{
    for (; *name != '\0'; name++) {
        *key++ = (char)(isalnum((unsigned char)*name) ? *name : '_');
    }
    *key = '\0';
}

/* Bytes at the start of each module's name that are passed over: "module." of a wrapper. */
static cnn_status key_modules(finder *f, size_t skip)
{
    cnn__table_free(&f->keys);
    for (size_t i = 0; i < f->count; i++) {
        size_t other;
        make_key(f->modules[i].name + skip, f->modules[i].key);
        if (!cnn__table_find(&f->keys, f->modules[i].key, &other)) {
            CNN__RETURN_IF_ERROR(cnn__table_add(&f->keys, f->modules[i].key, i));
        }
    }
    return CNN_OK;
}

/* Chains the tensors of each module. */
static cnn_status list_modules(finder *f)
{
    cnn_weights *weights = f->weights;
    f->modules = cnn__alloc_array(f->context, weights->count + 1, sizeof(*f->modules));
    if (f->modules == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < weights->count; i++) {
        const char *name = weights->entries[i].module;
        size_t index;
        if (cnn__table_find(&f->names, name, &index)) {
            weights->entries[f->modules[index].last].next = i;
            f->modules[index].last = i;
            continue;
        }
        module *m = &f->modules[f->count];
        *m = (module){.name = name, .first = i, .last = i, .node = CNN__NO_NODE};
        m->key = cnn__alloc(f->context, strlen(name) + 1);
        if (m->key == NULL) {
            return CNN_ERROR_OUT_OF_MEMORY;
        }
        f->count++;
        CNN__RETURN_IF_ERROR(cnn__table_add(&f->names, name, f->count - 1));
    }
    return CNN_OK;
}

static bool has_parameters(const cnn_model *model, uint32_t node)
{
    return model->nodes[node].owner == node && model->nodes[node].parameter_count > 0;
}

static bool find_key(const finder *f, const char *name, size_t *index)
{
    char key[CNN__MAX_NAME + 1];
    if (name == NULL || strlen(name) > CNN__MAX_NAME) {
        return false;
    }
    make_key(name, key);
    return cnn__table_find(&f->keys, key, index) && f->modules[*index].node == CNN__NO_NODE;
}

/* The module of a layer by its name, by what the other program calls it, or by the names of the outermost model and of
 * the layer, which is all that Keras lists of models in models. */
static bool find_by_name(const finder *f, uint32_t node, const char *name, size_t *index)
{
    char outer[CNN__MAX_NAME + 1], torch[CNN__TORCH_NAME];
    const char *first = strchr(name, '/'), *last = strrchr(name, '/');
    if (find_key(f, name, index)) {
        return true;
    }
    if (f->weights->layout == CNN_WEIGHTS_PYTORCH && find_key(f, cnn__torch_name(f->model, node, name, torch), index)) {
        return true;
    }
    if (first == last || f->weights->layout != CNN_WEIGHTS_KERAS) {
        return false;
    }
    snprintf(outer, sizeof(outer), "%.*s%s", (int)(first - name), name, last);
    return find_key(f, outer, index);
}

static size_t match_names(finder *f)
{
    size_t found = 0, index = 0;
    for (uint32_t i = 0; i < f->model->node_count; i++) {
        f->of_node[i] = CNN__NONE;
        if (has_parameters(f->model, i) && find_by_name(f, i, f->model->nodes[i].name, &index)) {
            f->of_node[i] = index;
            f->modules[index].node = i;
            found++;
        }
    }
    return found;
}

/* What is left are layers of models inside others, here or in the file: they meet by their names within those. Tensors
 * of PyTorch have names without an end of that kind: "0" may be anywhere. */
static cnn_status match_inner_names(finder *f, size_t *found)
{
    cnn__inner_names inner;
    cnn_status status = CNN_OK;
    cnn__inner_init(&inner, f->context);
    for (size_t i = 0; i < f->count && status == CNN_OK && f->weights->layout != CNN_WEIGHTS_PYTORCH; i++) {
        status = cnn__inner_add(&inner, f->modules[i].name, 0, i);
    }
    for (uint32_t i = 0; i < f->model->node_count && status == CNN_OK; i++) {
        const char *name = f->model->nodes[i].name;
        size_t index = 0;
        bool meets = false;
        if (!has_parameters(f->model, i) || f->of_node[i] != CNN__NONE) {
            continue;
        }
        meets = cnn__inner_find(&inner, name, &index) && f->modules[index].node == CNN__NO_NODE;
        for (name = cnn__inner_name(name); name != NULL && !meets; name = cnn__inner_name(name)) {
            meets = find_by_name(f, i, name, &index);
        }
        if (meets) {
            f->of_node[i] = index;
            f->modules[index].node = i;
            ++*found;
        }
    }
    cnn__inner_free(&inner);
    return status;
}

/* The length of the first part of a dotted name that all modules share, with what was skipped; 0: there is none. */
static size_t shared_prefix(const finder *f, size_t skip)
{
    const char *first = f->count > 0 ? f->modules[0].name : "";
    const char *dot = strchr(first + skip, '.');
    const size_t size = dot != NULL ? (size_t)(dot + 1 - first) : 0;
    for (size_t i = 1; i < f->count && size > 0; i++) {
        if (strncmp(f->modules[i].name, first, size) != 0) {
            return 0;
        }
    }
    return size;
}

/* ---- in order ---- */

enum { NORM_KIND = 100 };

static bool is_mean(const char *role) { return strcmp(role, "running_mean") == 0 || strcmp(role, "moving_mean") == 0; }

/* What tells layers apart that have no common names: a normalisation, or the most dimensions of a tensor. What no layer
 * has, such as masks and counters, tells nothing. */
static int weight_kind(const finder *f, const module *m)
{
    int kind = 0, vectors = 0;
    for (size_t i = m->first; i != CNN__NONE; i = f->weights->entries[i].next) {
        const cnn__weight *entry = &f->weights->entries[i];
        if (entry->number < 0 && !cnn__role_is_known(entry->role, f->weights->layout)) {
            continue;
        }
        const int rank = strcmp(entry->role, "alpha") == 0 ? 1
                                                           : (int)entry->shape.rank; /* of slopes, see fits_slopes() */
        kind = is_mean(entry->role) ? NORM_KIND : kind < rank ? rank : kind;
        vectors += entry->number >= 0 && entry->shape.rank == 1;
    }
    return kind == 1 && vectors >= 3 ? NORM_KIND : kind;
}

static int node_kind(const finder *f, const cnn__node *node)
{
    int kind = 0;
    for (uint32_t i = 0; i < node->parameter_count; i++) {
        const cnn__parameter *parameter = &f->model->parameters[node->first_parameter + i];
        const int rank = (int)parameter->shape.rank;
        kind = is_mean(strrchr(parameter->name, '/') + 1) ? NORM_KIND : kind < rank ? rank : kind;
    }
    return kind;
}

static const char *module_name(const void *modules, size_t index) { return ((const module *)modules)[index].name; }

/* Modules of each kind go to the layers of that kind, in order. */
static cnn_status match_in_order(finder *f)
{
    size_t *order = cnn__alloc_array(f->context, f->count + 1, sizeof(*order));
    size_t next[NORM_KIND + 1] = {0}; /* of each kind, where the search goes on */
    if (order == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < f->count; i++) {
        order[i] = i;
        f->modules[i].kind = weight_kind(f, &f->modules[i]);
    }
    if (f->weights->sorted) {
        cnn__natural_sort(order, f->count, module_name, f->modules);
    }
    for (uint32_t i = 0; i < f->model->node_count; i++) {
        if (!has_parameters(f->model, i)) {
            continue;
        }
        const int kind = node_kind(f, &f->model->nodes[i]);
        size_t *at = &next[kind];
        while (*at < f->count && f->modules[order[*at]].kind != kind) {
            ++*at;
        }
        if (*at < f->count) {
            f->of_node[i] = order[*at];
            f->modules[order[(*at)++]].node = i;
        }
    }
    cnn__free(f->context, order);
    return CNN_OK;
}

/* ---- roles ---- */

/* Shape and order of a row of the table whose last two axes are one here: filters of as many groups. */
static bool fits_grouped(const cnn_shape *shape, const cnn_shape *found)
{
    return shape->rank == 4 && found->rank == 4 && shape->dims[2] == 1 && found->dims[0] == shape->dims[0] &&
           found->dims[1] == shape->dims[1] && found->dims[2] > 0 && shape->dims[3] % found->dims[2] == 0 &&
           shape->dims[3] / found->dims[2] == found->dims[3];
}

/* Slopes of channels have an axis of 1 for each other one in Keras. */
static bool fits_slopes(const cnn_shape *shape, const cnn_shape *found)
{
    bool fits = shape->rank == 1 && found->rank > 0 && found->dims[found->rank - 1] == shape->dims[0];
    for (uint32_t d = 0; d + 1 < found->rank; d++) {
        fits = fits && found->dims[d] == 1;
    }
    return fits;
}

static size_t find_role(const finder *f, const module *m, const char *name, int32_t number)
{
    for (size_t i = m->first; i != CNN__NONE; i = f->weights->entries[i].next) {
        const cnn__weight *entry = &f->weights->entries[i];
        if (!entry->used && (entry->number < 0 ? strcmp(entry->role, name) == 0 : entry->number == number)) {
            return i;
        }
    }
    return CNN__NONE;
}

/* What a parameter gets from its layer's module. `number`: its place among those that Keras 3 writes. */
static void take_source(const finder *f, const module *m, const cnn__parameter *parameter, const cnn_shape *flat,
                        int32_t number, cnn__source *source)
{
    static const char plain[] = "";
    const int32_t layout = f->weights->layout;
    const char *name = strrchr(parameter->name, '/') + 1;
    const char *type = f->model->nodes[parameter->node].layer->kind.type;
    const cnn__role own = {type, name, plain, {name, NULL, NULL}, {plain, NULL, NULL}};
    const cnn__role *role = layout == CNN_WEIGHTS_OWN ? &own : cnn__role_find(type, name, NULL);
    while (role != NULL && source->weight == CNN__NONE) {
        if (role->names[layout] != NULL) {
            source->weight = find_role(f, m, role->names[layout], number);
        }
        if (source->weight != CNN__NONE) {
            cnn__weight *entry = &f->weights->entries[source->weight];
            const bool grouped = strcmp(role->axes, "hwcm") == 0 ||
                                 (entry->number >= 0 && strcmp(type, "Conv2D") == 0 &&
                                  fits_grouped(&parameter->shape, &entry->shape));
            const cnn_shape shape = cnn__foreign_shape(role, layout, &parameter->shape);
            cnn__match_order(role, layout, &parameter->shape, flat, &source->order, source->axes);
            source->wanted = shape;
            source->fits = entry->readable && (grouped ? fits_grouped(&parameter->shape, &entry->shape)
                                                       : cnn__shape_equal(&shape, &entry->shape) ||
                                                             (strcmp(type, "PReLU") == 0 &&
                                                              fits_slopes(&parameter->shape, &entry->shape)));
            entry->used = true;
            return;
        }
        role = role == &own ? NULL : cnn__role_find(type, name, role);
    }
}

/* Scale or shift of a normalisation that has none are there all the same, as 1 and 0. */
bool cnn__is_fixed(const cnn__parameter *parameter)
{
    const char *name = strrchr(parameter->name, '/') + 1;
    return !parameter->trainable && (strcmp(name, "gamma") == 0 || strcmp(name, "beta") == 0);
}

static void take_sources(const finder *f, bool chw, const cnn_shape *flattened, cnn__source *sources)
{
    const cnn_shape none = {0};
    for (uint32_t i = 0; i < f->model->node_count; i++) {
        const cnn__node *node = &f->model->nodes[i];
        int32_t number = 0;
        for (uint32_t k = 0; k < node->parameter_count && node->owner == i; k++) {
            const cnn__parameter *parameter = &f->model->parameters[node->first_parameter + k];
            cnn__source *source = &sources[node->first_parameter + k];
            const uint32_t input = node->inputs[0];
            const bool image = chw && (input & CNN__INPUT) == 0 && flattened[input].rank == 3;
            *source = (cnn__source){.weight = CNN__NONE, .optional = cnn__is_fixed(parameter)};
            if (f->of_node[i] != CNN__NONE) {
                take_source(f, &f->modules[f->of_node[i]], parameter, image ? &flattened[input] : &none, number,
                            source);
            }
            number += !source->optional;
        }
    }
}

cnn_shape *cnn__flattened(const cnn_model *model)
{
    static const char *const through[] = {"Activation", "BatchNormalization", "Dropout"};
    cnn_shape *flattened = cnn__alloc_zero(model->context, ((size_t)model->node_count + 1) * sizeof(*flattened));
    for (uint32_t i = 0; i < model->node_count && flattened != NULL; i++) {
        const cnn__node *node = &model->nodes[i];
        const char *type = node->layer->kind.type;
        if (strcmp(type, "Flatten") == 0) {
            const cnn_shape *input = cnn__value_shape(model, node->inputs[0]);
            flattened[i] = input->rank == 3 && input->dims[0] * input->dims[1] > 1 ? *input : (cnn_shape){0};
        }
        for (size_t k = 0; k < sizeof(through) / sizeof(through[0]); k++) {
            if (strcmp(type, through[k]) == 0 && (node->inputs[0] & CNN__INPUT) == 0) {
                flattened[i] = flattened[node->inputs[0]];
            }
        }
    }
    return flattened;
}

/* ---- all ---- */

static cnn_status find_modules(finder *f, bool *by_order)
{
    cnn_status status = list_modules(f);
    f->of_node = cnn__alloc_array(f->context, (size_t)f->model->node_count + 1, sizeof(*f->of_node));
    if (status != CNN_OK || f->of_node == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    size_t found = 0, skip = 0;
    do { /* "module.", "_orig_mod.": what wrappers put before all names */
        CNN__RETURN_IF_ERROR(key_modules(f, skip));
        found = match_names(f);
        skip = shared_prefix(f, skip);
    } while (found == 0 && skip > 0);
    CNN__RETURN_IF_ERROR(match_inner_names(f, &found));
    *by_order = found == 0 && f->count > 0 && f->weights->layout != CNN_WEIGHTS_OWN;
    return *by_order ? match_in_order(f) : CNN_OK;
}

cnn_status cnn__match(const cnn_model *model, cnn_weights *weights, bool chw, cnn__matching *matching)
{
    cnn_context *context = model->context;
    finder f = {.context = context, .model = model, .weights = weights};
    *matching = (cnn__matching){0};
    cnn__table_init(&f.names, context);
    cnn__table_init(&f.keys, context);
    cnn_status status = cnn__split_names(model, weights);
    if (status == CNN_OK) {
        status = find_modules(&f, &matching->by_order);
    }
    if (status == CNN_OK) {
        cnn_shape *flattened = cnn__flattened(model);
        matching->sources = cnn__alloc_array(context, (size_t)model->parameter_count + 1, sizeof(cnn__source));
        status = flattened != NULL && matching->sources != NULL ? CNN_OK : CNN_ERROR_OUT_OF_MEMORY;
        if (status == CNN_OK) {
            take_sources(&f, chw, flattened, matching->sources);
        }
        cnn__free(context, flattened);
    }
    for (size_t i = 0; i < f.count; i++) {
        cnn__free(context, f.modules[i].key);
    }
    cnn__table_free(&f.names);
    cnn__table_free(&f.keys);
    cnn__free(context, f.modules);
    cnn__free(context, f.of_node);
    return status;
}
