#!/bin/sh
# Runs the whole test suite and installs what it needs: README.md, command 2.
#
# The tests use real registries and container engines. On Debian they are installed here; elsewhere install the same
# programs by hand. A part that is missing fails its tests; nothing is skipped.
set -eu
cd "$(dirname "$0")/.."

parts="docker-registry skopeo podman containerd dockerd nginx strace htpasswd curl ip unshare faketime ssh-keygen openssl"
packages="docker-registry skopeo podman containerd docker.io nginx-light strace apache2-utils curl iproute2 util-linux ca-certificates gcc libc6-dev faketime openssh-client openssl"

missing=""
for part in $parts; do
    command -v "$part" >/dev/null 2>&1 || missing="$missing $part"
done
if [ -n "$missing" ]; then
    echo "installing what the tests need:$missing"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo"
    command -v apt-get >/dev/null 2>&1 || {
        echo "this machine has no apt-get; install by hand:$missing" >&2
        exit 1
    }
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi
command -v cargo >/dev/null 2>&1 || {
    echo "cargo is missing: install Rust 1.88 or newer (https://rustup.rs, or Debian's rustup package)" >&2
    exit 1
}

# Real Helm, both majors, is a client of what the program makes. Debian has no package of it: it is built from its module.
for version in 3.21.4 4.2.4; do
    major=${version%%.*}
    helm=$HOME/go/bin/helm$major
    [ ! -x "$helm" ] || continue
    command -v go >/dev/null 2>&1 || {
        echo "go is missing: install Go 1.25 or newer, or put Helm $version at $helm" >&2
        exit 1
    }
    echo "building Helm $version"
    made=$(mktemp -d)
    GOBIN=$made GOFLAGS=-mod=mod go install "helm.sh/helm/v$major/cmd/helm@v$version"
    mkdir -p "$HOME/go/bin"
    mv "$made/helm" "$helm"
    rmdir "$made"
done

REQUIRE_REAL_PARTS=1
export REQUIRE_REAL_PARTS
exec cargo test --locked "$@"
