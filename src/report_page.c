/* SPDX-License-Identifier: MIT */
/* The page of a report: everything from a file is escaped here, and the file is replaced as a whole. */
#include "report.h"

#include "tool_copy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void report_write_text(FILE *out, const char *text)
{
    static const char special[] = "&<>\"'";
    char *printable = tool_printable(text != NULL ? text : "");
    for (const char *c = printable; *c != '\0'; c++) {
        if (strchr(special, *c) != NULL) {
            fprintf(out, "&#%d;", *c);
        } else {
            fputc(*c, out);
        }
    }
    free(printable);
}

void report_write_json(FILE *out, const char *json)
{
    for (const char *c = json; *c != '\0'; c++) {
        if (*c == '<' || *c == '>' || *c == '&') { /* they stand in texts alone */
            fprintf(out, "\\u%04x", (unsigned)*c);
        } else {
            fputc(*c, out);
        }
    }
}

char *report_path(const char *folder)
{
    const size_t length = strlen(folder);
    return tool_format("%s%sreport.html", folder, length > 0 && folder[length - 1] == '/' ? "" : "/");
}

int report_open(tool *run, const char *folder, const char *path)
{
    const int error = tool_make_folder(folder);
    if (error != 0) {
        return tool_fail(run, "%s: %s", folder, tool_copy_error(error));
    }
    return tool_check_writable(run, path);
}

void report_close(report_page *page)
{
    json_decref(page->facts);
    json_decref(page->history);
    json_decref(page->steps);
    json_decref(page->layers);
    json_decref(page->operations);
    json_decref(page->evaluation);
    free(page->augmented);
    free(page->wrong);
}

json_t *report_number(double value)
{
    char text[32];
    double rounded = value;
    snprintf(text, sizeof(text), "%.5g", value);
    return tool_parse_real(text, &rounded) ? json_real(rounded) : json_real(value);
}

static json_t *command_line(const tool *run)
{
    json_t *words = json_array();
    json_array_append_new(words, json_string("cnn"));
    for (size_t i = 0; i < run->argument_count; i++) {
        json_array_append_new(words, json_string(run->arguments[i]));
    }
    return words;
}

static void set_part(json_t *object, const char *key, json_t *part)
{
    if (part != NULL) {
        json_object_set(object, key, part);
    }
}

/* The data of a page as JSON text; NULL without memory. */
static char *data_text(const tool *run, const report_page *page)
{
    json_t *object = json_object();
    tool_json_count(object, "cnn_report", 1);
    tool_json_text(object, "kind", page->kind);
    tool_json_text(object, "state", page->state);
    tool_json_text(object, "title", page->title);
    tool_json_count(object, "written", (uint64_t)time(NULL));
    tool_json_real(object, "wait", page->wait);
    tool_json_count(object, "best_epoch", page->best_epoch);
    json_object_set_new(object, "command", command_line(run));
    set_part(object, "facts", page->facts);
    set_part(object, "history", page->history);
    set_part(object, "steps", page->steps);
    set_part(object, "layers", page->layers);
    set_part(object, "operations", page->operations);
    set_part(object, "evaluation", page->evaluation);
    char *text = json_text(object);
    json_decref(object);
    return text;
}

static void write_head(FILE *out, const report_page *page)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n",
          out);
    if (strcmp(page->state, "running") == 0) {
        fputs("<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>\n", out);
    }
    fputs("<title>", out);
    report_write_text(out, page->title);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n", report_css);
}

static void write_body(FILE *out, const report_page *page, const char *data)
{
    fputs("<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n<h1><bdi>", out);
    report_write_text(out, page->title);
    fprintf(out, "</bdi></h1>\n<p><span class=\"state\" id=\"state\" role=\"status\">%s</span></p>\n", page->state);
    fputs("<nav aria-label=\"Contents\"><ul id=\"contents\"></ul></nav>\n"
          "<noscript><p>Curves and tables are drawn by a script in this page, which the browser does not run; the "
          "pictures need none.</p></noscript>\n</header>\n<main id=\"main\" tabindex=\"-1\">\n",
          out);
    fputs(page->wrong != NULL ? page->wrong : "", out);
    fputs(page->augmented != NULL ? page->augmented : "", out);
    fputs("</main>\n<script type=\"application/json\" id=\"report-data\">", out);
    report_write_json(out, data);
    fprintf(out, "</script>\n<script>\n%s</script>\n</body>\n</html>\n", report_js);
}

int report_save_data(tool *run, const char *path, const report_page *page, const char *data)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return tool_fail_memory(run);
    }
    write_head(out, page);
    write_body(out, page, data);
    const bool whole = !ferror(out);
    const int result = fclose(out) == 0 && whole ? tool_save_bytes(run, path, text, size) : tool_fail_memory(run);
    free(text);
    return result;
}

int report_save(tool *run, const char *path, const report_page *page)
{
    char *data = data_text(run, page);
    const int result = data != NULL ? report_save_data(run, path, page, data) : tool_fail_memory(run);
    free(data);
    return result;
}
