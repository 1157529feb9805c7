/* SPDX-License-Identifier: MIT */
/* A custom backend: matrix products from OpenBLAS by way of CBLAS. A table that has `gemm` alone is complete: the
 * library divides convolutions and dense layers into products, and runs all other operations itself.
 *
 *     cblas_backend DATA [EPOCHS] */
#include <cblas.h>
#include <cnn/cnn.h>

#include <stdio.h>
#include <stdlib.h>

static cnn_status gemm(const cnn_backend_call *call, const cnn_gemm_args *g)
{
    (void)call;
    cblas_sgemm(CblasRowMajor, g->transpose_a ? CblasTrans : CblasNoTrans, g->transpose_b ? CblasTrans : CblasNoTrans,
                (blasint)g->m, (blasint)g->n, (blasint)g->k, g->alpha, g->a, (blasint)g->lda, g->b, (blasint)g->ldb,
                g->beta, g->c, (blasint)g->ldc);
    return CNN_OK;
}

static bool print_epoch(void *user, const cnn_progress *progress)
{
    printf("%s: epoch %d: loss %.4f, accuracy %.4f, %.1f s\n", (const char *)user, (int)progress->epoch + 1,
           progress->loss, progress->score, progress->seconds);
    return false;
}

static cnn_status build(cnn_context *context, cnn_shape input, int32_t classes, cnn_model **model)
{
    cnn_status status = cnn_model_create(context, CNN_MODEL(.shape = input), model);
    if (status != CNN_OK) {
        return status;
    }
    cnn_model_add(*model, cnn_conv2d(context, CNN_CONV2D(.filters = 16, .activation = CNN_RELU)));
    cnn_model_add(*model, cnn_max_pool2d(context, NULL));
    cnn_model_add(*model, cnn_flatten(context, NULL));
    cnn_model_add(*model, cnn_dense(context, CNN_DENSE(.units = classes)));
    return cnn_model_build(*model);
}

int main(int argc, char **argv)
{
    static const cnn_backend cblas = {.struct_size = sizeof(cblas), .abi = CNN_BACKEND_ABI, .name = "cblas",
                                      .gemm = gemm};
    if (argc < 2) {
        fprintf(stderr, "usage: cblas_backend DATA [EPOCHS]\n");
        return 2;
    }
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *train = NULL;
    cnn_model *model = NULL;
    cnn_optimizer *adam = NULL;

    openblas_set_num_threads(1); /* libcnn divides the work itself and calls from several threads */
    bool ok = cnn_context_create(CNN_CONTEXT(.backends = &cblas, .backend_count = 1, .backend = "cblas"), &context) ==
                  CNN_OK &&
              cnn_dataset_open(context, argv[1], NULL, &data) == CNN_OK &&
              cnn_loader_create(context, data, CNN_LOADER(.batch = 50, .shuffle = 1), &train) == CNN_OK &&
              build(context, cnn_loader_sample_shape(train), (int32_t)cnn_dataset_class_count(data), &model) ==
                  CNN_OK &&
              cnn_adam_create(context, NULL, &adam) == CNN_OK &&
              cnn_fit(model, CNN_FIT(.train = train, .optimizer = adam, .on_epoch = print_epoch,
                                     .user = (void *)cnn_context_backend(context),
                                     .epochs = argc > 2 ? (uint32_t)atoi(argv[2]) : 1), NULL) == CNN_OK;
    if (!ok) {
        fprintf(stderr, "cblas_backend: %s\n", cnn_last_error(context));
    }
    cnn_optimizer_free(adam);
    cnn_model_free(model);
    cnn_loader_free(train);
    cnn_dataset_free(data);
    cnn_context_free(context);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
