/* SPDX-License-Identifier: MIT */
/**
 * A dataset is a numbered list of images with class labels and class names. It
 * says where samples are; a cnn_loader reads them. All functions may be called
 * from any thread; a dataset is immutable once made.
 */
#ifndef CNN_DATASET_H
#define CNN_DATASET_H

#include <cnn/common.h>
#include <cnn/communicator.h>
#include <cnn/context.h>
#include <cnn/image.h>

CNN_BEGIN_DECLS

typedef struct cnn_dataset cnn_dataset;

/** What becomes of a sample that cannot be read, or of an entry that cannot be examined when a dataset is opened. */
typedef enum cnn_on_error {
    CNN_ON_ERROR_FAIL = 0, /**< the call fails and names path and reason */
    CNN_ON_ERROR_SKIP = 1  /**< it is left out, logged and counted; CNN_ERROR_CANCELLED, CNN_ERROR_OUT_OF_MEMORY and
                                CNN_ERROR_INTERNAL, which are not its own, fail all the same */
} cnn_on_error;

/** Options of the datasets that list files; write them with CNN_FILES(). */
typedef struct cnn_files_options {
    size_t struct_size;
    const char *const *classes; /**< the class names, in label order, others being refused; NULL: those found,
                                     sorted by their bytes ("10" < "2", "Dog" < "cat") */
    size_t class_count;         /**< how many names */
    uint32_t channels;          /**< decode to 1 or 3 channels; 0: 3 for photos, 1 for IDX */
    uint32_t apply_orientation; /**< as in cnn_decode_options */
    const char *part;           /**< of an IDX or CIFAR folder: "train" or "test" ("validation" is the same); of a
                                     table with a column of splits "train", "validation", "test" or "all" of them;
                                     NULL: "train" */
    const char *prefix;         /**< of a folder with several sets of IDX files: what the names of the chosen one begin
                                     with, such as "emnist-letters"; NULL: any. Of CIFAR-100: "fine" (also NULL) or
                                     "coarse", which of an image's labels is read */
    int32_t on_error;           /**< a cnn_on_error: of links to nowhere, folders that cannot be listed, and entries
                                     that cannot be examined. Images that cannot be decoded are the loader's */
    int32_t task;               /**< a cnn_task: what the targets of a table are, if not what their text says */
    const char *label_columns;  /**< of a table: names of the columns that say what a sample is, joined by commas; NULL:
                                     those that are named so, or are left */
    const char *group_column;   /**< of a table: the column of groups; NULL: "group" */
} cnn_files_options;

#define CNN_FILES(...) CNN_OPTIONS(cnn_files_options, __VA_ARGS__)

/**
 * Opens whatever lies at `path`: a folder with one folder for each class, a
 * flat folder of label.N.jpg, a folder of IDX files (gzipped or not), a
 * folder of CIFAR-10 or CIFAR-100 binaries, or a table (a file whose name ends
 * in .csv, .tsv, .jsonl or .ndjson).
 *
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_IO, CNN_ERROR_FORMAT (nothing
 * of these is there; the message says what was found), and the statuses of the
 * call for that form. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_open(cnn_context *context, const char *path, const cnn_files_options *options,
                                    cnn_dataset **dataset);

/**
 * One folder for each class below `path`, each with image files by the endings
 * of cnn_image_name_format() (in folders below it too), in byte order. Names that begin with a
 * dot are passed over with a log message. A class without images is an error,
 * unless `classes` are given: then it is told in the log, so that a validation
 * or test set is numbered as the training set though a class of it is empty or
 * missing there. Links are followed; a folder to which several lead is taken
 * once in a class. A name that is not UTF-8, or has control characters, gives a
 * class name in which each such byte is written \xNN; `classes` may be written
 * either way.
 *
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND, CNN_ERROR_IO, CNN_ERROR_FORMAT, CNN_ERROR_LIMIT (folders nested too deep),
 * CNN_ERROR_INVALID_ARGUMENT (two folders give one class name), CNN_ERROR_MISMATCH (a folder that is not in `classes`),
 * CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_open_folders(cnn_context *context, const char *path, const cnn_files_options *options,
                                            cnn_dataset **dataset);

/**
 * A flat folder: the class is the file name up to its first dot. Files are in
 * natural order: cat.2.jpg before cat.10.jpg. Statuses as
 * cnn_dataset_open_folders(). Since 0.1.
 */
