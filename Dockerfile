# The image of oip-translator, for amd64 and arm64:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag oip-translator:0.1.0 .
#   docker run --read-only --cap-drop=ALL -p 50051:50051 oip-translator:0.1.0
#
# It contains packages of Debian stable, those of requirements.lock (with hashes; `make lock` writes it)
# and translator/. --build-arg DIGEST=@sha256:... pins the base image; Debian's packages are the newest,
# for their security fixes. tests/image checks the rules of this file, and `make image-test` builds and
# runs it without a container engine.

ARG DEBIAN=docker.io/library/debian:trixie-slim
ARG DIGEST=""

# Debian's Python: it is maintained with the base, byte-compiled, and has no pip.
FROM ${DEBIAN}${DIGEST} AS python
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache \
        /var/log/apt /var/log/dpkg.log /var/log/alternatives.log

FROM python AS build
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
# Build tools such as pip stay in this stage.
RUN python3 -m venv tools \
    && python3 -m venv --without-pip /opt/oip-translator
COPY requirements-build.lock requirements.lock ./
RUN tools/bin/pip install --require-hashes --no-deps --only-binary :all: \
        --requirement requirements-build.lock \
    && tools/bin/pip --python /opt/oip-translator install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY translator translator
# Bytecode is compiled now, because the process cannot write it later. It is validated by the hash of the
# source instead of its time, so that builds are reproducible.
RUN tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
    && tools/bin/pip --python /opt/oip-translator install --no-compile --no-index --no-deps \
        wheels/*.whl \
    && tools/bin/pip --python /opt/oip-translator check \
    && /opt/oip-translator/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        /opt/oip-translator/lib

FROM python
ARG REVISION=""
LABEL org.opencontainers.image.title="oip-translator" \
    org.opencontainers.image.description="An Envoy external-processing filter that translates between OpenAI clients and Open Inference Protocol model servers." \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="Apache-2.0"
# All files belong to root, so the process cannot change them.
COPY --from=build /opt/oip-translator /opt/oip-translator
# All addresses, because loopback cannot be reached from outside of the container. For an Envoy in the same
# Pod, set a unix socket or loopback by this variable or a flag: a variable overrides the settings file.
ENV PATH=/opt/oip-translator/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    OIP_TRANSLATOR_LISTEN=0.0.0.0:50051
USER 65532:65532
WORKDIR /
EXPOSE 50051
STOPSIGNAL SIGTERM
# It reads variables and the file in OIP_TRANSLATOR_CONFIG; flags of serve must be repeated here.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["oip-translator", "health"]
ENTRYPOINT ["oip-translator"]
CMD ["serve"]
