"""Sampled stacks become shares (benchmarks/profiles.py)."""

from __future__ import annotations

from benchmarks.profiles import ROOT, shares

MAIN = f"main ({ROOT}/rag/cli.py:1)"
IMPORT = "_find_and_load (<frozen importlib._bootstrap>:2)"


def test_a_sample_belongs_to_the_deepest_file_or_to_what_is_being_imported() -> None:
    found = shares(
        {
            f"{MAIN};search ({ROOT}/rag/index/snapshot.py:7);dot (/x/site-packages/numpy/core.py:3)": 6,
            f"{MAIN};{IMPORT};<module> (/x/site-packages/faiss/__init__.py:3);loads (/x/json/__init__.py:9)": 3,
            f"{MAIN};{IMPORT};<module> ({ROOT}/rag/text/words.py:3)": 1,
            f"_bootstrap (/x/threading.py:1);run ({ROOT}/rag/cli.py:4)": 90,
        }
    )
    assert found["samples"] == 10
    assert found["parts"] == {
        "rag/index/snapshot.py": 0.6,
        "import of faiss": 0.3,
        "import of the program's and of Python's own modules": 0.1,
    }
    assert found["self"]["numpy dot"] == 0.6
    assert found["cumulative"] == {"rag/index/snapshot.py search": 0.6, "rag/text/words.py <module>": 0.1}


def test_only_what_a_named_function_called_counts() -> None:
    stack = f"{MAIN};measured ({ROOT}/benchmarks/profiles.py:5);ask ({ROOT}/rag/assistant.py:2)"
    found = shares({stack: 2, MAIN: 8, f"{stack};wait (/x/threading.py:3)": 2}, "measured")
    assert (found["samples"], found["parts"]) == (4, {"rag/assistant.py": 1.0})
