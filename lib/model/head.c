/* SPDX-License-Identifier: MIT */
/* A new head for a trained network: where the old one begins, and the text that says what comes instead. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/options.h"
#include "core/text.h"
#include "model/model.h"

/* Longest name of an item in messages, and of a layer of a head. */
#define NAME_SIZE 64

typedef struct head {
    cnn_context *context;
    cnn_model *model; /* that gets the layers */
    const char *text, *at;
    uint64_t classes;
    cnn_task task;
    bool images;   /* what the next layer reads has rank 3 */
    int64_t width; /* units of the last dense layer; 0: none yet */
    int32_t end;   /* the last item, if it is an activation; CNN_LINEAR: it is none */
    bool dense;    /* the last item is a dense layer, without an activation */
} head;

static cnn_status refuse(const head *h, const char *reason)
{
    char text[256];
    return cnn__fail(h->context, CNN_ERROR_INVALID_ARGUMENT, "head \"%s\": %s",
                     cnn__printable(h->text, text, sizeof(text)), reason);
}

/* ---- names ---- */

/* "head_dense", then "head_dense_2". */
static const char *name_layer(const head *h, const char *kind, char name[NAME_SIZE])
{
    uint32_t reference = 0;
    snprintf(name, NAME_SIZE, "head_%s", kind);
    for (uint32_t number = 2; cnn__model_find(h->model, name, &reference); number++) {
        snprintf(name, NAME_SIZE, "head_%s_%u", kind, number);
    }
    return name;
}

/* ---- the items ---- */

/* The name of the item here, which ends at a comma or "="; true if it is this word. */
static bool is_word(const char *at, const char *word)
{
    const size_t length = strcspn(at, ",=");
    return strlen(word) == length && memcmp(at, word, length) == 0;
}

static int activation_at(const char *at)
{
    for (int i = 0; cnn__activation_names[i] != NULL; i++) {
        if (is_word(at, cnn__activation_names[i])) {
            return i;
        }
    }
    return -1;
}

/* The number after "="; the item ends with it. */
static cnn_status read_number(const head *h, const char *at, double low, double high, double *value)
{
    char reason[160];
    const char *end = at + strcspn(at, ","), *rest = at;
    at += strcspn(at, ",=");
    const bool read = *at == '=' && cnn__parse_double(at + 1, end, value, &rest) && rest == end && *value >= low &&
                      *value <= high;
    if (read) {
        return CNN_OK;
    }
    snprintf(reason, sizeof(reason), "after \"=\" %s from %g to %.9g is expected", high > 1 ? "a number" : "a share",
             low, high);
    return refuse(h, reason);
}

static cnn_status add(head *h, cnn_layer *layer)
{
    h->end = CNN_LINEAR;
    h->dense = false;
    return cnn_model_add(h->model, layer);
}

static cnn_status add_flatten(head *h)
{
    char name[NAME_SIZE];
    h->images = false;
    return add(h, cnn_flatten(h->context, CNN_NAMED(.name = name_layer(h, "flatten", name))));
}

static cnn_status add_gap(head *h)
{
    char name[NAME_SIZE];
    if (!h->images) {
        return refuse(h, "gap is for images, and what it would read here is a vector");
    }
    h->images = false;
    return add(h, cnn_global_average_pool2d(h->context, CNN_NAMED(.name = name_layer(h, "gap", name))));
}

/* A dense layer takes the activation after it, as is usual; one over rows stays a layer of its own all the same. */
static cnn_status add_dense(head *h)
{
    char name[NAME_SIZE];
    double units = 0;
    CNN__RETURN_IF_ERROR(read_number(h, h->at, 1, 1 << 20, &units));
    if (units != floor(units)) {
        return refuse(h, "dense has a whole number of units");
    }
    if (h->images) {
        CNN__RETURN_IF_ERROR(add_flatten(h));
    }
    const char *next = h->at + strcspn(h->at, ",");
    const int activation = *next == ',' ? activation_at(next + 1) : -1;
    CNN__RETURN_IF_ERROR(
        add(h, cnn_dense(h->context, CNN_DENSE(.name = name_layer(h, "dense", name), .units = (int32_t)units,
                                               .activation = activation > 0 ? activation : 0))));
    h->width = (int64_t)units;
    h->dense = activation <= 0;
    if (activation >= 0) {
        h->at = next + 1;
        h->end = activation;
    }
    return CNN_OK;
}

static cnn_status add_dropout(head *h)
{
    char name[NAME_SIZE];
    double rate = 0;
    CNN__RETURN_IF_ERROR(read_number(h, h->at, 0, 0.999999, &rate));
    return add(h, cnn_dropout(h->context, CNN_DROPOUT(.name = name_layer(h, "dropout", name), .rate = (float)rate)));
}

