/* SPDX-License-Identifier: MIT */
/* The pictures of a report: small JPEGs in the page itself. */
#include "report.h"

#include "tool_explain.h"
#include "tool_path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WRONG 24
#define SIDE 160 /* of a thumbnail; smaller images keep their size */
#define QUALITY 80
#define PHOTOS 3 /* of augmentation, each so many times */
#define VIEWS 5

/* ---- a picture ---- */

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static cnn_status gather(void *user, const void *data, size_t size)
{
    bytes *all = user;
    uint8_t *longer = realloc(all->data, all->size + size);
    if (longer == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    memcpy(longer + all->size, data, size);
    all->data = longer;
    all->size += size;
    return CNN_OK;
}

static void write_base64(FILE *out, const bytes *all)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < all->size; i += 3) {
        const size_t left = all->size - i;
        const uint32_t group = (uint32_t)all->data[i] << 16 | (left > 1 ? (uint32_t)all->data[i + 1] << 8 : 0) |
                               (left > 2 ? all->data[i + 2] : 0);
        fputc(digits[group >> 18], out);
        fputc(digits[group >> 12 & 63], out);
        fputc(left > 1 ? digits[group >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[group & 63] : '=', out);
    }
}

static uint32_t longer_side(const cnn_image *image)
{
    const uint32_t width = cnn_image_width(image), height = cnn_image_height(image);
    return width > height ? width : height;
}

/* A copy no larger than a thumbnail; NULL where the image is none. */
static cnn_status shrink(const cnn_image *image, cnn_image **small)
{
    const uint64_t longer = longer_side(image);
    *small = NULL;
    if (longer <= SIDE) {
        return CNN_OK;
    }
    const uint32_t w = (uint32_t)(cnn_image_width(image) * (uint64_t)SIDE / longer);
    const uint32_t h = (uint32_t)(cnn_image_height(image) * (uint64_t)SIDE / longer);
    return cnn_image_resize(image, w > 0 ? w : 1, h > 0 ? h : 1, CNN_RESIZE_AREA, small);
}

/* A thumbnail as an <img>; `alt` says what it shows. */
static cnn_status write_picture(FILE *out, const cnn_image *image, const char *alt)
{
    bytes all = {0};
    const cnn_status status = cnn_image_encode(image, CNN_ENCODE(.format = CNN_IMAGE_JPEG, .quality = QUALITY), gather,
                                               &all);
    if (status == CNN_OK) {
        fprintf(out, "<img%s loading=\"lazy\" width=\"%u\" height=\"%u\" alt=\"",
                longer_side(image) < 100 ? " class=\"tiny\"" : "", (unsigned)cnn_image_width(image),
                (unsigned)cnn_image_height(image));
        report_write_text(out, alt);
        fputs("\" src=\"data:image/jpeg;base64,", out);
        write_base64(out, &all);
        fputs("\">", out);
    }
    free(all.data);
    return status;
}

/* An image as a thumbnail. */
static cnn_status write_small(FILE *out, const cnn_image *image, const char *alt)
{
    cnn_image *small = NULL;
    cnn_status status = shrink(image, &small);
    status = status == CNN_OK ? write_picture(out, small != NULL ? small : image, alt) : status;
    cnn_image_free(small);
    return status;
}

static void begin_section(FILE *out, const char *id, const char *title, const char *text)
{
    fprintf(
        out,
        "<section data-pictures aria-labelledby=\"%s\">\n<h2 id=\"%s\" tabindex=\"-1\">%s</h2>\n<p class=\"soft\">%s"
        "</p>\n<ul class=\"gallery\">\n",
        id, id, title, text);
}

/* Closes the section; NULL if it did not become whole. */
static char *end_section(FILE *out, char **text, cnn_status status)
{
    fputs("</ul>\n</section>\n", out);
    if (fclose(out) != 0 || status != CNN_OK) {
        free(*text);
        *text = NULL;
    }
    return *text;
}

/* ---- mistakes ---- */

typedef struct ranked {
    size_t number;
    float confidence;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->confidence != y->confidence ? (x->confidence < y->confidence ? 1 : -1)
                                          : (x->number > y->number) - (x->number < y->number);
}

