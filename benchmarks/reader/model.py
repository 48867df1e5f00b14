"""The cross-encoder as torch sees it, its lower half as onnxruntime runs it, and the way back to one ONNX file.

Needs ``pip install onnx`` besides the project. The lower ``FROZEN`` layers stay the int8 graph they are, so what is
tuned is tuned on exactly what runs below it. The upper layers' weights go back as int8, one scale a column and seven
bits (a processor without VNNI adds pairs of products in 16 bits, which eight overflow); they are trained through that
rounding, since weights rounded only afterwards would fall back on the grid that they came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

FROZEN = 6  # lower layers
LAYERS = 12
WIDTH = 384
LEVELS = 63
_BELOW = f"/bert/encoder/layer.{FROZEN - 1}/output/LayerNorm/Add_1_output_0"
_LAST = f"/bert/encoder/layer.{LAYERS - 1}/output/LayerNorm/Add_1_output_0"

Array = npt.NDArray[Any]


class Rounded(nn.Linear):
    """A linear layer that computes with its weights as they will be stored; gradients pass as if they were not."""

    def forward(self, x: Tensor) -> Tensor:
        step = self.weight.detach().abs().amax(dim=1, keepdim=True).clamp_min(1e-8) / LEVELS
        stored = (self.weight / step).round() * step
        return functional.linear(x, self.weight + (stored - self.weight).detach(), self.bias)


class Upper(nn.Module):
    """The layers above ``FROZEN`` and two heads: one for the passage, at its first token, one for every token."""

    def __init__(self) -> None:
        super().__init__()
        config = BertConfig(
            hidden_size=WIDTH, num_attention_heads=12, intermediate_size=4 * WIDTH, attn_implementation="eager"
        )
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(LAYERS - FROZEN))
        for layer in self.layers:
            _round_linears(layer)
        self.pooler = nn.Linear(WIDTH, WIDTH)
        self.passage = nn.Linear(WIDTH, 1)
        self.unit = nn.Linear(WIDTH, 1)
        nn.init.zeros_(self.unit.bias)

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """``hidden`` (batch, tokens, width) and ``mask`` (batch, tokens), 1 for a token -> passage logits (batch,) and
        token logits (batch, tokens)."""
        bias = (1.0 - mask[:, None, None, :].to(hidden.dtype)) * torch.finfo(hidden.dtype).min
        for layer in self.layers:
            hidden = layer(hidden, bias)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        pooled = torch.tanh(self.pooler(hidden[:, 0]))
        return self.passage(pooled)[:, 0], self.unit(hidden)[:, :, 0]


def _round_linears(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            rounded = Rounded(child.in_features, child.out_features)
            rounded.load_state_dict(child.state_dict())
            setattr(module, name, rounded)
        else:
            _round_linears(child)


def lower_half(source: Path, out: Path) -> None:
    """The graph up to the last frozen layer's output, to compute what the upper layers are trained on."""
    onnx.utils.extract_model(str(source), str(out), ["input_ids", "attention_mask", "token_type_ids"], [_BELOW])


def upper_from(source: Path) -> Upper:
    """``Upper`` with the weights of the int8 graph turned back into floats; the unit head is new."""
    graph = onnx.load(str(source)).graph
    stored = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    state: dict[str, Array] = {n: a for n, a in stored.items() if a.dtype == np.float32 and not n.endswith("_scale")}
    for name, base in _quantised(graph):
        state[f"{name}.weight"] = _floats(stored, base).T
    upper = Upper()
    own = {
        name: torch.from_numpy(np.ascontiguousarray(state[_onnx_name(name)]))
        for name in upper.state_dict()
        if not name.startswith("unit.")
    }
    upper.load_state_dict(own, strict=False)
    return upper


def _onnx_name(name: str) -> str:
    kind, rest = name.split(".", 1)
    if kind == "layers":
        number, rest = rest.split(".", 1)
        return f"bert.encoder.layer.{int(number) + FROZEN}.{rest}"
    return {"pooler": "bert.pooler.dense.", "passage": "classifier."}[kind] + rest


