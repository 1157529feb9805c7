/* SPDX-License-Identifier: MIT */
/* Writes models as ONNX files, with inputs and what they make of them here, for a runtime to be compared with:
 *
 *     write_cases FOLDER cases            the models of models.c
 *     write_cases FOLDER zoo [NAME...]    networks of the zoo; none: all
 *     write_cases FOLDER model FILE...    model files
 *     write_cases FOLDER images           preprocessing alone, on made-up images
 *     write_cases FOLDER names            writes nothing, and tells the names of the zoo's networks
 *
 * For each there is NAME.onnx and NAME.txt, of which a line is a port: "in|out NAME FILE SIZE SIZE...", the sizes in
 * the file's order of axes, as the values are in FILE: float32, little-endian, or bytes where it ends in ".u8". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/values.h"
#include "core/arena.h"
#include "onnx/collect.h"
#include "onnx/models.h"
#include "onnx/proto.h"

enum { BATCH = 2, HEIGHT = 61, WIDTH = 83 };

static const char *folder;
static cnn_context *context;

static int fail(const char *name)
{
    fprintf(stderr, "%s: %s\n", name, cnn_last_error(context));
    return 1;
}

/* Whether a port has the sizes of a sample with the channels in front; squares are matrices. */
static bool is_first(const cnn__onnx_value *port, const cnn_shape *sample)
{
    const cnn__onnx_dim *dims = port->dims.items;
    bool same = sample->rank > 1 && sample->dims[0] != sample->dims[sample->rank - 1] &&
                port->dims.count == sample->rank + 1 && dims[1].size == sample->dims[sample->rank - 1];
    for (uint32_t d = 0; same && d + 1 < sample->rank; d++) {
        same = dims[d + 2].size == sample->dims[d];
    }
    return same;
}

/* Values of `count` rows to a file, channels first or as they are; and the line of the port. */
static bool write_port(FILE *list, const char *direction, const char *model, const cnn__onnx_value *port,
                       const cnn_shape *sample, size_t count, const float *values)
{
    static int number;
    char path[600];
    const bool first = is_first(port, sample);
    const size_t channels = (size_t)sample->dims[sample->rank - 1], size = test_shape_values(*sample);
    snprintf(path, sizeof(path), "%s/%s.%d.f32", folder, model, number++);
    FILE *file = fopen(path, "wb");
    for (size_t i = 0; file != NULL && i < count * size; i++) {
        const size_t row = i / size, at = i % size, positions = size / channels;
        const float *from = values + row * size;
        fwrite(first ? &from[at % positions * channels + at / positions] : &from[at], sizeof(float), 1, file);
    }
    const bool done = file != NULL && fclose(file) == 0;
    fprintf(list, "%s %s %s %zu", direction, port->name, strrchr(path, '/') + 1, count);
    for (uint32_t d = 0; d < sample->rank; d++) {
        fprintf(list, " %lld", (long long)sample->dims[!first ? d : d == 0 ? sample->rank - 1 : d - 1]);
    }
    fprintf(list, "\n");
    return done;
}

static bool write_inputs(FILE *list, const char *name, const cnn_model *model, const cnn__onnx_graph *graph,
                         cnn_session *session, float **inputs)
{
    bool done = true;
    for (size_t i = 0; i < cnn_model_input_count(model) && done; i++) {
        const char *input = cnn_model_input_name(model, i);
        const cnn_shape sample = cnn_model_value_shape(model, input);
        const size_t count = BATCH * test_shape_values(sample);
        inputs[i] = malloc(count * sizeof(float));
        onnx_random_values((uint32_t)i + 77, inputs[i], count);
        done = cnn_session_set_input(session, input, inputs[i]) == CNN_OK &&
               write_port(list, "in", name, (const cnn__onnx_value *)graph->inputs.items + i, &sample, BATCH,
                          inputs[i]);
    }
    return done;
}

static bool write_outputs(FILE *list, const char *name, const cnn_model *model, const cnn__onnx_graph *graph,
                          cnn_session *session)
{
    bool done = true;
    for (size_t i = 0; i < cnn_model_output_count(model) && done; i++) {
        cnn_tensor value;
        cnn_shape sample = {0};
        done = cnn_session_activation(session, cnn_model_output_name(model, i), &value) == CNN_OK;
        if (done) {
            sample.rank = value.shape.rank - 1;
            memcpy(sample.dims, value.shape.dims + 1, sample.rank * sizeof(sample.dims[0]));
            done = write_port(list, "out", name, (const cnn__onnx_value *)graph->outputs.items + i, &sample,
                              (size_t)value.shape.dims[0], value.data);
        }
    }
    return done;
}

