/* SPDX-License-Identifier: MIT */
/* The texts of status codes, and the version. */
#include <cnn/common.h>
#include <cnn/version.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *cnn_status_string(cnn_status status)
{
    switch (status) {
#define CNN_STATUS_CASE(name, number, text) \
    case CNN_##name:                        \
        return text;
        CNN_STATUS_MAP(CNN_STATUS_CASE)
#undef CNN_STATUS_CASE
    default:
        return "unknown status";
    }
}

uint32_t cnn_version_number(void) { return CNN_VERSION_NUMBER; }

const char *cnn_version_string(void)
{
    return TEXT(CNN_VERSION_MAJOR) "." TEXT(CNN_VERSION_MINOR) "." TEXT(CNN_VERSION_PATCH);
}
