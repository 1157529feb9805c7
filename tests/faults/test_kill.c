/* SPDX-License-Identifier: MIT */
/* SIGKILL before every call on a file of a save, and at random moments of a training: a file that is being replaced is
 * the old one or the new one, whole; the next save removes what was left; and a training that goes on from its last
 * checkpoint ends with the bits of one that was never interrupted, with any number of threads.
 *
 * A sample of the points and moments is tried; all points, and 300 moments, with FAULTS=all. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/fixture.h"
#include "common/suite.h"
#include "faults/inject.h"
#include "faults/scenarios.h"

static bool all;

static cnn_context *make_context(uint32_t threads)
{
    cnn_context *context = NULL;
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = threads, .seed = 3), &context), CNN_OK);
    return context;
}

static const char *in_folder(const char *name)
{
    static char path[600];
    snprintf(path, sizeof(path), "%s/%s", scenario_folder, name);
    return path;
}

static uint64_t hash_file(const char *name)
{
    static unsigned char bytes[1 << 20];
    FILE *file = fopen(in_folder(name), "rb");
    const size_t size = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    return size > 0 ? test_hash(bytes, size) : 0;
}

static size_t count_temporary(void)
{
    size_t count = 0;
    DIR *folder = opendir(scenario_folder);
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += strncmp(entry->d_name, ".cnn-", 5) == 0;
    }
    closedir(folder);
    return count;
}

/* Runs the scenario in a child that is killed before its call number `at`; whether it was. */
static bool run_killed(const scenario *s, size_t at)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        uint64_t hash = 0;
        cnn_context *context = make_context(2);
        fault_arm(FAULT_FILE, FAULT_KILL, at, false);
        const cnn_status ended = s->run(context, &hash);
        fault_disarm();
        _exit(ended == CNN_OK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void is_sound(const scenario *s, size_t at)
{
    const size_t length = strlen(s->writes);
    cnn_context *context = make_context(1);
    cnn_model *model = NULL;
    cnn_image *image = NULL;
    cnn_weights *weights = NULL;
    const char *path = in_folder(s->writes);
    const cnn_status status = strcmp(s->writes + length - 4, ".cnn") == 0 ? cnn_model_load(context, path, &model)
                              : strcmp(s->writes + length - 5, ".onnx") == 0
                                  ? cnn_model_load_onnx(context, path, NULL, &model)
                              : strncmp(s->writes, "out.", 4) == 0 ? cnn_image_load(context, path, NULL, &image)
                                                                   : cnn_weights_open(context, path, &weights);
    ck_assert_msg(status == CNN_OK, "%s, killed before call %zu: %s", s->name, at, cnn_last_error(context));
    cnn_weights_free(weights);
    cnn_image_free(image);
    cnn_model_free(model);
    cnn_context_free(context);
}

START_TEST(saves)
{
    const scenario *s = &scenarios[_i];
    if (s->writes == NULL) {
        return;
    }
    cnn_context *context = make_context(2);
    uint64_t hash = 0, again = 0;
    ck_assert_int_eq(s->run(context, &hash), CNN_OK);
    const uint64_t whole = hash_file(s->writes);
    fault_arm(FAULT_FILE, 0, 0, false);
    ck_assert_int_eq(s->run(context, &hash), CNN_OK);
    fault_disarm();
    const size_t calls = fault_count(FAULT_FILE), step = all ? 1 : calls / 25 + 1;
    ck_assert_uint_gt(calls, 5);
    const bool same = hash_file(s->writes) == whole; /* not so of files with times in them */
    for (size_t at = 1; at <= calls; at += step) {
        ck_assert(run_killed(s, at));
        is_sound(s, at);
        ck_assert(!same || hash_file(s->writes) == whole);
        ck_assert_uint_le(count_temporary(), 1);
    }
    ck_assert(!run_killed(s, 2 * calls));
    ck_assert_int_eq(s->run(context, &again), CNN_OK);
    ck_assert_uint_eq(again, hash);
    ck_assert_uint_eq(count_temporary(), 0);
    cnn_context_free(context);
}
END_TEST

/* ---- random moments ---- */

#define EPOCHS 6

static cnn_status train(uint32_t threads, bool resumes, uint64_t *hash)
{
    cnn_context *context = make_context(threads);
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *optimizer = NULL;
    char last[600];
    snprintf(last, sizeof(last), "%s", in_folder("killed.last.cnn"));
    ck_assert_int_eq(test_dataset(context, 0, 24, &data), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.batch = 5, .shuffle = 1), &loader), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    const cnn_status status = cnn_fit(model,
                                      CNN_FIT(.train = loader, .optimizer = optimizer, .epochs = EPOCHS, .keep_last = 1,
                                              .last_path = last, .best_path = in_folder("killed.cnn"),
                                              .resume_path = resumes ? last : NULL),
                                      NULL);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return status;
}

/* Trains in a child that is killed after so long; whether it was. A checkpoint that is there is gone on from. */
static bool train_killed(uint32_t threads, uint64_t nanoseconds)
{
    int status = 0;
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        uint64_t hash;
        _exit(train(threads, access(in_folder("killed.last.cnn"), F_OK) == 0, &hash) == CNN_OK ? 0 : 1);
    }
    const struct timespec wait = {0, (long)nanoseconds};
    nanosleep(&wait, NULL);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

START_TEST(trainings)
{
    static const uint32_t threads[] = {1, 2, 3, 8};
    uint64_t expected = 0, hash = 0, random = 88172645463325252u + (uint64_t)_i;
    const double begin = seconds();
    ck_assert_int_eq(train(1, false, &expected), CNN_OK);
    const double whole = seconds() - begin;
    const int moments = all ? 75 : 6;
    int kills = 0;
    for (int i = 0; i < moments; i++) {
        unlink(in_folder("killed.cnn"));
        unlink(in_folder("killed.last.cnn"));
        for (int times = 0; times < 2; times++) { /* killed, gone on, and killed again */
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            kills += train_killed(threads[_i], (uint64_t)(whole * 1e9 * (double)(random % 1000) / 1000) % 1000000000u);
        }
        ck_assert_int_eq(train(threads[_i], access(in_folder("killed.last.cnn"), F_OK) == 0, &hash), CNN_OK);
        ck_assert_msg(hash == expected, "%u threads: other bits after kill %d", threads[_i], i);
        ck_assert_uint_eq(count_temporary(), 0);
    }
    ck_assert_int_gt(kills, 0);
    if (getenv("FAULTS") != NULL) {
        fprintf(stderr, "# %u threads: %d kills\n", threads[_i], kills);
    }
}
END_TEST

static void prepare(void)
{
    test_path(scenario_folder, sizeof(scenario_folder), "kill");
    cnn_context *context = make_context(1);
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
    all = wanted != NULL && strcmp(wanted, "all") == 0;
    Suite *suite = suite_create("kill");
    TCase *tests = tcase_create("kill");
    tcase_set_timeout(tests, 36000);
    tcase_add_unchecked_fixture(tests, prepare, clean);
    tcase_add_loop_test(tests, saves, 0, (int)scenario_count);
    tcase_add_loop_test(tests, trainings, 0, 4);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
