#!/usr/bin/env bash
# Does one of COUNT equal shares of a grid, from the root of the checkout:
#   examples/cluster/share.sh INDEX COUNT FLAGS...
# Neighbours in the list of cells train the same clones, so a share is a range of it.
set -euo pipefail
index=$1 count=$2
shift 2
if ((index >= count)); then
    echo "INDEX must be below COUNT. Received: $index, $count" >&2
    exit 1
fi
cells=$(python -m attacks.run "$@" --list_cells | wc -l)
first=$((index * cells / count)) last=$(((index + 1) * cells / count - 1))
if ((first > last)); then
    echo "There are fewer cells than shares; none is left for share $index."
    exit 0
fi
exec python -m attacks.run "$@" --cells="$first-$last"
