/* SPDX-License-Identifier: MIT */
/* Classes by the nearest centroid: the head is that of the definition, and new classes come in beside the old ones. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"

#define MANY 60

static cnn_context *context;
static cnn_model *model;

/* The fixture's network with preprocessing, trained a little. */
static void setup(void)
{
    cnn_dataset *dataset = NULL;
    cnn_loader *loader = NULL;
    cnn_optimizer *optimizer = NULL;
    cnn_pipeline *pipeline = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, MANY, &dataset), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.batch = 10, .shuffle = 1), &loader), CNN_OK);
    ck_assert_int_eq(cnn_optimizer_create(context, "adam:learning_rate=0.01", &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = 3), NULL), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, "", &pipeline), CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(model, pipeline), CNN_OK);
    cnn_pipeline_free(pipeline);
    cnn_optimizer_free(optimizer);
    cnn_loader_free(loader);
    cnn_dataset_free(dataset);
}

static void teardown(void)
{
    cnn_model_free(model);
    cnn_context_free(context);
}

/* `each` images of these classes of the fixture, from number `first` on. */
static cnn_dataset *photos(size_t first, size_t each, const int *classes, size_t class_count)
{
    static uint8_t pixels[MANY * TEST_PIXELS];
    static int32_t labels[MANY];
    static const char *const all[] = {"across", "upright", "block"};
    const char *names[TEST_CLASSES];
    cnn_dataset *dataset = NULL;
    size_t count = 0;
    for (size_t c = 0; c < class_count; c++) {
        names[c] = all[classes[c]];
        for (size_t i = 0; i < each; i++, count++) {
            test_draw(TEST_CLASSES * (first + i) + (size_t)classes[c], pixels + count * TEST_PIXELS);
            labels[count] = (int32_t)c;
        }
    }
    ck_assert_int_eq(cnn_dataset_create(context,
                                        CNN_ARRAYS(.bytes = pixels, .labels = labels, .count = count,
                                                   .height = TEST_SIDE, .width = TEST_SIDE, .channels = 1,
                                                   .classes = names, .class_count = class_count),
                                        &dataset),
                     CNN_OK);
    return dataset;
}

static double accuracy(cnn_model *of, const cnn_dataset *dataset)
{
    cnn_loader *loader = NULL;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    ck_assert_int_eq(cnn_loader_create(context, dataset, CNN_LOADER(.batch = 10), &loader), CNN_OK);
    ck_assert_msg(cnn_evaluate(of, CNN_EVALUATE(.loader = loader), &result) == CNN_OK, "%s", cnn_last_error(context));
    cnn_loader_free(loader);
    return result.accuracy;
}

static const int two[] = {0, 1}, third[] = {2}, three[] = {0, 1, 2};

