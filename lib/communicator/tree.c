/* SPDX-License-Identifier: MIT */
/* Sums of blocks in a tree that is the same for any number of ranks. A rank has a row of blocks, and so some whole
 * subtrees; it adds these by itself. Of two neighbours on different ranks the right one is sent to the left one's rank;
 * rank 0 has the sum of all in the end, and hands it out. */
#include "communicator/communicator.h"

#include <string.h>

#include "core/error.h"
#include "core/memory.h"

/* Arrays that a row of blocks needs at once, and one for the next block or a neighbour's sum. */
static uint32_t most_nodes(uint32_t first, uint32_t end)
{
    uint32_t levels[CNN__TREE_NODES], indices[CNN__TREE_NODES], count = 0, most = 0;
    for (uint32_t block = first; block < end; block++) {
        levels[count] = 0;
        indices[count++] = block;
        most = count > most ? count : most;
        while (count > 1 && levels[count - 1] == levels[count - 2] && indices[count - 2] % 2 == 0) {
            count--;
            levels[count - 1]++;
            indices[count - 1] /= 2;
        }
    }
    return most + 1;
}

cnn_status cnn__tree_create(cnn_context *context, const cnn_communicator *communicator, uint32_t blocks, size_t values,
                            cnn__tree *tree)
{
    *tree = (cnn__tree){.context = context, .communicator = communicator, .values = values, .blocks = blocks};
    const uint32_t rank = communicator->rank, ranks = communicator->size;
    const uint32_t nodes = most_nodes(cnn__first_block(blocks, rank, ranks), cnn__first_block(blocks, rank + 1, ranks));
    for (; tree->made < nodes; tree->made++) {
        tree->nodes[tree->made].sum = cnn__alloc_array(context, values, sizeof(float));
        if (tree->nodes[tree->made].sum == NULL) {
            cnn__tree_free(tree);
            return CNN_ERROR_OUT_OF_MEMORY;
        }
    }
    cnn__tree_begin(tree);
    return CNN_OK;
}

void cnn__tree_free(cnn__tree *tree)
{
    for (uint32_t i = 0; i < tree->made; i++) {
        cnn__free(tree->context, tree->nodes[i].sum);
    }
    tree->made = 0;
}

void cnn__tree_begin(cnn__tree *tree)
{
    tree->count = 0;
    tree->next = cnn__first_block(tree->blocks, tree->communicator->rank, tree->communicator->size);
}

float *cnn__tree_room(cnn__tree *tree) { return tree->nodes[tree->count].sum; }

static void add(cnn__tree *tree, float *sum, const float *term)
{
    for (size_t i = 0; i < tree->values; i++) {
        sum[i] += term[i];
    }
}

/* The array of a sum becomes free. */
static void drop(cnn__tree *tree, uint32_t at)
{
    const cnn__tree_node gone = tree->nodes[at];
    tree->count--;
    memmove(&tree->nodes[at], &tree->nodes[at + 1], (tree->count - at) * sizeof(gone));
    tree->nodes[tree->count] = gone;
}

/* Adds the sum at place `right` to that of its neighbour. */
static void join(cnn__tree *tree, uint32_t left, uint32_t right)
{
    add(tree, tree->nodes[left].sum, tree->nodes[right].sum);
    drop(tree, right);
}

void cnn__tree_add(cnn__tree *tree)
{
    cnn__tree_node *nodes = tree->nodes;
    nodes[tree->count].level = 0;
    nodes[tree->count++].index = tree->next++;
    while (tree->count > 1) {
        cnn__tree_node *left = &nodes[tree->count - 2], *right = &nodes[tree->count - 1];
        if (left->level != right->level || left->index % 2 != 0) {
            break;
        }
        join(tree, tree->count - 2, tree->count - 1);
        left->level++;
        left->index /= 2;
    }
}

/* The rank whose the first block of a sum is. */
static uint32_t owner(const cnn__tree *tree, uint32_t level, uint32_t index)
{
    const uint64_t block = (uint64_t)index << level;
    const uint32_t ranks = tree->communicator->size;
    uint32_t rank = (uint32_t)(block * ranks / tree->blocks);
    while (rank + 1 < ranks && cnn__first_block(tree->blocks, rank + 1, ranks) <= block) {
        rank++;
    }
    while (cnn__first_block(tree->blocks, rank, ranks) > block) {
        rank--;
    }
    return rank;
}

static uint32_t find(const cnn__tree *tree, uint32_t level, uint32_t index)
{
    uint32_t at = 0;
    while (at < tree->count && (tree->nodes[at].level != level || tree->nodes[at].index != index)) {
        at++;
    }
    return at;
}

/* Joins sum `index` of a level and the next one, wherever they are. */
static cnn_status join_pair(cnn__tree *tree, uint32_t level, uint32_t index)
{
    const cnn_communicator *c = tree->communicator;
    const uint32_t to = owner(tree, level, index), from = owner(tree, level, index + 1);
    const size_t size = tree->values * sizeof(float);
    if (to == from) {
        const uint32_t left = find(tree, level, index), right = find(tree, level, index + 1);
        if (to == c->rank && left < tree->count && right < tree->count) { /* else they were one already */
            join(tree, left, right);
        }
        return CNN_OK;
    }
    if (from == c->rank) {
        const uint32_t at = find(tree, level, index + 1);
        CNN__RETURN_IF_ERROR(c->send(c->user, to, tree->nodes[at].sum, size));
        drop(tree, at);
    }
    if (to == c->rank) {
        float *room = cnn__tree_room(tree);
        CNN__RETURN_IF_ERROR(c->receive(c->user, from, room, size));
        add(tree, tree->nodes[find(tree, level, index)].sum, room);
    }
    return CNN_OK;
}

static cnn_status join_all(cnn__tree *tree)
{
    for (uint32_t level = 0; UINT64_C(1) << level < tree->blocks; level++) {
        for (uint32_t index = 0; ((uint64_t)index + 1) << level < tree->blocks; index += 2) {
            CNN__RETURN_IF_ERROR(join_pair(tree, level, index));
        }
        for (uint32_t i = 0; i < tree->count; i++) { /* one whose neighbour does not exist is a level higher at once */
            if (tree->nodes[i].level == level) {
                tree->nodes[i].level++;
                tree->nodes[i].index /= 2;
            }
        }
    }
    return CNN_OK;
}

cnn_status cnn__tree_finish(cnn__tree *tree, const float **sum)
{
    const cnn_communicator *c = tree->communicator;
    if (tree->blocks > 1) {
        const cnn_status status = join_all(tree);
        if (status != CNN_OK) {
            return cnn__fail(tree->context, status, "communicator: rank %u of %u: sum of blocks: %s", (unsigned)c->rank,
                             (unsigned)c->size, cnn_status_string(status));
        }
    }
    *sum = tree->nodes[0].sum;
    return cnn_communicator_broadcast(tree->context, c, 0, tree->nodes[0].sum, tree->values * sizeof(float));
}
