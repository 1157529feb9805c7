/* SPDX-License-Identifier: MIT */
/** Images of 8 bits a channel: decode JPEG, PNG, BMP, GIF, WebP and TIFF, encode JPEG and PNG, resize, crop. */
#ifndef CNN_IMAGE_H
#define CNN_IMAGE_H

#include <cnn/common.h>
#include <cnn/context.h>

CNN_BEGIN_DECLS

/** Most channels of an image or a sample. Decoding gives 1 (grey) or 3 (RGB); arrays may have any number up to here. */
#define CNN_MAX_CHANNELS 16

/** Pixels, row-major, channels interleaved (1: grey, 3: RGB, others: whatever they are), 8 bits each. */
typedef struct cnn_image cnn_image;

/** How an image is resized. The numbers are frozen: model files hold their names. */
typedef enum cnn_resize_filter {
    CNN_RESIZE_DEFAULT = 0,  /**< bilinear */
    CNN_RESIZE_NEAREST = 1,  /**< the pixel at floor((i + 0.5) * scale), as Pillow and Keras do ("nearest") */
    CNN_RESIZE_BILINEAR = 2, /**< triangle filter, widened when shrinking (antialiased), as Pillow ("bilinear") */
    CNN_RESIZE_BICUBIC = 3,  /**< Catmull-Rom filter, a = -0.5, antialiased, as Pillow ("bicubic") */
    CNN_RESIZE_AREA = 4      /**< mean over the covered area, Pillow's BOX ("area") */
} cnn_resize_filter;

typedef enum cnn_image_format {
    CNN_IMAGE_UNKNOWN = 0,
    CNN_IMAGE_JPEG = 1,
    CNN_IMAGE_PNG = 2,
    CNN_IMAGE_BMP = 3,
    CNN_IMAGE_GIF = 4,  /**< where the build has giflib */
    CNN_IMAGE_WEBP = 5, /**< where the build has libwebp */
    CNN_IMAGE_TIFF = 6  /**< where the build has libtiff */
} cnn_image_format;

/** How the file stores its colours. */
typedef enum cnn_image_color {
    CNN_COLOR_UNKNOWN = 0,
    CNN_COLOR_GREY = 1,
    CNN_COLOR_RGB = 2,
    CNN_COLOR_YCBCR = 3,
    CNN_COLOR_CMYK = 4,
    CNN_COLOR_YCCK = 5,
    CNN_COLOR_PALETTE = 6
} cnn_image_color;

/** What a file says of its image; filled by cnn_image_probe(). */
typedef struct cnn_image_info {
    size_t struct_size;      /**< set by the caller; CNN_IMAGE_INFO_INIT does */
    uint32_t width;          /**< pixels */
    uint32_t height;         /**< pixels */
    uint32_t bits;           /**< per channel in the file, 1 to 16; of a palette those of its indices */
    int32_t format;          /**< a cnn_image_format */
    int32_t color;           /**< a cnn_image_color */
    uint32_t has_alpha;      /**< 1 if there is an alpha channel or a transparent colour */
    uint32_t orientation;    /**< the EXIF orientation, 1 to 8; 1 if there is none */
    uint32_t progressive;    /**< 1 for a progressive JPEG or an interlaced PNG or GIF */
} cnn_image_info;

#define CNN_IMAGE_INFO_INIT {sizeof(cnn_image_info), 0, 0, 0, 0, 0, 0, 0, 0}

/** Options of decoding; write them with CNN_DECODE(). */
typedef struct cnn_decode_options {
    size_t struct_size;
    uint32_t channels;          /**< 1 (grey, ITU-R 601 as Pillow) or 3 (RGB); 0: 3 */
    uint32_t apply_orientation; /**< 1: turn the image as its EXIF tag says. 0: leave it as stored, as Pillow,
                                     Keras and torchvision do; a tag that asks for a turn is then logged */
    uint32_t minimum_width;     /**< with minimum_height: a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size */
    uint32_t minimum_height;    /**<   as long as it stays at least twice this large; or at least this large, if
                                       it would be over max_pixels or max_side otherwise. 0: always in full */
    uint32_t max_side;          /**< most pixels along a side, as decoded; 0: 1048576 */
    uint64_t max_pixels;        /**< most pixels, as decoded; 0: 64 Mpx, or what the context says */
    uint32_t background;        /**< what an image with alpha is put on: 0xFF000000 + 0x10000 R + 0x100 G + B. 0:
                                     alpha is dropped without compositing, as Pillow's convert("RGB") does; only an
                                     image of one colour throughout, whose shape lies in its alpha alone, is put on
                                     white (on black if it is light itself), with a note */
    uint32_t only_over_limit;   /**< 1: minimum_width and minimum_height count only for a JPEG that is over
                                     max_pixels or max_side; others are decoded in full */
} cnn_decode_options;

#define CNN_DECODE(...) CNN_OPTIONS(cnn_decode_options, __VA_ARGS__)

/** Options of encoding; write them with CNN_ENCODE(). */
typedef struct cnn_encode_options {
    size_t struct_size;
    int32_t format;   /**< CNN_IMAGE_JPEG or CNN_IMAGE_PNG; 0: JPEG if the file's name ends as one, else PNG */
    uint32_t quality; /**< of JPEG, 1 to 100; 0: 90 */
} cnn_encode_options;

