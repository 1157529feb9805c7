/* SPDX-License-Identifier: MIT */
/* Layers whose names are Keras's while torchvision tells its modules by numbers: those of VGG, of any depth. */
#include <stdio.h>
#include <string.h>

#include "exchange/weights.h"
#include "model/model.h"

static const char *const dense_names[][2] = {
    {"fc1", "classifier.0"},
    {"fc2", "classifier.3"},
    {"predictions", "classifier.6"},
};

/* Whether `name` is "block3_conv2": the block's number. */
static bool is_convolution(const char *name, int *block)
{
    static const char pattern[] = "block#_conv#"; /* where # stands for a digit above 0 */
    size_t i = 0;
    while (i < sizeof(pattern) && (pattern[i] == '#' ? name[i] >= '1' && name[i] <= '9' : name[i] == pattern[i])) {
        i++;
    }
    *block = i == sizeof(pattern) ? name[5] - '0' : 0;
    return *block > 0;
}

/* Convolutions of the network whose layers' names begin with `size` bytes of `prefix`, before `node`. */
static int count_convolutions(const cnn_model *model, const char *prefix, size_t size, uint32_t node)
{
    int count = 0, block = 0;
    for (uint32_t i = 0; i < node; i++) {
        const char *name = model->nodes[i].name;
        count += strncmp(name, prefix, size) == 0 && is_convolution(name + size, &block);
    }
    return count;
}

const char *cnn__torch_name(const cnn_model *model, uint32_t node, const char *name, char torch[CNN__TORCH_NAME])
{
    const char *whole = model->nodes[node].name;
    const size_t size = (size_t)(name - whole);
    int block = 0;
    if (is_convolution(name, &block)) { /* each is two modules, with its ReLU, and each block before it has a pooling */
        snprintf(torch, CNN__TORCH_NAME, "features.%d", 2 * count_convolutions(model, whole, size, node) + block - 1);
        return torch;
    }
    for (size_t i = 0; i < sizeof(dense_names) / sizeof(dense_names[0]); i++) {
        if (strcmp(dense_names[i][0], name) == 0 && count_convolutions(model, whole, size, node) > 0) {
            return dense_names[i][1];
        }
    }
    return NULL;
}
