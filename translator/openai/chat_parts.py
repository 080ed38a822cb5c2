"""The smaller parts of chat responses, with the types of OpenAI's SDKs for strict languages.

Optional fields may be UNSET. Source: OpenAI API reference and openai-python's types.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from translator.coerce import BLANK

ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
"""OpenAI's service tiers. SDKs with strict types accept no others."""

Count = Annotated[int, Meta(ge=0)]
_Count = Count | UnsetType | None
_Text = Annotated[str, Meta(extra={BLANK: ""})]
_Number = Annotated[int, Meta(extra={BLANK: 0})]
# OpenAI's value for a very unlikely token, also for null, which others send instead of -inf.
_Logprob = Annotated[float, Meta(extra={BLANK: -9999.0})]
_Bytes = list[Annotated[int, Meta(ge=0, le=255)]] | None


class TopLogprob(Struct):
    """An alternative to a token."""

    token: _Text
    logprob: _Logprob
    bytes: _Bytes


class TokenLogprob(Struct):
    """A token with its logprob and its alternatives."""

    token: _Text
    logprob: _Logprob
    bytes: _Bytes
    top_logprobs: list[TopLogprob]


class Logprobs(Struct):
    """The logprobs of a choice."""

    content: list[TokenLogprob] | UnsetType | None = UNSET
    refusal: list[TokenLogprob] | UnsetType | None = UNSET


class PromptTokensDetails(Struct):
    """The tokens of the prompt by kind."""

    audio_tokens: _Count = UNSET
    cache_write_tokens: _Count = UNSET
    cached_tokens: _Count = UNSET
    image_tokens: _Count = UNSET
    text_tokens: _Count = UNSET


class CompletionTokensDetails(Struct):
    """The tokens of the completion by kind."""

    accepted_prediction_tokens: _Count = UNSET
    audio_tokens: _Count = UNSET
    reasoning_tokens: _Count = UNSET
    rejected_prediction_tokens: _Count = UNSET
    text_tokens: _Count = UNSET


class CompletionUsage(Struct):
    """Token counts with their details."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_tokens_details: PromptTokensDetails | UnsetType | None = UNSET
    completion_tokens_details: CompletionTokensDetails | UnsetType | None = UNSET


class UrlCitation(Struct):
    """The citation of a page, and its position in the text."""

    start_index: _Number
    end_index: _Number
    title: _Text
    url: _Text


class Annotation(Struct):
    """An annotation of a text; OpenAI's are all citations."""

    type: Annotated[str, Meta(extra={BLANK: "url_citation"})]
    url_citation: UrlCitation | UnsetType = UNSET


class Audio(Struct):
    """A spoken response."""

    id: _Text
    data: _Text
    expires_at: _Number
    transcript: _Text


class AudioDelta(Struct):
    """A part of a spoken response."""

    id: str | UnsetType | None = UNSET
    data: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    transcript: str | UnsetType | None = UNSET


class Head(Struct):
    """The optional fields of a response beside its choices."""

    service_tier: ServiceTier | UnsetType | None = UNSET
    system_fingerprint: str | UnsetType | None = UNSET
    metadata: dict[str, Raw] | UnsetType | None = UNSET
    moderation: dict[str, Raw] | UnsetType | None = UNSET


class ChoiceParts(Struct):
    """The optional fields of a choice beside its message or delta."""

    logprobs: Logprobs | UnsetType | None = UNSET


class MessageParts(Struct):
    """The optional fields of a message beside its output."""

    annotations: list[Annotation] | UnsetType | None = UNSET
    audio: Audio | UnsetType | None = UNSET


class DeltaParts(Struct):
    """The optional fields of a delta beside its output."""

    annotations: list[Annotation] | UnsetType | None = UNSET
    audio: AudioDelta | UnsetType | None = UNSET
