#!/usr/bin/env bash
# Tries every execution provider, both paths of the network and all precisions on a stream and prints a table.
#
#   boards/gpu_check.sh IEV BOARD [STREAM] [SECONDS]
#
# IEV is the program, BOARD a profile; ORT_DYLIB_PATH names an ONNX Runtime with CUDA and TensorRT.
# Engines go to a folder of their own, so what is measured as building is building.
# GPU rows have not been printed on a device yet: report what it says, with the doctor's part.
set -uo pipefail
iev=${1:?the iev program}
board=${2:?a board profile}
stream=${3:-$(dirname "$0")/../models/sample.iev}
seconds=${4:-10}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

last() { grep -v '^$' "$1" | tail -n 1 | cut -c1-160; }

"$iev" doctor --board "$board"

failed=0
rows=()
printf '\nladder: engines built, then found ready\n'
for name in {tensorrt,cuda,cpu}-{full,split}-f32 tensorrt-{full,split}-f16 cpu-split-int8; do
  IFS=- read -r provider path precision <<<"$name"
  options=(--board "$board" --provider "$provider,cpu" --require "$provider" --path "$path"
    --precision "$precision" --engines "$scratch/engines")
  # Not on the CPU alone: a full graph there is for comparison, and would give way to a split one.
  [ "$provider" = cpu ] && options[3]=cpu
  printf '%s\n' "$name"
  for _ in build again; do
    "$iev" prepare "$stream" "${options[@]}" 2>"$scratch/$name.refusal" | sed 's/^/  /' ||
      printf '  %s\n' "$(last "$scratch/$name.refusal")"
  done
  if "$iev" bench "$stream" "${options[@]}" --seconds "$seconds" --json "$scratch/$name.json" \
    >/dev/null 2>"$scratch/$name.refusal" &&
    "$iev" decode "$stream" "${options[@]}" --limit 8 -o "$scratch/$name.yuv" \
      2>>"$scratch/$name.refusal"; then
    rows+=("$name")
  else
    failed=1
    printf '  refused: %s\n' "$(last "$scratch/$name.refusal")"
  fi
done

# Levels are compared with the split network on the CPU, which every machine can run.
python3 - "$scratch" "${rows[@]}" <<'PYTHON' || failed=1
import json, math, os, sys

folder, names = sys.argv[1], sys.argv[2:]
reference = os.path.join(folder, "cpu-split-f32.yuv")
want = open(reference, "rb").read() if os.path.exists(reference) else b""
print(f"\n{'provider-path-precision':<24}{'in use':<15}{'times/s':>9}{'network ms':>12}{'latency p50':>13}"
      f"{'p99':>9}{'open ms':>9}{'mean':>8}{'max':>5}{'PSNR dB':>9}  levels against cpu-split-f32")
worst = 0.0
for name in names:
    report = json.load(open(os.path.join(folder, name + ".json")))
    got = open(os.path.join(folder, name + ".yuv"), "rb").read()
    pairs = list(zip(got, want)) if len(got) == len(want) else []
    away = [abs(a - b) for a, b in pairs]
    mean = sum(away) / len(away) if away else math.nan
    most = max(away, default=-1)
    squares = sum(d * d for d in away) / len(away) if away else math.nan
    psnr = 10 * math.log10(255 ** 2 / squares) if squares else math.inf
    us, conditions = report["us"], report["conditions"]
    used = f"{conditions['provider'] or '-'} {conditions['precision'] or '-'}"
    print(f"{name:<24}{used:<15}{report['times_per_second']:9.1f}"
          f"{us['network_us']['p50'] / 1000:12.2f}{us['latency_us']['p50'] / 1000:13.2f}"
          f"{us['latency_us']['p99'] / 1000:9.2f}{report['start']['first_picture_us'] / 1000:9.0f}"
          f"{mean:8.3f}{most:5d}{psnr:9.2f}")
    worst = max(worst, mean if away else math.inf)
if worst > 1.0:
    sys.exit(f"pictures differ by {worst:.2f} levels in the mean: more than the 1.0 that is allowed")
PYTHON
exit "$failed"
