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
    cnn__program *program;
    buffer *buffers;
    uint32_t count;
    uint32_t *value_buffers;    /* value -> buffer; UINT32_MAX: none */
    uint32_t *gradient_buffers; /* value -> buffer; UINT32_MAX: none */
    uint32_t *saved_buffers;    /* op -> buffer; UINT32_MAX: none */
    uint32_t *readers;          /* value -> how many inputs of ops it is */
    uint32_t *last_reader;      /* value -> last op that reads it and runs backward; UINT32_MAX: none */
    uint32_t *needed;           /* value -> last time that anything reads it */
    bool *written;              /* value -> its gradient has been written, going backward */
    bool *node_written;         /* node -> so have those of its parameters */
} planner;

static uint32_t end_of_time(const cnn__program *program) { return 2 * program->op_count + 1; }
static uint32_t backward_time(const cnn__program *program, uint32_t op) { return 2 * program->op_count - op; }

/* When an op's backward has read for the last time what forward left for it: where backward passes may be repeated,
 * never. */
static uint32_t release_time(const cnn__program *program, uint32_t op)
{
    return program->repeats ? end_of_time(program) : backward_time(program, op);
}

static void later(uint32_t *time, uint32_t candidate) { *time = candidate > *time ? candidate : *time; }

static uint32_t new_buffer(planner *p, size_t size, uint32_t begin, uint32_t end)
{
    p->buffers[p->count] = (buffer){size, begin, end, 0};
    return p->count++;
}

/* When an op's inputs from outside its stretch are read for the last time, and from when on its output is written. */
static uint32_t read_time(const cnn__op *op, uint32_t k) { return op->stretch.samples > 0 ? op->stretch.end - 1 : k; }
static uint32_t write_time(const cnn__op *op, uint32_t k) { return op->stretch.samples > 0 ? op->stretch.begin : k; }

/* Bytes of a value's place: those of a batch, or of the samples that are on their way through its stretch. */
static size_t place_bytes(const cnn__program *program, const cnn__value *value)
{
    const size_t batch = program->batch;
    return value->part == 0 ? cnn__value_bytes(value)
                            : cnn__align_size(value->values / batch * value->part * sizeof(float));
}

/* When each value is read: by ops going forward, and by the backward of its producer and readers. */
static void find_lifetimes(planner *p)
{
    const cnn__program *program = p->program;
    memset(p->last_reader, 0xff, program->value_count * sizeof(*p->last_reader));
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        for (uint32_t i = 0; i < op->input_count; i++) {
            const uint32_t v = op->inputs[i];
            p->readers[v]++;
            p->last_reader[v] = op->has_backward ? k : p->last_reader[v];
            const uint32_t read = program->values[v].part > 0 ? k : read_time(op, k);
            later(&p->needed[v], op->has_backward && op->spec.backward_needs_input ? release_time(program, k) : read);
        }
        later(&p->needed[op->output],
              op->has_backward && op->spec.backward_needs_output ? release_time(program, k) : k);
    }
    for (uint32_t v = 0; v < program->value_count; v++) {
        p->needed[v] = program->values[v].kept ? end_of_time(program) : p->needed[v];
    }
}

/* An op may write over its first input if nobody reads that afterwards, nor the op itself as a further input. */
static bool runs_in_place(const planner *p, uint32_t k)
{
    const cnn__program *program = p->program;
    const cnn__op *op = &program->ops[k];
    const uint32_t input = op->inputs[0];
    bool again = false;
    for (uint32_t i = 1; i < op->input_count; i++) {
        again = again || op->inputs[i] == input;
    }
    return op->spec.in_place && !again && program->values[input].role == CNN__VALUE_INNER && p->needed[input] <= k &&
           program->values[input].values == program->values[op->output].values &&
           program->values[input].part == program->values[op->output].part;
}

static void place_values(planner *p)
{
    const cnn__program *program = p->program;
    memset(p->value_buffers, 0xff, program->value_count * sizeof(*p->value_buffers));
    for (uint32_t k = 0; k < program->op_count; k++) {
        const cnn__op *op = &program->ops[k];
        const cnn__value *output = &program->values[op->output];
        if (runs_in_place(p, k)) {
            uint32_t shared = p->value_buffers[op->inputs[0]];
            p->value_buffers[op->output] = shared;
            later(&p->buffers[shared].end, p->needed[op->output]);
        } else {
            p->value_buffers[op->output] = new_buffer(p, place_bytes(program, output),
                                                      output->part > 0 ? k : write_time(op, k), p->needed[op->output]);
        }
        p->saved_buffers[k] = UINT32_MAX;
        if ((program->training || op->has_backward) && !op->settled && op->spec.saved_size > 0) {
            p->saved_buffers[k] = new_buffer(p, cnn__align_size(op->spec.saved_size), k,
                                             op->has_backward ? release_time(program, k) : k);
        }
    }
}