#define CNN_ENCODE(...) CNN_OPTIONS(cnn_encode_options, __VA_ARGS__)

/**
 * Creates a black image of 1 to 1048576 pixels a side with 1 to CNN_MAX_CHANNELS channels.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_LIMIT, CNN_ERROR_OUT_OF_MEMORY.
 * Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_image_create(cnn_context *context, uint32_t width, uint32_t height, uint32_t channels,
                                    cnn_image **image);

/**
 * Decodes an image file. The bytes decide of which format it is, not the name.
 * Truncated and damaged data is an error, never grey filling; what is odd but
 * loses no pixel, such as stray bytes before a marker, is logged as a warning
 * and kept as a note, see cnn_image_notes().
 *
 * JPEG is decoded with the accurate integer transform and smooth chroma
 * upsampling; CMYK and YCCK by Adobe's rules. Samples of 16 bits are reduced by
 * v >> 8, palettes and transparent colours are expanded, alpha is dropped
 * without compositing, as Pillow's convert("RGB") does, unless options say
 * otherwise. Of an animation or a file of several pages the first image is
 * decoded, a GIF's and a WebP's on its canvas.
 *
 * Returns CNN_OK, CNN_ERROR_NOT_FOUND (no such file), CNN_ERROR_IO (cannot be
 * read), CNN_ERROR_TRUNCATED,
 * CNN_ERROR_FORMAT (damaged), CNN_ERROR_UNSUPPORTED (a format, or a kind of one,
 * that is not decoded; the message names it), CNN_ERROR_LIMIT (too many pixels
 * or scans), CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY; the message
 * names the file. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_image_load(cnn_context *context, const char *path, const cnn_decode_options *options,
                                  cnn_image **image);

/**
 * Decodes an image file that lies in memory; as cnn_image_load(). `data` is
 * needed only during the call. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_image_decode(cnn_context *context, const void *data, size_t size,
                                    const cnn_decode_options *options, cnn_image **image);

/**
 * Reads what an image file says of itself, without decoding the pixels.
 * Fields that the caller's struct_size covers are filled. Statuses as
 * cnn_image_load(). Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_image_probe(cnn_context *context, const char *path, cnn_image_info *info);

/**
 * Writes the image to a file, by way of a temporary file beside it that is
 * renamed. Returns CNN_OK, CNN_ERROR_IO, CNN_ERROR_INVALID_ARGUMENT,
 * CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_image_save(const cnn_image *image, const char *path, const cnn_encode_options *options);

/** Encodes the image and hands the bytes to `write`, in order. Statuses as cnn_image_save(). Since 0.1. */
CNN_API cnn_status cnn_image_encode(const cnn_image *image, const cnn_encode_options *options,
                                    cnn_write_function write, void *user);

/**
 * Makes a resized copy of 1 to 1048576 pixels a side; nearest, bilinear, bicubic
 * and area give Pillow's values within one level.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_image_resize(const cnn_image *image, uint32_t width, uint32_t height,
                                    cnn_resize_filter filter, cnn_image **resized);

/**
 * Makes a copy of a part that lies inside the image.
 * Returns CNN_OK, CNN_ERROR_INVALID_ARGUMENT, CNN_ERROR_OUT_OF_MEMORY. Thread-safe. Since 0.1.
 */
CNN_API cnn_status cnn_image_crop(const cnn_image *image, uint32_t left, uint32_t top, uint32_t width,
                                  uint32_t height, cnn_image **part);

/** Frees the image; NULL is allowed. Since 0.1. */
CNN_API void cnn_image_free(cnn_image *image);

/** Pixels along a row. Since 0.1. */
CNN_API uint32_t cnn_image_width(const cnn_image *image);

/** Pixels along a column. Since 0.1. */
CNN_API uint32_t cnn_image_height(const cnn_image *image);

/** 1 (grey) or 3 (RGB). Since 0.1. */
CNN_API uint32_t cnn_image_channels(const cnn_image *image);

/**
 * The pixels: height rows of width * channels bytes, without gaps. Valid as
 * long as the image; the caller may write to them while no other thread uses
 * the image. Since 0.1.
 */
CNN_API uint8_t *cnn_image_pixels(cnn_image *image);

/**
 * What was odd about the file that the image was decoded from although no pixel
 * was lost: lines such as "JPEG: 99 extraneous bytes before marker 0xd9",
 * without the file's name. "" if nothing was, and for images that were not
 * decoded (resized, cropped, created). Valid as long as the image.
 * Thread-safe. Since 0.1.
 */
CNN_API const char *cnn_image_notes(const cnn_image *image);

/** "JPEG", "PNG", "BMP", "GIF", "WebP" or "TIFF"; "unknown" for other numbers. Static storage. Since 0.1. */
CNN_API const char *cnn_image_format_name(cnn_image_format format);

/** Whether this build of the library decodes the format. Thread-safe. Since 0.1. */
CNN_API bool cnn_image_format_is_read(cnn_image_format format);

/**
 * The format that a file's name promises by its ending, in any case: .jpg,
 * .jpeg, .jpe, .jfif; .png; .bmp; .gif; .webp; .tif, .tiff. CNN_IMAGE_UNKNOWN
 * for other names, and for NULL. Datasets take the files for which it is another. Thread-safe.
 * Since 0.1.
 */
CNN_API cnn_image_format cnn_image_name_format(const char *path);

CNN_END_DECLS

#endif
