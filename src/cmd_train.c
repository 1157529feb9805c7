/* SPDX-License-Identifier: MIT */
/* cnn train: its options, and the steps of a training in their order. */
#include "tool_plot.h"
#include "tool_table.h"
#include "tool_train_folds.h"

#include <stdlib.h>

/* From here on a signal ends the training in good order. */
static int introduce(train_run *train)
{
    tool_catch_signals(train->run->ranks.size > 1);
    train->run->ranks.training = true;
    tool_train_introduce(train);
    return TOOL_DONE;
}

static int check_pictures(train_run *train)
{
    const char *curve = train->settings->curve, *folder = train->settings->tensorboard;
    int result = curve != NULL ? plot_check(train->run, "curve", curve) : TOOL_DONE;
    if (result == TOOL_DONE && train->settings->find_lr != NULL) {
        result = plot_check(train->run, "find-lr", train->settings->find_lr);
    }
    return result == TOOL_DONE && folder != NULL ? tool_events_check(train->run, folder) : result;
}

static int run_once(tool *run, const train_settings *settings, fold_result *fold)
{
    train_run train = {.run = run, .settings = settings};
    train.recipe = tool_find_recipe(run->operands[0]);
    train.rule = tool_complete_rule(&settings->rule, train.recipe);
    train.epochs = settings->epochs > 0 ? (uint32_t)settings->epochs : train.recipe->epochs;
    train.batch = settings->batch > 0 ? (uint32_t)settings->batch : train.recipe->batch;
    run->ranks.compressed = settings->compress != NULL;
    int result = tool_train_check_settings(run, settings);
    result = result == TOOL_DONE ? tool_ranks_join(run) : result;
    result = result == TOOL_DONE ? tool_train_check_ranks(run, settings) : result;
    result = tool_ranks_agree(run, result);
    int (*const steps[])(train_run *) = {tool_train_check_files,
                                         check_pictures,
                                         tool_train_open,
                                         tool_train_check_data_files,
                                         introduce,
                                         tool_train_whiten,
                                         tool_train_cache_features,
                                         tool_train_keep_files,
                                         tool_train_report_begin,
                                         tool_train_fit};
    int (*const search[])(train_run *) = {check_pictures, tool_train_open, introduce, tool_train_whiten,
                                          tool_train_find_rate};
    int (*const *list)(train_run *) = settings->find_lr != NULL ? search : steps;
    const size_t count = settings->find_lr != NULL ? sizeof(search) / sizeof(search[0])
                                                   : sizeof(steps) / sizeof(steps[0]);
    for (size_t i = 0; i < count && result == TOOL_DONE; i++) {
        result = tool_ranks_agree(run, list[i](&train));
    }
    if (run->ranks.lost && tool_ranks_first(&run->ranks) && train.last_path != NULL) {
        char *last = tool_printable(train.last_path);
        result = tool_fail(run,
                           "another process is gone; what was done so far is in %s:\n"
                           "to go on, give the same command again with --resume %s",
                           last, last);
        free(last);
    }
    if (result == TOOL_DONE && fold != NULL) {
        tool_fold_take(&train, fold);
    }
    tool_train_close(&train);
    return result;
}

static int run_train(tool *run, const void *given)
{
    const train_settings *settings = given;
    return settings->folds > 0 ? tool_train_folds(run, settings, run_once) : run_once(run, settings, NULL);
}

#define AT(field) offsetof(train_settings, field)

static const char *const compress_names[] = {"bf16", NULL};
static const char *const value_names[] = {"running", "batches", NULL};
static const char *const last_batch_names[] = {"keep", "drop", "wrap", NULL};

