/* SPDX-License-Identifier: MIT */
/* Names to numbers. */
#include "model/names.h"

#include <string.h>

/* FNV-1a (Fowler, Noll and Vo). */
static size_t hash(const char *name)
{
    uint64_t sum = 14695981039346656037u;
    for (; *name != '\0'; name++) {
        sum = (sum ^ (unsigned char)*name) * 1099511628211u;
    }
    return (size_t)(sum ^ sum >> 32);
}

/* The place of a name, or the free one where it would be put. The table is never full. */
static cnn__name *place_of(const cnn__names *names, const char *name)
{
    size_t at = hash(name) & (names->capacity - 1);
    while (names->places[at].name != NULL && strcmp(names->places[at].name, name) != 0) {
        at = (at + 1) & (names->capacity - 1);
    }
    return &names->places[at];
}

bool cnn__names_find(const cnn__names *names, const char *name, uint32_t *number)
{
    const cnn__name *place = names->count > 0 ? place_of(names, name) : NULL;
    if (place == NULL || place->name == NULL) {
        return false;
    }
    *number = place->number;
    return true;
}

static cnn_status grow(cnn_context *context, cnn__names *names)
{
    cnn__names larger = {.capacity = names->capacity == 0 ? 32 : 2 * names->capacity, .count = names->count};
    size_t size = 0;
    larger.places = cnn__mul_size(larger.capacity, sizeof(*larger.places), &size) ? cnn__alloc_zero(context, size)
                                                                                  : NULL;
    if (larger.places == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < names->capacity; i++) {
        if (names->places[i].name != NULL) {
            *place_of(&larger, names->places[i].name) = names->places[i];
        }
    }
    cnn__free(context, names->places);
    *names = larger;
    return CNN_OK;
}

cnn_status cnn__names_set(cnn_context *context, cnn__names *names, const char *name, uint32_t number)
{
    if (2 * (names->count + 1) > names->capacity) {
        CNN__RETURN_IF_ERROR(grow(context, names));
    }
    cnn__name *place = place_of(names, name);
    names->count += place->name == NULL;
    *place = (cnn__name){place->name != NULL ? place->name : name, number};
    return CNN_OK;
}

void cnn__names_free(cnn_context *context, cnn__names *names)
{
    cnn__free(context, names->places);
    *names = (cnn__names){0};
}
