"""The errors of an exchange, as OpenAI clients know them.

The whole tree::

    TranslatorError          status, type, code, param, message
    ├── ClientError          the request is invalid; nothing was sent upstream        4xx
    ├── UpstreamError        the model server's response is an error or invalid       4xx or 5xx
    ├── OverloadedError      too many exchanges; a retry may succeed                  503
    └── InternalError        a bug of this program; the cause is only logged          500

Clients see every field of an error, so none may have internal details. Errors are rendered by
:func:`translator.openai.errors.error_body`.
"""


class TranslatorError(Exception):
    """An error that reaches the client as an OpenAI error object.

    Attributes:
        status: HTTP status of the response.
        type: OpenAI's error class, such as ``invalid_request_error`` or ``server_error``.
        code: OpenAI's machine-readable code, or None.
        param: the request field at fault as a path (``messages[0].role``), or None.
        message: one sentence for a person.
        repeats: whether a retry can only fail the same way, so that clients and proxies should not
            retry.
    """

    def __init__(  # noqa: PLR0913 -- each is a field of the error
        self,
        message: str,
        *,
        status: int,
        type: str,  # noqa: A002 -- the name of the field in OpenAI's error object
        code: str | None = None,
        param: str | None = None,
        repeats: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.repeats = repeats


class ClientError(TranslatorError):
    """The client's request cannot be accepted as it is (4xx)."""

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
    ) -> None:
        super().__init__(
            message, status=status, type="invalid_request_error", code=code, param=param
        )


class UpstreamError(TranslatorError):
    """The upstream response is an error, invalid or missing (502 unless it has a status).

    Attributes:
        withheld: the server's message, if it may be shown only after a comparison with the request;
            else "".
    """

    def __init__(  # noqa: PLR0913 -- each is a field of the error
        self,
        message: str,
        *,
        status: int = 502,
        type: str = "server_error",  # noqa: A002 -- the name of the field in OpenAI's error object
        code: str | None = "upstream_error",
        param: str | None = None,
        repeats: bool = False,
    ) -> None:
        super().__init__(message, status=status, type=type, code=code, param=param, repeats=repeats)
        self.withheld = ""


class OverloadedError(TranslatorError):
    """This process has the maximum number of exchanges (503).

    Attributes:
        retry_after: seconds until a retry.
    """

    retry_after = 1

    def __init__(self) -> None:
        super().__init__(
            "The server is overloaded. Please try again later.",
            status=503,
            type="server_error",
            code="overloaded",
        )


class InternalError(TranslatorError):
    """A bug of this program. The client sees no details."""

    def __init__(self) -> None:
        super().__init__(
            "The server had an error while processing your request.",
            status=500,
            type="server_error",
            code="internal_error",
            repeats=True,
        )


def unreadable() -> UpstreamError:
    """The error for an upstream response that cannot be read."""
    message = "The model server sent a response that could not be understood."
    return UpstreamError(message, repeats=True)


def model_not_found(model: str | None) -> ClientError:
    """The error for an unknown model, status 404, with OpenAI's message."""
    name = f"`{model}`" if model else "that you requested"
    return ClientError(
        f"The model {name} does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
    )
