/* SPDX-License-Identifier: MIT */
/* One folder for each class, its images anywhere below it. */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "dataset/files.h"
#include "dataset/form.h"

/* Most folders below one another, that of the class included. */
#define MAX_DEPTH 16

/* A folder, the same under every name that links give it. */
typedef struct place {
    dev_t device;
    ino_t node;
} place;

/* A folder that is being listed, and those it lies in: a link back to one of them is a loop. */
typedef struct level {
    const struct level *above;
    dev_t device;
    ino_t node;
    unsigned depth; /* 0: the dataset's folder */
} level;

/* Files of a folder come before those of the folders in it. 0: the same folder. */
static int compare_folders(const cnn__files *files, const cnn__file *a, const cnn__file *b)
{
    const char *path_a = cnn__file_path(files, a), *path_b = cnn__file_path(files, b);
    /* Folder names without the slash at their end: it must not weigh against the bytes of a longer name. */
    size_t size_a = a->name - 1, size_b = b->name - 1;
    int order = memcmp(path_a, path_b, size_a < size_b ? size_a : size_b);
    if (order == 0 && size_a != size_b) {
        order = size_a < size_b ? -1 : 1;
    }
    return order;
}

/* Each in byte order, as os.walk() sorted by path gives them to Keras and torchvision. */
static int by_class_folder_name(const cnn__files *files, const cnn__file *a, const cnn__file *b)
{
    if (a->label != b->label) {
        return a->label < b->label ? -1 : 1;
    }
    const int order = compare_folders(files, a, b);
    return order != 0 ? order : strcmp(cnn__file_path(files, a) + a->name, cnn__file_path(files, b) + b->name);
}

/* Those of a folder in natural order, so that 2.jpg comes before 10.jpg. */
static int by_folder_natural_name(const cnn__files *files, const cnn__file *a, const cnn__file *b)
{
    const int order = compare_folders(files, a, b);
    return order != 0 ? order
                      : cnn__natural_compare(cnn__file_path(files, a) + a->name, cnn__file_path(files, b) + b->name);
}

static bool is_loop(const cnn__listing *listing, const level *above)
{
    for (; above != NULL; above = above->above) {
        if (above->device == listing->device && above->node == listing->node) {
            return true;
        }
    }
    return false;
}

/* The walk through one class. Links may lead to a folder by many names, and by way of others by more names than anyone
 * could wait for: each folder is taken once, under the name that is met first. */
typedef struct walk {
    cnn__files *files;
    int32_t label;
    place *seen; /* open addressing: places of folders, node 0 where there is none */
    size_t seen_count, seen_capacity;
} walk;

static size_t find_place(const place *seen, size_t capacity, const place *what)
{
    uint64_t hash = ((uint64_t)what->node ^ (uint64_t)what->device << 40) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(hash >> 20) % capacity;
    while (seen[at].node != 0 && (seen[at].node != what->node || seen[at].device != what->device)) {
        at = (at + 1) % capacity;
    }
    return at;
}

static cnn_status grow_seen(walk *self)
{
    const size_t capacity = self->seen_capacity == 0 ? 16 : 2 * self->seen_capacity;
    place *seen = cnn__alloc_zero(self->files->context, capacity * sizeof(*seen));
    if (seen == NULL) {
        return CNN_ERROR_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < self->seen_capacity; i++) {
        if (self->seen[i].node != 0) {
            seen[find_place(seen, capacity, &self->seen[i])] = self->seen[i];
        }
    }
    cnn__free(self->files->context, self->seen);
    self->seen = seen;
    self->seen_capacity = capacity;
    return CNN_OK;
}

/* *again receives whether the folder was met in this class before. */
static cnn_status note_folder(walk *self, const cnn__listing *listing, bool *again)
{
    const place here = {listing->device, listing->node};
    if (2 * self->seen_count >= self->seen_capacity) {
        CNN__RETURN_IF_ERROR(grow_seen(self));
    }
    place *found = &self->seen[find_place(self->seen, self->seen_capacity, &here)];
    *again = found->node != 0;
    self->seen_count += !*again;
    *found = here;
    return CNN_OK;
}

static cnn_status add_folder(walk *self, const char *folder, const level *above);

static cnn_status add_entries(walk *self, const char *folder, const cnn__listing *listing, const level *here)
{
    cnn__files *files = self->files;
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        cnn__entry_type type = listing->entries[i].type;
        if (type == CNN__ENTRY_FOLDER) {
            char *inner = cnn__path_join(files->context, folder, name);
            cnn_status status = inner != NULL ? add_folder(self, inner, here) : CNN_ERROR_OUT_OF_MEMORY;
            cnn__free(files->context, inner);
            CNN__RETURN_IF_ERROR(status);
        } else if (type == CNN__ENTRY_FILE && cnn__is_image_name(name)) {
            CNN__RETURN_IF_ERROR(cnn__files_add(files, folder, name, self->label));
        } else {
            cnn__files_pass_over(files, folder, name);
        }
    }
    return CNN_OK;
}

