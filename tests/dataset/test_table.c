/* SPDX-License-Identifier: MIT */
/* Datasets that a table lists. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/suite.h"
#include "core/memory.h"
#include "dataset/dataset.h"
#include "dataset/golden_images.h"
#include "dataset/tree.h"

static const char *const photos[] = {"a.jpg", "b.jpg", "c.jpg", "d.jpg"};

/* Writes the table and the files a.jpg to d.jpg beside it, and opens it. */
static cnn_status open_as(const char *name, const char *text, const cnn_files_options *options, cnn_dataset **dataset)
{
    for (size_t i = 0; i < 4; i++) {
        tree_touch(photos[i]);
    }
    tree_write(name, text, strlen(text));
    return cnn_dataset_open(tree_context, tree_path(name), options, dataset);
}

static cnn_dataset *open_good(const char *name, const char *text, const cnn_files_options *options)
{
    cnn_dataset *dataset = NULL;
    cnn_status status = open_as(name, text, options, &dataset);
    ck_assert_msg(status == CNN_OK, "%s", cnn_last_error(tree_context));
    return dataset;
}

static void expect_labels(const cnn_dataset *dataset, size_t count, const int *labels)
{
    ck_assert_uint_eq(cnn_dataset_count(dataset), count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(cnn_dataset_label(dataset, i), labels[i]);
    }
}

static void expect_targets(const cnn_dataset *dataset, size_t index, size_t count, const float *targets)
{
    float found[8];
    ck_assert_uint_eq(cnn_dataset_target_count(dataset), count);
    ck_assert_int_eq(cnn_dataset_targets(dataset, index, found, 8), CNN_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_float_eq(found[i], targets[i]);
    }
    ck_assert_int_eq(cnn_dataset_label(dataset, index), -1);
}

START_TEST(columns_say_all_there_is_to_say)
{
    cnn_dataset *all = open_good("t.csv",
                                 "\xef\xbb\xbfPath,Label,split,weight,group\r\n"
                                 "a.jpg,\"a dog, \"\"Rex\"\"\",train,2.5,ann\r\n"
                                 "\r\n"
                                 " b.jpg , cat ,VAL,,bob\r\n"
                                 "\"c.jpg\" ,\"a dog, \"\"Rex\"\"\",test,0,ann\r\n"
                                 "d.jpg,cat,training,1,",
                                 CNN_FILES(.part = "all"));
    tree_expect_classes(all, "a dog, \"Rex\"", "cat", NULL);
    tree_expect_paths(all, "a.jpg", "b.jpg", "c.jpg", "d.jpg", NULL);
    expect_labels(all, 4, (const int[]){0, 1, 0, 1});
    ck_assert_int_eq(cnn_dataset_task(all), CNN_TASK_CLASSES);
    ck_assert(cnn_dataset_weighted(all));
    ck_assert_float_eq(cnn_dataset_weight(all, 0), 2.5f);
    ck_assert_float_eq(cnn_dataset_weight(all, 1), 1);
    ck_assert_float_eq(cnn_dataset_weight(all, 2), 0);
    ck_assert_int_eq(cnn_dataset_group(all, 0), 0);
    ck_assert_int_eq(cnn_dataset_group(all, 1), 1);
    ck_assert_int_eq(cnn_dataset_group(all, 2), 0);
    ck_assert_int_eq(cnn_dataset_group(all, 3), -1);
    ck_assert(cnn_dataset_has_part(all, "train") && cnn_dataset_has_part(all, "validation"));
    cnn_dataset *train = NULL, *test = NULL;
    ck_assert_int_eq(cnn_dataset_open(tree_context, tree_path("t.csv"), NULL, &train), CNN_OK);
    tree_expect_paths(train, "a.jpg", "d.jpg", NULL);
    ck_assert_int_eq(cnn_dataset_open_table(tree_context, tree_path("t.csv"), CNN_FILES(.part = "test"), &test),
                     CNN_OK);
    tree_expect_paths(test, "c.jpg", NULL);
    tree_expect_classes(test, "a dog, \"Rex\"", "cat", NULL); /* of all rows, whatever part */
    cnn_dataset_free(train);
    cnn_dataset_free(test);
    cnn_dataset_free(all);
}
END_TEST

