/* SPDX-License-Identifier: MIT */
/* Parts of a dataset: the two sides of a split, and a random sample. */
#include <math.h>

#include "core/options.h"
#include "core/rng.h"
#include "dataset/folds.h"
#include "dataset/source.h"

#define DEFAULT_FRACTION 0.2F

/* The stream of a choice over all classes together, beside those of the classes. */
#define ALL_CLASSES UINT64_MAX

/* Chooses `needed` of the `left` samples that are still to come, in one pass and in order. */
typedef struct chooser {
    cnn__rng rng;
    uint64_t left, needed;
    bool first; /* the first ones, without a draw */
} chooser;

/* Selection sampling (Knuth, The Art of Computer Programming 2, algorithm 3.4.2S): every choice is equally likely. */
static bool choose(chooser *self)
{
    bool taken = self->needed > 0 && (self->first || cnn__rng_below(&self->rng, self->left) < self->needed);
    self->left--;
    self->needed -= taken;
    return taken;
}

/* The number that a float was written as: the shortest decimal that is nearest to it. Otherwise 0.7F of 10 samples
 * would be 6.99999988 and not 7. */
static double decimal_of(float value)
{
    double scale = 1.0;
    for (int digits = 1; digits <= 9; digits++) {
        scale *= 10.0;
        double decimal = round((double)value * scale) / scale;
        if ((float)decimal == value) {
            return decimal;
        }
    }
    return value;
}

static uint64_t share(const cnn_split_options *options, uint64_t count)
{
    double exact = decimal_of(options->fraction) * (double)count;
    /* Keras cuts, as Python's int() does. */
    return (uint64_t)(options->mode == CNN_SPLIT_KERAS ? floor(exact) : round(exact));
}

/* The memory of a split. */
typedef struct splitter {
    const cnn_dataset *dataset;
    cnn_split_options options;
    chooser *choosers; /* one for each class, or one for all */
    size_t groups;     /* how many */
    uint64_t *rest;    /* first each sample's group, then the indices of the one side */
    uint64_t *part;    /* the indices of the other */
} splitter;

/* Labels are asked for once: a caller's function might answer otherwise the next time. */
static cnn_status count_groups(splitter *self)
{
    bool by_class = self->options.mode != CNN_SPLIT_RANDOM;
    for (size_t i = 0; i < self->groups; i++) {
        self->choosers[i] = (chooser){.first = self->options.mode == CNN_SPLIT_KERAS};
        cnn__rng_init(&self->choosers[i].rng, self->options.seed, CNN__STREAM_SPLIT, by_class ? i : ALL_CLASSES, 0);
    }
    for (size_t i = 0; i < cnn_dataset_count(self->dataset); i++) {
        size_t group = by_class ? (size_t)cnn_dataset_label(self->dataset, i) : 0;
        if (group >= self->groups) {
            return cnn__fail(cnn__dataset_context(self->dataset), CNN_ERROR_UNSUPPORTED,
                             "dataset: sample %zu has no known label, so it cannot be split by class", i);
        }
        self->choosers[group].left++;
        self->rest[i] = group;
    }
    for (size_t i = 0; i < self->groups; i++) {
        self->choosers[i].needed = share(&self->options, self->choosers[i].left);
    }
    return CNN_OK;
}

static cnn_status deal(splitter *self, cnn_dataset **rest, cnn_dataset **part)
{
    size_t count = cnn_dataset_count(self->dataset), kept = 0, given = 0;
    for (size_t i = 0; i < count; i++) {
        if (choose(&self->choosers[self->rest[i]])) {
            self->part[given++] = i;
        } else {
            self->rest[kept++] = i;
        }
    }
    if (kept == 0 || given == 0) {
        return cnn__fail(cnn__dataset_context(self->dataset), CNN_ERROR_INVALID_ARGUMENT,
                         "dataset: a split of %zu samples with fraction %g leaves one part empty", count,
                         (double)self->options.fraction);
    }
    CNN__RETURN_IF_ERROR(cnn_dataset_subset(self->dataset, self->rest, kept, rest));
    cnn_status status = cnn_dataset_subset(self->dataset, self->part, given, part);
    if (status != CNN_OK) {
        cnn_dataset_free(*rest);
        *rest = NULL;
    }
    return status;
}