static const tool_option train_options[] = {
    {"data", "PATH",
     "images for training: a folder with one folder for each class, a flat folder of label.N.jpg, a "
     "folder of IDX files or of CIFAR binaries, or a table: a .csv, .tsv or .jsonl file with columns such as path, "
     "label, split, weight and group; required",
     TOOL_TEXT, AT(data), 0, 0, NULL},
    {"label-columns", "A,B,...",
     "of a table: the columns that say what an image is; if not given the one named label, labels or values, or what "
     "is left",
     TOOL_TEXT, AT(label_columns), 0, 0, NULL},
    {"task", "NAME",
     "of a table: whether an image is of one of several classes, may have several labels, or has values, numbers that "
     "are to be told; if not given what the text of its columns says",
     TOOL_CHOICE, AT(task), 0, 0, tool_task_names},
    {"out", "FILE",
     "where the best model goes, and beside it the checkpoint of the last epoch: photos.cnn and "
     "photos.last.cnn; required. What other trainings left there is kept as photos.previous.cnn and "
     "photos.previous.last.cnn, unless --replace is given",
     TOOL_TEXT, AT(out), 0, 0, NULL},
    {"replace", NULL, "what lies at --out, and the checkpoint beside it, is replaced and not kept", TOOL_FLAG,
     AT(replace), 0, 0, NULL},
    {"val", "PATH",
     "images for validation; of IDX and CIFAR folders the test part. If not given, the rows that a table at --data has "
     "for it",
     TOOL_TEXT, AT(val), 0, 0, NULL},
    {"val-split", "F", "keeps this share of each class of --data for validation", TOOL_REAL, AT(val_split), 0.001,
     0.999, NULL},
    {"folds", "K",
     "cross-validation: K trainings, each validated on another part of --data, with files such as photos.fold1.cnn; "
     "then a table of what they reach, with mean and deviation. Parts have the same share of each class, and images of "
     "a group are in the same one",
     TOOL_COUNT, AT(folds), 2, 1000, NULL},
    {"group", "COLUMN",
     "of a table: the column that says what belongs together, such as a person: --val-split and --folds do not part "
     "it; if not given the column group, if there is one",
     TOOL_TEXT, AT(group), 0, 0, NULL},
    {"epochs", "N", "epochs in all, those of a resumed checkpoint included", TOOL_COUNT, AT(epochs), 1, 1000000, NULL},
    {"batch", "N", "images in a step", TOOL_COUNT, AT(batch), 1, 100000, NULL},
    {"last-batch", "WHAT",
     "of an epoch, if its images do not fill it: keep it short, drop it, or wrap: fill it with the first images of the "
     "next epoch, as the article's next_batch(). If not given, what the list above says of the model, else keep",
     TOOL_CHOICE, AT(last_batch), 0, 0, last_batch_names},
    {"optimizer", "TEXT",
     "one of those listed above, with options of its own where they are wanted, as in adam:beta1=0.5. --convention, "
     "--lr, --momentum, --weight-decay and --clip-norm are short for options that all or most have",
     TOOL_TEXT, AT(rule.optimizer), 0, 0, NULL},
    {"convention", "NAME", "whose definition of the optimizer: keras, pytorch or tensorflow1", TOOL_CHOICE,
     AT(rule.convention), 0, 0, tool_convention_names},
    {"lr", "X", "learning rate", TOOL_REAL, AT(rule.learning_rate), 1e-12, 1000, NULL},
    {"schedule", "TEXT",
     "how the learning rate changes: step:every=10,gamma=0.5; exponential:gamma=0.95; cosine; plateau:patience=30,"
     "factor=0.1 (also plateau:pytorch and plateau:keras); linear; and by steps triangular and onecycle; "
     "warmup:steps=500 or epochs=5, alone or in front, as in warmup:steps=500+cosine; constant. If not given, what the "
     "list above says of the model",
     TOOL_TEXT, AT(schedule), 0, 0, NULL},
    {"find-lr", "FILE",
     "looks for a learning rate in place of training: draws the loss over rates that grow from step to step, and says "
     "where it falls most steeply; no --out is needed",
     TOOL_TEXT, AT(find_lr), 0, 0, NULL},
    {"accumulate", "N", "makes one step of the gradients of N batches: their mean over all images", TOOL_COUNT,
     AT(accumulate), 1, 1000000, NULL},
    {"average", "TEXT",
     "what validation, the best model and the end see in place of the last weights: ema:decay=0.999 (of all steps, "
     "from start=N epochs on), swa:start=N (of the epochs after N), last:count=5 (of the last epochs)",
     TOOL_TEXT, AT(average), 0, 0, NULL},
    {"steps-per-epoch", "N", "an epoch ends after N steps, and the next goes on in the images where it was", TOOL_COUNT,
     AT(steps_per_epoch), 1, 1000000000, NULL},
    {"validation-steps", "N", "validates on N batches; more than there are begin anew", TOOL_COUNT,
     AT(validation_steps), 1, 1000000000, NULL},
    {"eval-every", "N", "validates after every N steps too, not only after epochs", TOOL_COUNT, AT(eval_every), 1,
     1000000000, NULL},
    {"training-mode", NULL,
     "validates as a PyTorch loop does that never calls eval(): dropout is on, and normalisations go by each batch; "
     "what these keep for prediction stays that of the training",
     TOOL_FLAG, AT(training_mode), 0, 0, NULL},
    {"no-shuffle", NULL, "takes the images in their order in --data, in each epoch the same", TOOL_FLAG, AT(no_shuffle),
     0, 0, NULL},
    {"patience", "N", "stops after N epochs in a row that are not better than the best", TOOL_COUNT, AT(patience), 1,
     1000000, NULL},
    {"metric", "NAME",
     "which epoch is the best, for --out, --patience and plateaus: accuracy, which it is for classes if not given, "
     "balanced_accuracy, mcc, binary_accuracy, top5 (any number), error_rate, precision, recall or f1 (each also with "
     "_micro or _class1), fnr or fpr of two classes, auc, map, which it is for several labels, exact_match, hamming, "
     "log_loss, mae, which it is "
     "for values, rmse, r2 or loss",
     TOOL_TEXT, AT(metric), 0, 0, NULL},
    {"momentum", "X", "of optimizers that have one: of momentum and nesterov 0.9 if not given, of others none",
     TOOL_REAL, AT(rule.momentum), 0, 0.999999, NULL},
    {"weight-decay", "X", "adds X times each weight to its gradient, biases included", TOOL_REAL, AT(rule.weight_decay),
     0, 1000, NULL},
    {"clip-norm", "X", "scales the whole gradient down to this length", TOOL_REAL, AT(rule.clip_norm), 1e-12, 1e12,
     NULL},
    {"loss", "NAME",
     "one of those listed above; if not given binary_crossentropy for models with one output, "
     "categorical_crossentropy for others",
     TOOL_TEXT, AT(loss), 0, 0, NULL},
    {"label-smoothing", "S",
     "of training: labels become 1 - S, and S is shared by all classes; with one output they become 1 - S/2 and S/2",
     TOOL_REAL, AT(label_smoothing), 0, 1, NULL},
    {"mixup", "ALPHA", "mixes training images and labels with their neighbours', by a share from Beta(ALPHA, ALPHA)",
     TOOL_REAL, AT(mixup), 0, 1000, NULL},
    {"cutmix", "ALPHA",
     "puts a rectangle of the neighbour into training images, and as much of its label; with --mixup each batch has "
     "one of the two",
     TOOL_REAL, AT(cutmix), 0, 1000, NULL},
    {"teacher", "FILE", "a trained model of the same classes and input size, from which this one learns too", TOOL_TEXT,
     AT(teacher), 0, 0, NULL},
    {"teacher-weight", "W", "its part of the loss; 0.5 if not given", TOOL_REAL, AT(teacher_weight), 1e-6, 1, NULL},
    {"temperature", "T", "what softens the probabilities of both; 4 if not given", TOOL_REAL, AT(temperature), 1e-3,
     1000, NULL},
    {"class-weights", "WHAT",
     "what the loss of each training image is multiplied by: balanced makes up for uneven numbers of images, with n / "
     "(k n_c) for class c of n images of k classes; effective:beta=0.999 does so less, by effective numbers of images; "
     "cat=2,dog=0.5 says it, 1 for those not named; or a FILE with a line class,weight each",
     TOOL_TEXT, AT(class_weights), 0, 0, NULL},
    {"balanced", NULL,
     "every epoch has as many images of each class: of small classes some several times, of large ones others each "
     "epoch",
     TOOL_FLAG, AT(balanced), 0, 0, NULL},
    {"preprocess", "STEPS",
     "what every image goes through, in training and ever after, as docs/pipeline.md lists it; "
     "if not given the model file's own, else resize=HxW to the input",
     TOOL_TEXT, AT(preprocess), 0, 0, NULL},
    {"orient", NULL,
     "turns photos upright as their EXIF tag says, in training and ever after: the preprocessing then begins with "
     "orient, which the model file keeps. If not given they stay as they are stored, unless the preprocessing has it",
     TOOL_FLAG, AT(orient), 0, 0, NULL},
    {"background", "R/G/B",
     "what lies under the transparent parts of images, levels from 0 to 255, in training and ever after. If not given "
     "transparency is left out, unless the preprocessing says otherwise",
     TOOL_TEXT, AT(background), 0, 0, NULL},
    {"augment", "STEPS",
     "random steps for training images, such as rotate=40,flip=0.5, after the resize of the "
     "preprocessing. Steps that make the input's size themselves, such as resize=256x256,random_crop=227, stand in "
     "its place; without their randomness they are then the preprocessing too. none: no random steps, also where the "
     "list above says so",
     TOOL_TEXT, AT(augment), 0, 0, NULL},
    {"mean", "WHAT",
     "subtracts the mean of each channel, in training and ever after: auto reads the training images first, at the "
     "size before the crop; numbers such as 0.49/0.45/0.42; FILE.npy, NumPy's array of them, which is measured and "
     "written if it is not there; or none. If not given, what the list above says of the model",
     TOOL_TEXT, AT(mean), 0, 0, NULL},
    {"pca", "WHAT",
     "varies the colours of training images along their principal components, as the paper of AlexNet: auto reads the "
     "training images first, at the size before the crop, and draws with the paper's deviation of 0.1; auto:0.2 with "
     "another; or none, which it is if not given",
     TOOL_TEXT, AT(pca), 0, 0, NULL},
    {"tta", "VIEWS",
     "validates and later predicts by several views of each image: the arguments of the step views, as in "
     "shift=0/0/1/1/-1/-1; or none: by one, also where the list above says otherwise",
     TOOL_TEXT, AT(tta), 0, 0, NULL},
    {"ten-crop", NULL,
     "validates and later predicts by ten crops of each image, corners, middle and their mirror images, instead of "
     "the middle alone; takes ten times as long",
     TOOL_FLAG, AT(ten_crop), 0, 0, NULL},
    {"size", "HxW", "input of a model by name, if not its own; HxWxC chooses the channels too", TOOL_SIZE,
     AT(model.input), 1, 3, NULL},
    {"dropout", "RATE", "of the dropout layers of a model by name; 0: none", TOOL_REAL, AT(model.dropout), 0, 0.99,
     NULL},
    {"init", "NAME",
     "how the kernels of a model by name begin, if not as it has them: glorot_uniform, glorot_normal, he_uniform, "
     "he_normal or pytorch; biases then begin at 0, with pytorch like the kernels",
     TOOL_CHOICE, AT(model.init), 0, 0, tool_init_names},
    {"prefix", "TEXT",
     "of a folder with several sets of IDX files: what the names of the chosen one begin with, such as emnist-letters; "
     "of CIFAR-100: fine or coarse labels, fine if not given",
     TOOL_TEXT, AT(prefix), 0, 0, NULL},
    {"limit", "N", "only a random sample of N images of --data", TOOL_COUNT, AT(limit), 1, 1e15, NULL},
    {"in-memory", NULL,
     "keeps the images decoded and resized, as they are before the first random step, so that only the first epoch "
     "reads them; the training is the same to the bit. Random steps need a fixed size in front of them: give resnet18 "
     "and vgg16, which begin with random parts, an --augment that begins with a resize. If not given every epoch reads "
     "the images, and the size of --data does not matter",
     TOOL_FLAG, AT(in_memory), 0, 0, NULL},
    {"memory-limit", "MIB", "with --in-memory: refuses to begin if the images take more than this", TOOL_COUNT,
     AT(memory_limit), 1, 1e9, NULL},
    {"classes", "A,B,...", "the class names, in the order of their labels; if not given those found, in byte order",
     TOOL_TEXT, AT(classes), 0, 0, NULL},
    {"topk", "K", "tells the share of images whose class is among the K most probable too", TOOL_COUNT, AT(topk), 2,
     1000000, NULL},
    {"resume", "FILE",
     "goes on from a checkpoint, with the same bits as if it had never stopped; the other options "
     "are given again",
     TOOL_TEXT, AT(resume), 0, 0, NULL},
    {"init-from", "FILE",
     "begins with the weights of this file where layers and shapes are the same: a model file, or one of PyTorch "
     "or Keras, see `cnn help convert`",
     TOOL_TEXT, AT(init_from), 0, 0, NULL},
    {"freeze", "LIST",
     "what is left as it is, one after the other: names of layers or parameters, such as conv2d_1,block*; before=LAYER "
     "for all before that layer; base for all but the head, the dense layers at the end; !NAME trains it all the same; "
     "statistics=move lets frozen normalisations go by the batch and move their statistics, as PyTorch does, =keep "
     "keeps those of trained ones too, =keras goes by what is frozen",
     TOOL_TEXT, AT(freeze), 0, 0, NULL},
    {"whiten", "LAYER",
     "makes the kernel of a first convolution a whitening of patches of the training images, and freezes it; none: "
     "not, also where the list above says so. With --init-from the kernel of the file stays, unless this is given",
     TOOL_TEXT, AT(whiten), 0, 0, NULL},
    {"groups", "TEXT",
     "other learning rates and weight decays for some parameters, groups joined by +: "
     "\"layer*:factor=0.1+bn*:weight_decay=0\"; of several for a parameter the last counts",
     TOOL_TEXT, AT(groups), 0, 0, NULL},
    {"no-penalties", NULL, "leaves the penalties of the model's regularizers out of the loss and of the training",
     TOOL_FLAG, AT(no_penalties), 0, 0, NULL},
    {"head", "LAYERS",
     "puts a new head on the network, in place of the old one: dense=N, dropout=R, batchnorm, flatten, gap and "
     "activations, as in \"dense=256,relu,dropout=0.5\"; a dense layer for the classes of --data follows by itself, "
     "and \"output\" is that alone. "
     "With --init-from the weights are those of the network before that",
     TOOL_TEXT, AT(head), 0, 0, NULL},
    {"cut", "LAYER",
     "where --head begins: after this layer. If not given after the last pooling or flatten before the dense layers",
     TOOL_TEXT, AT(cut), 0, 0, NULL},
    {"cache-features", "WHERE",
     "what the frozen layers at the beginning make of each image is computed once, and the others are trained on that: "
     "memory; or a FILE, which later trainings of the same base on the same images use again, that of validation "
     "beside "
     "it; or none. If not given memory, where nothing is random before the first trained layer, there are "
     "several epochs, and it takes less than a gigabyte",
     TOOL_TEXT, AT(cache_features), 0, 0, NULL},
    {"views", "N",
     "with random steps: caches the features of N views of each training image, all of which an epoch has", TOOL_COUNT,
     AT(views), 1, 10000, NULL},
    {"keep-epochs", NULL, "writes a model file after each epoch too: photos.epoch03.cnn beside photos.cnn", TOOL_FLAG,
     AT(keep_epochs), 0, 0, NULL},
    {"log", "FILE",
     "every step and epoch. If FILE ends in .json or .jsonl, lines of JSON, told apart by \"event\": step, evaluation "
     "(of --eval-every), epoch or end. Else CSV: a row for each epoch, and the steps in FILE.steps.csv beside it, "
     "log.steps.csv for log.csv, where --eval-every fills columns of its own. decay_penalty is the L2 term of weight "
     "decay, which no loss here has in it, before the step",
     TOOL_TEXT, AT(log), 0, 0, NULL},
    {"curve", "FILE",
     "the learning curve as a picture, drawn anew after each epoch: the loss of each step, and the score of each epoch "
     "in training and validation; PNG, JPEG or SVG by the ending of FILE",
     TOOL_TEXT, AT(curve), 0, 0, NULL},
    {"values", "WHAT",
     "what is told of the training images, and without validation decides which epoch is the best: running, means over "
     "the epoch; or batches, as the article tells them: the loss of an epoch's last batch with the L2 term that weight "
     "decay stands for, and its score. If not given what the list above says of the model, else running",
     TOOL_CHOICE, AT(values), 0, 0, value_names},
    {"curve-style", "STYLE",
     "what --curve draws of the training images: means of each epoch beside the losses of the steps, which it is if "
     "--values tells running ones; or batches, what single batches gave, as the article's learning curve: the loss "
     "with the L2 term that weight decay stands for, and the score of each epoch's last batch",
     TOOL_CHOICE, AT(curve_style), 0, 0, tool_curve_styles},
    {"report", "DIR",
     "a page for the browser, DIR/report.html, written anew after each epoch: curves, the model with times, confusion "
     "matrix, ROC, precision and calibration, the most confident mistakes with what they look like to the network, "
     "training images, settings",
     TOOL_TEXT, AT(report), 0, 0, NULL},
    {"tensorboard", "DIR",
     "scalars of each step and epoch for TensorBoard: each run adds an event file to the folder, also after --resume",
     TOOL_TEXT, AT(tensorboard), 0, 0, NULL},
    {"sync-bn", NULL,
     "of several processes (mpirun -n 4 cnn train ...): batch normalisation takes the statistics of the whole batch, "
     "not of each process's share",
     TOOL_FLAG, AT(sync_bn), 0, 0, NULL},
    {"compress", "WHAT",
     "of several processes: bf16 sends gradients with half the bits; what that takes off is added in the next step",
     TOOL_CHOICE, AT(compress), 0, 0, compress_names},
    {"blocks", "N",
     "computes each batch in N blocks and sums their gradients in a fixed order, so that the results are the same to "
     "the bit for 1 to N processes; slower",
     TOOL_COUNT, AT(blocks), 1, 4096, NULL},
    {"on-error", "WHAT",
     "of an image that cannot be read, or a link to nowhere: fail, which it is if not given, or skip", TOOL_CHOICE,
     AT(on_error), 0, 0, tool_on_error_names},
    {0},
};

static void more_train_help(tool *run)
{
    tool_print_recipes(run);
    tool_print_optimizers(run);
}

const tool_command tool_command_train = {
    .name = "train",
    .synopsis = "MODEL --data PATH --out FILE",
    .purpose = "Trains a model on a dataset, and keeps its best and its last state.",
    .details =
        "MODEL is a name (`cnn help` lists them) or a model file. A model by name gets as many outputs as the "
        "data has classes. Values of the training images are told as running: they are means over the epoch, "
        "with dropout and augmentation. A model that is trained further into its own file is measured first, "
        "and stays if no epoch is better. Ctrl-C finishes the step, saves the checkpoint and stops; a second one "
        "stops at once. With --json one line for each epoch and one at the end. Started several times by MPI, as in "
        "`mpirun -n 4 cnn train ...`, the processes train one model together, and --batch is that of all.",
    .options = train_options,
    .settings_size = sizeof(train_settings),
    .least_operands = 1,
    .most_operands = 1,
    .more_help = more_train_help,
    .run = run_train,
    .divided = true,
};