START_TEST(samples_are_read_with_what_belongs_to_them)
{
    cnn__sample sample;
    tree_write("x/1.png", golden_png, sizeof(golden_png));
    cnn_dataset *dataset = open_good("t.csv", "file,labels,weight\nx/1.png,red|round,3\nx/1.png,,1\n", NULL);
    ck_assert_int_eq(cnn__dataset_read(dataset, 0, NULL, &sample), CNN_OK);
    ck_assert_float_eq(sample.weight, 3);
    ck_assert_float_eq(sample.targets[0] + sample.targets[1], 2);
    cnn__sample_free(&sample);
    ck_assert_int_eq(cnn__dataset_read(dataset, 1, NULL, &sample), CNN_OK);
    ck_assert_float_eq(sample.targets[0] + sample.targets[1], 0);
    cnn__sample_free(&sample);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(several_labels_come_in_three_forms)
{
    static const float first[] = {1, 0, 1}, second[] = {0, 0, 0};
    static const struct {
        const char *name, *text;
    } forms[] = {
        {"t.csv", "image,tags\na.jpg,sky| cat ;cat\nb.jpg,\nc.jpg,dog\n"},
        {"t.csv", "image,cat,dog,sky\na.jpg,1,0,1\nb.jpg,0,0,0\nc.jpg,0,1,0\n"},
        {"t.jsonl", "{\"image\":\"a.jpg\",\"labels\":[\"sky\",\"cat\"]}\n\n{\"labels\":[],\"image\":\"b.jpg\"}\n"
                    "{\"image\":\"c.jpg\",\"labels\":[\"dog\"],\"more\":null}"},
    };
    for (size_t i = 0; i < 3; i++) {
        cnn_dataset *dataset = open_good(forms[i].name, forms[i].text, NULL);
        ck_assert_int_eq(cnn_dataset_task(dataset), CNN_TASK_LABELS);
        tree_expect_classes(dataset, "cat", "dog", "sky", NULL);
        expect_targets(dataset, 0, 3, first);
        expect_targets(dataset, 1, 3, second);
        cnn_dataset_free(dataset);
    }
}
END_TEST

START_TEST(numbers_are_values_or_classes)
{
    cnn_dataset *dataset = open_good("t.csv", "path,label\na.jpg,10\nb.jpg,9\nc.jpg,9\n", NULL);
    tree_expect_classes(dataset, "9", "10", NULL); /* whole numbers, by their values */
    expect_labels(dataset, 3, (const int[]){1, 0, 0});
    cnn_dataset_free(dataset);
    dataset = open_good("t.csv", "path,label\na.jpg,10\nb.jpg,-9.5\n", NULL);
    ck_assert_int_eq(cnn_dataset_task(dataset), CNN_TASK_VALUES);
    tree_expect_classes(dataset, "label", NULL);
    expect_targets(dataset, 1, 1, (const float[]){-9.5f});
    cnn_dataset_free(dataset);
    dataset = open_good("t.csv", "path,label\na.jpg,10\nb.jpg,9\n", CNN_FILES(.task = CNN_TASK_VALUES));
    expect_targets(dataset, 0, 1, (const float[]){10});
    cnn_dataset_free(dataset);
    dataset = open_good("t.csv", "path;value\na.jpg;3\nb.jpg;4\n", NULL);
    expect_targets(dataset, 1, 1, (const float[]){4});
    cnn_dataset_free(dataset);
    dataset = open_good("t.tsv", "path\tx\ty\tsplit\na.jpg\t3\t1e-1\ttrain\nb.jpg\t4\t2\ttest\n", NULL);
    tree_expect_classes(dataset, "x", "y", NULL);
    expect_targets(dataset, 0, 2, (const float[]){3, 0.1f});
    cnn_dataset_free(dataset);
    static const char *const swapped[] = {"y", "x"};
    dataset = open_good("t.tsv", "path\tx\ty\na.jpg\t3\t.5\n", CNN_FILES(.classes = swapped, .class_count = 2));
    expect_targets(dataset, 0, 2, (const float[]){0.5f, 3}); /* columns are found by the names of the outputs */
    cnn_dataset_free(dataset);
    dataset = open_good("t.jsonl", "{\"path\":\"a.jpg\",\"values\":[1,2.5]}", NULL);
    expect_targets(dataset, 0, 2, (const float[]){1, 2.5f});
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(columns_of_marks_with_one_each_are_classes)
{
    cnn_dataset *dataset = open_good("t.csv", "image_id,healthy,rust,scab\na,0,1,0\nb,1,0,0\n", NULL);
    tree_expect_classes(dataset, "healthy", "rust", "scab", NULL);
    expect_labels(dataset, 2, (const int[]){1, 0});
    cnn_dataset_free(dataset);
    dataset = open_good("t.csv", "image_id,healthy,rust\na,0,1\nb,1,0\n", CNN_FILES(.task = CNN_TASK_LABELS));
    expect_targets(dataset, 1, 2, (const float[]){1, 0});
    cnn_dataset_free(dataset);
    dataset = open_good("t.csv", "path,age,sex\na.jpg,3,m\nb.jpg,4,f\n", CNN_FILES(.label_columns = "sex"));
    tree_expect_classes(dataset, "f", "m", NULL);
    cnn_dataset_free(dataset);
}
END_TEST

/* As Kaggle's: names without endings, files in a folder of their own. */
START_TEST(files_are_found_by_id)
{
    tree_touch("train/00a1.JPG");
    tree_touch("train/00a2.JPG");
    cnn_dataset *dataset = open_good("labels.csv", "id,breed\n00a1,pug\n00a2,boxer\n", NULL);
    tree_expect_paths(dataset, "train/00a1.JPG", "train/00a2.JPG", NULL);
    tree_expect_classes(dataset, "boxer", "pug", NULL);
    cnn_dataset_free(dataset);
    tree_touch("sub/x.png");
    dataset = open_good("t.csv", "sub/x.png,cat,train\na.jpg,dog,train\n", NULL); /* without column names */
    tree_expect_paths(dataset, "sub/x.png", "a.jpg", NULL);
    expect_labels(dataset, 2, (const int[]){0, 1});
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(unlabelled_tables_have_no_classes)
{
    cnn_dataset *dataset = open_good("t.csv", "path\na.jpg\nb.jpg\n", NULL);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), 0);
    expect_labels(dataset, 2, (const int[]){-1, -1});
    cnn_dataset_free(dataset);
    dataset = open_good("t.csv", "path,label\na.jpg,\nb.jpg,\n", NULL);
    expect_labels(dataset, 2, (const int[]){-1, -1});
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(rows_without_files_are_left_out_where_that_is_allowed)
{
    static const char text[] = "path,label\na.jpg,x\nnone.jpg,y\nb.jpg,y\n";
    cnn_dataset *dataset = NULL;
    tree_expect_error(open_as("t.csv", text, NULL, &dataset), CNN_ERROR_NOT_FOUND, "t.csv: line 3, column 1 (path)",
                      "\"none.jpg\": No such file", NULL);
    ck_assert_ptr_null(dataset);
    dataset = open_good("t.csv", text, CNN_FILES(.on_error = CNN_ON_ERROR_SKIP));
    tree_expect_paths(dataset, "a.jpg", "b.jpg", NULL);
    ck_assert_uint_eq(cnn_dataset_left_out(dataset), 1);
    ck_assert_uint_eq(tree_logged(CNN_LOG_WARNING, "left out 1 rows"), 1);
    cnn_dataset_free(dataset);
}
END_TEST

START_TEST(faults_are_named_with_line_and_column)
{
    static const char *const pets[] = {"cat", "dog"};
    static const struct {
        const char *name, *text;
        cnn_status status;
        const char *reason;
    } faults[] = {
        {"t.csv", "", CNN_ERROR_FORMAT, "t.csv: the table has no rows"},
        {"t.csv", "path,label\n\n", CNN_ERROR_FORMAT, "the table has no rows"},
        {"t.csv", "path,label\na.jpg,\"cat\nb.jpg,dog\n", CNN_ERROR_FORMAT, "line 2, character 7: the quotes"},
        {"t.csv", "path,label\n\"a.jpg\"x,cat\n", CNN_ERROR_FORMAT, "line 2, character 8: text after the quotes"},
        {"t.csv", "path,label\na.jpg,\"c\nat\"\nb.jpg\n", CNN_ERROR_FORMAT, "line 4: found 1 columns, expected 2"},
        {"t.csv", "path,label\na.jpg,cat,dog\n", CNN_ERROR_FORMAT, "line 2: found 3 columns, expected 2"},
        {"t.csv", "name,label\na.jpg,cat\n", CNN_ERROR_FORMAT, "line 1: no column says which file"},
        {"t.csv", "path,label,label\na.jpg,cat,dog\n", CNN_ERROR_FORMAT, "line 1, column 3: the name \"label\""},
        {"t.csv", "path,label\n,cat\n", CNN_ERROR_FORMAT, "line 2, column 1 (path): no file is named"},
        {"t.csv", "path,label\na.jpg,\nb.jpg,dog\n", CNN_ERROR_FORMAT, "line 2, column 2 (label): the row has no"},
        {"t.csv", "path,label\na.jpg,cow\n", CNN_ERROR_MISMATCH, "line 2, column 2 (label): \"cow\" is none of the 2"},
        {"t.csv", "path,label,split\na.jpg,cat,first\n", CNN_ERROR_FORMAT, "(split): \"first\" is no part"},
        {"t.csv", "path,label,split\na.jpg,cat,test\n", CNN_ERROR_NOT_FOUND, "no row is of the part \"train\""},
        {"t.csv", "path,label,weight\na.jpg,cat,-1\n", CNN_ERROR_FORMAT, "line 2, column 3 (weight): \"-1\""},
        {"t.csv", "path,x,y\na.jpg,1,two\n", CNN_ERROR_FORMAT, "line 2, column 3 (y): no number"},
        {"t.csv", "path,values\na.jpg,1;2\nb.jpg,1\n", CNN_ERROR_FORMAT, "line 3, column 2 (values): found 1 numbers"},
        {"t.csv", "path,label\na.jpg,cat\n\xff\xfe", CNN_ERROR_FORMAT, "line 3: found 1 columns"},
        {"t.jsonl", "{\"path\":\"a.jpg\"}\n{\"path\":3,}", CNN_ERROR_FORMAT, "line 2 at byte 10: expected a key"},
        {"t.jsonl", "{\"path\":{}}", CNN_ERROR_FORMAT, "line 1, column \"path\": expected text"},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        cnn_dataset *dataset = NULL;
        const bool named = faults[i].status == CNN_ERROR_MISMATCH;
        tree_expect_error(open_as(faults[i].name, faults[i].text,
                                  CNN_FILES(.classes = named ? pets : NULL, .class_count = named ? 2 : 0), &dataset),
                          faults[i].status, faults[i].reason, NULL);
        ck_assert_ptr_null(dataset);
    }
    cnn_dataset *dataset = NULL;
    tree_write("t.csv", "\xff\xfep\0a\0", 6);
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("t.csv"), NULL, &dataset), CNN_ERROR_FORMAT, "UTF-16",
                      NULL);
    tree_write("t.csv", "path\na\0b\n", 9);
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("t.csv"), NULL, &dataset), CNN_ERROR_FORMAT,
                      "line 2: a NUL byte", NULL);
    tree_expect_error(open_as("t.csv", "path,label\na.jpg,x\n", CNN_FILES(.label_columns = "kind"), &dataset),
                      CNN_ERROR_NOT_FOUND, "there is no column \"kind\" among path, label", NULL);
    tree_expect_error(cnn_dataset_open(tree_context, tree_path("none.csv"), NULL, &dataset), CNN_ERROR_NOT_FOUND,
                      "none.csv", NULL);
}
END_TEST

