/* SPDX-License-Identifier: MIT */
/* Folds for cross-validation: samples, or groups of them, dealt so that each fold has its share of all samples and, if
 * that is wanted, of each class. */
#include "dataset/folds.h"

#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "core/rng.h"
#include "dataset/source.h"

#define DEFAULT_FOLDS 5
#define MOST_FOLDS 65536

/* What is dealt as a whole: a group, or a sample without one. */
typedef struct unit {
    size_t first, count; /* in `members` */
    uint64_t order;      /* at random */
} unit;

typedef struct dealer {
    cnn_context *context;
    const cnn_dataset *dataset;
    uint64_t seed;
    size_t count;
    bool stratified, grouped;
    size_t folds;
    const double *shares; /* [folds]: of all samples; their sum is 1 */
    uint32_t *fold;       /* [count]: the result */
    uint64_t *members;    /* [count]: samples, unit after unit */
    unit *units;
    size_t unit_count;
    size_t classes; /* that are counted; 0: none */
    double *have;   /* [folds, classes] */
    double *total;  /* [classes] */
    double *mine;   /* [classes]: of a unit */
    double *size;   /* [folds] */
    float *targets; /* [classes]: of a sample with several labels */
} dealer;

static bool several_labels(const dealer *self) { return cnn_dataset_task(self->dataset) == CNN_TASK_LABELS; }

/* ---- units ---- */

static int by_group(const void *a, const void *b, void *user)
{
    const dealer *self = user;
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    const int64_t first = cnn_dataset_group(self->dataset, (size_t)x);
    const int64_t second = cnn_dataset_group(self->dataset, (size_t)y);
    return first != second ? (first < second ? -1 : 1) : (x > y) - (x < y);
}

/* The largest first: what is left can then make up for them. */
static int by_size(const void *a, const void *b)
{
    const unit *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : (x->order > y->order) - (x->order < y->order);
}

static bool same_unit(const dealer *self, size_t a, size_t b)
{
    const int64_t group = cnn_dataset_group(self->dataset, (size_t)self->members[a]);
    return self->grouped && group >= 0 && group == cnn_dataset_group(self->dataset, (size_t)self->members[b]);
}

static void list_units(dealer *self)
{
    cnn__rng rng;
    cnn__rng_init(&rng, self->seed, CNN__STREAM_FOLDS, 0, 0);
    for (size_t i = 0; i < self->count; i++) {
        self->members[i] = i;
    }
    if (self->grouped) {
        qsort_r(self->members, self->count, sizeof(*self->members), by_group, self);
    }
    for (size_t i = 0; i < self->count; i++) {
        if (i > 0 && same_unit(self, i - 1, i)) {
            self->units[self->unit_count - 1].count++;
        } else {
            const uint64_t order = (uint64_t)cnn__rng_u32(&rng) << 32 | cnn__rng_u32(&rng);
            self->units[self->unit_count++] = (unit){i, 1, order};
        }
    }
    qsort(self->units, self->unit_count, sizeof(*self->units), by_size);
}

/* ---- classes ---- */

static cnn_status count_member(dealer *self, size_t sample, double *counts)
{
    if (several_labels(self)) {
        CNN__RETURN_IF_ERROR(cnn_dataset_targets(self->dataset, sample, self->targets, self->classes));
        for (size_t c = 0; c < self->classes; c++) {
            counts[c] += self->targets[c] > 0.5F;
        }
        return CNN_OK;
    }
    const int32_t label = cnn_dataset_label(self->dataset, sample);
    if (label < 0 || (size_t)label >= self->classes) {
        return cnn__fail(self->context, CNN_ERROR_UNSUPPORTED,
                         "dataset: sample %zu has no known label, so it cannot be split by class", sample);
    }
    counts[label]++;
    return CNN_OK;
}

static cnn_status count_unit(dealer *self, const unit *one)
{
    for (size_t c = 0; c < self->classes; c++) {
        self->mine[c] = 0;
    }
    for (size_t i = 0; i < one->count && self->classes > 0; i++) {
        CNN__RETURN_IF_ERROR(count_member(self, (size_t)self->members[one->first + i], self->mine));
    }
    return CNN_OK;
}

/* ---- dealing ---- */

/* How much of what the unit has is in a fold already, by the fold's share. */
static double crowding(const dealer *self, const unit *one, size_t fold)
{
    double sum = (double)one->count * self->size[fold] / (double)self->count;
    for (size_t c = 0; c < self->classes; c++) {
        sum += self->mine[c] > 0 ? self->mine[c] * self->have[fold * self->classes + c] / self->total[c] : 0;
    }
    return sum / self->shares[fold];
}

