/* SPDX-License-Identifier: MIT */
/* Layers and activations of Keras that lists of keys cannot describe, in and out. */
#include <math.h>
#include <string.h>

#include "core/options.h"
#include "exchange/keras_table.h"

/* ---- rectifiers ---- */

bool cnn__keras_rectifier(const cnn__json *config, const char **activation, double *alpha)
{
    double most = 0, slope = 0, threshold = 0;
    const bool cut = cnn__json_to_real(cnn__json_get(config, "max_value"), &most);
    (void)cnn__json_to_real(cnn__json_get(config, "negative_slope"), &slope);
    (void)cnn__json_to_real(cnn__json_get(config, "threshold"), &threshold);
    *activation = cut && most == 6 ? "relu6" : cut ? "clipped_relu" : slope != 0 ? "leaky_relu" : "relu";
    *alpha = cut && most != 6 ? most : slope;
    return threshold == 0 && !(cut && (slope != 0 || most <= 0));
}

cnn_status cnn__keras_relu(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    const char *activation = NULL;
    double alpha = 0;
    if (!cnn__keras_rectifier(layer->config, &activation, &alpha)) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                               "is cut off at 0, or has a threshold, or a slope with a largest value: neither can be");
    }
    cnn__json_put_string(options, "activation", activation);
    if (alpha != 0) {
        cnn__json_put_real(options, "alpha", alpha);
    }
    return CNN_OK;
}

const char *cnn__keras_relu_out(const cnn__keras_out *layer, cnn__json_writer *config)
{
    double most = 6; /* of relu6, which has no alpha that counts */
    const char *activation = cnn__json_text(cnn__json_get(layer->options, "activation"));
    if (activation != NULL && strcmp(activation, "clipped_relu") == 0) {
        (void)cnn__json_to_real(cnn__json_get(layer->options, "alpha"), &most);
    }
    cnn__json_put_real(config, "max_value", most);
    return NULL;
}

static void put_layer_activation(const char *name, const char *class_name, const char *key, double value,
                                 cnn__json_writer *config)
{
    cnn__json_open(config, name, '{');
    cnn__json_put_string(config, "class_name", class_name);
    cnn__json_open(config, "config", '{');
    cnn__json_put_string(config, "name", key);
    cnn__json_put_real(config, key, value);
    cnn__json_close(config, '}');
    cnn__json_close(config, '}');
}

/* Numbers of activations that are layers there. */
static const struct {
    const char *own, *class_name, *key;
    double number; /* where alpha is not read; 0: it is */
} numbered[] = {
    {"relu6", "ReLU", "max_value", 6},
    {"clipped_relu", "ReLU", "max_value", 0},
    {"leaky_relu", "LeakyReLU", "alpha", 0},
    {"elu", "ELU", "alpha", 0},
};

const char *cnn__keras_activation_out(const cnn__json *options, const char *name, const char *own,
                                      cnn__json_writer *config)
{
    double alpha = 0;
    (void)cnn__json_to_real(cnn__json_get(options, "alpha"), &alpha);
    for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {
        if (strcmp(numbered[i].own, own) == 0 && !(strcmp(own, "elu") == 0 && alpha == 1)) {
            put_layer_activation(name, numbered[i].class_name, numbered[i].key,
                                 numbered[i].number != 0 ? numbered[i].number : alpha, config);
            return NULL;
        }
    }
    if (strcmp(own, "hard_sigmoid") == 0 && fabs(alpha - 0.2) > 1e-6) {
        return "a hard sigmoid with another slope than 0.2";
    }
    for (size_t i = 0; i < cnn__keras_activation_count; i++) {
        if (strcmp(cnn__keras_activations[i].own, own) == 0) {
            cnn__json_put_string(config, name, cnn__keras_activations[i].keras);
            return NULL;
        }
    }
    return "an activation";
}

/* ---- shapes ---- */

