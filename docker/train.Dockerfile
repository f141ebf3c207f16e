# The trainer under torchrun. Built from the repository root:
#   docker build -f docker/train.Dockerfile -t torchferry-train:0.1.0 .
# torch's wheels carry the CUDA libraries, so no CUDA base image is needed.
ARG BASE=docker.io/library/python:3.12-slim-bookworm

FROM ${BASE} AS builder
RUN python3 -m venv /opt/venv
WORKDIR /src
# The lock file alone decides this layer: an edit of the source does not install torch again.
COPY docker/train.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --disable-pip-version-check --require-hashes -r train.lock
COPY LICENSE README.md pyproject.toml ./
COPY training training
# setuptools comes from the lock file; an isolated build would fetch an unchecked one.
RUN /opt/venv/bin/pip install --disable-pip-version-check --no-cache-dir --no-deps --no-build-isolation .

FROM ${BASE}
LABEL org.opencontainers.image.title="torchferry-train" \
      org.opencontainers.image.description="Trains PyTorch models under torchrun" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    # A name for the UID, because getpass fails without one; an own /runs, because volumes inherit its owner.
    && useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin torchferry \
    && install -d -o 1000 -g 1000 /runs
COPY --from=builder /opt/venv /opt/venv
COPY training/recipes /recipes
# Everything that writes a cache writes below /tmp, so the root file system can be read-only.
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
# torchrun reads PET_* variables, so nodes and processes are set without replacing this command.
ENTRYPOINT ["tini", "--", "torchrun"]
CMD ["-m", "training", "--config", "/recipes/digits.yaml", "--runs_dir", "/runs"]