static cnn_status deal(dealer *self)
{
    for (size_t i = 0; i < self->count && self->classes > 0; i++) {
        CNN__RETURN_IF_ERROR(count_member(self, i, self->total));
    }
    for (size_t u = 0; u < self->unit_count; u++) {
        const unit *one = &self->units[u];
        size_t best = 0;
        double least = 0;
        CNN__RETURN_IF_ERROR(count_unit(self, one));
        for (size_t f = 0; f < self->folds; f++) {
            /* Of folds alike that one which lacks most of its share. */
            const double crowd = crowding(self, one, f) + 1e-9 * self->size[f] / self->shares[f];
            best = f == 0 || crowd < least ? f : best;
            least = best == f ? crowd : least;
        }
        for (size_t i = 0; i < one->count; i++) {
            self->fold[self->members[one->first + i]] = (uint32_t)best;
        }
        for (size_t c = 0; c < self->classes; c++) {
            self->have[best * self->classes + c] += self->mine[c];
        }
        self->size[best] += (double)one->count;
    }
    return CNN_OK;
}

/* Single samples of one class each are dealt like cards, class after class: exact to one in every count. */
static cnn_status deal_singly(dealer *self)
{
    size_t dealt = 0;
    const size_t classes = self->classes > 0 ? self->classes : 1;
    for (size_t c = 0; c < classes; c++) {
        for (size_t u = 0; u < self->unit_count; u++) {
            const size_t sample = (size_t)self->members[self->units[u].first];
            if (self->classes == 0 || cnn_dataset_label(self->dataset, sample) == (int32_t)c) {
                self->fold[sample] = (uint32_t)(dealt++ % self->folds);
            }
        }
    }
    return dealt == self->count
               ? CNN_OK
               : cnn__fail(self->context, CNN_ERROR_UNSUPPORTED,
                           "dataset: a sample has no known label, so the samples cannot be split by class");
}

static cnn_status run(dealer *self)
{
    const bool counts = self->stratified && cnn_dataset_task(self->dataset) <= CNN_TASK_LABELS;
    self->classes = counts ? cnn_dataset_class_count(self->dataset) : 0;
    const size_t classes = self->classes;
    size_t cells;
    if (!cnn__mul_size(self->folds, classes + 1, &cells)) {
        return cnn__fail(self->context, CNN_ERROR_LIMIT, "dataset: %zu folds of %zu classes", self->folds, classes);
    }
    self->members = cnn__alloc_array(self->context, self->count, sizeof(*self->members));
    self->units = cnn__alloc_array(self->context, self->count, sizeof(*self->units));
    self->have = cnn__alloc_zero(self->context, cells * sizeof(*self->have));
    self->size = cnn__alloc_zero(self->context, self->folds * sizeof(*self->size));
    self->total = cnn__alloc_zero(self->context, (2 * classes + 1) * sizeof(*self->total));
    self->targets = cnn__alloc_array(self->context, classes, sizeof(*self->targets));
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (self->members != NULL && self->units != NULL && self->have != NULL && self->size != NULL &&
        self->total != NULL && self->targets != NULL) {
        self->mine = self->total + classes;
        list_units(self);
        status = self->grouped || several_labels(self) ? deal(self) : deal_singly(self);
    }
    cnn__free(self->context, self->members);
    cnn__free(self->context, self->units);
    cnn__free(self->context, self->have);
    cnn__free(self->context, self->size);
    cnn__free(self->context, self->total);
    cnn__free(self->context, self->targets);
    return status;
}

/* ---- the calls ---- */

static cnn_status copy_options(const cnn_dataset *dataset, const cnn_folds_options *options, cnn_folds_options *copy)
{
    cnn_context *context = cnn__dataset_context(dataset);
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_folds_options", options, copy, sizeof(*copy)));
    copy->folds = copy->folds == 0 ? DEFAULT_FOLDS : copy->folds;
    if (copy->folds < 2 || copy->folds > MOST_FOLDS) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_folds_options: folds: found %u, expected 2 to %d",
                         copy->folds, MOST_FOLDS);
    }
    if ((copy->mode != CNN_SPLIT_RANDOM && copy->mode != CNN_SPLIT_STRATIFIED) || copy->grouped > 1) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_folds_options: mode %d, grouped %u: expected 0 or 1 for both", copy->mode, copy->grouped);
    }
    copy->seed = copy->seed == 0 ? cnn_context_seed(context) : copy->seed;
    return CNN_OK;
}

static cnn_status check_filled(const dealer *self)
{
    uint64_t *sizes = cnn__alloc_zero(self->context, self->folds * sizeof(*sizes));
    if (sizes == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < self->count; i++) {
        sizes[self->fold[i]]++;
    }
    size_t empty = 0;
    for (size_t f = 0; f < self->folds; f++) {
        empty += sizes[f] == 0;
    }
    cnn__free(self->context, sizes);
    return empty == 0 ? CNN_OK
                      : cnn__fail(self->context, CNN_ERROR_INVALID_ARGUMENT,
                                  "dataset: %zu samples%s are too few for %zu parts", self->count,
                                  self->grouped ? " in their groups" : "", self->folds);
}

