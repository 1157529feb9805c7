/* SPDX-License-Identifier: MIT */
/* Every call that can fail fails in turn, once and from there on, in every scenario: no crash, no block, descriptor
 * or thread is left, the status is an error's and has a message, or all is well with the right bits; what was to be
 * replaced is the old file or the new one, whole; no temporary file stays; and the same work done again gives the
 * same bits.
 *
 * A sample of the points is tried; all of them with FAULTS=all, and of one scenario with SCENARIO=fit. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "faults/inject.h"
#include "faults/scenarios.h"

/* Networks of the zoo that are always built, by their values; points of each kind that are tried of any. */
#define SMALL_ZOO 5000000u
#define MOST_ZOO 20

static size_t tried, failed;
static size_t most; /* points of each kind in a scenario */

/* What each call fails with, and whether work goes on all the same. */
static const struct way {
    fault_call call;
    int error;
    bool goes_on;
} ways[] = {
    {FAULT_OPEN, EMFILE, false},   {FAULT_OPEN, EIO, false},        {FAULT_READ, EIO, false},
    {FAULT_READ, EINTR, true},     {FAULT_READ, FAULT_SHORT, true}, {FAULT_WRITE, ENOSPC, false},
    {FAULT_WRITE, EIO, false},     {FAULT_WRITE, EINTR, true},      {FAULT_WRITE, FAULT_SHORT, true},
    {FAULT_FSYNC, EIO, false},     {FAULT_RENAME, EIO, false},      {FAULT_RENAME, ENOSPC, false},
    {FAULT_UNLINK, EIO, false},    {FAULT_CLOSE, EIO, false},       {FAULT_CLOSE, EINTR, true},
    {FAULT_STAT, EIO, false},      {FAULT_FOLDER, EIO, false},      {FAULT_MMAP, ENOMEM, false},
    {FAULT_THREAD, EAGAIN, false}, {FAULT_LOCK, EAGAIN, false},     {FAULT_MALLOC, ENOMEM, false},
};

typedef struct outcome {
    cnn_status status;
    uint64_t hash;
    size_t blocks, wrong;
    char message[600];
} outcome;

static outcome attempt(const scenario *s, size_t fail_at, bool persistent)
{
    outcome o = {.status = CNN_OK};
    test_allocator counts = {.fail_at = fail_at, .persistent = persistent};
    cnn_allocator allocator = test_allocator_options(&counts);
    cnn_context *context = NULL;
    o.status = cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3, .allocator = &allocator), &context);
    if (o.status == CNN_OK) {
        o.status = s->run(context, &o.hash);
        snprintf(o.message, sizeof(o.message), "%s", cnn_last_error(context));
    } else {
        snprintf(o.message, sizeof(o.message), "a context");
    }
    cnn_context_free(context);
    o.blocks = counts.blocks;
    o.wrong = counts.wrong_releases;
    return o;
}

static uint64_t hash_file(const char *name)
{
    static unsigned char bytes[1 << 20];
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", scenario_folder, name);
    FILE *file = fopen(path, "rb");
    const size_t size = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    return size > 0 ? test_hash(bytes, size) : 0;
}

/* Removes temporary files; how many there were. */
static size_t remove_temporary(void)
{
    size_t count = 0;
    char path[600];
    DIR *folder = opendir(scenario_folder);
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, ".cnn-", 5) == 0) {
            snprintf(path, sizeof(path), "%s/%s", scenario_folder, entry->d_name);
            unlink(path);
            count++;
        }
    }
    closedir(folder);
    return count;
}