/* The gradient of an op's input may lie where that of its output lies if nobody else writes to it, and nobody reads
 * that of the output afterwards. */
static bool shares_gradient(const planner *p, const cnn__op *op)
{
    const cnn__value *input = &p->program->values[op->inputs[0]], *output = &p->program->values[op->output];
    return op->spec.in_place && op->input_count == 1 && p->readers[op->inputs[0]] == 1 &&
           input->values == output->values && !input->begins && !output->begins && !output->keeps_gradient;
}

/* Of an op that hands its output's gradient on, one input may have it there even if others add theirs: they do so
 * later, going backward. Which input; input_count: none. */
static uint32_t takes_gradient(const planner *p, uint32_t k)
{
    const cnn__op *op = &p->program->ops[k];
    const cnn__value *output = &p->program->values[op->output];
    const bool may = op->type != NULL && op->type->hands_gradient_on && !output->begins && !output->keeps_gradient;
    for (uint32_t i = 0; i < op->input_count && may; i++) {
        const uint32_t v = op->inputs[i];
        const cnn__value *input = &p->program->values[v];
        uint32_t times = 0;
        for (uint32_t j = 0; j < op->input_count; j++) {
            times += op->inputs[j] == v;
        }
        if (times == 1 && input->has_gradient && !input->begins && input->values == output->values &&
            p->last_reader[v] == k) {
            return i;
        }
    }
    return op->input_count;
}

static void place_gradient(planner *p, uint32_t v, uint32_t end)
{
    const cnn__program *program = p->program;
    const cnn__value *value = &program->values[v];
    end = value->keeps_gradient ? end_of_time(program) : end;
    if (p->gradient_buffers[v] != UINT32_MAX) {
        later(&p->buffers[p->gradient_buffers[v]].end, end);
        return;
    }
    const uint32_t begin = value->begins || p->last_reader[v] == UINT32_MAX ? program->op_count
                                                                            : backward_time(program, p->last_reader[v]);
    p->gradient_buffers[v] = new_buffer(p, cnn__value_bytes(value), begin, end);
}

/* From the last op to the first: a gradient lives from its first writer going backward to its producer. */
static void place_gradients(planner *p)
{
    const cnn__program *program = p->program;
    memset(p->gradient_buffers, 0xff, program->value_count * sizeof(*p->gradient_buffers));
    for (uint32_t k = program->op_count; k-- > 0;) {
        const cnn__op *op = &program->ops[k];
        if (program->values[op->output].has_gradient) {
            place_gradient(p, op->output, backward_time(program, k));
        }
        if (op->has_backward && shares_gradient(p, op) && program->values[op->inputs[0]].has_gradient) {
            p->gradient_buffers[op->inputs[0]] = p->gradient_buffers[op->output];
        }
        const uint32_t taker = op->has_backward ? takes_gradient(p, k) : op->input_count;
        if (taker < op->input_count) {
            p->gradient_buffers[op->inputs[taker]] = p->gradient_buffers[op->output];
        }
    }
    for (uint32_t v = 0; v < program->value_count; v++) {
        if (program->values[v].role == CNN__VALUE_INPUT && program->values[v].has_gradient) {
            place_gradient(p, v, end_of_time(program));
        }
    }
}

/* Which gradients are added to what is there, going backward: those of values and parameters that an op before has
 * written, or that began with what comes from outside. */
static void find_sums(planner *p)
{
    cnn__program *program = p->program;
    for (uint32_t v = 0; v < program->value_count; v++) {
        p->written[v] = program->values[v].begins;
    }
    for (uint32_t k = program->op_count; k-- > 0;) {
        cnn__op *op = &program->ops[k];
        for (uint32_t i = 0; i < op->input_count && op->has_backward; i++) {
            if (program->values[op->inputs[i]].has_gradient) {
                op->accumulates |= (uint32_t)p->written[op->inputs[i]] << i;
                p->written[op->inputs[i]] = true;
            }
        }
        if (op->has_backward && op->has_trained) {
            const uint32_t owner = p->model->nodes[op->node].owner;
            op->adds_parameters = p->node_written[owner];
            p->node_written[owner] = true;
        }
    }
}

