/* SPDX-License-Identifier: MIT */
/* cnn version */
#include "tool.h"
#include "tool_json.h"

typedef struct version_settings {
    tool_common common;
} version_settings;

static int run_version(tool *run, const void *settings)
{
    (void)settings;
    int result = tool_open_context(run);
    if (result != TOOL_DONE) {
        return result;
    }
    if (run->common->json) {
        json_t *object = json_object(), *backends = json_array();
        for (size_t i = 0; cnn_backend_name(i) != NULL; i++) {
            json_array_append_new(backends, json_string(cnn_backend_name(i)));
        }
        tool_json_text(object, "version", cnn_version_string());
        tool_json_text(object, "backend", cnn_context_backend(run->context));
        json_object_set_new(object, "backends", backends);
        tool_json_text(object, "cpu", cnn_cpu_level());
        tool_json_text(object, "math", cnn_context_math(run->context));
        tool_json_count(object, "threads", cnn_context_threads(run->context));
        return tool_json_print(run, object);
    }
    tool_print(run, "cnn %s\nbackend   %s (built in:", cnn_version_string(), cnn_context_backend(run->context));
    for (size_t i = 0; cnn_backend_name(i) != NULL; i++) {
        tool_print(run, "%s%s", i > 0 ? ", " : " ", cnn_backend_name(i));
    }
    tool_print(run, ")\nkernels   %s\nmath      %s\nthreads   %u\n", cnn_cpu_level(), cnn_context_math(run->context),
               (unsigned)cnn_context_threads(run->context));
    return TOOL_DONE;
}

static const tool_option version_options[] = {{0}};

const tool_command tool_command_version = {
    .name = "version",
    .synopsis = "",
    .purpose = "Says the version, the backends, the instruction set, the kind of arithmetic and the threads in use.",
    .options = version_options,
    .settings_size = sizeof(version_settings),
    .run = run_version,
};
