#!/bin/bash
# Builds the documents of this checkout into site/, static HTML with search. The generator is installed into .cache/site
# the first time; after that nothing here needs a network.
set -eu
cd "$(dirname -- "$0")/../.."
work=.cache/site
mkdir -p "$work"
if ! cmp -s tools/site/package.json "$work/package.json" || [ ! -x "$work/node_modules/.bin/vitepress" ]; then
  cp tools/site/package.json "$work/package.json"
  tools/with-node npm install --prefix "$work" --no-package-lock --no-audit --no-fund --loglevel=error </dev/null >&2
fi

# Pages, and only those: what git knows, so that no folder of a tool is searched.
rm -rf "$work/pages" site
mkdir -p "$work/pages/.vitepress"
git ls-files -z --cached --others --exclude-standard -- '*.md' ':!golden/*/*' | while IFS= read -r -d '' page; do
  mkdir -p "$work/pages/$(dirname -- "$page")"
  cp -- "$page" "$work/pages/$page"
done
# README.md keeps its own name too, for the links to it.
cp README.md "$work/pages/index.md"
cp tools/site/config.mjs "$work/pages/.vitepress/config.mjs"
tools/with-node "$work/node_modules/.bin/vitepress" build "$work/pages" --outDir "$PWD/site"
echo "site/index.html: serve the folder, as with: python3 -m http.server -d site" >&2
