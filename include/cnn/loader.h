/* SPDX-License-Identifier: MIT */
/** A loader reads, decodes and augments samples ahead of use and hands them over in batches. */
#ifndef CNN_LOADER_H
#define CNN_LOADER_H

#include <cnn/common.h>
#include <cnn/context.h>
#include <cnn/dataset.h>
#include <cnn/pipeline.h>

CNN_BEGIN_DECLS

/**
 * One thread at a time uses a loader; its own workers are not the caller's concern. After fork() a child process has
 * none of the workers: there cnn_loader_next() and cnn_loader_seek() of a loader with workers return CNN_ERROR_STATE,
 * cnn_loader_free() frees the memory, and a loader made anew in the child works; one without workers goes on. The
 * parent's loader is not touched by any of this.
 */
typedef struct cnn_loader cnn_loader;

/** How batches follow each other. */
typedef enum cnn_batch_mode {
    CNN_BATCH_EPOCH = 0, /**< an epoch ends with a short batch if need be */
    CNN_BATCH_WRAP = 1   /**< every batch is full: one that reaches the end of an epoch is filled from the start
                              of the next, reshuffled one, as the AlexNet article's next_batch() */
} cnn_batch_mode;

/** How far a reading of samples is, as callbacks see it; true stops it in good order. Since 0.1. */
typedef bool (*cnn_read_function)(void *user, uint64_t done, uint64_t total);

/** Options of cnn_loader_create(); write them with CNN_LOADER(). */
typedef struct cnn_loader_options {
    size_t struct_size;
    const cnn_pipeline *pipeline; /**< NULL: only scaling to [0, 1] */
    uint32_t batch;     /**< samples in a batch; 0: 32 */
    uint32_t shuffle;   /**< 1: a new order each epoch; 0: dataset order */
    int32_t mode;       /**< a cnn_batch_mode */
    int32_t on_error;   /**< a cnn_on_error */
    uint32_t drop_last; /**< 1: leave the short last batch of an epoch out (CNN_BATCH_EPOCH) */
    uint32_t workers;   /**< threads that prepare samples; 0: as many as the context computes with, and none,
                             the caller's thread doing the work, when that is 1 */
    uint32_t prefetch;  /**< batches prepared ahead; 0: 2. Bounds memory at prefetch + 1 batches */
    uint64_t seed;      /**< of shuffling and augmentation; 0: the context's */
    uint32_t in_memory; /**< 1: keeps each image, from its first use on, as it is before the first step that is random
                             or changes the scale of values, photos as bytes: later epochs read and decode nothing and
                             give the same bits. These steps must give all images one size. 0: every epoch reads */
    uint32_t balanced;  /**< 1: an epoch draws as many samples of each class as of any other, as many in all as the
                             dataset has: of small classes some several times, of large ones others each epoch, in
                             a random order. Needs labels known before reading, of one class each */
    uint64_t memory_limit; /**< most bytes that in_memory may take; 0: any number */
    uint32_t shard;        /**< which share of each batch this loader reads, from 0, where several processes train
                                together: see cnn/communicator.h. Each share is a row of samples, and the shares one
                                behind the other are the batch that one process would have. Since 0.1 */
    uint32_t shards;       /**< into how many shares a batch of `batch` samples is divided; 0: 1, all of it. Since
                                0.1 */
    uint32_t blocks;       /**< shares are made of so many equal blocks, at least as many as shards; 0: as many as
                                shards. cnn_fit_options has the same number. Since 0.1 */
    uint32_t reserved2;    /**< zero */
    cnn_read_function on_read; /**< of cnn_dataset_statistics(), which tells it after each batch how many samples of all
                                    it has seen; true stops. Loaders leave it out. NULL: none. Since 0.1 */
    void *user;                /**< handed to on_read. Since 0.1 */
} cnn_loader_options;

#define CNN_LOADER(...) CNN_OPTIONS(cnn_loader_options, __VA_ARGS__)

