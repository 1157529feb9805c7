/* SPDX-License-Identifier: MIT */
/* One network in all the files that Keras and PyTorch have had for it (files.zip, by make_files.py): each is converted
 * by `cnn convert`, computes what PyTorch computes, layer by layer, and written again in the other programs' forms, it
 * still does. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/suite.h"
#include "exchange/npy.h"

static cnn_context *context;
static char folder[] = "/tmp/cnn-files-XXXXXX";

static const char *in_folder(const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s", folder, name);
    return path;
}

static cnn_status write_part(void *user, const void *data, size_t size)
{
    return fwrite(data, 1, size, user) == size ? CNN_OK : CNN_ERROR_IO;
}

static void extract(const char *archive, const char *name)
{
    char path[512];
    FILE *file = fopen(in_folder(name, path), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_msg(cnn_archive_read(context, archive, name, 1 << 20, write_part, file) == CNN_OK, "%s",
                  cnn_last_error(context));
    ck_assert_int_eq(fclose(file), 0);
}

/* The network without its weights, whose layers have the names of `names`. */
static void make_network(const char *const names[4], const char *file)
{
    cnn_model *model = NULL;
    char path[512];
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {8, 12, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.name = names[0], .filters = 4)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.name = names[1])));
    cnn_model_add(model, cnn_activate(context, CNN_ACTIVATE(.name = "relu1", .activation = CNN_RELU)));
    cnn_model_add(model, cnn_max_pool2d(context, CNN_POOL2D(.name = "pool1")));
    cnn_model_add(model, cnn_flatten(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = names[2], .units = 6, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.name = names[3], .units = 3, .activation = CNN_SOFTMAX)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_save(model, in_folder(file, path)), CNN_OK);
    cnn_model_free(model);
}

static void set_up(void)
{
    char archive[1024], path[512], name[128];
    snprintf(archive, sizeof(archive), "%s/tests/exchange/files.zip", getenv("CNN_SOURCE"));
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    extract(archive, "list.txt");
    FILE *list = fopen(in_folder("list.txt", path), "r");
    ck_assert_ptr_nonnull(list);
    while (fscanf(list, "%127s", name) == 1) {
        extract(archive, name);
    }
    fclose(list);
    make_network((const char *[]){"conv1", "bn1", "fc1", "fc2"}, "named.cnn");
    make_network((const char *[]){"a", "b", "c", "d"}, "other.cnn");
}

static void tear_down(void)
{
    char command[600];
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    snprintf(folder, sizeof(folder), "/tmp/cnn-files-XXXXXX");
    cnn_context_free(context);
}

/* `cnn convert IN OUT OPTIONS`, its output in out.txt; the exit status. */
static int convert(const char *in, const char *out, const char *options)
{
    char command[3000];
    snprintf(command, sizeof(command), "cd '%s' && '%s' convert %s %s %s >out.txt 2>&1", folder, getenv("CNN_COMMAND"),
             in, out, options);
    const int status = system(command);
    return status >= 0 ? status >> 8 : status;
}

static const char *output_text(void)
{
    static char text[4096];
    char path[512];
    FILE *file = fopen(in_folder("out.txt", path), "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* The largest difference of a value, relative to the largest expected; SIZE_MAX tells that it is not there. */
static void expect_value(const char *what, const float *found, const npy *expected)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < expected->count; i++) {
        const double value = npy_number(expected, i);
        largest = fmax(largest, fabs(value));
        worst = fmax(worst, fabs((double)found[i] - value));
    }
    ck_assert_msg(worst <= 1e-6 * largest, "%s: %g of the largest value away", what, worst / largest);
}

/* Runs a model file on the image and compares its output. */
static void expect_output(const char *file, const char *member)
{
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    npy input, expected;
    char path[512], archive[512];
    float image[8 * 12 * 3];
    in_folder("expected.npz", archive);
    ck_assert_msg(cnn_model_load(context, in_folder(file, path), &model) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.batch = 1), &session), CNN_OK);
    npy_read(context, archive, "input.npy", &input);
    for (size_t i = 0; i < 8 * 12 * 3; i++) {
        image[i] = (float)npy_number(&input, i);
    }
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    npy_read(context, archive, member, &expected);
    expect_value(file, cnn_session_output(session), &expected);
    npy_free(&expected);
    npy_free(&input);
    cnn_session_free(session);
    cnn_model_free(model);
}

