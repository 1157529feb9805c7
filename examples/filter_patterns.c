/* SPDX-License-Identifier: MIT */
/* Draws images that the first channels of a layer answer to most, in one picture:
 *     filter_patterns MODEL LAYER SHEET.png [COUNT] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 64, MOST = 64 };

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: filter_patterns MODEL LAYER SHEET.png [COUNT]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_image *images[MOST] = {NULL}, *sheet = NULL;
    float means[MOST], *patterns = NULL;
    const int asked = argc > 4 ? atoi(argv[4]) : MOST;
    const size_t count = asked < 1 ? 1 : asked > MOST ? MOST : (size_t)asked;
    bool ok = cnn_context_create(NULL, &context) == CNN_OK && cnn_model_load(context, argv[1], &model) == CNN_OK;
    const int64_t colors = ok ? cnn_model_input_shape(model).dims[2] : 0;
    const size_t values = (size_t)(SIZE * SIZE * colors);
    patterns = malloc(count * values * sizeof(*patterns) + 1);
    ok = ok && patterns != NULL &&
         cnn_explain_patterns(model, CNN_EXPLAIN_PATTERNS(.layer = argv[2], .count = count, .size = SIZE), patterns,
                              means) == CNN_OK;
    for (size_t i = 0; ok && i < count; i++) {
        const cnn_tensor pattern = {patterns + i * values, {3, 0, {SIZE, SIZE, colors}}};
        ok = cnn_pattern_image(context, &pattern, &images[i]) == CNN_OK;
    }
    ok = ok &&
         cnn_image_grid((const cnn_image *const *)images, count, CNN_IMAGE_GRID(.columns = 8, .margin = 5), &sheet) ==
             CNN_OK &&
         cnn_image_save(sheet, argv[3], NULL) == CNN_OK;
    if (ok) {
        printf("%s: %zu channels of %s; the mean of the first became %g\n", argv[3], count, argv[2], (double)means[0]);
    } else {
        fprintf(stderr, "filter_patterns: %s\n", cnn_last_error(context));
    }
    cnn_image_free(sheet);
    for (size_t i = 0; i < count; i++) {
        cnn_image_free(images[i]);
    }
    free(patterns);
    cnn_model_free(model);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
