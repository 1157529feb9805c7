/* SPDX-License-Identifier: MIT */
/* Planning memory: lifetimes first, then places. */
#include "session/plan.h"

#include <stdlib.h>
#include <string.h>

/* A stretch of memory with the time during which it is needed. */
typedef struct buffer {
    size_t size;
    uint32_t begin, end; /* inclusive */
    size_t offset;
} buffer;

typedef struct planner {
    const cnn_model *model;
    const cnn__program *program;
    buffer *buffers;
    uint32_t count;
    uint32_t *value_buffers;    /* value -> buffer; UINT32_MAX: none */
    uint32_t *gradient_buffers; /* value -> buffer */
    uint32_t *saved_buffers;    /* op -> buffer */
    uint32_t *last_read;        /* value -> last op that reads it going forward */
    uint32_t *needed;           /* value -> last time that anything reads it */
    uint32_t *first_reader;     /* value -> first op that reads it */
    bool *wants_gradient;       /* value -> something before it is trained, and the loss depends on it */
    bool *reached;              /* value -> the logits depend on it */
} planner;

static size_t value_bytes(const cnn__program *program, uint32_t value)
{
    size_t values = 0;
    (void)cnn__shape_values(&program->shapes[value], &values);
    return cnn__align_size(values * sizeof(float));
}

static bool is_training(const cnn__program *program) { return (program->flags & CNN__PROGRAM_TRAINING) != 0; }
static bool is_whole(const cnn__program *program) { return (program->flags & CNN__PROGRAM_WHOLE) != 0; }
static uint32_t end_of_time(const cnn__program *program) { return 2 * program->op_count + 1; }
static uint32_t backward_time(const cnn__program *program, uint32_t op) { return 2 * program->op_count - op; }

static void later(uint32_t *time, uint32_t candidate) { *time = candidate > *time ? candidate : *time; }

static uint32_t new_buffer(planner *p, size_t size, uint32_t begin, uint32_t end)
{
    p->buffers[p->count] = (buffer){size, begin, end, 0};
    return p->count++;
}

/* When each value is read: by ops going forward, and by the backward of its producer and readers. */
static void find_lifetimes(planner *p)
{
    const cnn__program *program = p->program;
    for (uint32_t v = 0; v < program->value_count; v++) {
        p->first_reader[v] = UINT32_MAX;
    }
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        bool moved = op->has_trained;
        for (uint32_t i = 0; i < op->input_count; i++) {
            uint32_t v = op->inputs[i];
            later(&p->last_read[v], k);
            later(&p->needed[v], is_training(program) && op->spec.backward_needs_input ? backward_time(program, k) : k);
            p->first_reader[v] = p->first_reader[v] == UINT32_MAX ? k : p->first_reader[v];
            moved = moved || p->wants_gradient[v];
        }
        p->wants_gradient[op->output] = moved && is_training(program);
        later(&p->needed[op->output], k);
        if (is_training(program) && (op->spec.backward_needs_output || op->activation != CNN_LINEAR)) {
            later(&p->needed[op->output], backward_time(program, k));
        }
    }
    p->needed[program->output] = p->needed[program->logits] = end_of_time(program);
    for (uint32_t v = 1; v < program->value_count && is_whole(program); v++) {
        p->needed[v] = end_of_time(program);
    }
}

/* A gradient is computed only where the logits depend on the value: not in branches that lead nowhere, nor for the
 * output of the head, behind which the loss begins. */
static void drop_dead_gradients(planner *p)
{
    const cnn__program *program = p->program;
    p->reached[program->logits] = true;
    for (uint32_t k = program->op_count; k-- > 0;) {
        const cnn__op *op = &program->ops[k];
        p->wants_gradient[op->output] = p->wants_gradient[op->output] && p->reached[op->output];
        for (uint32_t i = 0; p->wants_gradient[op->output] && i < op->input_count; i++) {
            p->reached[op->inputs[i]] = true;
        }
    }
}

/* An op may write over its first input if nobody reads that afterwards, nor the op itself as a further input. */
static bool runs_in_place(const planner *p, uint32_t k)
{
    const cnn__program *program = p->program;
    const cnn__op *op = &program->ops[k];
    uint32_t input = op->inputs[0];
    bool again = false;
    for (uint32_t i = 1; i < op->input_count; i++) {
        again = again || op->inputs[i] == input;
    }
    return op->spec.in_place && !again && input != 0 && p->needed[input] <= k &&
           value_bytes(program, input) == value_bytes(program, op->output);
}

