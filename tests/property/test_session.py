"""A session replies to any sequence of Envoy's messages, each with one reply of the right kind."""

import gzip
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oip
from tests.unit import envoy
from tests.unit.events import event
from translator.exchange.settings import ExchangeSettings, Limits
from translator.extproc._proto.external_processor_pb2 import (
    CommonResponse,
    ProcessingRequest,
    ProcessingResponse,
)
from translator.extproc.session import Session

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
REQUESTS = [
    json.dumps(ASK).encode(),
    json.dumps({**ASK, "stream": True}).encode(),
    b'{"model":"m","input":["a","b"],"encoding_format":"base64"}',
    b'{"model":"m","prompt":"a cat","stream":true}',
]
ANSWERS = [
    json.dumps(oip.answer("Hi")).encode(),
    event(oip.answer("Hi")),
    b"data: [DONE]\n\n",
    json.dumps(oip.response(oip.text("output_all", '{"data":[{"b64_json":"A"}]}'))).encode(),
    b'{"outputs":[{"name":"embedding","shape":[2,1],"data":[1,2]}]}',
    b'{"error":"bad tensor"}',
    b'{"detail":[{"msg":"Field required"}]}',
    b'{"error":{"message":"x"}}',
]
TEXTS = st.text(max_size=12) | st.text(st.sampled_from("aé\udc80\udcff"), max_size=5)


def bodies(known: list[bytes]) -> st.SearchStrategy[bytes]:
    plain = st.one_of(st.sampled_from(known), st.just(b""), st.binary(max_size=30))
    packed = plain.map(gzip.compress)
    return st.one_of(plain, plain, packed, st.tuples(packed, st.integers(0, 30)).map(_cut))


def _cut(pair: tuple[bytes, int]) -> bytes:
    body, length = pair
    return body[:length]


REQUEST_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        ":method": st.one_of(st.just("POST"), st.just("GET"), TEXTS),
        ":path": st.one_of(
            st.sampled_from(
                [
                    "/v1/chat/completions",
                    "/v1/embeddings?x",
                    "/v1/images/generations/",
                    "/v1/x",
                    "/v2/models/m/infer/embeddings",
                    "/v2/models/%FF%00/infer/embeddings",
                    "/",
                ]
            ),
            TEXTS,
        ),
        "content-type": st.one_of(st.just("application/json"), TEXTS),
        "content-length": st.one_of(st.integers(0, 500).map(str), TEXTS),
        "content-encoding": st.one_of(st.sampled_from(["gzip", "deflate", "br", ""]), TEXTS),
        "x-request-id": st.one_of(TEXTS, st.just("\udcff")),
        "authorization": TEXTS,
    },
)
RESPONSE_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        ":status": st.one_of(st.integers(100, 599).map(str), st.just("200"), TEXTS),
        "content-type": st.one_of(
            st.sampled_from(["application/json", "text/event-stream; charset=utf-8", "text/plain"]),
            TEXTS,
        ),
        "content-encoding": st.one_of(st.sampled_from(["gzip", "identity", "br"]), TEXTS),
        "transfer-encoding": st.just("chunked"),
    },
)
SENT = (envoy.JSON, envoy.EVENTS, envoy.EVENTS_OVER_HTTP2)
MESSAGES = st.one_of(
    st.builds(
        lambda headers, end: envoy.request_headers(headers, end_of_stream=end),
        REQUEST_HEADERS,
        st.booleans(),
    ),
    st.builds(envoy.request_body, bodies(REQUESTS)),
    st.builds(
        lambda headers, end: envoy.response_headers(headers, end_of_stream=end),
        RESPONSE_HEADERS,
        st.booleans(),
    ),
    st.builds(
        lambda body, end: envoy.response_body(body, end_of_stream=end),
        bodies(ANSWERS),
        st.booleans(),
    ),
    st.builds(envoy.request_trailers),
    st.builds(envoy.response_trailers),
)


@st.composite
def exchanges(draw: st.DrawFn) -> list[ProcessingRequest]:
    """The messages of one exchange in the order in which Envoy sends them."""
    path = draw(
        st.sampled_from(["/v1/chat/completions", "/v1/embeddings", "/v1/images/generations"])
    )
    headers = {":method": "POST", ":path": path, "content-type": "application/json"}
    return [
        envoy.request_headers(
            {**headers, **draw(st.sampled_from([{}, {"content-encoding": "gzip"}]))}
        ),
        envoy.request_body(draw(bodies(REQUESTS))),
        envoy.response_headers(
            draw(st.one_of(st.sampled_from(SENT), RESPONSE_HEADERS)),
            end_of_stream=draw(st.sampled_from([False, False, False, True])),
        ),
        *(
            envoy.response_body(body, end_of_stream=False)
            for body in draw(st.lists(bodies(ANSWERS), max_size=4))
        ),
        *draw(st.sampled_from([(), (envoy.response_body(b""),), (envoy.response_trailers(),)])),
    ]


def check(messages: list[ProcessingRequest]) -> None:
    session = Session(ExchangeSettings(Limits(request_body=300, response_body=300)))
    for message in messages:
        head, body, after = envoy.reply(session, message)
        reply = ProcessingResponse.FromString(head + body)
        kind = message.WhichOneof("request")
        assert kind is not None
        answered = reply.WhichOneof("response")
        if after:
            assert (kind, answered) == ("response_trailers", "response_body")
            last = reply.response_body.response.body_mutation.streamed_response
            assert last.body
            assert not last.end_of_stream
            reply = ProcessingResponse.FromString(after)
            answered = reply.WhichOneof("response")
        if answered == "immediate_response":
            assert not kind.startswith("response") or kind == "response_trailers"
            refusal = reply.immediate_response
            assert 400 <= refusal.status.code <= 599
            assert set(json.loads(refusal.body)) == {"error"}
            envoy.set_headers(refusal.headers)
            return  # Envoy shows nothing more of an exchange that was answered
        assert answered == kind
        if "trailers" not in kind:
            check_changes(kind, getattr(reply, kind).response)


def check_changes(kind: str, changes: CommonResponse) -> None:
    mutation = changes.header_mutation
    lengths = [
        int(option.header.raw_value)
        for option in mutation.set_headers
        if option.header.key == "content-length"
    ]
    assert not any(option.header.value for option in mutation.set_headers)
    assert lengths in ([], [len(changes.body_mutation.body)])
    replaces = kind.endswith("headers") and changes.HasField("body_mutation")
    assert (changes.status == CommonResponse.CONTINUE_AND_REPLACE) is replaces


@given(st.lists(MESSAGES, max_size=8))
def test_any_sequence_of_messages_gets_matching_replies(messages: list[ProcessingRequest]) -> None:
    check(messages)


@given(exchanges())
@settings(max_examples=300)
def test_any_exchange_gets_matching_replies(messages: list[ProcessingRequest]) -> None:
    check(messages)