/* A folder that cannot be listed is left out where entries are. */
static cnn_status list_folder(cnn__files *files, const char *folder, cnn__listing *listing)
{
    cnn_status status = cnn__listing_read(files->context, folder, cnn__files_skip(files), listing);
    if (status == CNN_OK || status == CNN_ERROR_OUT_OF_MEMORY || !cnn__files_skip(files)) {
        return status;
    }
    cnn__passed one = {.count = 1};
    snprintf(one.first, sizeof(one.first), "%s", cnn_last_error(files->context));
    cnn__passed_add(&files->left_out, &one);
    *listing = (cnn__listing){.context = NULL};
    return CNN_OK;
}

static cnn_status add_listed(walk *self, const char *folder, const cnn__listing *listing, const level *above)
{
    char text[512];
    bool again = false;
    if (is_loop(listing, above)) {
        cnn__log(self->files->context, CNN_LOG_WARNING, "%s: passed over: it leads back to a folder that it lies in",
                 cnn__printable(folder, text, sizeof(text)));
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(note_folder(self, listing, &again));
    if (again) {
        cnn__log(self->files->context, CNN_LOG_WARNING,
                 "%s: passed over: it leads to a folder whose images are there already",
                 cnn__printable(folder, text, sizeof(text)));
        return CNN_OK;
    }
    cnn__files_pass_hidden(self->files, folder, listing);
    level here = {above, listing->device, listing->node, above->depth + 1};
    return add_entries(self, folder, listing, &here);
}

static cnn_status add_folder(walk *self, const char *folder, const level *above)
{
    char text[512];
    cnn__files *files = self->files;
    if (above->depth == MAX_DEPTH) {
        return cnn__fail(files->context, CNN_ERROR_LIMIT,
                         "%s: folders are nested deeper than %d, that of the class included",
                         cnn__printable(folder, text, sizeof(text)), MAX_DEPTH);
    }
    cnn__listing listing;
    CNN__RETURN_IF_ERROR(list_folder(files, folder, &listing));
    cnn_status status = listing.context != NULL ? add_listed(self, folder, &listing, above) : CNN_OK;
    cnn__listing_free(&listing);
    return status;
}

static void name_classes(const cnn__listing *listing, cnn__string *names)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->entries[i].type == CNN__ENTRY_FOLDER) {
            const char *name = cnn__listing_name(listing, i);
            cnn__string_append(names, name, strlen(name) + 1);
        }
    }
}

static cnn_status add_class(cnn__files *files, const char *path, const char *name, const cnn__classes *classes,
                            const level *root)
{
    int32_t label;
    CNN__RETURN_IF_ERROR(cnn__classes_find(classes, name, strlen(name), &label));
    if (label < 0) {
        return cnn__files_fail_class(files, classes, path, "folder", name);
    }
    walk here = {.files = files, .label = label};
    char *folder = cnn__path_join(files->context, path, name);
    cnn_status status = folder != NULL ? add_folder(&here, folder, root) : CNN_ERROR_OUT_OF_MEMORY;
    cnn__free(files->context, folder);
    cnn__free(files->context, here.seen);
    return status;
}

static cnn_status add_classes(cnn__files *files, const char *path, const cnn__listing *listing,
                              const cnn__classes *classes)
{
    const level root = {NULL, listing->device, listing->node, 0};
    size_t folders = 0;
    cnn__files_pass_hidden(files, path, listing);
    for (size_t i = 0; i < listing->count; i++) {
        const char *name = cnn__listing_name(listing, i);
        if (listing->entries[i].type == CNN__ENTRY_FOLDER) {
            CNN__RETURN_IF_ERROR(add_class(files, path, name, classes, &root));
            folders++;
        } else {
            cnn__files_pass_over(files, path, name);
        }
    }
    if (folders == 0 && files->left_out.count == 0) {
        return cnn__fail(files->context, CNN_ERROR_FORMAT, "%s: found no folders, expected one for each class", path);
    }
    return CNN_OK;
}

cnn_status cnn_dataset_open_folders(cnn_context *context, const char *path, const cnn_files_options *options,
                                    cnn_dataset **dataset)
{
    static const cnn__files_form form = {name_classes, add_classes, by_class_folder_name};
    return cnn__files_open(context, path, options, &form, dataset);
}

static cnn_status open_folder(cnn_context *context, const char *path, const cnn__listing *listing,
                              const cnn_files_options *options, cnn_dataset **dataset)
{
    (void)listing;
    return cnn_dataset_open_folders(context, path, options, dataset);
}

static bool fits(const cnn__contents *contents) { return contents->images == 0 && contents->folders > contents->parts; }

const cnn__dataset_form cnn__folders_form = {"folders of images", NULL, fits, open_folder};

/* ---- without labels ---- */

static cnn_status add_all(cnn__files *files, const char *path, const cnn__listing *listing, const cnn__classes *classes)
{
    (void)classes;
    const level root = {NULL, listing->device, listing->node, 0};
    walk here = {.files = files, .label = -1};
    cnn__files_pass_hidden(files, path, listing);
    const cnn_status status = add_entries(&here, path, listing, &root);
    cnn__free(files->context, here.seen);
    return status;
}

cnn_status cnn_dataset_open_unlabelled(cnn_context *context, const char *path, const cnn_files_options *options,
                                       cnn_dataset **dataset)
{
    static const cnn__files_form form = {NULL, add_all, by_folder_natural_name};
    return cnn__files_open(context, path, options, &form, dataset);
}