/* What lines lack is cells, too: a line of many columns and many lines of few must not take thousands of times the
 * memory of the file. */
START_TEST(memory_is_in_proportion_to_the_file)
{
    cnn__string text = {.context = tree_context};
    cnn_dataset *dataset = NULL;
    cnn__string_append(&text, "{\"path\":\"a.jpg\",\"label\":\"x\"", 27);
    for (int i = 0; i < 4000; i++) {
        char member[32];
        const int size = snprintf(member, sizeof(member), ",\"k%d\":1", i);
        cnn__string_append(&text, member, (size_t)size);
    }
    cnn__string_append(&text, "}\n", 2);
    const size_t one = text.size;
    for (int i = 0; i < 1000; i++) {
        cnn__string_append(&text, "{\"path\":\"a.jpg\",\"label\":\"y\"}\n", 29);
        if (i == 9) { /* ten are few */
            cnn__string_append(&text, "", 1);
            dataset = open_good("t.jsonl", text.data, NULL);
            ck_assert_uint_eq(cnn_dataset_count(dataset), 11);
            cnn_dataset_free(dataset);
            text.size = one;
        }
    }
    cnn__string_append(&text, "", 1);
    tree_expect_error(open_as("t.jsonl", text.data, NULL, &dataset), CNN_ERROR_LIMIT,
                      "of 4002 columns too many are missing", NULL);
    cnn__string_free(&text);
}
END_TEST

