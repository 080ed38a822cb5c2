"""What is repaired of what a provider or a runtime says, by kind.

The kinds are few and fixed, so that they can be counted; an exchange has each at most once.
"""

from enum import StrEnum


class Repair(StrEnum):
    """A kind of fault."""

    HEAD = "head"
    """id, object, created, model, service_tier, a chunk out of place, or the index of a choice."""
    MESSAGE = "message"
    """The role, or a content that is no text."""
    TOOL_CALL = "tool_call"
    """Which call a piece belongs to, its id, type, name, or arguments that are no text."""
    FINISH_REASON = "finish_reason"
    """Missing, early, repeated, or in the words of others."""
    LOGPROBS = "logprobs"
    """A token without all its fields."""
    USAGE = "usage"
    """Counts that are missing or no whole numbers."""
    UNICODE = "unicode"
    """Half of a surrogate pair."""
