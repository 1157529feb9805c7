/* SPDX-License-Identifier: MIT */
/* Keras's HDF5 files, by libhdf5: the layouts of Keras 1 and 2 (a group for each layer, which lists its weights in an
 * attribute) and of Keras 3's .weights.h5 (numbered variables in groups of groups).
 *
 * Such a file is not trusted. Only hard links are followed, so that it stays within itself; data in other files and
 * virtual datasets are refused; what a dataset says it holds must stand in some proportion to what is stored. */
#include "tool_foreign.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

/* Most bytes of the text of an attribute, most datasets, and how much longer than stored data may become: deflate's
 * limit is 1032. */
#define MOST_TEXT ((size_t)64 << 20)
#define MOST_DATASETS ((size_t)1 << 20)
#define MOST_EXPANSION 1100

typedef struct tool_hdf5 {
    tool *run;
    char *path; /* printable */
    hid_t file;
    hid_t *datasets;
    size_t count, capacity;
    cnn_weights *weights;
    int result; /* of a visit */
} tool_hdf5;

static int fail(const tool_hdf5 *h, const char *what, const char *name)
{
    char *printable = tool_printable(name);
    int result = tool_fail(h->run, "%s: %s%s%s%s", h->path, what, name[0] != '\0' ? " \"" : "", printable,
                           name[0] != '\0' ? "\"" : "");
    free(printable);
    return result;
}

/* ---- attributes ---- */

/* Reads `count` strings of an attribute; size 0: they are of variable length. */
static bool read_texts(hid_t attribute, hid_t type, hid_t space, size_t count, size_t size, tool_list *list)
{
    char *data = calloc(count, size > 0 ? size : sizeof(char *));
    bool good = data != NULL && H5Aread(attribute, type, data) >= 0;
    for (size_t i = 0; i < count && good; i++) {
        const char *text = size > 0 ? data + i * size : ((char **)(void *)data)[i];
        good = text != NULL && tool_list_add(list, strndup(text, size > 0 ? size : MOST_TEXT));
    }
    if (data != NULL && size == 0) { /* what was not read is NULL */
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, data);
    }
    free(data);
    return good;
}

/* All strings of an attribute, of fixed or variable length, added to the list; false if it holds none. */
static bool read_strings(hid_t object, const char *name, tool_list *list)
{
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attribute >= 0 ? H5Aget_type(attribute) : -1, space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    hssize_t count = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    bool good = type >= 0 && H5Tget_class(type) == H5T_STRING && count >= 0 && (size_t)count <= MOST_DATASETS;
    const bool variable = good && H5Tis_variable_str(type) > 0;
    const size_t size = good ? H5Tget_size(type) : 0;
    good = good && (variable || (size > 0 && size <= MOST_TEXT / ((size_t)count + 1)));
    if (good && count > 0) {
        good = read_texts(attribute, type, space, (size_t)count, variable ? 0 : size, list);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return good;
}

static bool has_attribute(hid_t object, const char *name) { return H5Aexists(object, name) > 0; }

/* A list of names, which Keras spreads over NAME0, NAME1, ... where it is long. For a layer without weights the list is
 * an empty array of numbers. */
static bool read_names(hid_t object, const char *name, tool_list *list)
{
    char part[64];
    if (has_attribute(object, name)) {
        return read_strings(object, name, list) || list->count == 0;
    }
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(part, sizeof(part), "%s%u", name, i);
        if (!has_attribute(object, part)) {
            return i > 0;
        }
        if (!read_strings(object, part, list)) {
            return false;
        }
    }
    return false;
}

/* ---- datasets ---- */

/* Whether each step of a path is a hard link. */
static bool is_inside(hid_t group, const char *path)
{
    char part[2048];
    const size_t size = strlen(path);
    if (size == 0 || size >= sizeof(part) || path[0] == '/') {
        return false;
    }
    for (size_t i = 1; i <= size; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            H5L_info_t info;
            memcpy(part, path, i);
            part[i] = '\0';
            if (H5Lget_info(group, part, &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD) {
                return false;
            }
        }
    }
    return true;
}

