"""Request lines, and where they lead."""

from urllib.parse import quote

import pytest

from translator.contracts.addressing import path
from translator.contracts.models import Target
from translator.errors import ClientError
from translator.exchange import routes
from translator.exchange.routes import Route
from translator.operations.base import Inference
from translator.operations.registry import OPERATIONS

SERVED = ["chat/completions", "embeddings", "images/generations"]


@pytest.mark.parametrize("operation", SERVED)
@pytest.mark.parametrize("tail", ["", "/", "//", "?a=b", "/?a=/v1/embeddings"])
@pytest.mark.parametrize(
    ("prefix", "model", "version"),
    [
        ("/v1", None, None),
        ("/v2/models/m/infer", "m", None),
        ("/v2/models/m/infer_stream", "m", None),
        ("/v2/models/m/versions/3/infer", "m", "3"),
        ("/v2/models/m/versions/3/infer_stream", "m", "3"),
        ("/v2/models/infer/infer", "infer", None),
        ("/v2/models/infer-model/infer", "infer-model", None),
        ("/v2/models/my_model.v1/infer", "my_model.v1", None),
        ("/v2/models/org%2Fm%20x/versions/a%2Fb/infer", "org/m x", "a/b"),
    ],
)
def test_every_url_form_is_understood(
    operation: str, tail: str, prefix: str, model: str | None, version: str | None
) -> None:
    route = routes.find("POST", f"{prefix}/{operation}{tail}")
    assert route == Route(OPERATIONS[operation], model, version)


@pytest.mark.parametrize("operation", SERVED)
@pytest.mark.parametrize("tail", ["", "/", "?api-version=2024-10-21"])
@pytest.mark.parametrize("deployment", ["gpt-4", "my.model_1", "a b", "org/m", "é"])
def test_azures_form_names_the_model_whatever_the_body_says(
    operation: str, tail: str, deployment: str
) -> None:
    base = f"/openai/deployments/{quote(deployment, safe='')}"
    route = routes.find("POST", f"{base}/{operation}{tail}")
    assert route == Route(OPERATIONS[operation], deployment, url_decides=True)


@pytest.mark.parametrize("operation", SERVED)
@pytest.mark.parametrize("base", ["/openai/v1", "", "/a/b"])
def test_base_paths_are_a_setting(operation: str, base: str) -> None:
    path = f"{base}/{operation}"
    served = frozenset({"/v1", base})
    assert routes.find("POST", path, served) == Route(OPERATIONS[operation])
    for path_beside in (path, f"/x{path}", f"{base}/v1/{operation}/x", f"/v1{base}/x/{operation}"):
        with pytest.raises(ClientError) as caught:
            routes.find("POST", path_beside, frozenset({"/v1", "/elsewhere"}))
        assert caught.value.code == "unknown_url"


NAMES = ("m", "embeddings", "my_model.v1-x", "llama3:8b", "llama3%3A8b", "a%20b", "%C3%A9")
VERBS = ("", "/", "/ready", "/infer", "/infer/", "/infer_stream", "/generate", "/generate_stream")
SERVICE = "/inference.GRPCInferenceService"
PLAIN = [
    *("/v2", "/v2/", "/v2/health/live", "/v2/health/ready"),
    *(f"/v2/models/{name}" for name in NAMES),
    *(f"/v2/models/m{verb}" for verb in VERBS),
    *(f"/v2/models/m/versions/3{verb}" for verb in VERBS),
    *("/v2/pipelines/p/infer", "/v2/pipelines/p/ready"),
    *(f"{SERVICE}/{method}" for method in ("ServerLive", "ServerReady", "ServerMetadata")),
    *(f"{SERVICE}/Model{method}" for method in ("Ready", "Metadata", "Infer", "StreamInfer")),
]
NEITHER = [
    "",
    "/",
    "/metrics",
    "/v10/x",
    # What controls a model server.
    "/v2/repository/index",
    "/v2/repository/models/m/load",
    "/v2/repository/models/m/unload",
    "/v2/models/m/config",
    "/v2/models/m/trace/setting",
    "/v2/models/m/stats",
    "/v2/logging",
    "/v2/systemsharedmemory/status",
    f"{SERVICE}/RepositoryModelUnload",
    f"{SERVICE}/SystemSharedMemoryRegister",
    "/inferenceXGRPCInferenceService/ModelInfer",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    # A server that decodes reads other paths in these.
    "/v2/models/m%2Ftrace%2Fsetting",
    "/v2/models/..%2frepository%2findex",
    "/v2/models/m%252Finfer/infer",
    "/v2/models/a%5C..%5Cb/infer",
    "/v2/models/m%0A/infer",
    "/v2/models/m;x/infer",
    # Not quite a URL of OpenAI's.
    "/v2/models//infer/embeddings",
    "/v2/models/a/b/infer/embeddings",
    "/v2/models/m/versions//infer/embeddings",
    "/v2/models/m/generate/embeddings",
    "/V1/embeddings",
    "/v1;x/embeddings",
    "/v1%2Fembeddings",
    "/v1/v1/embeddings",
    "/api/v1/embeddings",
    "/x/v1/embeddings",
    "/embeddings",
    "/openai/v1/embeddings",
    "/openai/embeddings",
    "/openai/deployments/embeddings",
    "/openai/deployments/a/b/embeddings",
    "/openai/deployments//embeddings",
    "/Openai/deployments/m/embeddings",
    "v1/embeddings",
    "/?/v1/embeddings",
]


