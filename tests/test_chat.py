"""Chat formats against the models' own templates, neutral text as a property, and the reader of GGUF headers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ModelDamaged
from rag.models.llm.chat import (
    CHATML,
    CHATML_NO_THINKING,
    GEMMA,
    LLAMA3,
    PLAIN,
    ChatFormat,
    control_strings,
    detect,
    format_prefix,
    format_prompt,
    neutralise,
)
from rag.models.llm.gguf import Description, describe, read_metadata
from rag.models.protocols import Prompt
from tests.tiny_models import CONTEXT, SPECIALS, TEMPLATE, vocabulary, write_checkpoint, write_gguf

PROMPT = Prompt("Be brief.", (("1+1?", "2"),), "2+2?")
FORMATS = [CHATML, CHATML_NO_THINKING, LLAMA3, GEMMA, PLAIN]
QWEN = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>")

# What the publishers' templates make of PROMPT, without the token that begins a text.
EXPECTED = {
    "chatml": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n2"
    "<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n",
    "chatml, thinking off": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>"
    "assistant\n2<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "llama3": "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user"
    "<|end_header_id|>\n\n1+1?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n2<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\n2+2?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "gemma": "<start_of_turn>user\nBe brief.\n\n1+1?<end_of_turn>\n<start_of_turn>model\n2<end_of_turn>\n"
    "<start_of_turn>user\n2+2?<end_of_turn>\n<start_of_turn>model\n",
    "plain": "Be brief.\n\nQuestion: 1+1?\nAnswer: 2\n\nQuestion: 2+2?\nAnswer:",
}


@pytest.mark.parametrize("chat", FORMATS, ids=lambda chat: chat.name)
def test_each_family_writes_its_turns(chat: ChatFormat) -> None:
    assert format_prompt(PROMPT, chat, ()) == EXPECTED[chat.name]


@pytest.mark.parametrize("chat", FORMATS, ids=lambda chat: chat.name)
@pytest.mark.parametrize("examples", [(), (("a", "b"), ("c", "d"))])
@pytest.mark.parametrize("system", ["", "Be brief."])
def test_the_prefix_begins_every_prompt_with_the_same_instructions(
    chat: ChatFormat, examples: tuple[tuple[str, str], ...], system: str
) -> None:
    prefix = format_prefix(Prompt(system, examples, "one"), chat, ())
    for user in ("one", "two\nlines"):
        assert format_prompt(Prompt(system, examples, user), chat, ()).startswith(prefix + user)


@pytest.mark.parametrize(
    ("template", "chat"),
    [
        (TEMPLATE, CHATML),
        (TEMPLATE + "{% if enable_thinking is false %}{{ '<think>' }}{% endif %}", CHATML_NO_THINKING),
        ("{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>' }}", LLAMA3),
        ("{{ '<start_of_turn>' + role }}", GEMMA),
        ("{{ '[INST]' }}", PLAIN),
        ("", PLAIN),
        (None, PLAIN),
    ],
)
def test_the_family_is_told_by_the_template(template: str | None, chat: ChatFormat) -> None:
    assert detect(template) is chat


# --- neutral text --------------------------------------------------------------------------------

texts_with_specials = st.lists(st.one_of(st.sampled_from(QWEN), st.text(max_size=5), st.sampled_from("<|> \n"))).map(
    "".join
)
vocabularies = st.lists(st.text("ab \n", min_size=1, max_size=4), max_size=5).map(control_strings)


@given(texts_with_specials)
def test_no_special_token_is_left_in_a_text(text: str) -> None:
    neutral = neutralise(text, QWEN)
    assert not any(special in neutral for special in QWEN)
    assert neutralise(neutral, QWEN) == neutral


@given(st.text("ab \n", max_size=30), vocabularies)
def test_nor_of_any_other_vocabulary(text: str, controls: tuple[str, ...]) -> None:
    neutral = neutralise(text, controls)
    assert not any(control in neutral for control in controls)
    assert "".join(neutral.split()) == "".join(text.split())
    if not any(control in text for control in controls):
        assert neutral == text


@given(st.text().filter(lambda text: not any(special in text for special in QWEN)))
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutralise(text, QWEN) == text


@given(st.lists(texts_with_specials, min_size=4, max_size=4), st.sampled_from(FORMATS))
def test_a_prompt_holds_only_the_special_tokens_of_its_turns(texts: list[str], chat: ChatFormat) -> None:
    specials = (*QWEN, "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<start_of_turn>", "<end_of_turn>")
    prompt = Prompt(texts[0], ((texts[1], texts[2]),), texts[3])
    written = format_prompt(prompt, chat, specials)
    harmless = format_prompt(Prompt("s" if texts[0].strip() else "", (("u", "a"),), "u"), chat, specials)
    for special in specials:
        assert written.count(special) == harmless.count(special)


def test_only_visible_strings_are_controls() -> None:
    assert control_strings(["<b>", "\n\n", "▁▁", "x", " <c> ", "<b>"]) == ("<b>", "<c>", "▁▁")


def test_lone_surrogates_become_question_marks() -> None:
    assert neutralise("a\ud800b", ()) == "a?b"


# --- headers -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("header")
    return write_gguf(folder / "tiny.gguf", write_checkpoint(folder))


def test_metadata_is_what_another_reader_finds(gguf_file: Path) -> None:
    from gguf import GGUFReader

    ours, theirs = read_metadata(gguf_file), GGUFReader(gguf_file)
    fields = {name: field.contents() for name, field in theirs.fields.items() if not name.startswith("GGUF.")}
    assert ours == fields


def test_a_model_is_described_before_it_is_opened(gguf_file: Path) -> None:
    assert describe(gguf_file) == Description(
        architecture="qwen2",
        context_tokens=CONTEXT,
        chat_template=TEMPLATE,
        specials=SPECIALS,
        bos="",
        bos_id=None,
        eos="<|im_end|>",
    )
    begun = describe(write_gguf(gguf_file.with_name("bos.gguf"), gguf_file.parent, bos=True))
    assert (begun.bos, begun.bos_id) == ("<|endoftext|>", vocabulary().index("<|endoftext|>"))


@given(changes=st.dictionaries(st.integers(24, 1500), st.integers(0, 255), min_size=1, max_size=8))
def test_a_damaged_header_is_described_or_refused(changes: dict[int, int], gguf_file: Path) -> None:
    content = bytearray(gguf_file.read_bytes())
    for at, byte in changes.items():
        content[at] = byte
    path = gguf_file.with_name("damaged.gguf")
    path.write_bytes(content)
    with suppress(ModelDamaged):
        assert isinstance(describe(path).chat_template, str)


def test_every_kind_of_value_is_read(tmp_path: Path) -> None:
    from gguf import GGUFValueType, GGUFWriter

    values: dict[str, tuple[Any, GGUFValueType]] = {
        "u8": (200, GGUFValueType.UINT8),
        "i8": (-100, GGUFValueType.INT8),
        "u16": (60_000, GGUFValueType.UINT16),
        "i16": (-30_000, GGUFValueType.INT16),
        "u32": (4_000_000_000, GGUFValueType.UINT32),
        "i32": (-2_000_000_000, GGUFValueType.INT32),
        "f32": (0.5, GGUFValueType.FLOAT32),
        "bool": (True, GGUFValueType.BOOL),
        "string": ("é", GGUFValueType.STRING),
        "u64": (1 << 60, GGUFValueType.UINT64),
        "i64": (-(1 << 60), GGUFValueType.INT64),
        "f64": (0.1, GGUFValueType.FLOAT64),
    }
    writer = GGUFWriter(tmp_path / "kinds.gguf", "llama")
    for name, (value, kind) in values.items():
        writer.add_key_value(name, value, kind)
    writer.add_array("list", ["a", "b"])
    writer.add_array("numbers", [1, 2, 3])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    metadata = read_metadata(tmp_path / "kinds.gguf")
    assert {name: metadata[name] for name in values} == {name: value for name, (value, _) in values.items()}
    assert (metadata["list"], metadata["numbers"]) == (["a", "b"], [1, 2, 3])


@given(length=st.integers(0, 3000))
def test_a_cut_header_is_an_error_with_a_name(length: int, gguf_file: Path) -> None:
    path = gguf_file.with_name("cut.gguf")
    path.write_bytes(gguf_file.read_bytes()[:length])
    with pytest.raises(ModelDamaged, match=r"cut\.gguf"):
        read_metadata(path)


@given(changes=st.dictionaries(st.integers(4, 1500), st.integers(0, 255), min_size=1, max_size=8))
def test_a_damaged_header_raises_nothing_else(changes: dict[int, int], gguf_file: Path) -> None:
    content = bytearray(gguf_file.read_bytes()[:3000])
    for at, byte in changes.items():
        content[at] = byte
    path = gguf_file.with_name("damaged.gguf")
    path.write_bytes(content)
    with suppress(ModelDamaged):
        metadata = read_metadata(path)
        assert set(map(type, metadata)) <= {str}  # fewer pairs: their count was changed


@pytest.mark.parametrize("content", [b"", b"GGU", b"some text, no model", b"GGUF", b"GGUF" + b"\xff" * 99])
def test_what_is_no_gguf_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelDamaged, match=r"x\.gguf"):
        read_metadata(path)
