/* SPDX-License-Identifier: MIT */
/**
 * libcnn: convolutional networks on ordinary processors. This header includes
 * all others, in the order in which data flows; each also stands alone.
 *
 * common.h says the rules of the whole API: ownership, options, status codes.
 */
#ifndef CNN_CNN_H
#define CNN_CNN_H

#include <cnn/common.h>
#include <cnn/version.h>

#include <cnn/communicator.h>
#include <cnn/context.h>

#include <cnn/image.h>
#include <cnn/pipeline.h>

#include <cnn/dataset.h>
#include <cnn/loader.h>

#include <cnn/layer.h>
#include <cnn/functional.h>
#include <cnn/model.h>
#include <cnn/session.h>
#include <cnn/exchange.h>
#include <cnn/onnx.h>
#include <cnn/trace.h>

#include <cnn/features.h>

#include <cnn/evaluator.h>
#include <cnn/explain.h>
#include <cnn/loss.h>
#include <cnn/optimizer.h>
#include <cnn/schedule.h>
#include <cnn/train.h>

#include <cnn/zoo.h>

#include <cnn/backend.h>

#endif
