# syntax=docker/dockerfile:1
# The images of GovernsAI. One service:      docker build --build-arg SERVICE=auth -t governsai/auth .
# Edge, migrations and topics:  docker build --target tools -t governsai/tools .
ARG NODE_IMAGE=node:24-bookworm-slim

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
RUN npm run build \
 && find libs services tools -path '*/dist/*' \( -name '*.d.ts' -o -name '*.tsbuildinfo' \) -delete

FROM ${NODE_IMAGE} AS production
WORKDIR /app
COPY --from=manifests /app ./
RUN npm ci --omit=dev

# What every image holds: the packages of production and the compiled libraries. The layers are shared by all of them.
FROM ${NODE_IMAGE} AS base
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=production /app ./
COPY --from=build /app/libs ./compiled
RUN cd compiled && for lib in *; do mv "$lib/dist" "../libs/$lib/dist"; done && rm -r /app/compiled

FROM base AS tools
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/tools/dist ./tools/dist
# A volume mounted here belongs to the user who writes the secrets.
RUN install -d -o node -g node /run/governsai
USER node

FROM base AS service
ARG SERVICE
COPY --from=build /app/services/${SERVICE}/dist ./services/${SERVICE}/dist
RUN ln -s "services/${SERVICE}/dist/main.js" main.js
USER node
CMD ["node", "--enable-source-maps", "main.js"]
