#!/usr/bin/env bash
# Tries every execution provider of an NVIDIA machine on the sample stream and prints a table.
#
#   boards/gpu_check.sh IEV BOARD [STREAM]
#
# IEV is the program, BOARD a profile; ORT_DYLIB_PATH names an ONNX Runtime with CUDA and TensorRT.
# This script has not been run on a GPU yet: report what it prints, with the doctor's part.
set -uo pipefail
iev=${1:?the iev program}
board=${2:?a board profile}
stream=${3:-$(dirname "$0")/../models/sample.iev}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$iev" doctor --board "$board"

failed=0
printf '\n%-10s %-8s %12s %14s %14s\n' provider state pictures/s latency_p50_ms latency_p99_ms
for provider in tensorrt cuda cpu; do
  if "$iev" decode "$stream" --board "$board" --provider "$provider,cpu" --require "$provider" \
    --muxer null --stats json 2>"$scratch/$provider"; then
    python3 - "$provider" "$scratch/$provider" <<'PYTHON'
import json, sys
text = open(sys.argv[2]).read()
stats = json.loads(text[text.index("{"):])
latency = stats["stages"]["latency_us"]
print(f"{sys.argv[1]:<10} {'runs':<8} {stats['pictures_per_second']:12.1f}"
      f" {latency['p50'] / 1000:14.2f} {latency['p99'] / 1000:14.2f}")
PYTHON
  else
    failed=1
    printf '%-10s %-8s %s\n' "$provider" refused "$(tail -n 1 "$scratch/$provider")"
  fi
done
exit "$failed"