/* NULL if the dataset can be read, else why not. Fills the shape. */
static const char *check_dataset(hid_t dataset, cnn_shape *shape)
{
    hsize_t dims[H5S_MAX_RANK];
    hid_t plist = H5Dget_create_plist(dataset), space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    const int rank = H5Sget_simple_extent_ndims(space);
    const char *fault = NULL;
    hsize_t values = 1;
    if (plist < 0 || space < 0 || type < 0 || rank < 0 || H5Sget_simple_extent_dims(space, dims, NULL) < 0) {
        fault = "cannot be read";
    } else if (H5Tget_class(type) != H5T_FLOAT && H5Tget_class(type) != H5T_INTEGER) {
        fault = "does not hold numbers";
    } else if (H5Pget_layout(plist) == H5D_VIRTUAL || H5Pget_external_count(plist) > 0) {
        fault = "has its data in another file, and such files are not opened";
    } else if (rank > CNN_MAX_RANK) {
        fault = "has too many dimensions";
    }
    *shape = (cnn_shape){.rank = fault == NULL ? (uint32_t)rank : 0};
    for (int d = 0; d < rank && fault == NULL; d++) {
        const bool good = dims[d] <= INT64_MAX && !__builtin_mul_overflow(values, dims[d], &values);
        fault = good ? NULL : "has a size that overflows";
        shape->dims[d] = (int64_t)dims[d];
    }
    if (fault == NULL && values > 64 && values / MOST_EXPANSION > H5Dget_storage_size(dataset)) {
        fault = "says it has far more values than are stored";
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Pclose(plist);
    return fault;
}

static cnn_status read_values(void *user, uint64_t id, float *values)
{
    const tool_hdf5 *h = user;
    if (H5Dread(h->datasets[id], H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) {
        return CNN_ERROR_IO;
    }
    return CNN_OK;
}

/* Adds the dataset at a path of a group, under the name that Keras lists. */
static int add_dataset(tool_hdf5 *h, hid_t group, const char *path, const char *layer)
{
    cnn_weight weight = CNN_WEIGHT_INIT;
    if (!is_inside(group, path)) {
        return fail(h, "its links lead out of it, or nowhere:", path);
    }
    if (h->count == h->capacity) {
        const size_t capacity = h->capacity > 0 ? 2 * h->capacity : 256;
        hid_t *longer = capacity <= 2 * MOST_DATASETS ? reallocarray(h->datasets, capacity, sizeof(*longer)) : NULL;
        if (longer == NULL) {
            return tool_fail_memory(h->run);
        }
        h->datasets = longer;
        h->capacity = capacity;
    }
    hid_t dataset = H5Dopen2(group, path, H5P_DEFAULT);
    if (dataset < 0) {
        return fail(h, "there is no dataset", path);
    }
    h->datasets[h->count++] = dataset;
    const char *fault = check_dataset(dataset, &weight.shape);
    if (fault != NULL) {
        char *printable = tool_printable(path);
        int result = tool_fail(h->run, "%s: the dataset \"%s\" %s", h->path, printable, fault);
        free(printable);
        return result;
    }
    weight.name = path;
    weight.group = layer;
    cnn_status status = cnn_weights_add(h->weights, &weight, h->count - 1);
    return status == CNN_OK ? TOOL_DONE : tool_fail_library(h->run, status);
}

/* ---- Keras 1 and 2: layers that list their weights ---- */

static int read_layer(tool_hdf5 *h, hid_t root, const char *name)
{
    tool_list weights = {0};
    hid_t group = is_inside(root, name) ? H5Gopen2(root, name, H5P_DEFAULT) : -1;
    int result = group < 0 ? fail(h, "there is no group of the layer", name) : TOOL_DONE;
    if (result == TOOL_DONE && !read_names(group, "weight_names", &weights)) {
        result = fail(h, "the weights are not listed of the layer", name);
    }
    for (size_t i = 0; i < weights.count && result == TOOL_DONE; i++) {
        result = add_dataset(h, group, weights.items[i], name);
    }
    H5Gclose(group);
    tool_list_free(&weights);
    return result;
}

static int read_layers(tool_hdf5 *h, hid_t root)
{
    tool_list layers = {0};
    int result = read_names(root, "layer_names", &layers) ? TOOL_DONE : fail(h, "its layers are not listed", "");
    for (size_t i = 0; i < layers.count && result == TOOL_DONE; i++) {
        result = read_layer(h, root, layers.items[i]);
    }
    tool_list_free(&layers);
    return result;
}

/* ---- Keras 3: numbered variables ---- */

/* The name of the layer that a group "vars" is of, where Keras wrote it; malloc'ed, NULL: it did not. */
static char *vars_name(hid_t root, const char *path)
{
    tool_list names = {0};
    char *group = strdup(path), *slash = group != NULL ? strrchr(group, '/') : NULL, *name = NULL;
    if (slash != NULL) {
        *slash = '\0';
        hid_t vars = H5Gopen2(root, group, H5P_DEFAULT);
        if (vars >= 0 && has_attribute(vars, "name") && read_strings(vars, "name", &names) && names.count == 1) {
            name = strdup(names.items[0]);
        }
        H5Gclose(vars);
    }
    tool_list_free(&names);
    free(group);
    return name;
}

static herr_t visit(hid_t root, const char *path, const H5O_info_t *info, void *user)
{
    tool_hdf5 *h = user;
    const bool optimizer = strncmp(path, "optimizer/", strlen("optimizer/")) == 0;
    if (info->type == H5O_TYPE_DATASET && !optimizer) {
        char *layer = vars_name(root, path);
        h->result = h->result == TOOL_DONE ? add_dataset(h, root, path, layer) : h->result;
        free(layer);
    }
    return h->result == TOOL_DONE ? 0 : 1;
}

/* ---- the file ---- */

static hid_t open_file(const char *path, const void *data, size_t size)
{
    if (data == NULL) {
        return H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    }
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = -1;
    if (H5Pset_fapl_core(access, 1 << 16, 0) >= 0 && H5Pset_file_image(access, (void *)(uintptr_t)data, size) >= 0) {
        char *name = tool_format("%s/model.weights.h5", path); /* must not be that of a file */
        file = name != NULL ? H5Fopen(name, H5F_ACC_RDONLY, access) : -1;
        free(name);
    }
    H5Pclose(access);
    return file;
}

static int read_config(tool_hdf5 *h, tool_foreign *foreign)
{
    tool_list texts = {0};
    if (!has_attribute(h->file, "model_config")) {
        return TOOL_DONE;
    }
    int result = TOOL_DONE;
    if (!read_strings(h->file, "model_config", &texts) || texts.count != 1) {
        result = fail(h, "its model_config is not text", "");
    } else {
        foreign->config = texts.items[0];
        foreign->config_size = strlen(foreign->config);
        texts.count = 0;
    }
    tool_list_free(&texts);
    return result;
}

static int read_weights(tool_hdf5 *h)
{
    const bool whole = H5Lexists(h->file, "model_weights", H5P_DEFAULT) > 0;
    if (whole && !is_inside(h->file, "model_weights")) {
        return fail(h, "its links lead out of it:", "model_weights");
    }
    hid_t root = whole ? H5Gopen2(h->file, "model_weights", H5P_DEFAULT) : H5Gopen2(h->file, "/", H5P_DEFAULT);
    int result = root < 0 ? fail(h, "its groups cannot be read", "") : TOOL_DONE;
    if (result == TOOL_DONE && (has_attribute(root, "layer_names") || has_attribute(root, "layer_names0"))) {
        result = read_layers(h, root);
    } else if (result == TOOL_DONE) {
        herr_t visited = H5Ovisit(root, H5_INDEX_NAME, H5_ITER_INC, visit, h);
        result = h->result;
        if (result == TOOL_DONE && (visited < 0 || h->count == 0)) {
            result = fail(h, "is an HDF5 file without weights as Keras writes them", "");
        }
    }
    H5Gclose(root);
    return result;
}

int tool_hdf5_open(tool *run, const char *path, const void *data, size_t size, tool_foreign *foreign)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* our own messages say it */
    tool_hdf5 *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return tool_fail_memory(run);
    }
    *h = (tool_hdf5){.run = run, .path = tool_printable(path), .file = open_file(path, data, size)};
    foreign->hdf5 = h;
    foreign->program = "Keras";
    int result = h->path == NULL ? tool_fail_memory(run)
                 : h->file < 0   ? fail(h, "is no HDF5 file, or a damaged one", "")
                                 : TOOL_DONE;
    if (result == TOOL_DONE) {
        cnn_status status = cnn_weights_create(
            run->context, CNN_WEIGHTS(.name = path, .layout = CNN_WEIGHTS_KERAS, .read = read_values, .user = h),
            &foreign->weights);
        h->weights = foreign->weights;
        result = status == CNN_OK ? TOOL_DONE : tool_fail_library(run, status);
    }
    if (result == TOOL_DONE && data == NULL) {
        result = read_config(h, foreign);
    }
    return result == TOOL_DONE ? read_weights(h) : result;
}

void tool_hdf5_close(tool_hdf5 *h)
{
    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < h->count; i++) {
        H5Dclose(h->datasets[i]);
    }
    if (h->file >= 0) {
        H5Fclose(h->file);
    }
    free(h->datasets);
    free(h->path);
    free(h);
}
