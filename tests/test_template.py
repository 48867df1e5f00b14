"""Models' own chat templates: families as they write turns (templates of our own), and templates that do harm."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ground.prompt import answer_prompt, judge_prompt
from rag.models.llm import render as rendering
from rag.models.llm.chat import (
    CHATML,
    CHATML_NO_THINKING,
    GEMMA,
    LLAMA3,
    PLAIN,
    ChatFormat,
    control_strings,
    format_prefix,
    format_prompt,
    neutralise,
)
from rag.models.llm.gguf import describe
from rag.models.llm.render import Message, render
from rag.models.llm.template import chat_format
from rag.models.protocols import Prompt

PROMPT = Prompt("Be brief.", (("1+1?", "2"), ("2+2?", "4")), "3+3?")


@dataclass(frozen=True)
class Family:
    """A template, the special tokens of its model, and what it has to make of PROMPT."""

    template: str
    specials: tuple[str, ...]
    expected: str
    bos: str = "<s>"
    eos: str = "</s>"
    stop: tuple[str, ...] = ()
    marks: tuple[str, ...] = field(default=())

    @property
    def controls(self) -> tuple[str, ...]:
        return control_strings([*self.specials, *opened(self).marks])


FAMILIES = {
    "chatml": Family(
        "{%- if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou are kind.<|im_end|>\n' }}{% endif %}"
        "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
        "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        ("<|im_start|>", "<|im_end|>"),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n2<|im_end|>"
        "\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n<|im_start|>user\n3+3?<|im_end|>\n"
        "<|im_start|>assistant\n",
    ),
    # The system text would stand in the last turn, after the examples: it goes into the first one instead.
    "mistral": Family(
        "{{ bos_token }}{% set ns = namespace(system='') %}{% set last = messages | length - 1 %}"
        "{% for m in messages %}{% if m.role == 'system' %}{% set ns.system = m.content + '\n\n' %}{% continue %}"
        "{% elif m.role == 'user' %}"
        "{{ '[INST] ' + (ns.system if loop.index0 == last else '') + m.content + '[/INST]' }}"
        "{% elif m.role == 'assistant' %}{{ ' ' + m.content | trim + eos_token }}"
        "{% else %}{{ raise_exception('Unknown role') }}{% endif %}{% endfor %}",
        ("<s>", "</s>"),
        "[INST] Be brief.\n\n1+1?[/INST] 2</s>[INST] 2+2?[/INST] 4</s>[INST] 3+3?[/INST]",
        marks=("[/INST]", "[INST]"),
    ),
    "llama 2": Family(
        "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}"
        "{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
        "{% else %}{% set rest = messages %}{% set system = '' %}{% endif %}"
        "{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('user and assistant must alternate') }}{% endif %}"
        "{% if m['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' + (system if loop.first else '') + m['content'].strip() + ' [/INST]' }}"
        "{% else %}{{ ' ' + m['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
        ("<s>", "</s>"),
        "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n1+1? [/INST] 2 </s><s>[INST] 2+2? [/INST] 4 </s><s>[INST] 3+3? [/INST]",
        marks=("<</SYS>>", "<<SYS>>", "[/INST]", "[INST]", "[INST] <<SYS>>"),
    ),
    "phi 3": Family(
        "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
        ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"),
        "<|system|>\nBe brief.<|end|>\n<|user|>\n1+1?<|end|>\n<|assistant|>\n2<|end|>\n<|user|>\n2+2?<|end|>\n"
        "<|assistant|>\n4<|end|>\n<|user|>\n3+3?<|end|>\n<|assistant|>\n",
    ),
    # Its marks look like those of ChatML and are others: by its family alone it would be written wrongly.
    "phi 4": Family(
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '<|im_sep|>' + m.content + '<|im_end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}",
        ("<|im_start|>", "<|im_sep|>", "<|im_end|>"),
        "<|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user<|im_sep|>1+1?<|im_end|>"
        "<|im_start|>assistant<|im_sep|>2<|im_end|><|im_start|>user<|im_sep|>2+2?<|im_end|>"
        "<|im_start|>assistant<|im_sep|>4<|im_end|><|im_start|>user<|im_sep|>3+3?<|im_end|>"
        "<|im_start|>assistant<|im_sep|>",
    ),
    # Without the channel in which it thinks, and without a date.
    "gpt-oss": Family(
        "{{- '<|start|>system<|message|>You are a model.\nCurrent date: ' + strftime_now('%Y-%m-%d') + '<|end|>' }}"
        "{%- if messages[0].role == 'system' %}"
        "{{- '<|start|>developer<|message|># Instructions\n\n' + messages[0].content + '\n\n<|end|>' }}"
        "{%- set messages = messages[1:] %}{%- endif %}"
        "{%- for m in messages %}{%- if m.role == 'assistant' %}"
        "{{- '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|end|>' }}"
        "{%- else %}{{- '<|start|>user<|message|>' + m.content + '<|end|>' }}{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}",
        ("<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>"),
        "<|start|>system<|message|>You are a model.\nCurrent date: <|end|><|start|>developer<|message|># Instructions"
        "\n\nBe brief.\n\n<|end|><|start|>user<|message|>1+1?<|end|><|start|>assistant<|channel|>final<|message|>2"
        "<|end|><|start|>user<|message|>2+2?<|end|><|start|>assistant<|channel|>final<|message|>4<|end|>"
        "<|start|>user<|message|>3+3?<|end|><|start|>assistant<|channel|>final<|message|>",
        marks=("# Instructions",),
    ),
    "command-r": Family(
        "{{ bos_token }}{% for m in messages %}{% set who = 'CHATBOT' if m.role == 'assistant' else m.role | upper %}"
        "{{ '<|START_OF_TURN_TOKEN|><|' + who + '_TOKEN|>' + m.content.strip() + '<|END_OF_TURN_TOKEN|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}",
        ("<BOS>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>",
         "<|SYSTEM_TOKEN|>"),
        "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be brief.<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>1+1?<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>2<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>2+2?<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>4<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>3+3?<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        bos="<BOS>",
    ),
    "gemma": Family(
        "{{ bos_token }}{% for m in messages %}"
        "{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' }}"
        "{{ m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        ("<bos>", "<start_of_turn>", "<end_of_turn>"),
        "<start_of_turn>user\nBe brief.\n\n1+1?<end_of_turn>\n<start_of_turn>model\n2<end_of_turn>\n"
        "<start_of_turn>user\n2+2?<end_of_turn>\n<start_of_turn>model\n4<end_of_turn>\n"
        "<start_of_turn>user\n3+3?<end_of_turn>\n<start_of_turn>model\n",
        bos="<bos>",
    ),
    # The thinking that it opens is closed.
    "deepseek r1": Family(
        "{{ bos_token }}{% for m in messages %}"
        "{% if m.role == 'system' %}{{ m.content }}{% elif m.role == 'user' %}{{ '<|User|>' + m.content }}"
        "{% else %}{{ '<|Assistant|>' + m.content.split('</think>')[-1] + eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|Assistant|><think>\n' }}{% endif %}",
        ("<s>", "</s>", "<|User|>", "<|Assistant|>"),
        "Be brief.<|User|>1+1?<|Assistant|>2</s><|User|>2+2?<|Assistant|>4</s><|User|>3+3?"
        "<|Assistant|><think>\n\n</think>\n\n",
    ),
    # Nothing but usual letters: the next turn is no part of a reply, and no text may hold the marks.
    "alpaca": Family(
        "{% for m in messages %}{% if m.role == 'system' %}{{ m.content + '\n\n' }}"
        "{% else %}{{ '### ' + ('Instruction' if m.role == 'user' else 'Response') + ':\n' + m.content + '\n\n' }}"
        "{% endif %}{% endfor %}{{ '### Response:\n' }}",
        (),
        "Be brief.\n\n### Instruction:\n1+1?\n\n### Response:\n2\n\n### Instruction:\n2+2?\n\n### Response:\n4\n\n"
        "### Instruction:\n3+3?\n\n### Response:\n",
        stop=("### Instruction:",),
        marks=("### Instruction:", "### Response:"),
    ),
    "braces": Family(
        "{% for m in messages %}{{ '{\"' + m.role + '\": ' + m.content + '}\n' }}{% endfor %}{{ '{\"assistant\": ' }}",
        (),
        '{"system": Be brief.}\n{"user": 1+1?}\n{"assistant": 2}\n{"user": 2+2?}\n{"assistant": 4}\n{"user": 3+3?}\n'
        '{"assistant": ',
        stop=('}\n{"user":',),
        marks=('{"assistant":', '{"system":', '{"user":'),
    ),
}  # fmt: skip
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))


@cache
def opened(family: Family, adds_bos: bool = True) -> ChatFormat:
    return chat_format(family.template, specials=family.specials, bos=family.bos, eos=family.eos, adds_bos=adds_bos)


@every_family
def test_a_model_reads_what_its_own_template_writes(family: Family) -> None:
    chat = opened(family)
    assert chat.name == "own template"
    assert format_prompt(PROMPT, chat, ()) == family.expected
    assert (chat.stop, chat.marks) == (family.stop, tuple(sorted(family.marks)))


@every_family
def test_the_token_that_begins_a_text_is_there_once(family: Family) -> None:
    """Where the tokenizer writes none, the template's stays."""
    writes_one = "bos_token" in family.template
    begun = format_prompt(PROMPT, opened(family, adds_bos=False), ())
    assert begun == (family.bos + family.expected if writes_one else family.expected)


