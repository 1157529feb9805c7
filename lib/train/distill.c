/* SPDX-License-Identifier: MIT */
/* Knowledge distillation (Hinton et al. 2015): beside the loss of the labels, the distance from what a trained model
 * says of the same images, both softened by a temperature. */
#include <math.h>

#include "core/float_mode.h"
#include "loss/loss.h"
#include "session/memory.h"
#include "train/fit.h"

#define DEFAULT_WEIGHT 0.5f
#define DEFAULT_TEMPERATURE 4.0f

static cnn_status check(const cnn__fit *fit, const cnn_model *teacher)
{
    const cnn_fit_options *options = &fit->options;
    const cnn__loss_kind *kind = options->loss->kind;
    if (teacher == fit->model || !teacher->built || teacher->context != fit->context) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: the teacher has to be another model, built, of the same context");
    }
    if (cnn__output_values(teacher) != cnn__output_values(fit->model) || options->from != NULL) {
        return cnn__fail(fit->context, options->from != NULL ? CNN_ERROR_UNSUPPORTED : CNN_ERROR_MISMATCH,
                         "cnn_fit: a teacher of %zu outputs for a model of %zu%s", cnn__output_values(teacher),
                         cnn__output_values(fit->model), options->from != NULL ? ", of features" : "");
    }
    if (kind != &cnn__loss_categorical_crossentropy && kind != &cnn__loss_binary_crossentropy) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: a teacher goes with categorical_crossentropy and binary_crossentropy, not %s",
                         cnn_loss_name(options->loss));
    }
    if (!(options->teacher_weight > 0 && options->teacher_weight <= 1) || !(options->temperature > 0) ||
        !isfinite(options->temperature)) {
        return cnn__fail(fit->context, CNN_ERROR_INVALID_ARGUMENT,
                         "cnn_fit: teacher_weight is %g and temperature %g; expected up to 1, and more than 0",
                         (double)options->teacher_weight, (double)options->temperature);
    }
    return cnn__check_shape(teacher, NULL, options->train);
}

cnn_status cnn__distill_create(cnn__fit *fit)
{
    cnn_fit_options *options = &fit->options;
    if (options->teacher == NULL) {
        return CNN_OK;
    }
    options->teacher_weight = options->teacher_weight != 0 ? options->teacher_weight : DEFAULT_WEIGHT;
    options->temperature = options->temperature != 0 ? options->temperature : DEFAULT_TEMPERATURE;
    CNN__RETURN_IF_ERROR(check(fit, options->teacher));
    return cnn_session_create(options->teacher, CNN_SESSION(.batch = fit->session->batch), &fit->teacher);
}

static double largest(const float *z, size_t n)
{
    double most = (double)z[0];
    for (size_t j = 1; j < n; j++) {
        most = (double)z[j] > most ? (double)z[j] : most;
    }
    return most;
}

static double log_sum(const float *z, size_t n, double most, double temperature)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        sum += exp(((double)z[j] - most) / temperature);
    }
    return log(sum);
}

/* T^2 times the Kullback-Leibler divergence of the student's softened probabilities from the teacher's, and `scale`
 * times its derivative added to the gradient: T (softmax(s / T) - softmax(t / T)). */
static double softmax_row(const float *t, const float *s, size_t n, double temperature, double scale, float *gradient)
{
    const double most_t = largest(t, n), most_s = largest(s, n);
    const double sum_t = log_sum(t, n, most_t, temperature), sum_s = log_sum(s, n, most_s, temperature);
    double divergence = 0;
    for (size_t j = 0; j < n; j++) {
        const double log_p = ((double)t[j] - most_t) / temperature - sum_t;
        const double log_q = ((double)s[j] - most_s) / temperature - sum_s;
        divergence += exp(log_p) * (log_p - log_q);
        gradient[j] += (float)(scale * temperature * (exp(log_q) - exp(log_p)));
    }
    return temperature * temperature * divergence;
}

/* -log(1 + e^-z), the logarithm of the sigmoid. */
static double log_sigmoid(double z) { return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)); }

/* The same of one output that is a yes or a no. */
static double sigmoid_value(double t, double s, double temperature, double scale, float *gradient)
{
    const double yes_t = log_sigmoid(t / temperature), no_t = log_sigmoid(-t / temperature);
    const double yes_s = log_sigmoid(s / temperature), no_s = log_sigmoid(-s / temperature);
    *gradient += (float)(scale * temperature * (exp(yes_s) - exp(yes_t)));
    return temperature * temperature * (exp(yes_t) * (yes_t - yes_s) + exp(no_t) * (no_t - no_s));
}

cnn_status cnn__distill_batch(cnn__fit *fit, const float *images, const float *weights, double *loss)
{
    cnn_session *student = fit->session;
    const size_t count = student->count;
    if (fit->teacher == NULL) {
        return CNN_OK;
    }
    CNN__RETURN_IF_ERROR(cnn_session_forward(fit->teacher, images, count));
    const cnn__output *own = cnn__session_output(student), *other = cnn__session_output(fit->teacher);
    const float *s = cnn__session_host_value(student, own->logits);
    const float *t = cnn__session_host_value(fit->teacher, other->logits);
    float *gradient = cnn__session_host_gradient(student, own->logits);
    const size_t outputs = cnn__output_values(fit->model), values = count * outputs;
    const bool softmax = fit->options.loss->kind == &cnn__loss_categorical_crossentropy;
    const double weight = (double)fit->options.teacher_weight, temperature = (double)fit->options.temperature;
    const double each = 1 / (double)(softmax ? count : values);
    double sum = 0;
    const cnn__float_mode mode = cnn__float_mode_enter();
    for (size_t i = 0; i < values; i++) {
        gradient[i] *= (float)(1 - weight);
    }
    for (size_t i = 0; i < count; i++) {
        const double share = each * (weights != NULL ? (double)weights[i] : 1), scale = weight * share * student->share;
        const float *ti = t + i * outputs, *si = s + i * outputs;
        float *gi = gradient + i * outputs;
        for (size_t j = 0; j < outputs && !softmax; j++) {
            sum += share * sigmoid_value((double)ti[j], (double)si[j], temperature, scale, &gi[j]);
        }
        sum += softmax ? share * softmax_row(ti, si, outputs, temperature, scale, gi) : 0;
    }
    cnn__float_mode_set(mode);
    *loss = (1 - weight) * (*loss - student->penalty) + weight * sum + student->penalty;
    return cnn__session_memory_put_gradient(student, own->logits);
}
