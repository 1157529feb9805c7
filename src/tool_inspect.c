/* SPDX-License-Identifier: MIT */
/* Judging one image file. */
#include "tool_inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Below this side length little is left to see; beyond this ratio a square resize distorts beyond recognition. */
#define TINY_SIDE 32
#define LONG_RATIO 4

static const struct {
    const char *text;
    bool may_be_usual;
} oddities[TOOL_ODDITIES] = {
    [TOOL_ODD_GREY] = {"grey", true},
    [TOOL_ODD_CMYK] = {"in CMYK colours", true},
    [TOOL_ODD_DEEP] = {"of 16 bits a channel, of which 8 are used", true},
    [TOOL_ODD_ALPHA] = {"partly transparent, which is dropped unless --background is given", true},
    [TOOL_ODD_TURNED] = {"with an EXIF orientation that asks for a turn, which training makes with --orient alone",
                         true},
    [TOOL_ODD_TINY] = {"tiny", true},
    [TOOL_ODD_LONG] = {"long and narrow", true},
    [TOOL_ODD_ENDING] = {"of another format than their names say", false},
    [TOOL_ODD_NOTED] = {"odd in their encoding", false},
};

const char *tool_oddity_text(tool_oddity oddity) { return oddities[oddity].text; }

bool tool_oddity_may_be_usual(tool_oddity oddity) { return oddities[oddity].may_be_usual; }

void tool_oddity_describe(const tool_finding *finding, tool_oddity oddity, char *text, size_t size)
{
    const cnn_image_info *info = &finding->info;
    switch (oddity) {
    case TOOL_ODD_TURNED:
        snprintf(text, size, "EXIF orientation %u asks for a turn, which training makes with --orient alone",
                 (unsigned)info->orientation);
        break;
    case TOOL_ODD_TINY:
        snprintf(text, size, "only %ux%u pixels", (unsigned)info->width, (unsigned)info->height);
        break;
    case TOOL_ODD_LONG:
        snprintf(text, size, "long and narrow: %ux%u pixels", (unsigned)info->width, (unsigned)info->height);
        break;
    case TOOL_ODD_ENDING:
        snprintf(text, size, "a %s, whatever its name says", cnn_image_format_name((cnn_image_format)info->format));
        break;
    default:
        snprintf(text, size, "%s", oddities[oddity].text);
    }
}

static bool ending_is_wrong(const char *path, int32_t format)
{
    const cnn_image_format promised = cnn_image_name_format(path);
    return promised != CNN_IMAGE_UNKNOWN && (int32_t)promised != format;
}

static uint32_t judge(const char *path, const cnn_image_info *info)
{
    uint32_t small = info->width < info->height ? info->width : info->height;
    uint32_t large = info->width < info->height ? info->height : info->width;
    uint32_t found = 0;
    found |= (uint32_t)(info->color == CNN_COLOR_GREY) << TOOL_ODD_GREY;
    found |= (uint32_t)(info->color == CNN_COLOR_CMYK || info->color == CNN_COLOR_YCCK) << TOOL_ODD_CMYK;
    found |= (uint32_t)(info->bits > 8) << TOOL_ODD_DEEP;
    found |= (uint32_t)(info->has_alpha != 0) << TOOL_ODD_ALPHA;
    found |= (uint32_t)(info->orientation > 1) << TOOL_ODD_TURNED;
    found |= (uint32_t)(small < TINY_SIDE) << TOOL_ODD_TINY;
    found |= (uint32_t)(large > LONG_RATIO * small) << TOOL_ODD_LONG;
    found |= (uint32_t)ending_is_wrong(path, info->format) << TOOL_ODD_ENDING;
    return found;
}

/* FNV-1a over the file; equal hashes are compared byte by byte before anything is said. */
static void hash_file(const char *path, tool_finding *finding)
{
    unsigned char block[65536];
    uint64_t hash = 14695981039346656037u;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0) {
        ssize_t size = read(file, block, sizeof(block));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            close(file);
            break;
        }
        for (ssize_t i = 0; i < size; i++) {
            hash = (hash ^ block[i]) * 1099511628211u;
        }
        finding->size += (uint64_t)size;
    }
    finding->hash = hash;
}

void tool_inspect(cnn_context *context, const char *path, tool_finding *finding)
{
    cnn_image *image = NULL;
    *finding = (tool_finding){.info = CNN_IMAGE_INFO_INIT};
    /* One that is over the limit is decoded smaller, as training does where it can: all of the file is read. */
    const cnn_decode_options *options = CNN_DECODE(.minimum_width = 1, .minimum_height = 1, .only_over_limit = 1);
    cnn_status status = cnn_image_probe(context, path, &finding->info);
    if (status == CNN_OK) {
        status = cnn_image_load(context, path, options, &image);
    }
    if (status == CNN_OK && *cnn_image_notes(image) != '\0') {
        finding->notes = strdup(cnn_image_notes(image));
    }
    cnn_image_free(image);
    if (status != CNN_OK) {
        const char *message = cnn_last_error(context);
        char *printable = tool_printable(path);
        size_t size = printable != NULL ? strlen(printable) : 0;
        bool named = size > 0 && strncmp(message, printable, size) == 0 && strncmp(message + size, ": ", 2) == 0;
        finding->error = strdup(named ? message + size + 2 : message);
        free(printable);
        return;
    }
    finding->oddities = judge(path, &finding->info);
    finding->oddities |= (uint32_t)(finding->notes != NULL) << TOOL_ODD_NOTED;
    hash_file(path, finding);
}

bool tool_same_bytes(const char *a, const char *b)
{
    FILE *first = fopen(a, "rbe"), *second = fopen(b, "rbe");
    bool same = first != NULL && second != NULL;
    for (int byte = 0; same && byte != EOF;) {
        byte = getc_unlocked(first);
        same = byte == getc_unlocked(second);
    }
    same = same && !ferror(first) && !ferror(second);
    if (first != NULL) {
        fclose(first);
    }
    if (second != NULL) {
        fclose(second);
    }
    return same;
}
