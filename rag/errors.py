"""What can go wrong and needs a person. A refusal is an Answer, not an error.

RagError                  message = what happened, the value seen, the command that fixes it
├── ConfigError           a setting or variable is unknown, or its value is not possible
├── CorpusError           the folder of documents is missing, empty or unreadable
├── DataSetError          a file of an evaluation set is missing or malformed; names file and line
├── LoadError             one file cannot be read as a document; the build reports it and goes on
├── IndexStoreError       the index is missing, damaged, locked or made with other settings
│   ├── IndexMissing
│   ├── IndexDamaged
│   ├── IndexMismatch
│   └── IndexLocked
├── ModelError            a model file
│   ├── ModelMissing      not in the store
│   ├── ModelDamaged      its bytes are not the catalogue's
│   └── FetchError        no source delivered it; lists what was tried
├── QuestionError         the question cannot be asked (empty, too long)
└── GenerationError       the engine failed or the prompt does not fit
"""

from __future__ import annotations


class RagError(Exception):
    """Root of all errors a person can act on.

    ``str(error)`` is ``error.message``, one or more sentences, and ``error.fix``, the command that mends it, or "".
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        self.message = message
        self.fix = fix
        super().__init__(f"{message}\n  fix: {fix}" if fix else message)


class ConfigError(RagError):
    """A setting or variable is unknown, or its value is not possible."""


class CorpusError(RagError):
    """The folder of documents is missing, empty or unreadable."""


class DataSetError(RagError):
    """A file of an evaluation set is missing or malformed."""


class LoadError(RagError):
    """One file cannot be read as a document."""


class IndexStoreError(RagError):
    """The index cannot be used."""


class IndexMissing(IndexStoreError):
    """There is no index in the folder."""


class IndexDamaged(IndexStoreError):
    """A file of the index is not what its manifest says."""


class IndexMismatch(IndexStoreError):
    """The index was made with another embedder or schema."""


class IndexLocked(IndexStoreError):
    """Another process is writing the index."""


class ModelError(RagError):
    """A model file cannot be used."""


class ModelMissing(ModelError):
    """The model is not in the store."""


class ModelDamaged(ModelError):
    """The model's bytes are not the ones the catalogue names."""


class FetchError(ModelError):
    """No source delivered the model."""


class QuestionError(RagError):
    """The question cannot be asked."""


class GenerationError(RagError):
    """The language model failed, or the prompt does not fit its context."""