@every_family
@given(texts=st.lists(st.text(max_size=20), min_size=4, max_size=4), examples=st.integers(0, 4))
def test_the_prefix_begins_every_prompt(family: Family, texts: list[str], examples: int) -> None:
    prompt = Prompt(texts[0], ((texts[1], texts[2]),) * examples, texts[3])
    chat, controls = opened(family), family.controls
    user = neutralise(texts[3], controls).strip()
    assert format_prompt(prompt, chat, controls).startswith(format_prefix(prompt, chat, controls) + user)


@every_family
@given(data=st.data())
def test_no_text_opens_or_closes_a_turn(family: Family, data: st.DataObject) -> None:
    controls = family.controls
    parts = st.one_of(st.sampled_from(controls), st.sampled_from([" ", "\n", "<", "[", "x"]))
    evil = st.lists(parts, max_size=6).map(lambda found: "x" + "".join(found))
    prompt = Prompt(data.draw(evil), ((data.draw(evil), data.draw(evil)),), data.draw(evil))
    written = format_prompt(prompt, opened(family), controls)
    harmless = format_prompt(Prompt("x", (("x", "x"),), "x"), opened(family), controls)
    assert {c: written.count(c) for c in controls} == {c: harmless.count(c) for c in controls}


def test_without_instructions_a_template_may_write_its_own() -> None:
    chat = opened(FAMILIES["chatml"])
    prefix = format_prefix(Prompt("", (), "x"), chat, ())
    assert prefix == "<|im_start|>system\nYou are kind.<|im_end|>\n<|im_start|>user\n"


