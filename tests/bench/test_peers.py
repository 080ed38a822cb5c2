"""The peers in the benchmark; tests/peers tests the peers themselves."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from bench import bodies, peers
from bench.peers import PEERS, Peer, litellm_proxy
from demo import stack

UPSTREAM = 8080


def named(name: str) -> Peer:
    (found,) = (peer for peer in PEERS if peer.name == name)
    return found


def test_a_peer_is_installed_with_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")
    assert not any(peer.installed() for peer in PEERS)
    (tmp_path / "python").touch()
    assert all(peer.installed() for peer in PEERS)


def test_the_model_server_responds_to_litellms_requests() -> None:
    models = litellm_proxy.config(UPSTREAM)["model_list"]
    assert isinstance(models, list)
    bases = {model["model_name"]: model["litellm_params"]["api_base"] for model in models}
    assert {urlsplit(base).netloc for base in bases.values()} == {f"127.0.0.1:{UPSTREAM}"}
    chat, embeddings = urlsplit(bases["chat"]).path, urlsplit(bases["embeddings"]).path
    assert list(named("LiteLLM").answers) == [chat]
    assert embeddings == bodies.embeddings(1, 2).oip_path


def test_the_proof_is_in_litellms_response() -> None:
    (answer,) = named("LiteLLM").answers.values()
    assert bodies.small_chat().proof in answer


def test_litellm_is_configured_in_the_folder_of_the_run(tmp_path: Path) -> None:
    named("LiteLLM").server(stack.free_port(), UPSTREAM, tmp_path)
    (file,) = tmp_path.glob("litellm-*.yaml")
    assert yaml.safe_load(file.read_text()) == litellm_proxy.config(UPSTREAM)
