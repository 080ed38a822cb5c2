#!/bin/sh
# Writes requirements.lock and requirements-build.lock: the newest versions that pyproject.toml
# allows, with the hashes of their wheels. Fails if one of them has no wheel for one of the image's
# architectures.
#
#   tests/image/lock.sh [UV]    UV: the command (default: the one in .venv)
set -eu
cd "$(dirname "$0")/../.."

uv=${1:-.venv/bin/uv}
python=3.13 # of the Debian release in Dockerfile

export UV_CUSTOM_COMPILE_COMMAND="make lock"
export UV_PYTHON_DOWNLOADS=never

lock() {
    "$uv" pip compile --quiet --universal --upgrade --python-version "$python" \
        --only-binary :all: --generate-hashes --output-file "$@"
}

lock requirements.lock pyproject.toml \
    --extra compression --extra metrics --extra tracing --extra yaml
.venv/bin/python -c 'import tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")' |
    lock requirements-build.lock -

for machine in x86_64 aarch64; do
    "$uv" pip install --quiet --dry-run --target .venv/none --python-version "$python" \
        --python-platform "$machine-manylinux_2_28" --only-binary :all: --no-deps --require-hashes \
        --requirement requirements.lock
    echo "Every package of requirements.lock has a wheel for $machine."
done
