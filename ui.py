"""The chat in the browser: ``python ui.py`` is ``rag ui``, flags and all, for whoever stands in the source folder."""

from __future__ import annotations

import sys

from rag.cli import main

if __name__ == "__main__":
    sys.exit(main(["ui", *sys.argv[1:]]))
