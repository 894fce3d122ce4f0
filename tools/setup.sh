#!/usr/bin/env bash
# Make $VENV hold limner and all that it needs. Safe to repeat, to interrupt, and to run twice at once.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
STAMP="$VENV/.limner-setup"
want=$(cat pyproject.toml constraints.txt tools/setup.sh | cksum)
[ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$want" ] && exit 0

exec 9>".setup.lock"
command -v flock >/dev/null && flock 9          # a second run waits here, then finds the stamp
[ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$want" ] && exit 0

"$PYTHON" - <<'PY' || exit 2
import sys
if not (3, 10) <= sys.version_info[:2] < (3, 14):
    sys.exit(f"limner: needs Python 3.10 to 3.13, this is {sys.version.split()[0]}; name another with: make PYTHON=python3.11 ...")
PY
echo "limner: setting up $VENV (once; about 2.5 GB with the CPU build of torch)"
BEGUN="$VENV/.limner-setup-begun"                 # still there: an earlier run was interrupted and may have left halves of packages
if [ -f "$BEGUN" ] || ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then "$PYTHON" -m venv --clear "$VENV"; fi
touch "$BEGUN"
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

if ! "$VENV/bin/python" -c "import torch" >/dev/null 2>&1; then
  if [ -n "${TORCH_INDEX:-}" ]; then
    echo "limner: torch from TORCH_INDEX"
    pip install -qq "torch>=2.6" --index-url "$TORCH_INDEX"
  elif pip download -qq --no-deps --dest "$VENV/.torch" "torch==2.13.0+cpu" >/dev/null 2>&1; then
    echo "limner: CPU build of torch, from the package index"
    pip install -qq "$VENV"/.torch/torch-*.whl
    rm -rf "$VENV/.torch"
  else
    [ "$(uname -s)" = Linux ] && echo "limner: the package index offers no CPU build of torch; installing the default one with CUDA (about 3 GB to download, 7 GB on disk)." \
      && echo "limner: to avoid that, interrupt now and run: TORCH_INDEX=<index of CPU wheels> make ..."
    pip install -qq "torch>=2.6"
  fi
fi
constraints=constraints.txt
"$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || { grep -v mediapipe constraints.txt > "$VENV/.constraints"; constraints="$VENV/.constraints"; }
PIP_CONSTRAINT="" pip install -qq -c "$constraints" -e ".[dev,study,serve]"
pip check >/dev/null || { pip check; exit 1; }
"$VENV/bin/python" -m compileall -q "$VENV"/lib >/dev/null 2>&1 || true   # imports are slow where writing bytecode is off
rm -f "$BEGUN"
printf '%s' "$want" > "$STAMP.part" && mv "$STAMP.part" "$STAMP"
echo "limner: ready"
