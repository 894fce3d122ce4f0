# limner's studio in a container:  docker build -t limner . && docker run --rm -p 7860:7860 limner
# Any other command:               docker run --rm -v "$PWD:/photos" limner limner smile me.jpg
FROM python:3.11-slim AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.11-slim
# What mediapipe's OpenCV links to; Debian keeps no older versions that could be named
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
 && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /
# TORCH_INDEX: an index of CPU wheels of torch; without it the build with CUDA comes, 7 GB
ARG TORCH_INDEX=""
RUN pip install --no-cache-dir --constraint /constraints.txt torch ${TORCH_INDEX:+--index-url "$TORCH_INDEX"}
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist \
    pip install --no-cache-dir --constraint /constraints.txt "$(echo /dist/limner-*.whl)[studio,heic]"
RUN useradd --create-home --uid 1000 limner && mkdir /photos && chown limner /photos
USER 1000
WORKDIR /photos
EXPOSE 7860
CMD ["limner", "studio", "--host", "0.0.0.0"]
