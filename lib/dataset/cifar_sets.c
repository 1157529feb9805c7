/* SPDX-License-Identifier: MIT */
/* What the files of CIFAR-10 and CIFAR-100 are called, and what is in them (Krizhevsky 2009). */
#include <string.h>

#include "dataset/cifar.h"

static const char *const classes_10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                         "dog",      "frog",       "horse", "ship", "truck"};

static const char *const classes_100[] = {
    "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
    "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
    "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
    "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
    "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
    "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
    "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
    "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
    "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
    "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
    "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
    "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
    "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
    "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
    "woman",      "worm"};

static const char *const superclasses_100[] = {"aquatic_mammals",
                                               "fish",
                                               "flowers",
                                               "food_containers",
                                               "fruit_and_vegetables",
                                               "household_electrical_devices",
                                               "household_furniture",
                                               "insects",
                                               "large_carnivores",
                                               "large_man-made_outdoor_things",
                                               "large_natural_outdoor_scenes",
                                               "large_omnivores_and_herbivores",
                                               "medium_mammals",
                                               "non-insect_invertebrates",
                                               "people",
                                               "reptiles",
                                               "small_mammals",
                                               "trees",
                                               "vehicles_1",
                                               "vehicles_2"};

/* A record of CIFAR-100 begins with the superclass, then the class. */
const cnn__cifar_set cnn__cifar_sets[] = {
    {"data_batch_*.bin", "test_batch.bin", 1, 0, 10, "batches.meta.txt", classes_10},
    {"train.bin", "test.bin", 2, 1, 100, "fine_label_names.txt", classes_100},
    {"train.bin", "test.bin", 2, 0, 20, "coarse_label_names.txt", superclasses_100},
    {NULL, NULL, 0, 0, 0, NULL, NULL},
};

/* Whether `name` is `pattern`, whose "*" stands for one or more digits. */
static bool is_like(const char *name, const char *pattern)
{
    const size_t before = strcspn(pattern, "*");
    if (pattern[before] == '\0') {
        return strcmp(name, pattern) == 0;
    }
    const size_t digits = strncmp(name, pattern, before) == 0 ? strspn(name + before, "0123456789") : 0;
    return digits > 0 && strcmp(name + before + digits, pattern + before + 1) == 0;
}

bool cnn__cifar_is_file(const cnn__cifar_set *set, const char *name, const char *part)
{
    const bool test = part != NULL && strcmp(part, "test") == 0;
    return (!test && is_like(name, set->train)) || ((test || part == NULL) && is_like(name, set->test));
}
