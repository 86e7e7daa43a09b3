#!/bin/bash
# apt-packages.sh [tests|kernels|amd64|arm64|rust]: installs, on Debian and Ubuntu, what `./test`
# needs beside Rust, or `./test-kernels`, or building for a machine, or Rust itself. Does nothing
# where all of it is there, so it can be run again and again.
set -euo pipefail

# A program that is run, or a file that is read, and the packages that bring it.
tests="
cc       gcc libc6-dev
python3  python3
capnp    capnproto
strace   strace
gdb      gdb
go       golang-go
java     default-jdk-headless
node     nodejs
setpriv  util-linux
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
kernels="
qemu-system-aarch64      qemu-system-arm
qemu-system-x86_64       qemu-system-x86
cpio                     cpio
aarch64-linux-gnu-gcc    gcc-aarch64-linux-gnu libc6-dev-arm64-cross
arm-linux-gnueabihf-gcc  gcc-arm-linux-gnueabihf
"
amd64="x86_64-linux-gnu-gcc   gcc-x86-64-linux-gnu libc6-dev-amd64-cross"
arm64="aarch64-linux-gnu-gcc  gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
rust="/usr/lib/rustlib/$(uname -m)-unknown-linux-gnu  rustc-web"

needed=${1:-tests}
missing=()
while read -r needs packages; do
    if [ -n "$needs" ] && [ ! -e "$needs" ] && ! type -P "$needs" >/dev/null; then
        read -ra packages <<<"$packages"
        missing+=("${packages[@]}")
    fi
done <<<"${!needed}"
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
