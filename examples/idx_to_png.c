/* SPDX-License-Identifier: MIT */
/* Writes the first test images of a dataset as PNG files that are named after number and class:
 *     idx_to_png DATA FOLDER [COUNT] */
#include <cnn/cnn.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* "FOLDER/0003-ankle-boot.png" for sample 3 of class "Ankle boot". */
static void name_file(char *path, size_t size, const char *folder, size_t index, const char *class_name)
{
    char word[64];
    snprintf(word, sizeof(word), "%s", class_name != NULL ? class_name : "unlabelled");
    for (char *letter = word; *letter != '\0'; letter++) {
        *letter = (char)(isalnum((unsigned char)*letter) ? tolower((unsigned char)*letter) : '-');
    }
    snprintf(path, size, "%s/%04d-%s.png", folder, (int)index, word);
}

static cnn_status write_image(const cnn_dataset *data, size_t index, const char *folder)
{
    char path[4096];
    cnn_image *image = NULL;
    name_file(path, sizeof(path), folder, index, cnn_dataset_class_name(data, (size_t)cnn_dataset_label(data, index)));
    cnn_status status = cnn_dataset_image(data, index, &image);
    if (status == CNN_OK) {
        status = cnn_image_save(image, path, NULL);
    }
    if (status == CNN_OK) {
        printf("%s\n", path);
    }
    cnn_image_free(image);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: idx_to_png DATA FOLDER [COUNT]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    bool ok = cnn_context_create(NULL, &context) == CNN_OK &&
              cnn_dataset_open(context, argv[1], CNN_FILES(.part = "test"), &data) == CNN_OK;
    size_t count = argc > 3 ? (size_t)atoi(argv[3]) : 10;
    for (size_t i = 0; ok && i < count && i < cnn_dataset_count(data); i++) {
        ok = write_image(data, i, argv[2]) == CNN_OK;
    }
    if (!ok) {
        fprintf(stderr, "idx_to_png: %s\n", cnn_last_error(context));
    }
    cnn_dataset_free(data);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