/* The wrong predictions, the most confident first; malloc'ed. */
static ranked *rank_mistakes(const tool_predictions *p, size_t *count)
{
    ranked *order = reallocarray(NULL, p->count + 1, sizeof(*order));
    *count = 0;
    for (size_t i = 0; order != NULL && i < p->count; i++) {
        const tool_prediction *item = &p->items[i];
        if (item->label >= 0 && item->best >= 0 && item->best != item->label) {
            order[(*count)++] = (ranked){i, item->confidence};
        }
    }
    if (order != NULL) {
        qsort(order, *count, sizeof(*order), compare_ranked);
    }
    return order;
}

typedef struct mistakes {
    tool *run;
    FILE *out;
    cnn_model *model;
    const cnn_dataset *data;
    cnn_explainer *explainer; /* NULL: no maps */
    float *input;
    size_t values;
} mistakes;

static void open_explainer(mistakes *m)
{
    const cnn_shape shape = cnn_model_input_shape(m->model);
    m->values = (size_t)(shape.dims[0] * shape.dims[1] * shape.dims[2]);
    m->input = reallocarray(NULL, m->values, sizeof(*m->input));
    if (m->input == NULL ||
        cnn_explainer_create(m->model, CNN_EXPLAINER(.method = CNN_GRAD_CAM), &m->explainer) != CNN_OK) {
        m->explainer = NULL; /* such as a network without convolutions */
    }
}

/* The map of the predicted class over a thumbnail of what the network sees of the image. That is the given one, but
 * where the preprocessing cuts, and `image` is then what it leaves. */
static void write_map(mistakes *m, cnn_image **image, const cnn_image *thumbnail, int32_t label, const char *alt)
{
    cnn_explanation found = CNN_EXPLANATION_INIT;
    const cnn_image *whole = *image;
    cnn_image *overlay = NULL, *small = NULL;
    cnn_status status = cnn_session_prepare_image(cnn_explainer_session(m->explainer), *image, m->input, m->values);
    status = status == CNN_OK ? cnn_explainer_run(m->explainer, m->input, label, &found) : status;
    status = status == CNN_OK ? tool_explain_cut(m->run, m->model, image) : status;
    if (status == CNN_OK && found.empty != 0) {
        fputs("<p class=\"soft\">The map is empty: nothing speaks for this class.</p>", m->out);
    } else if (status == CNN_OK) {
        if (*image != whole) {
            status = shrink(*image, &small);
            thumbnail = small != NULL ? small : *image;
        }
        status = status == CNN_OK ? cnn_map_overlay(thumbnail, &found.map, NULL, &overlay) : status;
        status = status == CNN_OK ? write_picture(m->out, overlay, alt) : status;
    }
    cnn_image_free(small);
    cnn_image_free(overlay);
}

/* A photo, what it is taken for, and why. */
static cnn_status write_mistake(mistakes *m, size_t number, const tool_prediction *p)
{
    cnn_image *image = NULL, *small = NULL;
    cnn_status status = cnn_dataset_image(m->data, number, &image);
    status = status == CNN_OK ? shrink(image, &small) : status;
    if (status != CNN_OK) {
        cnn_image_free(image);
        return status;
    }
    const cnn_image *thumbnail = small != NULL ? small : image;
    char *truth = tool_label_text(cnn_model_class_name(m->model, (size_t)p->label), (size_t)p->label);
    char *said = tool_label_text(cnn_model_class_name(m->model, (size_t)p->best), (size_t)p->best);
    const char *path = cnn_dataset_path(m->data, number);
    char *alt = tool_format("%s, predicted as %s", truth, said);
    char *map = tool_format("Where the network looks for %s", said);
    fputs("<li><figure>", m->out);
    status = alt != NULL && map != NULL ? write_picture(m->out, thumbnail, alt) : CNN_ERROR_OUT_OF_MEMORY;
    if (status == CNN_OK && m->explainer != NULL) {
        write_map(m, &image, thumbnail, p->best, map);
    }
    fputs("<figcaption>is <bdi>", m->out);
    report_write_text(m->out, truth);
    fputs("</bdi>, predicted <bdi>", m->out);
    report_write_text(m->out, said);
    fprintf(m->out, "</bdi> with %.4f<br><bdi>", (double)p->confidence);
    if (path != NULL) {
        report_write_text(m->out, tool_base_name(path));
    } else {
        fprintf(m->out, "image %zu", number);
    }
    fputs("</bdi></figcaption></figure></li>\n", m->out);
    free(map);
    free(alt);
    free(said);
    free(truth);
    cnn_image_free(small);
    cnn_image_free(image);
    return status;
}

