/* SPDX-License-Identifier: MIT */
/* Scenarios of files with tables, archives and graphs. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/fixture.h"
#include "faults/scenarios.h"

cnn_status scenario_files_prepare(void)
{
    static const char table[] = "path,label\nphoto.png,cat\nphoto.jpg,dog\n";
    static unsigned char records[2 * 3073];
    records[3073] = 3;
    cnn_status status = mkdir(scenario_path("cifar"), 0700) == 0 ? CNN_OK : CNN_ERROR_IO;
    THEN(scenario_put("table.csv", table, sizeof(table) - 1));
    THEN(scenario_put("cifar/data_batch_1.bin", records, sizeof(records)));
    return status;
}

cnn_status scenario_open_table(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    const cnn_status status = cnn_dataset_open(context, scenario_path("table.csv"), NULL, &data);
    *hash = status == CNN_OK ? cnn_dataset_count(data) : 0;
    cnn_dataset_free(data);
    return status;
}

/* With the values of its samples. */
cnn_status scenario_open_cifar(cnn_context *context, uint64_t *hash)
{
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_status status = cnn_dataset_open_cifar(context, scenario_path("cifar"), NULL, &data);
    THEN(cnn_loader_create(context, data, CNN_LOADER(.batch = 2), &loader));
    THEN(cnn_loader_next(loader, &batch));
    *hash = status == CNN_OK ? test_hash(batch.images, 2 * 3072 * sizeof(float)) : 0;
    cnn_loader_free(loader);
    cnn_dataset_free(data);
    return status;
}

static cnn_status take(void *user, const void *data, size_t size)
{
    uint64_t *hash = user;
    *hash = *hash * 31 + test_hash(data, size);
    return CNN_OK;
}

cnn_status scenario_archive(cnn_context *context, uint64_t *hash)
{
    char path[600];
    const char *source = getenv("CNN_SOURCE");
    *hash = 0;
    snprintf(path, sizeof(path), "%s/tests/exchange/files.zip", source != NULL ? source : ".");
    return cnn_archive_read(context, path, "net_F32.safetensors", 1 << 20, take, hash);
}

#if TEST_ONNX
cnn_status scenario_save_onnx(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    cnn_status status = test_model(context, &model);
    THEN(cnn_model_save_onnx(model, scenario_path("saved.onnx"), NULL));
    *hash = 1;
    cnn_model_free(model);
    return status;
}

cnn_status scenario_load_onnx(cnn_context *context, uint64_t *hash)
{
    cnn_model *model = NULL;
    const cnn_status status = cnn_model_load_onnx(context, scenario_path("saved.onnx"), NULL, &model);
    *hash = status == CNN_OK ? test_model_hash(model) : 0;
    cnn_model_free(model);
    return status;
}
#endif
