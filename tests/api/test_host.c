/* SPDX-License-Identifier: MIT */
/* What the library leaves alone in the program around it: locale, floating-point environment, signals, working
 * folder, file mode mask, open files, standard output; and that none of these changes its results. */
#include "common/fixture.h"
#include "common/suite.h"

#include <dirent.h>
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* Trains, saves, loads and predicts, and fails once; gives hashes of the file and of the predictions. */
static void work(const char *path, uint64_t *file_hash, uint64_t *prediction_hash)
{
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_pipeline *pipeline = NULL;
    cnn_loader *loader = NULL;
    cnn_model *model = NULL, *loaded = NULL;
    cnn_optimizer *optimizer = NULL;
    static float outputs[48 * TEST_CLASSES];
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 2, .seed = 2), &context), CNN_OK);
    ck_assert_int_eq(test_dataset(context, 0, 48, &data), CNN_OK);
    ck_assert_int_eq(cnn_pipeline_create(context, "resize=12x12,normalize=mean=0.485:std=0.229", &pipeline), CNN_OK);
    ck_assert_int_eq(cnn_loader_create(context, data, CNN_LOADER(.pipeline = pipeline, .batch = 8), &loader), CNN_OK);
    ck_assert_int_eq(test_model(context, &model), CNN_OK);
    ck_assert_int_eq(cnn_model_set_pipeline(model, pipeline), CNN_OK);
    ck_assert_int_eq(cnn_adam_create(context, NULL, &optimizer), CNN_OK);
    ck_assert_int_eq(cnn_fit(model, CNN_FIT(.train = loader, .optimizer = optimizer), NULL), CNN_OK);
    ck_assert_int_eq(cnn_model_save(model, path), CNN_OK);
    ck_assert_int_eq(cnn_model_load(context, path, &loaded), CNN_OK);
    ck_assert_int_eq(cnn_predict(loaded, loader, outputs, 48 * TEST_CLASSES), CNN_OK);
    cnn_model_free(loaded);
    ck_assert_int_eq(cnn_model_load(context, "/nowhere/model.cnn", &loaded), CNN_ERROR_NOT_FOUND);
    ck_assert_ptr_null(cnn_conv2d(context, CNN_CONV2D(.filters = -1)));
    *prediction_hash = test_hash(outputs, sizeof(outputs));

    static unsigned char bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    ck_assert_uint_gt(size, 1000);
    *file_hash = test_hash(bytes, size);

    cnn_optimizer_free(optimizer);
    cnn_model_free(model);
    cnn_loader_free(loader);
    cnn_pipeline_free(pipeline);
    cnn_dataset_free(data);
    cnn_context_free(context);
}

static char path[512];

static void set_up(void)
{
    test_path(path, sizeof(path), "host.cnn");
}

static void tear_down(void)
{
    unlink(path);
}

START_TEST(results_do_not_depend_on_the_locale)
{
    static const char *const locales[] = {"de_DE.UTF-8", "tr_TR.UTF-8", "C.UTF-8"};
    uint64_t file = 0, prediction = 0;
    work(path, &file, &prediction);
    for (int i = 0; i < 3; i++) {
        if (setlocale(LC_ALL, locales[i]) == NULL) {
            continue; /* not installed */
        }
        char before[64];
        uint64_t file_here = 0, prediction_here = 0;
        snprintf(before, sizeof(before), "%s", setlocale(LC_ALL, NULL));
        work(path, &file_here, &prediction_here);
        ck_assert_uint_eq(file_here, file);
        ck_assert_uint_eq(prediction_here, prediction);
        ck_assert_str_eq(setlocale(LC_ALL, NULL), before);
    }
    setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(floating_point_environment_stays)
{
    uint64_t file, prediction;
    int round_before = fegetround();
#if defined(__x86_64__)
    unsigned int control = _mm_getcsr() & ~0x3Fu; /* without the sticky exception flags */
#endif
    work(path, &file, &prediction);
    ck_assert_int_eq(fegetround(), round_before);
#if defined(__x86_64__)
    ck_assert_uint_eq(_mm_getcsr() & ~0x3Fu, control);
#endif
}
END_TEST

static int open_files(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

START_TEST(process_state_stays)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGPIPE, SIGSEGV, SIGABRT, SIGFPE, SIGCHLD, SIGALRM, SIGUSR1};
    struct sigaction before[9], after;
    sigset_t mask_before, mask_after;
    char folder_before[1024], folder_after[1024];
    uint64_t file, prediction;
    for (int i = 0; i < 9; i++) {
        sigaction(signals[i], NULL, &before[i]);
    }
    sigprocmask(SIG_BLOCK, NULL, &mask_before);
    mode_t mode = umask(027);
    ck_assert_ptr_nonnull(getcwd(folder_before, sizeof(folder_before)));
    int files = open_files();

    work(path, &file, &prediction);

    ck_assert_int_eq(open_files(), files);
    ck_assert_ptr_nonnull(getcwd(folder_after, sizeof(folder_after)));
    ck_assert_str_eq(folder_after, folder_before);
    ck_assert_uint_eq(umask(mode), 027);
    sigprocmask(SIG_BLOCK, NULL, &mask_after);
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(sigismember(&mask_after, signals[i]), sigismember(&mask_before, signals[i]));
        sigaction(signals[i], NULL, &after);
        ck_assert(after.sa_handler == before[i].sa_handler && after.sa_flags == before[i].sa_flags);
    }
}
END_TEST

/* A new file's mode is what the mask leaves of 0666, and a temporary file does not stay. */
START_TEST(files_are_written_as_the_mask_says)
{
    struct stat status;
    uint64_t file, prediction;
    mode_t mode = umask(022);
    work(path, &file, &prediction);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0644);
    umask(mode);
}
END_TEST

START_TEST(nothing_is_printed)
{
    char captured[560];
    snprintf(captured, sizeof(captured), "%s.out", path);
    fflush(NULL);
    int out = dup(STDOUT_FILENO), error = dup(STDERR_FILENO);
    FILE *file = fopen(captured, "w");
    ck_assert_ptr_nonnull(file);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    uint64_t file_hash, prediction;
    work(path, &file_hash, &prediction);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    close(out);
    close(error);
    fclose(file);
    struct stat status;
    ck_assert_int_eq(stat(captured, &status), 0);
    unlink(captured);
    ck_assert_int_eq(status.st_size, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *tests = tcase_create("host");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, results_do_not_depend_on_the_locale);
    tcase_add_test(tests, floating_point_environment_stays);
    tcase_add_test(tests, process_state_stays);
    tcase_add_test(tests, files_are_written_as_the_mask_says);
    tcase_add_test(tests, nothing_is_printed);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
