/* SPDX-License-Identifier: MIT */
/* Structs that the library fills. */
#include "api/structs.h"

#include <string.h>

/* Structs that the library fills are written no further than their size; those of a newer header are zero behind what
 * this library knows. */
#define FILLED(type, call)                                                                                       \
    for (size_t size = sizeof(size_t); size <= sizeof(type) + 64; size += 8) {                                   \
        union {                                                                                                  \
            type filled;                                                                                         \
            unsigned char bytes[sizeof(type) + 128];                                                             \
        } room;                                                                                                  \
        memset(&room, 0xAA, sizeof(room));                                                                       \
        room.filled.struct_size = size;                                                                          \
        type *to = &room.filled;                                                                                 \
        const cnn_status status = call;                                                                          \
        ck_assert_msg(status == CNN_OK || status == CNN_ERROR_INVALID_ARGUMENT, #type " of %zu bytes: %s", size, \
                      cnn_status_string(status));                                                                \
        ck_assert_msg(size < sizeof(type) || status == CNN_OK, #type " of %zu bytes is refused", size);          \
        ck_assert_uint_eq(room.filled.struct_size, size);                                                        \
        for (size_t i = size; i < sizeof(room); i++) {                                                           \
            ck_assert_msg(room.bytes[i] == 0xAA, #type " of %zu bytes: byte %zu was written", size, i);          \
        }                                                                                                        \
    }

START_TEST(filled)
{
    static float input[TEST_PIXELS];
    cnn_loader *loader = NULL;
    cnn_explainer *explainer = NULL;
    cnn_weights *weights = NULL;
    ck_assert_int_eq(cnn_loader_create(structs_context, structs_data, CNN_LOADER(.batch = 2), &loader), CNN_OK);
    ck_assert_int_eq(cnn_explainer_create(structs_model, CNN_EXPLAINER(.method = CNN_SALIENCY), &explainer), CNN_OK);
    ck_assert_int_eq(cnn_weights_open(structs_context, structs_tensors, &weights), CNN_OK);
    FILLED(cnn_image_info, cnn_image_probe(structs_context, structs_photo, to))
    FILLED(cnn_parameter, cnn_model_parameter(structs_model, 0, to))
    FILLED(cnn_evaluate_result, cnn_evaluate(structs_model, CNN_EVALUATE(.loader = loader), to))
    FILLED(cnn_channel_statistics, cnn_dataset_statistics(structs_context, structs_data, NULL, to))
    FILLED(cnn_explanation, cnn_explainer_run(explainer, input, 0, to))
    FILLED(cnn_weight, cnn_weights_get(weights, 0, to))
    FILLED(cnn_weights_report, cnn_model_import(structs_model, weights, NULL, to))
    static const float scores[4] = {0.1f, 0.4f, 0.6f, 0.9f};
    static const uint8_t marks[4] = {0, 1, 0, 1};
    FILLED(cnn_threshold, cnn_choose_threshold(structs_context, scores, marks, 4, CNN_THRESHOLD_F1, 0, to))
    FILLED(cnn_batch, cnn_loader_next(loader, to))
    cnn_weights_free(weights);
    cnn_explainer_free(explainer);
    cnn_loader_free(loader);
}
END_TEST

void structs_add_filled(TCase *tests) { tcase_add_test(tests, filled); }
