/* SPDX-License-Identifier: MIT */
/* In place of tool_hdf5.c and tool_hdf5_write.c where the command is built without libhdf5. */
#include "tool_foreign.h"

static int refuse(tool *run, const char *path)
{
    return tool_fail(run, "%s: is an HDF5 file, and this cnn was built without libhdf5 (meson option hdf5)", path);
}

int tool_hdf5_open(tool *run, const char *path, const void *data, size_t size, tool_foreign *foreign)
{
    (void)data;
    (void)size;
    (void)foreign;
    return refuse(run, path);
}

void tool_hdf5_close(struct tool_hdf5 *file) { (void)file; }

int tool_hdf5_save(tool *run, const cnn_model *model, const char *path)
{
    (void)model;
    return refuse(run, path);
}