/** A batch of samples; filled by cnn_loader_next(). */
typedef struct cnn_batch {
    size_t struct_size;      /**< set by the caller; CNN_BATCH_INIT does */
    size_t count;            /**< samples; 0 marks the end of an epoch, but see `whole` */
    const float *images;     /**< count x H x W x C; with ten_crop count x 10 x H x W x C */
    const int32_t *labels;   /**< count labels; -1 for none */
    const uint64_t *indices; /**< count indices into the dataset */
    cnn_shape shape;         /**< N, H, W, C; N images, so with ten_crop 10 x count */
    uint64_t epoch;          /**< epochs completed before the last sample of this batch */
    const float *targets;    /**< count x target_count values; NULL if the dataset has none */
    size_t target_count;     /**< of each sample */
    const float *weights;    /**< count weights; NULL if the dataset has none: all 1 */
    const int64_t *groups;   /**< count groups, -1 for none */
    size_t whole;            /**< samples of the batch over all shards, those that were left out included; 0 at the end
                                  of an epoch, which a share without samples is not: with several shards it is given */
    const uint32_t *places;  /**< count places in that batch */
} cnn_batch;

#define CNN_BATCH_INIT \
    {sizeof(cnn_batch), 0, NULL, NULL, NULL, {0, 0, {0, 0, 0, 0, 0, 0, 0, 0}}, 0, NULL, 0, NULL, NULL, 0, NULL}

/**
 * Creates a loader. All samples must come out of the pipeline in one shape.
 * Returns CNN_OK; CNN_ERROR_INVALID_ARGUMENT (an empty dataset);
 * CNN_ERROR_SHAPE if the pipeline gives no fixed shape and the dataset has none,
 * or, with in_memory, none before the first random step; CNN_ERROR_LIMIT if
 * in_memory takes more than memory_limit; CNN_ERROR_OUT_OF_MEMORY;
 * CNN_ERROR_THREAD. Since 0.1.
 */
CNN_API cnn_status cnn_loader_create(cnn_context *context, const cnn_dataset *dataset,
                                     const cnn_loader_options *options, cnn_loader **loader);

/** Ends the workers and frees the loader; NULL is allowed. Since 0.1. */
CNN_API void cnn_loader_free(cnn_loader *loader);

/**
 * The next batch. In CNN_BATCH_EPOCH mode the call after an epoch's last batch
 * gives a batch of count 0, and the one after it begins the next epoch:
 *
 *     while ((status = cnn_loader_next(loader, &batch)) == CNN_OK && batch.count > 0) ...
 *
 * The pointers in `batch` are valid until the next call on this loader. Random
 * numbers depend on seed, epoch and sample alone: any number of workers gives
 * the same batches.
 *
 * Returns CNN_OK; with CNN_ON_ERROR_FAIL the status and message of the sample
 * that could not be read, after which the next call goes on after its batch
 * (of several that failed the first is told, but before all others one that ran
 * out of memory or was cancelled); CNN_ERROR_SHAPE if a sample's shape differs;
 * CNN_ERROR_STATE in a child process, see cnn_loader. Since 0.1.
 */
CNN_API cnn_status cnn_loader_next(cnn_loader *loader, cnn_batch *batch);

/**
 * Goes to the place where `batches` batches have been delivered since the very
 * beginning, skipped and empty ones not counted; what was prepared is dropped.
 * The batches that follow are those that would have followed then.
 * Returns CNN_OK; CNN_ERROR_LIMIT for more than 2^53 batches; CNN_ERROR_STATE in a child process, see cnn_loader. On
 * failure the loader stays where it is. Since 0.1.
 */
CNN_API cnn_status cnn_loader_seek(cnn_loader *loader, uint64_t batches);

/** How many batches have been delivered since the beginning; for cnn_loader_seek(). Since 0.1. */
CNN_API uint64_t cnn_loader_position(const cnn_loader *loader);

/** Batches in an epoch (CNN_BATCH_WRAP: full batches, rounded down, at least 1). Since 0.1. */
CNN_API size_t cnn_loader_batches(const cnn_loader *loader);