CNN_API cnn_status cnn_dataset_open_flat(cnn_context *context, const char *path, const cnn_files_options *options,
                                         cnn_dataset **dataset);

/**
 * All images of a folder and of the folders below it, without labels: for
 * cnn_predict() and cnn_features_create(). They are in natural order, those of
 * a folder before those of the folders in it; cnn_dataset_path() says which is
 * which. What is passed over is as for cnn_dataset_open_folders().
 *
 * options  `classes` are the names that cnn_dataset_class_name() gives, as
 *          those of the model; NULL: there are none.
 *
 * Statuses as cnn_dataset_open_folders(). Since 0.1.
 */
CNN_API cnn_status cnn_dataset_open_unlabelled(cnn_context *context, const char *path, const cnn_files_options *options,
                                               cnn_dataset **dataset);

/**
 * IDX files, as MNIST and Fashion-MNIST come, gzipped or not: unsigned bytes,
 * images of rank 3 (or 4 with channels last) and labels of rank 1. They are
 * held in memory, at most 4 GB each, as they are in the files. Labels number the classes; without `classes` names are
 * "0", "1", ...; a folder named fashion-mnist gets the article's names.
 *
 * Returns CNN_OK, CNN_ERROR_IO, CNN_ERROR_TRUNCATED, CNN_ERROR_FORMAT,
 * CNN_ERROR_MISMATCH, CNN_ERROR_LIMIT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_open_idx(cnn_context *context, const char *images_path, const char *labels_path,
                                        const cnn_files_options *options, cnn_dataset **dataset);

/** A folder of the binaries of CIFAR-10 (data_batch_*.bin, test_batch.bin) or of CIFAR-100 (train.bin, test.bin; 100
    classes, or 20 superclasses by `prefix`). Statuses as cnn_dataset_open_idx(). Since 0.1. */
CNN_API cnn_status cnn_dataset_open_cifar(cnn_context *context, const char *path, const cnn_files_options *options,
                                          cnn_dataset **dataset);

