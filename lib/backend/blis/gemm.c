/* SPDX-License-Identifier: MIT */
/* The matrix product by BLIS, on the calling thread. */
#include "backend/blis/blis.h"

#include "backend/config.h"
#if CNN_BLIS_IN_FOLDER
#include <blis/blis.h>
#else
#include <blis.h>
#endif

/* BLIS's kernels for small products (seen in 0.9) read up to 12 bytes past the last row of C or B where columns are
 * left over that fill no vector, and up to 28 past A's if both A and B lie along the sum and that does not fill
 * vectors. A single column left over they take as a product with a vector that skips zeros, be they multiplied with
 * NaN. The packed kernels do none of this. */
static bool is_whole(const cnn_gemm_args *args) { return args->n % 4 == 0 && (!args->transpose_b || args->k % 8 == 0); }

bool cnn__blis_knows_processor(void)
{
    bli_init(); /* the question alone ends the process where BLIS_ARCH_TYPE is set */
    return bli_arch_query_id() != BLIS_ARCH_GENERIC;
}

cnn_status cnn__blis_gemm(const cnn_backend_call *call, const cnn_gemm_args *args)
{
    (void)call;
    /* The number of threads goes along with each call: BLIS's global one belongs to the program. */
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(1, &runtime);
    if (!is_whole(args)) {
        bli_rntm_disable_l3_sup(&runtime);
    }
    float alpha = args->alpha, beta = args->beta;
    bli_sgemm_ex(args->transpose_a ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
                 args->transpose_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, args->m, args->n, args->k, &alpha,
                 (float *)args->a, args->lda, 1, (float *)args->b, args->ldb, 1, &beta, args->c, args->ldc, 1, NULL,
                 &runtime);
    return CNN_OK;
}
