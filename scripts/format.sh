#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lays out every C file of the project as .clang-format says, or with --check only tells which
# differ. Another version of clang-format lays out differently, so only the pinned one will do:
# without it the script ends with 77 (skipped).
#   scripts/format.sh [--check]
set -euo pipefail
cd "$(dirname "$0")/.."

pinned=14
tool=
for candidate in clang-format-$pinned clang-format; do
    if command -v "$candidate" >/dev/null &&
        "$candidate" --version | grep -q "version $pinned\."; then
        tool=$candidate
        break
    fi
done
if [ -z "$tool" ]; then
    echo "SKIP: clang-format $pinned is not installed; the layout is pinned to that version"
    exit 77
fi

folders=()
for folder in include src tests fuzz examples bench tools scripts; do
    [ ! -d "$folder" ] || folders+=("$folder")
done
mapfile -t sources < <(find "${folders[@]}" -name '*.[ch]' -o -name '*.cc' | sort)
[ ${#sources[@]} -gt 0 ] || exit 0
if [ "${1:-}" = --check ]; then
    differing=0
    for source in "${sources[@]}"; do
        "$tool" --dry-run --Werror "$source" >/dev/null 2>&1 && continue
        differing=$((differing + 1))
        echo "$source differs:"
        "$tool" "$source" | diff --unified=0 "$source" - | sed '1,2d' | head -n 8 || true
    done
    echo "${#sources[@]} files, $differing not laid out as .clang-format says (make format)"
    [ "$differing" = 0 ]
else
    "$tool" -i "${sources[@]}"
fi
