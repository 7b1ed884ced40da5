#!/usr/bin/env bash
# Builds every fuzz target with the address sanitizer, openh264 included, and runs each for a while:
#   fuzz/run.sh [SECONDS per target, default 20] [TARGET...]
# Prints the executions of each, their total, and what SECURITY.md states beside them; fails when one
# finds something, whose input is then in fuzz/artifacts/TARGET. Needs cargo-fuzz and clang; the
# project's own compiler does.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-20}
shift || true
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for file in fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

export RUSTC_BOOTSTRAP=1 # sanitizers of a stable compiler
export OPENH264_NO_ASM=1 # assembly has no sanitizer
export CC=clang CXX=$PWD/cxx.sh
# Comparisons are not traced: it takes nine tenths of the time where pictures are decoded, and seeds are whole streams.
cargo fuzz build --release --fuzz-dir . --no-trace-compares
programs=${CARGO_TARGET_DIR:-target}/$(rustc -vV | sed -n 's/^host: //p')/release

# Stated, so that a count is never taken for one of another format.
format=$(sed -n '1s/.*version //p' ../runtime/FORMAT.md)

failed=0
total=0
for target in "${targets[@]}"; do
  # The corpus grows beside the committed seeds; one input may take 10 s and 1 GiB.
  mkdir -p "corpus/$target" "artifacts/$target"
  folders=("corpus/$target")
  if [ -d "seeds/$target" ]; then folders+=("seeds/$target"); fi
  log=$(mktemp)
  "$programs/$target" "${folders[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -max_len=8192 -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
    >"$log" 2>&1 || { failed=1; tail -60 "$log"; }
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  total=$((total + ${runs:-0}))
  printf '%-14s %12s executions\n' "$target" "${runs:-no}"
  rm "$log"
done
printf '%-14s %12s executions\n' total "$total"
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
echo "fuzz/run.sh $seconds ${targets[*]}: $(date -u +%Y-%m-%d), commit $commit, format $format"
exit $failed
