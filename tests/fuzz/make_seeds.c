/* SPDX-License-Identifier: MIT */
/* make_seeds FOLDER: for each fuzz target a folder of seeds, FOLDER/TARGET/, and a dictionary, FOLDER/TARGET.dict.
 * All of them are made here, by the library itself or by hand: nothing comes from elsewhere. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cnn/cnn.h>

static const char *folder;
static cnn_context *context;

static void fail(const char *what)
{
    fprintf(stderr, "make_seeds: %s: %s\n", what, cnn_last_error(context));
    exit(1);
}

static void ok(cnn_status status, const char *what)
{
    if (status != CNN_OK) {
        fail(what);
    }
}

static const char *place(const char *target, const char *name)
{
    static char paths[2][1024];
    static int next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof(paths[0]), "%s/%s%s%s", folder, target, name[0] != '\0' ? "/" : "", name);
    return path;
}

/* A seed: `first` is the byte that tells the target what it is, -1 for none. */
static void seed(const char *target, const char *name, int first, const void *data, size_t size)
{
    const char *path = place(target, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || (first >= 0 && fputc(first, file) == EOF) ||
        (size > 0 && fwrite(data, 1, size, file) != size) || fclose(file) != 0) {
        fail(path);
    }
}

static void text_seed(const char *target, const char *name, int first, const char *text)
{
    seed(target, name, first, text, strlen(text));
}

static void *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || stat(path, &info) != 0) {
        fail(path);
    }
    void *data = malloc((size_t)info.st_size + 1);
    *size = data != NULL ? fread(data, 1, (size_t)info.st_size, file) : 0;
    fclose(file);
    return data;
}

/* Words of bytes are given as dictionaries have them, "\\x1f\\x8b". */
enum { AS_TEXT, AS_BYTES };

static void dictionary(const char *target, int kind, const char *const *words)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.dict", folder, target);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fail(path);
    }
    for (; *words != NULL; words++) {
        fputc('"', file);
        for (const char *at = *words; *at != '\0'; at++) {
            if (*at < ' ' || *at > '~') { /* libFuzzer refuses them as they are */
                fprintf(file, "\\x%02x", (unsigned char)*at);
            } else {
                fprintf(file, kind == AS_TEXT && (*at == '"' || *at == '\\') ? "\\%c" : "%c", *at);
            }
        }
        fputs("\"\n", file);
    }
    fclose(file);
}

/* ---- images ---- */

typedef struct bytes {
    unsigned char data[65536];
    size_t size;
} bytes;

static cnn_status append(void *user, const void *data, size_t size)
{
    bytes *to = user;
    if (size > sizeof(to->data) - to->size) {
        return CNN_ERROR_LIMIT;
    }
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return CNN_OK;
}

static void make_images(void)
{
    static const char *const words[] = {"JFIF",   "Exif", "IHDR", "IDAT", "PLTE", "tRNS", "iCCP", "eXIf", "IEND",
                                        "GIF89a", "RIFF", "WEBP", "VP8 ", "VP8L", "BM",   "II*",  "MM",   NULL};
    static bytes file;
    char name[32];
    for (int i = 0; i < 8; i++) {
        cnn_image *image = NULL;
        const uint32_t channels = i % 2 == 0 ? 3 : 1;
        ok(cnn_image_create(context, 5 + (uint32_t)i * 3, 4 + (uint32_t)i, channels, &image), "image");
        for (size_t p = 0; p < (size_t)(5 + i * 3) * (size_t)(4 + i) * channels; p++) {
            cnn_image_pixels(image)[p] = (uint8_t)(p * (size_t)(i + 3) * 5);
        }
        file.size = 0;
        ok(cnn_image_encode(image, CNN_ENCODE(.format = i < 4 ? CNN_IMAGE_JPEG : CNN_IMAGE_PNG, .quality = 60), append,
                            &file),
           "encode");
        snprintf(name, sizeof(name), "%d", i);
        seed("image", name, i * 9, file.data, file.size);
        cnn_image_free(image);
    }
    static const unsigned char bmp[] = {'B', 'M', 70, 0, 0,  0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 2, 0,
                                        0,   0,   1,  0, 24, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        0,   0,   0,  0, 0,  0, 9, 8, 7, 6, 5,  4, 0, 0, 1,  2, 3, 4, 5, 6, 0, 0};
    static const unsigned char gif[] = {'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 9,    9, 9, 0,  0,
                                        0,   ',', 0,   0,   0,   0,   1, 0, 1, 0, 0,    2, 2, 0x44, 1, 0, ';'};
    seed("image", "bmp", 0, bmp, sizeof(bmp));
    seed("image", "gif", 0, gif, sizeof(gif));
    dictionary("image", AS_TEXT, words);
}

