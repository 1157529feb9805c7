#!/bin/sh
# SPDX-License-Identifier: MIT
# No status of a function, public or internal, is dropped: a copy of the library in which each carries
# warn_unused_result goes through clang. What is left out on purpose says (void).
set -u
: "${CNN_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/common/tap.sh
. "$CNN_SOURCE/tests/common/tap.sh"
if ! command -v clang >/dev/null; then
    tap_skip 'every status is looked at' 'clang is not installed'
    tap_end
    exit
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cp -r "$CNN_SOURCE/lib" "$CNN_SOURCE/include" "$work/" && cd "$work" || exit 1

# Not marked: what only reports a failure that comes back another way, and what a model or a writer remembers until the
# end.
unmarked='cnn__fail[a-z_]*|cnn_model_add[a-z_]*|cnn__writer_write'
# shellcheck disable=SC2046
sed -i -E 's/^((static |static inline |CNN_API )?cnn_status [a-z_0-9]+\()/__attribute__((warn_unused_result)) \1/' \
    $(find lib include -name '*.[ch]')
marked="^__attribute__\\(\\(warn_unused_result\\)\\) (.*cnn_status ($unmarked)\\()"
# shellcheck disable=SC2046
sed -i -E "s/$marked/\\1/" $(find lib include -name '*.[ch]')
tap_check 'functions were marked' [ "$(cat $(find lib include -name '*.h') | grep -c warn_unused_result)" -gt 500 ]

# What clang says of all files; generated headers lie in the build folder, and kernels have options of their own.
flags="$(pkg-config --cflags libpng libjpeg zlib 2>/dev/null) $(pkg-config --cflags ompi 2>/dev/null)"
: "${CNN_BUILD:?the build folder}"
for header in $(find "$CNN_BUILD/lib" -name '*.pb.h'); do
    flags="$flags -I${header%/*}"
done
# shellcheck disable=SC2086
find lib -name '*.c' ! -path 'lib/backend/vector/*' -print0 |
    xargs -0 -n 16 clang -std=c11 -D_GNU_SOURCE -Iinclude -Ilib -I"$CNN_BUILD/lib" $flags -fsyntax-only \
        -Wno-everything -Wunused-result >out 2>&1
tap_empty 'every status is looked at' "$(grep -E 'warning:|error:' out | head -n 60)"

# The check itself: a status that is dropped.
printf '%s\n' '#include "core/options.h"' 'void f(cnn_context *c);' \
    'void f(cnn_context *c) { cnn__options_copy(c, "", 0, 0, 0); }' \
    >lib/dropped.c
clang -std=c11 -D_GNU_SOURCE -Iinclude -Ilib -fsyntax-only -Wno-everything -Wunused-result lib/dropped.c >out 2>&1
tap_check 'a status that is dropped is seen' grep -q 'ignoring return value' out
tap_end