/* Names and numbers of tables stand in messages as text that shows them. */
START_TEST(messages_have_no_control_characters)
{
    static const char *const asked[] = {"x", "y"};
    cnn_dataset *dataset = NULL;
    tree_expect_error(open_as("t.csv", "path,value\na.jpg,\x1b[31m\n", NULL, &dataset), CNN_ERROR_FORMAT,
                      "\"\\x1b[31m\" is no number that fits", NULL);
    tree_expect_error(
        open_as("t.csv", "path,x,\x1b[31m\na.jpg,1,2.5\n", CNN_FILES(.classes = asked, .class_count = 2), &dataset),
        CNN_ERROR_MISMATCH, "column \"\\x1b[31m\" is none of the 2 values", NULL);
}
END_TEST

static cnn_status open_values(cnn_context *context, cnn_dataset **dataset)
{
    return cnn_dataset_open(context, tree_path("t.csv"), NULL, dataset);
}

static cnn_status open_lines(cnn_context *context, cnn_dataset **dataset)
{
    return cnn_dataset_open(context, tree_path("t.jsonl"), NULL, dataset);
}

START_TEST(every_allocation_may_fail)
{
    cnn_dataset_free(open_good("t.csv", "path,label,weight,group\na.jpg,x,1,g\nb.jpg,y,2,h\n", NULL));
    ck_assert_uint_gt(tree_fail_allocations(open_values), 10);
    cnn_dataset_free(open_good("t.csv", "path,x,y\na.jpg,1.5,1\nb.jpg,2,2\n", NULL));
    ck_assert_uint_gt(tree_fail_allocations(open_values), 10);
    cnn_dataset_free(open_good("t.jsonl", "{\"path\":\"a.jpg\",\"labels\":[\"x\",\"y\"]}", NULL));
    ck_assert_uint_gt(tree_fail_allocations(open_lines), 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dataset/table");
    TCase *tests = tcase_create("table");
    tcase_add_checked_fixture(tests, tree_setup, tree_teardown);
    tcase_add_test(tests, columns_say_all_there_is_to_say);
    tcase_add_test(tests, samples_are_read_with_what_belongs_to_them);
    tcase_add_test(tests, several_labels_come_in_three_forms);
    tcase_add_test(tests, numbers_are_values_or_classes);
    tcase_add_test(tests, columns_of_marks_with_one_each_are_classes);
    tcase_add_test(tests, files_are_found_by_id);
    tcase_add_test(tests, unlabelled_tables_have_no_classes);
    tcase_add_test(tests, rows_without_files_are_left_out_where_that_is_allowed);
    tcase_add_test(tests, faults_are_named_with_line_and_column);
    tcase_add_test(tests, memory_is_in_proportion_to_the_file);
    tcase_add_test(tests, messages_have_no_control_characters);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
