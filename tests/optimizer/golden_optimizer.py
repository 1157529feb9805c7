#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes golden_optimizer.h: weights after each of six steps, with a tenth of the learning rate from the fourth on.

PyTorch's rules are run in float64. Those of Keras 2 and TensorFlow 1 are not at hand and are written out here from
their published formulas: Keras 2.x optimizer_v2 (gradient_descent, rmsprop, adam) and TensorFlow's training_ops
kernels ApplyMomentum, ApplyRMSProp and ApplyAdam.

Run by hand with PyTorch 1.13: ./golden_optimizer.py > golden_optimizer.h
"""
import numpy as np
import torch

VALUES, STEPS, CUT = 5, 6, 3
generator = np.random.RandomState(3)
WEIGHTS = generator.randn(VALUES).astype(np.float32)
GRADIENTS = (generator.randn(STEPS, VALUES) * np.array([1, 0.1, 2, 1e-3, 0.5])).astype(np.float32)


def rate_at(rate, step):
    return rate if step < CUT else rate * 0.1


def run_torch(create, rate, clip=None):
    w = torch.tensor(WEIGHTS, dtype=torch.float64, requires_grad=True)
    optimizer = create([w], rate)
    rows = []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = rate_at(rate, step)
        w.grad = torch.tensor(GRADIENTS[step], dtype=torch.float64)
        if clip:
            clip(w)
        optimizer.step()
        rows.append(w.detach().numpy().copy())
    return rows


def run_numpy(rule, rate):
    w = WEIGHTS.astype(np.float64)
    state = {}
    rows = []
    for step in range(STEPS):
        w = w - rule(state, step + 1, rate_at(rate, step), w, GRADIENTS[step].astype(np.float64))
        rows.append(w)
    return rows


def keras_sgd(momentum, nesterov=False):
    def rule(state, step, rate, w, g):
        v = momentum * state.get("v", 0) - rate * g
        state["v"] = v
        return -(momentum * v - rate * g) if nesterov else -v
    return rule


def keras_rmsprop(rho=0.9, epsilon=1e-7):
    def rule(state, step, rate, w, g):
        state["v"] = rho * state.get("v", 0) + (1 - rho) * g * g
        return rate * g / (np.sqrt(state["v"]) + epsilon)
    return rule


def apply_rmsprop(rho, epsilon, momentum, initial):
    """The kernel of TensorFlow 1, and of Keras where there is momentum."""
    def rule(state, step, rate, w, g):
        state["v"] = rho * state.get("v", initial) + (1 - rho) * g * g
        state["m"] = momentum * state.get("m", 0) + rate * g / np.sqrt(state["v"] + epsilon)
        return state["m"]
    return rule


def adam_hat(epsilon, beta1=0.9, beta2=0.999):
    def rule(state, step, rate, w, g):
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g * g
        rate = rate * np.sqrt(1 - beta2 ** step) / (1 - beta1 ** step)
        return rate * state["m"] / (np.sqrt(state["v"]) + epsilon)
    return rule


def with_l2(rule, decay):
    """The gradient of TensorFlow's l2_loss times decay is decay * w."""
    return lambda state, step, rate, w, g: rule(state, step, rate, w, g + decay * w)


def clipped_by_norm(rule, norm):
    """tf.clip_by_global_norm."""
    return lambda state, step, rate, w, g: rule(state, step, rate, w, g * norm / max(norm, np.sqrt((g * g).sum())))


def lookahead(create, rate, every, alpha):
    """Algorithm 1 of Zhang et al. 2019 around one of PyTorch's rules."""
    w = torch.tensor(WEIGHTS, dtype=torch.float64, requires_grad=True)
    optimizer = create([w], rate)
    slow, rows = w.detach().clone(), []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = rate_at(rate, step)
        w.grad = torch.tensor(GRADIENTS[step], dtype=torch.float64)
        optimizer.step()
        if (step + 1) % every == 0:
            slow += alpha * (w.detach() - slow)
            w.data.copy_(slow)
        rows.append(w.detach().numpy().copy())
    return rows


def keras_adamw(decay, epsilon=1e-7):
    """Keras 3: the variable times learning rate and decay is taken off before the step of Adam."""
    rule = adam_hat(epsilon)
    return lambda state, step, rate, w, g: w * decay * rate + rule(state, step, rate, w, g)


