/* SPDX-License-Identifier: MIT */
/* The table of training defaults. */
#include "tool_recipe.h"

#include <string.h>

/* AlexNet's 227 out of 256. */
#define MARGIN (256.0f / 227.0f)

static const tool_recipe recipes[] = {
    {"alexnet", "momentum", "tensorflow1", 0.01f, 256, 300, "bilinear", 3, "the article's program", 5e-4f,
     MARGIN, true, "plateau:patience=30", "wrap"},
    {"alexnet-paper", "momentum", "keras", 0.01f, 128, 90, "bilinear", 3,
     "Krizhevsky et al. 2012, whose velocity holds the learning rate, as Keras's", 5e-4f, MARGIN, true,
     "plateau", NULL},
    {"catdog", "rmsprop", "keras", 1e-4f, 20, 30, "nearest", 3, "Chollet 2017; Keras resizes by nearest", 0, 0, false,
     NULL, NULL},
    {"fashion-cnn", "adam", "pytorch", 1e-3f, 100, 5, "bilinear", 1, "as usual with PyTorch", 0, 0, false, NULL, NULL},
    {"fashion-dnn", "adam", "pytorch", 1e-3f, 100, 5, "bilinear", 1, "as usual with PyTorch", 0, 0, false, NULL, NULL},
};

static const tool_recipe common_recipe = {
    "any other", "adam", "pytorch", 1e-3f, 32, 10, "bilinear", 3, "model files too", 0, 0, false, NULL, NULL,
};

#define RECIPES (sizeof(recipes) / sizeof(recipes[0]))

const tool_recipe *tool_find_recipe(const char *model)
{
    for (size_t i = 0; i < RECIPES; i++) {
        if (strcmp(recipes[i].model, model) == 0) {
            return &recipes[i];
        }
    }
    return &common_recipe;
}

void tool_print_recipes(tool *run)
{
    tool_print(run, "Defaults of the models:\n");
    for (size_t i = 0; i <= RECIPES; i++) {
        const tool_recipe *recipe = i < RECIPES ? &recipes[i] : &common_recipe;
        tool_print(run, "  %-13s %s (%s), learning rate %g, batch %u, %u epochs, resize by %s\n",
                   recipe->model, recipe->optimizer, recipe->convention, (double)recipe->learning_rate,
                   (unsigned)recipe->batch, (unsigned)recipe->epochs, recipe->filter);
        if (recipe->weight_decay > 0) {
            tool_print(run, "               weight decay %g, random crops and flips, mean of the training images"
                            " subtracted\n", (double)recipe->weight_decay);
        }
        if (recipe->schedule != NULL) {
            tool_print(run, "               schedule %s\n", recipe->schedule);
        }
        if (recipe->last_batch != NULL) {
            tool_print(run, "               last batch of an epoch: %s\n", recipe->last_batch);
        }
        tool_print(run, "               (%s)\n", recipe->reason);
    }
}