/* The same, and the values of its layers, whose names may have others before them. */
static void expect_same(const char *file, const char *prefix, bool layers)
{
    static const char *const names[] = {"conv1", "bn1", "relu1", "pool1"};
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    npy input, expected;
    char path[512], archive[512], name[64];
    float image[8 * 12 * 3];
    in_folder("expected.npz", archive);
    ck_assert_msg(cnn_model_load(context, in_folder(file, path), &model) == CNN_OK, "%s", cnn_last_error(context));
    ck_assert_int_eq(cnn_session_create(model, CNN_SESSION(.keep_activations = 1), &session), CNN_OK);
    npy_read(context, archive, "input.npy", &input);
    for (size_t i = 0; i < 8 * 12 * 3; i++) {
        image[i] = (float)npy_number(&input, i);
    }
    ck_assert_int_eq(cnn_session_forward(session, image, 1), CNN_OK);
    for (size_t i = 0; i < 4 && layers; i++) {
        cnn_tensor tensor;
        snprintf(name, sizeof(name), "%s%s", prefix, names[i]);
        ck_assert_msg(cnn_session_activation(session, name, &tensor) == CNN_OK, "%s", cnn_last_error(context));
        snprintf(name, sizeof(name), "%s.npy", names[i]);
        npy_read(context, archive, name, &expected);
        expect_value(names[i], tensor.data, &expected);
        npy_free(&expected);
    }
    npy_read(context, archive, "output.npy", &expected);
    expect_value(file, cnn_session_output(session), &expected);
    npy_free(&expected);
    npy_free(&input);
    cnn_session_free(session);
    cnn_model_free(model);
}

static const struct {
    const char *file, *options, *prefix;
    bool hdf5; /* needs libhdf5 */
    bool layers;
} files[] = {
    {"net_F32.safetensors", "--model named.cnn", "", false, true},
    {"net_F16.safetensors", "--model named.cnn", "", false, true},
    {"net_BF16.safetensors", "--model named.cnn", "", false, true},
    {"net_F32.safetensors", "--model other.cnn", "", false, false},
    {"numbered.safetensors", "--model other.cnn", "", false, false},
    {"net.pth", "--model named.cnn", "", false, true},
    {"net.pth", "--model other.cnn", "", false, false},
    {"net_checkpoint.pth", "--model named.cnn", "", false, true},
    {"net_old.pth", "--model named.cnn", "", false, true},
    {"net_strided.pth", "--model named.cnn", "", false, true},
    {"sequential1.h5", "", "", true, true},
    {"sequential2.h5", "", "", true, true},
    {"functional2.h5", "", "", true, true},
    {"nested2.h5", "", "features/", true, true},
    {"functional3.keras", "", "", true, true},
    {"net.weights.h5", "--model named.cnn", "", true, true},
    {"net.weights.h5", "--model other.cnn", "", true, false},
    {"functional2.h5", "--model named.cnn", "", true, true},
};

/* Whether the command can read HDF5 files: it says so. */
static bool lacks_hdf5(void) { return strstr(output_text(), "built without libhdf5") != NULL; }

START_TEST(test_file)
{
    const int status = convert(files[_i].file, "result.cnn", files[_i].options);
    if (files[_i].hdf5 && status == 1 && lacks_hdf5()) {
        return;
    }
    ck_assert_msg(status == 0, "%s %s: %s", files[_i].file, files[_i].options, output_text());
    ck_assert_msg(strstr(output_text(), "10 parameters matched, 0 missing") != NULL, "%s", output_text());
    expect_same("result.cnn", files[_i].prefix, files[_i].layers);
    /* And again by way of the other programs' forms. */
    ck_assert_msg(convert("result.cnn", "again.safetensors", "") == 0, "%s", output_text());
    ck_assert_msg(convert("again.safetensors", "back.cnn", "--model result.cnn") == 0, "%s", output_text());
    expect_same("back.cnn", files[_i].prefix, files[_i].layers);
    if (convert("result.cnn", "again.h5", "") == 0) {
        ck_assert_msg(convert("again.h5", "back.cnn", "") == 0, "%s", output_text());
        expect_same("back.cnn", "", false);
    } else {
        ck_assert_msg(lacks_hdf5(), "%s", output_text());
    }
}
END_TEST