static cnn_status copy_split_options(const cnn_dataset *dataset, const cnn_split_options *options,
                                     cnn_split_options *copy)
{
    cnn_context *context = cnn__dataset_context(dataset);
    CNN__RETURN_IF_ERROR(cnn__options_copy(context, "cnn_split_options", options, copy, sizeof(*copy)));
    if (copy->mode < CNN_SPLIT_RANDOM || copy->mode > CNN_SPLIT_KERAS) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "cnn_split_options: mode: found %d, expected 0 to 2",
                         copy->mode);
    }
    if (copy->grouped > 1 || (copy->grouped == 1 && copy->mode == CNN_SPLIT_KERAS)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_split_options: grouped: found %u, expected 0 or 1, and 0 with CNN_SPLIT_KERAS",
                         copy->grouped);
    }
    if (copy->fraction == 0.0F) {
        copy->fraction = DEFAULT_FRACTION;
    }
    if (!(copy->fraction > 0.0F && copy->fraction < 1.0F)) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_split_options: fraction: found %g, expected a number between 0 and 1",
                         (double)copy->fraction);
    }
    if (copy->seed == 0) {
        copy->seed = cnn_context_seed(context);
    }
    return CNN_OK;
}

cnn_status cnn_dataset_split(const cnn_dataset *dataset, const cnn_split_options *options, cnn_dataset **rest,
                             cnn_dataset **part)
{
    cnn_context *context = dataset != NULL ? cnn__dataset_context(dataset) : NULL;
    if (rest != NULL) {
        *rest = NULL;
    }
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, rest, "rest", part));
    splitter work = {.dataset = dataset};
    CNN__RETURN_IF_ERROR(copy_split_options(dataset, options, &work.options));
    const bool marks = work.options.mode == CNN_SPLIT_STRATIFIED && cnn_dataset_task(dataset) == CNN_TASK_LABELS;
    if (work.options.grouped != 0 || marks) {
        return cnn__split_groups(dataset, &work.options, decimal_of(work.options.fraction), rest, part);
    }
    size_t count = cnn_dataset_count(dataset);
    work.groups = work.options.mode == CNN_SPLIT_RANDOM ? 1 : cnn_dataset_class_count(dataset);
    work.choosers = cnn__alloc_array(context, work.groups, sizeof(*work.choosers));
    work.rest = cnn__alloc_array(context, count, sizeof(*work.rest));
    work.part = cnn__alloc_array(context, count, sizeof(*work.part));
    bool allocated = work.choosers != NULL && work.rest != NULL && work.part != NULL;
    cnn_status status = allocated ? count_groups(&work) : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK) {
        status = deal(&work, rest, part);
    }
    cnn__free(context, work.choosers);
    cnn__free(context, work.rest);
    cnn__free(context, work.part);
    return status;
}

cnn_status cnn_dataset_sample(const cnn_dataset *dataset, size_t count, uint64_t seed, cnn_dataset **subset)
{
    cnn_context *context = dataset != NULL ? cnn__dataset_context(dataset) : NULL;
    CNN__RETURN_IF_ERROR(cnn__dataset_begin(context, dataset, "dataset", subset));
    size_t available = cnn_dataset_count(dataset);
    if (count == 0) {
        return cnn__fail(context, CNN_ERROR_INVALID_ARGUMENT, "dataset: a sample of no samples");
    }
    chooser draw = {.left = available, .needed = count < available ? count : available};
    cnn__rng_init(&draw.rng, seed, CNN__STREAM_SAMPLE, 0, 0);
    uint64_t *indices = cnn__alloc_array(context, (size_t)draw.needed, sizeof(*indices));
    if (indices == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    size_t taken = 0;
    for (size_t i = 0; i < available; i++) {
        if (choose(&draw)) {
            indices[taken++] = i;
        }
    }
    cnn_status status = cnn_dataset_subset(dataset, indices, taken, subset);
    cnn__free(context, indices);
    return status;
}
