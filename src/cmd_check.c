/* SPDX-License-Identifier: MIT */
/* cnn check: decodes every image of a dataset and names those that are damaged or odd. */
#include "tool_inspect.h"
#include "tool_json.h"
#include "tool_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From so many images on, what most of them have is not odd. */
#define LEAST_FOR_USUAL 10

typedef struct check_settings {
    tool_common common;
} check_settings;

typedef struct check_run {
    tool *run;
    tool_tree tree;
    tool_finding *findings; /* of tree.images */
    const char **originals; /* of tree.images: an earlier file with the same bytes, or NULL */
    size_t next, done;      /* under run->lock */
    double begin;
    json_t *problems;   /* NULL without --json */
    tool_list repeated; /* files that a table lists more than once */
    uint64_t damaged, odd;
    uint64_t arrays;               /* images in IDX or CIFAR files */
    uint64_t usual[TOOL_ODDITIES]; /* how many have it, where that is most of them; else 0 */
} check_run;

/* Takes images until none is left. Only the calling thread draws. */
static void inspect_some(check_run *check, bool draws)
{
    for (;;) {
        pthread_mutex_lock(&check->run->lock);
        size_t index = check->next++;
        pthread_mutex_unlock(&check->run->lock);
        if (index >= check->tree.images.count) {
            return;
        }
        tool_inspect(check->run->context, check->tree.images.items[index], &check->findings[index]);
        pthread_mutex_lock(&check->run->lock);
        size_t done = ++check->done;
        pthread_mutex_unlock(&check->run->lock);
        if (draws) {
            tool_progress_count(check->run, "check", done, check->tree.images.count, check->begin, "images");
        }
    }
}

static void *work(void *user)
{
    inspect_some(user, false);
    return NULL;
}

static void inspect_all(check_run *check)
{
    pthread_t threads[64];
    uint32_t count = cnn_context_threads(check->run->context), started = 0;
    check->begin = tool_seconds();
    while (started + 1 < count && started < 64 && pthread_create(&threads[started], NULL, work, check) == 0) {
        started++;
    }
    inspect_some(check, true);
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    tool_progress_end(check->run);
}

static int compare_findings(const void *a, const void *b, void *user)
{
    const tool_finding *findings = user;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    if (findings[x].hash != findings[y].hash) {
        return findings[x].hash < findings[y].hash ? -1 : 1;
    }
    return (x > y) - (x < y);
}

/* Fills check->originals. */
static bool find_duplicates(check_run *check)
{
    size_t count = check->tree.images.count, kept = 0;
    size_t *order = reallocarray(NULL, count + 1, sizeof(*order));
    check->originals = calloc(count + 1, sizeof(*check->originals));
    if (order == NULL || check->originals == NULL) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (check->findings[i].error == NULL) {
            order[kept++] = i;
        }
    }
    qsort_r(order, kept, sizeof(*order), compare_findings, check->findings);
    for (size_t i = 1, first = 0; i < kept; i++) {
        const tool_finding *a = &check->findings[order[first]], *b = &check->findings[order[i]];
        const char *original = check->tree.images.items[order[first]];
        if (a->hash == b->hash && a->size == b->size && tool_same_bytes(original, check->tree.images.items[order[i]])) {
            check->originals[order[i]] = original;
        } else {
            first = i;
        }
    }
    free(order);
    return true;
}

static void find_usual(check_run *check)
{
    uint64_t counts[TOOL_ODDITIES] = {0}, good = 0;
    for (size_t i = 0; i < check->tree.images.count; i++) {
        good += check->findings[i].error == NULL;
        for (int k = 0; k < TOOL_ODDITIES; k++) {
            counts[k] += check->findings[i].oddities >> k & 1;
        }
    }
    for (int k = 0; k < TOOL_ODDITIES; k++) {
        bool usual = tool_oddity_may_be_usual((tool_oddity)k) && good >= LEAST_FOR_USUAL && counts[k] * 2 > good;
        check->usual[k] = usual ? counts[k] : 0;
    }
}

static void report(check_run *check, const char *path, bool error, const char *reason)
{
    if (check->problems != NULL) {
        json_t *row = json_object();
        tool_json_text(row, "path", path);
        tool_json_text(row, "kind", error ? "error" : "odd");
        tool_json_text(row, "reason", reason);
        json_array_append_new(check->problems, row);
        return;
    }
    char *printable = tool_printable(path);
    char *why = tool_printable(reason); /* it may name the file again */
    tool_print(check->run, "%s: %s: %s\n", printable != NULL ? printable : "", error ? "error" : "odd", why);
    free(why);
    free(printable);
}

/* What the decoder said, a line each; true if it said anything. */
static bool report_notes(check_run *check, const char *path, char *notes)
{
    for (char *line = notes; line != NULL && *line != '\0';) {
        char *end = line + strcspn(line, "\n"), *next = *end != '\0' ? end + 1 : end;
        *end = '\0';
        report(check, path, false, line);
        line = next;
    }
    return notes != NULL;
}

