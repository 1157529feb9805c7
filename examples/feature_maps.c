/* SPDX-License-Identifier: MIT */
/* Draws what a layer makes of a photo, its channels side by side, and tells what a hook sees on the way:
 *     feature_maps MODEL PHOTO LAYER SHEET.png */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

/* Called when the layer has computed its value, before anything reads it. */
static cnn_status look(void *user, const char *name, cnn_hook_pass pass, const cnn_tensor *value)
{
    (void)user;
    (void)pass;
    float largest = value->data[0];
    size_t count = 1;
    for (uint32_t i = 0; i < value->shape.rank; i++) {
        count *= (size_t)value->shape.dims[i];
    }
    for (size_t i = 1; i < count; i++) {
        largest = value->data[i] > largest ? value->data[i] : largest;
    }
    printf("%s: %zu values, the largest is %g\n", name, count, (double)largest);
    return CNN_OK;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: feature_maps MODEL PHOTO LAYER SHEET.png\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_session *session = NULL;
    cnn_image *sheet = NULL;
    cnn_tensor maps;
    cnn_prediction best = {0, 0, NULL};
    const char *layer = argv[3];
    size_t count = 1, dead = 0;
    bool ok = cnn_context_create(NULL, &context) == CNN_OK && cnn_model_load(context, argv[1], &model) == CNN_OK &&
              cnn_session_create(model, CNN_SESSION(.keep = &layer, .keep_count = 1), &session) == CNN_OK &&
              cnn_session_set_hook(session, look, NULL) == CNN_OK &&
              cnn_session_predict_file(session, argv[2], &best, &count) == CNN_OK &&
              cnn_session_activation(session, layer, &maps) == CNN_OK &&
              cnn_activation_image(context, &maps, CNN_ACTIVATION_IMAGE(.columns = 8, .margin = 2), &sheet, &dead) ==
                  CNN_OK &&
              cnn_image_save(sheet, argv[4], NULL) == CNN_OK;
    if (ok) {
        printf("%s: %zu dead channels\n", argv[4], dead);
    } else {
        fprintf(stderr, "feature_maps: %s\n", cnn_last_error(context));
    }
    cnn_image_free(sheet);
    cnn_session_free(session);
    cnn_model_free(model);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
