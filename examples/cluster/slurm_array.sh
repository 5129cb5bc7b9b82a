#!/usr/bin/env bash
#SBATCH --job-name=grid
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=12:00:00
#SBATCH --output=grid-%A-%a.log
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
# A share of a grid for each member of a job array; without an array, all that is left of it, and
# the report. Started from the root of the checkout, on all nodes the same:
#   sbatch --array=0-7 examples/cluster/slurm_array.sh FLAGS...
set -euo pipefail
if [[ -n ${SLURM_ARRAY_TASK_ID:-} ]]; then
    exec examples/cluster/share.sh "$SLURM_ARRAY_TASK_ID" "$SLURM_ARRAY_TASK_COUNT" "$@"
fi
exec python -m attacks.run "$@"
