#!/bin/sh
# Puts what `make build` made under a prefix: tools/install/install.sh DIST ROOT, where ROOT is DESTDIR and PREFIX as one path.
#
# The program itself is one folder, lib/slicewright; bin/ has links to it, relative, so that ROOT can be moved.
set -eu
dist=$1
root=$2

put() { # FILE FOLDER
  mkdir -p -- "$root/$2"
  install -m 0644 -- "$1" "$root/$2/"
}

rm -rf -- "$root/lib/slicewright"
mkdir -p -- "$root/lib/slicewright" "$root/bin"
cp -R -- "$dist/." "$root/lib/slicewright/"
rm -rf -- "$root/lib/slicewright/man" "$root/lib/slicewright/completions"
ln -sf ../lib/slicewright/slicewright.js "$root/bin/slicewright"
for plugin in kubectl-slicewright kubectl_complete-slicewright; do
  ln -sf "../lib/slicewright/$plugin" "$root/bin/$plugin"
done

rm -f -- "$root"/share/man/man1/slicewright.1 "$root"/share/man/man1/slicewright-*.1
for page in "$dist"/man/*.1; do put "$page" share/man/man1; done
put "$dist/completions/bash/slicewright" share/bash-completion/completions
put "$dist/completions/zsh/_slicewright" share/zsh/site-functions
put "$dist/completions/fish/slicewright.fish" share/fish/vendor_completions.d
put "$dist/completions/powershell/slicewright.ps1" share/slicewright
for text in README.md LICENSE; do put "$text" share/doc/slicewright; done
