/* SPDX-License-Identifier: MIT */
/* Names without those of the models around them. */
#include "format/inner.h"

#include <string.h>

/* Models inside one another whose names are left out; a name may have a '/' for each of its bytes. */
#define MOST_LEVELS 8

const char *cnn__inner_name(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : NULL;
}

void cnn__inner_init(cnn__inner_names *inner, cnn_context *context)
{
    cnn__table_init(&inner->names, context);
    cnn__table_init(&inner->doubled, context);
}

static size_t slashes(const char *name)
{
    size_t count = 0;
    for (const char *at = strchr(name, '/'); at != NULL; at = strchr(at + 1, '/')) {
        count++;
    }
    return count;
}

/* A name that is there already goes to those that are doubled, once. */
static cnn_status add(cnn__inner_names *inner, const char *name, size_t value)
{
    if (!cnn__table_find(&inner->names, name, NULL)) {
        return cnn__table_add(&inner->names, name, value);
    }
    return cnn__table_find(&inner->doubled, name, NULL) ? CNN_OK : cnn__table_add(&inner->doubled, name, value);
}

cnn_status cnn__inner_add(cnn__inner_names *inner, const char *name, size_t least, size_t value)
{
    size_t left = slashes(name);
    name = cnn__inner_name(name);
    for (int level = 0; name != NULL && left > least && level < MOST_LEVELS; level++) {
        CNN__RETURN_IF_ERROR(add(inner, name, value));
        name = cnn__inner_name(name);
        left--;
    }
    return CNN_OK;
}

bool cnn__inner_find(const cnn__inner_names *inner, const char *name, size_t *value)
{
    return cnn__table_find(&inner->names, name, value) && !cnn__table_find(&inner->doubled, name, NULL);
}

void cnn__inner_free(cnn__inner_names *inner)
{
    cnn__table_free(&inner->names);
    cnn__table_free(&inner->doubled);
}
