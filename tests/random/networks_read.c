/* SPDX-License-Identifier: MIT */
/* Reading networks, one line after the other. */
#include <stdlib.h>
#include <string.h>

#include "networks.h"

/* Splits "key=value key=value"; the text is taken over. */
static bool split(const char *text, words *w)
{
    w->count = 0;
    w->text = strdup(text);
    char *rest = NULL;
    for (char *word = w->text == NULL ? NULL : strtok_r(w->text, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        char *equals = strchr(word, '=');
        if (equals == NULL || w->count == MAX_WORDS) {
            return false;
        }
        *equals = '\0';
        w->keys[w->count] = word;
        w->values[w->count++] = equals + 1;
    }
    return w->text != NULL;
}

static bool read_expectation(const char *line, network *n)
{
    static const char *const names[] = {"output", "training", "loss", "gradient", "parameter"};
    char name[16];
    expectation e = {0};
    if (sscanf(line, "%15s %u %lf %lf", name, &e.number, &e.norm, &e.projection) != 4) {
        return false;
    }
    size_t kind = 0;
    while (kind < 5 && strcmp(names[kind], name) != 0) {
        kind++;
    }
    if (n->expectation_count == n->expectation_capacity) {
        n->expectation_capacity = 2 * n->expectation_capacity + 16;
        expectation *larger = realloc(n->expectations, n->expectation_capacity * sizeof(*larger));
        if (larger == NULL) {
            return false;
        }
        n->expectations = larger;
    }
    e.what = (expected_kind)kind;
    n->expectations[n->expectation_count++] = e;
    return kind < 5;
}

static bool read_line(const char *line, network *n)
{
    int used = 0;
    if (sscanf(line, "network %u %n", &n->number, &used) == 1) {
        if (!split(line + used, &n->head)) {
            return false;
        }
        for (size_t i = 0; i < n->head.count; i++) {
            if (strcmp(n->head.keys[i], "batch") == 0) {
                n->batch = (uint32_t)strtoul(n->head.values[i], NULL, 10);
            } else if (strcmp(n->head.keys[i], "loss") == 0) {
                snprintf(n->loss, sizeof(n->loss), "%s", n->head.values[i]);
            }
        }
        return n->batch >= 1 && n->batch <= 16;
    }
    if (sscanf(line, "optimizer %15s %n", n->optimizer_kind, &used) == 1) {
        return split(line + used, &n->optimizer);
    }
    if (n->layer_count < MAX_LAYERS && sscanf(line, "layer %31s %n", n->kinds[n->layer_count], &used) == 1) {
        return split(line + used, &n->layers[n->layer_count++]);
    }
    return strncmp(line, "expect ", 7) == 0 && read_expectation(line + 7, n);
}

int network_read(FILE *file, network *n)
{
    char line[1024];
    memset(n, 0, sizeof(*n));
    bool begun = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        if (strcmp(line, "end\n") == 0) {
            return begun ? 1 : -1;
        }
        begun = true;
        if (!read_line(line, n)) {
            network_free(n);
            return -1;
        }
    }
    return begun ? -1 : 0;
}

void network_free(network *n)
{
    free(n->head.text);
    free(n->optimizer.text);
    for (size_t i = 0; i < n->layer_count; i++) {
        free(n->layers[i].text);
    }
    free(n->expectations);
    memset(n, 0, sizeof(*n));
}