def _quantised(graph: Any) -> list[tuple[str, str]]:
    """(dotted name of the layer, name of its weights without their suffix) of every int8 matrix product."""
    pairs = []
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            name = node.name.strip("/").replace("/Gemm_MatMul_quant", "").replace("/MatMul_quant", "")
            pairs.append((name.replace("/", "."), node.input[1].removesuffix("_quantized")))
    return pairs


def _floats(stored: dict[str, Array], base: str) -> Array:
    quantised, scale, zero = (stored[f"{base}_{k}"] for k in ("quantized", "scale", "zero_point"))
    return np.asarray((quantised.astype(np.float32) - zero.astype(np.float32)) * scale, np.float32)


def write(source: Path, upper: Upper, out: Path) -> None:
    """``source`` with the tuned weights; its one output, (batch, tokens), is the passage's logit and then the tokens'.

    Pooler and heads are written as floats, the layers as int8.
    """
    model = onnx.load(str(source))
    graph = model.graph
    at = {t.name: n for n, t in enumerate(graph.initializer)}
    state = {name: value.detach().float().numpy() for name, value in upper.state_dict().items()}

    def put(name: str, array: Array) -> None:
        graph.initializer[at[name]].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))

    base_of = dict(_quantised(graph))
    for name, value in state.items():
        if not name.startswith("layers."):
            continue
        there = _onnx_name(name)
        layer = there.removesuffix(".weight")
        if there.endswith(".weight") and layer in base_of:
            step = np.maximum(np.abs(value).max(axis=1), 1e-8) / LEVELS
            put(f"{base_of[layer]}_quantized", np.rint(value / step[:, None]).T.astype(np.int8))
            put(f"{base_of[layer]}_scale", step.astype(np.float32))
        else:
            put(there, value)
    heads = [node for node in graph.node if node.name.startswith(("/bert/pooler/", "/classifier/"))]
    heads += [n for n in graph.node if n not in heads and any(o.startswith("logits") for o in n.output)]
    for node in heads:
        graph.node.remove(node)
    for name in ("pooler", "passage", "unit"):
        graph.initializer.append(numpy_helper.from_array(state[f"{name}.weight"].T.copy(), f"reader.{name}.weight"))
        graph.initializer.append(numpy_helper.from_array(state[f"{name}.bias"], f"reader.{name}.bias"))
    ints = {"first": [0], "second": [1], "end": [2**31 - 1], "axis": [1]}
    for name, values in ints.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.int64), f"reader.{name}"))

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        graph.node.append(helper.make_node(kind, inputs, [output], name=f"reader/{output}", **attributes))

    def linear(inputs: str, head: str, output: str) -> None:
        node("MatMul", [inputs, f"reader.{head}.weight"], f"{output}_product")
        node("Add", [f"{output}_product", f"reader.{head}.bias"], output)

    node("Slice", [_LAST, "reader.first", "reader.second", "reader.axis"], "reader_first")
    node("Slice", [_LAST, "reader.second", "reader.end", "reader.axis"], "reader_rest")
    linear("reader_first", "pooler", "reader_dense")
    node("Tanh", ["reader_dense"], "reader_pooled")
    linear("reader_pooled", "passage", "reader_passage")
    linear("reader_rest", "unit", "reader_tokens")
    node("Concat", ["reader_passage", "reader_tokens"], "reader_both", axis=1)
    node("Squeeze", ["reader_both", "reader.minus"], "logits")
    graph.initializer.append(numpy_helper.from_array(np.asarray([2], np.int64), "reader.minus"))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", "tokens"]))
    used = {name for n in graph.node for name in n.input}
    for spare in [n for n in graph.node if n.op_type == "Constant" and n.output[0] not in used]:
        graph.node.remove(spare)
    for tensor in [t for t in graph.initializer if t.name not in used]:
        graph.initializer.remove(tensor)
    onnx.checker.check_model(model)
    onnx.save(model, str(out))
