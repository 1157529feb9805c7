/* SPDX-License-Identifier: MIT */
/* How a model is trained if the command line does not say otherwise. */
#ifndef CNN_TOOL_RECIPE_H
#define CNN_TOOL_RECIPE_H

#include "tool.h"

typedef struct tool_recipe {
    const char *model;      /* zoo name */
    const char *optimizer;  /* as --optimizer takes it */
    const char *convention; /* as --convention takes it */
    float learning_rate;
    uint32_t batch, epochs;
    const char *filter; /* of the resize step; bilinear:antialias=0 looks at four neighbours alone */
    uint32_t channels;  /* of the images */
    const char *reason; /* where it comes from, for the help */
    float weight_decay;
    float margin;         /* training crops come out of a resize this much larger, and are mirrored; 0: no such thing */
    bool mean;            /* the mean of the training images is subtracted */
    const char *schedule; /* as --schedule takes it; NULL: the learning rate stays as it is */
    bool parts;           /* training images are parts of random size and proportions; the margin is that of prediction,
                             which sees the middle */
    const char *normalize;  /* the step that ends the preprocessing of RGB images if --mean is not given; NULL: none */
    const char *last_batch; /* as --last-batch takes it; NULL: keep */
    const char *groups;     /* as --groups takes them; NULL: none */
    const char *whiten;     /* as --whiten takes it; NULL: none */
    double label_smoothing;
    uint32_t pad; /* training images are mirrored in every other epoch, and moved by up to so many pixels, their borders
                     mirrored; 0: no such thing */
    const char *views; /* of each image in validation and ever after, as --tta takes them; NULL: one */
    bool batch_values; /* what is told of the training images is what an epoch's last batch gave */
} tool_recipe;

/* The recipe of a model; files and other names get a common one. */
const tool_recipe *tool_find_recipe(const char *model);
void tool_print_recipes(tool *run);

/* What --optimizer and its companions say. */
typedef struct tool_rule {
    const char *optimizer;                                   /* a text for cnn_optimizer_create() */
    const char *convention;                                  /* NULL: the text has it */
    double learning_rate, momentum, weight_decay, clip_norm; /* NaN: not given */
} tool_rule;

extern const char *const tool_convention_names[];

/* Fills in what was not given from the recipe. */
tool_rule tool_complete_rule(const tool_rule *given, const tool_recipe *recipe);
cnn_status tool_create_optimizer(cnn_context *context, const tool_rule *rule, cnn_optimizer **optimizer);
/* ", momentum 0.9, weight decay 0.0005": those that are not 0 and that the rule's text does not say itself. */
void tool_rule_numbers(const tool_rule *rule, char *text, size_t size);
/* What --optimizer and --loss may be. */
void tool_print_optimizers(tool *run);

#endif