@pytest.mark.parametrize("method", ["GET", "POST", ""])
@pytest.mark.parametrize("path", PLAIN)
def test_plain_oip_is_left_alone(method: str, path: str) -> None:
    assert routes.find(method, f"{path}?a=b") is None


@pytest.mark.parametrize("method", ["GET", "POST", ""])
@pytest.mark.parametrize("path", NEITHER)
def test_all_else_is_not_found(method: str, path: str) -> None:
    with pytest.raises(ClientError) as caught:
        routes.find(method, f"{path}?key=secret" if "?" not in path else path)
    error = caught.value
    assert (error.status, error.code) == (404, "unknown_url")
    assert "secret" not in error.message


@pytest.mark.parametrize("prefix", ["/v1", "/v2/models/m/infer", "/v2/models/m/infer_stream"])
@pytest.mark.parametrize(
    "operation", ["models", "completions", "chat", "embeddings/x", "Embeddings"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_operation_that_is_not_served_is_not_found(
    prefix: str, operation: str, method: str
) -> None:
    with pytest.raises(ClientError) as caught:
        routes.find(method, f"{prefix}/{operation}/?key=secret")
    error = caught.value
    assert error.message == f"Invalid URL ({method} {prefix}/{operation})"
    assert (error.status, error.code) == (404, "unknown_url")


@pytest.mark.parametrize("operation", SERVED)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "post", ""])
def test_every_operation_is_a_post(operation: str, method: str) -> None:
    with pytest.raises(ClientError) as caught:
        routes.find(method, f"/v1/{operation}")
    assert (caught.value.status, caught.value.code) == (405, "method_not_supported")
    assert f"Not allowed to {method} on /v1/{operation}" in caught.value.message


@pytest.mark.parametrize(
    ("model", "version", "verb", "expected"),
    [
        ("m", None, "infer", "/v2/models/m/infer"),
        ("m", None, "infer_stream", "/v2/models/m/infer_stream"),
        ("m", "3", "infer", "/v2/models/m/versions/3/infer"),
        ("m", "3", "infer_stream", "/v2/models/m/versions/3/infer_stream"),
        ("org/m x?#é", "a/b", "infer", "/v2/models/org%2Fm%20x%3F%23%C3%A9/versions/a%2Fb/infer"),
        ("my_model-1.pipeline", None, "infer", "/v2/models/my_model-1.pipeline/infer"),
    ],
)
def test_the_oip_path(model: str, version: str | None, verb: str, expected: str) -> None:
    assert path(model, verb, version) == expected


@pytest.mark.parametrize("version", [None, "3"])
@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("my_model-1", "my_model-1"),
        ("gpt-4.1", "gpt-4_1"),
        ("iris.experiment", "iris_experiment"),
        ("org/m x?#é", "org_m_x___"),
    ],
)
def test_in_the_path_through_a_seldon_mesh_is_a_word(
    version: str | None, model: str, name: str
) -> None:
    paths = [path(model, verb, version, seldon_mesh=True) for verb in ("infer", "infer_stream")]
    assert paths == [f"/v2/models/{name}/infer", f"/v2/models/{name}/infer_stream"]


@pytest.mark.parametrize("version", ["..", ".", "%2e%2e", "\udcff", "1\udc80", "1" * 513])
def test_a_version_that_no_path_can_have_is_refused(version: str) -> None:
    with pytest.raises(ClientError) as caught:
        routes.find("POST", f"/v2/models/m/versions/{version}/infer/embeddings")
    assert (caught.value.status, caught.value.code) == (404, "unknown_url")


def test_a_url_of_a_pipeline_says_that_it_is_one() -> None:
    route = routes.find("POST", "/v2/pipelines/a%20b/infer/chat/completions")
    assert route is not None
    assert (route.model, route.is_pipeline) == ("a b", True)
    target = Target(model_in_url=route.model, is_pipeline=route.is_pipeline)
    body = b'{"model":"a b","messages":[{"role":"user","content":"Hi"}],"stream":true}'
    accepted = route.operation.accept(body, target)
    assert isinstance(accepted, Inference)
    assert accepted.request.path == "/v2/models/a%20b/infer"
    model = routes.find("POST", "/v2/models/m/infer/chat/completions")
    assert model is not None
    assert not model.is_pipeline
