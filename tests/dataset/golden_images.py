# SPDX-License-Identifier: MIT
# Writes golden_images.h: two tiny image files as bytes. Run by hand; needs Pillow.
import io
import os

from PIL import Image


def encoded(image, form):
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


def array(name, data):
    rows = [", ".join(f"0x{b:02x}" for b in data[i : i + 16]) for i in range(0, len(data), 16)]
    return f"static const unsigned char {name}[] = {{\n    " + ",\n    ".join(rows) + "};\n"


png = Image.new("RGB", (2, 1))
png.putdata([(10, 20, 30), (200, 100, 50)])
jpeg = Image.new("L", (8, 8), 100)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden_images.h"), "w") as file:
    file.write("/* SPDX-License-Identifier: MIT */\n/* Written by golden_images.py. */\n")
    file.write("/* 2 x 1 pixels: (10, 20, 30), (200, 100, 50). */\n" + array("golden_png", encoded(png, "PNG")))
    file.write("/* 8 x 8 grey pixels of 100. */\n" + array("golden_jpeg", encoded(jpeg, "JPEG")))
