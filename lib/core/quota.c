/* SPDX-License-Identifier: MIT */
/* Reading a control group's CPU quota. What cannot be read is no quota. */
#include "core/quota.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a small file as text; false if there is none. */
static bool read_text(const char *path, char *text, size_t size)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    const ssize_t got = read(descriptor, text, size - 1);
    close(descriptor);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* Digits, then what follows them in *rest; 0 where there are none: "max", or -1. */
static uint64_t take_number(const char *text, const char **rest)
{
    uint64_t value = 0;
    while (*text == ' ') {
        text++;
    }
    for (; *text >= '0' && *text <= '9' && value < UINT64_MAX / 16; text++) {
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *rest = text;
    return value;
}

static uint32_t processors(uint64_t quota, uint64_t period)
{
    if (quota == 0 || period == 0) {
        return UINT32_MAX;
    }
    const uint64_t count = (quota - 1) / period + 1;
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

/* The quota that a folder of groups states. */
static uint32_t quota_of(const char *folder)
{
    char path[PATH_MAX + 32], text[128], period_text[128];
    const char *rest;
    snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (read_text(path, text, sizeof(text))) {
        const uint64_t quota = take_number(text, &rest);
        return processors(quota, take_number(rest, &rest));
    }
    snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
    if (!read_text(path, text, sizeof(text))) {
        return UINT32_MAX;
    }
    snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
    return read_text(path, period_text, sizeof(period_text))
               ? processors(take_number(text, &rest), take_number(period_text, &rest))
               : UINT32_MAX;
}

/* The least quota from root/hierarchy/group up to root/hierarchy. */
static uint32_t least_quota(const char *root, const char *hierarchy, const char *group)
{
    char folder[PATH_MAX];
    const int length = snprintf(folder, sizeof(folder), "%s%s%s", root, hierarchy, group);
    const size_t top = strlen(root) + strlen(hierarchy);
    uint32_t least = UINT32_MAX;
    if (length < 0 || (size_t)length >= sizeof(folder)) {
        return least;
    }
    while (strlen(folder) >= top) {
        const uint32_t here = quota_of(folder);
        least = here < least ? here : least;
        char *slash = strrchr(folder + top, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
    }
    return least;
}

/* Whether a list "cpu,cpuacct" has "cpu". */
static bool has_cpu(const char *list, size_t size)
{
    for (const char *at = list; at < list + size;) {
        const char *comma = memchr(at, ',', (size_t)(list + size - at));
        const char *end = comma != NULL ? comma : list + size;
        if (end - at == 3 && memcmp(at, "cpu", 3) == 0) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

uint32_t cnn__cpu_quota(const char *membership, const char *root)
{
    char text[8192], hierarchy[256];
    uint32_t least = UINT32_MAX;
    if (!read_text(membership, text, sizeof(text))) {
        return least;
    }
    char *next;
    for (char *line = text; line != NULL && *line != '\0'; line = next) { /* "4:cpu,cpuacct:/group" or "0::/group" */
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        char *list = strchr(line, ':'), *group = list != NULL ? strchr(list + 1, ':') : NULL;
        if (group == NULL) {
            continue;
        }
        const size_t size = (size_t)(group - list - 1);
        if (size > 0 && (!has_cpu(list + 1, size) || size + 2 > sizeof(hierarchy))) {
            continue;
        }
        snprintf(hierarchy, sizeof(hierarchy), "%s%.*s", size > 0 ? "/" : "", (int)size, list + 1);
        const uint32_t here = least_quota(root, hierarchy, strcmp(group + 1, "/") == 0 ? "" : group + 1);
        least = here < least ? here : least;
    }
    return least;
}
