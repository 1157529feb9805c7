#!/bin/sh
# SPDX-License-Identifier: MIT
# From a fresh Debian 12 to a trained network: installs what is missing (as root or with sudo), builds the library,
# trains the FashionCNN on the 60,000 images of Fashion-MNIST, evaluates it on the other 10,000 and predicts some.
#     sh examples/quickstart.sh [FOLDER]     FOLDER receives all that is made; quickstart/ if not given
set -eu
cd "$(dirname "$0")/.."
. .ci/packages.sh
out=${1:-quickstart}
data=/usr/share/datasets/fashion-mnist

step() { printf '\n== %s\n' "$*"; }

step "packages"
install_build_packages dataset-fashion-mnist

mkdir -p "$out/pictures"
out=$(cd "$out" && pwd)

step "the library, in $out/local"
[ -f "$out/build/build.ninja" ] || {
    meson setup "$out/build" --buildtype=release --prefix="$out/local" --libdir=lib -Dtests=disabled >"$out/build.log"
}
meson install -C "$out/build" >>"$out/build.log"
export PKG_CONFIG_PATH="$out/local/lib/pkgconfig" LD_LIBRARY_PATH="$out/local/lib" PATH="$out/local/bin:$PATH"
cnn version

step "training: 5 epochs of 60,000 images"
cnn train fashion-cnn --data "$data" --val "$data" --epochs 5 --batch 100 --optimizer adam --lr 1e-3 \
    --out "$out/fashion.cnn" --replace

step "evaluation on 10,000 test images"
cnn eval "$out/fashion.cnn" --data "$data"

step "prediction of ten test images, whose file names say what they are"
sh examples/build.sh "$out/examples" idx_to_png contact_sheet
"$out/examples/idx_to_png" "$data" "$out/pictures" 10 >"$out/pictures.txt"
(cd "$out/pictures" && cnn predict ../fashion.cnn -- *.png)
"$out/examples/contact_sheet" "$out/fashion.cnn" "$data" "$out/sheet.png"

cat <<END

model:          $out/fashion.cnn
pictures:       $out/pictures/
contact sheet:  $out/sheet.png (40 test images, wrong predictions in red)
library:        $out/local/ (include, lib)
command:        $out/local/bin/cnn
END
