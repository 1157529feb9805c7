/* SPDX-License-Identifier: MIT */
/* cnn convert: models and weights of other programs, in and out. */
#include "tool_foreign.h"
#include "tool_json.h"
#include "tool_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct convert_settings {
    tool_common common;
    tool_model_options model;
    const char *network, *names, *preprocess;
    bool partial, with_preprocessing, external_data;
} convert_settings;

typedef struct convert_run {
    tool *run;
    const convert_settings *settings;
    tool_foreign foreign;
    cnn_model *model;
    cnn_weights_report report;
    json_t *lines; /* of the report; NULL without --json */
    size_t told;
    bool by_order, any_misshapen;
} convert_run;

/* ---- the report ---- */

/* Lines of one kind that are told one by one; --json has all. */
#define MOST_TOLD 40

static const char *const kind_names[] = {"matched", "missing", "wrong shape", "left over"};

static char *shape_text(const cnn_shape *shape)
{
    char *text = strdup("(");
    for (uint32_t d = 0; d < shape->rank && text != NULL; d++) {
        char *longer = tool_format("%s%s%lld", text, d > 0 ? ", " : "", (long long)shape->dims[d]);
        free(text);
        text = longer;
    }
    char *whole = text != NULL ? tool_format("%s)", text) : NULL;
    free(text);
    return whole;
}

static json_t *shape_json(const cnn_shape *shape)
{
    json_t *list = json_array();
    for (uint32_t d = 0; d < shape->rank; d++) {
        json_array_append_new(list, json_integer(shape->dims[d]));
    }
    return list;
}

/* The tensor as the file lists it: its layer before its name, unless the name says it. */
static char *weight_text(const cnn_match *match)
{
    if (match->weight == NULL) {
        return NULL;
    }
    const bool twice = match->group == NULL || strncmp(match->weight, match->group, strlen(match->group)) == 0;
    char *whole = twice ? strdup(match->weight) : tool_format("%s: %s", match->group, match->weight);
    char *printable = whole != NULL ? tool_printable(whole) : NULL;
    free(whole);
    return printable;
}

static void add_line(convert_run *convert, const cnn_match *match, const char *weight)
{
    json_t *line = json_object();
    tool_json_text(line, "what", kind_names[match->kind]);
    tool_json_text(line, "parameter", match->parameter);
    json_object_set_new(line, "shape", match->parameter != NULL ? shape_json(&match->shape) : json_null());
    tool_json_text(line, "tensor", weight);
    json_object_set_new(line, "tensor_shape", match->weight != NULL ? shape_json(&match->found) : json_null());
    tool_json_text(line, "axes", match->axes);
    json_array_append_new(convert->lines, line);
}

static void tell_match(void *user, const cnn_match *match)
{
    convert_run *convert = user;
    char *weight = weight_text(match);
    convert->by_order = match->by_order != 0;
    convert->any_misshapen = convert->any_misshapen || match->kind == CNN_WRONG_SHAPE;
    if (convert->lines != NULL) {
        add_line(convert, match, weight);
    } else if (match->kind != CNN_MATCHED && convert->told++ < MOST_TOLD) {
        char *shape = shape_text(&match->shape), *found = shape_text(&match->found);
        const char *parameter = match->parameter != NULL ? match->parameter : "";
        if (match->kind == CNN_MISSING) {
            tool_note(convert->run, "missing     %s %s", parameter, shape);
        } else if (match->kind == CNN_WRONG_SHAPE) {
            tool_note(convert->run, "wrong shape %s is %s, the file's %s is %s", parameter, shape, weight, found);
        } else {
            tool_note(convert->run, "left over   %s %s", weight, found);
        }
        free(shape);
        free(found);
    }
    free(weight);
}

/* ---- reading ---- */

static int library(convert_run *convert, cnn_status status)
{
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(convert->run, status);
}

static void tell_more(const convert_run *convert)
{
    if (convert->told > MOST_TOLD) {
        tool_note(convert->run, "and %zu more; --json lists all", convert->told - MOST_TOLD);
    }
}

/* Nothing fits, or not all does. */
static int tell_misfit(convert_run *convert, cnn_status status)
{
    tool *run = convert->run;
    tell_more(convert);
    if (status == CNN_OK || (convert->report.loaded == 0 && !convert->any_misshapen)) {
        return tool_fail(run, "%s: none of its %u tensors fits %s", run->operands[0], (unsigned)convert->report.unused,
                         convert->settings->network);
    }
    return tool_fail(run, "%s (--partial lets such parameters begin anew)", cnn_last_error(run->context));
}

/* A network of the zoo with the file's weights. */
static int fill_network(convert_run *convert)
{
    const convert_settings *settings = convert->settings;
    int result = tool_is_zoo(settings->network)
                     ? tool_open_model(convert->run, settings->network, &settings->model, &convert->model)
                     : tool_open_model(convert->run, settings->network, NULL, &convert->model);
    if (result != TOOL_DONE) {
        return result;
    }
    const cnn_status status = cnn_model_import(
        convert->model, convert->foreign.weights,
        CNN_IMPORT(.partial = settings->partial, .match = tell_match, .user = convert), &convert->report);
    const bool nothing = convert->report.loaded == 0 && cnn_model_parameter_count(convert->model) > 0;
    return status == CNN_ERROR_MISMATCH || (status == CNN_OK && nothing) ? tell_misfit(convert, status)
                                                                         : library(convert, status);
}

