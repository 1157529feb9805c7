/* SPDX-License-Identifier: MIT */
/* CIFAR-10's binary files: records of a label and three planes of 32 x 32 bytes. */
#ifndef CNN_DATASET_CIFAR_H
#define CNN_DATASET_CIFAR_H

#include "dataset/listing.h"
#include "dataset/source.h"

#define CNN__CIFAR_SIDE 32U
#define CNN__CIFAR_PIXELS ((size_t)3 * CNN__CIFAR_SIDE * CNN__CIFAR_SIDE)
#define CNN__CIFAR_RECORD (CNN__CIFAR_PIXELS + 1)
#define CNN__CIFAR_CLASSES 10

/* Checks the size of a file: CNN_ERROR_TRUNCATED unless it is a whole number of records, at least one. */
cnn_status cnn__cifar_count(const cnn_context *context, const char *name, size_t size, size_t *records);
/* Parses all records of a file whose size was checked: interleaved pixels and labels, CNN__CIFAR_PIXELS and one for
 * each record. */
cnn_status cnn__cifar_parse(const cnn_context *context, const char *name, const uint8_t *bytes, size_t records,
                            uint8_t *pixels, int32_t *labels);

/* Whether a name is that of a CIFAR-10 file of this part; part NULL: of any. */
bool cnn__is_cifar_name(const char *name, const char *part);
cnn_status cnn__cifar_open_folder(cnn_context *context, const char *path, const cnn__listing *listing,
                                  const cnn_files_options *options, cnn_dataset **dataset);

#endif