static void place_values(planner *p)
{
    const cnn__program *program = p->program;
    p->value_buffers[0] = UINT32_MAX;
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        if (runs_in_place(p, k)) {
            uint32_t shared = p->value_buffers[op->inputs[0]];
            p->value_buffers[op->output] = shared;
            later(&p->buffers[shared].end, p->needed[op->output]);
        } else {
            p->value_buffers[op->output] = new_buffer(p, value_bytes(program, op->output), k, p->needed[op->output]);
        }
        p->saved_buffers[k] = UINT32_MAX;
        if (is_training(program) && op->spec.saved_size > 0) {
            p->saved_buffers[k] = new_buffer(p, cnn__align_size(op->spec.saved_size), k, backward_time(program, k));
        }
    }
}

/* The gradient of an op's input may lie where that of its output lies if nobody else writes to it. */
static bool shares_gradient(const planner *p, uint32_t k)
{
    const cnn__op *op = &p->program->ops[k];
    uint32_t input = op->inputs[0];
    return op->spec.in_place && op->input_count == 1 && p->first_reader[input] == k && p->last_read[input] == k &&
           value_bytes(p->program, input) == value_bytes(p->program, op->output) && op->output != p->program->logits;
}

/* From the last op to the first: a gradient lives from its first writer going backward to its producer. */
static void place_gradients(planner *p)
{
    const cnn__program *program = p->program;
    memset(p->gradient_buffers, 0xff, program->value_count * sizeof(*p->gradient_buffers));
    for (uint32_t k = program->op_count; k-- > 0;) {
        const cnn__op *op = &program->ops[k];
        uint32_t v = op->output;
        if (!p->wants_gradient[v]) {
            continue;
        }
        uint32_t begin = v == program->logits ? program->op_count : backward_time(program, p->last_read[v]);
        if (p->gradient_buffers[v] == UINT32_MAX) {
            p->gradient_buffers[v] = new_buffer(p, value_bytes(program, v), begin, backward_time(program, k));
        } else {
            later(&p->buffers[p->gradient_buffers[v]].end, backward_time(program, k));
        }
        if (shares_gradient(p, k) && p->wants_gradient[op->inputs[0]]) {
            p->gradient_buffers[op->inputs[0]] = p->gradient_buffers[v];
        }
    }
}

bool cnn__plan_accumulates(const cnn__program *program, const uint32_t *last_gradient, uint32_t op, uint32_t k)
{
    const uint32_t *inputs = program->ops[op].inputs;
    bool again = last_gradient[inputs[k]] > op;
    for (uint32_t j = 0; j < k; j++) {
        again = again || inputs[j] == inputs[k];
    }
    return again;
}

/* The head writes nothing: the loss does, in its place. */
static void find_last_gradients(const planner *p, uint32_t *last_gradient)
{
    const cnn__program *program = p->program;
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        const bool is_head = program->head && k + 1 == program->op_count;
        for (uint32_t i = 0; (is_head || p->wants_gradient[op->output]) && i < op->input_count; i++) {
            last_gradient[op->inputs[i]] = k;
        }
    }
}

/* The scratch of the op that needs most, with temporaries for gradients that are added up. */
static size_t workspace_size(const planner *p, const uint32_t *last_gradient)
{
    size_t most = 0;
    for (uint32_t k = 0; k < p->program->op_count; k++) {
        const cnn__op *op = &p->program->ops[k];
        size_t size = cnn__align_size(op->spec.workspace_size);
        for (uint32_t i = 0; is_training(p->program) && i < op->input_count; i++) {
            if (p->wants_gradient[op->inputs[i]] && cnn__plan_accumulates(p->program, last_gradient, k, i)) {
                size += value_bytes(p->program, op->inputs[i]);
            }
        }
        most = size > most ? size : most;
    }
    return most;
}

static int larger_first(const void *a, const void *b)
{
    const buffer *const *left = a, *const *right = b;
    if ((*left)->size != (*right)->size) {
        return (*left)->size < (*right)->size ? 1 : -1;
    }
    return *left < *right ? -1 : 1; /* the order of creation, so that a plan is always the same */
}

/* A buffer that has its place, as the search for the next one's sees it. */
typedef struct placed {
    size_t offset, end; /* bytes */
    uint32_t from, to;  /* its time */
} placed;

/* The lowest offset where `size` bytes lie apart from all that is there at the same time; `list` is sorted by offset.
 * *index is where the new one belongs. */
static size_t lowest_offset(const placed *list, uint32_t count, const buffer *one, uint32_t *index)
{
    size_t offset = 0;
    uint32_t i = 0;
    for (; i < count && (list[i].offset < offset || list[i].offset - offset < one->size); i++) {
        const bool together = list[i].from <= one->end && one->begin <= list[i].to;
        offset = together && list[i].end > offset ? list[i].end : offset;
    }
    while (i > 0 && list[i - 1].offset > offset) {
        i--;
    }
    *index = i;
    return offset;
}

