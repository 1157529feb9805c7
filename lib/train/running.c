/* SPDX-License-Identifier: MIT */
/* The scores of an epoch that is under way, as text: so that a training stopped within an epoch goes on as if it had
 * not been. One line for each evaluator whose counts can be kept: name, samples, bytes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "evaluate/evaluator.h"
#include "train/train.h"

/* What a checkpoint keeps of the evaluator's state; nothing if there is nothing or too much. */
static void kept_bytes(const cnn_evaluator *evaluator, cnn__string *bytes)
{
    if (evaluator->rule->pack != NULL) {
        evaluator->rule->pack(evaluator, bytes);
    } else {
        cnn__string_append(bytes, evaluator->state, evaluator->rule->kept_size);
    }
}

static void append_line(cnn__string *text, const cnn_evaluator *evaluator)
{
    static const char digits[] = "0123456789abcdef";
    cnn__string bytes = {.context = text->context};
    kept_bytes(evaluator, &bytes);
    if (bytes.size > 0) {
        cnn__string_printf(text, "%s %llu ", cnn_evaluator_name(evaluator), (unsigned long long)evaluator->samples);
        for (size_t i = 0; i < bytes.size; i++) {
            const unsigned char byte = (unsigned char)bytes.data[i];
            const char pair[2] = {digits[byte / 16], digits[byte % 16]};
            cnn__string_append(text, pair, sizeof(pair));
        }
        cnn__string_append(text, "\n", 1);
    }
    text->status = text->status == CNN_OK ? bytes.status : text->status;
    cnn__string_free(&bytes);
}

cnn_status cnn__running_pack(cnn_history *history, cnn_evaluator *const *evaluators, size_t count)
{
    cnn__string text = {.context = history->context};
    for (size_t i = 0; i < count; i++) {
        append_line(&text, evaluators[i]);
    }
    if (text.status != CNN_OK) {
        cnn__string_free(&text);
        return text.status;
    }
    cnn__free(history->context, history->running_scores);
    history->running_scores = text.data;
    return CNN_OK;
}

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* The line of this evaluator, after its name; NULL if there is none. */
static const char *find_line(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            return line + length + 1;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return NULL;
}

/* Reads pairs of digits up to the end of the line; false if they are none. */
static bool read_bytes(const char *digits, size_t size, unsigned char *bytes)
{
    for (size_t b = 0; b < size; b++) {
        int high = hex_digit(digits[2 * b]), low = hex_digit(digits[2 * b + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[b] = (unsigned char)(16 * high + low);
    }
    return true;
}

static cnn_status take_bytes(cnn_evaluator *evaluator, const unsigned char *bytes, size_t size)
{
    if (evaluator->rule->unpack != NULL) {
        return evaluator->rule->unpack(evaluator, bytes, size);
    }
    if (size != evaluator->rule->kept_size) {
        return CNN_ERROR_FORMAT;
    }
    memcpy(evaluator->state, bytes, size);
    return CNN_OK;
}

/* Reads "samples bytes"; CNN_ERROR_FORMAT if it is not what it must be. */
static cnn_status read_line(const char *line, cnn_evaluator *evaluator)
{
    const char *rest = line, *end = strchr(line, '\n');
    uint64_t samples = 0;
    if (end == NULL || !cnn__parse_u64(line, end, &samples, &rest) || *rest != ' ' || (end - rest) % 2 == 0) {
        return CNN_ERROR_FORMAT;
    }
    const size_t size = (size_t)(end - rest - 1) / 2;
    unsigned char *bytes = cnn__alloc(evaluator->context, size);
    if (bytes == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    cnn_status status = read_bytes(rest + 1, size, bytes) ? take_bytes(evaluator, bytes, size) : CNN_ERROR_FORMAT;
    cnn__free(evaluator->context, bytes);
    evaluator->samples = status == CNN_OK ? samples : 0;
    return status;
}

cnn_status cnn__running_unpack(const cnn_history *history, cnn_evaluator *const *evaluators, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *line = find_line(history->running_scores, cnn_evaluator_name(evaluators[i]));
        cnn_evaluator_reset(evaluators[i]);
        cnn_status status = line != NULL ? read_line(line, evaluators[i]) : CNN_OK;
        if (status == CNN_ERROR_FORMAT) {
            cnn_evaluator_reset(evaluators[i]); /* those of another training, or damaged: they begin anew */
        } else if (status != CNN_OK) {
            return status;
        }
    }
    return CNN_OK;
}

cnn_status cnn__score_alone(cnn_evaluator *evaluator, const cnn_evaluation *batch, double *score)
{
    const uint64_t samples = evaluator->samples;
    cnn__string kept = {.context = evaluator->context};
    *score = NAN;
    if (evaluator->rule->kept_size == 0 && evaluator->rule->pack == NULL) {
        return CNN_OK;
    }
    kept_bytes(evaluator, &kept);
    cnn_status status = kept.status;
    if (status == CNN_OK && (kept.size > 0 || samples == 0)) {
        cnn_evaluator_reset(evaluator);
        status = cnn_evaluator_update(evaluator, batch);
        *score = status == CNN_OK ? cnn_evaluator_score(evaluator) : NAN;
        cnn_evaluator_reset(evaluator);
        if (status == CNN_OK && kept.size > 0) {
            status = take_bytes(evaluator, (const unsigned char *)kept.data, kept.size);
        }
        evaluator->samples = samples;
    }
    cnn__string_free(&kept);
    return status;
}
