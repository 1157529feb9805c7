#!/bin/bash -eu
# SPDX-License-Identifier: MIT
# Builds the fuzz targets with what OSS-Fuzz sets: CC, CFLAGS, LIB_FUZZING_ENGINE. Decoders of the system are linked
# statically, so that a target runs without them; optional ones are left out.
export LDFLAGS="$CFLAGS"
meson setup build -Dfuzz=enabled -Dtests=enabled -Ddefault_library=static -Db_lundef=false -Dprefer_static=true \
    -Dblis=disabled -Dgif=disabled -Dtiff=disabled -Dwebp=disabled -Ddrawing=disabled -Dhdf5=disabled -Dmpi=disabled
ninja -C build fuzz
build/tests/fuzz/make_seeds seeds
python3 tests/fuzz/make_corpus.py seeds/exchange
for target in build/tests/fuzz/fuzz_*; do
    [ -f "$target" ] && [ -x "$target" ] || continue
    name=${target##*/fuzz_}
    input=${name%_messages} # begins with what the whole reader begins with
    cp "$target" "$OUT/"
    cp "seeds/$input.dict" "$OUT/fuzz_$name.dict"
    zip -jq "$OUT/fuzz_${name}_seed_corpus.zip" "seeds/$input"/*
done
