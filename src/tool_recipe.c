/* SPDX-License-Identifier: MIT */
/* The table of training defaults. */
#include "tool_recipe.h"

#include <string.h>

/* AlexNet's 227 out of 256. */
#define MARGIN (256.0f / 227.0f)
/* torchvision's 224 out of 256, and what it does to all values. */
#define TORCHVISION_MARGIN (256.0f / 224.0f)
#define TORCHVISION_NORMALIZE "normalize=mean=0.485/0.456/0.406:std=0.229/0.224/0.225"

/* Networks of torchvision from nothing on a few thousand images: its pictures, and an optimizer that needs little
 * tuning. */
#define TORCHVISION(name, size)                                                                             \
    {                                                                                                       \
        .model = name, .reason = "images as in torchvision's reference training", .optimizer = "adam",      \
        .convention = "pytorch", .learning_rate = 1e-3f, .batch = size, .epochs = 30, .filter = "bilinear", \
        .channels = 3, .margin = TORCHVISION_MARGIN, .schedule = "cosine", .parts = true,                   \
        .normalize = TORCHVISION_NORMALIZE                                                                  \
    }

static const tool_recipe recipes[] = {
    {.model = "alexnet",
     .reason = "the article's program",
     .optimizer = "momentum",
     .convention = "tensorflow1",
     .learning_rate = 0.01f,
     .weight_decay = 5e-4f,
     .batch = 256,
     .epochs = 300,
     .filter = "bilinear:antialias=0",
     .channels = 3,
     .margin = MARGIN,
     .mean = true,
     .schedule = "plateau:patience=30",
     .last_batch = "wrap",
     .views = "ten-crop",
     .batch_values = true},
    {.model = "alexnet-paper",
     .reason = "Krizhevsky et al. 2012, whose velocity holds the learning rate, as Keras's",
     .optimizer = "momentum",
     .convention = "keras",
     .learning_rate = 0.01f,
     .weight_decay = 5e-4f,
     .batch = 128,
     .epochs = 90,
     .filter = "bilinear",
     .channels = 3,
     .margin = MARGIN,
     .mean = true,
     .schedule = "plateau"},
    {.model = "catdog",
     .reason = "Chollet 2017; Keras resizes by nearest",
     .optimizer = "rmsprop",
     .convention = "keras",
     .learning_rate = 1e-4f,
     .batch = 20,
     .epochs = 30,
     .filter = "nearest",
     .channels = 3},
    {.model = "catdog-vgg16",
     .reason = "Chollet 2017, all layers trained; Keras resizes by nearest",
     .optimizer = "rmsprop",
     .convention = "keras",
     .learning_rate = 2e-5f,
     .batch = 20,
     .epochs = 100,
     .filter = "nearest",
     .channels = 3},
    {.model = "cifar-cnn",
     .reason = "as usual with Keras",
     .optimizer = "adam",
     .convention = "keras",
     .learning_rate = 1e-3f,
     .batch = 64,
     .epochs = 20,
     .filter = "bilinear",
     .channels = 3},
    {.model = "cifar-fast",
     .reason = "airbench94 (Jordan 2024)",
     .optimizer = "nesterov:momentum=0.85",
     .convention = "pytorch",
     .learning_rate = 1.5f,
     .weight_decay = 1.33e-3f,
     .batch = 1024,
     .epochs = 10,
     .filter = "bilinear",
     .channels = 3,
     .schedule = "triangular:peak=0.23,start=0.2,end=0.07",
     .normalize = "normalize=mean=0.4914/0.4822/0.4465:std=0.247/0.2435/0.2616",
     .last_batch = "drop",
     .groups = "*/beta:factor=64,weight_decay=2.08e-5",
     .whiten = "whiten",
     .label_smoothing = 0.2,
     .pad = 2,
     .views = "shift=0/0/1/1/-1/-1"},
    {.model = "fashion-cnn",
     .reason = "as usual with PyTorch",
     .optimizer = "adam",
     .convention = "pytorch",
     .learning_rate = 1e-3f,
     .batch = 100,
     .epochs = 5,
     .filter = "bilinear",
     .channels = 1},
    {.model = "fashion-dnn",
     .reason = "as usual with PyTorch",
     .optimizer = "adam",
     .convention = "pytorch",
     .learning_rate = 1e-3f,
     .batch = 100,
     .epochs = 5,
     .filter = "bilinear",
     .channels = 1},
    TORCHVISION("densenet121", 32),
    TORCHVISION("efficientnet-b0", 32),
    TORCHVISION("googlenet", 32),
    TORCHVISION("inception-v3", 32),
    TORCHVISION("mobilenet-v2", 32),
    TORCHVISION("mobilenet-v3-large", 32),
    TORCHVISION("resnet18", 32),
    TORCHVISION("resnet34", 32),
    TORCHVISION("resnet50", 32),
    TORCHVISION("resnet101", 16),
    TORCHVISION("resnet152", 16),
    {.model = "mobilenet",
     .reason = "values from -1 to 1, as Keras's weights of it read",
     .optimizer = "adam",
     .convention = "keras",
     .learning_rate = 1e-3f,
     .batch = 32,
     .epochs = 30,
     .filter = "bilinear",
     .channels = 3,
     .margin = TORCHVISION_MARGIN,
     .schedule = "cosine",
     .parts = true,
     .normalize = "normalize=mean=0.5:std=0.5"},
    {.model = "resnet50-keras",
     .reason = "TensorFlow's model garden: 0.1 for 256 images, steps after 30, 60 and 80 epochs",
     .optimizer = "momentum",
     .convention = "keras",
     .learning_rate = 0.0125f,
     .batch = 32,
     .epochs = 90,
     .filter = "bilinear",
     .channels = 3,
     .schedule = "step:every=30"},
    {.model = "vgg11",
     .reason = "Simonyan and Zisserman 2015; images as in torchvision's reference training",
     .optimizer = "momentum",
     .convention = "pytorch",
     .learning_rate = 0.01f,
     .weight_decay = 5e-4f,
     .batch = 32,
     .epochs = 74,
     .filter = "bilinear",
     .channels = 3,
     .margin = TORCHVISION_MARGIN,
     .schedule = "plateau",
     .parts = true,
     .normalize = TORCHVISION_NORMALIZE},
    {.model = "vgg13",
     .reason = "Simonyan and Zisserman 2015; images as in torchvision's reference training",
     .optimizer = "momentum",
     .convention = "pytorch",
     .learning_rate = 0.01f,
     .weight_decay = 5e-4f,
     .batch = 32,
     .epochs = 74,
     .filter = "bilinear",
     .channels = 3,
     .margin = TORCHVISION_MARGIN,
     .schedule = "plateau",
     .parts = true,
     .normalize = TORCHVISION_NORMALIZE},
    {.model = "vgg16",
     .reason = "Simonyan and Zisserman 2015; images as in torchvision's reference training",
     .optimizer = "momentum",
     .convention = "pytorch",
     .learning_rate = 0.01f,
     .weight_decay = 5e-4f,
     .batch = 32,
     .epochs = 74,
     .filter = "bilinear",
     .channels = 3,
     .margin = TORCHVISION_MARGIN,
     .schedule = "plateau",
     .parts = true,
     .normalize = TORCHVISION_NORMALIZE},
    {.model = "vgg19",
     .reason = "Simonyan and Zisserman 2015; images as in torchvision's reference training",
     .optimizer = "momentum",
     .convention = "pytorch",
     .learning_rate = 0.01f,
     .weight_decay = 5e-4f,
     .batch = 32,
     .epochs = 74,
     .filter = "bilinear",
     .channels = 3,
     .margin = TORCHVISION_MARGIN,
     .schedule = "plateau",
     .parts = true,
     .normalize = TORCHVISION_NORMALIZE},
    {.model = "xai",
     .reason = "as usual with PyTorch",
     .optimizer = "adam",
     .convention = "pytorch",
     .learning_rate = 1e-3f,
     .batch = 32,
     .epochs = 30,
     .filter = "bilinear",
     .channels = 3},
    {.model = "xception",
     .reason = "values from -1 to 1, as Keras's weights of it read",
     .optimizer = "adam",
     .convention = "keras",
     .learning_rate = 1e-3f,
     .batch = 32,
     .epochs = 30,
     .filter = "bilinear",
     .channels = 3,
     .margin = TORCHVISION_MARGIN,
     .schedule = "cosine",
     .parts = true,
     .normalize = "normalize=mean=0.5:std=0.5"},
};

