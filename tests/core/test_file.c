/* SPDX-License-Identifier: MIT */
/* Files that are written: modes, links, what is no file, long names, remains of dead processes, folders that cannot be
 * read. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cnn/cnn.h>

#include "common/suite.h"
#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"

static cnn_context *context;
static char folder[64], warned[512];

static void log_line(void *user, cnn_log_level level, const char *message)
{
    (void)user;
    if (level == CNN_LOG_WARNING) {
        snprintf(warned, sizeof(warned), "%s", message);
    }
}

static void setup(void)
{
    ck_assert_int_eq(cnn_context_create(CNN_CONTEXT(.threads = 1, .log = log_line), &context), CNN_OK);
    strcpy(folder, "/tmp/cnn-write-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    warned[0] = '\0';
    umask(022);
}

static int entries(void)
{
    int count = 0;
    DIR *list = opendir(folder);
    while (readdir(list) != NULL) {
        count++;
    }
    closedir(list);
    return count - 2;
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
    cnn_context_free(context);
}

static cnn_status put(const char *path, const char *text)
{
    cnn__writer writer;
    CNN__RETURN_IF_ERROR(cnn__writer_open(context, path, &writer));
    cnn__writer_write(&writer, text, strlen(text));
    return cnn__writer_commit(&writer);
}

static void check_text(const char *path, const char *expected)
{
    void *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(cnn__file_read(context, path, CNN__MODEL_FILE, &data, &size), CNN_OK);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(data, expected, size);
    cnn__free(context, data);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

START_TEST(test_modes)
{
    static const mode_t modes[] = {0600, 0640, 0444, 0666, 0400};
    ck_assert_int_eq(put("new", "1"), CNN_OK);
    ck_assert_uint_eq(mode_of("new"), 0644);
    umask(077);
    ck_assert_int_eq(put("private", "1"), CNN_OK);
    ck_assert_uint_eq(mode_of("private"), 0600);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ck_assert_int_eq(chmod("new", modes[i]), 0);
        ck_assert_int_eq(put("new", "2"), CNN_OK);
        ck_assert_uint_eq(mode_of("new"), modes[i]);
    }
    ck_assert_int_eq(entries(), 2);
}
END_TEST

START_TEST(test_links)
{
    ck_assert_int_eq(mkdir("sub", 0755), 0);
    ck_assert_int_eq(put("sub/file", "old"), CNN_OK);
    ck_assert_int_eq(chmod("sub/file", 0600), 0);
    ck_assert_int_eq(symlink("file", "sub/inner"), 0);
    ck_assert_int_eq(symlink("sub/inner", "outer"), 0);
    ck_assert_int_eq(put("outer", "new"), CNN_OK);
    check_text("sub/file", "new");
    ck_assert_uint_eq(mode_of("sub/file"), 0600);
    struct stat info;
    ck_assert(lstat("outer", &info) == 0 && S_ISLNK(info.st_mode));
    ck_assert(lstat("sub/inner", &info) == 0 && S_ISLNK(info.st_mode));
    /* To what is not there yet, and in a circle. */
    ck_assert_int_eq(symlink("sub/later", "ahead"), 0);
    ck_assert_int_eq(put("ahead", "made"), CNN_OK);
    check_text("sub/later", "made");
    ck_assert_int_eq(symlink("round", "round"), 0);
    ck_assert_int_eq(put("round", "?"), CNN_ERROR_IO);
    ck_assert_int_eq(symlink("/nowhere/at/all", "lost"), 0);
    ck_assert_int_ne(put("lost", "?"), CNN_OK);
    ck_assert_ptr_nonnull(strstr(cnn_last_error(context), "lost: "));
}
END_TEST

START_TEST(test_no_files)
{
    struct stat before, after;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(mkdir("sub", 0755), 0);
    ck_assert_int_eq(symlink("pipe", "link"), 0);
    static const char *const names[] = {"pipe", "sub", "sub/", "socket", "link", "/dev/null", "/dev/full"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_int_eq(lstat(names[i], &before), 0);
        ck_assert_int_eq(put(names[i], "x"), CNN_ERROR_IO);
        ck_assert_ptr_nonnull(strstr(cnn_last_error(context), names[i]));
        ck_assert_int_eq(cnn__writer_probe(context, names[i]), CNN_ERROR_IO);
        ck_assert(lstat(names[i], &after) == 0 && after.st_ino == before.st_ino && after.st_mode == before.st_mode);
    }
    ck_assert_int_ne(put("", "x"), CNN_OK);
    close(server);
    ck_assert_int_eq(entries(), 4);
}
END_TEST

