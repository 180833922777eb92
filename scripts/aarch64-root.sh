#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Unpacks cmocka for arm64 into a folder, with apt's own lists for that architecture kept there:
# neither the machine's packages nor its architectures change.
#   scripts/aarch64-root.sh FOLDER
set -euo pipefail

folder=$(mkdir -p "${1:?usage: aarch64-root.sh FOLDER}" && cd "$1" && pwd)
[ ! -f "$folder/usr/include/cmocka.h" ] || exit 0

apt=$folder/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
options=(-q
    -o APT::Architecture=arm64 -o APT::Architectures=arm64
    -o Dir::State::Lists="$apt/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache"
    -o APT::Sandbox::User=)
cd "$apt"
apt-get "${options[@]}" update
apt-get "${options[@]}" download libcmocka-dev libcmocka0
for package in *.deb; do
    dpkg-deb -x "$package" "$folder"
done
