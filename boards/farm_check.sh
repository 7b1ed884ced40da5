#!/usr/bin/env bash
# Runs a farm of two small clips on a Slurm of one machine, preempts its elements in the middle of their training, and
# compares the streams with those of an undisturbed run.
#
#   boards/farm_check.sh IEV_EXPORT [STEPS]      as root on a Debian; some five minutes, most of them Slurm's own waiting
#
# IEV_EXPORT is the program, in a shell that can run it (cargo xtask env). Slurm and munge come from Debian's packages
# and run until the script ends, in a folder of their own. Needs no systemd and no control groups. Passed on Debian 12
# with Slurm 22.05, which sends TERM to the script and to its child, and starts them again after two minutes.
set -euo pipefail
program=$(realpath "${1:?the iev-export program}")
steps=${2:-2000}
if ! command -v slurmctld munged >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq slurm-wlm munge >/dev/null
fi

state=$(mktemp -d)
host=$(hostname -s)
export SLURM_CONF=$state/slurm.conf
daemons=()
finish() {
  if [ ${#daemons[@]} != 0 ]; then
    kill "${daemons[@]}" 2>/dev/null || true
    wait "${daemons[@]}" 2>/dev/null || true
  fi
  rm -rf "$state"
}
trap finish EXIT

# Preemption by partition: a job in `high` takes the processors of one in `low`, which is queued again.
mkdir -p "$state/ctld" "$state/d"
cat >"$SLURM_CONF" <<CONF
ClusterName=farmcheck
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge.socket
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/d
SlurmctldPidFile=$state/ctld.pid
SlurmdPidFile=$state/d.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=20
MpiDefault=none
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=10 MaxTime=INFINITE State=UP
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
CONF
(umask 077 && head -c 1024 /dev/urandom >"$state/munge.key")
chmod 755 "$state"
start() {
  "$@" >>"$state/daemons.log" 2>&1 &
  daemons+=($!)
}
start munged --foreground --force --key-file="$state/munge.key" --socket="$state/munge.socket" \
  --pid-file="$state/munge.pid" --log-file="$state/munge.log" --seed-file="$state/munge.seed"
until [ -S "$state/munge.socket" ]; do sleep 0.2; done
start slurmctld -D
start slurmd -D
until [ "$(sinfo -h -p low -o %t)" = idle ]; do sleep 0.5; done

# Two views of noise that moves.
clip() {
  python3 - "$1" <<'PYTHON'
import random, sys
for view in range(2):
    random.seed(int(sys.argv[1].split("clip")[-1]))
    field = bytes(random.randrange(64, 192) for _ in range(64 * 96))
    with open(f"{sys.argv[1]}.v{view}.y4m", "wb") as out:
        out.write(b"YUV4MPEG2 W64 H64 F24:1 Ip C420jpeg\n")
        for time in range(4):
            at = 2 * time + 4 * view
            out.write(b"FRAME\n" + b"".join(field[96 * y + at:][:64] for y in range(64)) + b"\x80" * 2048)
PYTHON
}
jobs=$state/jobs.toml
printf 'name = "check"\n[slurm]\ncpus-per-task = 1\n' >"$jobs"
for name in clip0 clip1; do
  clip "$state/$name"
  printf '[[jobs]]\nname = "%s"\nclip.views = ["%s.v0.y4m", "%s.v1.y4m"]\nsettings = { anchor = 0, steps = %s }\npoints = [{ label = "q37" }]\n' \
    "$name" "$name" "$name" "$steps" >>"$jobs"
done

# Undisturbed, without Slurm.
export OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1
for index in 0 1; do
  "$program" farm "$jobs" --out "$state/undisturbed" --index "$index" 2>/dev/null
done

farm=$state/farm
"$program" farm "$jobs" --out "$farm"
id=$(sbatch --parsable --partition=low "$farm/check.sbatch")
until grep -qs "training will take" "$farm/check-0.log"; do sleep 0.2; done
echo "preempting job $id"
sbatch --quiet --partition=high --nodes=1 --exclusive --output=/dev/null --wrap "sleep 5"
last=
while squeue -h -j "$id" -r | grep -q .; do
  now=$(squeue -h -j "$id" -r -o '%K %T %r' | sort | paste -sd, -)
  [ "$now" = "$last" ] || echo "$(date +%T) $now"
  last=$now
  sleep 1
done
for index in 0 1; do sed "s/^/$index: /" "$farm/check-$index.log"; done
grep -q "the same command goes on from here" "$farm/check-0.log" || {
  echo "element 0 was not stopped in its training: give more steps than $steps" >&2
  exit 1
}
for name in clip0 clip1; do
  cmp "$farm/$name/q37/stream.iev" "$state/undisturbed/$name/q37/stream.iev"
done
"$program" farm "$jobs" --out "$farm" --gather
echo "preempted and undisturbed elements made the same streams"
