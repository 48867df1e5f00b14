"""Makes the folders that ``data.py`` reads: real documents from their repositories, invented ones from here.

    python benchmarks/reader/folders.py OUT [--twins]

``folders.json`` names for each the repository, commit, licence and files. The questions in ``questions/`` were written
by language models that had read the documents, and were told to use a person's words instead of the documents'; each
names its gold units, and those near it, by file and by the start of the sha256 of their letters and digits, so no text
of others is here.
``twins/`` has, for most of the answerable ones, a question that differs in one thing, which those units do not answer;
they are taken too where ``--twins`` is given.
The invented folders (a household, a workshop, a school) are in ``documents/``.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.config import Settings
from rag.index.build import build
from rag.index.snapshot import load_index
from rag.models.embed import open_embedder
from rag.models.store import locate

HERE = Path(__file__).parent


def fingerprint(text: str) -> str:
    """What a unit is known by, whatever marks a loader leaves around it.

    >>> fingerprint("Tea is hot.") == fingerprint("• tea is hot")
    True
    """
    return hashlib.sha256("".join(re.findall(r"\w", text.lower())).encode()).hexdigest()[:10]


def copy_from(repository: str, commit: str, files: list[str], out: Path) -> None:
    with TemporaryDirectory() as clone:
        subprocess.run(["git", "clone", "-q", "--no-checkout", repository, clone], check=True)
        for name in files:
            shown = subprocess.run(["git", "-C", clone, "show", f"{commit}:{name}"], check=True, capture_output=True)
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(shown.stdout)


def main() -> None:
    out, with_twins = Path(sys.argv[1]), "--twins" in sys.argv
    settings = Settings()
    embedder = open_embedder(locate(settings.embedder, settings.models), name=settings.embedder)
    sources = json.loads((HERE / "folders.json").read_text("utf-8"))
    for questions in sorted((HERE / "questions").glob("*.jsonl")):
        name = questions.stem
        documents = out / name / "documents"
        if name in sources:
            copy_from(sources[name]["repository"], sources[name]["commit"], sources[name]["files"], documents)
        else:
            shutil.copytree(HERE / "documents" / name, documents, dirs_exist_ok=True)
        build(documents, out / name / "index", embedder)
        index = load_index(out / name / "index")
        places: dict[tuple[str, str], list[list[str | int]]] = {}
        for chunk in index.chunks:
            text = index.documents[chunk.document_id].text
            for unit in chunk.sentences:
                key = chunk.document_id, fingerprint(text[unit.start : unit.end])
                places.setdefault(key, []).append([chunk.document_id, unit.start, unit.end])
        asked = questions.read_text("utf-8")
        if with_twins:
            asked += (HERE / "twins" / f"{name}.jsonl").read_text("utf-8")
        with (out / name / "questions.jsonl").open("w", encoding="utf-8") as stream:
            for line in asked.splitlines():
                question = json.loads(line)
                gold, near = (
                    [place for key in question.get(part, ()) for place in places.get((key[0], key[1]), [])]
                    for part in ("gold", "near")
                )
                if gold or not question["gold"]:
                    stream.write(json.dumps({**question, "gold": gold, "near": near}) + "\n")


if __name__ == "__main__":
    main()