static void report_image(check_run *check, size_t index)
{
    const tool_finding *finding = &check->findings[index];
    const char *path = check->tree.images.items[index];
    bool odd = false;
    if (finding->error != NULL) {
        report(check, path, true, finding->error);
        check->damaged++;
        return;
    }
    odd = report_notes(check, path, finding->notes);
    for (int k = 0; k < TOOL_ODD_NOTED; k++) {
        if ((finding->oddities >> k & 1) != 0 && check->usual[k] == 0) {
            char text[128];
            tool_oddity_describe(finding, (tool_oddity)k, text, sizeof(text));
            report(check, path, false, text);
            odd = true;
        }
    }
    if (check->originals[index] != NULL) {
        char *original = tool_printable(check->originals[index]);
        char *reason = tool_format("the same bytes as %s", original != NULL ? original : "");
        report(check, path, false, reason != NULL ? reason : "");
        free(original);
        free(reason);
        odd = true;
    }
    check->odd += odd;
}

static int print_totals(check_run *check)
{
    tool *run = check->run;
    uint64_t images = check->tree.images.count + check->arrays;
    if (check->problems != NULL) {
        json_t *object = json_object();
        tool_json_count(object, "images", images);
        tool_json_count(object, "damaged", check->damaged);
        tool_json_count(object, "odd", check->odd);
        tool_json_count(object, "not_examined", check->tree.failed.count);
        tool_json_count(object, "other_files", check->tree.others);
        json_object_set(object, "problems", check->problems);
        return tool_json_print(run, object);
    }
    for (int k = 0; k < TOOL_ODDITIES; k++) {
        if (check->usual[k] > 0) {
            tool_print(run, "note: %llu of %llu images are %s\n", (unsigned long long)check->usual[k],
                       (unsigned long long)images, tool_oddity_text((tool_oddity)k));
        }
    }
    tool_print(run, "%llu images: %llu damaged, %llu odd", (unsigned long long)images,
               (unsigned long long)check->damaged, (unsigned long long)check->odd);
    if (check->tree.failed.count > 0) {
        tool_print(run, "; %zu entries could not be examined", check->tree.failed.count);
    }
    if (check->tree.others > 0) {
        tool_print(run, "; %llu files are no images", (unsigned long long)check->tree.others);
    }
    tool_print(run, "\n");
    return TOOL_DONE;
}

static void report_failed(check_run *check)
{
    for (size_t i = 0; i < check->tree.failed.count; i++) {
        char *reason = tool_format("cannot be examined: %s", check->tree.reasons.items[i]);
        report(check, check->tree.failed.items[i], true, reason != NULL ? reason : "");
        free(reason);
    }
}

static int check_images(check_run *check)
{
    size_t count = check->tree.images.count;
    check->findings = calloc(count + 1, sizeof(*check->findings));
    if (check->findings == NULL) {
        return tool_fail_memory(check->run);
    }
    inspect_all(check);
    if (!find_duplicates(check)) {
        return tool_fail_memory(check->run);
    }
    find_usual(check);
    for (size_t i = 0; i < count; i++) {
        report_image(check, i);
    }
    for (size_t i = 0; i < check->repeated.count; i++) {
        report(check, check->repeated.items[i], false, "is in several rows of the table");
        check->odd++;
    }
    for (size_t i = 0; i < check->tree.hidden.count; i++) {
        report(check, check->tree.hidden.items[i], false, "an image by its bytes, but training passes over this name");
        check->odd++;
    }
    for (size_t i = 0; i < check->tree.sealed.count; i++) {
        report(check, check->tree.sealed.items[i], false, "cannot be read; by its name training passes over it");
        check->odd++;
    }
    for (size_t i = 0; i < check->tree.empty.count; i++) {
        report(check, check->tree.empty.items[i], false, "a folder without images");
        check->odd++;
    }
    report_failed(check);
    int result = print_totals(check);
    return result == TOOL_DONE && check->damaged + check->tree.failed.count > 0 ? TOOL_FAILED : result;
}

/* IDX and CIFAR: opening reads and checks the whole of it. */
static int check_arrays(check_run *check, const char *path)
{
    static const char *const parts[] = {"train", "test"};
    tool *run = check->run;
    uint64_t images = 0;
    for (size_t i = 0; i < 2; i++) {
        cnn_dataset *dataset = NULL;
        cnn_status status = cnn_dataset_open(run->context, path, CNN_FILES(.part = parts[i]), &dataset);
        images += dataset != NULL ? cnn_dataset_count(dataset) : 0;
        cnn_dataset_free(dataset);
        if (status != CNN_OK && !(i > 0 && status == CNN_ERROR_NOT_FOUND)) {
            return tool_fail_library(run, status);
        }
    }
    check->tree.others = 0;
    check->arrays = images;
    report_failed(check);
    int result = print_totals(check);
    return result == TOOL_DONE && check->tree.failed.count > 0 ? TOOL_FAILED : result;
}

