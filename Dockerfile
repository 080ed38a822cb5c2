# The image of oip-translator, for amd64 and arm64:
#
#   docker buildx build --platform linux/amd64,linux/arm64 --tag oip-translator:0.1.0 .
#   docker run --read-only --cap-drop=ALL -p 50051:50051 oip-translator:0.1.0
#
# What is inside comes from Debian stable, from requirements.lock (with hashes; `make lock` writes it)
# and from translator/. Of the base, --build-arg DIGEST=@sha256:... pins the very image; packages of
# Debian are its newest, for their security fixes. tests/image holds this file to its rules, and
# `make image-test` builds and runs it without a container engine.

ARG DEBIAN=docker.io/library/debian:trixie-slim
ARG DIGEST=""

# Debian's own Python: maintained with the rest of the base, byte-compiled, and without pip.
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
# The tools stay here, pip among them; what is copied from here has none.
RUN python3 -m venv tools \
    && python3 -m venv --without-pip /opt/oip-translator
COPY requirements-build.lock requirements.lock ./
RUN tools/bin/pip install --require-hashes --no-deps --only-binary :all: \
        --requirement requirements-build.lock \
    && tools/bin/pip --python /opt/oip-translator install --no-compile \
        --require-hashes --no-deps --only-binary :all: --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY translator translator
# Bytecode is written now, as nothing can write it later, and by the hash of the source instead of
# its time, so that the same source makes the same files.
RUN tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
    && tools/bin/pip --python /opt/oip-translator install --no-compile --no-index --no-deps \
        wheels/*.whl \
    && tools/bin/pip --python /opt/oip-translator check \
    && /opt/oip-translator/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        /opt/oip-translator/lib

FROM python
ARG REVISION=""
LABEL org.opencontainers.image.title="oip-translator" \
    org.opencontainers.image.description="An Envoy external-processing filter: OpenAI clients in front, Open Inference Protocol model servers behind." \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="Apache-2.0"
# Everything belongs to root: the process can change nothing of what it runs.
COPY --from=build /opt/oip-translator /opt/oip-translator
# Loopback would be nobody's but the container's own. Where Envoy is in the same Pod give a unix socket
# or loopback, by this variable or a flag: a variable is stronger than a settings file.
ENV PATH=/opt/oip-translator/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    OIP_TRANSLATOR_LISTEN=0.0.0.0:50051
USER 65532:65532
WORKDIR /
EXPOSE 50051
STOPSIGNAL SIGTERM
# It knows variables and a file that OIP_TRANSLATOR_CONFIG names; flags of serve it needs as well.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["oip-translator", "health"]
ENTRYPOINT ["oip-translator"]
CMD ["serve"]
