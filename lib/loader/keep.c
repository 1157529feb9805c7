/* SPDX-License-Identifier: MIT */
/* Memory of prepared images. Several workers may make the same image at the same time, in the epochs that a batch
 * spans: one of them writes, the others go without. */
#include "loader/keep.h"

#include <string.h>

enum { ABSENT, WRITING, PRESENT };

/* The steps that do the same in each epoch and leave values as they are. */
static size_t count_steps(const cnn_pipeline *pipeline)
{
    size_t count = 0;
    while (count < pipeline->count) {
        const cnn__step_kind *kind = pipeline->steps[count].kind;
        if (kind->evaluation != CNN__EVALUATION_KEEP || kind->views > 1 || kind->kind_class == CNN__STEP_VALUE) {
            break;
        }
        count++;
    }
    return count;
}

static cnn_status plan(cnn__keep *keep, const cnn_pipeline *pipeline, const cnn__keep_source *source)
{
    int64_t dims[3];
    cnn__kept_form *form = &keep->form;
    memcpy(dims, source->dims, sizeof(dims));
    form->steps = count_steps(pipeline);
    form->floats = source->floats;
    for (size_t i = 0; i < form->steps; i++) {
        if (pipeline->steps[i].kind->shape != NULL) {
            pipeline->steps[i].kind->shape(&pipeline->steps[i], dims);
        }
    }
    if (dims[0] == 0 || dims[1] == 0 || dims[2] == 0) {
        return cnn__fail(keep->context, CNN_ERROR_SHAPE,
                         "loader: in memory all images must have one size before the first random step, and the "
                         "pipeline \"%s\" does not give them one there: put resize=HxW in front",
                         cnn_pipeline_text(pipeline));
    }
    form->shape = (cnn_shape){3, 0, {dims[0], dims[1], dims[2]}};
    return CNN_OK;
}

/* Sizes in bytes, checked. */
static bool measure(cnn__keep *keep, size_t *total)
{
    size_t values, images, each;
    if (!cnn__shape_values(&keep->form.shape, &values) ||
        !cnn__mul_size(values, keep->form.floats ? sizeof(float) : 1, &keep->size) ||
        !cnn__mul_size(keep->size, keep->count, &images) || !cnn__mul_size(keep->target_count, sizeof(float), &each) ||
        !cnn__mul_size(keep->count,
                       each + (keep->weighted ? sizeof(*keep->weights) : 0) + sizeof(*keep->labels) +
                           sizeof(*keep->states),
                       total) ||
        images > SIZE_MAX - *total) {
        return false;
    }
    *total += images;
    return true;
}

static cnn_status allocate(cnn__keep *keep)
{
    const size_t count = keep->count;
    const bool targets = keep->target_count > 0;
    keep->images = cnn__alloc(keep->context, keep->size * count);
    keep->labels = cnn__alloc_array(keep->context, count, sizeof(*keep->labels));
    keep->weights = keep->weighted ? cnn__alloc_array(keep->context, count, sizeof(*keep->weights)) : NULL;
    keep->targets = targets ? cnn__alloc_array(keep->context, count * keep->target_count, sizeof(float)) : NULL;
    keep->states = cnn__alloc_array(keep->context, count, sizeof(*keep->states));
    for (size_t i = 0; keep->states != NULL && i < keep->count; i++) {
        atomic_init(&keep->states[i], ABSENT);
    }
    bool complete = keep->images != NULL && keep->labels != NULL && (keep->weights != NULL || !keep->weighted) &&
                    (keep->targets != NULL || !targets) && keep->states != NULL;
    return complete ? CNN_OK : cnn__last_status(keep->context);
}

cnn_status cnn__keep_create(cnn__keep *keep, cnn_context *context, const cnn_pipeline *pipeline,
                            const cnn__keep_source *source, size_t count, uint64_t limit)
{
    size_t total = 0;
    *keep = (cnn__keep){
        .context = context, .count = count, .target_count = source->target_count, .weighted = source->weighted};
    CNN__RETURN_IF_ERROR(plan(keep, pipeline, source));
    const long long rows = (long long)keep->form.shape.dims[0], cols = (long long)keep->form.shape.dims[1];
    if (!measure(keep, &total) || (limit > 0 && total > limit)) {
        const unsigned long long most = limit > 0 ? (unsigned long long)limit : SIZE_MAX;
        return cnn__fail(context, CNN_ERROR_LIMIT,
                         "loader: %zu images of %lldx%lldx%lld in memory take %zu bytes each, together more than the "
                         "%llu that are allowed",
                         count, rows, cols, (long long)keep->form.shape.dims[2], keep->size, most);
    }
    cnn_status status = allocate(keep);
    if (status != CNN_OK) {
        cnn__keep_free(keep);
        return status;
    }
    keep->bytes = total;
    cnn__log(context, CNN_LOG_INFO, "loader: %zu images of %lldx%lldx%lld will be kept in memory, %zu bytes", count,
             rows, cols, (long long)keep->form.shape.dims[2], total);
    return CNN_OK;
}

void cnn__keep_free(cnn__keep *keep)
{
    if (keep->context != NULL) {
        cnn__free(keep->context, keep->images);
        cnn__free(keep->context, keep->labels);
        cnn__free(keep->context, keep->weights);
        cnn__free(keep->context, keep->targets);
        cnn__free(keep->context, (void *)keep->states);
    }
    *keep = (cnn__keep){0};
}

/* What the keep has of a sample. */
static cnn__attached kept(const cnn__keep *keep, size_t index)
{
    return (cnn__attached){
        .label = &keep->labels[index],
        .weight = keep->weights != NULL ? &keep->weights[index] : NULL,
        .targets = keep->targets != NULL ? keep->targets + index * keep->target_count : NULL,
    };
}

static void copy_attached(const cnn__keep *keep, const cnn__attached *to, const cnn__attached *from)
{
    *to->label = *from->label;
    if (keep->weights != NULL) {
        *to->weight = *from->weight;
    }
    if (keep->targets != NULL) {
        memcpy(to->targets, from->targets, keep->target_count * sizeof(float));
    }
}

const void *cnn__keep_find(const cnn__keep *keep, size_t index, const cnn__attached *attached)
{
    if (keep->bytes == 0 || atomic_load_explicit(&keep->states[index], memory_order_acquire) != PRESENT) {
        return NULL;
    }
    const cnn__attached own = kept(keep, index);
    copy_attached(keep, attached, &own);
    return keep->images + index * keep->size;
}

void *cnn__keep_begin(cnn__keep *keep, size_t index)
{
    uint8_t expected = ABSENT;
    if (keep->bytes == 0 || !atomic_compare_exchange_strong_explicit(&keep->states[index], &expected, WRITING,
                                                                     memory_order_acquire, memory_order_relaxed)) {
        return NULL;
    }
    return keep->images + index * keep->size;
}

void cnn__keep_end(cnn__keep *keep, size_t index, const cnn__attached *attached, bool there)
{
    const cnn__attached own = kept(keep, index);
    copy_attached(keep, &own, attached);
    atomic_store_explicit(&keep->states[index], there ? PRESENT : ABSENT, memory_order_release);
}
