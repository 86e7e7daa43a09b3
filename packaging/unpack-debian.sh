#!/bin/bash
# unpack-debian.sh [--whole] ARCHITECTURE DIRECTORY PACKAGE…: unpacks Debian packages of any
# architecture, without installing anything or telling dpkg of the architecture. With `--whole`
# also all that they depend on, as a root file system. What only people read, and what only a
# kernel's hardware needs, is left out. Does nothing where it has been done.
set -euo pipefail

whole=
[ "$1" != --whole ] || { whole=1; shift; }
architecture=$1 directory=$2
shift 2
[ "$(cat "$directory/.packages" 2>/dev/null)" != "$*" ] || exit 0

if ! type -P apt-get >/dev/null; then
    echo "$0: unpack by hand into $directory (Debian, $architecture): $*" >&2
    exit 1
fi
state=$(cd "$(dirname "$0")/.." && pwd)/target/debian/apt-$architecture
mkdir -p "$state/lists/partial" "$state/archives/partial"
options=(-q -y -o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture"
    -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state" -o Dir::State::status=/dev/null
    -o APT::Sandbox::User=root -o Debug::NoLocking=1)
rm -f "$state"/archives/*.deb
{
    apt-get "${options[@]}" update
    if [ $whole ]; then
        apt-get "${options[@]}" install --download-only --no-install-recommends "$@"
    else
        (cd "$state/archives" && apt-get "${options[@]}" download "$@")
    fi
} >"$state/log" 2>&1 || { cat "$state/log" >&2; exit 1; }

rm -rf "$directory"
mkdir -p "$directory/usr"/{bin,sbin,lib,lib64}
ln -s usr/{bin,sbin,lib,lib64} "$directory"
for package in "$state"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
        tar -x --keep-directory-symlink --no-same-owner -C "$directory" \
            --exclude=./usr/share/{doc,man,locale} --exclude=./lib/modules --exclude='perl*'
done
rm -f "$state"/archives/*.deb
echo "$*" >"$directory/.packages"
