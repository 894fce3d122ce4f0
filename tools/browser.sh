#!/usr/bin/env bash
# Tests of web pages want a Chromium. Where this is root on a Debian without one (a container), it is installed, once; elsewhere nothing
# happens, and those tests skip, saying so. Never fails.
for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v "$name" >/dev/null && exit 0; done
[ -n "${LIMNER_CHROMIUM:-}" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ ! -f .venv/.no-chromium ]; then
  echo "limner: installing Chromium for the tests of web pages (once)"
  export DEBIAN_FRONTEND=noninteractive
  { timeout 120 apt-get update -qq && timeout 400 apt-get install -y -qq --no-install-recommends chromium; } </dev/null >/dev/null 2>&1 && exit 0
  touch .venv/.no-chromium 2>/dev/null # not tried again until the venv is made anew
fi
echo "limner: no Chromium here; the tests of web pages will skip (Debian: apt-get install chromium)"
exit 0