static int load_config(convert_run *convert)
{
    const convert_settings *settings = convert->settings;
    cnn_import_options options = {
        .struct_size = sizeof(options), .partial = settings->partial, .match = tell_match, .user = convert};
    memcpy(options.input, settings->model.input, sizeof(options.input));
    return library(convert, cnn_keras_load(convert->run->context, convert->run->operands[0], convert->foreign.config,
                                           convert->foreign.config_size, convert->foreign.weights, &options,
                                           &convert->report, &convert->model));
}

/* An ONNX file says all itself. */
static int load_onnx(convert_run *convert)
{
    const convert_settings *settings = convert->settings;
    cnn_onnx_load_options options = {.struct_size = sizeof(options), .external_data = settings->external_data};
    memcpy(options.input, settings->model.input, sizeof(options.input));
    if (settings->network != NULL) {
        return tool_fail_usage(convert->run, "--model goes with weights: an ONNX file has its network");
    }
    const cnn_status status = cnn_model_load_onnx(convert->run->context, convert->run->operands[0], &options,
                                                  &convert->model);
    convert->foreign.program = "ONNX";
    convert->report.loaded = status == CNN_OK ? (uint32_t)cnn_model_parameter_count(convert->model) : 0;
    return library(convert, status);
}

static int read_model(convert_run *convert)
{
    tool *run = convert->run;
    const char *path = run->operands[0];
    if (tool_is_onnx(path)) {
        return load_onnx(convert);
    }
    int result = tool_foreign_open(run, path, &convert->foreign);
    if (result != TOOL_DONE) {
        return result;
    }
    if (convert->settings->network != NULL) {
        return fill_network(convert);
    }
    if (cnn_weights_layout_of(convert->foreign.weights) == CNN_WEIGHTS_OWN) {
        convert->report.loaded = (uint32_t)cnn_weights_count(convert->foreign.weights);
        return library(convert, cnn_model_load(run->context, path, &convert->model));
    }
    return convert->foreign.config != NULL
               ? load_config(convert)
               : tool_fail_usage(run,
                                 "%s: holds weights without a network; --model NAME says which, `cnn help` lists "
                                 "them",
                                 path);
}

/* ---- writing ---- */

static bool ends_in(const char *path, const char *end)
{
    const size_t size = strlen(path), tail = strlen(end);
    return size > tail && strcmp(path + size - tail, end) == 0;
}

static int write_model(convert_run *convert)
{
    const char *path = convert->run->operands[1];
    if (ends_in(path, ".h5") || ends_in(path, ".hdf5")) {
        return tool_hdf5_save(convert->run, convert->model, path);
    }
    if (ends_in(path, ".onnx")) {
        return library(convert,
                       cnn_model_save_onnx(convert->model, path,
                                           CNN_ONNX_SAVE(.preprocessing = convert->settings->with_preprocessing)));
    }
    return library(convert, ends_in(path, ".safetensors")
                                ? cnn_model_save_tensors(convert->model, CNN_WEIGHTS_PYTORCH, path)
                                : cnn_model_save(convert->model, path));
}

/* What belongs to the model and has no place in a file of another program; an ONNX file has metadata. */
static void tell_lost(const convert_run *convert)
{
    const char *path = convert->run->operands[1];
    const bool onnx = ends_in(path, ".onnx");
    cnn_decision decision = {.struct_size = sizeof(decision)};
    const char *lost[3];
    size_t count = 0;
    if (!onnx && !ends_in(path, ".h5") && !ends_in(path, ".hdf5") && !ends_in(path, ".safetensors")) {
        return;
    }
    if (!onnx && cnn_model_class_count(convert->model) > 0) {
        lost[count++] = "class names";
    }
    if (!onnx && cnn_model_pipeline(convert->model) != NULL) {
        lost[count++] = "preprocessing";
    }
    if (cnn_model_decision(convert->model, &decision)) {
        lost[count++] = "decisions";
    }
    if (count > 0) {
        tool_note(convert->run, "not in OUT  %s%s%s%s%s: that kind of file does not hold them", lost[0],
                  count > 1 ? ", " : "", count > 1 ? lost[1] : "", count > 2 ? ", " : "", count > 2 ? lost[2] : "");
    }
}

