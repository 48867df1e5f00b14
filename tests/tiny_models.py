"""A language model of a few kilobytes with random weights, as a transformers folder and as a GGUF of the same weights.

It writes letters without sense, but it reads prompts, keeps state and stops as large models do.
"""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase
from typing import Any

LAYERS, WIDTH, HEADS, INNER, CONTEXT = 2, 64, 4, 128, 2048
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_letters() -> list[str]:
    """One printable character a byte, as byte-level BPE writes them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def vocabulary() -> list[str]:
    return [*byte_letters(), "th", *SPECIALS]


def write_checkpoint(folder: Path) -> Path:
    """A Qwen2 checkpoint; the same weights every time."""
    import torch
    from tokenizers import Tokenizer
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokens = vocabulary()
    config = Qwen2Config(
        vocab_size=len(tokens),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        eos_token_id=tokens.index("<|im_end|>"),
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(config)
    with torch.no_grad():
        letters = torch.zeros(len(tokens), 1)
        letters[[tokens.index(letter) for letter in ascii_lowercase]] = 1
        model.lm_head.weight.normal_().mul_(letters)  # of 26 letters one always scores above 0, the rest score 0
        for parameter in model.model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    Tokenizer.from_str(json.dumps(_tokenizer(tokens))).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": "<|im_end|>",
                "chat_template": TEMPLATE,
                "clean_up_tokenization_spaces": False,
            }
        )
    )
    return folder


def _tokenizer(tokens: list[str]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "added_tokens": [
            {
                "id": tokens.index(special),
                "content": special,
                "special": True,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
            }
            for special in SPECIALS
        ],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True},
        "model": {
            "type": "BPE",
            "vocab": {token: n for n, token in enumerate(tokens) if token not in SPECIALS},
            "merges": [["t", "h"]],
        },
    }


def write_gguf(path: Path, checkpoint: Path, *, bos: bool = False) -> Path:
    """The checkpoint's weights for llama.cpp, in float32. ``bos``: a token begins every text, and the template too."""
    from gguf import GGUFWriter, TokenType
    from safetensors.numpy import load_file

    tokens = vocabulary()
    writer = GGUFWriter(path, "qwen2")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in SPECIALS else TokenType.NORMAL for token in tokens])
    writer.add_token_merges(["t h"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    if bos:
        writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(bos)
    writer.add_chat_template("{{ bos_token }}" + TEMPLATE if bos else TEMPLATE)
    names = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    parts = {
        "input_layernorm.": "attn_norm.",
        "self_attn.q_proj.": "attn_q.",
        "self_attn.k_proj.": "attn_k.",
        "self_attn.v_proj.": "attn_v.",
        "self_attn.o_proj.": "attn_output.",
        "post_attention_layernorm.": "ffn_norm.",
        "mlp.gate_proj.": "ffn_gate.",
        "mlp.up_proj.": "ffn_up.",
        "mlp.down_proj.": "ffn_down.",
    }
    for name, weights in load_file(checkpoint / "model.safetensors").items():
        if name not in names:
            _, _, layer, part = name.split(".", 3)
            old = next(old for old in parts if part.startswith(old))
            names[name] = f"blk.{layer}.{part.replace(old, parts[old])}"
        writer.add_tensor(names[name], weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