/* The logits are -s |x - c|^2 + s |x|^2 of features and centroids that are computed here. */
START_TEST(the_head_is_the_definition)
{
    cnn_dataset *dataset = photos(40, 5, three, 3), *features = NULL;
    cnn_model *made = NULL;
    cnn_parameter kernel = CNN_PARAMETER_INIT, bias = CNN_PARAMETER_INIT;
    ck_assert_msg(cnn_centroids_create(model, CNN_CENTROIDS(.dataset = dataset), &made) == CNN_OK, "%s",
                  cnn_last_error(context));
    ck_assert_int_eq(cnn_model_find_parameter(made, "head_centroids/kernel", &kernel), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(made, "head_centroids/bias", &bias), CNN_OK);
    const size_t width = (size_t)kernel.value.shape.dims[0];
    const size_t last = cnn_model_layer_count(model);
    ck_assert_int_eq(cnn_features_create(model,
                                         CNN_FEATURES(.dataset = dataset,
                                                      .layer = cnn_model_layer_name(model, last - 2)),
                                         &features),
                     CNN_OK);
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    ck_assert_int_eq(cnn_loader_create(context, features, CNN_LOADER(.batch = 15), &loader), CNN_OK);
    ck_assert_int_eq(cnn_loader_next(loader, &batch), CNN_OK);
    double scale = 0;
    for (size_t c = 0; c < 3; c++) {
        double squares = 0, weights = 0;
        for (size_t v = 0; v < width; v++) {
            double mean = 0;
            for (size_t i = 0; i < 5; i++) {
                mean += (double)batch.images[(c * 5 + i) * width + v] / 5;
            }
            const double w = kernel.value.data[v * 3 + c];
            scale = c == 0 && fabs(mean) > 0.1 && scale == 0 ? w / (2 * mean) : scale;
            ck_assert_double_eq_tol(w, 2 * scale * mean, 1e-4 * fabs(w) + 1e-5);
            squares += mean * mean;
            weights += w * w;
        }
        ck_assert_double_eq_tol(bias.value.data[c], -scale * squares, 1e-4 * scale * squares);
        ck_assert(weights > 0);
    }
    ck_assert(scale > 0);
    cnn_loader_free(loader);
    cnn_dataset_free(features);
    cnn_model_free(made);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(a_new_class_comes_in_beside_the_old_ones)
{
    cnn_dataset *first = photos(40, 5, two, 2), *later = photos(40, 5, third, 1), *test = photos(50, 10, three, 3);
    cnn_model *made = NULL, *more = NULL, *again = NULL;
    cnn_parameter before = CNN_PARAMETER_INIT, after = CNN_PARAMETER_INIT;
    first = (cnn_dataset_free(first), photos(40, 5, two, 2));
    ck_assert_int_eq(cnn_centroids_create(model, CNN_CENTROIDS(.dataset = first), &made), CNN_OK);
    ck_assert_uint_eq(cnn_model_class_count(made), 2);
    cnn_dataset_free(later);
    later = photos(40, 5, third, 1);
    ck_assert_msg(cnn_centroids_create(made, CNN_CENTROIDS(.dataset = later), &more) == CNN_OK, "%s",
                  cnn_last_error(context));
    ck_assert_uint_eq(cnn_model_class_count(more), 3);
    ck_assert_str_eq(cnn_model_class_name(more, 2), "block");
    ck_assert_int_eq(cnn_model_find_parameter(made, "head_centroids/kernel", &before), CNN_OK);
    ck_assert_int_eq(cnn_model_find_parameter(more, "head_centroids/kernel", &after), CNN_OK);
    for (size_t v = 0; v < (size_t)before.value.shape.dims[0]; v++) {
        ck_assert_float_eq(before.value.data[2 * v], after.value.data[3 * v]);
        ck_assert_float_eq(before.value.data[2 * v + 1], after.value.data[3 * v + 1]);
    }
    cnn_dataset_free(test);
    test = photos(50, 10, three, 3);
    ck_assert(accuracy(more, test) > 0.8);
    /* All at once gives the same classes; a class that is there is learned anew. */
    ck_assert_int_eq(cnn_centroids_create(more, CNN_CENTROIDS(.dataset = test), &again), CNN_OK);
    ck_assert_uint_eq(cnn_model_class_count(again), 3);
    ck_assert(accuracy(again, test) > 0.8);
    cnn_model_free(again);
    cnn_model_free(more);
    cnn_model_free(made);
    cnn_dataset_free(test);
    cnn_dataset_free(later);
    cnn_dataset_free(first);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    cnn_dataset *one = photos(40, 5, third, 1);
    cnn_model *made = NULL;
    ck_assert_int_eq(cnn_centroids_create(model, CNN_CENTROIDS(.dataset = one), &made), CNN_ERROR_FORMAT);
    ck_assert_ptr_null(made);
    ck_assert_int_eq(cnn_centroids_create(model, CNN_CENTROIDS(.dataset = one, .layer = "none"), &made),
                     CNN_ERROR_NOT_FOUND);
    ck_assert_int_eq(cnn_centroids_create(model, NULL, &made), CNN_ERROR_INVALID_ARGUMENT);
    cnn_dataset_free(one);
    cnn_dataset *pair = photos(40, 5, two, 2);
    cnn_model *other = NULL;
    ck_assert_int_eq(cnn_centroids_create(model, CNN_CENTROIDS(.dataset = pair), &made), CNN_OK);
    ck_assert_int_eq(cnn_centroids_create(made, CNN_CENTROIDS(.dataset = pair, .layer = cnn_model_layer_name(made, 0)),
                                          &other),
                     CNN_ERROR_MISMATCH);
    cnn_model_free(made);
    cnn_dataset_free(pair);
}
END_TEST

/* Every allocation fails in turn: nothing is left, and nothing made. */
START_TEST(memory_may_lack)
{
    test_allocator memory = {0};
    const cnn_allocator allocator = test_allocator_options(&memory);
    char path[512];
    test_path(path, sizeof(path), "centroids.cnn");
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    for (size_t k = 1;; k++) {
        cnn_context *own = NULL, *saved = context;
        cnn_model *base = NULL, *made = NULL;
        memory = (test_allocator){0};
        ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &own), CNN_OK);
        ck_assert_int_eq(cnn_model_load(own, path, &base), CNN_OK);
        context = own;
        cnn_dataset *dataset = photos(40, 3, two, 2);
        context = saved;
        memory.calls = 0;
        memory.fail_at = k;
        const cnn_status status = cnn_centroids_create(base, CNN_CENTROIDS(.dataset = dataset), &made);
        memory.fail_at = 0;
        ck_assert((status == CNN_OK) == (made != NULL));
        cnn_model_free(made);
        cnn_dataset_free(dataset);
        cnn_model_free(base);
        cnn_context_free(own);
        ck_assert_uint_eq(memory.blocks, 0);
        if (status == CNN_OK) {
            ck_assert_uint_gt(k, 20);
            break;
        }
        ck_assert_int_eq(status, CNN_ERROR_OUT_OF_MEMORY);
    }
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("features/centroids");
    TCase *tests = tcase_create("centroids");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_head_is_the_definition);
    tcase_add_test(tests, a_new_class_comes_in_beside_the_old_ones);
    tcase_add_test(tests, what_cannot_be_is_refused);
    tcase_add_test(tests, memory_may_lack);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