static cnn_status add_batch_norm(head *h)
{
    char name[NAME_SIZE];
    return add(h, cnn_batch_norm(h->context, CNN_BATCH_NORM(.name = name_layer(h, "batchnorm", name))));
}

static cnn_status add_activation(head *h, int activation)
{
    char name[NAME_SIZE];
    CNN__RETURN_IF_ERROR(add(h, cnn_activate(h->context, CNN_ACTIVATE(.name = name_layer(h, "activation", name),
                                                                      .activation = activation))));
    h->end = activation;
    return CNN_OK;
}

/* What follows by itself: for a head of nothing else. */
static cnn_status add_nothing(head *h)
{
    return h->at[strlen("output")] == '\0' ? CNN_OK : refuse(h, "output is the end");
}

typedef struct item {
    const char *name;
    bool number; /* "=" and a number follow */
    cnn_status (*add)(head *h);
} item;

static const item items[] = {
    {"dense", true, add_dense},      {"dropout", true, add_dropout}, {"batchnorm", false, add_batch_norm},
    {"flatten", false, add_flatten}, {"gap", false, add_gap},        {"output", false, add_nothing},
};

static cnn_status unknown_item(const head *h)
{
    char reason[512], word[NAME_SIZE];
    const size_t length = strcspn(h->at, ",=");
    size_t used = (size_t)snprintf(reason, sizeof(reason), "there is no \"%.*s\"; there are ",
                                   length < sizeof(word) ? (int)length : (int)sizeof(word), h->at);
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        used += (size_t)snprintf(reason + used, sizeof(reason) - used, "%s%s, ", items[i].name,
                                 items[i].number ? "=X" : "");
    }
    for (int i = 0; cnn__activation_names[i] != NULL && used < sizeof(reason); i++) {
        used += (size_t)snprintf(reason + used, sizeof(reason) - used, "%s%s", i > 0 ? ", " : "",
                                 cnn__activation_names[i]);
    }
    return refuse(h, reason);
}

static cnn_status add_item(head *h)
{
    const int activation = activation_at(h->at);
    const bool number = h->at[strcspn(h->at, ",=")] == '=';
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        if (is_word(h->at, items[i].name)) {
            return number == items[i].number ? items[i].add(h)
                                             : refuse(h, number ? "only dense and dropout have a number"
                                                                : "dense and dropout need a number: dense=256");
        }
    }
    if (activation < 0 || number) {
        return unknown_item(h);
    }
    return add_activation(h, activation);
}

/* ---- the end ---- */

static bool is_end(int32_t activation)
{
    return activation == CNN_SOFTMAX || activation == CNN_LOG_SOFTMAX || activation == CNN_SIGMOID;
}

/* Whether the last dense layer has outputs for the classes; of two, one is enough. */
static bool has_outputs(const head *h)
{
    return h->width > 0 && (h->classes == 0 || h->width == (int64_t)h->classes || (h->width == 1 && h->classes == 2));
}

/* An output for each label, with a sigmoid, or for each value; unless the text ends in them. */
static cnn_status add_several(head *h)
{
    char name[NAME_SIZE];
    const cnn_activation end = h->task == CNN_TASK_LABELS ? CNN_SIGMOID : CNN_LINEAR;
    if (h->classes == 0) {
        return refuse(h, "how many labels or values there are is not given");
    }
    if (is_end(h->end) && (h->end != CNN_SIGMOID || h->task == CNN_TASK_VALUES || h->width != (int64_t)h->classes)) {
        return refuse(h, "it does not end in an output for each label or value");
    }
    if (is_end(h->end)) {
        return CNN_OK;
    }
    if (h->dense && h->width == (int64_t)h->classes) {
        return end == CNN_LINEAR ? CNN_OK : add_activation(h, end);
    }
    if (h->images) {
        CNN__RETURN_IF_ERROR(add_flatten(h));
    }
    return add(h, cnn_dense(h->context, CNN_DENSE(.name = name_layer(h, "output", name), .units = (int32_t)h->classes,
                                                  .activation = end)));
}

/* The layer that tells the classes apart, unless the text ends in it: one output for two classes, as Keras's examples
 * have it, else one for each. */
static cnn_status add_output(head *h)
{
    char name[NAME_SIZE];
    if (h->task > CNN_TASK_CLASSES) {
        return add_several(h);
    }
    if (is_end(h->end) && has_outputs(h)) {
        return CNN_OK;
    }
    if (is_end(h->end)) {
        return refuse(h, h->width == 0 ? "it ends in probabilities of no dense layer"
                                       : "its outputs are as many as there are classes, or one for two of them");
    }
    if (h->dense && h->classes > 0 && has_outputs(h)) {
        return add_activation(h, h->width == 1 ? CNN_SIGMOID : CNN_SOFTMAX);
    }
    if (h->classes < 2) {
        return refuse(h, "how many classes there are is not given, and it does not end in softmax or sigmoid");
    }
    if (h->images) {
        CNN__RETURN_IF_ERROR(add_flatten(h));
    }
    const bool binary = h->classes == 2;
    return add(h, cnn_dense(h->context,
                            CNN_DENSE(.name = name_layer(h, "output", name), .units = binary ? 1 : (int32_t)h->classes,
                                      .activation = binary ? CNN_SIGMOID : CNN_SOFTMAX)));
}