/* A list of whole numbers into one of `most`, which ends with zeros. */
static cnn_status put_padded(const cnn__keras *keras, const cnn__keras_layer *layer, const char *key, const char *field,
                             int64_t least, cnn__json_writer *options)
{
    int64_t numbers[CNN_MAX_RANK - 1] = {0};
    const cnn__json *list = cnn__keras_list(cnn__json_get(layer->config, key));
    const size_t count = cnn__json_count(list), most = sizeof(numbers) / sizeof(numbers[0]);
    bool good = cnn__json_is(list, CNN__JSON_ARRAY) && count > 0 && count <= most &&
                cnn__keras_wholes(list, numbers, count);
    for (size_t i = 0; i < count && good; i++) {
        good = numbers[i] >= least && numbers[i] != 0 && numbers[i] <= INT32_MAX;
    }
    if (!good) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_FORMAT, "has a \"%s\" that is not a list of sizes or axes", key);
    }
    if (keras->channels_first) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                               "counts axes, and the file has the channels of images first: they are last here");
    }
    cnn__keras_put_list(options, field, numbers, most);
    return CNN_OK;
}

cnn_status cnn__keras_reshape(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    return put_padded(keras, layer, "target_shape", "shape", -1, options);
}

cnn_status cnn__keras_permute(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    return put_padded(keras, layer, "dims", "order", 1, options);
}

/* Up to the first 0. */
static const char *list_out(const cnn__json *list, const char *key, cnn__json_writer *config)
{
    int64_t numbers[CNN_MAX_RANK] = {0};
    size_t count = 0;
    for (const cnn__json *item = cnn__json_first(list); item != NULL && count < CNN_MAX_RANK;
         item = cnn__json_next(list, item)) {
        if (!cnn__json_to_int(item, &numbers[count]) || numbers[count] == 0) {
            break;
        }
        count++;
    }
    cnn__keras_put_list(config, key, numbers, count);
    return NULL;
}

const char *cnn__keras_reshape_out(const cnn__keras_out *layer, cnn__json_writer *config)
{
    return list_out(cnn__json_get(layer->options, "shape"), "target_shape", config);
}

const char *cnn__keras_permute_out(const cnn__keras_out *layer, cnn__json_writer *config)
{
    return list_out(cnn__json_get(layer->options, "order"), "dims", config);
}

/* ---- resampling ---- */

cnn_status cnn__keras_up_sampling(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    const cnn__json *given = cnn__json_get(layer->config, "interpolation");
    const char *word = cnn__json_text(given);
    if (given != NULL && (word == NULL || (strcmp(word, "nearest") != 0 && strcmp(word, "bilinear") != 0))) {
        char text[40];
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                               "interpolates in the way \"%s\"; nearest and bilinear can be",
                               cnn__printable(word != NULL ? word : "", text, sizeof(text)));
    }
    cnn__json_put_string(options, "interpolation", word != NULL ? word : "nearest");
    return CNN_OK;
}

const char *cnn__keras_up_sampling_out(const cnn__keras_out *layer, cnn__json_writer *config)
{
    const char *word = cnn__json_text(cnn__json_get(layer->options, "interpolation"));
    cnn__json_put_string(config, "interpolation", word != NULL ? word : "nearest");
    return NULL;
}

/* ---- rescaling ---- */

enum { MOST = CNN_RESCALE_MOST_CHANNELS };

/* One number, or one for each channel; their count, 0: none that can be read. */
static size_t read_reals(const cnn__json *value, double numbers[MOST])
{
    const cnn__json *list = cnn__keras_list(value);
    size_t count = 0;
    if (cnn__json_to_real(list, &numbers[0])) {
        return 1;
    }
    if (!cnn__json_is(list, CNN__JSON_ARRAY) || cnn__json_count(list) > MOST) {
        return 0;
    }
    for (const cnn__json *item = cnn__json_first(list); item != NULL; item = cnn__json_next(list, item)) {
        if (!cnn__json_to_real(item, &numbers[count++])) {
            return 0;
        }
    }
    return count;
}

static void put_reals(cnn__json_writer *writer, const char *name, const double *numbers, size_t count, size_t given)
{
    cnn__json_open(writer, name, '[');
    for (size_t i = 0; i < count; i++) {
        cnn__json_put_real(writer, NULL, numbers[given == 1 ? 0 : i]);
    }
    cnn__json_close(writer, ']');
}