/* ---- data ---- */

static void make_data(void)
{
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};
    static const unsigned char gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x63, 0x60, 0xe0, 0x60, 4, 0, 0, 0, 0, 0};
    static unsigned char record[3074];
    static const char *const table_words[] = {
        "\"path\":",  "\"label\":", "\"split\":", "\"weight\":", "\"group\":", "train", "test",
        "path,label", ",",          "\n",         "\"\"",        "target",     NULL};
    static const char *const idx_words[] = {"\\x00\\x00\\x08\\x03", "\\x00\\x00\\x08\\x01", "\\x1f\\x8b\\x08", NULL};
    seed("idx", "images", 0, images, sizeof(images));
    seed("idx", "labels", 1, labels, sizeof(labels));
    seed("idx", "gzip", 0, gzip, sizeof(gzip));
    seed("cifar", "ten", -1, record, 3073);
    seed("cifar", "hundred", -1, record, 3074);
    text_seed("table", "csv", 0, "path,label,split\na.png,cat,train\n\"b, 2.png\",dog,test\n");
    text_seed("table", "lines", 1,
              "{\"path\":\"a.png\",\"label\":\"cat\"}\n{\"path\":\"b.png\",\"label\":\"dog\",\"weight\":2}\n");
    dictionary("table", AS_TEXT, table_words);
    dictionary("cifar", AS_BYTES, (const char *const[]){"\\x00", "\\x09", "\\x0a", NULL});
    dictionary("idx", AS_BYTES, idx_words);
}

/* ---- models ---- */

static const char *const json_words[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         ":",
                                         ",",
                                         "\"",
                                         "null",
                                         "true",
                                         "false",
                                         "1e309",
                                         "\\u0000",
                                         "\\ud800",
                                         "__metadata__",
                                         "dtype",
                                         "F32",
                                         "F16",
                                         "BF16",
                                         "shape",
                                         "data_offsets",
                                         "format",
                                         "libcnn 1",
                                         "architecture",
                                         "layers",
                                         "inputs",
                                         "outputs",
                                         "Conv2D",
                                         "DepthwiseConv2D",
                                         "MaxPooling2D",
                                         "AveragePooling2D",
                                         "Dense",
                                         "BatchNormalization",
                                         "Flatten",
                                         "Dropout",
                                         "Add",
                                         "Concatenate",
                                         "Activation",
                                         "ZeroPadding2D",
                                         "Reshape",
                                         "Permute",
                                         "filters",
                                         "size",
                                         "stride",
                                         "padding",
                                         "same",
                                         "valid",
                                         "groups",
                                         "dilation",
                                         "units",
                                         "activation",
                                         "relu",
                                         "softmax",
                                         "checksums",
                                         "classes",
                                         "pipeline",
                                         "resize=",
                                         "training",
                                         "history",
                                         "position",
                                         "optimizer",
                                         "class_name",
                                         "config",
                                         "keras_api",
                                         "Functional",
                                         "Sequential",
                                         "InputLayer",
                                         "batch_input_shape",
                                         "inbound_nodes",
                                         NULL};

static cnn_model *make_model(void)
{
    cnn_model *model = NULL;
    cnn_pipeline *pipeline = NULL;
    ok(cnn_model_create(context, CNN_MODEL(.name = "m", .input = {6, 6, 1}), &model), "model");
    ok(cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 2, .activation = CNN_RELU))), "conv");
    ok(cnn_model_add(model, cnn_batch_norm(context, NULL)), "norm");
    ok(cnn_model_add(model, cnn_max_pool2d(context, NULL)), "pool");
    ok(cnn_model_add(model, cnn_flatten(context, NULL)), "flatten");
    ok(cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2, .activation = CNN_SOFTMAX))), "dense");
    ok(cnn_model_build(model), "build");
    ok(cnn_pipeline_create(context, "resize=6x6", &pipeline), "pipeline");
    ok(cnn_model_set_pipeline(model, pipeline), "pipeline");
    cnn_pipeline_free(pipeline);
    return model;
}