/* A file that is being replaced is as it was, or a sound one: images decode, and what is a model loads. */
static bool is_whole(const scenario *s, uint64_t before)
{
    char path[600];
    const size_t length = strlen(s->writes);
    if (hash_file(s->writes) == before) {
        return true;
    }
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    cnn_image *image = NULL;
    cnn_weights *weights = NULL;
    snprintf(path, sizeof(path), "%s/%s", scenario_folder, s->writes);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1), &context), CNN_OK);
    const cnn_status status = strcmp(s->writes + length - 4, ".cnn") == 0 ? cnn_model_load(context, path, &model)
                              : strcmp(s->writes + length - 5, ".onnx") == 0
                                  ? cnn_model_load_onnx(context, path, NULL, &model)
                              : strncmp(s->writes, "out.", 4) == 0 ? cnn_image_load(context, path, NULL, &image)
                                                                   : cnn_weights_open(context, path, &weights);
    cnn_weights_free(weights);
    cnn_image_free(image);
    cnn_model_free(model);
    cnn_context_free(context);
    return status == CNN_OK;
}

/* How many threads there are, once those that were joined are gone from the system's list as well. */
static int settled_threads(int expected)
{
    int threads = fault_threads();
    for (int i = 0; i < 2000 && threads > expected; i++) {
        usleep(1000);
        threads = fault_threads();
    }
    return threads;
}

/* One point: way NULL fails the context's allocator. */
static void try_point(const scenario *s, const struct way *way, size_t at, bool persistent, uint64_t expected)
{
    char what[200];
    snprintf(what, sizeof(what), "%s: %s %zu%s: %s", s->name, way != NULL ? fault_names[way->call] : "allocation", at,
             persistent ? " and all later ones" : "",
             way == NULL || way->error == FAULT_SHORT ? "short" : strerror(way->error));
    const uint64_t before = s->writes != NULL ? hash_file(s->writes) : 0;
    const int descriptors = fault_descriptors(), threads = fault_threads();
    const long blocks = fault_blocks();
    if (way != NULL) {
        fault_arm(way->call, way->error, at, persistent);
    }
    const outcome o = attempt(s, way == NULL ? at : 0, persistent);
    fault_disarm();
    tried++;
    failed += o.status != CNN_OK;
    ck_assert_msg(fault_descriptors() == descriptors, "%s: %d descriptors, %d before (%s)", what, fault_descriptors(),
                  descriptors, o.message);
    ck_assert_msg(settled_threads(threads) == threads, "%s: %d threads, %d before", what, fault_threads(), threads);
    ck_assert_msg(fault_blocks() == blocks, "%s: %ld blocks of malloc left (%s)", what, fault_blocks() - blocks,
                  o.message);
    ck_assert_msg(o.blocks == 0 && o.wrong == 0, "%s: %zu blocks left", what, o.blocks);
    ck_assert_msg(o.status != CNN_OK || o.hash == expected, "%s: success with other bits", what);
    ck_assert_msg(o.status == CNN_OK || o.message[0] != '\0', "%s: %s without a message", what,
                  cnn_status_string(o.status));
    ck_assert_msg(o.status == CNN_OK || way == NULL || !way->goes_on, "%s: %s", what, o.message);
    ck_assert_msg(way != NULL || o.status == CNN_OK || o.status == CNN_ERROR_OUT_OF_MEMORY, "%s: %s (%s)", what,
                  cnn_status_string(o.status), o.message);
    ck_assert_msg(s->writes == NULL || is_whole(s, before), "%s: %s is damaged", what, s->writes);
    const size_t temporary = remove_temporary();
    ck_assert_msg(temporary == 0 || (way != NULL && way->call == FAULT_UNLINK), "%s: %zu temporary files stay", what,
                  temporary);
}

static void try_points(const scenario *s, const struct way *way, size_t calls, uint64_t expected)
{
    const size_t points = s != &scenario_zoo ? most : most > MOST_ZOO ? MOST_ZOO : (most + 1) / 2; /* they take long */
    const size_t step = (calls + points - 1) / points;
    for (size_t at = 1; at <= calls; at += step) {
        try_point(s, way, at, false, expected);
        /* What is interrupted for ever is tried for ever, as it should be. */
        if (way == NULL || way->error != EINTR || way->call == FAULT_CLOSE) {
            try_point(s, way, at, true, expected);
        }
    }
}

