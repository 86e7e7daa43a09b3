#!/bin/bash
# build-static.sh [amd64] [arm64]: builds `sentrace` and `sentrace-tracer` as programs that need
# no library, for both machines if none is named, and says where they are.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- amd64 arm64
for machine in "$@"; do
    packaging/cross.sh "$machine" build --release --locked --bins \
        --package sentrace-probe --package sentrace-tracer
    case $machine in amd64) cpu=x86_64 ;; arm64) cpu=aarch64 ;; esac
    ls -l target/$cpu-unknown-linux-gnu/release/sentrace{,-tracer}
done
