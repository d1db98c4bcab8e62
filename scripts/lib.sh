# lib.sh: what the scripts of this folder share. Sourced, not run.
# shellcheck shell=bash disable=SC2034  # what is assigned here is for the scripts that source it
#
# Every script works from any directory, on a fresh Debian 12 or Ubuntu 24.04 with Swift 6 on PATH, and installs the
# packages that it lacks. Nothing here starts or needs a system service.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The weir that a script is to take in place of building one. Scripts change the directory after this.
[ -z "${WEIR_BINARY:-}" ] || WEIR_BINARY=$(realpath -e "$WEIR_BINARY")

# The libraries that weir is linked with. pkg-config: SwiftPM asks it where some of them are.
build_packages=(libuv1-dev libhiredis-dev libyaml-dev libjansson-dev libssl-dev pkg-config)
# The servers that tests put beside weir, papers for them, and a C compiler for the allocation count and for clocks.
test_packages=("${build_packages[@]}" nginx haproxy redis-server openssl python3-seccomp slowhttptest gcc libc6-dev)
# The browser for the page's tests. Ubuntu has it as a snap only, which needs a system service: those tests are skipped there.
! grep -qx 'ID=debian' /etc/os-release 2>/dev/null || test_packages+=(chromium chromium-driver)
# What scripts/check-deploy runs; prometheus brings promtool.
deploy_packages=(nginx haproxy redis-server prometheus systemd wget curl iproute2)
tools_packages=(python3-venv)
# What scripts/prove-image makes and looks at the image with.
image_packages=(debootstrap python3 util-linux iproute2 binutils openssl redis-server)
bench_packages=("${build_packages[@]}" nginx redis-server wrk util-linux python3)

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# install PACKAGE...: installs those that are missing, as root or through sudo. Servers among them are not started, now or
# when the machine starts.
install() {
  local package missing=()
  command -v dpkg-query >/dev/null || fail "no dpkg here; install by hand what these Debian packages hold: $*"
  for package in "$@"; do
    # `ii` and not merely known: a removed package is listed too.
    case $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
      ii*) ;;
      *) missing+=("$package") ;;
    esac
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "missing packages, and neither root nor sudo to install them: ${missing[*]}"
    as_root=(sudo)
  fi
  say "install ${missing[*]}"
  # We want the binaries only. SYSTEMD_OFFLINE: systemctl starts nothing for the packages' own scripts, as in a chroot.
  # RUNLEVEL=1: nor does invoke-rc.d where there is no systemd.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 RUNLEVEL=1
    apt-get -qq -o Dpkg::Use-Pty=0)
  "${apt[@]}" update </dev/null
  "${apt[@]}" install --no-install-recommends -y "${missing[@]}" </dev/null >/dev/null ||
    fail "could not install ${missing[*]}"
  for package in "${missing[@]}"; do
    [ ! -e "/lib/systemd/system/$package.service" ] ||
      "${as_root[@]}" env SYSTEMD_OFFLINE=1 systemctl --quiet disable "$package.service" 2>/dev/null || true
  done
}

# install_tools: installs the programs of requirements.txt in a virtual environment below .build; sets `tools` to the
# folder that holds them. It is made again only when the list, the Python or the place changes: an environment names its
# own path in every program, so a moved one is of no use.
install_tools() {
  install "${tools_packages[@]}"
  [ "$(uname -m)" = x86_64 ] || fail "scripts/requirements.txt has the tools for x86-64 only"
  local venv=$root/.build/tools list=$root/scripts/requirements.txt made
  tools=$venv/bin
  made="$venv $(/usr/bin/python3 --version) $(sha256sum <"$list")"
  # Written last: an installation that was interrupted is not taken for a whole one.
  [ "$made" != "$(cat "$venv/made" 2>/dev/null)" ] || return 0
  say "install the tools of scripts/requirements.txt"
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  # No dependencies beyond the list: `pip check` then tells what is missing in it.
  "$tools/pip" --disable-pip-version-check -q install --no-deps --require-hashes -r "$list" </dev/null ||
    fail "could not install scripts/requirements.txt from PyPI"
  "$tools/pip" --disable-pip-version-check check >/dev/null || fail "scripts/requirements.txt is not complete"
  printf '%s\n' "$made" >"$venv/made"
}

need_swift() {
  command -v swift >/dev/null || fail "no swift on PATH; weir needs Swift 6.2 or later (https://swift.org/install)"
}

# build_release: builds the binary that is deployed; sets `weir` to its path. (--disable-local-rpath: it looks for no library
# in its own folder.)
build_release() {
  local flags=(-c release --static-swift-stdlib --disable-local-rpath --package-path "$root" --product weir)
  swift build "${flags[@]}" </dev/null || fail "the release build failed"
  weir=$(swift build "${flags[@]}" --show-bin-path </dev/null)/weir
}