static int print_result(convert_run *convert)
{
    tool *run = convert->run;
    const cnn_weights_report *report = &convert->report;
    if (run->common->json) {
        json_t *object = json_object();
        tool_json_text(object, "model", run->operands[1]);
        tool_json_text(object, "from", convert->foreign.program);
        tool_json_count(object, "matched", report->loaded);
        tool_json_count(object, "missing", report->missing);
        tool_json_count(object, "left_over", report->unused);
        json_object_set_new(object, "by_order", json_boolean(convert->by_order));
        tool_json_count(object, "parameters", cnn_model_values(convert->model));
        json_object_set(object, "tensors", convert->lines);
        return tool_json_print(run, object);
    }
    tell_more(convert);
    if (convert->by_order) {
        tool_note(run, "names       none is the model's: layers were taken in order");
    }
    char *out = tool_printable(run->operands[1]);
    tool_print(run, "weights     %u parameters matched, %u missing, %u left over in the file (%s)\nmodel       %s\n",
               (unsigned)report->loaded, (unsigned)report->missing, (unsigned)report->unused, convert->foreign.program,
               out != NULL ? out : "");
    free(out);
    return TOOL_DONE;
}

static int check_operands(tool *run, const convert_settings *settings)
{
    const char *out = run->operands[1];
    if (ends_in(out, ".keras") || ends_in(out, ".pth") || ends_in(out, ".pt")) {
        return tool_fail_usage(run,
                               "%s: is not written; .cnn is this library's, .safetensors for PyTorch, .h5 for "
                               "Keras and .onnx for others are",
                               out);
    }
    if (settings->with_preprocessing && !ends_in(out, ".onnx")) {
        return tool_fail_usage(run, "--with-preprocessing goes with an OUT that ends in .onnx");
    }
    if (settings->network == NULL && settings->model.classes != 0) {
        return tool_fail_usage(run, "--classes goes with --model: else the file says how many there are");
    }
    return tool_check_model_writable(run, out);
}

static int run_convert(tool *run, const void *given)
{
    const convert_settings *settings = given;
    convert_run convert = {.run = run,
                           .settings = settings,
                           .report = CNN_WEIGHTS_REPORT_INIT,
                           .lines = run->common->json ? json_array() : NULL};
    int result = check_operands(run, settings);
    result = result == TOOL_DONE ? tool_open_context(run) : result;
    result = result == TOOL_DONE ? read_model(&convert) : result;
    if (result == TOOL_DONE && settings->names != NULL) {
        result = tool_set_names(run, settings->names, convert.model);
    }
    if (result == TOOL_DONE && settings->preprocess != NULL) {
        result = tool_set_preprocess(run, settings->preprocess, convert.model);
    }
    result = result == TOOL_DONE ? write_model(&convert) : result;
    if (result == TOOL_DONE) {
        tell_lost(&convert);
    }
    result = result == TOOL_DONE ? print_result(&convert) : result;
    json_decref(convert.lines);
    cnn_model_free(convert.model);
    tool_foreign_close(&convert.foreign);
    return result;
}

#define AT(field) offsetof(convert_settings, field)

static const tool_option convert_options[] = {
    {"model", "MODEL", "the network whose weights IN holds, by name or as a model file; if not given IN says it itself",
     TOOL_TEXT, AT(network), 0, 0, NULL},
    {"input", "HxWxC", "input of the network, if not its own, or where IN leaves it open", TOOL_SIZE, AT(model.input),
     1, 3, NULL},
    {"classes", "N", "classes of a network by name, if not its own", TOOL_COUNT, AT(model.classes), 2, 1000000, NULL},
    {"partial", NULL, "parameters that IN lacks, or has in another shape, begin anew", TOOL_FLAG, AT(partial), 0, 0,
     NULL},
    {"external-data", NULL, "values of an ONNX file may lie in other files, below its folder", TOOL_FLAG,
     AT(external_data), 0, 0, NULL},
    {"names", "LIST", "names of the classes: imagenet, or a file with one name a line", TOOL_TEXT, AT(names), 0, 0,
     NULL},
    {"preprocess", "STEPS",
     "what is done to an image first: torchvision, keras-caffe, keras-tf, keras-torch, unit, or steps as those of "
     "`cnn train`",
     TOOL_TEXT, AT(preprocess), 0, 0, NULL},
    {"with-preprocessing", NULL, "the preprocessing is a part of OUT, an ONNX file, which then reads images as bytes",
     TOOL_FLAG, AT(with_preprocessing), 0, 0, NULL},
    {0},
};

const tool_command tool_command_convert = {
    .name = "convert",
    .synopsis = "IN OUT",
    .purpose = "Makes a model of another program's file, or the other way round.",
    .details =
        "IN is a model or weights of Keras (.h5, .weights.h5, .keras), weights of PyTorch (safetensors, or what "
        "torch.save() wrote of a state_dict(); nothing in it is run), an ONNX file (.onnx), or a model file. OUT ends "
        "in "
        ".safetensors for weights with PyTorch's names, in .h5 for a model of Keras, in .onnx for what runs elsewhere, "
        "else it is a model file. What the network has and "
        "IN lacks is told, and so is what is left over. The presets of --preprocess: torchvision resizes to 256 and "
        "takes the middle 224 (other sizes in proportion), with ImageNet's mean and deviation; keras-caffe is blue "
        "first with the means subtracted, keras-tf -1 to 1, keras-torch ImageNet's mean and deviation, unit 0 to 1, "
        "each after a resize.",
    .options = convert_options,
    .settings_size = sizeof(convert_settings),
    .least_operands = 2,
    .most_operands = 2,
    .run = run_convert,
};
