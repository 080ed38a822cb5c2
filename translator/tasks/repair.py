"""The kinds of repairs to the output of a provider or a runtime.

The kinds are few and fixed, so that a metric can count them; an exchange counts each at most once.
"""

from enum import StrEnum


class Repair(StrEnum):
    """A kind of repair."""

    HEAD = "head"
    """id, object, created, model, service_tier, the index of a choice, or a misplaced chunk."""
    MESSAGE = "message"
    """The role, or a content that is not a string."""
    TOOL_CALL = "tool_call"
    """The call of a piece, its id, type or name, or arguments that are not a string."""
    FINISH_REASON = "finish_reason"
    """Missing, early, repeated, or not one of OpenAI's."""
    LOGPROBS = "logprobs"
    """Tokens with missing fields."""
    USAGE = "usage"
    """Counts that are missing or not integers."""
    UNICODE = "unicode"
    """Half of a surrogate pair."""
