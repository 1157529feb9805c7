/* SPDX-License-Identifier: MIT */
/* The files of a training: its checkpoint and its best model. */
#include <unistd.h>

#include "format/model_file.h"
#include "train/clock.h"
#include "train/fit.h"

cnn_status cnn__fit_save_last(cnn__fit *fit)
{
    if (fit->options.last_path == NULL || !cnn__ranks_is_first(&fit->ranks)) {
        return CNN_OK;
    }
    if (fit->history->running.steps > 0) {
        CNN__RETURN_IF_ERROR(cnn__running_pack(fit->history, fit->options.evaluators, fit->options.evaluator_count));
    }
    if (fit->options.schedule != NULL) {
        CNN__RETURN_IF_ERROR(cnn__history_set_schedule(fit->history, cnn_schedule_text(fit->options.schedule),
                                                       cnn_schedule_state(fit->options.schedule)));
    }
    cnn_status status = cnn_checkpoint_save(fit->options.last_path, fit->session, fit->options.optimizer,
                                            fit->options.train, fit->history);
    fit->last_saved = fit->last_saved || status == CNN_OK;
    fit->kept_epochs = status == CNN_OK ? fit->history->epochs : fit->kept_epochs;
    fit->saved_at = cnn__seconds();
    return status;
}

cnn_status cnn__fit_save_best(cnn__fit *fit, const float *values)
{
    values = values == NULL && cnn__average_any(&fit->history->average) ? fit->history->average.values : values;
    if (!cnn__ranks_is_first(&fit->ranks)) {
        fit->best_saved = true;
        return CNN_OK;
    }
    cnn_status status = cnn__model_save_values(fit->model, values, fit->options.best_path);
    fit->best_saved = fit->best_saved || status == CNN_OK;
    return status;
}

cnn_status cnn__fit_save_best_so_far(cnn__fit *fit)
{
    if (fit->options.best_path == NULL || fit->history->best_values == NULL ||
        access(fit->options.best_path, F_OK) == 0) {
        return CNN_OK;
    }
    return cnn__fit_save_best(fit, fit->history->best_values);
}

cnn_status cnn__fit_leave_files(cnn__fit *fit)
{
    if (fit->options.best_path != NULL && !fit->best_saved) {
        CNN__RETURN_IF_ERROR(cnn__fit_save_best(fit, fit->history->best_values));
    }
    return fit->last_saved ? CNN_OK : cnn__fit_save_last(fit);
}