static void try_scenario(const scenario *s)
{
    (void)attempt(s, 0, false); /* what is made once for a process */
    fault_arm(FAULT_OPEN, 0, 0, false);
    const outcome plain = attempt(s, 0, false);
    fault_disarm();
    ck_assert_msg(plain.status == CNN_OK, "%s: %s", s->name, plain.message);
    ck_assert_uint_ne(plain.hash, 0);
    size_t calls[FAULT_CALLS];
    for (size_t i = 0; i < FAULT_CALLS; i++) {
        calls[i] = fault_count((fault_call)i);
    }
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        try_points(s, &ways[i], calls[ways[i].call], plain.hash);
    }
    test_allocator counts = {0};
    cnn_allocator allocator = test_allocator_options(&counts);
    cnn_context *context = NULL;
    uint64_t hash;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 3, .allocator = &allocator), &context),
                     CNN_OK);
    ck_assert_int_eq(s->run(context, &hash), CNN_OK);
    cnn_context_free(context);
    try_points(s, NULL, counts.calls, plain.hash);
    const outcome again = attempt(s, 0, false);
    ck_assert_msg(again.status == CNN_OK && again.hash == plain.hash, "%s afterwards: %s", s->name, again.message);
    ck_assert_uint_gt(failed, 0);
    if (getenv("FAULTS") != NULL) {
        fprintf(stderr, "# %s%s: %zu points, %zu of them failed the call\n", s->name,
                s == &scenario_zoo ? scenario_network : "", tried, failed);
    }
}

START_TEST(scenario_with_faults)
{
    const char *wanted = getenv("SCENARIO");
    if (wanted == NULL || strcmp(wanted, scenarios[_i].name) == 0) {
        try_scenario(&scenarios[_i]);
    }
}
END_TEST

/* The large ones only where more than a sample is wanted. */
START_TEST(network_with_faults)
{
    cnn_context *context = NULL;
    cnn_model *model = NULL;
    if (getenv("SCENARIO") != NULL) {
        return;
    }
    scenario_network = cnn_zoo_name((size_t)_i);
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2), &context), CNN_OK);
    ck_assert_int_eq(cnn_zoo_create(context, scenario_network, NULL, &model), CNN_OK);
    const uint64_t values = cnn_model_values(model);
    cnn_model_free(model);
    cnn_context_free(context);
    if (values < SMALL_ZOO || getenv("FAULTS") != NULL) {
        try_scenario(&scenario_zoo);
    }
}
END_TEST

static void prepare(void)
{
    cnn_context *context = NULL;
    test_path(scenario_folder, sizeof(scenario_folder), "faults");
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 3), &context), CNN_OK);
    const cnn_status status = scenarios_prepare(context);
    ck_assert_msg(status == CNN_OK, "%s: %s", cnn_status_string(status), cnn_last_error(context));
    cnn_context_free(context);
}

static void clean(void)
{
    char command[300];
    snprintf(command, sizeof(command), "rm -rf '%s'", scenario_folder);
    ck_assert_int_eq(system(command), 0);
}

int main(void)
{
    const char *wanted = getenv("FAULTS");
    most = wanted == NULL ? 2 : strcmp(wanted, "all") == 0 ? SIZE_MAX / 2 : (size_t)atol(wanted);
    Suite *suite = suite_create("faults");
    TCase *tests = tcase_create("faults");
    tcase_set_timeout(tests, 36000);
    tcase_add_unchecked_fixture(tests, prepare, clean);
    tcase_add_loop_test(tests, scenario_with_faults, 0, (int)scenario_count);
    int networks = 0;
    while (cnn_zoo_name((size_t)networks) != NULL) {
        networks++;
    }
    tcase_add_loop_test(tests, network_with_faults, 0, networks);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
