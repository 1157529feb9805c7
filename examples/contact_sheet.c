/* SPDX-License-Identifier: MIT */
/* Draws 40 test images, chosen at random, on one sheet, the predicted class below each, green where it is right and red
 * where not:
 *     contact_sheet MODEL DATA SHEET.png */
#include <cnn/cnn.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 8, ROWS = 5, CELL_WIDTH = 100, CELL_HEIGHT = 108, PICTURE = 84, DOT = 2 };

/* Letters of 3 x 5 dots: an octal digit for each row. */
static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/";
static const uint16_t letters[] = {025755, 065656, 034443, 065556, 074647, 074644, 034553, 055755, 072227, 011152,
                                   055655, 044447, 057755, 065555, 025552, 065644, 025573, 065655, 034216, 072222,
                                   055557, 055552, 055775, 055255, 055222, 071247, 075557, 026227, 061247, 061216,
                                   055711, 074616, 034652, 071122, 025252, 025316, 000700, 011244};

static void fill(cnn_image *sheet, uint32_t x, uint32_t y, uint32_t width, uint32_t height, const uint8_t *color)
{
    for (uint32_t row = y; row < y + height; row++) {
        for (uint32_t column = x; column < x + width; column++) {
            memcpy(cnn_image_pixels(sheet) + (row * cnn_image_width(sheet) + column) * 3, color, 3);
        }
    }
}

static void write_text(cnn_image *sheet, uint32_t x, uint32_t y, const char *text, const uint8_t *color)
{
    for (size_t i = 0; text[i] != '\0' && i < 12; i++) {
        const char *found = strchr(characters, toupper((unsigned char)text[i]));
        uint16_t dots = found != NULL ? letters[found - characters] : 0;
        for (uint32_t dot = 0; dot < 15; dot++) {
            if (dots >> (14 - dot) & 1) {
                fill(sheet, x + (uint32_t)i * 4 * DOT + dot % 3 * DOT, y + dot / 3 * DOT, DOT, DOT, color);
            }
        }
    }
}

/* Copies a picture, grey or not, to its place. */
static void paste(cnn_image *sheet, uint32_t x, uint32_t y, cnn_image *picture)
{
    uint32_t channels = cnn_image_channels(picture);
    for (uint32_t i = 0; i < PICTURE * PICTURE; i++) {
        const uint8_t *pixel = cnn_image_pixels(picture) + i * channels;
        fill(sheet, x + i % PICTURE, y + i / PICTURE, 1, 1,
             (const uint8_t[]){pixel[0], pixel[channels / 2], pixel[channels - 1]});
    }
}

static cnn_status draw_cell(cnn_session *session, const cnn_dataset *data, size_t index, cnn_image *sheet, int *right)
{
    static const uint8_t green[] = {0, 130, 40}, red[] = {200, 20, 20};
    uint32_t x = index % COLUMNS * CELL_WIDTH + 4, y = (uint32_t)(index / COLUMNS) * CELL_HEIGHT + 4;
    cnn_image *image = NULL, *picture = NULL;
    cnn_prediction best = {0, 0, NULL};
    size_t count = 1;
    cnn_status status = cnn_dataset_image(data, index, &image);
    if (status == CNN_OK) {
        status = cnn_session_predict_image(session, image, &best, &count);
    }
    if (status == CNN_OK) {
        status = cnn_image_resize(image, PICTURE, PICTURE, CNN_RESIZE_NEAREST, &picture);
    }
    if (status == CNN_OK) {
        bool good = best.label == cnn_dataset_label(data, index);
        paste(sheet, x, y, picture);
        write_text(sheet, x, y + PICTURE + 4, best.name != NULL ? best.name : "-", good ? green : red);
        *right += good;
    }
    cnn_image_free(picture);
    cnn_image_free(image);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: contact_sheet MODEL DATA SHEET.png\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_dataset *all = NULL, *data = NULL;
    cnn_session *session = NULL;
    cnn_image *sheet = NULL;
    bool ok = cnn_context_create(NULL, &context) == CNN_OK && cnn_model_load(context, argv[1], &model) == CNN_OK &&
              cnn_dataset_open(context, argv[2], CNN_FILES(.part = "test"), &all) == CNN_OK &&
              cnn_dataset_sample(all, COLUMNS * ROWS, cnn_context_seed(context), &data) == CNN_OK &&
              cnn_session_create(model, NULL, &session) == CNN_OK &&
              cnn_image_create(context, COLUMNS * CELL_WIDTH, ROWS * CELL_HEIGHT, 3, &sheet) == CNN_OK;
    if (ok) {
        memset(cnn_image_pixels(sheet), 255, (size_t)3 * COLUMNS * CELL_WIDTH * ROWS * CELL_HEIGHT);
    }
    int right = 0, drawn = 0;
    for (; ok && drawn < COLUMNS * ROWS && (size_t)drawn < cnn_dataset_count(data); drawn++) {
        ok = draw_cell(session, data, (size_t)drawn, sheet, &right) == CNN_OK;
    }
    ok = ok && cnn_image_save(sheet, argv[3], NULL) == CNN_OK;
    if (ok) {
        printf("%s: %d of %d right\n", argv[3], right, drawn);
    } else {
        fprintf(stderr, "contact_sheet: %s\n", cnn_last_error(context));
    }
    cnn_image_free(sheet);
    cnn_session_free(session);
    cnn_dataset_free(data);
    cnn_dataset_free(all);
    cnn_model_free(model);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