static cnn_status assign(const cnn_dataset *dataset, dealer *self)
{
    self->context = cnn__dataset_context(dataset);
    self->dataset = dataset;
    self->count = cnn_dataset_count(dataset);
    CNN__RETURN_IF_ERROR(run(self));
    return check_filled(self);
}

cnn_status cnn_dataset_folds(const cnn_dataset *dataset, const cnn_folds_options *options, uint32_t *folds,
                             size_t capacity)
{
    cnn_folds_options given;
    if (dataset == NULL) {
        return CNN_ERROR_INVALID_ARGUMENT;
    }
    cnn_context *context = cnn__dataset_context(dataset);
    CNN__RETURN_IF_ERROR(copy_options(dataset, options, &given));
    if (folds == NULL) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_dataset_folds: no place for the result");
    }
    if (capacity < cnn_dataset_count(dataset)) {
        return cnn__fail(context, CNN_ERROR_LIMIT, "cnn_dataset_folds: room for %zu numbers is too little for %zu",
                         capacity, cnn_dataset_count(dataset));
    }
    double *shares = cnn__alloc_array(context, given.folds, sizeof(*shares));
    if (shares == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t f = 0; f < given.folds; f++) {
        shares[f] = 1.0 / given.folds;
    }
    dealer self = {.seed = given.seed,
                   .stratified = given.mode == CNN_SPLIT_STRATIFIED,
                   .grouped = given.grouped != 0,
                   .folds = given.folds,
                   .shares = shares,
                   .fold = folds};
    cnn_status status = assign(dataset, &self);
    cnn__free(context, shares);
    return status;
}

/* The samples of a fold, and the others. */
static cnn_status take(const cnn_dataset *dataset, const uint32_t *folds, uint32_t fold, cnn_dataset **rest,
                       cnn_dataset **part)
{
    cnn_context *context = cnn__dataset_context(dataset);
    const size_t count = cnn_dataset_count(dataset);
    uint64_t *indices = cnn__alloc_array(context, count, sizeof(*indices));
    size_t inside = 0, outside = count;
    if (indices == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        inside += folds[i] == fold;
    }
    outside = inside;
    inside = 0;
    for (size_t i = 0; i < count; i++) {
        indices[folds[i] == fold ? inside++ : outside++] = i;
    }
    cnn_status status = cnn_dataset_subset(dataset, indices, inside, part);
    if (status == CNN_OK) {
        status = cnn_dataset_subset(dataset, indices + inside, count - inside, rest);
    }
    cnn__free(context, indices);
    if (status != CNN_OK) {
        cnn_dataset_free(*part);
        *part = NULL;
    }
    return status;
}

cnn_status cnn_dataset_fold(const cnn_dataset *dataset, const cnn_folds_options *options, uint32_t fold,
                            cnn_dataset **rest, cnn_dataset **part)
{
    cnn_context *context = dataset != NULL ? cnn__dataset_context(dataset) : NULL;
    cnn_folds_options given;
    if (rest != NULL) {
        *rest = NULL;
    }
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, rest, "rest", part));
    CNN__RETURN_IF_ERROR(copy_options(dataset, options, &given));
    if (fold >= given.folds) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_dataset_fold: fold %u of %u does not exist", fold,
                         given.folds);
    }
    const size_t count = cnn_dataset_count(dataset);
    uint32_t *folds = cnn__alloc_array(context, count, sizeof(*folds));
    cnn_status status = folds != NULL ? cnn_dataset_folds(dataset, options, folds, count) : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = take(dataset, folds, fold, rest, part);
    }
    cnn__free(context, folds);
    return status;
}

cnn_status cnn__split_groups(const cnn_dataset *dataset, const cnn_split_options *options, double fraction,
                             cnn_dataset **rest, cnn_dataset **part)
{
    cnn_context *context = cnn__dataset_context(dataset);
    const double shares[] = {1 - fraction, fraction};
    uint32_t *folds = cnn__alloc_array(context, cnn_dataset_count(dataset), sizeof(*folds));
    if (folds == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    dealer self = {.seed = options->seed,
                   .stratified = options->mode == CNN_SPLIT_STRATIFIED,
                   .grouped = options->grouped != 0,
                   .folds = 2,
                   .shares = shares,
                   .fold = folds};
    cnn_status status = assign(dataset, &self);
    if (status == CNN_OK) {
        status = take(dataset, folds, 1, rest, part);
    }
    cnn__free(context, folds);
    return status;
}