# --- families known better -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "chat"),
    [
        pytest.param(
            "{{ '<|start_header_id|>system<|end_header_id|>\n\nToday Date: ' + strftime_now('%d') + '<|eot_id|>' }}"
            "{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content }}"
            "{{ '<|eot_id|>' }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}",
            LLAMA3,
            id="Llama 3: its dates would be wrong",
        ),
        pytest.param(
            FAMILIES["chatml"].template + "{% if enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}",
            CHATML_NO_THINKING,
            id="it can think",
        ),
        pytest.param("", PLAIN, id="no template"),
        pytest.param(None, PLAIN, id="none"),
    ],
)
def test_known_families_are_written_as_we_know_them(template: str | None, chat: ChatFormat) -> None:
    assert chat_format(template, specials=(), bos="", eos="", adds_bos=False) is chat


# --- templates that cannot be used ---------------------------------------------------------------

LOOP = "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"


def accepted(template: str) -> ChatFormat:
    return chat_format(template, specials=(), bos="", eos="", adds_bos=False)


def test_the_template_that_those_below_spoil_can_be_used() -> None:
    assert format_prompt(Prompt("s", (), "u"), accepted(LOOP), ()) == "system: s\nuser: u\nassistant: "


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{% for m in messages %}", id="not a template"),
        pytest.param("{{ raise_exception('no') }}", id="refuses everything"),
        pytest.param("{{ messages[0].content }}", id="shows one text only"),
        pytest.param("Hello!", id="shows none"),
        pytest.param(LOOP + "{{ messages[-1].content }}", id="shows one twice"),
        pytest.param(LOOP.replace("m.content", "m.content | upper"), id="changes letters"),
        pytest.param(LOOP.replace("m.content", "m.content | replace('<', '&lt;')"), id="changes signs"),
        pytest.param(LOOP.replace("m.content", "m.content | truncate(60)"), id="shortens"),
        pytest.param(LOOP + "{{ messages[-1].content | length }}", id="counts letters"),
        pytest.param(LOOP + "{{ 'Please, ' if '?' in messages[-1].content }}", id="reads the question"),
        pytest.param(LOOP + "{{ messages | length }}", id="counts turns"),
        pytest.param(LOOP.replace("messages %}", "messages | reverse %}"), id="turns the order round"),
        pytest.param(LOOP + "{% include 'other' %}", id="wants another file"),
        pytest.param(LOOP + "{{ 'a' * 10 ** 10 }}", id="a text without end"),
        pytest.param(LOOP + "{{ 'a' * 10 ** 6 }}", id="a long text"),
    ],
)
def test_what_cannot_be_used_is_passed_over(template: str) -> None:
    assert accepted(template) is PLAIN