/* Places the buffers, the largest first, each at the lowest offset where no buffer of its time lies. */
static bool find_places(buffer *buffers, uint32_t count, buffer **order, placed *list, size_t *total)
{
    *total = 0;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = &buffers[i];
    }
    qsort(order, count, sizeof(*order), larger_first);
    for (uint32_t i = 0; i < count; i++) {
        buffer *one = order[i];
        uint32_t index;
        size_t end;
        one->offset = lowest_offset(list, i, one, &index);
        if (!cnn__add_size(one->offset, one->size, &end) || end > SIZE_MAX / 4) {
            return false;
        }
        memmove(&list[index + 1], &list[index], (i - index) * sizeof(*list));
        list[index] = (placed){one->offset, end, one->begin, one->end};
        *total = end > *total ? end : *total;
    }
    return true;
}

static size_t offset_of(const planner *p, uint32_t index)
{
    return index == UINT32_MAX ? CNN__NOWHERE : p->buffers[index].offset;
}

static cnn_status finish(planner *p, cnn__plan *plan)
{
    const cnn__program *program = p->program;
    buffer **order = cnn__alloc_array(p->model->context, p->count + 1, sizeof(*order));
    placed *list = cnn__alloc_array(p->model->context, p->count + 1, sizeof(*list));
    size_t planned = 0;
    bool fits = order != NULL && list != NULL && find_places(p->buffers, p->count, order, list, &planned);
    const bool complete = order != NULL && list != NULL;
    cnn__free(p->model->context, order);
    cnn__free(p->model->context, list);
    if (!complete) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    plan->workspace = planned;
    find_last_gradients(p, plan->last_gradient);
    plan->workspace_size = workspace_size(p, plan->last_gradient);
    if (!fits || !cnn__add_size(planned, plan->workspace_size, &plan->size) || plan->size > SIZE_MAX / 4) {
        return cnn__fail(p->model->context, CNN_ERROR_LIMIT, "%s: a session of this batch is too large",
                         p->model->name);
    }
    for (uint32_t v = 0; v < program->value_count; v++) {
        plan->values[v] = offset_of(p, p->value_buffers[v]);
        plan->gradients[v] = offset_of(p, p->gradient_buffers[v]);
    }
    for (uint32_t k = 0; k < program->op_count; k++) {
        plan->saved[k] = offset_of(p, p->saved_buffers[k]);
    }
    return CNN_OK;
}

static bool allocate(cnn_context *context, planner *p, cnn__plan *plan)
{
    const size_t values = p->program->value_count, ops = p->program->op_count;
    /* A buffer for each value and each gradient, and what each op keeps. */
    p->buffers = cnn__alloc_array(context, 2 * values + ops, sizeof(*p->buffers));
    p->value_buffers = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->gradient_buffers = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->saved_buffers = cnn__alloc_zero(context, ops * sizeof(uint32_t));
    p->last_read = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->needed = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->first_reader = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->wants_gradient = cnn__alloc_zero(context, values * sizeof(bool));
    p->reached = cnn__alloc_zero(context, values * sizeof(bool));
    plan->values = cnn__alloc_array(context, values, sizeof(size_t));
    plan->gradients = cnn__alloc_array(context, values, sizeof(size_t));
    plan->saved = cnn__alloc_array(context, ops, sizeof(size_t));
    plan->last_gradient = cnn__alloc_zero(context, values * sizeof(uint32_t));
    return p->buffers != NULL && p->value_buffers != NULL && p->gradient_buffers != NULL && p->saved_buffers != NULL &&
           p->last_read != NULL && p->needed != NULL && p->first_reader != NULL && p->wants_gradient != NULL &&
           p->reached != NULL && plan->values != NULL && plan->gradients != NULL && plan->saved != NULL &&
           plan->last_gradient != NULL;
}

cnn_status cnn__plan_create(const cnn_model *model, const cnn__program *program, cnn__plan *plan)
{
    cnn_context *context = model->context;
    planner p = {.model = model, .program = program};
    *plan = (cnn__plan){0};
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (allocate(context, &p, plan)) {
        find_lifetimes(&p);
        drop_dead_gradients(&p);
        place_values(&p);
        place_gradients(&p);
        status = finish(&p, plan);
    }
    cnn__free(context, p.buffers);
    cnn__free(context, p.value_buffers);
    cnn__free(context, p.gradient_buffers);
    cnn__free(context, p.saved_buffers);
    cnn__free(context, p.last_read);
    cnn__free(context, p.needed);
    cnn__free(context, p.first_reader);
    cnn__free(context, p.wants_gradient);
    cnn__free(context, p.reached);
    if (status != CNN_OK) {
        cnn__plan_free(context, plan);
    }
    return status;
}

void cnn__plan_free(cnn_context *context, cnn__plan *plan)
{
    cnn__free(context, plan->values);
    cnn__free(context, plan->gradients);
    cnn__free(context, plan->saved);
    cnn__free(context, plan->last_gradient);
    *plan = (cnn__plan){0};
}
