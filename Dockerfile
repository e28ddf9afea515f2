# syntax=docker/dockerfile:1
# The images of GovernsAI. One service:      docker build --build-arg SERVICE=auth -t governsai/auth .
# Migrations, topics, edge, admin, tests:    docker build --target tools -t governsai/tools .
#
# NODE_IMAGE     builds, and gives Node.js and its libraries. Name it by digest for builds that can be repeated.
# RUNTIME_IMAGE  what a service runs on. `scratch`: Node.js, the C libraries and certificates of NODE_IMAGE, and nothing else, no
#                shell and no package manager. Any image with glibc and libstdc++ will do, for instance
#                gcr.io/distroless/cc-debian12:nonroot by digest.
# VERSION, REVISION, CREATED   what the labels say (https://specs.opencontainers.org/image-spec/annotations).
ARG NODE_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=scratch

# What npm needs and no more, so that a change of code does not install again.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /app
COPY . /checkout
RUN cd /checkout \
 && find . -name node_modules -prune -o \( -name package.json -o -name package-lock.json -o -name .npmrc \) -print \
  | xargs cp --parents -t /app

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN npm ci
COPY . .
RUN npm run build

# The files of each service, in a folder of its own. Everything it loads is there when it gets as far as to miss its settings (tracing
# is loaded only on demand).
FROM build AS files
RUN for service in services/*; do \
      name=$(basename "$service") && out=/files/$name \
      && node tools/image/production-files.mjs "$out" "$service/dist/main.js" \
      && node tools/image/sbom.mjs "$out" "$name" \
      && ln -s "$service/dist/main.js" "$out/main.js" \
      && cd "$out" \
      && { OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 node main.js 2>&1 || true; } | grep 'environment is not valid' \
      && cd /app || exit 1; \
    done \
 && node tools/image/production-files.mjs /files/tools \
      libs/db/dist/migrate-cli.js libs/db/dist/seed-cli.js libs/verifier/dist/verify-cli.js \
      services/budget-tracker/dist/budgets-check.js \
      tools/dist/admin-cli.js tools/dist/topics-cli.js tools/dist/secrets-cli.js tools/dist/edge-cli.js tools/dist/proof.js \
      --with prisma/migrations node_modules/@prisma/schema-engine-wasm \
 && node tools/image/sbom.mjs /files/tools tools
# The commands a person types.
RUN mkdir /commands && cd /commands \
 && printf '#!/bin/sh\nexec node /app/tools/dist/admin-cli.js "$@"\n' >admin \
 && printf '#!/bin/sh\nexec node /app/libs/verifier/dist/verify-cli.js "$@"\n' >governsai-verify \
 && printf '#!/bin/sh\nexec node /app/services/budget-tracker/dist/budgets-check.js "$@"\n' >budgets-check \
 && chmod 755 ./*

# Node.js for a base that has none, the C libraries of it and of native modules, and what every base lacks.
FROM ${NODE_IMAGE} AS runtime
ARG RUNTIME_IMAGE
COPY --from=files /files /files
RUN mkdir -p /runtime/tmp /runtime/usr/local/bin && chmod 1777 /runtime/tmp \
 && cp "$(readlink -f "$(command -v node)")" /runtime/usr/local/bin/node \
 && if [ "$RUNTIME_IMAGE" = scratch ]; then \
      find /runtime/usr/local/bin/node /files -type f \( -name node -o -name '*.node' \) -exec ldd {} + \
        | sed -nE 's/^\t(.* => )?(\/[^ ]+) \(0x.*$/\2/p' | sort -u | xargs -I{} cp --parents -L {} /runtime \
      && mkdir -p /runtime/etc/ssl/certs \
      && echo 'node:x:1000:1000::/app:/sbin/nologin' >/runtime/etc/passwd \
      && echo 'node:x:1000:' >/runtime/etc/group \
      && echo 'hosts: files dns' >/runtime/etc/nsswitch.conf \
      && if [ -f /etc/ssl/certs/ca-certificates.crt ]; then cp -L /etc/ssl/certs/ca-certificates.crt /runtime/etc/ssl/certs; fi; \
    fi

# Has a shell, for it is also where a person looks around.
FROM ${NODE_IMAGE} AS tools
ARG NODE_IMAGE
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="governsai/tools" \
      org.opencontainers.image.description="Migration, topics, admin command, edge and tests of GovernsAI" \
      org.opencontainers.image.base.name="${NODE_IMAGE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=files /files/tools ./
COPY --from=files /commands /usr/local/bin/
# A volume mounted here belongs to the user who writes the secrets.
RUN install -d -o 1000 -g 1000 /run/governsai
USER 1000

FROM ${RUNTIME_IMAGE} AS service
ARG SERVICE
ARG RUNTIME_IMAGE
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="governsai/${SERVICE}" \
      org.opencontainers.image.description="One of the five services of GovernsAI" \
      org.opencontainers.image.base.name="${RUNTIME_IMAGE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=runtime /runtime /
COPY --from=files /files/${SERVICE} /app
ENV NODE_ENV=production HOST=0.0.0.0 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /app
# A number: Kubernetes cannot tell from a name that it is not root.
USER 1000
# It gets as far as to miss its settings with what this very image holds: no file and no library is missing.
RUN ["node", "-e", "const { stdout, stderr } = require('child_process').spawnSync('node', ['main.js'], { encoding: 'utf8' }); if (!/environment is not valid/.test(stdout + stderr)) { console.error(stdout + stderr); process.exit(1); }"]
ENTRYPOINT []
CMD ["node", "--enable-source-maps", "main.js"]
