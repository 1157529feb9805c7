/* SPDX-License-Identifier: MIT */
/* Written by golden_split.py. */
static const char *const golden_order[] = {
    "10/x.jpg",
    "2/y.jpg",
    "Dog/10.jpg",
    "Dog/2.jpg",
    "Dog/B.jpeg",
    "Dog/b.jpg",
    "Dog/a/z.png",
    "Dog/a-b/0.JPG",
    "Dog/a/x/1.jpg",
    "cat/only.png",
};

/* Samples of the one class, fraction, size of the validation part. */
static const struct {
    size_t count;
    float fraction;
    size_t part;
} golden_split[] = {
    {5, 0.2F, 1},
    {7, 0.2F, 1},
    {10, 0.7F, 7},
    {100, 0.29F, 28},
    {10, 0.3F, 3},
    {9, 0.333F, 2},
    {3, 0.5F, 1},
    {1000, 0.1F, 100},
    {11, 0.9F, 9},
};
