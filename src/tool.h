/* SPDX-License-Identifier: MIT */
/* What the parts of the command share: commands and their option tables, output, messages, and the run itself. */
#ifndef CNN_TOOL_H
#define CNN_TOOL_H

#include <cnn/cnn.h>

#include <pthread.h>
#include <sys/types.h>

#include "tool_ranks.h"

/* Exit statuses, as docs/cnn.1 promises them. */
enum { TOOL_DONE = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* ---- commands and options ---- */

typedef enum tool_option_type {
    TOOL_FLAG,   /* bool; takes no value */
    TOOL_TEXT,   /* const char * */
    TOOL_COUNT,  /* uint64_t within the bounds */
    TOOL_SCALED, /* the same; k, M or G after it stand for 10^3, 10^6 and 10^9 */
    TOOL_REAL,   /* double within the bounds; NaN when not given */
    TOOL_SIZE,   /* int32_t[3]: HxW; with `maximum` 3: HxWxC */
    TOOL_CHOICE  /* const char *, one of `choices` */
} tool_option_type;

/* One option. The table of a command drives parsing, bounds, messages and help; it ends with a NULL name. */
typedef struct tool_option {
    const char *name;     /* without the dashes */
    const char *argument; /* as help shows it; NULL for a flag */
    const char *help;
    tool_option_type type;
    size_t offset; /* in the command's settings */
    double minimum, maximum;
    const char *const *choices; /* NULL-terminated */
} tool_option;

/* Options of every command; the settings of each begin with it. */
typedef struct tool_common {
    uint64_t threads;
    const char *backend;
    uint64_t seed;
    uint64_t max_pixels; /* 0: the library's default */
    const char *limits;  /* "NAME=N,NAME=N"; NULL: the library's own */
    bool json, quiet, help;
} tool_common;

struct tool;

typedef struct tool_command {
    const char *name;
    const char *synopsis; /* the operands */
    const char *purpose;  /* one line */
    const char *details;  /* paragraphs of its help; may be NULL */
    const tool_option *options;
    size_t settings_size;
    size_t least_operands, most_operands;
    void (*more_help)(struct tool *tool); /* what tables say; may be NULL */
    int (*run)(struct tool *tool, const void *settings);
    bool divided; /* several processes that MPI has started do it together; others run as if they were alone */
    const struct tool_command *const *commands; /* those of a second word, whose names begin with this one's, ending
                                                   with NULL; NULL: none */
} tool_command;

extern const tool_command *const tool_commands[]; /* NULL-terminated */

extern const tool_command tool_command_summary, tool_command_train, tool_command_eval, tool_command_predict,
    tool_command_calibrate, tool_command_learn, tool_command_embed, tool_command_explain, tool_command_split,
    tool_command_convert, tool_command_check, tool_command_show,
    tool_command_bench, tool_command_report, tool_command_version, tool_command_help;

/* The bar or the plain lines on stderr. */
typedef struct tool_progress {
    bool bar;          /* stderr is a terminal */
    bool drawn;        /* a bar stands on the current line */
    double last_drawn; /* tool_seconds() */
} tool_progress;

/* A device or a pipe that is written to. */
typedef struct tool_special {
    char *path;
    int file;
} tool_special;

#define TOOL_MOST_SPECIALS 8

/* Paths, class names and messages in lists that grow. Zero-initialised. */
typedef struct tool_list {
    char **items;
    size_t count, capacity;
} tool_list;

/* One run of the command. */
typedef struct tool {
    const tool_command *command; /* NULL before it is known */
    const tool_common *common;
    const char *const *operands;
    size_t operand_count;
    const char **arguments; /* all words after "cnn", as they were given */
    size_t argument_count;
    cnn_context *context;
    pthread_mutex_t lock; /* of stderr and what follows: log messages come from any thread */
    tool_progress progress;
    bool log_is_told;                          /* the command itself tells what the log says */
    char *creation_error;                      /* what the log said while there was no context yet */
    tool_list told;                            /* messages of the log that were shown */
    bool more_untold;                          /* and that there were more was said */
    tool_special specials[TOOL_MOST_SPECIALS]; /* open until the end */
    size_t special_count;
    int output_error; /* errno of the first failure on stdout */
    tool_ranks ranks; /* the processes that were started together */
} tool;

/* Fills `settings` (zeroed here, reals set to NaN) and tool->operands (which stay in `arguments`, reordered).
 * Returns TOOL_DONE, or TOOL_USAGE with the message printed. */
int tool_parse(tool *run, int count, char **arguments, void *settings);

/* Help of one command, and the list of commands, on stdout. */
void tool_command_help_text(tool *run, const tool_command *command);
void tool_general_help_text(tool *run);
const tool_command *tool_find_command(const char *name);
/* The command of a second word; NULL if there is none of that name. */
const tool_command *tool_find_second(const tool_command *command, const char *name);
extern const tool_option tool_common_options[];

/* ---- text ---- */

/* Controls, marks of direction and invalid UTF-8 as \xNN; the text is malloc'ed, "" stands for no memory. */
char *tool_printable(const char *text);
/* The length of the UTF-8 character at `text` and its number, and whether it is a control character or mark of
 * direction; 0 where the bytes are none. */
size_t tool_read_character(const char *text, uint32_t *code, bool *hidden);
/* The candidate nearest in spelling, NULL if none is near. `name` gives the candidates, NULL past the end. */
const char *tool_nearest(const char *word, const char *(*name)(const void *list, size_t index), const void *list);
/* For tool_nearest(): a NULL-terminated array of texts. */
const char *tool_list_name(const void *list, size_t index);
bool tool_parse_count(const char *text, uint64_t *value);
/* The same with k, M or G after it. */
bool tool_parse_scaled(const char *text, uint64_t *value);
bool tool_parse_real(const char *text, double *value);
/* malloc'ed; NULL without memory. */
char *tool_format(const char *format, ...) CNN_PRINTF(1, 2);
/* Byte order, but runs of digits by their value: cat.2.jpg before cat.10.jpg. */
int tool_natural_compare(const char *a, const char *b);
/* "0:05", "1:02:03". */
const char *tool_duration(double seconds, char text[24]);
/* "1.5 MiB". */
const char *tool_bytes(uint64_t bytes, char text[24]);
double tool_seconds(void);
/* Columns that UTF-8 text takes, wide characters aside. */
size_t tool_columns(const char *text);

/* ---- output ---- */

/* Results, on stdout. The first failure is remembered, later calls then do nothing. */
void tool_print(tool *run, const char *format, ...) CNN_PRINTF(2, 3);
void tool_flush(tool *run);
/* Flushes stdout and turns `result` into TOOL_FAILED, with a message, if anything was lost. */
int tool_finish(tool *run, int result);

/* Replaces the file by way of another beside it, so that it is always whole; devices and pipes are written to as they
 * are. TOOL_DONE, or TOOL_FAILED with the message printed. `data` may be NULL: no memory. */
int tool_save_bytes(tool *run, const char *path, const void *data, size_t size);
/* Adds to the end of a file. */
int tool_append_text(tool *run, const char *path, const char *text);
/* Fail early if a file at `path` could not be written later; nothing that is there is changed. Models are for regular
 * files alone. */
int tool_check_writable(tool *run, const char *path);
int tool_check_model_writable(tool *run, const char *path);
/* Wrong usage if the ending of a model file to be written is that of another program's files: other programs, and
 * people, would take it for one. */
int tool_check_model_name(tool *run, const char *option, const char *path);
/* Closes the devices and pipes that were written to. */
void tool_close_specials(tool *run);
/* open(), again when a signal that is none of ours interrupts it. */
int tool_open(const char *path, int flags, mode_t mode);
/* write() and close() to the end; 0 or an errno. */
int tool_write_all(int file, const void *data, size_t size);
int tool_close(int file);

/* Messages, on stderr. tool_note() is silent with --quiet. The failing ones return the exit status. */
void tool_note(tool *run, const char *format, ...) CNN_PRINTF(2, 3);
void tool_complain(tool *run, const char *format, ...) CNN_PRINTF(2, 3);
int tool_fail(tool *run, const char *format, ...) CNN_PRINTF(2, 3);
int tool_fail_memory(tool *run);
/* With the library's message for this failure. */
/* Prints `text` wrapped, each line but the first indented; `column` is where the first one begins. */
void tool_print_wrapped(tool *run, const char *text, int indent, int column);
int tool_fail_library(tool *run, cnn_status status);
/* Wrong usage: what was wrong, and where to read on. */
int tool_fail_usage(tool *run, const char *format, ...) CNN_PRINTF(2, 3);

/* ---- progress ---- */

void tool_progress_init(tool *run);
/* Whether a bar would be drawn now; callers format their text only then. */
bool tool_progress_due(tool *run);
/* Columns of the terminal. */
size_t tool_progress_width(void);
/* Draws "head [===>   ] tail" for done of total, the bar where there are at least ten columns for it. */
void tool_progress_draw(tool *run, const char *head, uint64_t done, uint64_t total, const char *tail);
/* A bar with counts, speed and time left, where that is all there is to say. */
void tool_progress_count(tool *run, const char *head, uint64_t done, uint64_t total, double begin, const char *unit);
/* Removes the bar; the first is for who holds the lock. */
void tool_progress_clear(tool *run);
void tool_progress_end(tool *run);

/* ---- signals ---- */

/* From now on the first SIGINT, SIGTERM or SIGHUP is only noted, and a second one ends the process. */
void tool_catch_signals(bool ranks);
/* The signal noted, 0 for none. */
int tool_signal(void);

/* ---- the library, as several commands use it ---- */

/* Creates run->context from the common options. TOOL_DONE, or the exit status with the message printed. */
int tool_open_context(tool *run);
void tool_close_context(tool *run);

/* What zoo_create and model files need to be told. */
typedef struct tool_model_options {
    int32_t input[3]; /* height, width, channels; 0: the model's own */
    uint64_t classes; /* 0: the model's own */
    double dropout;   /* NaN: the model's own */
    const char *init; /* how kernels begin, one of tool_init_names; NULL: as the model has it */
} tool_model_options;

extern const char *const tool_init_names[];

/* True if the text is the name of a zoo model, perhaps with options after a colon; or of this one. */
bool tool_names_zoo(const char *text, const char *name);
/* True if `name` is that of a zoo model, perhaps with options after a colon. */
bool tool_is_zoo(const char *name);
/* MODEL: a zoo name, or a model file. */
int tool_open_model(tool *run, const char *name, const tool_model_options *options, cnn_model **model);
/* A model that has been trained: a file, not a zoo name. */
int tool_open_trained(tool *run, const char *name, cnn_model **model);
/* Whether a model says how images are prepared for it; `data`: NULL, or a dataset whose images may all have its input's
 * size as they are. The failure tells how to give it preprocessing. */
int tool_check_prepared(tool *run, const char *name, const cnn_model *model, const cnn_dataset *data);
/* Freezes what --freeze says; NULL: nothing. */
int tool_freeze(tool *run, cnn_model *model, const char *text);
/* Names of the trained parameters, "fc/kernel, fc/bias", not all of many; malloc'ed. */
char *tool_trained_names(cnn_model *model);
/* "0 cat, 1 dog"; malloc'ed. */
char *tool_model_classes(const cnn_model *model);
char *tool_dataset_classes(const cnn_dataset *dataset);
/* The name of a label for people: its class name made printable, or its number. malloc'ed. */
char *tool_label_text(const char *class_name, size_t label);
/* The pipeline with a ten_crop instead of its center_crop, or with `ten` false the other way round. TOOL_DONE, or the
 * exit status with the message printed. */
int tool_set_crop(tool *run, const cnn_pipeline *pipeline, bool ten, cnn_pipeline **changed);
bool tool_has_ten_crop(const cnn_pipeline *pipeline);
/* Warns of a preprocessing whose numbers are for pixels of 0 to 255. */
void tool_check_range(tool *run, const cnn_pipeline *pipeline);
/* Whether it has a center_crop that one can stand in for. */
bool tool_can_ten_crop(const cnn_pipeline *pipeline);
/* Whether it makes several images of one. */
bool tool_has_views(const cnn_pipeline *pipeline);
/* The pipeline without that: with a center_crop for its ten_crop, or without its step views; one that makes a single
 * image stays as it is. As tool_set_crop(). */
int tool_one_view(tool *run, const cnn_pipeline *pipeline, cnn_pipeline **changed);
/* Gives the model in memory that for its own, where its own has several views. */
int tool_set_one_view(tool *run, cnn_model *model);
/* The pipeline with the step views before those that change the scale of values; `views` are its arguments. TOOL_DONE,
 * or wrong usage of --tta. */
int tool_add_views(tool *run, const cnn_pipeline *pipeline, const char *views, cnn_pipeline **changed);
/* The same in place of the views that it has; "none": without any. *changed stays NULL where nothing changes. */
int tool_choose_views(tool *run, const cnn_pipeline *pipeline, const char *views, cnn_pipeline **changed);
/* Number of classes that the outputs tell apart: one output stands for two. */
size_t tool_model_labels(const cnn_model *model);
/* The layer before the last dense one, if only activations, dropout and rescaling follow that; NULL otherwise. */
const char *tool_before_dense(const cnn_model *model);
/* Values of the parameters of one layer. */
uint64_t tool_layer_values(cnn_model *model, size_t layer);

/* How a dataset is opened. */
typedef struct tool_data_options {
    /* Of IDX and CIFAR folders and of tables: "train", "validation", "test" or "all". A table that has one of the
     * middle two alone is opened by that; NULL: all of a table, "train" of the others. */
    const char *part;
    const char *const *classes; /* label order; NULL: as found */
    size_t class_count;
    uint32_t channels;     /* 1 or 3; 0: the dataset's own */
    const char *prefix;    /* of several sets of IDX files in one folder; NULL: any */
    cnn_on_error on_error; /* of entries that cannot be examined */
    cnn_task task;         /* of a table: what its targets are; CNN_TASK_UNKNOWN: what their text says */
    const char *label_columns, *group_column; /* of a table; NULL: by their names */
} tool_data_options;

/* Values of --on-error. */
extern const char *const tool_on_error_names[];
cnn_on_error tool_on_error(const char *name);

int tool_open_data(tool *run, const char *path, const tool_data_options *options, cnn_dataset **dataset);
/* The same with the labels of a model, by the names of its classes: some may have no images, others may not be there.
 * The channels are the model's. */
int tool_open_data_of_model(tool *run, const char *path, const tool_data_options *options, const cnn_model *model,
                            cnn_dataset **dataset);

/* Refuses data of which nothing says of what class its images are, as a table of paths alone. */
int tool_check_labelled(tool *run, const char *path, const cnn_dataset *dataset);

/* Keeps a random sample of `limit` images; 0: all. */
int tool_limit_data(tool *run, uint64_t limit, cnn_dataset **dataset);

/* Takes `item` over; false without memory (then it is freed). */
bool tool_list_add(tool_list *list, char *item);
/* Splits at commas. */
bool tool_list_split(tool_list *list, const char *text);
/* What is wrong with a list of names, "a name twice"; NULL if nothing is. */
const char *tool_list_fault(const tool_list *list);
void tool_list_free(tool_list *list);

#endif