START_TEST(test_long_name)
{
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    ck_assert_int_eq(put(name, "1"), CNN_OK);
    ck_assert_int_eq(put(name, "22"), CNN_OK);
    check_text(name, "22");
    ck_assert_int_eq(entries(), 1);
}
END_TEST

/* Leaves the remains of a process that was killed while it wrote. */
static void leave_remains(void)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        cnn__writer writer;
        if (cnn__writer_open(context, "file", &writer) == CNN_OK && cnn__writer_write(&writer, "abc", 3) == CNN_OK) {
            kill(getpid(), SIGKILL);
        }
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}

START_TEST(test_remains)
{
    /* They are removed by whoever writes next, be it to another name. */
    for (int i = 0; i < 5; i++) {
        leave_remains();
        ck_assert_int_eq(entries(), 1 + (i > 0));
        ck_assert_int_eq(put("other", "1"), CNN_OK);
        ck_assert_int_eq(entries(), 1);
    }
    /* Writers at work keep theirs. */
    cnn__writer writers[3];
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cnn__writer_open(context, "file", &writers[i]), CNN_OK);
    }
    ck_assert_int_eq(put("other", "2"), CNN_OK);
    ck_assert_int_eq(entries(), 4);
    for (int i = 0; i < 3; i++) {
        cnn__writer_write(&writers[i], "abc", (size_t)i + 1);
        ck_assert_int_eq(cnn__writer_commit(&writers[i]), CNN_OK);
    }
    check_text("file", "abc");
    ck_assert_int_eq(entries(), 2);
}
END_TEST

START_TEST(test_names_taken)
{
    /* What is no file of ours stays, and another name is found. */
    char name[32];
    ck_assert_int_eq(symlink("victim", ".cnn-0.tmp"), 0);
    ck_assert_int_eq(put("victim", "whole"), CNN_OK);
    ck_assert_int_eq(mkdir(".cnn-1.tmp", 0755), 0);
    int held[200];
    for (int i = 2; i < 200; i++) {
        snprintf(name, sizeof(name), ".cnn-%d.tmp", i);
        held[i] = open(name, O_WRONLY | O_CREAT, 0600);
        ck_assert_int_eq(flock(held[i], LOCK_EX), 0);
    }
    ck_assert_int_eq(put("file", "1"), CNN_OK);
    check_text("victim", "whole");
    ck_assert_int_eq(entries(), 202);
    for (int i = 2; i < 200; i++) {
        close(held[i]);
    }
}
END_TEST

/* Runs as somebody whom modes hold back. */
static bool become_nobody(void) { return geteuid() != 0 || (chmod(folder, 0777) == 0 && seteuid(65534) == 0); }

START_TEST(test_folder_not_readable)
{
    ck_assert_int_eq(mkdir("closed", 0777), 0);
    ck_assert_int_eq(chmod("closed", 0333), 0);
    ck_assert(become_nobody());
    cnn_status status = put("closed/file", "in place");
    ck_assert_int_eq(geteuid() == 65534 ? seteuid(0) : 0, 0);
    ck_assert_int_eq(status, CNN_OK);
    ck_assert_ptr_nonnull(strstr(warned, "closed/file: is in place"));
    ck_assert_int_eq(chmod("closed", 0755), 0);
    check_text("closed/file", "in place");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core/file");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_modes);
    tcase_add_test(tcase, test_links);
    tcase_add_test(tcase, test_no_files);
    tcase_add_test(tcase, test_long_name);
    tcase_add_test(tcase, test_remains);
    tcase_add_test(tcase, test_names_taken);
    tcase_add_test(tcase, test_folder_not_readable);
    suite_add_tcase(suite, tcase);
    return cnn_test_run(suite);
}