static cnn_status add_layers(head *h)
{
    while (*h->at != '\0') {
        CNN__RETURN_IF_ERROR(add_item(h));
        h->at += strcspn(h->at, ",");
        if (*h->at == ',' && *++h->at == '\0') {
            return refuse(h, "it ends in a comma");
        }
    }
    return add_output(h);
}

/* ---- where the old head begins ---- */

/* What a head is made of. */
static bool is_of_head(const cnn__layer_type *type)
{
    return type == &cnn__dense_type || type == &cnn__dropout_type || type == &cnn__activate_type ||
           type == &cnn__batch_norm_type;
}

static bool ends_base(const cnn__layer_type *type)
{
    return type == &cnn__flatten_type || (type != NULL && strstr(type->kind.type, "Pool") != NULL);
}

/* Goes back from the output over what a head is made of, to the last pooling or flatten. A network without a dense
 * layer at its end has no head: nothing is cut off, but for probabilities. */
static cnn_status find_cut(const cnn_model *model, uint32_t *cut)
{
    uint32_t at = cnn__model_output(model, 0);
    bool dense = false, other = false;
    *cut = at;
    while ((at & CNN__INPUT) == 0 && model->nodes[at].input_count == 1 && is_of_head(model->nodes[at].layer->type)) {
        const cnn__node *node = &model->nodes[at];
        const bool end = node->layer->type == &cnn__activate_type &&
                         is_end(((const cnn_activate_options *)node->layer->user)->activation);
        dense = dense || node->layer->type == &cnn__dense_type;
        other = other || !end;
        at = node->inputs[0];
        *cut = other ? *cut : at;
    }
    const bool found = (at & CNN__INPUT) == 0 && ends_base(model->nodes[at].layer->type);
    if (dense && found) {
        *cut = at;
    }
    return (dense && !found) || (*cut & CNN__INPUT) != 0
               ? cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT,
                           "%s: no pooling and no flatten is before the dense layers at its end: say after which layer "
                           "the new head begins",
                           model->name)
               : CNN_OK;
}

static cnn_status find_named(const cnn_model *model, const char *name, uint32_t *cut)
{
    return cnn__model_find(model, name, cut) && (*cut & CNN__INPUT) == 0
               ? CNN_OK
               : cnn__fail(model->context, CNN_ERROR_NOT_FOUND, "%s: there is no layer \"%s\" to put a head after",
                           model->name, name);
}

static cnn_status make(cnn_model *model, const cnn_head_options *options, uint32_t cut, cnn_model **made)
{
    CNN__RETURN_IF_ERROR(cnn_model_cut(model, model->nodes[cut].name, made));
    head h = {.context = model->context,
              .model = *made,
              .text = options->layers != NULL ? options->layers : "",
              .classes = options->classes,
              .task = (cnn_task)options->task,
              .images = model->nodes[cut].output.rank > 1};
    h.at = h.text;
    CNN__RETURN_IF_ERROR(add_layers(&h));
    return cnn_model_build(*made);
}

cnn_status cnn_model_replace_head(cnn_model *model, const cnn_head_options *given, cnn_model **made)
{
    cnn_head_options options;
    uint32_t cut = 0;
    if (made != NULL) {
        *made = NULL;
    }
    if (model == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    CNN__RETURN_IF_ERROR(cnn__options_copy(model->context, "cnn_model_replace_head", given, &options, sizeof(options)));
    if (made == NULL || !model->built) {
        return cnn__fail(model->context, made == NULL ? CNN_ERROR_INVALID_ARGUMENT : CNN_ERROR_STATE,
                         made == NULL ? "%s: no place for the new model" : "%s: is not built yet", model->name);
    }
    if (options.task < CNN_TASK_UNKNOWN || options.task > CNN_TASK_VALUES) {
        return cnn__fail(model->context, CNN_ERROR_INVALID_ARGUMENT, "%s: task %d is no cnn_task", model->name,
                         (int)options.task);
    }
    if (options.classes > 1 << 20) {
        return cnn__fail(model->context, CNN_ERROR_LIMIT, "%s: a head for %u classes", model->name, options.classes);
    }
    CNN__RETURN_IF_ERROR(options.cut != NULL ? find_named(model, options.cut, &cut) : find_cut(model, &cut));
    cnn_status status = make(model, &options, cut, made);
    status = status == CNN_OK ? cnn_model_set_task(*made, (cnn_task)options.task) : status;
    if (status != CNN_OK) {
        cnn_model_free(*made);
        *made = NULL;
    }
    return status;
}