/**
 * A table of image files: comma-separated values (also separated by tabs or semicolons) with a line of column names, or
 * JSON lines, an object each. Columns, in any case of letters:
 *
 *     path    also file, filename, image, img, id, image_id, ...: the file, relative to the table's folder; a name
 *             without an ending is looked for with those of images, there and in folders such as images/ and train/
 *     label   also class, category, target, labels, tags, value, values: what the image is. Of a table without such a
 *             column whatever columns are left
 *     split   also set, part: train, validation (val, valid, dev) or test
 *     weight  also sample_weight: what the sample's loss is multiplied by, 1 where the cell is empty
 *     group   what belongs together, such as the photos of one person; any text
 *
 * What samples are follows from the text of all rows, unless `task` says it. Numbers of which any has a point, a sign
 * or an exponent, or a column named value or values, are targets of regression (CNN_TASK_VALUES), several where there
 * are several columns or a list. Several labels of an image (CNN_TASK_LABELS) are separated by | or ;, or a JSON list;
 * a column named labels or tags holds such lists too; so do columns of 0 and 1, one for each label, unless each row has
 * a single 1. All else is a class (CNN_TASK_CLASSES), words and whole numbers alike. Classes are sorted by their bytes,
 * whole numbers by value, and are those of all rows whatever part is opened. A table that says nothing of its images,
 * in no column or by empty cells alone, has no classes, and labels are -1.
 *
 * A table whose first line begins with the name of an image has no column names: its columns are path, label, split,
 * weight and group.
 *
 * Returns CNN_OK; CNN_ERROR_NOT_FOUND (the table, a file of it, a column, or a row of the part), CNN_ERROR_IO,
 * CNN_ERROR_FORMAT (line and column are named), CNN_ERROR_MISMATCH (a class that is not in `classes`), CNN_ERROR_LIMIT
 * (1 GiB, 4096 columns, 2^27 cells), CNN_ERROR_OUT_OF_MEMORY. With CNN_ON_ERROR_SKIP rows whose file is not there are
 * left out. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_open_table(cnn_context *context, const char *path, const cnn_files_options *options,
                                          cnn_dataset **dataset);

/** Arrays of the caller's; write them with CNN_ARRAYS(). Exactly one of `bytes` and `floats` is given. */
typedef struct cnn_arrays_options {
    size_t struct_size;
    const uint8_t *bytes;       /**< count x height x width x channels values of 0 to 255 */
    const float *floats;        /**< the same as [0, 1] */
    const int32_t *labels;      /**< count labels of 0 to class_count - 1; NULL: all -1, unlabelled */
    size_t count;               /**< images */
    uint32_t height;            /**< pixels */
    uint32_t width;             /**< pixels */
    uint32_t channels;          /**< 1 to CNN_MAX_CHANNELS */
    uint32_t borrow;            /**< 1: the arrays outlive the dataset and are not copied */
    const char *const *classes; /**< class names; NULL: "0", "1", ... */
    size_t class_count;         /**< 0: one more than the largest label */
    const float *targets;       /**< count x target_count values, copied: what the model's outputs should be, where one
                                     class label does not say it (several labels, soft labels, regression); NULL:
                                     none */
    size_t target_count;        /**< values of each sample; 0 without targets */
    const float *weights;       /**< count weights of 0 or more, copied: what each sample's loss is multiplied by; NULL:
                                     all 1 */
    const int64_t *groups;      /**< count numbers of 0 or more, copied: what a sample belongs together with, such as a
                                     person or a burst of photos; -1: with none. NULL: all -1 */
    int32_t task;               /**< a cnn_task: what `targets` are; CNN_TASK_UNKNOWN: not said */
    int32_t reserved;           /**< zero */
} cnn_arrays_options;

#define CNN_ARRAYS(...) CNN_OPTIONS(cnn_arrays_options, __VA_ARGS__)

/**
 * Makes a dataset of arrays. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT (a
 * label out of range is named), CNN_ERROR_LIMIT, CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_create(cnn_context *context, const cnn_arrays_options *arrays, cnn_dataset **dataset);

/** One sample that a caller's dataset hands over: a file, an encoded image, or pixels. */
typedef struct cnn_sample {
    size_t struct_size;    /**< set by the library */
    int32_t label;         /**< 0 to class_count - 1, or -1 */
    uint32_t width;        /**< of `pixels` or `floats` */
    uint32_t height;       /**< of `pixels` or `floats` */
    uint32_t channels;     /**< of `pixels` or `floats`: 1 to CNN_MAX_CHANNELS */
    const char *path;      /**< an image file; or NULL. Also used as the name in messages */
    const void *encoded;   /**< an image file in memory; or NULL */
    size_t encoded_size;   /**< bytes */
    const uint8_t *pixels; /**< height x width x channels bytes; or NULL */
    const float *floats;   /**< height x width x channels values in [0, 1]; or NULL */
    void *token;           /**< the caller's, for `release` */
    const float *targets;  /**< cnn_dataset_callbacks.target_count values, valid until `release`; NULL if that is 0 */
    float weight;          /**< what the sample's loss is multiplied by, 0 or more; 1 when `read` is called */
    int32_t reserved;
} cnn_sample;

