#include "tool_foreign.h"
int tool_hdf5_save(tool *run, const cnn_model *model, const char *path) { (void)model; return tool_fail(run, "%s", path); }
