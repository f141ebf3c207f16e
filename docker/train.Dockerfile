# The trainer under torchrun. Built from the repository root:
#   docker build -f docker/train.Dockerfile -t torchferry-train:0.1.0 .
# torch's wheels carry the CUDA libraries, so no CUDA base image is needed.
ARG BASE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE} AS system
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* \
    # A name for the UID, because getpass fails without one; an own /runs, because volumes inherit its owner.
    && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin torchferry \
    && install -d -o 1000 -g 1000 /runs

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
COPY LICENSE README.md pyproject.toml ./
COPY torchferry torchferry
COPY training training
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
LABEL org.opencontainers.image.title="torchferry-train" \
      org.opencontainers.image.description="Trains PyTorch models under torchrun" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /src/sbom.cdx.json /usr/share/doc/torchferry/
COPY training/recipes /recipes
# Caches go below /tmp, so the root file system can be read-only.
# The metrics of a container are scraped from outside it.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    TORCHINDUCTOR_CACHE_DIR=/tmp/torchinductor \
    TORCHFERRY_METRICS__HOST=0.0.0.0
WORKDIR /recipes
USER 1000:1000
# Prometheus metrics, and torchrun's rendezvous between several containers.
EXPOSE 9400 29400
# Rank 0 answers. Of several containers the others have nothing to ask: give those --no-healthcheck. OPTIONS, because a
# GET would be taken for the scrape that the end of a run waits for.
HEALTHCHECK --start-period=120s --interval=10s --timeout=5s \
    CMD ["python", "-c", "import http.client; c = http.client.HTTPConnection('127.0.0.1', 9400, timeout=4); c.request('OPTIONS', '/metrics'); exit(c.getresponse().status != 200)"]
# torchrun, but with the exit code of a worker that refused its input. It reads PET_* variables, so nodes and processes are
# set without replacing this command.
ENTRYPOINT ["tini", "--", "python", "-m", "torchferry.training.distributed.launcher"]
CMD ["-m", "torchferry.training", "--config", "/recipes/digits.yaml", "--runs_dir", "/runs"]