/** Samples in a full batch: of all shards. Since 0.1. */
CNN_API size_t cnn_loader_batch_size(const cnn_loader *loader);

/** How batches follow each other. Since 0.1. */
CNN_API cnn_batch_mode cnn_loader_mode(const cnn_loader *loader);

/** The shape of one sample: H, W, C. Since 0.1. */
CNN_API cnn_shape cnn_loader_sample_shape(const cnn_loader *loader);

/** The dataset that is read. Valid as long as the loader. Since 0.1. */
CNN_API const cnn_dataset *cnn_loader_dataset(const cnn_loader *loader);

/** The pipeline; NULL if there is none. Valid as long as the loader. Since 0.1. */
CNN_API const cnn_pipeline *cnn_loader_pipeline(const cnn_loader *loader);

/** Bytes that the images take once all of them are kept (in_memory); 0 otherwise. They are told to the log too, and
    asked for when the loader is made; most systems give them only as the images come. Thread-safe.
    Since 0.1. */
CNN_API uint64_t cnn_loader_kept_bytes(const cnn_loader *loader);

/** Samples left out so far with CNN_ON_ERROR_SKIP. Since 0.1. */
CNN_API uint64_t cnn_loader_skipped(const cnn_loader *loader);

/** Seconds that cnn_loader_next() has waited for data so far. Since 0.1. */
CNN_API double cnn_loader_wait_seconds(const cnn_loader *loader);

/** What cnn_dataset_statistics() found; fields that the caller's struct_size covers are filled. */
typedef struct cnn_channel_statistics {
    size_t struct_size;  /**< set by the caller; CNN_CHANNEL_STATISTICS_INIT does */
    uint32_t channels;   /**< how many of the values below are meant */
    uint32_t reserved;
    uint64_t images;     /**< that were counted */
    uint64_t skipped;    /**< that could not be read (CNN_ON_ERROR_SKIP) */
    double mean[CNN_MAX_CHANNELS];      /**< of each channel, over all pixels of all images; in [0, 1], red first,
                                             unless the pipeline changes that */
    double deviation[CNN_MAX_CHANNELS]; /**< standard deviation likewise: the root of the mean squared distance from
                                             the mean */
    double covariance[9]; /**< of three channels, 3 x 3, over all pixels, divided by their number; of others 0 */
    double pca_values[3]; /**< its eigenvalues, the largest first: the `values` of a pipeline's pca_color step */
    double pca_vectors[9]; /**< its eigenvectors of length 1, as the `vectors` of that step: row c holds channel c of
                                the first, second and third. The largest number of each is positive */
    double least;          /**< smallest value of all channels, pixels and images. Since 0.1 */
    double most;           /**< largest value likewise. Since 0.1 */
} cnn_channel_statistics;

#define CNN_CHANNEL_STATISTICS_INIT \
    {sizeof(cnn_channel_statistics), 0, 0, 0, 0, {0}, {0}, {0}, {0}, {0}, 0, 0}

/**
 * Reads a whole dataset once and gives mean and deviation of each channel: the
 * numbers of a pipeline's `subtract` and `normalize` steps, and the mean image
 * of the AlexNet article; and the principal components of the colours, those of
 * `pca_color` (Krizhevsky et al. 2012, section 4.1).
 *
 * options  how to read, as for cnn_loader_create(): above all the pipeline,
 *          which must give one size (such as resize=256x256), and on_error.
 *          Order and batches play no part: the result has the same bits for
 *          any number of workers. NULL: no pipeline.
 *
 * Returns CNN_OK; CNN_ERROR_FORMAT if no image could be read;
 * CNN_ERROR_CANCELLED if on_read stopped it; and the statuses of
 * cnn_loader_create() and cnn_loader_next(). Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_dataset_statistics(cnn_context *context, const cnn_dataset *dataset,
                                          const cnn_loader_options *options, cnn_channel_statistics *statistics);

CNN_END_DECLS

#endif
