/* SPDX-License-Identifier: MIT */
/* How many processors a container lets the process have. */
#ifndef CNN_CORE_QUOTA_H
#define CNN_CORE_QUOTA_H

#include <stdint.h>

/* Processors that the CPU quota of the process's control group allows, rounded up, of version 2 (cpu.max) or 1
 * (cpu.cfs_quota_us), the least on the way up to the root; UINT32_MAX without a quota. `membership` is
 * /proc/self/cgroup, `root` /sys/fs/cgroup; tests have others. */
uint32_t cnn__cpu_quota(const char *membership, const char *root);

#endif
