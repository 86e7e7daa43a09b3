#!/bin/bash
# cross.sh amd64|arm64 ARGUMENT…: cargo with these arguments, for static programs of a machine.
#
# Needs Rust's standard library for it: `rustup target add aarch64-unknown-linux-gnu`. Where that is
# not there, Debian's Rust is used, and its library downloaded to target/debian.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

case $1 in
amd64) cpu=x86_64 ;;
arm64) cpu=aarch64 ;;
*) echo "$0: amd64 or arm64, not $1" >&2; exit 2 ;;
esac
target=$cpu-unknown-linux-gnu flags='-C target-feature=+crt-static'

if ! ls "$(rustc --print sysroot)/lib/rustlib/$target"/lib/libstd-*.rlib >/dev/null 2>&1; then
    "$top/packaging/apt-packages.sh" rust
    "$top/packaging/unpack-debian.sh" "$1" "$top/target/debian/rust-$1" libstd-rust-web-dev
    flags="--sysroot $top/target/debian/rust-$1/usr $flags"
    export RUSTC=/usr/bin/rustc
fi
if [ "$(uname -m)" != $cpu ]; then
    "$top/packaging/apt-packages.sh" "$1"
    export "CARGO_TARGET_${cpu^^}_UNKNOWN_LINUX_GNU_LINKER=$cpu-linux-gnu-gcc"
fi
export "CARGO_TARGET_${cpu^^}_UNKNOWN_LINUX_GNU_RUSTFLAGS=$flags" CARGO_BUILD_TARGET=$target
exec cargo "${@:2}"
