#!/bin/bash
# Installs what the tests need beside Rust, on Debian and Ubuntu. Does nothing where all of it is
# there, so it can be run again and again.
set -euo pipefail

# A program that tests run, and the packages that bring it.
needed="
cc       gcc libc6-dev
python3  python3
capnp    capnproto
unshare  util-linux
kill     procps
bash     bash
"

missing=()
while read -r program packages; do
    if [ -n "$program" ] && ! type -P "$program" >/dev/null; then
        read -ra packages <<<"$packages"
        missing+=("${packages[@]}")
    fi
done <<<"$needed"
[ ${#missing[@]} -gt 0 ] || exit 0

if ! type -P apt-get >/dev/null; then
    echo "$0: install these by hand (Debian's names): ${missing[*]}" >&2
    exit 1
fi
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -q
"${sudo[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
