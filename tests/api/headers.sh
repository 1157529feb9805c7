#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, in C11 and in C++, without a warning; and so do the option macros in C++.
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
flags="-Wall -Wextra -Werror -I$CNN_SOURCE/include -fsyntax-only"

cat >"$work/options.inc" <<'END'
int use(cnn_context *context, cnn_model *model);
int use(cnn_context *context, cnn_model *model)
{
    cnn_batch batch = CNN_BATCH_INIT;
    cnn_parameter parameter = CNN_PARAMETER_INIT;
    cnn_image_info info = CNN_IMAGE_INFO_INIT;
    cnn_evaluate_result result = CNN_EVALUATE_RESULT_INIT;
    cnn_model_add(model, cnn_conv2d(context, CNN_CONV2D(.filters = 32, .kernel = {3, 3}, .activation = CNN_RELU)));
    cnn_model_add(model, cnn_batch_norm(context, CNN_BATCH_NORM(.convention = CNN_PYTORCH)));
    cnn_model_add(model, cnn_flatten(context, CNN_NAMED(.name = "flat")));
    cnn_model_add(model, cnn_dense(context, CNN_DENSE(.units = 2, .kernel_init = {CNN_INIT_PYTORCH, 0})));
    return (int)(batch.count + parameter.layer + info.width + result.count);
}
END
{ echo '#include <cnn/cnn.h>'; cat "$work/options.inc"; } >"$work/options.c"
cp "$work/options.c" "$work/options.cpp"
{ echo 'extern "C" {'; echo '#include <cnn/cnn.h>'; echo '}'; cat "$work/options.inc"; } >"$work/wrapped.cpp"

# compile COMPILER...: all headers alone, then the program.
compile() {
    tap_name=$*
    language=$1
    shift
    for header in "$CNN_SOURCE"/include/cnn/*.h; do
        name=$(basename "$header")
        printf '#include <cnn/%s>\n#include <cnn/%s>\n' "$name" "$name" >"$work/alone.$language"
        # shellcheck disable=SC2086
        tap_check "$tap_name: $name alone" "$@" $flags "$work/alone.$language"
    done
    # shellcheck disable=SC2086
    tap_check "$tap_name: option macros" "$@" $flags "$work/options.$language"
    # shellcheck disable=SC2086
    [ "$language" = c ] || tap_check "$tap_name: inside extern \"C\"" "$@" $flags "$work/wrapped.cpp"
}

compile c gcc -std=c11 -Wpedantic -Wstrict-prototypes
if command -v g++ >/dev/null; then
    compile cpp g++ -std=c++17
    compile cpp g++ -std=c++20 -Wpedantic
else
    tap_skip 'C++' 'g++ is not installed'
fi
if command -v clang >/dev/null; then
    compile c clang -std=c11 -Wpedantic
    compile cpp clang++ -std=c++17
else
    tap_skip 'clang' 'clang is not installed'
fi
tap_end