/* Logits of a network whose parameters are random can be anything: those of the last dense layer are made such that
 * they say something after a softmax. */
static void calm_down(cnn_model *model)
{
    const cnn_shape sample = cnn_model_input_shape(model), output = cnn_model_output_shape(model);
    const size_t count = test_shape_values(output);
    float *input = malloc(test_shape_values(sample) * sizeof(float));
    cnn_session *session = NULL;
    double most = 0;
    onnx_random_values(77, input, test_shape_values(sample));
    if (cnn_session_create(model, NULL, &session) == CNN_OK && cnn_session_forward(session, input, 1) == CNN_OK) {
        for (size_t i = 0; i < count; i++) {
            most = fmax(most, fabs((double)cnn_session_logits(session)[i]));
        }
    }
    cnn_session_free(session);
    free(input);
    uint32_t last = 0;
    for (size_t i = cnn_model_parameter_count(model); i-- > 0 && most > 4;) {
        cnn_parameter parameter = CNN_PARAMETER_INIT;
        (void)cnn_model_parameter(model, i, &parameter);
        last = last == 0 ? parameter.layer : last;
        for (size_t k = 0; parameter.layer == last && k < test_shape_values(parameter.value.shape); k++) {
            parameter.value.data[k] *= (float)(4 / most);
        }
    }
    cnn_model_touch(model);
}

static int write_case(const char *name, cnn_model *model)
{
    char path[600];
    float *inputs[CNN_MODEL_MAX_PORTS] = {NULL};
    cnn__arena arena = {.context = context};
    cnn__string bytes = {.context = context};
    cnn__onnx_model decoded;
    cnn_session *session = NULL;
    snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
    FILE *list = fopen(path, "w");
    snprintf(path, sizeof(path), "%s/%s.onnx", folder, name);
    bool done = list != NULL && cnn_model_save_onnx(model, path, NULL) == CNN_OK &&
                cnn_model_write_onnx(model, NULL, collect, &bytes) == CNN_OK &&
                cnn__onnx_decode(&arena, name, bytes.data, bytes.size, &decoded) == CNN_OK &&
                cnn_session_create(model, CNN_SESSION(.batch = BATCH), &session) == CNN_OK &&
                write_inputs(list, name, model, decoded.graph, session, inputs) &&
                cnn_session_forward(session, NULL, BATCH) == CNN_OK &&
                write_outputs(list, name, model, decoded.graph, session);
    done = list != NULL && fclose(list) == 0 && done;
    for (size_t i = 0; i < CNN_MODEL_MAX_PORTS; i++) {
        free(inputs[i]);
    }
    cnn_session_free(session);
    cnn__string_free(&bytes);
    cnn__arena_free(&arena);
    cnn_model_free(model);
    return done ? 0 : fail(name);
}

static int write_zoo(const char *name)
{
    cnn_model *model = NULL;
    if (cnn_zoo_create(context, name, NULL, &model) != CNN_OK) {
        return fail(name);
    }
    onnx_random_parameters(model);
    calm_down(model);
    return write_case(name, model);
}

/* ---- preprocessing ---- */

static const struct {
    const char *name, *steps;
    int height, width, channels; /* of the model's input */
} pipelines[] = {
    {"images-none", "scale=2", 61, 83, 3},
    {"images-resize", "resize=40x32,normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225", 40, 32, 3},
    {"images-larger", "resize=100x90:bilinear:full", 100, 90, 3},
    {"images-bicubic", "resize=24x50:bicubic,bgr,scale=255,subtract=103.939/116.779/123.68", 24, 50, 3},
    {"images-nearest", "resize=50x33:nearest", 50, 33, 3},
    {"images-short", "resize_short=37,center_crop=32x31,normalize=mean=0.5:std=0.25", 32, 31, 3},
    {"images-pad", "center_crop=70x40,subtract=0.5", 70, 40, 3},
    {"images-grey", "resize=28x28,grey,scale=2", 28, 28, 1},
    {"images-grey3", "grey=3,resize_short=30,center_crop=30", 30, 30, 3},
    {"images-late", "scale=2,resize=20x30,center_crop=24x20", 24, 20, 3},
};

/* A slope with noise on it. */
static void draw(uint8_t *pixels, int height, int width, int channels)
{
    float noise;
    for (int i = 0; i < height * width * channels; i++) {
        const int column = i / channels % width, row = i / channels / width;
        onnx_random_values((uint32_t)i, &noise, 1);
        pixels[i] = (uint8_t)(128 + 60 * (column - width / 2) / width + 50 * (row - height / 2) / height +
                              (int)(40 * noise) + 10 * (i % channels));
    }
}

