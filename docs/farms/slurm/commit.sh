#!/usr/bin/env bash
#SBATCH --cpus-per-task=1
# The last job: commit.sh URL RUN FRAMES
set -euo pipefail
seqsave commit "$1" --run="$2" --frames="$3"