/* Everything that a layer is held to, as its configuration says it. */
static void expect_rules(const char *file)
{
    static const char *const says[][2] = {
        {"depthwise", "kernel_regularizer=L2(0.03125), kernel_constraint=max_norm(3, axis 0+1)"},
        {"conv", "activation=clipped_relu, alpha=2.25"},
        {"conv", "kernel_regularizer=L1L2(0.25, 0.5), bias_regularizer=L2(0.01), activity_regularizer=L1(0.125), "
                 "kernel_constraint=min_max_norm(0.5 to 1.5, axis 0+1+2), bias_constraint=non_negative()"},
        {"units", "kernel_constraint=unit_norm(axis 0)"},
    };
    cnn_model *model = NULL;
    char path[512];
    ck_assert_int_eq(cnn_model_load(context, in_folder(file, path), &model), CNN_OK);
    for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
        size_t layer = 0, size = 0;
        char *text = NULL;
        FILE *stream = open_memstream(&text, &size);
        while (strcmp(cnn_model_layer_name(model, layer), says[i][0]) != 0) {
            layer++;
        }
        ck_assert_int_eq(cnn_model_layer_configuration(model, layer, write_part, stream), CNN_OK);
        fclose(stream);
        ck_assert_msg(strstr(text, says[i][1]) != NULL, "%s: %s", file, text);
        free(text);
    }
    cnn_model_free(model);
}

/* More kinds of layers, one of them applied twice, with regularizers and constraints: in, and out again. */
START_TEST(test_more_layers)
{
    if (convert("more2.h5", "result.cnn", "") == 1 && lacks_hdf5()) {
        return;
    }
    ck_assert_msg(strstr(output_text(), "10 parameters matched, 0 missing") != NULL, "%s", output_text());
    ck_assert_msg(
        strstr(output_text(), "layer \"units\": its kernel_regularizer is of a kind that this library lacks") != NULL,
        "%s", output_text());
    expect_output("result.cnn", "more.npy");
    expect_rules("result.cnn");
    ck_assert_msg(convert("result.cnn", "again.h5", "") == 0, "%s", output_text());
    ck_assert_msg(convert("again.h5", "back.cnn", "") == 0, "%s", output_text());
    expect_output("back.cnn", "more.npy");
    expect_rules("back.cnn");
    ck_assert_msg(convert("result.cnn", "again.safetensors", "") == 0, "%s", output_text());
    ck_assert_msg(convert("again.safetensors", "back.cnn", "--model result.cnn") == 0, "%s", output_text());
    expect_output("back.cnn", "more.npy");
}
END_TEST

static const struct {
    const char *file, *options, *says;
    int status;
    bool hdf5;
} refused[] = {
    {"whole.pth", "--model named.cnn", "asks for \"torch.nn.modules.container.Sequential\" of Python", 1, false},
    {"lambda.keras", "", "layer \"pool1\" (Lambda) is a program, and no program of a file is run", 1, true},
    {"net_named_long.pth", "--model named.cnn", "a tensor with a name of more than 1,023 bytes", 1, false},
    {"net.pth", "", "holds weights without a network; --model NAME", 2, false},
    {"net.pth", "--model catdog", "does not fit \"conv2d_1/kernel\" (3, 3, 3, 32): (32, 3, 3, 3) would (--partial lets",
     1, false},
    {"list.txt", "--model named.cnn", "neither safetensors nor what torch.save() writes", 1, false},
    {"expected.npz", "--model named.cnn", "a zip archive, but not one that torch.save() writes", 1, false},
    {"nothing.h5", "", "cannot be opened", 1, false},
    {"sequential2.h5", "--names list.txt", "and the model tells 3 classes apart", 1, true},
    {"sequential2.h5", "--preprocess torchvison", "did you mean torchvision?", 2, true},
    {"nothing_left.h5", "", "layer \"scaled\" (Rescaling) multiplies by 0", 1, true},
    {"bicubic.h5", "", "layer \"larger\" (UpSampling2D) interpolates in the way \"bicubic\"", 1, true},
    {"columns.h5", "", "layer \"slopes\" (PReLU) shares its slopes along axes", 1, true},
    {"threshold.h5", "", "layer \"cut\" (ReLU) is cut off at 0, or has a threshold", 1, true},
    {"first_axis.h5", "", "the file has the channels of images first", 1, true},
};

