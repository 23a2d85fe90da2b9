#!/usr/bin/env bash
# The table of the paper and the figures of training where a GPU is at hand, in steps of at most nine minutes.
#
#   benchmarks/gpu.sh part CHECKPOINT PARTS   here: float16 weights in files of at most 60 MiB, to be sent one by one
#   benchmarks/gpu.sh join WORK NAME PARTS    there: the checkpoint NAME (minilm or mpnet) again, once all parts are there
#   benchmarks/gpu.sh step WORK DATA          there: what is next; say it again until every step is done
#   benchmarks/gpu.sh --tiny [WORK]           proves all of it on a CPU, with random encoders and few steps: in a folder
#                                             of its own, or in WORK, where it goes on
#
# Results are in WORK/results. A step that was ended from outside is begun again; cells of tables are kept one by one.
# PYTHON names the interpreter. What `step` has not written is not run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
export PYTHONPATH="$here:$root/runtime:$root/exporters:$root/toolkit" HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
python=${PYTHON:-python3}
[ -x "$root/.venv/bin/python" ] && python=${PYTHON:-$root/.venv/bin/python}
minutes=${MINUTES:-8}
threads=${THREADS:-8}
few=() # what makes a table, figures of training and parity small
few_steps=()
few_parity=()

steps() { # each step's name, which is the file or folder that says it is done
    printf '%s\n' base-minilm training-minilm parity table-minilm base-mpnet training-mpnet table-mpnet
}

export_base() { # NAME PRECISION
    [ -f "$work/base-$1-$2/bitfit.json" ] || "$python" -m bitfit_toolkit export --offline --model "$work/$1" \
        --output "$work/base-$1-$2" --precision "$2"
}

table() { # NAME OPTIONS…
    local name=$1
    shift
    "$python" -m methods.paper --data "$data" --base "$work/base-$name-int8" --reference "$work/base-$name-fp32" \
        --output "$work/results/table-$name" --minutes "$minutes" --threads "$threads" "$@" "${few[@]}" |
        tee "$work/last"
    if grep -q '^stopped for the time' "$work/last"; then exit 0; fi
}

one_step() { # NAME
    case $1 in
    base-*)
        export_base "${1#base-}" int8
        export_base "${1#base-}" fp32
        ;;
    training-*) "$python" -m training.run --base "$work/base-${1#training-}-int8" --threads "$threads" \
        --output "$work/results/$1.json" "${few_steps[@]}" ;;
    parity) "$python" -m gpu.parity --base "$work/base-minilm-int8" --data "$data" --threads "$threads" \
        --output "$work/results/parity.json" "${few_parity[@]}" ;;
    table-minilm) table minilm ;;
    table-mpnet) table mpnet --large ;;
    esac
}

step() { # WORK DATA
    work=$1 data=$2
    mkdir -p "$work/results" "$work/done"
    for name in $(steps); do
        [ -e "$work/done/$name" ] && continue
        echo "== $name"
        one_step "$name"
        touch "$work/done/$name"
        return 0
    done
    echo "every step is done"
}

tiny() {
    work=${1:-}
    if [ -z "$work" ]; then
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
    fi
    few=(--tasks entailment --methods full bitfit head --examples 40 --eval-rows 40 --steps 2 --seeds 1)
    few_steps=(--rounds 1 --device cpu)
    few_parity=(--task entailment --rows 40 --steps 4 --device cpu)
    threads=1
    for name in minilm mpnet; do
        [ -e "$work/$name/model.safetensors" ] && continue
        "$python" -m gpu.inputs tiny "$work/$name-here"
        "$0" part "$work/$name-here" "$work/parts-$name"
        "$0" join "$work" "$name" "$work/parts-$name"
    done
    for name in $(steps); do step "$work" "$work"; done
    find "$work/results" -type f | sort
}

case ${1:-} in
part) "$python" -m gpu.inputs part "$2" "$3" ;;
join) "$python" -m gpu.inputs join "$4" "$2/$3" ;;
step) step "$2" "$3" ;;
--tiny) tiny "${2:-}" ;;
*) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
