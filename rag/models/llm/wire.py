"""The JSON that the engine of llama.cpp reads and writes, as far as we use it."""

from __future__ import annotations

from typing import TypedDict


class Request(TypedDict, total=False):
    """What the engine is asked to complete."""

    prompt: str
    n_predict: int
    n_probs: int  # of the most likely first tokens, with their log-probabilities
    id_slot: int
    temperature: int
    cache_prompt: bool
    stream: bool
    return_progress: bool
    timings_per_token: bool


class Failure(TypedDict, total=False):
    """Why the engine did not do what it was asked for."""

    type: str
    message: str
    n_prompt_tokens: int  # these two where the prompt is too long
    n_ctx: int


class Progress(TypedDict):
    processed: int  # tokens of the prompt


class TopToken(TypedDict):
    id: int
    logprob: float


class TokenScores(TypedDict):
    top_logprobs: list[TopToken]


class LogProbs(TypedDict):
    content: list[TokenScores]  # of each token that was written


class Choice(TypedDict):
    text: str
    finish_reason: str | None
    logprobs: LogProbs | None


class Timings(TypedDict):
    predicted_n: int  # tokens written so far


class CompletionEvent(TypedDict, total=False):
    """One event of a completion: an error, how much of the prompt is read, or what was written."""

    error: Failure
    prompt_progress: Progress
    choices: list[Choice]
    timings: Timings


class Body(TypedDict, total=False):
    """What is posted to an endpoint."""

    filename: str
    content: str
    parse_special: bool
    add_special: bool


class Reply(TypedDict, total=False):
    """What an endpoint answers."""

    error: Failure
    tokens: list[int]
