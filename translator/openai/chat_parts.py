"""The smaller parts of chat responses, typed as OpenAI's SDKs of strict languages type them.

What may be left out may be unset here. Source: OpenAI API reference and openai-python's types.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from translator.coerce import BLANK

ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
"""How a request was processed. SDKs with strict types accept no other."""

Count = Annotated[int, Meta(ge=0)]
_Count = Count | UnsetType | None
_Text = Annotated[str, Meta(extra={BLANK: ""})]
_Number = Annotated[int, Meta(extra={BLANK: 0})]
# OpenAI's own value for what is very unlikely. Others mean -inf, which JSON cannot say: null.
_Logprob = Annotated[float, Meta(extra={BLANK: -9999.0})]
_Bytes = list[Annotated[int, Meta(ge=0, le=255)]] | None


class TopLogprob(Struct):
    """A token that was likely in the place of another."""

    token: _Text
    logprob: _Logprob
    bytes: _Bytes


class TokenLogprob(Struct):
    """A token, how likely it was, and what else was."""

    token: _Text
    logprob: _Logprob
    bytes: _Bytes
    top_logprobs: list[TopLogprob]


class Logprobs(Struct):
    """Those of a choice."""

    content: list[TokenLogprob] | UnsetType | None = UNSET
    refusal: list[TokenLogprob] | UnsetType | None = UNSET


class PromptTokensDetails(Struct):
    """What the tokens of the prompt were."""

    audio_tokens: _Count = UNSET
    cache_write_tokens: _Count = UNSET
    cached_tokens: _Count = UNSET
    image_tokens: _Count = UNSET
    text_tokens: _Count = UNSET


class CompletionTokensDetails(Struct):
    """What the tokens of the completion were."""

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
    """Where in the text a page is cited, and which."""

    start_index: _Number
    end_index: _Number
    title: _Text
    url: _Text


class Annotation(Struct):
    """Something beside a text; of OpenAI's, always a citation."""

    type: Annotated[str, Meta(extra={BLANK: "url_citation"})]
    url_citation: UrlCitation | UnsetType = UNSET


class Audio(Struct):
    """A spoken response."""

    id: _Text
    data: _Text
    expires_at: _Number
    transcript: _Text


class AudioDelta(Struct):
    """A part of one."""

    id: str | UnsetType | None = UNSET
    data: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    transcript: str | UnsetType | None = UNSET


class Head(Struct):
    """What stands beside the choices and may be left out."""

    service_tier: ServiceTier | UnsetType | None = UNSET
    system_fingerprint: str | UnsetType | None = UNSET
    metadata: dict[str, Raw] | UnsetType | None = UNSET
    moderation: dict[str, Raw] | UnsetType | None = UNSET


class ChoiceParts(Struct):
    """What a choice may have beside its message or delta."""

    logprobs: Logprobs | UnsetType | None = UNSET


class MessageParts(Struct):
    """What a message may have beside what it says."""

    annotations: list[Annotation] | UnsetType | None = UNSET
    audio: Audio | UnsetType | None = UNSET


class DeltaParts(Struct):
    """What a delta may have beside what it says."""

    annotations: list[Annotation] | UnsetType | None = UNSET
    audio: AudioDelta | UnsetType | None = UNSET
