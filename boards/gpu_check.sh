#!/usr/bin/env bash
# All that a first device is asked, by one command: how it plays a stream by every provider, path and precision, and,
# where the exporter is there, how it trains.
#
#   boards/gpu_check.sh [--dry-run] IEV BOARD [STREAM] [FOLDER] [SECONDS]
#
# IEV is the program, BOARD a profile; ORT_DYLIB_PATH names an ONNX Runtime with CUDA and TensorRT. FOLDER gets
# survey.md, survey.json and, where IEV_EXPORT names the exporter, training.txt. --dry-run lets a GPU be missing.
# Its GPU rows have not been seen on a device yet: report what it says.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dry=()
if [ "${1:-}" = --dry-run ]; then dry=(--dry-run) && shift; fi
iev=${1:?the iev program}
board=${2:?a board profile}
stream=${3:-$here/../models/sample.iev}
folder=${4:-survey}
"$iev" survey "$stream" --board "$board" --output "$folder" --seconds "${5:-10}" "${dry[@]}"

if [ -z "${IEV_EXPORT:-}" ]; then
  echo "training is not tried: IEV_EXPORT does not name the exporter"
elif ! command -v nvidia-smi >/dev/null; then
  echo "training is not tried: there is no nvidia-smi, so no GPU"
else
  # Any two views will do: what counts is the time of a step.
  "$iev" decode "$stream" --views 0,1 -o "$folder/v%v.y4m"
  STEPS=200 "$here/gpu_train_check.sh" "$IEV_EXPORT" "$folder"/v{0,1}.y4m | tee "$folder/training.txt"
  rm "$folder"/v{0,1}.y4m
fi