static void make_models(void)
{
    static bytes config;
    size_t size;
    cnn_model *model = make_model();
    char *path = strdup(place("model", "small"));
    ok(cnn_model_save(model, path), "save");
    unsigned char *data = read_file(path, &size);
    seed("tensors", "model", -1, data, size);
    const size_t header = (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;
    seed("json", "header", -1, data + 8, header);
    seed("checkpoint", "header", -1, data + 8, header);
    free(data);
    free(path);
    ok(cnn_model_save_tensors(model, CNN_WEIGHTS_PYTORCH, place("tensors", "pytorch")), "tensors");
    ok(cnn_keras_config(model, append, &config), "config");
    seed("exchange", "keras", 'K', config.data, config.size);
    static const unsigned char pickle[] = {0x80, 2, '}', 'q', 0, 'X', 1, 0, 0, 0, 'a', 'K', 1, 's', '.'};
    seed("exchange", "pickle", 'P', pickle, sizeof(pickle));
    static const unsigned char zip[] = {'P', 'K', 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    seed("exchange", "zip", 'P', zip, sizeof(zip));
    static const unsigned char onnx[] = {8, 8, 0x3a, 9, 0x0a, 7, 0x0a, 1, 'x', 0x12, 1, 'y', 0x22, 0x42, 2, 0x10, 13};
    seed("onnx", "small", -1, onnx, sizeof(onnx));
    text_seed("json", "values", -1, "{\"a\":[1,-2.5e3,true,null,\"\\u00e9\\n\"],\"b\":{}}");
    cnn_model_free(model);
    dictionary("model", AS_TEXT, json_words);
    dictionary("tensors", AS_TEXT, json_words);
    dictionary("json", AS_TEXT, json_words);
    dictionary("checkpoint", AS_TEXT, json_words);
    dictionary("exchange", AS_TEXT, json_words);
    dictionary("onnx", AS_BYTES,
               (const char *const[]){"Conv", "Gemm", "Relu", "MaxPool", "kernel_shape", "\\x08\\x08", "\\x3a", NULL});
}

/* ---- texts ---- */

static void make_texts(void)
{
    static const struct {
        int kind;
        const char *text;
    } texts[] = {
        {0, "resize=12x10:bicubic,random_crop=8,flip=0.5,normalize=0.5/0.25"},
        {0, "orient,rotate=10,color_jitter=0.2,cutout=3,center_crop=8"},
        {1, "warmup:steps=5+cosine"},
        {1, "plateau:patience=3,factor=0.5"},
        {1, "step:every=2,gamma=0.5"},
        {2, "adam:beta1=0.5,weight_decay=0.01"},
        {2, "fc*:factor=0.5+*/bias:weight_decay=0"},
        {3, "precision_class1"},
        {3, "top5"},
        {4, "squeezenet:version=1.0"},
        {4, "mobilenet-v3-large:width=0.1"},
        {5, "dense=16,relu,dropout=0.5"},
    };
    const char *words[256];
    size_t count = 0;
    char name[16];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        snprintf(name, sizeof(name), "%zu", i);
        text_seed("text", name, texts[i].kind, texts[i].text);
        words[count++] = texts[i].text;
    }
    for (size_t i = 0; cnn_zoo_name(i) != NULL && count < 250; i++) {
        words[count++] = cnn_zoo_name(i);
    }
    words[count] = NULL;
    dictionary("text", AS_TEXT, words);
    static const char line[] = "lenet5\0--size\0"
                               "32x32x1\0--json";
    seed("command", "summary", 2, line, sizeof(line));
    static const char train[] = "lenet5\0--data\0nowhere\0--epochs\0"
                                "3\0--lr\0"
                                "0.1";
    seed("command", "train", 5, train, sizeof(train));
    dictionary("command", AS_TEXT,
               (const char *const[]){"--data", "--out", "--size", "--json", "--threads", "--seed", "--allow",
                                     "--epochs", "--batch", "--optimizer", "--schedule", "--help", "--quiet",
                                     "--max-pixels", "64M", "1e9", "-1", "=", NULL});
}

int main(int count, char **arguments)
{
    static const char *const targets[] = {"",     "checkpoint", "cifar", "command", "exchange", "idx", "image",
                                          "json", "model",      "onnx",  "table",   "tensors",  "text"};
    if (count != 2) {
        fprintf(stderr, "usage: make_seeds FOLDER\n");
        return 2;
    }
    folder = arguments[1];
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        (void)mkdir(place(targets[i], ""), 0777);
    }
    ok(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), "context");
    make_images();
    make_data();
    make_models();
    make_texts();
    cnn_context_free(context);
    return 0;
}
