# SPDX-License-Identifier: MIT
# Writes golden_split.h: which files keras_preprocessing takes for validation_split, and the order in which it lists
# files of folders in folders. Run by hand; needs keras_preprocessing (1.1) and numpy.
import os
import tempfile

from keras_preprocessing.image import DirectoryIterator, ImageDataGenerator

here = os.path.dirname(os.path.abspath(__file__))
TREE = [
    "Dog/b.jpg", "Dog/a/z.png", "Dog/a/x/1.jpg", "Dog/a-b/0.JPG", "Dog/B.jpeg", "Dog/10.jpg", "Dog/2.jpg",
    "cat/only.png", "10/x.jpg", "2/y.jpg",
]
CASES = [(5, 0.2), (7, 0.2), (10, 0.7), (100, 0.29), (10, 0.3), (9, 0.333), (3, 0.5), (1000, 0.1), (11, 0.9)]


def touch(root, name):
    os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
    open(os.path.join(root, name), "wb").close()


def listed(root, split, subset):
    generator = ImageDataGenerator(validation_split=split)
    return DirectoryIterator(root, generator, shuffle=False, subset=subset).filenames


with open(os.path.join(here, "golden_split.h"), "w") as out:
    out.write("/* SPDX-License-Identifier: MIT */\n/* Written by golden_split.py. */\n")
    with tempfile.TemporaryDirectory() as root:
        for name in TREE:
            touch(root, name)
        out.write("static const char *const golden_order[] = {\n")
        for name in listed(root, 0.0, None):
            out.write(f'    "{name}",\n')
        out.write("};\n\n")
    out.write("/* Samples of the one class, fraction, size of the validation part. */\n")
    out.write("static const struct {\n    size_t count;\n    float fraction;\n    size_t part;\n} golden_split[] = {\n")
    for count, fraction in CASES:
        with tempfile.TemporaryDirectory() as root:
            names = [f"c/{i:04d}.jpg" for i in range(count)]
            for name in names:
                touch(root, name)
            part = listed(root, fraction, "validation")
            assert part == names[: len(part)] and listed(root, fraction, "training") == names[len(part) :]
            out.write(f"    {{{count}, {fraction}F, {len(part)}}},\n")
    out.write("};\n")
