#!/usr/bin/env bash
# Writes the chart's README.md from its values; needs helm-docs, which tests/deploy/tools.sh builds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../../.tools/deploy/bin:$PATH
command -v helm-docs > /dev/null || { echo "missing: helm-docs; tests/deploy/tools.sh helm-docs builds it" >&2; exit 1; }
helm-docs --chart-search-root "$here/homecoming" --sort-values-order file --log-level warning
