/* SPDX-License-Identifier: MIT */
/* Predicts a JPEG or PNG that lies in memory, as a camera leaves it there; here it comes from standard input:
 *     predict_memory MODEL < PHOTO */
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

#define MOST_BYTES (32u << 20)
#define MOST_CLASSES 3

/* Decodes the photo and finds its most probable classes; the model knows how to prepare it. */
static cnn_status predict(cnn_model *model, const void *photo, size_t size, cnn_prediction *predictions, size_t *count)
{
    cnn_session *session = NULL;
    cnn_status status = cnn_session_create(model, NULL, &session);
    if (status == CNN_OK) {
        status = cnn_session_predict_memory(session, photo, size, predictions, count);
    }
    cnn_session_free(session);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: predict_memory MODEL < PHOTO\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_prediction predictions[MOST_CLASSES];
    size_t count = MOST_CLASSES;

    void *photo = malloc(MOST_BYTES);
    if (photo == NULL) {
        fprintf(stderr, "predict_memory: out of memory\n");
        return EXIT_FAILURE;
    }
    size_t size = fread(photo, 1, MOST_BYTES, stdin);
    bool ok = cnn_context_create(NULL, &context) == CNN_OK && cnn_model_load(context, argv[1], &model) == CNN_OK &&
              predict(model, photo, size, predictions, &count) == CNN_OK;
    if (ok) {
        for (size_t i = 0; i < count; i++) {
            printf("%s %.4f\n", predictions[i].name != NULL ? predictions[i].name : "(unnamed)",
                   (double)predictions[i].probability);
        }
    } else {
        fprintf(stderr, "predict_memory: %s\n", cnn_last_error(context));
    }
    cnn_model_free(model);
    cnn_context_free(context);
    free(photo);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
