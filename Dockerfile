# The server as an image of one static binary: no shell, no package, no root.
#
#   docker build -t limelight:dev .
#   docker run -p 8000:8000 limelight:dev
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags=-s -o /limelight ./cmd/limelight

FROM scratch
# For peers and servers that are reached over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /limelight /limelight
USER 65532:65532
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s CMD ["/limelight", "ready"]
ENTRYPOINT ["/limelight"]
CMD ["serve", "--log-stats"]