cnn_status cnn__keras_rescaling(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    double scale[MOST] = {0}, offset[MOST] = {0};
    const cnn__json *shift = cnn__json_get(layer->config, "offset");
    const size_t scales = read_reals(cnn__json_get(layer->config, "scale"), scale);
    const size_t offsets = shift != NULL ? read_reals(shift, offset) : 1;
    const size_t count = scales > offsets ? scales : offsets;
    if (scales == 0 || offsets == 0 || (scales != offsets && scales != 1 && offsets != 1)) {
        return cnn__keras_fail(
            keras, layer, CNN_ERROR_UNSUPPORTED,
            "has a scale or an offset that is neither a number nor one for each of up to %d channels", MOST);
    }
    if (count > 1 && keras->channels_first) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                               "has numbers along the last axis, and the file has the channels of images first");
    }
    for (size_t i = 0; i < scales; i++) {
        if ((float)scale[i] == 0) {
            return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                                   "multiplies by 0: nothing is left of the image");
        }
    }
    put_reals(options, "scale", scale, count, scales);
    put_reals(options, "offset", offset, count, offsets);
    if (count > 1) {
        cnn__json_put_int(options, "channels", (int64_t)count);
    }
    return CNN_OK;
}

const char *cnn__keras_rescaling_out(const cnn__keras_out *layer, cnn__json_writer *config)
{
    static const char *const keys[] = {"scale", "offset"};
    int64_t channels = 0;
    (void)cnn__json_to_int(cnn__json_get(layer->options, "channels"), &channels);
    for (size_t k = 0; k < 2; k++) {
        double numbers[MOST] = {0}; /* zeros at the end are not in the file */
        (void)read_reals(cnn__json_get(layer->options, keys[k]), numbers);
        if (channels == 0) {
            cnn__json_put_real(config, keys[k], numbers[0]);
        } else {
            put_reals(config, keys[k], numbers, (size_t)channels, (size_t)channels);
        }
    }
    return NULL;
}

/* ---- learnt slopes ---- */

/* Which axes share a slope: those of an image's places, all, or none. */
cnn_status cnn__keras_prelu(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    int64_t axes[CNN_MAX_RANK] = {0};
    const cnn__json *list = cnn__keras_list(cnn__json_get(layer->config, "shared_axes"));
    const size_t count = cnn__json_count(list);
    bool good = count < CNN_MAX_RANK && (count == 0 || cnn__keras_wholes(list, axes, count));
    const int64_t first = keras->channels_first && count == 2 ? 2 : 1;
    for (size_t i = 0; i < count && good; i++) {
        good = axes[i] == first + (int64_t)i;
    }
    if (good && count == 0 && keras->channels_first) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                               "has a slope for each place, and the file has the channels of images first");
    }
    if (!good) {
        return cnn__keras_fail(keras, layer, CNN_ERROR_UNSUPPORTED,
                               "shares its slopes along axes that are neither all nor those before the channels");
    }
    cnn__json_put_string(options, "slopes", count == 0 ? "position" : count == 3 ? "one" : "channel");
    return CNN_OK;
}

const char *cnn__keras_prelu_out(const cnn__keras_out *layer, cnn__json_writer *config)
{
    int64_t axes[CNN_MAX_RANK];
    const size_t places = layer->input->rank - 1; /* all but channels */
    const char *slopes = cnn__json_text(cnn__json_get(layer->options, "slopes"));
    const bool one = slopes != NULL && strcmp(slopes, "one") == 0;
    const bool channel = slopes != NULL && strcmp(slopes, "channel") == 0;
    for (size_t i = 0; i <= places; i++) {
        axes[i] = (int64_t)i + 1;
    }
    cnn__keras_put_list(config, "shared_axes", axes, one ? places + 1 : channel ? places : 0);
    return NULL;
}

/* ---- poolings of all places that keep their axes ---- */

cnn_status cnn__keras_kept(cnn__keras *keras, const cnn__keras_layer *layer, cnn__json_writer *options)
{
    static const int64_t size[2] = {1, 1};
    (void)keras;
    (void)layer;
    cnn__keras_put_list(options, "size", size, 2);
    return CNN_OK;
}

const char *cnn__keras_kept_out(const cnn__keras_out *layer, cnn__json_writer *config)
{
    int64_t size[2] = {0, 0};
    (void)config;
    return cnn__keras_wholes(cnn__json_get(layer->options, "size"), size, 2) && size[0] == 1 && size[1] == 1
               ? NULL
               : "a size other than 1 x 1";
}
