/* SPDX-License-Identifier: MIT */
/* The matrix product by BLIS, on the calling thread. */
#include "backend/blis/blis.h"

#include "backend/config.h"
#if CNN_BLIS_IN_FOLDER
#include <blis/blis.h>
#else
#include <blis.h>
#endif

cnn_status cnn__blis_gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call;
    /* The number of threads goes along with each call: BLIS's global one belongs to the program. */
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(1, &runtime);
    float alpha = args->alpha, beta = args->beta;
    bli_sgemm_ex(args->transpose_a ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
                 args->transpose_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, args->m, args->n, args->k, &alpha,
                 (float *)args->a, args->lda, 1, (float *)args->b, args->ldb, 1, &beta, args->c, args->ldc, 1, NULL,
                 &runtime);
    return CNN_OK;
}
