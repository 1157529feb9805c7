/* SPDX-License-Identifier: MIT */
/* CPU quotas of control groups, from folders that look like /sys/fs/cgroup. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/suite.h"
#include "core/quota.h"

static char folder[] = "/tmp/cnn-quota-XXXXXX", root[64], membership[64];

static void put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s/%s", folder, path);
    FILE *file = fopen(whole, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void make(const char *path)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s/%s", folder, path);
    ck_assert_int_eq(mkdir(whole, 0700), 0);
}

static void set_up(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(root, sizeof(root), "%s/cgroup", folder);
    snprintf(membership, sizeof(membership), "%s/self", folder);
    make("cgroup");
    make("cgroup/a");
    make("cgroup/a/b");
}

static void tear_down(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static void expect(uint32_t count) { ck_assert_uint_eq(cnn__cpu_quota(membership, root), count); }

START_TEST(version_2)
{
    static const struct {
        const char *text;
        uint32_t count;
    } rows[] = {{"max 100000\n", UINT32_MAX}, {"100000 100000\n", 1}, {"150000 100000\n", 2},
                {"200000 100000\n", 2},       {"200001 100000\n", 3}, {"1000 100000\n", 1},
                {"", UINT32_MAX},             {"max", UINT32_MAX},    {"5", UINT32_MAX},
                {"5 0", UINT32_MAX},          {"x y", UINT32_MAX},    {"-1 100000", UINT32_MAX},
                {"99999999999999999999999999 1", UINT32_MAX}};
    put("self", "0::/a/b\n");
    expect(UINT32_MAX); /* no file says */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put("cgroup/a/b/cpu.max", rows[i].text);
        expect(rows[i].count);
    }
}
END_TEST

START_TEST(the_least_on_the_way_up)
{
    put("self", "0::/a/b\n");
    put("cgroup/cpu.max", "700000 100000\n");
    expect(7);
    put("cgroup/a/cpu.max", "300000 100000\n");
    put("cgroup/a/b/cpu.max", "400000 100000\n");
    expect(3);
    put("self", "0::/\n");
    expect(7);
    put("self", "0::/elsewhere/not/there\n"); /* as a container sees it whose own group is its root */
    expect(7);
}
END_TEST

START_TEST(version_1)
{
    make("cgroup/cpu,cpuacct");
    make("cgroup/cpu,cpuacct/job");
    put("self", "12:pids:/x\n4:cpu,cpuacct:/job\n3:cpuset:/\n0::/\n");
    put("cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
    put("cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    expect(UINT32_MAX);
    put("cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
    expect(3);
    put("self", "3:cpuset:/job\n1:cpuacct:/job\n");
    expect(UINT32_MAX);
}
END_TEST

START_TEST(nothing_of_use)
{
    expect(UINT32_MAX); /* no membership */
    const char *const texts[] = {"\n", ":", "0:", "::", "garbage", "0::", "0::\n\n\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put("self", texts[i]);
        expect(UINT32_MAX);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quota");
    TCase *tests = tcase_create("quota");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, version_2);
    tcase_add_test(tests, the_least_on_the_way_up);
    tcase_add_test(tests, version_1);
    tcase_add_test(tests, nothing_of_use);
    suite_add_tcase(suite, tests);
    return cnn_test_run(suite);
}