START_TEST(test_refused)
{
    char path[512];
    const int status = convert(refused[_i].file, "result.cnn", refused[_i].options);
    if (!refused[_i].hdf5 || !lacks_hdf5()) {
        ck_assert_msg(status == refused[_i].status, "%d: %s", status, output_text());
        ck_assert_msg(strstr(output_text(), refused[_i].says) != NULL, "%s", output_text());
    }
    ck_assert_int_ne(access(in_folder("result.cnn", path), F_OK), 0);
}
END_TEST

/* Every beginning of a file, and every file with a byte changed, is read or refused with a message. The file is changed
 * where it lies: to write it anew each time would wait for the disk, tens of thousands of times. */
static void try_damaged(const char *name)
{
    char path[512];
    static char data[65536];
    cnn_weights *weights = NULL;
    const int file = open(in_folder(name, path), O_RDWR);
    ck_assert_int_ge(file, 0);
    const ssize_t size = read(file, data, sizeof(data));
    ck_assert_int_gt(size, 0);
    for (ssize_t i = 0; i < 2 * size; i++) {
        const bool cut = i >= size;
        const ssize_t at = cut ? 2 * size - 1 - i : i; /* from the end on, after all bytes are as they were */
        const char changed = (char)(data[at] ^ 0x41);
        ck_assert_int_eq(cut ? ftruncate(file, at) : pwrite(file, &changed, 1, at) - 1, 0);
        const cnn_status status = cnn_weights_open(context, path, &weights);
        ck_assert_msg(status == CNN_OK || strlen(cnn_last_error(context)) > 10, "%s, byte %zd", name, at);
        ck_assert_msg(!cut || status != CNN_OK, "%s is read when cut at %zd", name, at);
        cnn_weights_free(weights);
        weights = NULL;
        ck_assert_int_eq(cut ? 1 : pwrite(file, &data[at], 1, at), 1);
    }
    ck_assert_int_eq(close(file), 0);
}

START_TEST(test_damaged)
{
    static const char *const names[] = {"net.pth", "net_old.pth", "net_F16.safetensors"};
    try_damaged(names[_i]);
}
END_TEST

/* What `cnn convert --preprocess` gives a model of 20 x 30 pixels, by docs/exchange.md. */
static const char *const presets[][2] = {
    {"torchvision", "resize_short=23:bilinear:full,center_crop=20x30,normalize="
                    "mean=0.485/0.456/0.406:std=0.229/0.224/0.225"},
    {"keras-caffe", "resize=20x30:nearest,bgr,scale=255,subtract=103.939/116.779/123.68"},
    {"keras-tf", "resize=20x30:nearest,normalize=mean=0.5:std=0.5"},
    {"keras-torch", "resize=20x30:nearest,normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225"},
    {"unit", "resize=20x30:bilinear"},
};