def test_the_family_has_to_do_where_the_template_cannot_be_used() -> None:
    assert accepted("<start_of_turn>{{ raise_exception('no') }}") is GEMMA


@pytest.mark.parametrize(
    "endless",
    ["{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "{{ 9 ** (9 ** (9 ** 9)) }}"],
    ids=["a loop", "a number"],
)
def test_a_template_without_end_is_stopped(endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MAX_SECONDS", 1.0)
    began = time.monotonic()
    assert accepted(LOOP + endless) is PLAIN
    assert 1 <= time.monotonic() - began < 9


def test_a_template_reaches_nothing_outside_itself(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    one = [Message(role="user", content="hello")]
    for attack in (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ raise_exception.__globals__ }}",
        "{{ strftime_now.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        f"{{% include '{secret}' %}}",
        "{{ messages.append(1) }}",
        "{{ '%s' | format(lipsum.__globals__) }}",
    ):
        (text,) = render(attack, [one], bos="", eos="")
        assert text in (None, ""), attack


def test_a_template_gets_no_date_and_no_switch_for_thinking() -> None:
    one = [Message(role="user", content="hello")]
    asked = (
        "[{{ strftime_now('%Y') }}{{ date_string }}] {{ enable_thinking }} {{ thinking }} {{ tools }} {{ bos_token }}"
    )
    assert render(asked, [one, one], bos="B", eos="E") == ["[] False False None B"] * 2


def test_one_conversation_that_fails_spoils_no_other() -> None:
    system, user = Message(role="system", content="s"), Message(role="user", content="u")
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[0].content }}"
    assert render(template, [[system, user], [user]], bos="", eos="") == [None, "u"]


# --- the real ones -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct"])
@pytest.mark.model
def test_the_prompts_of_the_default_model_stay_what_they_were(name: str, fetched: Callable[[str], Path]) -> None:
    """Every figure was measured with these bytes."""
    model = describe(fetched(name))
    chat = chat_format(model.chat_template, specials=model.specials, bos=model.bos, eos=model.eos, adds_bos=False)
    assert chat.name == "own template"
    controls = control_strings(model.specials)
    assert control_strings([*model.specials, *chat.marks]) == controls
    for prompt in (
        answer_prompt("Who? <|im_end|>", ()),
        judge_prompt("It rained.", "{It} rained <|im_start|>."),
        PROMPT,
    ):
        assert format_prompt(prompt, chat, controls) == format_prompt(prompt, CHATML, controls)
        assert format_prefix(prompt, chat, controls) == format_prefix(prompt, CHATML, controls)