static bool write_image(FILE *list, const char *name, const uint8_t *pixels, int channels)
{
    char path[600];
    const size_t size = (size_t)(HEIGHT * WIDTH * channels);
    snprintf(path, sizeof(path), "%s/%s.u8", folder, name);
    FILE *file = fopen(path, "wb");
    const bool done = file != NULL && fwrite(pixels, 1, size, file) == size;
    fprintf(list, "in image %s.u8 1 %d %d %d\n", name, HEIGHT, WIDTH, channels);
    return file != NULL && fclose(file) == 0 && done;
}

/* What a model reads, whose one layer hands on its input. */
static bool write_prepared(size_t index, FILE *list, cnn_model *model, cnn_image *image)
{
    const char *name = pipelines[index].name;
    const cnn_shape sample = cnn_model_input_shape(model);
    const size_t size = test_shape_values(sample);
    const cnn__onnx_dim dims[] = {
        {0}, {true, sample.dims[2], NULL}, {true, sample.dims[0], NULL}, {true, sample.dims[1], NULL}};
    const cnn__onnx_value port = {.name = "same", .dims = {.items = (void *)(uintptr_t)dims, .count = 4}};
    cnn_session *session = NULL;
    float *values = malloc(size * sizeof(float));
    draw(cnn_image_pixels(image), HEIGHT, WIDTH, (int)cnn_image_channels(image));
    const bool done = cnn_session_create(model, NULL, &session) == CNN_OK &&
                      cnn_session_prepare_image(session, image, values, size) == CNN_OK &&
                      write_image(list, name, cnn_image_pixels(image), (int)cnn_image_channels(image)) &&
                      write_port(list, "out", name, &port, &sample, 1, values);
    cnn_session_free(session);
    free(values);
    return done;
}

static int write_pipeline(size_t index)
{
    const char *name = pipelines[index].name;
    const int channels = pipelines[index].channels;
    const cnn_shape sample = {3, 0, {pipelines[index].height, pipelines[index].width, channels}};
    char path[600];
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_image *image = NULL;
    const cnn_onnx_save_options with = {.struct_size = sizeof(with), .preprocessing = 1};
    snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
    FILE *list = fopen(path, "w");
    snprintf(path, sizeof(path), "%s/%s.onnx", folder, name);
    bool done = list != NULL && cnn_model_create(context, CNN_MODEL(.shape = sample), &model) == CNN_OK &&
                cnn_model_add(model, cnn_dropout(context, CNN_DROPOUT(.name = "same"))) == CNN_OK &&
                cnn_model_build(model) == CNN_OK &&
                cnn_pipeline_create(context, pipelines[index].steps, &pipeline) == CNN_OK &&
                cnn_model_set_pipeline(model, pipeline) == CNN_OK &&
                cnn_model_save_onnx(model, path, &with) == CNN_OK &&
                cnn_image_create(context, WIDTH, HEIGHT, channels == 1 ? 1 : 3, &image) == CNN_OK &&
                write_prepared(index, list, model, image);
    done = list != NULL && fclose(list) == 0 && done;
    cnn_image_free(image);
    cnn_pipeline_free(pipeline);
    cnn_model_free(model);
    return done ? 0 : fail(name);
}

int main(int count, char **words)
{
    int failed = count < 3 || cnn_context_create(NULL, &context) != CNN_OK;
    if (failed) {
        return 2;
    }
    folder = words[1];
    const char *name = NULL;
    cnn_model *model = NULL;
    if (strcmp(words[2], "cases") == 0) {
        for (size_t i = 0; (name = onnx_case(context, i, &model)) != NULL && failed == 0; i++) {
            failed = model != NULL ? write_case(name, model) : fail(name);
        }
    } else if (strcmp(words[2], "names") == 0) {
        for (size_t i = 0; (name = cnn_zoo_name(i)) != NULL; i++) {
            puts(name);
        }
    } else if (strcmp(words[2], "zoo") == 0) {
        for (size_t i = 0; count == 3 && (name = cnn_zoo_name(i)) != NULL && failed == 0; i++) {
            failed = write_zoo(name);
        }
    }
    for (size_t i = 0; strcmp(words[2], "images") == 0 && i < sizeof(pipelines) / sizeof(pipelines[0]); i++) {
        failed = failed != 0 ? failed : write_pipeline(i);
    }
    for (int i = 3; i < count && failed == 0; i++) {
        name = strrchr(words[i], '/') != NULL ? strrchr(words[i], '/') + 1 : words[i];
        failed = strcmp(words[2], "zoo") == 0                          ? write_zoo(words[i])
                 : cnn_model_load(context, words[i], &model) == CNN_OK ? write_case(name, model)
                                                                       : fail(words[i]);
    }
    cnn_context_free(context);
    return failed;
}
