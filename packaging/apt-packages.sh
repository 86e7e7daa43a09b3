#!/bin/bash
# Installs what the tests need beside Rust, on Debian and Ubuntu. Does nothing where all of it is
# there, so it can be run again and again.
set -euo pipefail

# A program that tests run, or a file that they read, and the packages that bring it.
needed="
cc       gcc libc6-dev
python3  python3
capnp    capnproto
strace   strace
unshare  util-linux
kill     procps
bash     bash
git      git
curl     curl
redis-server  redis-server
/usr/lib/postgresql  postgresql
scmp_sys_resolver  seccomp
/usr/x86_64-linux-gnu/include/asm/unistd.h     linux-libc-dev-amd64-cross
/usr/aarch64-linux-gnu/include/asm/unistd.h    linux-libc-dev-arm64-cross
/usr/arm-linux-gnueabihf/include/asm/unistd.h  linux-libc-dev-armhf-cross
"

missing=()
while read -r needs packages; do
    if [ -n "$needs" ] && [ ! -e "$needs" ] && ! type -P "$needs" >/dev/null; then
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
