#!/usr/bin/env bash
# Trains the same clip on the processor and on a CUDA device and prints a table: time of a step, use of the GPU, and
# what both make of the same steps.
#
#   boards/gpu_train_check.sh IEV_EXPORT VIEW VIEW... [-- ENCODE OPTIONS]
#
# IEV_EXPORT is the program, in a shell that can run it, with libtorch and its CUDA half on the library path: `cargo
# xtask torch --cuda` fetches both, and `eval "$(cargo xtask env)"` names them. STEPS (default 2000) is how long the
# longer of two trainings is; a step's time is the difference of both over the difference of their steps.
# Its CUDA row has not been seen on a device yet: report what it says.
set -euo pipefail
program=$(realpath "${1:?the iev-export program}")
shift
views=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do views+=("$1") && shift; done
[ $# = 0 ] || shift
steps=${STEPS:-2000}
scratch=$(mktemp -d)
watcher=
finish() {
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT

nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
for device in cpu cuda; do
  for length in $((steps / 10)) "$steps"; do
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -l 1 \
      >"$scratch/$device.use" &
    watcher=$!
    "$program" encode "${views[@]}" -o "$scratch/$device.iev" --device "$device" --anchor 0 --json \
      --steps "$length" "${@}" >"$scratch/$device.$length.json"
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
    watcher=
  done
done

python3 - "$scratch" "$steps" <<'PYTHON'
import json, os, sys
folder, steps = sys.argv[1], int(sys.argv[2])
print(f"\n{'device':<8}{'ms per step':>12}{'GPU use %':>11}{'MiB':>8}{'bytes':>10}{'luma dB':>9}")
for device in ("cpu", "cuda"):
    short, long = (json.load(open(os.path.join(folder, f"{device}.{n}.json"))) for n in (steps // 10, steps))
    each = (long["encode_seconds"] - short["encode_seconds"]) / (steps - steps // 10)
    use = [line.split(",") for line in open(os.path.join(folder, f"{device}.use")) if "," in line]
    busy = sum(float(u) for u, _ in use) / max(len(use), 1)
    most = max((int(m) for _, m in use), default=0)
    figures = long["verified"]["figures"]
    print(f"{device:<8}{1000 * each:12.1f}{busy:11.0f}{most:8d}{figures['bytes']:10d}{figures['psnr_y']:9.3f}")
PYTHON
