#!/usr/bin/env bash
#SBATCH --cpus-per-task=2
#SBATCH --requeue
# One task of an array: save.sh SOURCE URL RUN FRAMES-OF-TASK-0 FRAMES-OF-TASK-1 ...
# A task that Slurm runs again, after the loss of a node or a preemption, saves its frames once more.
set -euo pipefail
source=$1 url=$2 run=$3
shift 3
frames=${*:SLURM_ARRAY_TASK_ID+1:1}
seqsave save "$source" "$url" --filetype="${FILETYPE:-png}" --frames="$frames" --run="$run"