char *report_wrong(tool *run, cnn_model *model, const cnn_dataset *data, const tool_predictions *predictions,
                   bool explains)
{
    char *text = NULL;
    size_t size = 0, count = 0;
    ranked *order = rank_mistakes(predictions, &count);
    mistakes m = {.run = run, .model = model, .data = data};
    cnn_status status = CNN_OK;
    if (order == NULL || count == 0 || (m.out = open_memstream(&text, &size)) == NULL) {
        free(order);
        return NULL;
    }
    if (explains) {
        open_explainer(&m);
    }
    begin_section(m.out, "mistakes", "Most confident mistakes",
                  m.explainer != NULL ? "Below each photo its class activation map (Grad-CAM) for the predicted class: "
                                        "red is what speaks for it most."
                                      : "The photos about which the model is wrong and most certain.");
    for (size_t i = 0; i < count && i < MOST_WRONG && status == CNN_OK; i++) {
        status = write_mistake(&m, order[i].number, &predictions->items[order[i].number]);
    }
    cnn_explainer_free(m.explainer);
    free(m.input);
    free(order);
    return end_section(m.out, &text, status);
}

/* ---- augmentation ---- */

/* Values as an image: those beyond [0, 1], such as less a mean, are stretched to it. */
static cnn_status values_image(cnn_context *context, const float *values, const cnn_shape *shape, cnn_image **image)
{
    const int64_t *dims = shape->dims + (shape->rank == 4); /* of several views the first */
    const size_t count = (size_t)(dims[0] * dims[1] * dims[2]);
    float low = 0, high = 1;
    for (size_t i = 0; i < count; i++) {
        low = fminf(low, values[i]);
        high = fmaxf(high, values[i]);
    }
    const bool within = low > -0.01f && high < 1.01f;
    low = within ? 0 : low;
    high = within ? 1 : high;
    const cnn_status status = cnn_image_create(context, (uint32_t)dims[1], (uint32_t)dims[0], (uint32_t)dims[2], image);
    for (size_t i = 0; status == CNN_OK && i < count; i++) {
        const float level = (values[i] - low) / (high - low);
        cnn_image_pixels(*image)[i] = (uint8_t)lrintf(255 * fminf(fmaxf(level, 0), 1));
    }
    return status;
}

static cnn_status write_view(FILE *out, tool *run, const cnn_image *photo, const cnn_pipeline *steps, uint64_t key)
{
    const cnn_shape known = cnn_pipeline_output_shape(steps, cnn_image_channels(photo));
    size_t room = (size_t)cnn_image_width(photo) * cnn_image_height(photo) * cnn_image_channels(photo);
    if (known.rank > 0) {
        room = 1;
        for (uint32_t i = 0; i < known.rank; i++) {
            room *= (size_t)known.dims[i];
        }
    }
    cnn_shape shape = {0};
    cnn_image *image = NULL;
    float *values = reallocarray(NULL, room, sizeof(*values));
    cnn_status status = values != NULL ? cnn_pipeline_apply(steps, photo, key, values, room, &shape)
                                       : CNN_ERROR_OUT_OF_MEMORY;
    status = status == CNN_OK ? values_image(run->context, values, &shape, &image) : status;
    if (status == CNN_OK) {
        fputs("<li>", out);
        status = write_small(out, image, "A training image after the random steps");
        fputs("</li>\n", out);
    }
    cnn_image_free(image);
    free(values);
    return status;
}

char *report_augmented(tool *run, const cnn_dataset *data, const cnn_pipeline *steps)
{
    char *text = NULL;
    size_t size = 0;
    const size_t all = cnn_dataset_count(data);
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    begin_section(out, "augmentation", "Training images", "A few as they are, and after the steps of the training.");
    cnn_status status = CNN_OK;
    for (size_t i = 0; i < PHOTOS && i < all && status == CNN_OK; i++) {
        cnn_image *photo = NULL;
        status = cnn_dataset_image(data, i * all / PHOTOS, &photo);
        if (status == CNN_OK) {
            fputs("<li>", out);
            status = write_small(out, photo, "A training image as it is");
            fputs("</li>\n", out);
        }
        for (uint64_t key = 0; key < VIEWS && status == CNN_OK; key++) {
            status = write_view(out, run, photo, steps, i * VIEWS + key);
        }
        cnn_image_free(photo);
    }
    return end_section(out, &text, status);
}
