#!/usr/bin/env bash
# Compile a copy of this tree with sanitizers, and run tests on it. Your own build stays as it is.
#
#   tools/sanitize.sh address     ASan and UBSan: all tests but those that neither can stand
#   tools/sanitize.sh undefined   UBSan alone: all tests
#   tools/sanitize.sh thread      TSan: the stress tests
#
# What follows is passed on to pytest, in place of the tests that are meant otherwise. The copy lies
# in build/sanitized-KIND, and is compiled again only as far as files have changed. A report of a
# sanitizer ends the process that it is about, and so fails the test; and the reports are counted.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?expected address, undefined or thread}
shift
library() { "${CC:-gcc}" -print-file-name="lib$1.so"; }
case $kind in
    address) preload="$(library asan) $(library ubsan)" ;;
    undefined) preload="$(library ubsan)" ;;
    thread) preload="$(library tsan)" ;;
    *) echo "found $kind, expected address, undefined or thread" >&2; exit 2 ;;
esac

copy=build/sanitized-$kind
reports=$PWD/$copy/reports
mkdir -p "$copy"
rm -rf "$copy/tests" # or tests that are gone would run
git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
    tar --create --null --files-from=- | tar --extract --directory="$copy"
rm -rf "$reports" && mkdir "$reports"
export PEERS=${PEERS:-$PWD/benchmarks/.peers} # of the copy there are none
cd "$copy"
ZARR_DEBUG=$kind "${PYTHON:-python}" setup.py -q build_ext --inplace

if [ $# -eq 0 ] && [ "$kind" = thread ]; then
    set -- tests/guarantees/test_updates.py tests/guarantees/test_appends.py \
        tests/guarantees/test_readers.py tests/test_stored_concurrency.py \
        tests/test_shards_concurrency.py tests/test_chunk_cache.py tests/test_futures.py
fi
common=log_path=$reports/report:print_stacktrace=1
status=0
# Python's own allocator would hide from ASan and TSan what belongs to whom.
env LD_PRELOAD="$preload" PYTHONMALLOC=malloc PYTHONPATH="$PWD" PYTHONDONTWRITEBYTECODE=1 \
    ASAN_OPTIONS="$common:detect_leaks=0:allocator_may_return_null=1" UBSAN_OPTIONS="$common" \
    TSAN_OPTIONS="$common:suppressions=$PWD/tools/foreign_races.txt" \
    "${PYTHON:-python}" -m pytest -q -s -p no:cacheprovider "$@" || status=$?
# That an allocation is refused, which the address sanitizer warns of, is no report.
count=$({ grep -rlE 'ERROR: |WARNING: ThreadSanitizer|runtime error: ' "$reports" || true; } | wc -l)
echo "$kind sanitizer: $count reports"
[ "$count" -eq 0 ] || { cat "$reports"/*; exit 1; }
exit $status
