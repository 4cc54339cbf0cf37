#!/bin/sh
# Makes `.venv` with the hashed lock, the `civic` command and the compiled words, in the tree this file lies in. No build, no root.
#   sh deploy/install.sh            everything; again after every upgrade
#   sh deploy/install.sh packages   only the lock        (the Dockerfile does it in two layers)
#   sh deploy/install.sh link       only what comes after it
# PYTHON names the interpreter (python3, 3.11 or newer). Behind a mirror set PIP_INDEX_URL or pip's own configuration.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
what=${1:-all}

if [ "$what" != link ]; then
    "${PYTHON:-python3}" -c 'import sys; sys.exit("Civic needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
    [ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
fi

if [ "$what" != packages ]; then
    echo "$root" > "$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/civic.pth"
    # A shell line finds the Python beside it: the first line of a script may hold neither a long path nor a blank.
    cat > .venv/bin/civic <<'SCRIPT'
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
import sys

from civic.cli import main

sys.exit(main())
SCRIPT
    chmod 0755 .venv/bin/civic
    for po in translations/*/LC_MESSAGES/messages.po; do
        language=$(basename "$(dirname "$(dirname "$po")")")
        .venv/bin/pybabel --quiet compile --input-file "$po" --output-file "${po%.po}.mo" --locale "$language"
    done
    .venv/bin/python -m compileall -q civic migrations
    echo "Civic stands in $root/.venv."
fi
