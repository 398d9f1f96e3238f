#!/usr/bin/env bash
# Submit a sequence to Slurm: an array whose tasks save it, and a job that commits the run after them.
#
#   ./submit.sh /shows/a/clip.mp4 s3://renders/shot010 shot010-v001 0-99 10
#
# SOURCE  a video, a folder or a pattern of frames, which each node can read.
# URL     where the frames go.
# RUN     names this submission. Another submission needs another name; one that saves frames again that are missing has
#         the same one.
# FRAMES  0-99, 1-100x5 (every fifth frame), or 1,5,9.
# CHUNK   frames of one task; 1 by default. An array has at most 1,001 tasks, unless MaxArraySize is larger.
# WHOLE   the frames of the whole sequence, if FRAMES are those that are missing in it.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 SOURCE URL RUN FRAMES [CHUNK [WHOLE]]" >&2
    exit 2
fi
source=$1 url=$2 run=$3 frames=$4 chunk=${5:-1} whole=${6:-$4}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

decimal() {  # 0010 is ten, and not eight
    local sign=${1%%[0-9]*}
    echo "$sign$((10#${1#-}))"
}

# The list of each task: as many frames as CHUNK, with commas between them.
tasks=() task=() number='-?[0-9]+'
if ! [[ $chunk =~ ^[1-9][0-9]*$ ]]; then
    echo "$0: CHUNK is '$chunk': it must be a number from 1 on" >&2
    exit 2
fi
if [[ ,$frames, == *,,* ]]; then
    echo "$0: '$frames' is not a list of frames: write 0-99, 1-100x5 or 1,5,9" >&2
    exit 2
fi
IFS=',' read -ra ranges <<<"$frames"
for range in "${ranges[@]}"; do
    if ! [[ $range =~ ^($number)(-($number)([x:]([1-9][0-9]*))?)?$ ]]; then
        echo "$0: '$range' is not a list of frames: write 0-99, 1-100x5 or 1,5,9" >&2
        exit 2
    fi
    first=${BASH_REMATCH[1]} last=${BASH_REMATCH[3]:-${BASH_REMATCH[1]}} step=${BASH_REMATCH[5]:-1}
    first=$(decimal "$first") last=$(decimal "$last")
    if ((last < first)); then
        echo "$0: '$range' ends before it begins" >&2
        exit 2
    fi
    for ((frame = first; frame <= last; frame += step)); do
        task+=("$frame")
        if ((${#task[@]} == chunk)); then
            tasks+=("$(IFS=,; echo "${task[*]}")")
            task=()
        fi
    done
done
if ((${#task[@]})); then
    tasks+=("$(IFS=,; echo "${task[*]}")")
fi

job=$(sbatch --parsable --job-name="$run" --array="0-$((${#tasks[@]} - 1))" \
    "$here/save.sh" "$source" "$url" "$run" "${tasks[@]}")
job=${job%%;*}  # with several clusters, the name of one follows
# After tasks that failed as well: then the commit names the frames that are missing, and changes nothing.
commit=$(sbatch --parsable --job-name="$run-commit" --dependency="afterany:$job" \
    "$here/commit.sh" "$url" "$run" "$whole")
echo "save: $job, commit: ${commit%%;*}"
