/* SPDX-License-Identifier: MIT */
/* PyTorch's files. */
#ifndef CNN_EXCHANGE_TORCH_H
#define CNN_EXCHANGE_TORCH_H

#include "exchange/bytes.h"
#include "exchange/weights.h"

typedef enum cnn__torch_form { CNN__TORCH_NONE, CNN__TORCH_ARCHIVE, CNN__TORCH_OLD } cnn__torch_form;

/* By the first bytes. */
cnn__torch_form cnn__torch_recognize(const cnn__bytes *bytes);

/* Opens a file of one of the two forms. Takes the bytes over, also on failure. */
cnn_status cnn__weights_open_torch(cnn__bytes *bytes, cnn_weights **weights);

#endif
