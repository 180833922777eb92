#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# eddy's headers as C++ from 11 to 20: what must compile and run, and what must be refused.
#
#   BUILD=build tests/cplusplus/run.sh COMPILER
set -euo pipefail

cxx=${1:?usage: run.sh COMPILER}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
library=${BUILD:?}/src
flags=(-I"$root/include" -Wall -Wextra -Werror)
standards='c++11 c++14 c++17 c++20'
every_error=() # clang stops at twenty
[[ $cxx != *clang* ]] || every_error=(-ferror-limit=0)

command -v "$cxx" >/dev/null || {
    echo "SKIP: no $cxx here"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "$cxx: $*" >&2
    failed=1
}

# Each header alone.
for header in "$root"/include/eddy.h "$root"/include/eddy/*.h; do
    echo "#include <${header#"$root"/include/}>"
    echo "#include <${header#"$root"/include/}>"
    echo 'extern int x;'
done | split -l 3 - "$work/header."
for file in "$work"/header.*; do
    "$cxx" -std=c++11 "${flags[@]}" -Wpedantic -fsyntax-only -x c++ "$file" ||
        fail "a header doesn't compile"
done

for standard in $standards; do
    "$cxx" -std="$standard" "${flags[@]}" -Wpedantic -O1 "$here/cplusplus.cc" \
        -o "$work/$standard" -L"$library" -leddy -Wl,-rpath,"$library" &
    programs+=($!)
done
for job in "${programs[@]}"; do
    wait "$job" || fail "cplusplus.cc doesn't compile"
done
for standard in $standards; do
    [ ! -x "$work/$standard" ] || timeout 30 "$work/$standard" || fail "$standard: exit status $?"
done

# refused LINE TEXT...: the line in a function doesn't compile, and one of the texts is said.
refused() {
    local line=$1
    shift
    printf '#include <eddy.h>
struct job { int n; const char *text; };
int work(job *);
struct other { int n; };
int tick();
int number(int);
struct named { named(); ~named(); };
int greet(named *);
struct big { char bytes[1025]; };
int eat(big *);
struct alignas(128) wide { int n; };
int stretch(wide *);
int use(eddy_group *g, job *j);
int use(eddy_group *g, job *j)
{
    int err = 0, r = 0;
    %s
    (void)g, (void)j, (void)err;
    return r;
}
' "$line" >"$work/refused.cc"
    if LC_ALL=C "$cxx" -std=c++17 -I"$root/include" -Werror=unused-result "${every_error[@]}" \
        -c "$work/refused.cc" -o "$work/refused.o" 2>"$work/said"; then
        fail "not refused: $line"
        return
    fi
    local text
    for text in "$@"; do
        ! grep -qF -- "$text" "$work/said" || return 0
    done
    fail "refused: $line, but without a word of: $*"
    head -5 "$work/said" >&2
}

refused 'eddy_spawn(g, greet, {});' \
    'eddy: the arguments of greet are copied byte by byte; pass a pointer to a C++ object'
refused 'named n; r = eddy_to_thread_abandon(greet, &n);' \
    "eddy: a job's arguments are copied byte by byte; use eddy_to_thread"
refused 'eddy_spawn(g, eat, "x");' \
    'eddy: the arguments of eat are too large to copy; pass a pointer to them'
refused 'eddy_spawn(g, stretch, 1);' 'eddy: the arguments of stretch want more alignment than 64'
refused 'eddy_spawn(g, number, 1);' \
    'eddy: number was given arguments, so it must be: int number(arguments *)'
refused 'eddy_spawn(g, tick, 1);' \
    'eddy: tick was given arguments, so it must be: int tick(arguments *)'
refused 'eddy_spawn(g, work);' \
    'eddy: a function that was given no arguments must be: int function()'
refused 'eddy_spawn(g, tick());' 'eddy: this is a call or a number; name the function alone'
refused 'eddy_spawn_as(g, work, other, 1);' 'eddy: work takes another struct than the one given'
refused 'eddy_spawn(g, work, 1, 5);' "invalid conversion from 'int' to 'const char*'" \
    "cannot initialize a member subobject of type 'const char *' with an rvalue of type 'int'"
refused 'eddy_spawn(g, work, 1, "", 5);' 'too many initializers' 'excess elements'
refused 'other o = {1}; eddy_spawn_on(g, work, &o);' "cannot convert 'other*'" \
    "no known conversion from 'other *'"
refused 'other o = {1}; r = eddy_map(1, work, &o, 1, nullptr);' "cannot convert 'other*'" \
    "no known conversion from 'other *'"
refused 'other o = {1}; r = eddy_to_thread(work, &o);' "cannot convert 'other*'" \
    "no known conversion from 'other *'"
refused 'eddy_create_task(tick);' 'unused-result'
refused 'eddy_create_task(work, 1);' 'unused-result'
refused 'eddy_sleep(1);' 'unused-result'
refused 'eddy_wait_for(tick(), 1);' 'unused-result'
refused 'eddy_with_group (h) { }' 'eddy_error_variable_'
refused 'eddy_with_group (h, err) { }' "invalid conversion from 'int' to 'int*'" \
    "no known conversion from 'int' to 'int *'"
refused '}
#define EDDY_KEYWORDS
#undef EDDY_TASK_H
#include <eddy/task.h>
int more() { int err = 0, r = 0; eddy_group *g = nullptr; job *j = nullptr;' \
    'eddy: EDDY_KEYWORDS is for C only'

exit $failed