/* ImageNet's classes and a preset; then a prediction that tells number, id, name and probability. */
START_TEST(test_names)
{
    cnn_model *model = NULL;
    char path[512], options[100], command[2048];
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.input = {20, 30, 3}), &model), CNN_OK);
    cnn_model_add(model, cnn_global_average_pool2d(context, NULL));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 1000, .activation = CNN_SOFTMAX)));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    cnn_parameter bias = CNN_PARAMETER_INIT;
    ck_assert_int_eq(cnn_model_parameter(model, 1, &bias), CNN_OK);
    bias.value.data[386] = 100; /* whatever the image */
    bias.value.data[0] = 90;
    cnn_model_touch(model);
    ck_assert_int_eq(cnn_model_save(model, in_folder("wide.cnn", path)), CNN_OK);
    cnn_model_free(model);
    snprintf(command, sizeof(command), "cd '%s' && '%s' predict wide.cnn nothing.png >out.txt 2>&1", folder,
             getenv("CNN_COMMAND"));
    ck_assert_int_ne(system(command), 0);
    ck_assert_msg(strstr(output_text(), "`cnn convert wide.cnn NEW --preprocess STEPS`") != NULL, "%s", output_text());
    snprintf(options, sizeof(options), "--names imagenet --preprocess %s", presets[_i][0]);
    ck_assert_msg(convert("wide.cnn", "named.cnn", options) == 0, "%s", output_text());
    ck_assert_int_eq(cnn_model_load(context, in_folder("named.cnn", path), &model), CNN_OK);
    ck_assert_str_eq(cnn_pipeline_text(cnn_model_pipeline(model)), presets[_i][1]);
    ck_assert_uint_eq(cnn_model_class_count(model), 1000);
    ck_assert_str_eq(cnn_model_class_name(model, 386), "n02504458 African_elephant");
    cnn_model_free(model);
    cnn_image *image = NULL;
    ck_assert_int_eq(cnn_image_create(context, 40, 50, 3, &image), CNN_OK);
    ck_assert_int_eq(cnn_image_save(image, in_folder("grey.png", path), NULL), CNN_OK);
    cnn_image_free(image);
    snprintf(command, sizeof(command), "cd '%s' && '%s' predict named.cnn grey.png --topk 2 --json >out.txt 2>&1",
             folder, getenv("CNN_COMMAND"));
    ck_assert_msg(system(command) == 0, "%s", output_text());
    static const char *const says[] = {"\"number\": 386", "\"id\": \"n02504458\"", "\"African_elephant\"",
                                       "\"number\": 0",   "\"n01440764\"",         "\"tench\""};
    for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
        ck_assert_msg(strstr(output_text(), says[i]) != NULL, "%s: %s", says[i], output_text());
    }
}
END_TEST

static cnn_status note_weight(void *user, const cnn_weight *weight, const float *values)
{
    (void)values;
    snprintf(user, 64, "%s %u", weight->name, weight->shape.rank);
    return CNN_OK;
}

/* Numbers for each channel, as an imported LayerNorm has them, have a name in PyTorch's layout; those for each place,
 * whose axes would be others there, have none. */
START_TEST(test_numbers)
{
    static const int32_t shapes[][3] = {{4}, {1, 1, 4}, {3, 2, 4}};
    cnn_model *model = NULL;
    char told[64] = "";
    ck_assert_int_eq(cnn_model_create(context, CNN_MODEL(.name = "m", .input = {3, 2, 4}), &model), CNN_OK);
    const int32_t *shape = shapes[_i];
    cnn_model_add(model, cnn_arithmetic(context, CNN_ARITHMETIC(.name = "scale", .function = CNN_MAP_MULTIPLY,
                                                                .shape = {shape[0], shape[1], shape[2]})));
    ck_assert_int_eq(cnn_model_build(model), CNN_OK);
    ck_assert_int_eq(cnn_model_export(model, CNN_WEIGHTS_PYTORCH, note_weight, told),
                     _i < 2 ? CNN_OK : CNN_ERROR_UNSUPPORTED);
    ck_assert_str_eq(told, _i == 0 ? "scale.value 1" : _i == 1 ? "scale.value 3" : "");
    ck_assert_int_eq(cnn_model_export(model, CNN_WEIGHTS_KERAS, note_weight, told), CNN_ERROR_UNSUPPORTED);
    cnn_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange/files");
    TCase *tcase = tcase_create("files");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_file, 0, (int)(sizeof(files) / sizeof(files[0])));
    tcase_add_test(tcase, test_more_layers);
    tcase_add_loop_test(tcase, test_names, 0, (int)(sizeof(presets) / sizeof(presets[0])));
    tcase_add_loop_test(tcase, test_numbers, 0, 3);
    tcase_add_loop_test(tcase, test_refused, 0, (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_loop_test(tcase, test_damaged, 0, 3);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
