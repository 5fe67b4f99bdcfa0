#!/usr/bin/env bash
# Installs what the end-to-end tests and the demo start: runc, crun, Docker, containerd, podman, busybox, a C compiler and image tools.
# Does nothing where all is there. Needs root on Debian or Ubuntu; elsewhere it says what is missing and ends with status 3.
# No service is started by it.
set -eu

# program:package pairs; a program is looked for in PATH and the sbin folders.
need="runc:runc crun:crun dockerd:docker.io docker:docker-cli containerd:containerd ctr:containerd podman:podman
busybox:busybox-static gcc:gcc debootstrap:debootstrap strace:strace iptables:iptables setpriv:util-linux"
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

missing() {
  for pair in $need; do command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair##*:}"; done
  [ -e /usr/include/stdlib.h ] || printf 'libc6-dev '
  [ -e "/lib/ld-musl-$(uname -m).so.1" ] || printf 'musl '
}

# Docker before 25 and podman before 4.9 lack what berth is tested with.
too_old() {
  docker --version 2>/dev/null | grep -Eq 'version (1?[0-9]|2[0-4])\.' && printf 'docker.io docker-cli '
  podman --version 2>/dev/null | grep -Eq 'version ([0-3]\.|4\.[0-8](\.|$))' && printf 'podman '
  return 0
}

packages="$(missing)$(too_old)"
[ -n "$packages" ] || exit 0

. /etc/os-release 2>/dev/null || ID=unknown
if [ "$(id -u)" != 0 ] || { [ "$ID" != debian ] && [ "$ID" != ubuntu ]; }; then
  echo "Missing: $packages(installed by this script as root on Debian or Ubuntu)" >&2
  exit 3
fi

# Debian 12's own engines are too old: the next suite of the same mirror has newer ones, and everything else stays as it is.
add_trixie() {
  local sources=/etc/apt/sources.list.d/berth-trixie.sources from
  from=$(grep -ls '^Suites:.*bookworm' /etc/apt/sources.list.d/*.sources | head -n 1)
  if [ -n "$from" ]; then
    awk -v RS= '/Suites:[^\n]*bookworm/ && !/bookworm-security/ { sub(/Suites:[^\n]*/, "Suites: trixie"); print; exit }' "$from" >"$sources"
  else
    sed -n 's/^\(deb [^ ]* *[^ ]*\) bookworm .*/\1 trixie main/p; s/^deb \([^ ]*\) bookworm .*/deb \1 trixie main/p' \
      /etc/apt/sources.list | head -n 1 >/etc/apt/sources.list.d/berth-trixie.list
  fi
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' >/etc/apt/preferences.d/berth-trixie
}

suite=""
if [ "$ID" = debian ] && [ "${VERSION_ID:-}" = 12 ]; then
  add_trixie
  suite="-t trixie"
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
echo "Installing: $packages" >&2
apt-get -qq update >&2
# shellcheck disable=SC2086 -- both are lists of words
apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 $suite install $packages >/dev/null

left="$(missing)$(too_old)"
[ -z "$left" ] || { echo "Still missing after the installation: $left" >&2; exit 3; }
