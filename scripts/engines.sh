#!/usr/bin/env bash
# Installs what the end-to-end tests and the demo start: runc, crun, Docker and its Compose, containerd, podman (for users without rights too), busybox, tmux, a C compiler and image tools.
# Does nothing where all is there. Needs root on Debian or Ubuntu; elsewhere it says what is missing and ends with status 3.
# No service is started by it.
set -eu

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
ID=unknown
if [ -r /etc/os-release ]; then . /etc/os-release; fi

docker_cli=docker-cli
compose=docker-compose
if [ "$ID" = ubuntu ]; then
  docker_cli=docker.io
  compose=docker-compose-v2
fi

# program:package pairs
need="runc:runc crun:crun dockerd:docker.io docker:$docker_cli containerd:containerd ctr:containerd podman:podman newuidmap:uidmap
busybox:busybox-static gcc:gcc debootstrap:debootstrap strace:strace tmux:tmux iptables:iptables setpriv:util-linux"

missing() {
  for pair in $need; do command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair##*:}"; done
  [ -e /usr/include/stdlib.h ] || printf 'libc6-dev '
  [ -e "/lib/ld-musl-$(uname -m).so.1" ] || printf 'musl '
  # A plugin of the client, that is in no folder of PATH everywhere.
  docker compose version >/dev/null 2>&1 || printf '%s ' "$compose"
}

# Docker before 25 and podman before 4.9 lack what berth is tested with.
too_old() {
  if dockerd --version 2>/dev/null | grep -Eq 'version (1?[0-9]|2[0-4])\.'; then printf 'docker.io '; fi
  if docker --version 2>/dev/null | grep -Eq 'version (1?[0-9]|2[0-4])\.'; then printf '%s ' "$docker_cli"; fi
  if podman --version 2>/dev/null | grep -Eq 'version ([0-3]\.|4\.[0-8](\.|$))'; then printf 'podman '; fi
}

packages="$(missing)$(too_old)"
if [ -z "$packages" ]; then exit 0; fi

if [ "$(id -u)" != 0 ] || { [ "$ID" != debian ] && [ "$ID" != ubuntu ]; }; then
  echo "Missing: $packages(installed by this script as root on Debian or Ubuntu)" >&2
  exit 3
fi

# The apt source of Debian 12's own packages, rewritten for the next suite; nothing where this machine has none.
trixie_source() {
  local file found=""
  for file in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ ! -e "$file" ]; then continue; fi
    case $file in
      *.sources) found=$(awk -v RS= '/(^|\n)Suites:([^\n]* )?bookworm( |\n|$)/ { sub(/Suites:[^\n]*/, "Suites: trixie"); print; exit }' "$file") ;;
      *) found=$(awk '$1 == "deb" && / bookworm / { sub(/ bookworm .*/, " trixie main"); print; exit }' "$file") ;;
    esac
    if [ -n "$found" ]; then break; fi
  done
  printf '%s' "$found"
}

# Debian 12's own engines are too old: the next suite of the same mirror has newer ones, and everything else stays as it is.
# The version in os-release says nothing here: an earlier run may have brought the newer suite's.
add_trixie() {
  local lists=/etc/apt/sources.list.d source
  if [ -e "$lists/berth-trixie.sources" ] || [ -e "$lists/berth-trixie.list" ]; then return 0; fi
  source=$(trixie_source)
  case $source in
    "") return 1 ;;
    deb*) printf '%s\n' "$source" >"$lists/berth-trixie.list" ;;
    *) printf '%s\n' "$source" >"$lists/berth-trixie.sources" ;;
  esac
  printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' >/etc/apt/preferences.d/berth-trixie
}

suite=""
if [ "$ID" = debian ] && add_trixie; then suite="-t trixie"; fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo "Installing: $packages" >&2
apt-get -qq -o DPkg::Lock::Timeout=300 update >&2
# shellcheck disable=SC2086 -- both are lists of words
apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 $suite install $packages >/dev/null

left="$(missing)$(too_old)"
if [ -n "$left" ]; then
  echo "Still missing after the installation: $left" >&2
  exit 3
fi
