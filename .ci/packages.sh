# SPDX-License-Identifier: MIT
# Debian packages: `. .ci/packages.sh`, then `install_missing PACKAGE...`; a name with alternatives is "a|b".
# shellcheck shell=sh

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

# Installs what is not there, with apt-get, as root or with sudo; does nothing if all is there. Of "a|b" one is enough.
install_missing() {
    missing=
    for wanted in "$@"; do
        found=no
        for name in $(printf '%s\n' "$wanted" | tr '|' ' '); do
            ! installed "$name" || found=yes
        done
        [ $found = yes ] || missing="$missing ${wanted%%|*}"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "not a Debian system: please install what corresponds to$missing" >&2
        return 1
    fi
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "neither root nor sudo: please install$missing" >&2; return 1; }
        as_root=sudo
    fi
    echo "installing$missing" >&2
    # shellcheck disable=SC2086
    $as_root apt-get update -qq </dev/null >&2 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
            </dev/null >&2
}

# What the library needs to be built, and the packages named.
install_build_packages() {
    install_missing gcc libc6-dev meson ninja-build pkg-config libjpeg62-turbo-dev libpng-dev zlib1g-dev \
        libgif-dev libtiff-dev libwebp-dev libcairo2-dev fonts-dejavu-core libnanopb-dev nanopb 'libblis-pthread-dev|libblis-openmp-dev|libblis-serial-dev' "$@"
}
