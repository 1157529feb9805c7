/* SPDX-License-Identifier: MIT */
/* Names without those of the models around them: what is "vgg16/block1_conv1" in a network that has the model vgg16 as
 * one of its layers is "block1_conv1" in that model's own file. */
#ifndef CNN_FORMAT_INNER_H
#define CNN_FORMAT_INNER_H

#include "core/error.h"
#include "core/table.h"

/* What is left of many names; the names must outlive it. */
typedef struct cnn__inner_names {
    cnn__table names;
    cnn__table doubled; /* what two models have inside tells of neither */
} cnn__inner_names;

/* The name inside the outermost model; NULL if it is in none. */
const char *cnn__inner_name(const char *name);

void cnn__inner_init(cnn__inner_names *inner, cnn_context *context);
/* Enters what is inside each model of a name, as long as it has so many '/'. */
cnn_status cnn__inner_add(cnn__inner_names *inner, const char *name, size_t least, size_t value);
/* False if the name is inside no model, or inside several. */
bool cnn__inner_find(const cnn__inner_names *inner, const char *name, size_t *value);
void cnn__inner_free(cnn__inner_names *inner);

#endif