/** A custom dataset; write it with CNN_DATASET(). */
typedef struct cnn_dataset_callbacks {
    size_t struct_size;
    void *user;                 /**< handed to the functions */
    size_t count;               /**< samples */
    const char *const *classes; /**< class names, copied */
    size_t class_count;         /**< how many */
    /** Fills `sample` with sample `index`; any status but CNN_OK makes the read fail with it. Called from
        several threads at the same time when the loader has several workers. */
    cnn_status (*read)(void *user, size_t index, cnn_sample *sample);
    /** Takes back what `read` handed over; NULL if there is nothing to do. */
    void (*release)(void *user, cnn_sample *sample);
    /** The label of a sample without reading it; NULL: it is not known before reading, and the dataset cannot
        be split by class. */
    int32_t (*label)(void *user, size_t index);
    /** Called when the last handle that uses the dataset is freed; may be NULL. */
    void (*destroy)(void *user);
    cnn_shape shape; /**< H, W, C of every sample where they are all the same; files are decoded to C channels, 1 or 3.
                          H and W may both be 0: not the same. Rank 0: nothing is known */
    size_t target_count; /**< target values that each sample has; 0: none, the label says all */
    int32_t weighted;    /**< 1: samples have weights; 0: cnn_sample.weight is not looked at */
    int32_t reserved;
    /** The group of a sample, without reading it, -1 for none; NULL: none has one. */
    int64_t (*group)(void *user, size_t index);
    int32_t task;      /**< a cnn_task: what targets are; CNN_TASK_UNKNOWN: not said */
    int32_t reserved2; /**< zero */
} cnn_dataset_callbacks;

#define CNN_DATASET(...) CNN_OPTIONS(cnn_dataset_callbacks, __VA_ARGS__)

/** Makes a custom dataset. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY.
    Since 0.1. */
CNN_API cnn_status cnn_dataset_create_custom(cnn_context *context, const cnn_dataset_callbacks *callbacks,
                                             cnn_dataset **dataset);

/**
 * Hands the list of files of a dataset that rank 0 has opened to all other ranks, which need not list the folders
 * themselves: samples, classes and order are then the same. Files are read by their paths on each rank. All ranks call
 * it together.
 *
 * dataset  on rank 0 what cnn_dataset_open() made of a folder of image files; on others receives a dataset.
 *
 * Returns CNN_OK; CNN_ERROR_UNSUPPORTED, on all ranks, if the samples are not all files of a folder: then each rank
 * opens the data itself; CNN_ERROR_INVALID_ARGUMENT; CNN_ERROR_FORMAT; CNN_ERROR_OUT_OF_MEMORY, of which the others do
 * not know; and what the communicator's functions return. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_share(cnn_context *context, const cnn_communicator *communicator,
                                     cnn_dataset **dataset);

/** Options of cnn_dataset_create_fake(); write them with CNN_FAKE(). */
typedef struct cnn_fake_options {
    size_t struct_size;
    size_t count;      /**< samples; required */
    uint32_t height;   /**< pixels; required */
    uint32_t width;    /**< pixels; required */
    uint32_t channels; /**< 1 to CNN_MAX_CHANNELS; 0: 3 */
    uint32_t classes;  /**< 0: 2 */
    uint64_t seed;     /**< 0: the context's */
} cnn_fake_options;

#define CNN_FAKE(...) CNN_OPTIONS(cnn_fake_options, __VA_ARGS__)

/**
 * Made-up samples, for trying a program out before there is data, as the
 * `fake_data` of the AlexNet article: values uniform in [0, 1) and a uniform
 * label, drawn when they are read. Each depends on seed and index alone; nothing
 * can be learnt from them but by heart. Classes are named "0", "1", ...
 *
 * options  `count`, `height` and `width` are required.
 * dataset  receives the handle, which the caller frees, or NULL on failure.
 *
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_LIMIT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_create_fake(cnn_context *context, const cnn_fake_options *options,
                                           cnn_dataset **dataset);

/** Which samples a split puts into the second part. */
typedef enum cnn_split_mode {
    CNN_SPLIT_RANDOM = 0,     /**< a seeded random choice over all samples */
    CNN_SPLIT_STRATIFIED = 1, /**< a seeded random choice of the same fraction of each class, or of each label where
                                   there are several */
    CNN_SPLIT_KERAS = 2       /**< the first samples of each class, as Keras's validation_split */
} cnn_split_mode;

/** Options of cnn_dataset_split(); write them with CNN_SPLIT(). */
typedef struct cnn_split_options {
    size_t struct_size;
    int32_t mode;   /**< a cnn_split_mode */
    float fraction; /**< of the samples in the second part, between 0 and 1; 0: 0.2 */
    uint64_t seed;  /**< of the random choice; 0: the context's */
    uint32_t grouped;  /**< 1: all samples of a group are in the same part, whose share is then nearly `fraction`; not
                            with CNN_SPLIT_KERAS. 0: groups do not count */
    uint32_t reserved; /**< zero */
} cnn_split_options;

