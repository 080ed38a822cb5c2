"""The log on standard error: text lines, or one JSON object per line.

At INFO there is one line for each exchange on an OpenAI path. Bodies and credentials are never
logged, nor are the messages of exceptions, which may contain them.
"""

import json
import logging
import sys
import time
import traceback
from types import TracebackType

import msgspec

from translator.exchange.record import Record
from translator.serving.log_writer import LogWriter, to_standard_error

access = logging.getLogger("translator.access")

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class TextFormatter(logging.Formatter):
    """A log record as a line of text, with the stack of an exception below it."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- as logging calls it
        """See :class:`logging.Formatter`; control characters in names and ids are escaped."""
        line = super().formatMessage(record)
        return line if line.isprintable() else line.encode("unicode_escape").decode()

    def formatException(self, ei: _ExceptionInfo) -> str:  # noqa: N802 -- as logging calls it
        """The stack and the type of each exception in the chain, the root cause first."""
        error, chain = ei[1], list[BaseException]()
        while error is not None and error not in chain:
            chain.append(error)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(map(_stack_and_type, reversed(chain)))


def _stack_and_type(error: BaseException) -> str:
    return "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__


class JsonFormatter(TextFormatter):
    """A log record as one line of JSON, with the record of an exchange as fields."""

    def format(self, record: logging.LogRecord) -> str:
        """See :class:`logging.Formatter`."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        exchange = getattr(record, "exchange", None)
        if exchange is not None:
            line["exchange"] = exchange
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return msgspec.json.encode(line).decode()
        except UnicodeEncodeError:  # bytes of a header that were not UTF-8
            text = json.dumps(line, ensure_ascii=False, default=msgspec.structs.asdict)
            return text.encode(errors="replace").decode()


def configure(level: str, style: str) -> LogWriter:
    """Log to standard error from ``level`` on, as ``text`` or as ``json``."""
    # These cost time on each line and are not in the formats ("Optimization" in Python's "Logging
    # HOWTO").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 -- documented there
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False
    handler = to_standard_error()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler])
    return handler


def log_exchange(record: Record) -> None:
    """Log one exchange, if it was not bypassed."""
    if record.operation and access.isEnabledFor(logging.INFO):
        access.info(
            "%s %s %s %d after %.3f s, upstream %d, %d bytes in, %d out%s%s%s",
            record.request_id,
            record.operation,
            record.model or "-",
            record.status,
            record.ended_after or 0,
            record.upstream_status,
            record.request_bytes,
            record.response_bytes,
            _tokens(record),
            f", {record.error}" if record.error else "",
            "" if record.complete else ", incomplete",
            extra={"exchange": record},
        )


def _tokens(record: Record) -> str:
    given, made = record.input_tokens, record.output_tokens
    if given is None and made is None:
        return ""
    return f", tokens {'-' if given is None else given} in, {'-' if made is None else made} out"