static const tool_recipe common_recipe = {.model = "any other",
                                          .reason = "model files too",
                                          .optimizer = "adam",
                                          .convention = "pytorch",
                                          .learning_rate = 1e-3f,
                                          .batch = 32,
                                          .epochs = 10,
                                          .filter = "bilinear",
                                          .channels = 3};

#define RECIPES (sizeof(recipes) / sizeof(recipes[0]))

const tool_recipe *tool_find_recipe(const char *model)
{
    for (size_t i = 0; i < RECIPES; i++) {
        if (tool_names_zoo(model, recipes[i].model)) {
            return &recipes[i];
        }
    }
    return &common_recipe;
}

static const char *centring(const tool_recipe *recipe)
{
    return recipe->mean                                            ? "mean of the training images subtracted"
           : strcmp(recipe->normalize, TORCHVISION_NORMALIZE) == 0 ? "ImageNet's mean and deviation"
                                                                   : "values from -1 to 1";
}

void tool_print_recipes(tool *run)
{
    tool_print(run, "Defaults of the models:\n");
    for (size_t i = 0; i <= RECIPES; i++) {
        const tool_recipe *recipe = i < RECIPES ? &recipes[i] : &common_recipe;
        tool_print(run, "  %-18s %s (%s), learning rate %g, batch %u, %u epochs, resize by %s\n", recipe->model,
                   recipe->optimizer, recipe->convention, (double)recipe->learning_rate, (unsigned)recipe->batch,
                   (unsigned)recipe->epochs,
                   strchr(recipe->filter, ':') != NULL ? "bilinear without antialiasing" : recipe->filter);
        if (recipe->weight_decay > 0) {
            tool_print(run, "                     weight decay %g\n", (double)recipe->weight_decay);
        }
        if (recipe->margin > 0) {
            tool_print(run, "                     random %s and flips, %s\n", recipe->parts ? "resized crops" : "crops",
                       centring(recipe));
        }
        if (recipe->pad > 0) {
            tool_print(run, "                     alternating flips, crops by %u mirrored pixels, label smoothing %g\n",
                       (unsigned)recipe->pad, recipe->label_smoothing);
        }
        if (recipe->views != NULL) {
            const bool ten = strcmp(recipe->views, "ten-crop") == 0;
            tool_print(run, "                     validates and predicts by %s of each image\n",
                       ten ? "ten crops" : recipe->views);
        }
        if (recipe->groups != NULL) {
            tool_print(run, "                     groups %s; whitened %s\n", recipe->groups, recipe->whiten);
        }
        if (recipe->schedule != NULL) {
            tool_print(run, "                     schedule %s\n", recipe->schedule);
        }
        if (recipe->batch_values) {
            tool_print(run, "                     tells what an epoch's last batch gave, its loss with the L2 term\n");
        }
        if (recipe->last_batch != NULL) {
            tool_print(run, "                     last batch of an epoch: %s\n", recipe->last_batch);
        }
        tool_print(run, "                     (%s)\n", recipe->reason);
    }
}