#define CNN_SPLIT(...) CNN_OPTIONS(cnn_split_options, __VA_ARGS__)

/**
 * Splits a dataset in two: `rest` keeps the order, `part` holds the fraction.
 * Both keep all class names. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT (a part
 * would be empty), CNN_ERROR_UNSUPPORTED (labels not known), CNN_ERROR_OUT_OF_MEMORY. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_split(const cnn_dataset *dataset, const cnn_split_options *options, cnn_dataset **rest,
                                     cnn_dataset **part);

/** Options of cnn_dataset_folds() and cnn_dataset_fold(); write them with CNN_FOLDS(). */
typedef struct cnn_folds_options {
    size_t struct_size;
    uint32_t folds;   /**< how many, 2 or more; 0: 5 */
    int32_t mode;     /**< a cnn_split_mode: CNN_SPLIT_RANDOM, or CNN_SPLIT_STRATIFIED: each fold has the same share of
                           each class, or of each label where there are several */
    uint32_t grouped; /**< 1: all samples of a group are in the same fold, so that no person is in two */
    uint32_t reserved; /**< zero */
    uint64_t seed;    /**< of the random choice; 0: the context's */
} cnn_folds_options;

#define CNN_FOLDS(...) CNN_OPTIONS(cnn_folds_options, __VA_ARGS__)

/**
 * Deals the samples into folds for cross-validation. Without groups the numbers of samples in the folds differ by one
 * at most, and so do those of each class; groups are dealt, the largest first, to where least is of what they have.
 *
 * folds     receives the fold of each sample, from 0.
 * capacity  numbers there is room for: at least cnn_dataset_count().
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT (a fold would be empty); CNN_ERROR_LIMIT if capacity is too small;
 * CNN_ERROR_UNSUPPORTED where labels are needed and not known before reading; CNN_ERROR_OUT_OF_MEMORY. Thread-safe.
 * Since 0.1.
 */
CNN_API cnn_status cnn_dataset_folds(const cnn_dataset *dataset, const cnn_folds_options *options, uint32_t *folds,
                                     size_t capacity);

/** One fold as a dataset, `part`, and all others together, `rest`, each in dataset order. `fold` counts from 0. Returns
    as cnn_dataset_folds(). Since 0.1. */
CNN_API cnn_status cnn_dataset_fold(const cnn_dataset *dataset, const cnn_folds_options *options, uint32_t fold,
                                    cnn_dataset **rest, cnn_dataset **part);

/** The samples of these indices, in this order. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY.
    Since 0.1. */
CNN_API cnn_status cnn_dataset_subset(const cnn_dataset *dataset, const uint64_t *indices, size_t count,
                                      cnn_dataset **subset);

/** A seeded random choice of `count` samples without repetition (all of them if there are fewer), in dataset
    order. Statuses as cnn_dataset_subset(). Since 0.1. */
CNN_API cnn_status cnn_dataset_sample(const cnn_dataset *dataset, size_t count, uint64_t seed, cnn_dataset **subset);

/** Frees the dataset; NULL is allowed. Since 0.1. */
CNN_API void cnn_dataset_free(cnn_dataset *dataset);

/** Number of samples. Since 0.1. */
CNN_API size_t cnn_dataset_count(const cnn_dataset *dataset);

/** Number of classes. Since 0.1. */
CNN_API size_t cnn_dataset_class_count(const cnn_dataset *dataset);

/** Name of class `label`; NULL past the end. Valid as long as the dataset. Since 0.1. */
CNN_API const char *cnn_dataset_class_name(const cnn_dataset *dataset, size_t label);

/** Entries that were left out when the dataset, or the one that it is a part of, was opened with CNN_ON_ERROR_SKIP; 0
    for NULL. Since 0.1. */
CNN_API uint64_t cnn_dataset_left_out(const cnn_dataset *dataset);