/* The scratch of an op, with temporaries for gradients that are added up; 0 if it does not fit. */
static bool op_workspace(const planner *p, const cnn__op *op, size_t *size)
{
    bool fits = true;
    *size = cnn__align_size(op->spec.workspace_size);
    for (uint32_t i = 0; i < op->input_count; i++) {
        if ((op->accumulates >> i & 1u) != 0) {
            fits = fits && cnn__add_size(*size, cnn__value_bytes(&p->program->values[op->inputs[i]]), size);
        }
    }
    for (uint32_t i = 0; i < op->parameter_count && op->adds_parameters; i++) {
        const cnn__parameter *parameter = &p->model->parameters[op->parameters[i]];
        fits = fits && cnn__add_size(*size, cnn__align_size(parameter->values * sizeof(float)), size);
    }
    return fits;
}

/* That of the op that needs most. A gradient from outside becomes that of the logits there, too. */
static bool workspace_size(const planner *p, size_t *most)
{
    *most = 0;
    for (uint32_t k = 0; k < p->program->op_count; k++) {
        size_t size = 0;
        if (!op_workspace(p, &p->program->ops[k], &size)) {
            return false;
        }
        *most = size > *most ? size : *most;
    }
    for (uint32_t i = 0; i < p->program->output_count; i++) {
        const cnn__value *logits = &p->program->values[p->program->outputs[i].logits];
        const size_t size = logits->has_gradient ? cnn__value_bytes(logits) : 0;
        *most = size > *most ? size : *most;
    }
    return true;
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
    cnn__program *program = p->program;
    cnn_context *context = p->model->context;
    buffer **order = cnn__alloc_array(context, p->count + 1, sizeof(*order));
    placed *list = cnn__alloc_array(context, p->count + 1, sizeof(*list));
    size_t planned = 0;
    const bool memory = order != NULL && list != NULL;
    bool fits = memory && find_places(p->buffers, p->count, order, list, &planned) &&
                workspace_size(p, &plan->workspace_size);
    cnn__free(context, order);
    cnn__free(context, list);
    if (!memory) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    plan->workspace = planned;
    if (!fits || !cnn__add_size(planned, plan->workspace_size, &plan->size) || plan->size > SIZE_MAX / 4) {
        return cnn__fail(p->model->context, CNN_ERROR_LIMIT, "%s: a session of this batch is too large",
                         p->model->name);
    }
    for (uint32_t v = 0; v < program->value_count; v++) {
        program->values[v].place = offset_of(p, p->value_buffers[v]);
        program->values[v].gradient_place = offset_of(p, p->gradient_buffers[v]);
    }
    for (uint32_t k = 0; k < program->op_count; k++) {
        program->ops[k].saved = offset_of(p, p->saved_buffers[k]);
    }
    return CNN_OK;
}

static bool allocate(cnn_context *context, planner *p)
{
    const size_t values = p->program->value_count, ops = p->program->op_count;
    /* A buffer for each value and each gradient, and what each op keeps. */
    p->buffers = cnn__alloc_array(context, 2 * values + ops, sizeof(*p->buffers));
    p->value_buffers = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->gradient_buffers = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->saved_buffers = cnn__alloc_zero(context, ops * sizeof(uint32_t));
    p->readers = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->last_reader = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->needed = cnn__alloc_zero(context, values * sizeof(uint32_t));
    p->written = cnn__alloc_zero(context, values * sizeof(bool));
    p->node_written = cnn__alloc_zero(context, p->model->node_count * sizeof(bool));
    return p->buffers != NULL && p->value_buffers != NULL && p->gradient_buffers != NULL && p->saved_buffers != NULL &&
           p->readers != NULL && p->last_reader != NULL && p->needed != NULL && p->written != NULL &&
           p->node_written != NULL;
}

cnn_status cnn__plan_create(const cnn_model *model, cnn__program *program, cnn__plan *plan)
{
    cnn_context *context = model->context;
    planner p = {.model = model, .program = program};
    *plan = (cnn__plan){0};
    cnn_status status = CNN_ERROR_OUT_OF_MEMORY;
    if (allocate(context, &p)) {
        find_lifetimes(&p);
        place_values(&p);
        place_gradients(&p);
        find_sums(&p);
        status = finish(&p, plan);
    }
    cnn__free(context, p.buffers);
    cnn__free(context, p.value_buffers);
    cnn__free(context, p.gradient_buffers);
    cnn__free(context, p.saved_buffers);
    cnn__free(context, p.readers);
    cnn__free(context, p.last_reader);
    cnn__free(context, p.needed);
    cnn__free(context, p.written);
    cnn__free(context, p.node_written);
    return status;
}
