/* SPDX-License-Identifier: MIT */
/* Folders, files and contexts of data set tests. */
#include "dataset/tree.h"

#include <check.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

cnn_context *tree_context;
test_allocator tree_allocator;

static char root[256];
static char messages[1 << 16]; /* "2 text\n": level and message */

static void collect(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    size_t used = strlen(messages);
    snprintf(messages + used, sizeof(messages) - used, "%d %s\n", (int)level, message);
}

static cnn_context *make_context(test_allocator *allocator)
{
    cnn_allocator options = test_allocator_options(allocator);
    cnn_context *context;
    *allocator = (test_allocator){.fail_at = 0};
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .seed = 7, .backend = "reference",
                                                    .allocator = &options, .log = collect, .log_level = CNN_LOG_INFO),
                                        &context),
                     CNN_OK);
    return context;
}

void tree_setup(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(root, sizeof(root), "%s/cnn-dataset-XXXXXX", folder != NULL ? folder : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(root));
    tree_context = make_context(&tree_allocator);
    messages[0] = '\0';
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info;
    (void)type;
    (void)position;
    return remove(path);
}

void tree_teardown(void)
{
    ck_assert_int_eq(nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    cnn_context_free(tree_context);
    ck_assert_uint_eq(tree_allocator.blocks, 0);
    ck_assert_uint_eq(tree_allocator.wrong_releases, 0);
}

const char *tree_path(const char *name)
{
    static char paths[8][2048];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s%s%s", root, name[0] != '\0' ? "/" : "", name);
    return path;
}

/* Makes the folders above `path`. */
static void make_above(const char *path)
{
    char above[2048];
    snprintf(above, sizeof(above), "%s", path);
    for (char *slash = above + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(above, 0777);
        *slash = '/';
    }
}

void tree_write(const char *name, const void *data, size_t size)
{
    const char *path = tree_path(name);
    make_above(path);
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

void tree_touch(const char *name) { tree_write(name, "", 0); }

void tree_folder(const char *name)
{
    const char *path = tree_path(name);
    make_above(path);
    ck_assert_int_eq(mkdir(path, 0777), 0);
}

void tree_link(const char *target, const char *name)
{
    const char *path = tree_path(name);
    make_above(path);
    ck_assert_int_eq(symlink(target, path), 0);
}

size_t tree_logged(cnn_log_level level, const char *text)
{
    char copy[sizeof(messages)];
    size_t count = 0;
    memcpy(copy, messages, sizeof(copy));
    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        count += line[0] - '0' == (int)level && strstr(line, text) != NULL;
    }
    return count;
}

void tree_expect_error(cnn_status status, cnn_status expected, ...)
{
    const char *message = cnn_last_error(tree_context), *text;
    va_list texts;
    ck_assert_msg(status == expected, "status %d, expected %d: %s", (int)status, (int)expected, message);
    va_start(texts, expected);
    while ((text = va_arg(texts, const char *)) != NULL) {
        ck_assert_msg(strstr(message, text) != NULL, "\"%s\" is not in \"%s\"", text, message);
    }
    va_end(texts);
}

void tree_expect_paths(const cnn_dataset *dataset, ...)
{
    size_t count = 0;
    const char *name;
    va_list names;
    va_start(names, dataset);
    while ((name = va_arg(names, const char *)) != NULL) {
        const char *path = cnn_dataset_path(dataset, count++);
        ck_assert_msg(path != NULL, "sample %zu is missing", count - 1);
        ck_assert_str_eq(path, tree_path(name));
    }
    va_end(names);
    ck_assert_uint_eq(cnn_dataset_count(dataset), count);
}

void tree_expect_classes(const cnn_dataset *dataset, ...)
{
    size_t count = 0;
    const char *name;
    va_list names;
    va_start(names, dataset);
    while ((name = va_arg(names, const char *)) != NULL) {
        const char *found = cnn_dataset_class_name(dataset, count++);
        ck_assert_msg(found != NULL, "class %zu is missing", count - 1);
        ck_assert_str_eq(found, name);
    }
    va_end(names);
    ck_assert_uint_eq(cnn_dataset_class_count(dataset), count);
    ck_assert_ptr_null(cnn_dataset_class_name(dataset, count));
}

size_t tree_fail_allocations(cnn_status (*open)(cnn_context *context, cnn_dataset **dataset))
{
    for (size_t k = 1; k < 10000; k++) {
        test_allocator allocator;
        cnn_context *context = make_context(&allocator);
        cnn_dataset *dataset = (cnn_dataset *)root;
        allocator.fail_at = allocator.calls + k;
        cnn_status status = open(context, &dataset);
        bool done = allocator.calls < allocator.fail_at;
        ck_assert_msg(done || status == CNN_ERROR_OUT_OF_MEMORY, "allocation %zu: status %d: %s", k, (int)status,
                      cnn_last_error(context));
        ck_assert(!done || status == CNN_OK);
        ck_assert((dataset == NULL) == (status != CNN_OK));
        cnn_dataset_free(dataset);
        cnn_context_free(context);
        ck_assert_uint_eq(allocator.blocks, 0);
        if (done) {
            return k - 1;
        }
    }
    return 0;
}