/**
 * Counts the samples of each class; no image is read. Of several labels (CNN_TASK_LABELS) a sample counts for each.
 *
 * counts    receives a number for each class, in label order.
 * capacity  numbers there is room for: at least cnn_dataset_class_count().
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT for NULL; CNN_ERROR_LIMIT if capacity is too small; CNN_ERROR_UNSUPPORTED
 * if a label is not known before its sample is read; CNN_ERROR_OUT_OF_MEMORY. On failure nothing is written.
 * Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_class_counts(const cnn_dataset *dataset, uint64_t *counts, size_t capacity);

/**
 * The class weights that make up for uneven numbers of samples, for
 * cnn_fit_options.class_weights: n / (k n_c) of class c, with n samples of k
 * classes that have any; so the mean weight of a sample is 1. As "balanced" of
 * scikit-learn's compute_class_weight. A class without samples has weight 1.
 *
 * weights   receives a weight for each class, in label order.
 * capacity  weights there is room for.
 *
 * Returns as cnn_dataset_class_counts(). Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_balanced_weights(const cnn_dataset *dataset, float *weights, size_t capacity);

/**
 * The class weights by effective numbers of samples (Cui et al. 2019): (1 - beta) / (1 - beta^n_c) of class c with n_c
 * samples, scaled so that the weights of the classes that have any sum to their number. beta 0 is no weighting, beta
 * towards 1 that by the inverse of n_c. A class without samples has weight 1.
 *
 * beta  from 0 to less than 1; the paper takes 0.9, 0.99, 0.999 and 0.9999.
 *
 * All else as cnn_dataset_balanced_weights(). Since 0.1.
 */
CNN_API cnn_status cnn_dataset_effective_weights(const cnn_dataset *dataset, double beta, float *weights,
                                                 size_t capacity);

/** Label of a sample; -1 if it has none or it is not known before reading. Since 0.1. */
CNN_API int32_t cnn_dataset_label(const cnn_dataset *dataset, size_t index);

/** Target values of each sample; 0 if its label says all. Since 0.1. */
CNN_API size_t cnn_dataset_target_count(const cnn_dataset *dataset);

/** What is to be told of the images: CNN_TASK_CLASSES without targets, CNN_TASK_UNKNOWN where there are some and nobody
    said what they are. Of CNN_TASK_VALUES the class names are the names of the numbers. Since 0.1. */
CNN_API cnn_task cnn_dataset_task(const cnn_dataset *dataset);

/**
 * The targets of a sample; no image is read.
 *
 * targets   receives cnn_dataset_target_count() values.
 * capacity  values there is room for.
 *
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT for NULL and past the end; CNN_ERROR_LIMIT if capacity is too small;
 * CNN_ERROR_UNSUPPORTED if they are not known before the sample is read. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_targets(const cnn_dataset *dataset, size_t index, float *targets, size_t capacity);

/** Weight of a sample; 1 if it has none or it is not known before reading. Since 0.1. */
CNN_API float cnn_dataset_weight(const cnn_dataset *dataset, size_t index);

/** Whether the table that it was opened from has rows of a part, "train", "validation" or "test", by a column of
    splits. False for all that is no such table. Since 0.1. */
CNN_API bool cnn_dataset_has_part(const cnn_dataset *dataset, const char *part);

/** Whether samples have weights of their own. Since 0.1. */
CNN_API bool cnn_dataset_weighted(const cnn_dataset *dataset);

/** Group of a sample; -1 if it has none. Since 0.1. */
CNN_API int64_t cnn_dataset_group(const cnn_dataset *dataset, size_t index);

/** Path of a sample; NULL if it is no file of its own. Valid as long as the dataset. Since 0.1. */
CNN_API const char *cnn_dataset_path(const cnn_dataset *dataset, size_t index);

/**
 * Reads one sample as an image; float samples are rounded to 8 bits. Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT and
 * the statuses of cnn_image_load(). Since 0.1.
 */
CNN_API cnn_status cnn_dataset_image(const cnn_dataset *dataset, size_t index, cnn_image **image);

/** Height, width and channels of the samples if all are known to be the same; rank 0 otherwise. Since 0.1. */
CNN_API cnn_shape cnn_dataset_shape(const cnn_dataset *dataset);

CNN_END_DECLS

#endif
