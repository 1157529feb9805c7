/* SPDX-License-Identifier: MIT */
/**
 * The version of libcnn. This file is its only source: the build reads the
 * numbers from here, and the soname is the API major.
 */
#ifndef CNN_VERSION_H
#define CNN_VERSION_H

#include <cnn/common.h>

#define CNN_VERSION_MAJOR 0
#define CNN_VERSION_MINOR 9
#define CNN_VERSION_PATCH 0

/** Major number of the API and of the soname. Until 1.0 it stays 0. */
#define CNN_API_MAJOR 0

/** The version as one comparable number: 0x00MMmmpp. */
#define CNN_VERSION_NUMBER ((CNN_VERSION_MAJOR << 16) | (CNN_VERSION_MINOR << 8) | CNN_VERSION_PATCH)

CNN_BEGIN_DECLS

/**
 * The version of the library that the program runs with, in the form of
 * CNN_VERSION_NUMBER; compare with that macro to find a mixed installation.
 * Thread-safe. Since 0.1.
 */
CNN_API uint32_t cnn_version_number(void);

/** The same as text, for example "0.9.0". Static storage. Thread-safe. Since 0.1. */
CNN_API const char *cnn_version_string(void);

CNN_END_DECLS

#endif
