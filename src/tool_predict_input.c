/* SPDX-License-Identifier: MIT */
/* The images of `cnn predict`: files, folders, tables, lists and standard input. */
#include "tool_inspect.h"
#include "tool_lines.h"
#include "tool_predict.h"
#include "tool_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Most bytes of an image on standard input, as of a file. */
#define MOST_INPUT ((size_t)2 << 30)

/* A failure has been told. */
static void count_failure(predict_run *predictor)
{
    predictor->images++;
    predictor->failures++;
}

static void predict_image(predict_run *predictor, const char *path)
{
    size_t count = predictor->room;
    cnn_status status = cnn_session_predict_file(predictor->session, path, predictor->predictions, &count);
    if (status != CNN_OK) {
        tool_fail_library(predictor->run, status); /* names the file */
        count_failure(predictor);
    } else {
        tool_predict_tell(predictor, path, count);
    }
}

/* ---- standard input ---- */

/* All of it, malloc'ed; NULL with the message printed. */
static char *read_input(tool *run, size_t *size)
{
    size_t room = 0;
    char *data = NULL;
    *size = 0;
    for (size_t got = 1; got > 0; *size += got) {
        if (*size == room) {
            room = room == 0 ? 65536 : room * 2;
            char *larger = room <= MOST_INPUT ? realloc(data, room) : NULL;
            if (larger == NULL) {
                free(data);
                room <= MOST_INPUT ? tool_fail_memory(run) : tool_fail(run, "standard input: more than 2 GiB");
                return NULL;
            }
            data = larger;
        }
        got = fread(data + *size, 1, room - *size, stdin);
    }
    if (ferror(stdin)) {
        tool_fail(run, "standard input: %s", strerror(errno));
        free(data);
        return NULL;
    }
    return data;
}

static void predict_input(predict_run *predictor)
{
    size_t size = 0, count = predictor->room;
    char *data = read_input(predictor->run, &size);
    if (data == NULL) {
        count_failure(predictor);
        return;
    }
    cnn_status status = cnn_session_predict_memory(predictor->session, data, size, predictor->predictions, &count);
    free(data);
    if (status != CNN_OK) {
        tool_fail(predictor->run, "standard input: %s", cnn_last_error(predictor->run->context));
        count_failure(predictor);
    } else {
        tool_predict_tell(predictor, "-", count);
    }
}

/* ---- folders and lists ---- */

static void predict_folder(predict_run *predictor, const char *path)
{
    tool *run = predictor->run;
    tool_tree tree = {0};
    predictor->several = true;
    if (!tool_tree_read(path, &tree)) {
        tool_fail_memory(run);
        count_failure(predictor);
    } else if (tree.images.count + tree.failed.count == 0) {
        tool_fail(run, "%s: there is no image in this folder", path);
        count_failure(predictor);
    }
    for (size_t i = 0; i < tree.failed.count; i++) {
        tool_fail(run, "%s: %s", tree.failed.items[i], tree.reasons.items[i]);
        count_failure(predictor);
    }
    for (size_t i = 0; i < tree.images.count && run->output_error == 0; i++) {
        predict_image(predictor, tree.images.items[i]);
    }
    tool_tree_free(&tree);
}

/* The images that a table lists, in its order; what it says of them does not count. */
static void predict_table(predict_run *predictor, const char *path)
{
    cnn_dataset *dataset = NULL;
    predictor->several = true;
    const cnn_status status = cnn_dataset_open(predictor->run->context, path, CNN_FILES(.part = "all"), &dataset);
    if (status != CNN_OK) {
        tool_fail_library(predictor->run, status);
        count_failure(predictor);
    }
    for (size_t i = 0; i < cnn_dataset_count(dataset) && predictor->run->output_error == 0; i++) {
        predict_image(predictor, cnn_dataset_path(dataset, i));
    }
    cnn_dataset_free(dataset);
}

/* A file, a folder or a table. What is none of these is left to the library to refuse. */
static void predict_path(predict_run *predictor, const char *path)
{
    struct stat there;
    if (stat(path, &there) == 0 && S_ISDIR(there.st_mode)) {
        predict_folder(predictor, path);
    } else if (tool_is_table(path)) {
        predict_table(predictor, path);
    } else {
        predict_image(predictor, path);
    }
}

static bool predict_line(void *user, const char *path)
{
    predict_run *predictor = user;
    predict_path(predictor, path);
    return predictor->run->output_error == 0;
}

/* Each image is predicted when its line has been read. */
static void predict_list(predict_run *predictor, const char *path)
{
    predictor->several = true;
    for (size_t faults = tool_each_line(predictor->run, path, predict_line, predictor); faults > 0; faults--) {
        count_failure(predictor);
    }
}

/* ---- any of these ---- */

void tool_predict_operand(predict_run *predictor, const char *operand)
{
    if (strcmp(operand, "-") == 0) {
        predict_input(predictor);
    } else if (operand[0] == '@') {
        predict_list(predictor, operand + 1);
    } else {
        predict_path(predictor, operand);
    }
}
