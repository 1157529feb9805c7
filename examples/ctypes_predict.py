#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Predicts photos from Python with nothing but ctypes: ctypes_predict.py MODEL PHOTO..."""
import ctypes
import ctypes.util
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_int32, c_size_t, c_void_p


class Prediction(ctypes.Structure):
    _fields_ = [("label", c_int32), ("probability", c_float), ("name", c_char_p)]


def open_library():
    cnn = ctypes.CDLL(os.environ.get("CNN_LIBRARY") or ctypes.util.find_library("cnn") or "libcnn.so")
    arguments = {
        "cnn_context_create": [c_void_p, POINTER(c_void_p)],
        "cnn_model_load": [c_void_p, c_char_p, POINTER(c_void_p)],
        "cnn_session_create": [c_void_p, c_void_p, POINTER(c_void_p)],
        "cnn_session_predict_file": [c_void_p, c_char_p, POINTER(Prediction), POINTER(c_size_t)],
        "cnn_last_error": [c_void_p],
    }
    for name in ("context", "model", "session"):
        arguments[f"cnn_{name}_free"] = [c_void_p]
    for name, types in arguments.items():
        getattr(cnn, name).argtypes = types
        getattr(cnn, name).restype = None if name.endswith("_free") else c_int
    cnn.cnn_last_error.restype = c_char_p
    return cnn


def main(arguments):
    if len(arguments) < 3:
        sys.exit("usage: ctypes_predict.py MODEL PHOTO...")
    cnn = open_library()
    context, model, session = c_void_p(), c_void_p(), c_void_p()

    def check(status):
        if status != 0:
            raise RuntimeError(cnn.cnn_last_error(context).decode() if context else f"status {status}")

    try:
        check(cnn.cnn_context_create(None, byref(context)))
        check(cnn.cnn_model_load(context, os.fsencode(arguments[1]), byref(model)))
        check(cnn.cnn_session_create(model, None, byref(session)))
        for path in arguments[2:]:
            best, count = Prediction(), c_size_t(1)
            check(cnn.cnn_session_predict_file(session, os.fsencode(path), byref(best), byref(count)))
            print(f"{path}: {(best.name or b'(unnamed)').decode()} {best.probability:.4f}")
    except RuntimeError as error:
        sys.exit(f"ctypes_predict.py: {error}")
    finally:
        cnn.cnn_session_free(session)
        cnn.cnn_model_free(model)
        cnn.cnn_context_free(context)


main(sys.argv)