SGD, RMS, ADAM = torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adam


def sgd(**options):
    return lambda w, rate: SGD(w, lr=rate, **options)


def rms(**options):
    return lambda w, rate: RMS(w, lr=rate, **options)


def adam(**options):
    return lambda w, rate: ADAM(w, lr=rate, **options)


def adamw(**options):
    return lambda w, rate: torch.optim.AdamW(w, lr=rate, **options)


def clip_value(limit):
    return lambda w: torch.nn.utils.clip_grad_value_([w], limit)


def clip_norm(limit):
    return lambda w: torch.nn.utils.clip_grad_norm_([w], limit)


T, N = run_torch, run_numpy
CASES = [
    ("PyTorch SGD", "sgd", ".convention = CNN_PYTORCH", T(sgd(), 0.01)),
    ("PyTorch SGD, weight decay", "sgd", ".convention = CNN_PYTORCH, .learning_rate = 0.1f, .weight_decay = 0.05f",
     T(sgd(weight_decay=0.05), 0.1)),
    ("PyTorch momentum", "sgd", ".convention = CNN_PYTORCH, .learning_rate = 0.1f, .momentum = 0.9f",
     T(sgd(momentum=0.9), 0.1)),
    ("PyTorch Nesterov, weight decay", "sgd",
     ".convention = CNN_PYTORCH, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .weight_decay = 0.01f",
     T(sgd(momentum=0.9, nesterov=True, weight_decay=0.01), 0.1)),
    ("PyTorch clip_grad_value_", "sgd",
     ".convention = CNN_PYTORCH, .learning_rate = 0.1f, .momentum = 0.5f, .clip_value = 0.25f",
     T(sgd(momentum=0.5), 0.1, clip_value(0.25))),
    ("PyTorch clip_grad_norm_, weight decay", "sgd",
     ".convention = CNN_PYTORCH, .learning_rate = 0.1f, .weight_decay = 0.05f, .clip_norm = 0.5f",
     T(sgd(weight_decay=0.05), 0.1, clip_norm(0.5))),
    ("TensorFlow 1 momentum, l2_loss", "sgd",
     ".convention = CNN_TENSORFLOW1, .learning_rate = 0.1f, .momentum = 0.9f, .weight_decay = 0.0005f",
     T(sgd(momentum=0.9, weight_decay=0.0005), 0.1)),
    ("Keras SGD", "sgd", ".learning_rate = 0", N(keras_sgd(0), 0.01)),
    ("Keras momentum", "sgd", ".learning_rate = 0.1f, .momentum = 0.9f", N(keras_sgd(0.9), 0.1)),
    ("Keras Nesterov", "sgd", ".learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1",
     N(keras_sgd(0.9, True), 0.1)),
    ("PyTorch RMSprop", "rmsprop", ".convention = CNN_PYTORCH", T(rms(), 0.01)),
    ("PyTorch RMSprop, momentum, weight decay", "rmsprop",
     ".convention = CNN_PYTORCH, .momentum = 0.9f, .weight_decay = 0.1f", T(rms(momentum=0.9, weight_decay=0.1), 0.01)),
    ("PyTorch RMSprop, alpha and epsilon", "rmsprop",
     ".convention = CNN_PYTORCH, .learning_rate = 0.02f, .rho = 0.8f, .epsilon = 0.1f",
     T(rms(alpha=0.8, eps=0.1), 0.02)),
    ("Keras RMSprop", "rmsprop", ".learning_rate = 0", N(keras_rmsprop(), 0.001)),
    ("Keras RMSprop, epsilon", "rmsprop", ".learning_rate = 1e-4f, .epsilon = 1e-2f",
     N(keras_rmsprop(epsilon=1e-2), 1e-4)),
    ("Keras RMSprop, momentum", "rmsprop", ".learning_rate = 0.01f, .momentum = 0.9f, .epsilon = 1e-3f",
     N(apply_rmsprop(0.9, 1e-3, 0.9, 0), 0.01)),
    ("TensorFlow 1 RMSprop", "rmsprop", ".convention = CNN_TENSORFLOW1",
     N(apply_rmsprop(0.9, 1e-10, 0, 1), 0.001)),
    ("TensorFlow 1 RMSprop, momentum, epsilon", "rmsprop",
     ".convention = CNN_TENSORFLOW1, .learning_rate = 0.01f, .momentum = 0.8f, .epsilon = 0.1f",
     N(apply_rmsprop(0.9, 0.1, 0.8, 1), 0.01)),
    ("PyTorch Adam", "adam", ".convention = CNN_PYTORCH", T(adam(), 0.001)),
    ("PyTorch Adam, betas, epsilon, weight decay", "adam",
     ".convention = CNN_PYTORCH, .learning_rate = 0.02f, .beta1 = 0.8f, .beta2 = 0.99f, .epsilon = 0.01f, "
     ".weight_decay = 0.1f", T(adam(betas=(0.8, 0.99), eps=0.01, weight_decay=0.1), 0.02)),
    ("Keras Adam", "adam", ".learning_rate = 0", N(adam_hat(1e-7), 0.001)),
    ("Keras Adam, epsilon", "adam", ".learning_rate = 0.01f, .epsilon = 1e-3f", N(adam_hat(1e-3), 0.01)),
    ("TensorFlow 1 Adam, l2_loss", "adam",
     ".convention = CNN_TENSORFLOW1, .weight_decay = 0.01f", N(with_l2(adam_hat(1e-8), 0.01), 0.001)),
    ("TensorFlow 1 Adam, clip_by_global_norm", "adam",
     ".convention = CNN_TENSORFLOW1, .epsilon = 1e-3f, .clip_norm = 0.1f",
     N(clipped_by_norm(adam_hat(1e-3), 0.1), 0.001)),
    ("PyTorch AdamW", "text", "adamw:pytorch", T(adamw(), 0.001)),
    ("PyTorch AdamW, betas, epsilon, decay", "text",
     "adamw:pytorch,learning_rate=0.02,beta1=0.8,beta2=0.99,epsilon=0.01,weight_decay=0.3",
     T(adamw(betas=(0.8, 0.99), eps=0.01, weight_decay=0.3), 0.02)),
    ("PyTorch AdamW without decay", "text", "adamw:pytorch,weight_decay=0", T(adamw(weight_decay=0), 0.001)),
    ("Keras AdamW", "text", "adamw:learning_rate=0.05,weight_decay=0.2", N(keras_adamw(0.2), 0.05)),
    ("Lookahead around SGD", "text", "sgd:pytorch,learning_rate=0.1+lookahead:every=2,alpha=0.3",
     lookahead(sgd(), 0.1, 2, 0.3)),
    ("Lookahead around momentum", "text", "momentum:pytorch,learning_rate=0.1+lookahead:every=3",
     lookahead(sgd(momentum=0.9), 0.1, 3, 0.5)),
    ("Lookahead around Adam", "text", "adam:pytorch,learning_rate=0.01+lookahead",
     lookahead(adam(), 0.01, 5, 0.5)),
    ("Lookahead that does nothing", "text", "rmsprop:pytorch+lookahead:every=1,alpha=1", T(rms(), 0.01)),
]


def row(numbers, form, suffix):
    words = [form % v for v in numbers]
    return "{" + ", ".join(w + ("" if "." in w or "e" in w else ".0") + suffix for w in words) + "}"


print("/* SPDX-License-Identifier: MIT */")
print("/* Written by golden_optimizer.py with PyTorch %s; not to be edited. */" % torch.__version__)
print("enum { VALUES = %d, STEPS = %d, CUT = %d };" % (VALUES, STEPS, CUT))
print("static const float golden_weights[VALUES] = %s;" % row(WEIGHTS, "%.9g", "f"))
print("static const float golden_gradients[STEPS][VALUES] = {")
for g in GRADIENTS:
    print("    %s," % row(g, "%.9g", "f"))
print("};")
print("static const golden_run golden_runs[] = {")
for name, rule, options, rows in CASES:
    print('    {"%s",' % name)
    if rule == "text":
        print('     .text = "%s",' % options)
    else:
        print("     .%s = &(const cnn_%s_options){.struct_size = sizeof(cnn_%s_options)," % (rule, rule, rule))
        print("        %s}," % options.replace(", .", ",\n        ."))
    print("     .weights = {")
    for w in rows:
        print("         %s," % row(w, "%.12g", ""))
    print("     }},")
print("};")
