/* SPDX-License-Identifier: MIT */
/* What a dataset of very many files costs: a folder of two classes with so many names of one image, hard links that are
 * made first and taken away at the end.
 *     million FOLDER [FILES]     on a file system with room for the names; FOLDER must not exist yet. Run by hand.
 * Prints seconds, and bytes of the library's memory: at the most while the files were listed, of the list, and after
 * each of several epochs, which must not grow. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cnn/cnn.h>

enum { EPOCHS = 4, BATCH = 64, PATH = 4096 };

/* A grey pixel as PNG. */
static const unsigned char image[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00,
    0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x48, 0x00, 0x00, 0x00, 0x62, 0x00, 0x61,
    0xb1, 0x98, 0x79, 0xf2, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

typedef struct count {
    size_t bytes, most;
} count;

static void *allocate(void *user, size_t size, size_t alignment)
{
    count *c = user;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, size) != 0) {
        return NULL;
    }
    c->bytes += size;
    c->most = c->bytes > c->most ? c->bytes : c->most;
    return memory;
}

static void release(void *user, void *memory, size_t size)
{
    ((count *)user)->bytes -= size;
    free(memory);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    fprintf(stderr, "million: %s\n", what);
    exit(1);
}

/* The first name of each class is a file, the others are links to it: a file has an end of links on many systems. */
static void make_files(const char *folder, uint64_t files, bool make)
{
    char path[PATH], first[PATH] = "";
    const uint64_t most_links = 60000;
    for (uint64_t i = 0; i < files; i++) {
        const char *name = i % 2 == 0 ? "cat" : "dog";
        snprintf(path, sizeof(path), "%s/%s/photo_%07" PRIu64 ".jpg", folder, name, i);
        if (!make) {
            unlink(path);
        } else if (i % most_links == 0) {
            FILE *file = fopen(path, "wb");
            if (file == NULL || fwrite(image, 1, sizeof(image), file) != sizeof(image) || fclose(file) != 0) {
                fail("a file cannot be made");
            }
            snprintf(first, sizeof(first), "%s", path);
        } else if (link(first, path) != 0) {
            fail("a link cannot be made");
        }
    }
}

static void make_folders(const char *folder, bool make)
{
    char path[PATH];
    if (make && mkdir(folder, 0700) != 0) {
        fail("the folder cannot be made: does it exist?");
    }
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, i == 0 ? "cat" : "dog");
        if (make ? mkdir(path, 0700) != 0 : rmdir(path) != 0) {
            fail("a class folder");
        }
    }
    if (!make) {
        rmdir(folder);
    }
}

static void check(const cnn_context *context, cnn_status status)
{
    if (status != CNN_OK) {
        fail(cnn_last_error(context));
    }
}

static void measure(const char *folder, double files)
{
    count c = {0};
    const cnn_allocator allocator = {sizeof(allocator), &c, allocate, release};
    cnn_context *context = NULL;
    cnn_dataset *data = NULL;
    cnn_loader *loader = NULL;
    cnn_pipeline *steps = NULL;
    cnn_batch batch = CNN_BATCH_INIT;
    check(NULL, cnn_context_create(CNN_CONTEXT(.threads = 1, .allocator = &allocator), &context));
    const size_t before = c.bytes;
    double begin = now();
    check(context, cnn_dataset_open(context, folder, NULL, &data));
    printf("listing      %.2f s, at the most %.0f bytes a file\n", now() - begin, (double)(c.most - before) / files);
    printf("the list     %.0f bytes a file, of which %zu are a path's\n", (double)(c.bytes - before) / files,
           strlen(folder) + strlen("/cat/photo_0000000.jpg") + 1);
    const size_t listed = c.bytes;
    begin = now();
    check(context, cnn_pipeline_create(context, "resize=4x4", &steps));
    check(context,
          cnn_loader_create(context, data, CNN_LOADER(.batch = BATCH, .shuffle = 1, .pipeline = steps), &loader));
    printf("the order    %.2f s, %.1f bytes a file\n", now() - begin, (double)(c.bytes - listed) / files);
    const size_t first = c.bytes;
    for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        begin = now();
        check(context, cnn_loader_seek(loader, epoch * cnn_loader_batches(loader) + epoch));
        check(context, cnn_loader_next(loader, &batch));
        printf("epoch %" PRIu64 "      %.3f s to a batch in it, %+.1f bytes a file\n", epoch, now() - begin,
               ((double)c.bytes - (double)first) / files);
    }
    cnn_loader_free(loader);
    cnn_pipeline_free(steps);
    cnn_dataset_free(data);
    cnn_context_free(context);
    printf("at the end   %zu bytes\n", c.bytes);
}

int main(int argc, char **argv)
{
    const uint64_t files = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    if (argc < 2 || argc > 3 || files < 2) {
        fprintf(stderr, "usage: million FOLDER [FILES]\n");
        return 2;
    }
    make_folders(argv[1], true);
    make_files(argv[1], files, true);
    measure(argv[1], (double)files);
    make_files(argv[1], files, false);
    make_folders(argv[1], false);
    return 0;
}