static int compare_paths(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The files of a table, each once. What is wrong with the table itself is told, and ends the check. */
static int read_table(check_run *check, const char *path)
{
    tool *run = check->run;
    tool_list *images = &check->tree.images;
    cnn_dataset *dataset = NULL;
    cnn_status status = cnn_dataset_open(run->context, path, CNN_FILES(.part = "all", .on_error = CNN_ON_ERROR_SKIP),
                                         &dataset);
    if (status != CNN_OK) {
        return tool_fail_library(run, status);
    }
    bool fine = true;
    size_t kept = 0;
    for (size_t i = 0; i < cnn_dataset_count(dataset) && fine; i++) {
        fine = tool_list_add(images, strdup(cnn_dataset_path(dataset, i)));
    }
    if (cnn_dataset_left_out(dataset) > 0 && fine) {
        char *reason = tool_format("%llu rows name files that are not there",
                                   (unsigned long long)cnn_dataset_left_out(dataset));
        fine = tool_list_add(&check->tree.failed, strdup(path)) && tool_list_add(&check->tree.reasons, reason);
    }
    cnn_dataset_free(dataset);
    if (!fine) {
        return tool_fail_memory(run);
    }
    qsort(images->items, images->count, sizeof(*images->items), compare_paths);
    for (size_t i = 0; i < images->count; i++) {
        const bool again = kept > 0 && strcmp(images->items[kept - 1], images->items[i]) == 0;
        tool_list *repeated = &check->repeated;
        if (again) {
            const bool told = repeated->count > 0 &&
                              strcmp(repeated->items[repeated->count - 1], images->items[i]) == 0;
            fine = told ? fine : tool_list_add(repeated, strdup(images->items[i])) && fine;
            free(images->items[i]);
        } else {
            images->items[kept++] = images->items[i];
        }
    }
    images->count = kept;
    return fine ? TOOL_DONE : tool_fail_memory(run);
}

static int list_images(check_run *check, const char *path)
{
    tool *run = check->run;
    if (tool_is_table(path)) {
        return read_table(check, path); /* the log names the first file that is missing */
    }
    run->log_is_told = true;
    int result = tool_tree_read(path, &check->tree) ? TOOL_DONE : tool_fail_memory(run);
    if (result == TOOL_DONE && check->tree.failed.count == 1 && strcmp(check->tree.failed.items[0], path) == 0) {
        result = tool_fail(run, "%s: %s", path, check->tree.reasons.items[0]);
    }
    return result;
}

static int run_check(tool *run, const void *settings)
{
    (void)settings;
    check_run check = {.run = run};
    const char *path = run->operands[0];
    int result = tool_open_context(run);
    result = result == TOOL_DONE ? list_images(&check, path) : result;
    run->log_is_told = true;
    if (result == TOOL_DONE) {
        check.problems = run->common->json ? json_array() : NULL;
        const tool_tree *tree = &check.tree;
        /* Without images it may be a folder of IDX or CIFAR files; not if there is nothing but what cannot be seen. */
        bool any = tree->images.count + tree->hidden.count > 0 || (tree->failed.count > 0 && tree->others == 0);
        result = any ? check_images(&check) : check_arrays(&check, path);
    }
    for (size_t i = 0; check.findings != NULL && i < check.tree.images.count; i++) {
        free(check.findings[i].error);
        free(check.findings[i].notes);
    }
    free(check.findings);
    free(check.originals);
    json_decref(check.problems);
    tool_tree_free(&check.tree);
    tool_list_free(&check.repeated);
    return result;
}

static const tool_option check_options[] = {{0}};

const tool_command tool_command_check = {
    .name = "check",
    .synopsis = "PATH",
    .purpose = "Decodes every image of a dataset and names the damaged and the odd ones.",
    .details = "PATH is a folder, or a table of files (CSV or JSON lines), which is checked itself too. "
               "One line for each problem: path, error or odd, reason. Odd are grey, CMYK, 16-bit and transparent "
               "images, an EXIF orientation that asks for a turn, sides below 32 pixels, a side more than 4 times the "
               "other, names that do not fit the bytes, what is irregular in a file but loses no pixel, files with the "
               "same bytes as another, files in several rows of a table, and folders without images. What most images "
               "have in common is told once. Links "
               "to nowhere and all else that cannot be examined are errors. The exit status is 1 if any image is "
               "damaged or anything could not be examined.",
    .options = check_options,
    .settings_size = sizeof(check_settings),
    .least_operands = 1,
    .most_operands = 1,
    .run = run_check,
};
