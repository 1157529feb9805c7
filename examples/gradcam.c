/* SPDX-License-Identifier: MIT */
/* Where in a photo a network sees its class, by Grad-CAM:
 *     gradcam MODEL PHOTO OVERLAY.png [CLASS] */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: gradcam MODEL PHOTO OVERLAY.png [CLASS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_explainer *explainer = NULL;
    cnn_image *photo = NULL, *overlay = NULL;
    cnn_explanation found = CNN_EXPLANATION_INIT;
    float *input = NULL;
    bool ok = cnn_context_create(NULL, &context) == CNN_OK && cnn_model_load(context, argv[1], &model) == CNN_OK &&
              cnn_explainer_create(model, CNN_EXPLAINER(.method = CNN_GRAD_CAM), &explainer) == CNN_OK &&
              cnn_image_load(context, argv[2], NULL, &photo) == CNN_OK;
    if (ok) {
        const cnn_shape shape = cnn_model_input_shape(model);
        const size_t values = (size_t)(shape.dims[0] * shape.dims[1] * shape.dims[2]);
        const int label = argc > 4 ? atoi(argv[4]) : -1; /* the most probable */
        input = malloc(values * sizeof(*input));
        ok = input != NULL &&
             cnn_session_prepare_file(cnn_explainer_session(explainer), argv[2], input, values) == CNN_OK &&
             cnn_explainer_run(explainer, input, label, &found) == CNN_OK &&
             cnn_map_overlay(photo, &found.map, NULL, &overlay) == CNN_OK &&
             cnn_image_save(overlay, argv[3], NULL) == CNN_OK;
    }
    if (ok) {
        const char *name = cnn_model_class_name(model, (size_t)found.label);
        printf("%s: class %d (%s), score %.3f, layer %s%s\n", argv[3], (int)found.label, name != NULL ? name : "-",
               found.score, cnn_explainer_layer(explainer), found.empty ? "; nothing speaks for it" : "");
    } else {
        fprintf(stderr, "gradcam: %s\n", cnn_last_error(context));
    }
    free(input);
    cnn_image_free(overlay);
    cnn_image_free(photo);
    cnn_explainer_free(explainer);
    cnn_model_free(model);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
